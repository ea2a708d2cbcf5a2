package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
)

// Ranges are made to last about a second: what is left of one is what a failover
// leaves out.
const (
	minRange = 64
	maxRange = 1 << 17

	// reserving is how long one central keeps the others from getting a range too. Two
	// that do leave numbers out and do no other harm.
	reserving = 2 * time.Second

	// retrying is how long a central waits for another's range before it looks again.
	retrying = 3 * time.Millisecond
)

// supply is how large a room's next range is.
type supply struct {
	mu   sync.Mutex // guards those below
	size uint32
	got  time.Time // when the last one came
}

// next returns the size, grown while ranges last less than a second and shrunk
// while they last more than ten.
func (s *supply) next(now time.Time) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch d := now.Sub(s.got); {
	case s.got.IsZero():
	case d < time.Second:
		s.size = min(2*s.size, maxRange)
	case d > 10*time.Second:
		s.size = max(s.size/2, minRange)
	}
	s.got = now
	return s.size
}

// low is how few numbers at hand call for another range.
func (s *supply) low() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size / 2
}

// at is what draw says of a room.
type at struct {
	status int64 // 0 the state is another reign's, 1 too few numbers, 2 drawn
	last   uint32
	limit  uint32
	reign  string
	fetch  bool // the caller is to get a range
}

// draw takes count numbers, all larger than floor, and returns the last of them.
func (e *Engine) draw(ctx context.Context, event ticket.EventID, count, floor uint32) (uint32, error) {
	r, token := e.room(event), rand.Text()
	for {
		a, err := e.tryDraw(ctx, event, r, count, floor, token)
		if err != nil {
			return 0, err
		}
		switch {
		case a.status == 2:
			if a.fetch {
				// Nobody waits for it: there are numbers left.
				e.work.Go(func() { e.fetchAhead(ctx, event, r, a, token) })
			}
			return a.last, nil
		case a.status == 0:
			err = e.crown(ctx, event, a.reign)
		case uint64(max(a.last, floor))+uint64(count) > queue.MaxPeople:
			return 0, fmt.Errorf("redis: %d people: %w", a.last, queue.ErrFull)
		case a.fetch:
			err = e.fetch(ctx, event, r, a, token, max(a.last, floor)+count)
		default:
			err = pause(ctx, retrying)
		}
		if err != nil {
			return 0, err
		}
	}
}

func (e *Engine) tryDraw(ctx context.Context, event ticket.EventID, r *room, count, floor uint32, token string) (at, error) {
	got, err := draw.Run(ctx, e.rdb, []string{e.roomKey(event), e.lockKey(event)},
		count, floor, r.supply.low(), token, reserving.Milliseconds(), e.cfg.Keep.Milliseconds()).Slice()
	if err != nil {
		return at{}, failed("draw", err)
	}
	if len(got) != 5 {
		return at{}, damaged("an answer")
	}
	status, ok1 := got[0].(int64)
	last, ok2 := got[1].(int64)
	limit, ok3 := got[2].(int64)
	reign, ok4 := got[3].(string)
	fetch, ok5 := got[4].(int64)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || last < 0 || last > queue.MaxPeople || limit < 0 || limit > queue.MaxPeople {
		return at{}, damaged("a room")
	}
	return at{status: status, last: uint32(last), limit: uint32(limit), reign: reign, fetch: fetch == 1}, nil
}

// crown lets a reign begin where the sequence of the last can have ended.
func (e *Engine) crown(ctx context.Context, event ticket.EventID, reign string) error {
	mark, err := e.cfg.Ranges.Take(ctx, event, 0)
	if err != nil {
		return unmarked(err)
	}
	done, err := crown.Run(ctx, e.rdb, []string{e.roomKey(event), e.lockKey(event)}, reign, min(mark, queue.MaxPeople), e.cfg.Keep.Milliseconds()).Int()
	if err != nil {
		return failed("begin a reign", err)
	}
	if done == 1 && mark > 0 {
		e.cfg.Logger.WarnContext(ctx, "redis server changed or started again; numbers go on at the mark",
			slog.Uint64("event", uint64(event)), slog.Uint64("mark", uint64(mark)))
	}
	return nil
}

// fetch gets a range that reaches at least to want, and puts it at hand.
func (e *Engine) fetch(ctx context.Context, event ticket.EventID, r *room, a at, token string, want uint32) error {
	before, to, err := e.reserve(ctx, event, r, a, want)
	if err != nil {
		// Whoever is next need not wait for this one. Without an answer the lock ends by
		// itself.
		_ = release.Run(ctx, e.rdb, []string{e.lockKey(event)}, token).Err()
		return err
	}
	return failed("add a range", extend.Run(ctx, e.rdb, []string{e.roomKey(event), e.lockKey(event)}, a.reign, before, to, token).Err())
}

// reserve gets the numbers after before up to to from the store. From one that was
// put back to an earlier day it may get numbers that Redis is past: those are left
// out, and draw asks again.
func (e *Engine) reserve(ctx context.Context, event ticket.EventID, r *room, a at, want uint32) (before, to uint32, err error) {
	size := r.supply.next(e.cfg.Now()) + max(want, a.limit) - a.limit
	mark, err := e.cfg.Ranges.Take(ctx, event, size)
	switch {
	case err != nil:
		return 0, 0, unmarked(err)
	case mark < size:
		return 0, 0, fmt.Errorf("redis: a mark of %d after reserving %d: %w", mark, size, queue.ErrCorrupt)
	case mark-size >= queue.MaxPeople:
		return 0, 0, fmt.Errorf("redis: %d people: %w", mark-size, queue.ErrFull)
	}
	return mark - size, min(mark, queue.MaxPeople), nil
}

// fetchAhead is fetch before numbers run out. It ends with the engine, not with
// the call that it was begun by.
func (e *Engine) fetchAhead(ctx context.Context, event ticket.EventID, r *room, a at, token string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reserving)
	defer cancel()
	defer context.AfterFunc(e.ctx, cancel)() //nolint:contextcheck // it ends with the engine
	if a.limit == queue.MaxPeople {
		return
	}
	if err := e.fetch(ctx, event, r, a, token, a.limit); err != nil && e.ctx.Err() == nil {
		e.cfg.Logger.WarnContext(ctx, "cannot get numbers ahead", slog.Uint64("event", uint64(event)), slog.Any("error", err))
	}
}

// unmarked is an error of the store.
func unmarked(err error) error {
	return fmt.Errorf("redis: reserve numbers: %w: %w", queue.ErrUnavailable, err)
}

// pause waits; another central's range is on its way.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return failed("wait for numbers", ctx.Err())
	case <-t.C:
		return nil
	}
}
