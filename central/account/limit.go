package account

import (
	"fmt"
	"sync"
	"time"
)

// rates are how often something may be tried: for one address from one source, for
// one address from all sources (zero: no bound), from one source, if it is known,
// and altogether.
type rates struct{ pair, email, source, all rate }

type rate struct {
	burst float64
	every time.Duration // for one more
}

// recoveryRates bound wrong codes. The code itself cannot be guessed at any rate
// that a server can answer, so the right one always counts; the bounds make whoever
// guesses notice.
func recoveryRates() rates {
	return rates{pair: rate{5, time.Minute}, email: rate{50, 6 * time.Second}, all: rate{200, 100 * time.Millisecond}}
}

// DefaultJoinsPerSecond is how many accounts may be made and letters ordered unless
// the organiser says otherwise: more than this machine's cores sign up by passkey.
const DefaultJoinsPerSecond = 500

const maxJoinsPerSecond = 100_000

// joinRates bound accounts that are made and letters that are ordered. A household
// or a school has one address.
func joinRates(perSecond int) rates {
	return rates{source: rate{60, 10 * time.Second}, all: rate{20 * float64(perSecond), time.Second / time.Duration(perSecond)}}
}

const maxBuckets = 8192

// TooManyError says when to try again.
type TooManyError struct{ After time.Duration }

// Error implements error.
func (e *TooManyError) Error() string { return fmt.Sprintf("too many tries; again in %s", e.After) }

// limiter holds token buckets.
type limiter struct {
	now   func() time.Time
	rates rates

	mu      sync.Mutex // guards the fields below
	buckets map[string]*bucket
	all     bucket
}

type bucket struct {
	rate

	tokens float64
	at     time.Time
}

func newLimiter(now func() time.Time, r rates) *limiter {
	return &limiter{now: now, rates: r, buckets: map[string]*bucket{}, all: bucket{rate: r.all, tokens: r.all.burst, at: now()}}
}

// take uses up one try, or returns how long there is none.
func (l *limiter) take(source, email string) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	mine := l.mine(source, email)
	now := l.now()
	for _, b := range mine {
		wait = max(wait, b.wait(now))
	}
	if wait > 0 {
		return wait
	}
	for _, b := range mine {
		b.tokens--
	}
	return 0
}

// mine returns the buckets that a try counts for. When there are too many, those
// that are full again are forgotten; if none is, the rest share one bucket.
func (l *limiter) mine(source, email string) []*bucket {
	now := l.now()
	get := func(key string, r rate) *bucket {
		if b := l.buckets[key]; b != nil {
			return b
		}
		if len(l.buckets) >= maxBuckets {
			l.forget(now)
		}
		if len(l.buckets) >= maxBuckets {
			return &l.all
		}
		b := &bucket{rate: r, tokens: r.burst, at: now}
		l.buckets[key] = b
		return b
	}
	out := []*bucket{&l.all}
	for _, k := range []struct {
		key string
		rate
		known bool
	}{
		{email + "\x00" + source, l.rates.pair, true},
		{email, l.rates.email, true},
		{"\x00" + source, l.rates.source, source != ""},
	} {
		if k.burst > 0 && k.known {
			out = append(out, get(k.key, k.rate))
		}
	}
	return out
}

func (l *limiter) forget(now time.Time) {
	for key, b := range l.buckets {
		if b.fill(now); b.tokens >= b.burst {
			delete(l.buckets, key)
		}
	}
}

// wait is how long until there is a token.
func (b *bucket) wait(now time.Time) time.Duration {
	b.fill(now)
	if b.tokens >= 1 {
		return 0
	}
	return time.Duration((1 - b.tokens) * float64(b.every))
}

func (b *bucket) fill(now time.Time) {
	if d := now.Sub(b.at); d > 0 {
		b.tokens = min(b.tokens+float64(d)/float64(b.every), b.burst)
		b.at = now
	}
}
