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

// judgement is all that was found out about one text.
type judgement struct {
	pass    *pass.Pass // nil for a text that is no pass
	facts   proof.Facts
	in      admit.In
	verdict admit.Verdict
}

// judge decides about a pass, or about a text that is none when p is nil. The
// error is that of the registry: nothing can be decided then. Dry leaves a nonce
// open.
func (j *Judge) judge(ctx context.Context, p *pass.Pass, at clock.Reading, dry bool) (judgement, error) {
	s := j.cfg.Situation()
	out := judgement{pass: p, in: admit.In{
		Event: s.Event, SetExpires: s.SetExpires, Gate: j.cfg.Gate, Admitted: s.Admitted, Mode: s.Mode,
		Now: at.Now, Uncertainty: at.Uncertainty, CanChallenge: j.cfg.Prover.CanChallenge(),
	}}
	if p == nil {
		out.in.Proof = ticket.Malformed
		out.verdict = admit.Decide(out.in)
		return out, nil
	}
	out.in.Form = p.Form
	if s.Event != nil {
		if err := j.gather(ctx, s.Event, at, dry, &out); err != nil {
			return out, err
		}
	}
	out.verdict = admit.Decide(out.in)
	return out, nil
}

// gather finds the ticket and what the pass proves of it.
func (j *Judge) gather(ctx context.Context, event *ticket.Event, at clock.Reading, dry bool, out *judgement) error {
	known, err := j.cfg.Registry.Lookup(ctx, event.ID, out.pass.ID)
	if err != nil {
		return fmt.Errorf("look up ticket %.8s: %w", out.pass.ID, err)
	}
	out.facts = j.cfg.Prover.Check(proof.Question{
		Pass: out.pass, Stored: known.Ticket, Party: event.RelyingParty,
		Now: at.Now, Uncertainty: at.Uncertainty, Dry: dry,
	})
	out.in.Proof, out.in.Known, out.in.Ticket = out.facts.Proof, out.facts.Known, out.facts.Ticket
	out.in.Status, out.in.Entries, out.in.Uses, out.in.LastExit = known.Status, known.Entries, known.Uses, known.LastExit
	return nil
}

// Check explains what the gate would decide about a text at a time. It changes
// nothing: no entry is claimed, nothing is written, and a nonce stays open. The
// error is that of the registry.
func (j *Judge) Check(ctx context.Context, text string, at clock.Reading) (Explanation, error) {
	p, malformed := pass.Parse(text)
	out, err := j.judge(ctx, p, at, true)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{
		Known: out.facts.Known, Carried: out.facts.Carried,
		Verdict: out.verdict, Steps: admit.Explain(out.in),
	}
	if p == nil {
		e.Hint = malformed.Error()
		return e, nil
	}
	e.Form, e.Ticket = p.Form.String(), p.ID.String()
	return e, nil
}
