package account

import (
	"fmt"
	"sync"
	"time"
)

// How often recovery may be tried with a wrong code: for one address from one
// source, for one address from all sources, and altogether. The code itself cannot
// be guessed at any rate that a server can answer, so the right one always counts;
// the bounds make whoever guesses notice.
const (
	sourceBurst, sourceEvery = 5, time.Minute
	emailBurst, emailEvery   = 50, 6 * time.Second
	allBurst, allEvery       = 200, 100 * time.Millisecond

	maxBuckets = 8192
)

// TooManyError says when to try again.
type TooManyError struct{ After time.Duration }

// Error implements error.
func (e *TooManyError) Error() string { return fmt.Sprintf("too many tries; again in %s", e.After) }

// limiter holds token buckets.
type limiter struct {
	now func() time.Time

	mu      sync.Mutex // guards the fields below
	buckets map[string]*bucket
	all     bucket
}

type bucket struct {
	tokens, burst float64
	every         time.Duration // for one token
	at            time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, buckets: map[string]*bucket{}, all: bucket{tokens: allBurst, burst: allBurst, every: allEvery, at: now()}}
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
	get := func(key string, burst float64, every time.Duration) *bucket {
		if b := l.buckets[key]; b != nil {
			return b
		}
		if len(l.buckets) >= maxBuckets {
			l.forget(now)
		}
		if len(l.buckets) >= maxBuckets {
			return &l.all
		}
		b := &bucket{tokens: burst, burst: burst, every: every, at: now}
		l.buckets[key] = b
		return b
	}
	return []*bucket{get(email+"\x00"+source, sourceBurst, sourceEvery), get(email, emailBurst, emailEvery), &l.all}
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
