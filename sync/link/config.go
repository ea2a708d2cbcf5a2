package link

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
)

// MaxWindow is the most outbox items in flight. Embedded brokers drop
// acknowledged messages without a word when the window is hundreds.
const MaxWindow = 50

// Endpoint is a broker that the link may use.
type Endpoint struct {
	Name string // "hub", "central": what State says
	URL  string // "tls://host:port"; nothing else is accepted
}

// Message is what to publish on whose topic.
type Message struct {
	Topic    string
	Payload  []byte
	Retained bool
}

// Item is something that must reach the other end.
type Item struct {
	Key     uint64 // names the item for as long as it is pending
	Topic   string
	Payload []byte
}

// Outbox holds what must reach the other end. It is read by one goroutine.
type Outbox interface {
	// Pending returns the oldest items that are not acknowledged, at most limit.
	// The owner stops returning an item when the application's acknowledgement for
	// it has been stored, and calls [Link.Wake] then, as it does for a new item.
	Pending(ctx context.Context, limit int) ([]Item, error)
}

// State is what the link is doing.
type State struct {
	Endpoint  string    // the endpoint in use; empty when not connected
	Connected bool      //
	Since     time.Time // of the last change
	Epoch     uint64    // of the connection in use or the last one
	Dropped   uint64    // inbound messages thrown away because OnMessage was too slow
}

// Config says what a Link needs. The zero value of each optional field is its default.
type Config struct {
	// Endpoints are tried in this order; an earlier one is preferred whenever it is
	// reachable for a while.
	Endpoints []Endpoint

	// TLS returns the configuration for the next connection. It is asked each time,
	// because certificates are renewed. It must hold the client certificate.
	TLS func() *tls.Config

	// ClientID is the device's id, the same as in its certificate.
	ClientID ticket.DeviceID

	// Will is the last will, Birth what is published after connecting, both on the
	// same topic and retained. Each carries the connection's epoch, which grows from
	// connection to connection, so that a receiver recognises a will that overtook
	// the next birth. The link watches the topic itself and repeats the newest state
	// when it finds a stale will there; what comes on this topic is not handed to
	// OnMessage. On an orderly end the will is published too. Both or neither.
	Will  func(epoch uint64) Message
	Birth func(epoch uint64) Message

	// Subscriptions are the filters that every connection subscribes to.
	Subscriptions []string

	// OnMessage is called for each message, by one goroutine. It may call the link's
	// methods except Close. Required if there is anything to subscribe to.
	OnMessage func(topic string, payload []byte)

	// OnState is called after each change, by one goroutine, and must return soon. A
	// link counts as connected when its birth is published and its subscriptions stand.
	OnState func(State)

	// Outbox is what must reach the other end; nil for a link that only listens.
	Outbox Outbox

	Logger *slog.Logger
	Now    func() time.Time // the real time: it also sets the deadlines of the network

	Window      int           // outbox items in flight, default and most MaxWindow
	ResendAfter time.Duration // an item without acknowledgement is sent again; default 10 s, doubled up to 8 times that
	KeepAlive   time.Duration // whole seconds between pings; default 5 s
	PingTimeout time.Duration // a ping without answer ends the connection; default 3 s
	Timeout     time.Duration // of connecting, of each write, of a SUBACK; default 5 s
	BackoffMin  time.Duration // first pause of an endpoint that failed; default 250 ms
	BackoffMax  time.Duration // longest pause; default 30 s
	StableAfter time.Duration // a connection that lived that long forgets earlier failures; default 10 s
	ProbeEvery  time.Duration // how often a preferred endpoint is tried out; default 10 s
	ProbeCount  int           // good probes in a row before returning to it; default 3
	InboxLength int           // inbound messages that may wait for OnMessage; default 16384
	InboxBytes  int           // their bytes; default 32 MiB
}

func (c *Config) defaults() {
	set(&c.Window, MaxWindow)
	set(&c.ResendAfter, 10*time.Second)
	set(&c.KeepAlive, 5*time.Second)
	set(&c.PingTimeout, 3*time.Second)
	set(&c.Timeout, 5*time.Second)
	set(&c.BackoffMin, 250*time.Millisecond)
	set(&c.BackoffMax, 30*time.Second)
	set(&c.StableAfter, 10*time.Second)
	set(&c.ProbeEvery, 10*time.Second)
	set(&c.ProbeCount, 3)
	set(&c.InboxLength, 16384)
	set(&c.InboxBytes, 32<<20)
}

func set[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

func (c *Config) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, args...))
	}
	if len(c.Endpoints) == 0 {
		return bad("no endpoint")
	}
	for _, e := range c.Endpoints {
		if _, err := e.address(); err != nil {
			return bad("endpoint %q: %v", e.Name, err)
		}
	}
	if _, err := ticket.ParseDeviceID(string(c.ClientID)); err != nil {
		return bad("client id: %v", err)
	}
	switch {
	case c.TLS == nil || c.Logger == nil || c.Now == nil:
		return bad("TLS, Logger and Now are required")
	case (c.Will == nil) != (c.Birth == nil):
		return bad("a will and a birth belong together")
	case c.OnMessage == nil && len(c.Subscriptions) > 0:
		return bad("nobody listens to the subscriptions")
	case c.Window < 1 || c.Window > MaxWindow:
		return bad("window %d, want 1 to %d", c.Window, MaxWindow)
	case c.KeepAlive < time.Second || c.KeepAlive%time.Second != 0:
		return bad("keep-alive %s, want whole seconds", c.KeepAlive)
	case c.BackoffMin <= 0 || c.BackoffMax < c.BackoffMin || c.ResendAfter <= 0 || c.Timeout <= 0 || c.PingTimeout <= 0 ||
		c.ProbeEvery <= 0 || c.ProbeCount < 1 || c.InboxLength < 1 || c.InboxBytes < topic.MaxPayload:
		return bad("a limit is out of range")
	}
	return nil
}

// address returns the host and port of a tls URL.
func (e Endpoint) address() (string, error) {
	u, err := url.Parse(e.URL)
	if err != nil {
		return "", err
	}
	if u.Scheme != "tls" || u.Hostname() == "" || u.Port() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", fmt.Errorf("url %q, want tls://host:port", u.Redacted())
	}
	return net.JoinHostPort(u.Hostname(), u.Port()), nil
}
