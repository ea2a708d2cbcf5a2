package broker

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/con-ting/conting/sync/topic"
)

// errSlow means that a peer does not read what it asked for.
var errSlow = errors.New("peer is too slow")

// drain is how long a connection that is being closed may still send, all in all.
const drain = 2 * time.Second

// conn is one client's connection as mochi sees it. Its Write only queues: mochi
// holds locks while it writes, and the goroutine that publishes for one client
// would wait for another client that does not read. A goroutine of its own sends
// the queue, with a deadline on every piece.
type conn struct {
	net.Conn // the TCP connection at first, TLS after the handshake

	client topic.Client // as Authorize said when the connection began; never written again
	cert   *x509.Certificate
	done   chan struct{} // closed when mochi has finished with the session

	now      func() time.Time
	timeout  time.Duration // of writing a piece
	maxIdle  time.Duration
	maxQueue int

	mu      sync.Mutex
	queue   []byte // guarded by mu; not taken by the sender yet
	size    int    // guarded by mu; queue and what the sender has in hand
	closing bool   // guarded by mu
	closed  bool   // guarded by mu; the network connection as well
	ready   chan struct{}
	until   time.Time // guarded by mu; the end of sending, once closing
}

// Write queues p, or fails when the queue is full or the connection is closing.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		return 0, net.ErrClosed
	}
	if c.size+len(p) > c.maxQueue {
		n := c.size
		c.mu.Unlock()
		c.abort()
		return 0, fmt.Errorf("%d bytes are waiting: %w", n, errSlow)
	}
	c.queue = append(c.queue, p...)
	c.size += len(p)
	c.mu.Unlock()
	c.signal()
	return len(p), nil
}

func (c *conn) signal() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

const piece = 64 * 1024

// send writes the queue until the connection is closed. It owns the closing of
// the network connection, unless abort came first.
func (c *conn) send() {
	for range c.ready {
		for {
			batch, closing := c.take()
			if len(batch) == 0 {
				if closing {
					c.shut()
					return
				}
				break
			}
			for len(batch) > 0 {
				n := min(len(batch), piece)
				if c.write(batch[:n]) != nil {
					c.abort()
					return
				}
				batch = batch[n:]
			}
		}
	}
}

func (c *conn) write(p []byte) error {
	if err := c.limit(); err != nil {
		return err
	}
	n, err := c.Conn.Write(p)
	c.mu.Lock()
	c.size -= n
	c.mu.Unlock()
	return err
}

// limit sets the deadline of the next piece. One lock with Close: a piece that
// begins just then must not get the longer time.
func (c *conn) limit() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.now().Add(c.timeout)
	if c.closing && t.After(c.until) {
		t = c.until
	}
	return c.SetWriteDeadline(t)
}

func (c *conn) take() (batch []byte, closing bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch, c.queue = c.queue, nil
	return batch, c.closing
}

// Close lets the sender finish what is queued within drain, whatever the peer
// takes meanwhile, and ends reading now.
func (c *conn) Close() error {
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		return nil
	}
	c.closing, c.until = true, c.now().Add(drain)
	err := c.SetWriteDeadline(c.until) // of a piece that is on its way
	c.mu.Unlock()
	c.signal()
	return errors.Join(err, c.SetReadDeadline(c.now()))
}

// abort ends the connection at once.
func (c *conn) abort() {
	c.mu.Lock()
	c.closing, c.queue = true, nil
	c.mu.Unlock()
	if t, ok := c.Conn.(*tls.Conn); ok {
		_ = t.NetConn().Close() // TLS would still try to say goodbye
	}
	c.shut()
}

func (c *conn) shut() {
	c.mu.Lock()
	again := c.closed
	c.closed = true
	c.mu.Unlock()
	if !again {
		_ = c.Conn.Close()
	}
	c.signal()
}

// Read fails once the connection is closing, whatever deadline mochi sets meanwhile.
func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	closing := c.closing
	c.mu.Unlock()
	if closing {
		return 0, net.ErrClosed
	}
	return c.Conn.Read(p)
}

// SetDeadline takes mochi's keep-alive deadline for reading and bounds it. Writing
// has its own. mochi rounds one and a half times the keep-alive (MQTT 3.1.1,
// 3.1.2.10) down to seconds, which leaves a client that pings every second none.
func (c *conn) SetDeadline(t time.Time) error {
	latest := c.now().Add(c.maxIdle)
	if !t.IsZero() {
		t = t.Add(time.Second)
	}
	if t.IsZero() || t.After(latest) {
		t = latest
	}
	return c.SetReadDeadline(t)
}
