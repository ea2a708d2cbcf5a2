package panel

import (
	"net"
	"sync"
)

// maxConnections is how many connections the panel holds: more than all pages,
// probes and collectors of a venue, and far fewer than the files that the gate
// may have open. Who holds them all keeps others from the panel, and nobody from
// the lane, whose camera and broker need files of their own.
const maxConnections = 128

// limited is a listener that closes what comes beyond its room at once.
type limited struct {
	net.Listener
	room chan struct{} // one token for each open connection
}

func limit(l net.Listener, most int) *limited {
	return &limited{Listener: l, room: make(chan struct{}, most)}
}

// Accept waits for a connection that there is room for.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.room <- struct{}{}:
			return &counted{Conn: c, leave: func() { <-l.room }}, nil
		default:
			_ = c.Close() // it was never served
		}
	}
}

// counted is a connection that gives its room back.
type counted struct {
	net.Conn
	once  sync.Once
	leave func()
}

// Close closes the connection, once.
func (c *counted) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.leave)
	return err
}
