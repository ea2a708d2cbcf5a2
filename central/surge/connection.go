package surge

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"time"
)

// connection carries one request after another. It is owned by one goroutine.
type connection struct {
	cfg  *Config
	host string // of TLS; empty for plain HTTP

	conn net.Conn // nil while there is none
	in   *bufio.Reader
	used bool // it has carried an answer
	stop func() bool

	out, body, jar []byte // reused
}

func (c *connection) close() {
	if c.conn != nil {
		c.stop()
		_ = c.conn.Close()
		c.conn, c.used = nil, false
	}
}

// exchange sends c.out and reads the answer. A kept connection that the server has closed meanwhile, as it
// may at any time, costs another attempt and is no error.
func (c *connection) exchange(ctx context.Context, a *Answer) {
	until := c.cfg.Now().Add(c.cfg.Timeout)
	for {
		again := c.used
		a.Err = c.attempt(ctx, a, until)
		if a.Err == nil {
			return
		}
		silent := c.in == nil || a.Status == 0
		c.close()
		if !again || !silent || !c.cfg.Now().Before(until) || ctx.Err() != nil {
			a.Status, a.Body = 0, nil
			return
		}
	}
}

func (c *connection) attempt(ctx context.Context, a *Answer, until time.Time) error {
	a.Status, a.Body, a.Cookie, a.RetryAfter = 0, nil, nil, 0
	if c.conn == nil {
		if err := c.dial(ctx, until); err != nil {
			return err
		}
	}
	if err := c.conn.SetDeadline(until); err != nil {
		return err
	}
	if _, err := c.conn.Write(c.out); err != nil {
		return err
	}
	var keep bool
	var err error
	c.body, c.jar, keep, err = readAnswer(c.in, a, c.body[:0], c.jar[:0])
	if err != nil {
		return err
	}
	if c.used = true; !keep {
		c.close()
	}
	return nil
}

func (c *connection) dial(ctx context.Context, until time.Time) error {
	dialing, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	conn, err := c.cfg.Dial(dialing)
	if err != nil {
		return err
	}
	if c.host != "" {
		own := c.cfg.TLS.Clone()
		if own == nil {
			own = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		if own.ServerName == "" {
			own.ServerName = c.host
		}
		over := tls.Client(conn, own)
		if err := over.HandshakeContext(dialing); err != nil {
			_ = conn.Close()
			return err
		}
		conn = over
	}
	c.conn = conn
	c.stop = context.AfterFunc(ctx, func() { _ = conn.Close() }) // whoever waits for an answer then waits no longer
	if c.in == nil {
		c.in = bufio.NewReaderSize(conn, 4<<10)
	}
	c.in.Reset(conn)
	return nil
}
