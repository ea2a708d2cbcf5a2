package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Config is what an [Outbox] needs. Fields without a default are required.
type Config struct {
	Store     Store
	Consumers []Consumer

	// Poll is how often the outbox is looked at without being woken. 1 s.
	Poll time.Duration

	// Timeout bounds one call of Handle. 1 min.
	Timeout time.Duration

	// RetryAfter is how long the first failure waits before the next attempt; each
	// further one waits twice as long, up to RetryMost. 1 s and 1 min.
	RetryAfter, RetryMost time.Duration

	// Observe is told of figures as they arise; nil means nobody is interested.
	Observe Observer

	Logger *slog.Logger
	Now    func() time.Time
}

const (
	// atOnce is how many rows a consumer gets at a time.
	atOnce = 100

	// lazily is how far a cursor may fall behind rows that its consumer does not
	// want, before it is moved for them alone: moving it is a transaction.
	lazily = 1000

	maxName = 32
)

// Outbox runs consumers. Its methods are safe for concurrent use.
type Outbox struct {
	cfg   Config
	lines []*line
}

// New checks the configuration.
func New(_ context.Context, cfg Config) (*Outbox, error) {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&cfg.Poll, time.Second)
	def(&cfg.Timeout, time.Minute)
	def(&cfg.RetryAfter, time.Second)
	def(&cfg.RetryMost, time.Minute)
	if cfg.Observe == nil {
		cfg.Observe = nobody{}
	}
	switch {
	case cfg.Store == nil || cfg.Logger == nil || cfg.Now == nil:
		return nil, errors.New("outbox: store, logger and now are required")
	case cfg.Poll < 0 || cfg.Timeout < 0 || cfg.RetryAfter < 0 || cfg.RetryMost < cfg.RetryAfter:
		return nil, fmt.Errorf("outbox: poll %s, timeout %s, retry %s to %s", cfg.Poll, cfg.Timeout, cfg.RetryAfter, cfg.RetryMost)
	}
	o := &Outbox{cfg: cfg}
	seen := make(map[string]bool)
	for _, c := range cfg.Consumers {
		switch {
		case c.Name == "" || len(c.Name) > maxName || strings.Trim(c.Name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "":
			return nil, fmt.Errorf("outbox: consumer named %q", c.Name)
		case seen[c.Name]:
			return nil, fmt.Errorf("outbox: two consumers named %s", c.Name)
		case len(c.Kinds) == 0 || c.Handle == nil:
			return nil, fmt.Errorf("outbox: consumer %s wants no kind, or handles nothing", c.Name)
		}
		seen[c.Name] = true
		c.Kinds = slices.Clone(c.Kinds)
		o.lines = append(o.lines, &line{cfg: &o.cfg, consumer: c, wake: make(chan struct{}, 1)})
	}
	return o, nil
}

// Wake says that there may be new rows. It never blocks.
func (o *Outbox) Wake() {
	for _, l := range o.lines {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// Run hands rows out until ctx ends, and then returns nil. Consumers do not wait
// for each other.
func (o *Outbox) Run(ctx context.Context) error {
	var g errgroup.Group
	for _, l := range o.lines {
		g.Go(func() error {
			l.run(ctx)
			return nil
		})
	}
	return g.Wait()
}

// line is one consumer with its place in the outbox. Everything in it but wake is
// owned by the goroutine of run.
type line struct {
	cfg      *Config
	consumer Consumer
	wake     chan struct{}

	known    bool   // cursor was read
	cursor   uint64 // how far the consumer has come, as it is stored
	singly   int    // so many rows are handed out one by one, after they failed together
	attempts int    // that failed one after the other
}

func (l *line) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	wake := l.wake
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-wake:
		}
		switch more, err := l.step(ctx); {
		case err != nil && ctx.Err() == nil:
			wake = nil // new rows are no reason to try the old one sooner
			timer.Reset(l.failed(ctx, err))
		case more:
			wake = l.wake
			timer.Reset(0)
		default:
			wake = l.wake
			timer.Reset(l.cfg.Poll)
		}
	}
}

// step deals with the next rows and reports whether there may be more.
func (l *line) step(ctx context.Context) (more bool, err error) {
	if !l.known {
		if l.cursor, err = l.cfg.Store.Cursor(ctx, l.consumer.Name); err != nil {
			return false, fmt.Errorf("cursor: %w", err)
		}
		l.known = true
	}
	limit := atOnce
	if l.singly > 0 {
		limit = 1
	}
	rows, through, err := l.cfg.Store.Rows(ctx, l.cursor, l.consumer.Kinds, limit)
	if err != nil {
		return false, fmt.Errorf("rows: %w", err)
	}
	if len(rows) == 0 {
		if through < l.cursor+lazily {
			return false, nil
		}
		return false, l.advance(ctx, through, nil)
	}
	if err := l.handle(ctx, rows); err != nil {
		if len(rows) > 1 && ctx.Err() == nil { // those before the one that is the cause need not wait for it
			l.singly = len(rows)
			return true, nil
		}
		return false, fmt.Errorf("row %d: %w", rows[0].Seq, err)
	}
	if err := l.advance(ctx, rows[len(rows)-1].Seq, rows); err != nil {
		return false, err
	}
	l.singly, l.attempts = max(0, l.singly-len(rows)), 0
	l.cfg.Observe.Stuck(l.consumer.Name, 0)
	l.cfg.Observe.Handled(l.consumer.Name, len(rows), l.cfg.Now().Sub(rows[len(rows)-1].At))
	return len(rows) == limit, nil
}

func (l *line) handle(ctx context.Context, rows []Row) error {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	return l.consumer.Handle(ctx, rows)
}

func (l *line) advance(ctx context.Context, through uint64, rows []Row) error {
	var forget []uint64
	if l.consumer.Forget {
		for i := range rows {
			forget = append(forget, rows[i].Seq)
		}
	}
	if err := l.cfg.Store.Advance(ctx, l.consumer.Name, l.cursor, through, forget); err != nil {
		l.known = false // whatever the reason is: where it is now is what counts
		return fmt.Errorf("move cursor from %d to %d: %w", l.cursor, through, err)
	}
	l.cursor = through
	return nil
}

// failed notes a failure and returns how long to wait.
func (l *line) failed(ctx context.Context, err error) time.Duration {
	l.attempts++
	l.cfg.Observe.Stuck(l.consumer.Name, l.attempts)
	wait := l.cfg.RetryAfter
	for range l.attempts - 1 {
		if wait = 2 * wait; wait >= l.cfg.RetryMost {
			wait = l.cfg.RetryMost
			break
		}
	}
	l.cfg.Logger.ErrorContext(ctx, "outbox row was not dealt with; it is tried again, and what follows waits",
		slog.String("consumer", l.consumer.Name), slog.Int("attempts", l.attempts), slog.Duration("again_in", wait), slog.Any("error", err))
	return wait
}

type nobody struct{}

func (nobody) Handled(string, int, time.Duration) {}
func (nobody) Stuck(string, int)                  {}
