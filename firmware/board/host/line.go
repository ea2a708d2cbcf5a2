package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/con-ting/conting/sync/hint"
)

// writeLimit is how long a peer may leave a packet unread before it is dropped.
const writeLimit = 2 * time.Second

// maxIn bounds the bytes that wait for the controller.
const maxIn = 4096

// Listener is where panels come in: a socket, or one pty.
type Listener struct {
	net  net.Listener
	pty  *pty
	name string
}

// Listen opens "unix:PATH", "tcp:HOST:PORT" or "pty".
func Listen(ctx context.Context, where string) (*Listener, error) {
	if where == "pty" {
		p, err := openPTY()
		if err != nil {
			return nil, fmt.Errorf("make a pty: %w", err)
		}
		return &Listener{pty: p, name: "pty:" + p.path}, nil
	}
	network, address, ok := strings.Cut(where, ":")
	if !ok || network != "unix" && network != "tcp" {
		return nil, hint.Errorf("write unix:PATH, tcp:HOST:PORT or pty", "cannot listen on %q", where)
	}
	if network == "unix" {
		if err := removeStale(ctx, address); err != nil {
			return nil, err
		}
	}
	var c net.ListenConfig
	l, err := c.Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return &Listener{net: l, name: network + ":" + l.Addr().String()}, nil
}

// removeStale removes a socket that nobody listens on any more, and nothing else.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("listen: %w", err)
	case info.Mode()&os.ModeSocket == 0:
		return fmt.Errorf("listen: %s is there and is no socket", path)
	}
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		return errors.Join(fmt.Errorf("listen: somebody listens on %s", path), c.Close())
	}
	return os.Remove(path)
}

// Name says where it is: "unix:PATH", "tcp:HOST:PORT" or "pty:/dev/pts/N".
func (l *Listener) Name() string { return l.name }

// Close stops listening.
func (l *Listener) Close() error {
	if l.pty != nil {
		return l.pty.Close()
	}
	return l.net.Close()
}

// Serve puts each panel that comes on the board's line, one at a time as on a
// wire: a new one takes the line from the one before. It returns when ctx ends.
func (b *Board) Serve(ctx context.Context, l *Listener, log *slog.Logger) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	if l.pty != nil {
		err := b.carry(l.pty, func(p []byte) error { _, err := l.pty.Write(p); return err })
		return unlessDone(ctx, err)
	}
	var last net.Conn
	var ended chan struct{}
	for {
		conn, err := l.net.Accept()
		if last != nil {
			_ = last.Close()
			<-ended
		}
		if err != nil {
			return unlessDone(ctx, err)
		}
		log.InfoContext(ctx, "panel came")
		last, ended = conn, make(chan struct{})
		go func() {
			defer close(ended)
			_ = b.carry(conn, func(p []byte) error {
				if err := conn.SetWriteDeadline(b.config.Now().Add(writeLimit)); err != nil {
					return err
				}
				_, err := conn.Write(p)
				return err
			})
			_ = conn.Close()
			log.InfoContext(ctx, "panel went")
		}()
	}
}

func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // closed because it was asked to
	}
	return err
}

// carry moves bytes from a peer to the controller until the peer has gone.
func (b *Board) carry(from io.Reader, to func([]byte) error) error {
	b.mu.Lock()
	b.peer, b.in = to, nil
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.peer = nil
		b.mu.Unlock()
	}()
	chunk := make([]byte, 512)
	for {
		n, err := from.Read(chunk)
		if n > 0 {
			b.mu.Lock()
			if len(b.in)+n <= maxIn { // what does not fit is lost, as on a wire
				b.in = append(b.in, chunk[:n]...)
			}
			b.mu.Unlock()
			b.stir()
		}
		if err != nil {
			return err
		}
	}
}

// ServeControl obeys everybody who comes to l. It returns when ctx ends.
func (b *Board) ServeControl(ctx context.Context, l *Listener) error {
	if l.net == nil {
		return errors.Join(errors.New("the control line is a socket"), l.Close())
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		conn, err := l.net.Accept()
		if err != nil {
			return unlessDone(ctx, err)
		}
		go func() {
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			_ = b.Control(ctx, conn, conn) // whoever went has gone
			_ = conn.Close()
		}()
	}
}
