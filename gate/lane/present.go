package lane

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// present finds what a presentation proves, and the accreditation in it.
func (j *Judge) present(ctx context.Context, event *ticket.Event, q question, out *judgement) error {
	out.shown = &proof.Shown{Proof: ticket.FormNotAllowed}
	if j.cfg.Presenter != nil {
		shown := j.cfg.Presenter.Present(ctx, proof.Presentation{Packed: q.packed, Now: q.at.Now, Nonce: q.nonce})
		out.shown = &shown
	}
	in := &out.in
	in.Form, in.Proof, in.Presented = pass.Accredited, out.shown.Proof, admit.PresentedOther
	if in.Proof != ticket.OK || event == nil {
		return nil
	}
	c, what := accreditation(event, out.shown.All)
	in.Presented = what
	if what != admit.PresentedStaff {
		return nil
	}
	in.Known, in.Ticket = true, ticket.Ticket{
		ID: proof.PresentedID(c.ID, out.shown.Holder), Event: event.ID, Class: c.Class, Version: 1, NotAfter: c.Expires.Unix(),
	}
	out.facts = proof.Facts{Proof: ticket.OK, Known: true, Ticket: in.Ticket}
	_, err := j.lookup(ctx, event, in.Ticket.ID, out)
	return err
}

// accreditation finds the credential that lets staff into the event.
func accreditation(event *ticket.Event, all []proof.Credential) (proof.Credential, admit.Presented) {
	what := admit.PresentedAway
	for i := range all {
		c := &all[i]
		if c.Type != proof.StaffCredential {
			what = admit.PresentedOther // something for a steward to look at
			continue
		}
		if class, ok := event.Class(c.Class); ok && class.Staff && slices.Contains(c.Events, event.ID) {
			return *c, admit.PresentedStaff
		}
	}
	return proof.Credential{}, what
}

// Progress is how much of a presentation has been read.
type Progress struct {
	Have  int `json:"have"`
	Total int `json:"total"`
}

// Gatherer is an [Observer] that is also told how far a presentation has come;
// zero when it was given up.
type Gatherer interface {
	Gathered(Progress)
}

// progress tells how far a presentation has come, if that is news.
func (l *Lane) progress() {
	var p Progress
	p.Have, p.Total = l.parts.Progress(l.cfg.Now())
	if p == l.told {
		return
	}
	l.told = p
	l.tell(func(o Observer) {
		if g, ok := o.(Gatherer); ok {
			g.Gathered(p)
		}
	})
}

// part takes one part of a presentation, and decides when it was the last one.
func (w *work) part(ctx context.Context, p pass.Part) (fresh bool) {
	if w.cfg.Judge.cfg.Presenter == nil || !w.cfg.Judge.cfg.Staff {
		w.result.Verdict = admit.ToStaffLane()
		w.recordVerdict(ctx)
		return true
	}
	packed, err := w.parts.Add(p, w.cfg.Now())
	switch {
	case err != nil:
		w.cfg.Logger.InfoContext(ctx, "parts of a presentation do not fit", slog.String("lane", w.cfg.Name), slog.Any("error", err))
		w.forget = true // shown again from the beginning it may well fit
		w.result.Verdict = admit.Fail(ticket.Refuse, ticket.CredentialInvalid, "parts")
		w.recordVerdict(ctx)
		w.told = Progress{}
		return true
	case packed == nil:
		w.progress()
		w.result.Parts = w.told
		return false
	}
	w.told = Progress{} // the answer takes its place
	w.evidence = sha256.Sum256(packed)
	w.result.Form, w.result.Presented = pass.Accredited, true
	w.decideOn(ctx, question{packed: packed, at: w.at})
	return true
}

// unverified reports whether a presentation proved nothing at all.
func (j *judgement) unverified() bool {
	return j.shown != nil && (j.shown.Proof == ticket.CredentialInvalid || j.shown.Proof == ticket.NonceUnknown)
}

// recordVerdict writes a refusal or referral that no rule had to be asked about, as
// far as there is room for strangers.
func (w *work) recordVerdict(ctx context.Context) {
	if !w.strangers.take(w.cfg.Now()) {
		return
	}
	s := w.cfg.Judge.cfg.Situation()
	w.result.Mode = s.Mode
	w.record(ctx, w.entry(&judgement{in: admit.In{Event: s.Event, Mode: s.Mode}, verdict: w.result.Verdict}))
}

// ageLife is how long a proved age waits for its ticket.
const ageLife = time.Minute

// shownAge is an age that a credential has proved, for the next ticket at this
// lane. That the same person shows both is for the steward to see.
type shownAge struct {
	over  uint8
	until time.Time
}

// at returns the age if it still counts; zero if it does not.
func (a shownAge) at(now time.Time) uint8 {
	if !now.Before(a.until) {
		return 0
	}
	return a.over
}
