package lane

import (
	"context"
	"errors"
	"fmt"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// JudgeConfig holds what a [Judge] asks.
type JudgeConfig struct {
	Gate      string // the gate's name in the event's rules
	Registry  Registry
	Prover    Prover
	Situation func() Situation

	// Presenter verifies presentations of credentials; nil at a lane that takes none.
	Presenter Presenter

	// Staff says that a steward stands at this lane, who can confirm referrals.
	Staff bool
}

// Judge takes a text through parsing, lookup, proof and the rules. It writes
// nothing and opens nothing.
type Judge struct{ cfg JudgeConfig }

// NewJudge checks the configuration.
func NewJudge(_ context.Context, cfg JudgeConfig) (*Judge, error) {
	if cfg.Gate == "" || cfg.Registry == nil || cfg.Prover == nil || cfg.Situation == nil {
		return nil, errors.New("judge needs the gate's name, a registry, a prover and the situation")
	}
	return &Judge{cfg: cfg}, nil
}

// question is what is to be judged, and when.
type question struct {
	pass   *pass.Pass // nil for a text that is no pass, and for a presentation
	packed []byte     // of a presentation; else nil
	at     clock.Reading
	age    uint8 // that was shown just before

	// For explanations: leave nonces open, and take this one for open.
	dry   bool
	nonce *pass.Nonce
}

// judgement is all that was found out about one pass or presentation.
type judgement struct {
	pass    *pass.Pass // nil for a text that is no pass
	shown   *proof.Shown
	facts   proof.Facts
	in      admit.In
	verdict admit.Verdict

	// confirmable says that a steward of this lane may turn the referral into an
	// admission.
	confirmable bool
}

// judge decides. The error is that of the registry: nothing can be decided then.
func (j *Judge) judge(ctx context.Context, q question) (judgement, error) {
	s := j.cfg.Situation()
	out := judgement{pass: q.pass, in: admit.In{
		Event: s.Event, SetExpires: s.SetExpires, Gate: j.cfg.Gate, Admitted: s.Admitted, Mode: s.Mode,
		Now: q.at.Now, Uncertainty: q.at.Uncertainty, CanChallenge: j.cfg.Prover.CanChallenge(),
		StaffLane: j.cfg.Staff, AgeShown: q.age,
	}}
	var err error
	switch {
	case q.packed != nil:
		err = j.present(ctx, s.Event, q, &out)
	case q.pass == nil:
		out.in.Proof = ticket.Malformed
	default:
		out.in.Form, out.in.Lease = q.pass.Form, lease(q.pass, s.Lease)
		if s.Event != nil {
			err = j.gather(ctx, s.Event, q, &out)
		}
	}
	if err != nil {
		return out, err
	}
	out.verdict = admit.Decide(out.in)
	if out.verdict.Outcome == ticket.Refer {
		yes := out.in
		yes.Steward = true
		out.confirmable = admit.Decide(yes).Outcome == ticket.Admit
	}
	return out, nil
}

// lease says how the session of a pass fares.
func lease(p *pass.Pass, ask func([8]byte) admit.LeaseState) admit.LeaseState {
	id, ok := p.Lease()
	switch {
	case !ok:
		return admit.LeaseNone
	case ask == nil:
		return admit.LeaseUnknown
	}
	return ask(id)
}

// gather finds the ticket and what the pass proves of it.
func (j *Judge) gather(ctx context.Context, event *ticket.Event, q question, out *judgement) error {
	known, err := j.lookup(ctx, event, q.pass.ID, out)
	if err != nil {
		return err
	}
	out.facts = j.cfg.Prover.Check(proof.Question{
		Pass: q.pass, Stored: known.Ticket, Party: event.RelyingParty,
		Now: q.at.Now, Uncertainty: q.at.Uncertainty, Dry: q.dry, Nonce: q.nonce,
	})
	out.in.Proof, out.in.Known, out.in.Ticket = out.facts.Proof, out.facts.Known, out.facts.Ticket
	return nil
}

// lookup takes over what the disk knows of a ticket's use.
func (j *Judge) lookup(ctx context.Context, event *ticket.Event, id ticket.ID, out *judgement) (Known, error) {
	known, err := j.cfg.Registry.Lookup(ctx, event.ID, id)
	if err != nil {
		return Known{}, fmt.Errorf("look up ticket %.8s: %w", id, err)
	}
	out.in.Status, out.in.Entries, out.in.Uses, out.in.LastExit = known.Status, known.Entries, known.Uses, known.LastExit
	return known, nil
}
