package lane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/sync/ticket"
)

// ErrNoReferral is returned by [Lane.Confirm] for a referral that is not there:
// it was confirmed, is too old, or was never one that a steward can settle.
var ErrNoReferral = errors.New("there is nothing to confirm")

const (
	// confirmLife is how long a referral waits for its steward.
	confirmLife = time.Minute
	// maxReferrals is how many wait at once.
	maxReferrals = 8
)

// referral is a person whom a steward may let in: the proof has been made, and
// only a human eye was asked for.
type referral struct {
	result    Result
	judgement judgement
	evidence  [32]byte
	until     time.Time
}

// refer keeps a referral for its steward.
func (w *work) refer(j *judgement) {
	if !w.cfg.Judge.cfg.Staff || !j.confirmable || w.result.Seq == 0 {
		return
	}
	w.result.Confirmable = true
	now := w.cfg.Now()
	w.referrals = slices.DeleteFunc(w.referrals, func(r referral) bool { return !now.Before(r.until) })
	if len(w.referrals) >= maxReferrals {
		w.referrals = slices.Delete(w.referrals, 0, 1)
	}
	w.referrals = append(w.referrals, referral{result: w.result, judgement: *j, evidence: w.evidence, until: now.Add(confirmLife)})
}

// Confirm is the steward's word that the person of a referral may enter, by the
// sequence number of the referral's entry. The ticket is looked up again, and
// every rule that no steward may waive is asked again; the proof of the holder
// stands, because the code has gone from the phone meanwhile. The result is an
// admission or says why there is none. The error wraps [ErrNoReferral],
// [ErrBusy] or the context's.
func (l *Lane) Confirm(ctx context.Context, seq uint64) (Result, error) {
	if seq == 0 {
		return Result{}, fmt.Errorf("referral 0: %w", ErrNoReferral)
	}
	now := l.cfg.Now()
	return l.ask(ctx, reading{confirm: seq, frame: now, read: now, answer: make(chan answer, 1)})
}

// confirmed deals with a steward's word.
func (l *Lane) confirmed(ctx context.Context, r reading) {
	now := l.cfg.Now()
	i := slices.IndexFunc(l.referrals, func(f referral) bool { return f.result.Seq == r.confirm && now.Before(f.until) })
	if i < 0 {
		r.reply(answer{err: fmt.Errorf("referral %d: %w", r.confirm, ErrNoReferral)})
		return
	}
	f := l.referrals[i]
	// A word counts once, whichever of the person's codes it was about.
	l.referrals = slices.DeleteFunc(l.referrals, func(o referral) bool { return o.result.Ticket == f.result.Ticket })
	at := l.cfg.Clock.Read()
	w := work{Lane: l, read: r.read, at: at, evidence: f.evidence, refers: r.confirm}
	w.result = f.result
	w.result.At, w.result.Seq, w.result.Confirmable, w.result.Timing = at.Now, 0, false, Timing{}
	w.guarded(ctx, func() { w.confirm(ctx, &f.judgement) })
	l.number++
	w.result.Number = l.number
	w.result.Timing.Done = w.since()
	l.log(ctx, w.result)
	l.tell(func(o Observer) { o.Decided(w.result) })
	r.reply(answer{result: w.result})
}

// confirm decides about a referral once more and carries the decision out.
func (w *work) confirm(ctx context.Context, j *judgement) {
	lookup, cancel := context.WithTimeout(ctx, LookupTimeout)
	err := w.cfg.Judge.again(lookup, j, w.at)
	cancel()
	w.result.Mode, w.result.Timing.Verdict = j.in.Mode, w.since()
	if err != nil {
		w.fault(ctx, err)
		j.verdict = w.result.Verdict
	}
	w.settleVerdict(ctx, j)
	w.cfg.Logger.InfoContext(ctx, "a steward confirmed a referral", slog.String("lane", w.cfg.Name),
		slog.Uint64("referral", w.refers), slog.String("outcome", w.result.Verdict.Outcome.String()))
}

// again judges a referral that a steward has confirmed: with what is known now
// of the event and the ticket, and with the proof that was made before.
func (j *Judge) again(ctx context.Context, out *judgement, at clock.Reading) error {
	s, in := j.cfg.Situation(), &out.in
	in.Event, in.SetExpires, in.Admitted, in.Mode = s.Event, s.SetExpires, s.Admitted, s.Mode
	in.Now, in.Uncertainty, in.Steward = at.Now, at.Uncertainty, true
	out.confirmable = false // one word for one referral, whatever comes of it
	if s.Event != nil {
		known, err := j.lookup(ctx, s.Event, in.Ticket.ID, out)
		if err != nil {
			return err
		}
		switch {
		case known.Ticket != nil && known.Ticket.Version > in.Ticket.Version:
			in.Proof = ticket.Transferred
		case known.Ticket == nil && !out.facts.Carried && out.shown == nil:
			in.Known, in.Ticket = false, ticket.Ticket{} // the set has dropped it
		}
	}
	out.verdict = admit.Decide(*in)
	return nil
}
