package lane

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// decide is the desk.
func (l *Lane) decide(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	events := l.cfg.Turnstile.Events()
	for {
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
	texts := r.texts
	if r.answer == nil {
		texts = ours(texts)
	}
	for _, text := range texts {
		result, fresh := l.handle(ctx, text, r)
		r.reply(answer{result: result})
		if fresh {
			l.tell(func(o Observer) { o.Decided(result) })
		}
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
	now, key := l.cfg.Now(), textKey(text)
	if old, ok := l.memory.repeat(key, now); ok {
		old.Repeat = true
		return old, false
	}
	at := l.cfg.Clock.Read()
	w := work{Lane: l, read: r.read, at: at, evidence: key}
	w.result = Result{Lane: l.cfg.Name, At: at.Now, Timing: Timing{Frame: max(r.read.Sub(r.frame), 0)}}
	if !w.carryOut(ctx, text) {
		w.result.Repeat = true
		return w.result, false
	}
	l.number++
	w.result.Number = l.number
	w.result.Timing.Done = w.since()
	l.memory.keep(key, w.result, l.cfg.Now())
	l.log(ctx, w.result)
	return w.result, true
}

// work is one text on its way through the steps.
type work struct {
	*Lane
	read     time.Time
	at       clock.Reading
	evidence [32]byte
	result   Result
}

func (w *work) since() time.Duration { return max(w.cfg.Now().Sub(w.read), 0) }

// carryOut takes the steps in their order. It returns false for the next code of
// somebody whom this lane is letting through. A panic in any step is a matter for
// staff: the lane stays shut and reads the next code.
func (w *work) carryOut(ctx context.Context, text string) (fresh bool) {
	defer func() {
		if p := recover(); p != nil {
			w.result.Verdict = admit.Fail(ticket.Refer, ticket.ReferToStaff, "panic")
			w.cfg.Logger.ErrorContext(ctx, "decision panicked", slog.String("lane", w.cfg.Name),
				slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			fresh = true
		}
	}()
	p, err := pass.Parse(text)
	if err == nil {
		if old, ok := w.memory.admitted(p.ID, w.cfg.Now()); ok {
			w.result = old
			return false
		}
	}
	lookup, cancel := context.WithTimeout(ctx, LookupTimeout)
	j, err := w.cfg.Judge.judge(lookup, p, w.at, false)
	cancel()
	w.result.Timing.Verdict = w.since()
	w.describe(&j)
	if err != nil {
		w.fault(ctx, err)
		return true
	}
	w.result.Verdict = j.verdict
	entry := w.entry(&j)
	if j.verdict.Outcome == ticket.Admit {
		w.claim(ctx, &j, entry)
	} else {
		w.record(ctx, entry)
	}
	return true
}

// describe fills in what a screen may show. Of a ticket that was not proven it
// may show nothing: whoever photographs a code would learn the seat.
func (w *work) describe(j *judgement) {
	w.result.Mode = j.in.Mode
	if j.pass == nil {
		return
	}
	w.result.Form, w.result.Ticket = j.pass.Form, j.pass.ID
	if !j.facts.Known || j.facts.Proof != ticket.OK || j.in.Event == nil {
		return
	}
	t := j.facts.Ticket
	w.result.Proven, w.result.Seat, w.result.Flags = true, t.Seat, t.Flags
	if z, ok := j.in.Event.Zone(t.Zone); ok {
		w.result.Zone = z.Name
	}
	if c, ok := j.in.Event.Class(t.Class); ok {
		w.result.Class = c.Name
	}
}

// entry is the journal's entry of the decision, but for what the ledger assigns.
func (w *work) entry(j *judgement) journal.Entry {
	e := journal.Entry{
		Kind: journal.Decision, Uncertainty: millis(w.at.Uncertainty), Lane: w.cfg.Name, Ticket: w.result.Ticket,
		Outcome: j.verdict.Outcome, Reason: j.verdict.Reason, Mode: journalMode(j.in.Mode), Evidence: w.evidence,
	}
	if j.in.Event != nil {
		e.Event = j.in.Event.ID
	}
	return e
}

// millis rounds up, to the most that an entry holds.
func millis(d time.Duration) uint32 {
	const most = 1<<32 - 1
	if d < 0 {
		return most
	}
	ms := (d + time.Millisecond - 1) / time.Millisecond
	return uint32(min(ms, most))
}

func journalMode(m admit.Mode) journal.Mode {
	switch m {
	case admit.ModeHub:
		return journal.Hub
	case admit.ModeCentral:
		return journal.Central
	case admit.ModePeers:
		return journal.Peers
	case admit.ModeAlone:
		return journal.Alone
	}
	return journal.Alone
}

// writing bounds a write. A stop of the gate does not tear it.
func writing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), WriteTimeout)
}

// claim writes the admission and only then opens the lane.
func (w *work) claim(ctx context.Context, j *judgement, entry journal.Entry) {
	class, _ := j.in.Event.Class(j.in.Ticket.Class)
	c := Claim{Entry: entry, Version: j.in.Ticket.Version, MaxEntries: admit.MaxEntries(class)}
	if j.facts.Carried {
		c.Carried = &j.facts.Ticket
	}
	write, cancel := writing(ctx)
	claimed, err := w.cfg.Ledger.Claim(write, c)
	cancel()
	if err != nil {
		w.fault(ctx, err)
		return
	}
	w.result.Seq, w.result.Timing.Durable = claimed.Seq, w.since()
	switch {
	case claimed.Won:
	case claimed.Reason == ticket.AlreadyAdmitted:
		w.result.Verdict = admit.Already(claimed.Holder)
		return
	default:
		w.result.Verdict = admit.Fail(ticket.Refuse, claimed.Reason, "claim")
		return
	}
	w.open(ctx)
}

// open arms the turnstile for a claim that is on the disk.
func (w *work) open(ctx context.Context) {
	command, cancel := context.WithTimeout(ctx, CommandTimeout)
	err := w.cfg.Turnstile.Grant(command, turnstile.Grant{ID: w.result.Seq, Timeout: w.cfg.GrantTimeout})
	cancel()
	if err == nil {
		w.memory.enter(w.result)
		wait := time.Duration(len(w.granted)+1)*w.cfg.GrantTimeout + silence
		w.granted = append(w.granted, granted{result: w.result, until: w.cfg.Now().Add(wait)})
		return
	}
	kind := journal.Released
	w.result.Verdict = admit.Fail(ticket.Refuse, ticket.LaneFault, "turnstile")
	if errors.Is(err, turnstile.ErrInDoubt) {
		kind = journal.Flagged
		w.result.Verdict = admit.Fail(ticket.Refer, ticket.LaneFault, "turnstile")
		w.result.Verdict.Detail.Next = admit.NextStaff
	}
	w.cfg.Logger.ErrorContext(ctx, "turnstile did not take the grant", slog.String("lane", w.cfg.Name),
		slog.Uint64("seq", w.result.Seq), slog.String("settled", kind.String()), slog.Any("error", err))
	w.file(ctx, Settlement{Lane: w.cfg.Name, Seq: w.result.Seq, Ticket: w.result.Ticket, Kind: kind, At: w.at.Now})
}

// record writes a refusal. One that cannot be written is still a refusal.
func (w *work) record(ctx context.Context, entry journal.Entry) {
	write, cancel := writing(ctx)
	defer cancel()
	seq, err := w.cfg.Ledger.Record(write, entry)
	if err != nil {
		w.cfg.Logger.ErrorContext(ctx, "refusal was not written", slog.String("lane", w.cfg.Name),
			slog.String("reason", string(entry.Reason)), slog.Any("error", err))
		return
	}
	w.result.Seq, w.result.Timing.Durable = seq, w.since()
}

// fault refuses because the disk failed: what is not written does not open.
func (w *work) fault(ctx context.Context, err error) {
	w.result.Verdict = admit.Fail(ticket.Refuse, ticket.StorageFault, "storage")
	w.cfg.Logger.ErrorContext(ctx, "storage failed", slog.String("lane", w.cfg.Name), slog.Any("error", err))
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
