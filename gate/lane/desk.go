package lane

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/pass"
)

// decide is the desk.
func (l *Lane) decide(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	events := l.cfg.Turnstile.Events()
	for {
		l.turn.Store(l.cfg.Now().UnixNano())
		select {
		case <-ctx.Done():
			l.drain(ctx, 0)
			close(l.clerk)
			return
		case r := <-l.readings:
			l.receive(ctx, r)
		case e, ok := <-events:
			if !ok {
				l.cfg.Logger.ErrorContext(ctx, "turnstile is gone", slog.String("lane", l.cfg.Name))
				events = nil
				l.drain(ctx, turnstile.Fault)
				continue
			}
			l.event(ctx, e)
		case s := <-l.settled:
			l.memory.leave(s.Ticket, s.Kind == journal.Released, l.cfg.Now())
		case <-tick.C:
			l.expire(ctx)
			l.progress() // a presentation that nobody goes on showing is given up
		}
	}
}

// receive takes the texts of one frame. Where one of them is a pass, what else
// hangs in the picture is left alone; a nonce is some lane's own screen.
func (l *Lane) receive(ctx context.Context, r reading) {
	if len(l.granted) >= MaxGranted {
		r.reply(answer{err: ErrBusy})
		return
	}
	if r.confirm != 0 {
		l.confirmed(ctx, r)
		return
	}
	texts := r.texts
	if r.answer == nil {
		texts = ours(texts)
	}
	for _, text := range texts {
		result, fresh := l.handle(ctx, text, r)
		if fresh {
			l.tell(func(o Observer) { o.Decided(result) })
		}
		r.reply(answer{result: result}) // whoever asked finds it told already
		if len(l.granted) >= MaxGranted {
			return
		}
	}
}

func (r reading) reply(a answer) {
	if r.answer != nil {
		r.answer <- a
	}
}

// ours leaves out nonces, and what is foreign beside a pass.
func ours(texts []string) []string {
	var passes, others []string
	for _, text := range texts {
		if _, err := pass.ParseNonce(text); err == nil {
			continue
		}
		if _, err := pass.Parse(text); errors.Is(err, pass.ErrForeign) {
			others = append(others, text)
		} else {
			passes = append(passes, text)
		}
	}
	if len(passes) > 0 {
		return passes
	}
	return others
}

// handle decides about one text and carries the decision out. It reports whether
// that is news.
func (l *Lane) handle(ctx context.Context, text string, r reading) (result Result, fresh bool) {
	now, key := l.cfg.Now(), keyOf(text)
	if old, ok := l.memory.repeat(key, now); ok {
		old.Repeat = true
		return old, false
	}
	at := l.cfg.Clock.Read()
	w := work{Lane: l, read: r.read, at: at, evidence: textKey(text)}
	w.result = Result{Lane: l.cfg.Name, At: at.Now, Timing: Timing{Frame: max(r.read.Sub(r.frame), 0)}}
	if !w.carryOut(ctx, text) {
		w.result.Repeat = w.result.Parts.Total == 0
		return w.result, false
	}
	l.number++
	w.result.Number = l.number
	w.result.Timing.Done = w.since()
	if !w.forget {
		l.memory.keep(key, w.result, l.cfg.Now())
	}
	l.log(ctx, w.result)
	return w.result, true
}

// event takes what the turnstile says.
func (l *Lane) event(ctx context.Context, e turnstile.Event) {
	switch e.Kind {
	case turnstile.Passed:
		l.end(ctx, e.Grant, journal.Passed, e.Kind)
	case turnstile.Expired, turnstile.TurnedBack:
		l.end(ctx, e.Grant, journal.Released, e.Kind)
	case turnstile.Jam, turnstile.Fault, turnstile.Free:
		l.cfg.Logger.WarnContext(ctx, "turnstile needs staff", slog.String("lane", l.cfg.Name), slog.String("event", e.Kind.String()))
		l.end(ctx, e.Grant, journal.Flagged, e.Kind)
	case turnstile.Forced:
		l.cfg.Logger.WarnContext(ctx, "turnstile was forced", slog.String("lane", l.cfg.Name))
	case turnstile.Armed, turnstile.Ready:
	}
}

// end settles one grant.
func (l *Lane) end(ctx context.Context, id uint64, kind journal.Kind, cause turnstile.Kind) {
	i := slices.IndexFunc(l.granted, func(g granted) bool { return g.result.Seq == id })
	if i < 0 {
		return
	}
	g := l.granted[i]
	l.granted = slices.Delete(l.granted, i, i+1)
	// Nothing is awaited from here on: should the disk never take the settlement,
	// the next code of this ticket is news again and hears why it does not enter.
	l.memory.leave(g.result.Ticket, false, l.cfg.Now())
	l.file(ctx, Settlement{
		Lane: l.cfg.Name, Seq: g.result.Seq, Ticket: g.result.Ticket, Kind: kind, Cause: cause, At: l.cfg.Clock.Read().Now,
	})
}

// drain settles all grants as flagged: their end will not be seen.
func (l *Lane) drain(ctx context.Context, cause turnstile.Kind) {
	for _, g := range slices.Clone(l.granted) {
		l.end(ctx, g.result.Seq, journal.Flagged, cause)
	}
}

// expire gives up on grants that the turnstile never ended.
func (l *Lane) expire(ctx context.Context) {
	now := l.cfg.Now()
	for _, g := range slices.Clone(l.granted) {
		if now.Before(g.until) {
			continue
		}
		l.cfg.Logger.ErrorContext(ctx, "turnstile never ended a grant", slog.String("lane", l.cfg.Name), slog.Uint64("seq", g.result.Seq))
		l.end(ctx, g.result.Seq, journal.Flagged, 0)
	}
}

func (l *Lane) log(ctx context.Context, r Result) {
	attrs := []slog.Attr{
		slog.String("lane", l.cfg.Name), slog.Uint64("seq", r.Seq),
		slog.String("outcome", r.Verdict.Outcome.String()), slog.String("reason", string(r.Verdict.Reason)),
		slog.Int64("took_us", r.Timing.Total().Microseconds()),
	}
	if !r.Ticket.IsZero() {
		attrs = append(attrs, slog.String("ticket", r.Ticket.String()[:8]), slog.String("form", r.Form.String()))
	}
	l.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "decided", attrs...)
	if r.Timing.Total() > DecisionBudget {
		l.cfg.Logger.WarnContext(ctx, "decision was over its budget", slog.String("lane", l.cfg.Name),
			slog.Int64("took_us", r.Timing.Total().Microseconds()), slog.Int64("budget_us", DecisionBudget.Microseconds()))
	}
}
