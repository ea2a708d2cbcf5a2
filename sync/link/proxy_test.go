package link_test

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy is the cable between a link and its broker.
type proxy struct {
	t      testing.TB
	ln     net.Listener
	target string
	wg     sync.WaitGroup
	budget atomic.Int64 // bytes from client to broker until a reset; negative: no limit

	mu    sync.Mutex
	cut   bool               // guarded by mu; new connections are black holes
	conns map[*wire]struct{} // guarded by mu
	dead  bool               // guarded by mu
}

// wire is one connection through the proxy.
type wire struct {
	client, broker net.Conn
	swallow        atomic.Bool   // bytes vanish
	stalled        atomic.Bool   // nothing is read any more
	gate           chan struct{} // closed when the connection is
	once           sync.Once
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, ln: ln, target: target, conns: make(map[*wire]struct{})}
	p.budget.Store(-1)
	p.wg.Go(p.serve)
	t.Cleanup(func() {
		p.mu.Lock()
		p.dead = true
		p.mu.Unlock()
		_ = ln.Close()
		p.each(func(w *wire) { w.close() })
		p.wg.Wait()
	})
	return p
}

func (p *proxy) url() string { return "tls://" + p.ln.Addr().String() }

func (p *proxy) serve() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		w := &wire{client: c, gate: make(chan struct{})}
		p.mu.Lock()
		cut, dead := p.cut, p.dead
		p.mu.Unlock()
		if !cut && !dead {
			if w.broker, err = net.Dial("tcp", p.target); err != nil {
				w.reset()
				continue
			}
		}
		w.swallow.Store(cut)
		p.mu.Lock()
		p.conns[w] = struct{}{}
		if p.dead {
			defer w.close()
		}
		p.mu.Unlock()
		p.wg.Go(func() { p.copy(w, w.client, w.broker, true) })
		if w.broker != nil {
			p.wg.Go(func() { p.copy(w, w.broker, w.client, false) })
		}
	}
}

func (p *proxy) copy(w *wire, from, to net.Conn, upward bool) {
	buf := make([]byte, 8192)
	for {
		if w.stalled.Load() {
			<-w.gate
			return
		}
		n, err := from.Read(buf)
		if !w.swallow.Load() {
			if err != nil {
				w.close()
				return
			}
			if upward && p.spend(n) {
				w.reset()
				return
			}
			_, _ = to.Write(buf[:n])
			continue
		}
		if err != nil { // a cut cable tells nobody that the other end has gone
			if !errors.Is(err, io.EOF) || to == nil {
				return
			}
			<-w.gate
			return
		}
	}
}

// spend reports whether the budget is used up by n more bytes.
func (p *proxy) spend(n int) bool {
	for {
		have := p.budget.Load()
		if have < 0 {
			return false
		}
		left := have - int64(n)
		if p.budget.CompareAndSwap(have, left) {
			return left < 0 // and from now on there is no limit
		}
	}
}

func (w *wire) close() {
	_ = w.client.Close()
	if w.broker != nil {
		_ = w.broker.Close()
	}
	w.once.Do(func() { close(w.gate) })
}

func (w *wire) reset() {
	for _, c := range []net.Conn{w.client, w.broker} {
		if tcp, ok := c.(*net.TCPConn); ok && tcp != nil {
			_ = tcp.SetLinger(0)
		}
	}
	w.close()
}

func (p *proxy) each(f func(*wire)) {
	p.mu.Lock()
	all := make([]*wire, 0, len(p.conns))
	for w := range p.conns {
		all = append(all, w)
	}
	p.mu.Unlock()
	for _, w := range all {
		f(w)
	}
}

// Cut makes every byte vanish, and new connections go nowhere.
func (p *proxy) Cut() {
	p.mu.Lock()
	p.cut = true
	p.mu.Unlock()
	p.each(func(w *wire) { w.swallow.Store(true) })
}

// Heal lets new connections through. Those that were cut stay dead.
func (p *proxy) Heal() {
	p.mu.Lock()
	p.cut = false
	p.mu.Unlock()
}

// Reset breaks every connection as a rebooting router does.
func (p *proxy) Reset() { p.each((*wire).reset) }

// ResetAfter breaks the connection in the middle of what it sends.
func (p *proxy) ResetAfter(n int64) { p.budget.Store(n) }

// Stall stops reading, so that the sender's buffers fill up.
func (p *proxy) Stall() { p.each(func(w *wire) { w.stalled.Store(true) }) }

// noLeaks fails the test if goroutines are left when everything else of it has
// been cleaned up. Call it first.
func noLeaks(t testing.TB) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; <-tick.C {
			if time.Now().After(deadline) {
				buf := make([]byte, 1<<20)
				buf = buf[:runtime.Stack(buf, true)]
				t.Errorf("%d goroutines are left of %d:\n%s", runtime.NumGoroutine()-before, before, strings.TrimSpace(string(buf)))
				return
			}
		}
	})
}
