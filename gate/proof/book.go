package proof

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// The defaults of a nonce book: a nonce is shown for three seconds and may be
// answered until ten seconds after it was made, which leaves the slowest reader
// seven for the fingerprint. A presentation takes several codes to show, and may
// answer it for a minute.
const (
	DefaultShow        = 3 * time.Second
	DefaultLife        = 10 * time.Second
	DefaultPresentLife = time.Minute
	maxOpen            = 64
)

// BookConfig says how a [Book] makes nonces.
type BookConfig struct {
	// Gate is the device that shows the nonces. Required.
	Gate ticket.DeviceID

	// Rand is the source of the nonces: crypto/rand.Reader. Required.
	Rand io.Reader

	// Now is the gate's clock, which the nonce is dated by. Required.
	Now func() time.Time

	// Steady is a monotonic clock, for how old a nonce is: the gate's own clock may
	// stand still or jump. Nil means Now.
	Steady func() time.Time

	// Show is how long a nonce is shown, Life how long after it was made it may be
	// answered. Zero means [DefaultShow] and [DefaultLife].
	Show, Life time.Duration

	// PresentLife is how long after it was made a presentation may answer it. Zero
	// means [DefaultPresentLife], or Life if that is longer.
	PresentLife time.Duration
}

// Book keeps the nonces that one lane has shown and nobody has answered yet. It
// holds at most a few dozen, forgets them after their life, and lives in memory
// only: a nonce does not outlast a restart. It is safe for concurrent use.
type Book struct {
	cfg BookConfig

	mu   sync.Mutex
	open []entry // guarded by mu; oldest first, the last is shown
}

type entry struct {
	nonce pass.Nonce
	made  time.Time
}

// NewBook checks the configuration.
func NewBook(_ context.Context, cfg BookConfig) (*Book, error) {
	if _, err := ticket.ParseDeviceID(string(cfg.Gate)); err != nil {
		return nil, fmt.Errorf("nonce book: %w", err)
	}
	if cfg.Rand == nil || cfg.Now == nil {
		return nil, errors.New("nonce book needs a source of randomness and a clock")
	}
	if cfg.Steady == nil {
		cfg.Steady = cfg.Now
	}
	if cfg.Show == 0 {
		cfg.Show = DefaultShow
	}
	if cfg.Life == 0 {
		cfg.Life = DefaultLife
	}
	if cfg.PresentLife == 0 {
		cfg.PresentLife = max(DefaultPresentLife, cfg.Life)
	}
	if cfg.Show < 0 || cfg.Life < cfg.Show || cfg.PresentLife < cfg.Life || cfg.Life > maxOpen*cfg.Show {
		return nil, fmt.Errorf("nonce book that shows for %s and remembers for %s, for a presentation %s", cfg.Show, cfg.Life, cfg.PresentLife)
	}
	return &Book{cfg: cfg}, nil
}

// Current returns the nonce to show now. It changes when it has been shown long
// enough and as soon as it has been answered.
func (b *Book) Current() (pass.Nonce, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.cfg.Steady()
	b.expire(now)
	if n := len(b.open); n > 0 && now.Sub(b.open[n-1].made) < b.cfg.Show {
		return b.open[n-1].nonce, nil
	}
	e := entry{nonce: pass.Nonce{Gate: b.cfg.Gate, Issued: b.cfg.Now().Unix()}, made: now}
	if _, err := io.ReadFull(b.cfg.Rand, e.nonce.Value[:]); err != nil {
		return pass.Nonce{}, fmt.Errorf("make a nonce: %w", err)
	}
	if len(b.open) >= maxOpen {
		b.open = slices.Delete(b.open, 0, 1) // the oldest, which only a presentation could still answer
	}
	b.open = append(b.open, e)
	return e.nonce, nil
}

// find returns the nonce of that value, if it is open and not older than life.
func (b *Book) find(value [8]byte, life time.Duration) (pass.Nonce, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.cfg.Steady()
	b.expire(now)
	i := b.index(value)
	if i < 0 || now.Sub(b.open[i].made) >= life {
		return pass.Nonce{}, false
	}
	return b.open[i].nonce, true
}

// strike takes the nonce out of the book. It returns false when another pass has
// done so first, or it has grown older than life.
func (b *Book) strike(value [8]byte, life time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.cfg.Steady()
	b.expire(now)
	i := b.index(value)
	if i < 0 || now.Sub(b.open[i].made) >= life {
		return false
	}
	b.open = slices.Delete(b.open, i, i+1)
	return true
}

// index compares with every open nonce, in a time that does not tell which.
func (b *Book) index(value [8]byte) int {
	at := -1
	for i := range b.open {
		eq := subtle.ConstantTimeCompare(b.open[i].nonce.Value[:], value[:])
		at = subtle.ConstantTimeSelect(eq, i, at)
	}
	return at
}

// expire forgets what is past its life, and what a clock that was set back would
// keep alive.
func (b *Book) expire(now time.Time) {
	b.open = slices.DeleteFunc(b.open, func(e entry) bool {
		age := now.Sub(e.made)
		return age < 0 || age >= b.cfg.PresentLife
	})
}
