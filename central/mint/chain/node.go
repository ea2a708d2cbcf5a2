package chain

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// How a node that failed is rested.
const (
	firstRest   = 100 * time.Millisecond // doubled with each failure in a row
	longestRest = 10 * time.Second       // of failures
	toldRest    = 5 * time.Minute        // the longest Retry-After that is followed
	otherRest   = time.Minute            // of one that is of another cluster, or lets nobody in

	// busyInARow is how many requests a node must refuse before all rest. Fewer concern
	// only those that were refused: nodes limit by method, too.
	busyInARow = 3

	// verifyEvery is how often a node's cluster is asked for.
	verifyEvery = 10 * time.Minute
)

// node is one node.
type node struct {
	name    string // host and port
	url     string
	user    *url.Userinfo
	secrets []string // parts of the URL that must not be shown

	free      chan struct{} // a place for each request that may be made at once
	verifying chan struct{} // one place: its holder asks for the cluster

	mu       sync.Mutex
	failed   int       // failures in a row; guarded by mu, as all below
	busy     int       // refusals in a row
	since    time.Time // when its rest began
	rest     time.Time // until when it is not asked
	problem  error     // of the last request; nil if it was answered
	down     bool      // it was rested and has not answered since
	probing  bool      // a request finds out whether it is well again
	verified time.Time // when its cluster was last seen to be the one
	slot     uint64    // newest seen
}

// newNode reads a URL. Errors do not show it.
func newNode(raw string, parallel int) (*node, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Fragment != "" || u.Opaque != "" {
		return nil, errors.New("not a URL")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !near(u.Hostname())) {
		return nil, errors.New("not https, which only a node on this machine or in a private network may do without")
	}
	n := &node{
		name: u.Host, user: u.User,
		free: make(chan struct{}, parallel), verifying: make(chan struct{}, 1),
	}
	n.secrets = secrets(u)
	u.User = nil
	n.url = u.String()
	return n, nil
}

// near reports whether a host can only be on this machine or in a private network.
func near(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
	}
	return !strings.Contains(host, ".") // localhost, or a name of a local resolver's
}

// secrets lists what of a URL may be a key.
func secrets(u *url.URL) []string {
	var all []string
	add := func(s string) {
		if len(s) >= 4 {
			all = append(all, s)
		}
	}
	if u.User != nil {
		password, _ := u.User.Password()
		add(u.User.Username())
		add(password)
	}
	add(u.RawQuery)
	for _, values := range u.Query() {
		for _, v := range values {
			add(v)
		}
	}
	for part := range strings.SplitSeq(u.Path, "/") {
		add(part)
	}
	return all
}

// clean makes what a node says fit to be logged.
func (n *node) clean(s string) string {
	for _, secret := range n.secrets {
		s = strings.ReplaceAll(s, secret, "…")
	}
	return printable(s)
}

// printable bounds what another program sent.
func printable(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// take reports whether the node may be asked now. One that has failed is tried by one
// call at first; with alone set there is no other to go to meanwhile.
func (n *node) take(now time.Time, alone bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.rest.After(now) || n.failed > 0 && n.probing && !alone {
		return false
	}
	n.probing = n.failed > 0
	return true
}

// resting returns for how long the node is not asked.
func (n *node) resting(now time.Time) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rest.Sub(now)
}

// done notes how a request that began at a time went. It reports whether the node has
// become well by it, or has ceased to be.
func (n *node) done(began, now time.Time, err error, told time.Duration) (turned bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.probing = false
	n.problem = err
	switch {
	case err == nil:
		n.failed, n.busy = 0, 0
		if n.rest.After(now) {
			return false // others were refused meanwhile
		}
		turned, n.down = n.down, false
		return turned
	case errors.Is(err, errElsewhere), errors.Is(err, ErrBehind), errors.Is(err, ErrExpired):
		return false // it works; only this is not for it
	case errors.Is(err, ErrBusy):
		if began.Before(n.since) {
			n.until(now.Add(told))
			return false // one storm, many requests
		}
		if n.busy++; n.busy < busyInARow {
			return false
		}
		n.since = now
		n.until(now.Add(jitter(max(told, backoff(n.busy-busyInARow+1)))))
	case errors.Is(err, ErrGenesis), errors.Is(err, errDenied):
		n.failed++
		n.verified = time.Time{}
		n.until(now.Add(otherRest))
	default:
		n.verified = time.Time{}
		if n.failed > 0 && began.Before(n.since) {
			return false // one outage, many requests
		}
		n.failed, n.since = n.failed+1, now
		n.until(now.Add(jitter(max(told, backoff(n.failed)))))
	}
	turned, n.down = !n.down, true
	return turned
}

// until lengthens the rest. The caller holds mu.
func (n *node) until(t time.Time) {
	if t.After(n.rest) {
		n.rest = t
	}
}

// saw notes a slot.
func (n *node) saw(slot uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.slot = max(n.slot, slot)
}

// known reports whether the node's cluster need not be asked for.
func (n *node) known(now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.verified.IsZero() && now.Sub(n.verified) < verifyEvery
}

func (n *node) verify(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.verified = now
}

// forget has the cluster be asked for again, at once.
func (n *node) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.verified = time.Time{}
	if errors.Is(n.problem, ErrGenesis) {
		n.problem, n.rest, n.failed = nil, time.Time{}, 0
	}
}

// trouble returns why the node rests.
func (n *node) trouble() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.problem
}

func (n *node) state(now time.Time) NodeState {
	n.mu.Lock()
	defer n.mu.Unlock()
	return NodeState{Name: n.name, Slot: n.slot, Resting: max(0, n.rest.Sub(now)), Problem: code(n.problem)}
}

// backoff doubles with each failure in a row.
func backoff(failed int) time.Duration {
	if failed > 16 {
		return longestRest
	}
	return min(longestRest, firstRest<<max(0, failed-1))
}

// jitter lengthens a wait by up to a quarter, so that those who were refused together
// do not come back together, and none comes before it was told to.
func jitter(d time.Duration) time.Duration {
	return d + rand.N(d/4+1) //nolint:gosec // spreads load, hides nothing
}

// abandon notes that a request ended without telling anything of the node.
func (n *node) abandon() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.probing = false
}
