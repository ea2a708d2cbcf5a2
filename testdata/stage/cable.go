package stage

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
)

// Cable is the network between one gate and central, or the line to its turnstile:
// a TCP relay that can be cut. While it is cut, open connections are dead and new ones are refused, as
// with a pulled plug at a switch.
type Cable struct {
	listener net.Listener
	network  string // of target
	target   string
	wg       sync.WaitGroup

	mu   sync.Mutex // guards cut, open
	cut  bool
	open map[net.Conn]struct{}
}

// NewCable lays a cable to target: host:port, or unix:PATH for a socket.
func NewCable(ctx context.Context, target string) (*Cable, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &Cable{listener: l, network: "tcp", target: target, open: map[net.Conn]struct{}{}}
	if path, ok := strings.CutPrefix(target, "unix:"); ok {
		c.network, c.target = "unix", path
	}
	c.wg.Go(func() { c.accept(ctx) })
	return c, nil
}

// Addr is where the near end is.
func (c *Cable) Addr() string { return c.listener.Addr().String() }

func (c *Cable) accept(ctx context.Context) {
	for {
		near, err := c.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if !c.track(near) {
			_ = near.Close()
			continue
		}
		c.wg.Go(func() { c.relay(ctx, near) })
	}
}

func (c *Cable) relay(ctx context.Context, near net.Conn) {
	defer c.drop(near)
	var d net.Dialer
	far, err := d.DialContext(ctx, c.network, c.target)
	if err != nil {
		return
	}
	if !c.track(far) {
		_ = far.Close()
		return
	}
	defer c.drop(far)
	done := make(chan struct{}, 2)
	pump := func(dst, src net.Conn) {
		_, _ = io.Copy(dst, src)
		done <- struct{}{}
	}
	go pump(far, near)
	go pump(near, far)
	<-done
}

// track adds an open connection, unless the cable is cut.
func (c *Cable) track(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return false
	}
	c.open[conn] = struct{}{}
	return true
}

func (c *Cable) drop(conn net.Conn) {
	c.mu.Lock()
	delete(c.open, conn)
	c.mu.Unlock()
	_ = conn.Close()
}

// Pull cuts the cable.
func (c *Cable) Pull() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	for conn := range c.open {
		_ = conn.Close()
	}
}

// Plug mends it.
func (c *Cable) Plug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = false
}

// Close ends the relay and waits for its connections.
func (c *Cable) Close() {
	_ = c.listener.Close()
	c.Pull()
	c.wg.Wait()
}
