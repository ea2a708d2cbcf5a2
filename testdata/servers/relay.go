package servers

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Relay is a TCP line to a server that can be cut: what is in flight is lost, and
// new connections are refused until it is mended.
type Relay struct {
	to       string
	listener net.Listener
	ended    sync.WaitGroup

	mu    sync.Mutex // guards those below
	cut   bool
	lines map[net.Conn]struct{}
}

// NewRelay makes a line to host:port that ends with the test.
func NewRelay(t testing.TB, to string) *Relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{to: to, listener: listener, lines: make(map[net.Conn]struct{})}
	r.ended.Go(r.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		r.Cut()
		r.ended.Wait()
	})
	return r
}

// Addr is where the line begins.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// Cut ends all connections and takes no new ones.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = true
	for c := range r.lines {
		_ = c.Close()
	}
}

// Mend lets connections through again, from now on to another server if one is
// given.
func (r *Relay) Mend(to string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = false
	if to != "" {
		r.to = to
	}
}

func (r *Relay) accept() {
	for {
		in, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		to, cut := r.to, r.cut
		r.mu.Unlock()
		if cut {
			_ = in.Close()
			continue
		}
		out, err := net.Dial("tcp", to)
		if err != nil || !r.keep(in, out) {
			_ = in.Close()
			continue
		}
		r.ended.Go(func() { r.pump(in, out) })
		r.ended.Go(func() { r.pump(out, in) })
	}
}

// keep notes the two ends of a line, unless it was cut meanwhile.
func (r *Relay) keep(in, out net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cut {
		_ = out.Close()
		return false
	}
	r.lines[in], r.lines[out] = struct{}{}, struct{}{}
	return true
}

func (r *Relay) pump(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	_, _ = from.Close(), to.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.lines, from)
	delete(r.lines, to)
}
