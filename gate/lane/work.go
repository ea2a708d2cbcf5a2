package lane

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// work is one text on its way through the steps.
type work struct {
	*Lane
	read     time.Time
	at       clock.Reading
	evidence [32]byte
	refers   uint64 // the referral that a steward confirmed
	cheap    bool   // anybody can make any number of such texts, see strangers
	forget   bool   // the same text is news again at once
	result   Result
}

func (w *work) since() time.Duration { return max(w.cfg.Now().Sub(w.read), 0) }

// guarded takes steps. A panic in any of them is a matter for staff: the lane
// stays shut and reads the next code.
func (w *work) guarded(ctx context.Context, steps func()) {
	defer func() {
		if p := recover(); p != nil {
			w.result.Verdict = admit.Fail(ticket.Refer, ticket.ReferToStaff, "panic")
			w.cfg.Logger.ErrorContext(ctx, "decision panicked", slog.String("lane", w.cfg.Name),
				slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		}
	}()
	steps()
}

// carryOut takes the steps in their order. It returns false for the next code of
// somebody whom this lane is letting through, and for a presentation that is not
// whole yet.
func (w *work) carryOut(ctx context.Context, text string) (fresh bool) {
	fresh = true
	w.guarded(ctx, func() {
		part, broken := pass.ParsePart(text)
		if broken == nil {
			fresh = w.part(ctx, part)
			return
		}
		p, err := pass.Parse(text)
		if err == nil {
			if old, ok := w.memory.admitted(p.ID, w.cfg.Now()); ok {
				w.result, fresh = old, false
				return
			}
		}
		w.cheap = errors.Is(err, pass.ErrForeign) || errors.Is(broken, pass.ErrMalformed)
		w.decideOn(ctx, question{pass: p, at: w.at, age: w.age.at(w.cfg.Now())})
	})
	return fresh
}

// decideOn has the judge decide and carries the decision out.
func (w *work) decideOn(ctx context.Context, q question) {
	lookup, cancel := context.WithTimeout(ctx, LookupTimeout)
	j, err := w.cfg.Judge.judge(lookup, q)
	cancel()
	w.result.Timing.Verdict = w.since()
	w.describe(&j)
	if err != nil {
		w.fault(ctx, err)
		j.verdict = w.result.Verdict
	}
	w.cheap = w.cheap || err == nil && j.unverified()
	w.settleVerdict(ctx, &j)
	if err == nil && j.verdict.Reason == ticket.CredentialShown && w.result.Seq != 0 { // what admits later is on the disk
		w.age = shownAge{over: j.shown.Over(), until: w.cfg.Now().Add(ageLife)}
	}
}

// settleVerdict writes what was decided, and opens for an admission. What could
// not be looked up may still be written.
func (w *work) settleVerdict(ctx context.Context, j *judgement) {
	w.result.Verdict = j.verdict
	entry := w.entry(j)
	switch {
	case j.verdict.Outcome == ticket.Admit:
		w.claim(ctx, j, entry)
	case w.cheap && !w.strangers.take(w.cfg.Now()):
	default:
		w.record(ctx, entry)
		w.refer(j)
	}
}

// describe fills in what a screen may show. Of a ticket that was not proven it
// may show nothing: whoever photographs a code would learn the seat.
func (w *work) describe(j *judgement) {
	w.result.Mode = j.in.Mode
	switch {
	case j.shown != nil:
		w.result.Ticket, w.result.Shown = j.in.Ticket.ID, j.shown.All
	case j.pass != nil:
		w.result.Form, w.result.Ticket = j.pass.Form, j.pass.ID
	default:
		return
	}
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
	if j.verdict.Reason == ticket.ConfirmedByStaff {
		e.Refers = w.refers
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
	c := Claim{Entry: entry, Version: j.in.Ticket.Version, MaxEntries: admit.MaxEntries(class), Unlimited: class.Staff}
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
	if !class.Staff {
		w.age = shownAge{} // it was for this person
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

// fault refuses because the disk failed: what is not written does not open. After
// a failed claim nothing more is tried: the next write would meet the same disk,
// and the lane would stand still for as long again.
func (w *work) fault(ctx context.Context, err error) {
	w.result.Verdict = admit.Fail(ticket.Refuse, ticket.StorageFault, "storage")
	w.cfg.Logger.ErrorContext(ctx, "storage failed", slog.String("lane", w.cfg.Name), slog.Any("error", err))
}
