package lane

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// file hands a settlement to the clerk. A full desk means a disk that has failed
// for a long time; the claim then stays reserved, and the ledger flags it when
// the gate starts again.
func (l *Lane) file(ctx context.Context, s Settlement) {
	select {
	case l.clerk <- s:
	default:
		l.cfg.Logger.ErrorContext(ctx, "settlement left for the next start", slog.String("lane", l.cfg.Name), slog.Uint64("seq", s.Seq))
	}
}

// The pauses of the clerk while the disk fails.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// write is the clerk. It tries every settlement until it is on the disk; when the
// lane has stopped, once more.
func (l *Lane) write(ctx context.Context) {
	for s := range l.clerk {
		for wait := firstPause; !l.settle(ctx, s); wait = min(2*wait, lastPause) {
			if ctx.Err() != nil {
				l.cfg.Logger.ErrorContext(ctx, "settlement left for the next start", slog.String("lane", l.cfg.Name), slog.Uint64("seq", s.Seq))
				break
			}
			pause(ctx, wait)
		}
	}
}

func (l *Lane) settle(ctx context.Context, s Settlement) bool {
	write, cancel := writing(ctx)
	defer cancel()
	if err := l.cfg.Ledger.Settle(write, s.Seq, s.Kind, why(s)); err != nil {
		l.cfg.Logger.ErrorContext(ctx, "settlement was not written", slog.String("lane", l.cfg.Name),
			slog.Uint64("seq", s.Seq), slog.String("kind", s.Kind.String()), slog.Any("error", err))
		return errors.Is(err, ErrFinal)
	}
	l.tell(func(o Observer) { o.Settled(s) })
	select {
	case l.settled <- s:
	case <-ctx.Done():
	}
	return true
}

// why is the reason that the journal gives for a settlement.
func why(s Settlement) ticket.Reason {
	if s.Kind == journal.Flagged || s.Kind == journal.Released && s.Cause == 0 {
		return ticket.LaneFault
	}
	return ""
}
