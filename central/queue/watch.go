package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// watchPing is how often somebody is told although nothing moved; it also keeps
// them from counting as silent.
const watchPing = 5 * time.Second

// Watch tells somebody at the front their place at once and whenever the line
// moved, by calling tell, until tell returns an error, their waiting is over, or ctx
// ends. The error is tell's or ctx's, or wraps [ErrNoRoom], [ErrToken], [ErrFar] or
// [ErrWatchers]; with these four tell was not called.
func (q *Queue) Watch(ctx context.Context, event ticket.EventID, token string, tell func(Place) error) error {
	r, err := q.room(event)
	if err != nil {
		return err
	}
	h, ok := q.tokens.open(event, token)
	if !ok {
		return fmt.Errorf("event %s: %w", event, ErrToken)
	}
	moved := *r.pulse.Load()
	p := r.place(h, q.now())
	if p.State == Waiting && int64(p.Position) > int64(q.cfg.Watchers) || p.State == Lobby {
		return fmt.Errorf("position %d: %w", p.Position, ErrFar)
	}
	if !q.beginWatch(r, h.number) {
		return fmt.Errorf("event %s: %w", event, ErrWatchers)
	}
	defer q.endWatch(r, h.number)
	ping := time.NewTicker(watchPing)
	defer ping.Stop()
	told := Place{}
	for pinged := true; ; {
		if pinged || p.Position != told.Position || p.State != told.State {
			if err := tell(p); err != nil {
				return err
			}
			told = p
		}
		if p.State != Waiting && p.State != Skipped {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.stop:
			return nil
		case <-moved:
			pinged = false
		case <-ping.C:
			pinged = true
		}
		moved = *r.pulse.Load()
		p = r.place(h, q.now())
		h.mark = max(h.mark, r.mark.Load())
	}
}

// maxOwn is how often one person may be told at once: on two screens.
const maxOwn = 2

func (q *Queue) beginWatch(r *room, number uint32) bool {
	q.watchMu.Lock()
	defer q.watchMu.Unlock()
	if q.watching >= q.cfg.Watchers || r.watchers[number] >= maxOwn {
		return false
	}
	q.watching++
	r.watchers[number]++
	return true
}

func (q *Queue) endWatch(r *room, number uint32) {
	q.watchMu.Lock()
	defer q.watchMu.Unlock()
	q.watching--
	if r.watchers[number]--; r.watchers[number] == 0 {
		delete(r.watchers, number)
	}
}
