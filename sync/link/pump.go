package link

import (
	"context"
	"log/slog"
	"time"

	"github.com/con-ting/conting/sync/topic"
)

// sent is an outbox item in flight.
type sent struct {
	at    time.Time
	tries int
}

// due is when an item that was sent should be sent again.
func (s sent) due(after time.Duration) time.Time { return s.at.Add(after << min(s.tries-1, 3)) }

// idle is how often the outbox is looked at without being woken: an owner that
// forgets to wake delays, but does not stop, the flow.
const idle = 5 * time.Second

// pump sends the outbox and corrects the state until the session ends, see serve.
// Everything pending is sent again on each connection, because nothing tells what
// became of it on the last one. The window cannot be exceeded: only the oldest
// items are ever asked for.
func (s *session) pump(ctx context.Context, found <-chan int) (better int, err error) {
	l := s.link
	flight := make(map[uint64]sent)
	defer l.waiting.Store(false)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return -1, nil
		case <-s.lost:
			return -1, s.why
		case i := <-found:
			return i, nil
		case <-l.wake:
		case <-timer.C:
		}
		s.correct(ctx)
		wait := idle
		if l.cfg.Outbox != nil {
			wait = s.send(ctx, flight)
			l.waiting.Store(len(flight) > 0)
		}
		timer.Reset(wait)
	}
}

// send publishes what is pending and not in flight, or in flight for too long,
// and returns when to look again.
func (s *session) send(ctx context.Context, flight map[uint64]sent) time.Duration {
	l := s.link
	items, err := l.cfg.Outbox.Pending(ctx, l.cfg.Window)
	if err != nil {
		if ctx.Err() == nil {
			l.cfg.Logger.ErrorContext(ctx, "outbox cannot be read", slog.Any("error", err))
		}
		return l.cfg.ResendAfter
	}
	items = items[:min(len(items), l.cfg.Window)]
	pending := make(map[uint64]bool, len(items))
	for _, it := range items {
		pending[it.Key] = true
	}
	for key := range flight {
		if !pending[key] {
			delete(flight, key)
		}
	}
	now, wait := l.cfg.Now(), idle
	for _, it := range items {
		f := flight[it.Key]
		if f.tries == 0 || !now.Before(f.due(l.cfg.ResendAfter)) {
			if err := s.dispatch(ctx, it); err != nil {
				return wait // the session is ending; what is pending stays pending
			}
			f = sent{at: now, tries: f.tries + 1}
			flight[it.Key] = f
		}
		wait = min(wait, max(f.due(l.cfg.ResendAfter).Sub(now), time.Millisecond))
	}
	return wait
}

// dispatch publishes one item without waiting for the PUBACK, which would prove
// nothing. It blocks only while the network takes the bytes.
func (s *session) dispatch(ctx context.Context, it Item) error {
	if len(it.Payload) > topic.MaxPayload {
		s.link.cfg.Logger.ErrorContext(ctx, "outbox item is too large to be sent", slog.Uint64("key", it.Key), slog.Int("bytes", len(it.Payload)))
		return nil
	}
	select {
	case <-s.lost:
		return ErrOffline
	case <-ctx.Done():
		return ctx.Err()
	default:
	}
	t := s.client.Publish(it.Topic, qosPublish, false, it.Payload)
	select {
	case <-t.Done():
		return t.Error()
	default:
		return nil
	}
}

// probe tries the endpoints that come before the one in use. It reports the first
// that answered need times in a row, by a complete TLS handshake: a host that
// only accepts connections is not back yet.
func (l *Link) probe(ctx context.Context, need []int, found chan<- int) {
	got := make([]int, len(need))
	tick := time.NewTicker(l.cfg.ProbeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for i := range need {
			if err := l.reach(ctx, l.cfg.Endpoints[i]); err != nil {
				got[i] = 0
				continue
			}
			if got[i]++; got[i] >= need[i] {
				found <- i
				return
			}
		}
	}
}

func (l *Link) reach(ctx context.Context, ep Endpoint) error {
	c, err := dial(ctx, ep, l.cfg.TLS(), l.cfg.Timeout)
	if err != nil {
		return err
	}
	_ = c.Close() // the handshake was the answer
	return nil
}
