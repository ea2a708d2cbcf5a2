package lane

import (
	"context"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/sync/pass"
)

// Explanation is the answer of a dry run.
type Explanation struct {
	Form    string        `json:"form,omitempty"`
	Ticket  string        `json:"ticket,omitempty"`
	Known   bool          `json:"known"`
	Carried bool          `json:"carried,omitempty"` // the ticket comes from the pass
	Hint    string        `json:"hint,omitempty"`    // why the text is no pass, or the presentation proves nothing
	Verdict admit.Verdict `json:"verdict"`
	Steps   []admit.Step  `json:"steps"`

	Holder      string             `json:"holder,omitempty"`      // of a presentation: a DID
	Credentials []proof.Credential `json:"credentials,omitempty"` // of a presentation
}

// Presented is the form that explanations give to a presentation.
const Presented = "presentation"

// Check explains what the gate would decide about a text at a time. It changes
// nothing: no entry is claimed, nothing is written, and a nonce stays open. The
// nonce that a challenge or accredited pass answers may be given; nil is any that
// the lane has open. The error is that of the registry.
func (j *Judge) Check(ctx context.Context, text string, nonce *pass.Nonce, at clock.Reading) (Explanation, error) {
	p, malformed := pass.Parse(text)
	out, err := j.judge(ctx, question{pass: p, at: at, dry: true, nonce: nonce})
	if err != nil {
		return Explanation{}, err
	}
	e := out.explain()
	if p == nil {
		e.Hint = malformed.Error()
		return e, nil
	}
	e.Form, e.Ticket = p.Form.String(), p.ID.String()
	return e, nil
}

// CheckPresentation is Check for a packed presentation, which answers that nonce.
func (j *Judge) CheckPresentation(ctx context.Context, packed []byte, nonce pass.Nonce, at clock.Reading) (Explanation, error) {
	out, err := j.judge(ctx, question{packed: packed, at: at, dry: true, nonce: &nonce})
	if err != nil {
		return Explanation{}, err
	}
	e := out.explain()
	e.Form, e.Hint, e.Holder, e.Credentials = Presented, out.shown.Why, out.shown.Holder, out.shown.All
	if out.in.Known {
		e.Ticket = out.in.Ticket.ID.String()
	}
	return e, nil
}

func (j *judgement) explain() Explanation {
	return Explanation{Known: j.in.Known, Carried: j.facts.Carried, Verdict: j.verdict, Steps: admit.Explain(j.in)}
}
