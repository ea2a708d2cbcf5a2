// Package surge is a crowd in software: it loads a running central the way people do who all come at once,
// and tells how long each of them waited.
//
// Arrivals are open-loop. When somebody comes, and when they ask again, is fixed beforehand or by the
// server's own retry_ms, never by how fast the server answers others; latency counts from the moment that a
// request was meant to be sent, so that a server that stalls is seen to stall (no coordinated omission).
// Few connections carry many people, as those of a proxy would: one request at a time on each, never
// pipelined, so that the server pays for every request what it would pay for a stranger's. What a
// connection costs the server, and TLS handshakes, are therefore not measured.
//
// It is no attack tool: whoever runs it needs the keys of the server to make the people's access tokens.
// Nothing that the server answers is trusted: head and body of an answer are bounded. It resolves and
// verifies nothing beyond what it counts, writes no files and draws nothing; see [Result] and the package
// chart for that.
package surge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"time"
)

// The bounds of a [Config], and what stands in for its zeros.
const (
	MaxPeople      = 10_000_000
	MaxConnections = 20_000

	DefaultConnections = 256
	DefaultTimeout     = 20 * time.Second
)

// Config is a surge.
type Config struct {
	// URL is where the server is: http://host:port or https://host:port.
	URL string

	// TLS is what https needs; nil takes the system's roots.
	TLS *tls.Config

	// People come within Ramp, at moments that Seed draws. 1 to [MaxPeople].
	People int
	Ramp   time.Duration
	Seed   uint64

	// Duration is how long after the beginning somebody may still send a request. It is Ramp or more.
	Duration time.Duration

	// Connections is how many are kept open, 1 to [MaxConnections]. Zero means [DefaultConnections].
	Connections int

	// Timeout bounds one request, from being sent. Zero means [DefaultTimeout].
	Timeout time.Duration

	// Dial opens a connection; nil dials TCP. TLS, where the URL asks for it, comes on top.
	Dial func(ctx context.Context) (net.Conn, error)

	// Observe, if it is set, hears how far things are, about four times a second.
	Observe func(Snapshot)

	Now func() time.Time
}

// Crowd is what the people do. Its methods are called from many goroutines, but for one person by one at a
// time, and in order.
type Crowd interface {
	// Steps names what people do, for figures and charts; a step is an index into it.
	Steps() []string

	// Ask appends the whole next request of a person to b and says which step it is.
	Ask(person int, b []byte) (request []byte, step int)

	// Hear takes the answer to what the person asked last. It returns how long they wait before they
	// ask again, or false if they are done.
	Hear(person int, a *Answer) (wait time.Duration, more bool)
}

// Answer is what came back to one request. Its slices are good until Hear returns.
type Answer struct {
	Step   int
	Status int // of HTTP; 0 if there is none
	Body   []byte
	Err    error // why there is no answer

	RetryAfter time.Duration // what the server asked for; 0 if it did not
	Cookie     []byte        // name=value of the last cookie that was set

	Meant, Sent, Done time.Duration // since the beginning of the surge

	// Fine is set by Hear where a refusal is as good an answer as any: a seat that somebody else has.
	Fine bool
}

// OK reports whether the server did what it was asked.
func (a *Answer) OK() bool { return a.Err == nil && a.Status/100 == 2 }

// check fills in what is missing.
func (c *Config) check() (tlsHost string, err error) {
	if c.Connections == 0 {
		c.Connections = DefaultConnections
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return "", fmt.Errorf("surge: %w", err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return "", fmt.Errorf("surge: %q is not http://host:port", c.URL)
	case c.People < 1 || c.People > MaxPeople:
		return "", fmt.Errorf("surge: %d people, want 1 to %d", c.People, MaxPeople)
	case c.Connections < 1 || c.Connections > MaxConnections:
		return "", fmt.Errorf("surge: %d connections, want 1 to %d", c.Connections, MaxConnections)
	case c.Ramp < 0 || c.Duration < c.Ramp || c.Duration == 0:
		return "", fmt.Errorf("surge: %s for a ramp of %s", c.Duration, c.Ramp)
	case c.Timeout < 0 || c.Now == nil:
		return "", errors.New("surge: a clock and a time-out that is positive are required")
	}
	if c.Dial == nil {
		address := u.Host
		if u.Port() == "" {
			address = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
		}
		var d net.Dialer
		c.Dial = func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", address) }
	}
	if u.Scheme == "https" {
		return u.Hostname(), nil
	}
	return "", nil
}

// arrivals are the moments at which people come, in order: as in a Poisson process of which it is known
// how many came.
func arrivals(people int, ramp time.Duration, seed uint64) []time.Duration {
	lot := rand.New(rand.NewPCG(seed, 0x5352)) //nolint:gosec // no secret: the same seed makes the same surge
	at := make([]time.Duration, people)
	for i := range at {
		at[i] = time.Duration(lot.Float64() * float64(ramp))
	}
	slices.Sort(at)
	return at
}
