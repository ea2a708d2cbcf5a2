package fleet

import (
	"net/netip"
	"sync"
	"time"
)

// The enrolment attempts that one address and all of them together may make.
// A try that succeeds is given back, so a van full of gates behind one address
// is not held up; 80 bits would not be guessed at this rate in the age of the
// universe.
const (
	tryBurst  = 10
	tryEvery  = 6 * time.Second
	allBurst  = 200
	allEvery  = 100 * time.Millisecond
	maxSource = 4096
)

// limiter is a token bucket for each source address and one for all.
type limiter struct {
	now func() time.Time

	mu      sync.Mutex // guards the fields below
	sources map[netip.Prefix]*bucket
	all     bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, sources: make(map[netip.Prefix]*bucket), all: bucket{tokens: allBurst, at: now()}}
}

// take reports whether the source may try now, and if not, after how long.
func (l *limiter) take(source netip.Prefix) (bool, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.sources[source]
	if b == nil {
		if len(l.sources) >= maxSource {
			l.forget(now)
		}
		b = &bucket{tokens: tryBurst, at: now}
		if len(l.sources) < maxSource {
			l.sources[source] = b
		}
	}
	b.fill(now, tryEvery, tryBurst)
	l.all.fill(now, allEvery, allBurst)
	if b.tokens < 1 {
		return false, time.Duration((1 - b.tokens) * float64(tryEvery))
	}
	if l.all.tokens < 1 {
		return false, time.Duration((1 - l.all.tokens) * float64(allEvery))
	}
	b.tokens--
	l.all.tokens--
	return true, 0
}

// giveBack returns the token of a try that succeeded.
func (l *limiter) giveBack(source netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.sources[source]; b != nil {
		b.tokens = min(b.tokens+1, tryBurst)
	}
	l.all.tokens = min(l.all.tokens+1, allBurst)
}

// forget drops the sources whose buckets are full again.
func (l *limiter) forget(now time.Time) {
	for source, b := range l.sources {
		if now.Sub(b.at) >= tryBurst*tryEvery {
			delete(l.sources, source)
		}
	}
}

func (b *bucket) fill(now time.Time, every time.Duration, burst float64) {
	if d := now.Sub(b.at); d > 0 {
		b.tokens = min(b.tokens+float64(d)/float64(every), burst)
		b.at = now
	}
}

// sourceOf is the address that a try counts for: all of an IPv6 network of 64
// bits is one source.
func sourceOf(remote string) netip.Prefix {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	addr := ap.Addr().Unmap()
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
