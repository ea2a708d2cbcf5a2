package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

func checkCommand() *subcommand {
	return &subcommand{
		name: "check", args: "PASS…", summary: "explain what this gate would decide, without deciding it",
		detail: `
PASS is the text of the code; - reads it from standard input, which spares it
the shell. A presentation of credentials is given as all its parts, as arguments
or one a line in a file. Nothing is claimed, written or opened. The answer is for
this gate alone, as if it could ask nobody. The exit status is 0 whatever the
verdict.

A pass that answers a nonce needs --nonce, the text that the lane showed. A
presentation says itself what it answers; that this gate did show it is taken for
granted.

  gate check 'CTR1…' --at 2026-12-12T18:30:00+09:00
  gate decode --json photo.jpg | jq -r .text | gate check -
  gate decode --json film/*.jpg | jq -r .text | gate check --parts -`,
		flags: func(c *call) {
			c.at = c.String("at", "", "the `time` to decide at, RFC 3339; now if left out")
			c.parts = c.String("parts", "", "read the parts of a presentation from `file`, one a line; - is standard input")
			c.nonce = c.String("nonce", "", "the `text` of the nonce that was shown (CTN1…)")
			c.Var(&c.event, "event", "the `number` of the event, if this device serves several")
			c.asJSON = c.Bool("json", false, "print one JSON object")
		},
		run: func(ctx context.Context, a *app, c *call) error {
			if err := c.wantPasses(); err != nil {
				return err
			}
			at := a.now()
			if *c.at != "" {
				t, err := time.Parse(time.RFC3339, *c.at)
				if err != nil {
					return c.Wrong("--at %q is not a time such as 2026-12-12T18:30:00+09:00", *c.at)
				}
				at = t
			}
			asked, err := a.asked(c)
			if err != nil {
				return err
			}
			asked.at = at
			conf, err := c.load()
			if err != nil {
				return err
			}
			u, err := a.peek(ctx, &conf)
			if err != nil {
				return err
			}
			e, err := a.explain(ctx, u, &conf, c.event.id, asked)
			if err = errors.Join(err, u.store.Close()); err != nil {
				return diskError(err)
			}
			if *c.asJSON {
				enc := json.NewEncoder(a.out)
				enc.SetEscapeHTML(false)
				enc.SetIndent("", "  ")
				return enc.Encode(e)
			}
			return a.showExplanation(e)
		},
	}
}

func (a *app) explain(ctx context.Context, u *unlocked, conf *config, event ticket.EventID, q asked) (*lane.Explanation, error) {
	clk, err := clock.New(ctx, clock.Config{Now: a.now, RTC: conf.Clock.Uncertainty})
	if err != nil {
		return nil, err
	}
	issued, err := newCredentials(ctx, u.store)
	if err != nil {
		return nil, err
	}
	if err := issued.trust(ctx, u.list); err != nil {
		hint.Complain(a.err, "gate", err) // the gate does without that issuer as well
	}
	prover, err := proof.New(ctx, proof.Config{
		Keyring: func() *trust.Keyring { return u.ring }, Credentials: issued, Gate: u.id.Device(),
	})
	if err != nil {
		return nil, err
	}
	situation := &situation{store: u.store, events: u.id.Events(), only: event}
	if err := situation.refresh(ctx, q.at); err != nil {
		return nil, err
	}
	judge, err := lane.NewJudge(ctx, lane.JudgeConfig{
		Gate: u.id.Gate(), Registry: memory{Store: u.store, gate: u.id.Gate()}, Prover: prover, Presenter: prover,
		Staff: conf.Lane.Staff, Situation: situation.now,
	})
	if err != nil {
		return nil, err
	}
	// How sure the clock is belongs to this device, not to the moment asked about.
	at := clock.Reading{Now: q.at, Uncertainty: clk.Read().Uncertainty, Source: clk.Read().Source}
	if q.packed == nil {
		e, err := judge.Check(ctx, q.text, q.nonce, at)
		return &e, err
	}
	e, err := judge.CheckPresentation(ctx, q.packed, shownNonce(issued, u.id.Device(), q), at)
	return &e, err
}

// shownNonce is the nonce that a presentation is checked against: the one given,
// or the one it claims, if this gate could have shown it.
func shownNonce(issued *credentials, device ticket.DeviceID, q asked) pass.Nonce {
	if q.nonce != nil {
		return *q.nonce
	}
	if claimed, err := issued.Nonce(q.packed); err == nil {
		if n, err := pass.ParseNonce(claimed); err == nil && n.Gate == device {
			return n
		}
	}
	return pass.Nonce{}
}

func (a *app) showExplanation(e *lane.Explanation) error {
	var b strings.Builder
	v := e.Verdict
	fmt.Fprintf(&b, "%s: %s", v.Outcome, v.Reason)
	switch {
	case e.Form == lane.Presented:
		b.WriteString(" (presentation)")
	case e.Form != "":
		fmt.Fprintf(&b, " (%s pass of ticket %.8s)", e.Form, e.Ticket)
	}
	b.WriteString("\n")
	showCredentials(&b, e)
	if e.Hint != "" {
		fmt.Fprintf(&b, "  %s\n", e.Hint)
	}
	if v.Detail.Where != "" {
		fmt.Fprintf(&b, "  earlier: %s at %s\n", v.Detail.Where, v.Detail.At.Format(time.RFC3339))
	}
	if len(v.Detail.Gates) > 0 {
		fmt.Fprintf(&b, "  go to: %s\n", strings.Join(v.Detail.Gates, ", "))
	}
	width := 0
	for _, s := range e.Steps {
		width = max(width, len(s.Rule))
	}
	b.WriteString("\n")
	for _, s := range e.Steps {
		mark, why := "ok  ", s.Asks
		switch s.Result {
		case admit.Passed:
		case admit.Failed:
			mark = "FAIL"
			if s.Verdict != nil {
				why += ": " + s.Verdict.Outcome.String() + ", " + string(s.Verdict.Reason)
			}
		case admit.Skipped:
			mark = "skip"
		}
		fmt.Fprintf(&b, "  %s  %-*s  %s\n", mark, width, s.Rule, why)
	}
	_, err := io.WriteString(a.out, b.String())
	return err
}

// showCredentials lists what was in a presentation.
func showCredentials(b *strings.Builder, e *lane.Explanation) {
	if e.Holder != "" {
		fmt.Fprintf(b, "  holder: %s\n", e.Holder)
	}
	for i := range e.Credentials {
		c := &e.Credentials[i]
		what := ""
		switch c.Type {
		case proof.FamilyCredential:
			what = c.Relation
		case proof.AgeCredential:
			what = fmt.Sprintf("%d or older", c.Over)
		case proof.StaffCredential:
			what = fmt.Sprintf("%s, class %d of events %v", c.Role, c.Class, c.Events)
		}
		fmt.Fprintf(b, "  %s credential: %s\n", c.Type, what)
		fmt.Fprintf(b, "    issuer: %s (%s), until %s\n", c.IssuerName, c.Issuer, c.Expires.UTC().Format(time.RFC3339))
		status := "its issuer cannot take it back"
		switch {
		case c.StatusKnown:
			status = "status list " + c.StatusAge.Round(time.Second).String() + " old"
		case c.Revocable:
			status = "no status list: nobody here knows whether it was taken back"
		}
		fmt.Fprintf(b, "    %s\n", status)
	}
}
