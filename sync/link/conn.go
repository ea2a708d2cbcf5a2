package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/con-ting/conting/sync/topic"
)

// errProtocol means that the broker sent what no broker sends.
var errProtocol = errors.New("broker broke the protocol")

// maxPacket is the largest packet that a broker may send (MQTT 3.1.1, 2.2.3):
// a message of the largest size, its topic, and the packet identifier.
const maxPacket = topic.MaxPayload + 1024

// dial opens a TLS 1.3 connection to the endpoint. The server's name is the host
// of the URL unless the configuration names another.
func dial(ctx context.Context, ep Endpoint, base *tls.Config, timeout time.Duration) (*tls.Conn, error) {
	if base == nil {
		return nil, errors.New("no client certificate yet")
	}
	address, err := ep.address()
	if err != nil {
		return nil, err
	}
	cfg := base.Clone()
	cfg.MinVersion = tls.VersionTLS13
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c, ok := conn.(*tls.Conn)
	if !ok {
		return nil, fmt.Errorf("dialed a %T", conn)
	}
	return c, nil
}

// guarded is the connection that paho sees. Every write has a deadline, since
// paho sets none for acknowledgements, pings and subscriptions, and could wait
// for ever on a peer that does not read. Incoming packets are framed before paho
// sees them: paho allocates whatever length a header claims, keeps a QoS 2 message
// until a release that need not come, and indexes out of range on a SUBACK with
// more answers than questions.
type guarded struct {
	net.Conn
	now     func() time.Time
	timeout time.Duration
	frame   frame // owned by paho's one reader
}

func (c *guarded) Write(p []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(c.now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// SetWriteDeadline does nothing: Write sets it.
func (c *guarded) SetWriteDeadline(time.Time) error { return nil }

func (c *guarded) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if bad := c.frame.follow(p[:n]); bad != nil {
		return 0, bad
	}
	return n, err
}

// frame follows the packet boundaries of a byte stream (MQTT 3.1.1, 2.2).
type frame struct {
	kind   byte // type and flags of the packet, zero between packets
	length int  // as far as it is read
	shift  int  // of the next length byte
	skip   int  // bytes until the next packet
}

const (
	publishType = 3
	subackType  = 9

	qosBits = 0x06 // of a PUBLISH header
)

// follow reads on, and returns an error at the first header that paho must not see.
func (f *frame) follow(p []byte) error {
	for len(p) > 0 {
		switch {
		case f.skip > 0:
			n := min(f.skip, len(p))
			f.skip -= n
			p = p[n:]
			continue
		case f.kind == 0:
			if p[0]>>4 == 0 || p[0]>>4 == 15 {
				return fmt.Errorf("packet type %d: %w", p[0]>>4, errProtocol)
			}
			if p[0]>>4 == publishType && p[0]&qosBits > 1<<1 {
				return fmt.Errorf("message with header %#x: %w", p[0], errProtocol)
			}
			f.kind, f.length, f.shift = p[0], 0, 0
		default:
			f.length |= int(p[0]&0x7f) << f.shift
			f.shift += 7
			if p[0]&0x80 == 0 {
				if f.kind>>4 == subackType && f.length != 3 { // we subscribe to one filter at a time
					return fmt.Errorf("subscription answer of %d bytes: %w", f.length, errProtocol)
				}
				f.skip, f.kind = f.length, 0
			}
			if f.length > maxPacket || f.shift > 21 && f.kind != 0 {
				return fmt.Errorf("packet of %d bytes or more, the most is %d: %w", f.length, maxPacket, errProtocol)
			}
		}
		p = p[1:]
	}
	return nil
}
