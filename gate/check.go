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
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

func checkCommand() *command {
	return &command{
		name: "check", args: "PASS", summary: "explain what this gate would decide, without deciding it",
		detail: `
PASS is the text of the code; - reads it from standard input, which spares it
the shell. Nothing is claimed, written or opened. The answer is for this gate
alone, as if it could ask nobody. The exit status is 0 whatever the verdict.

  gate check 'CTR1…' --at 2026-12-12T18:30:00+09:00
  gate decode --json photo.jpg | jq -r .text | gate check -`,
		flags: func(c *call) {
			c.at = c.String("at", "", "the `time` to decide at, RFC 3339; now if left out")
			c.Var(&c.event, "event", "the `number` of the event, if this device serves several")
			c.asJSON = c.Bool("json", false, "print one JSON object")
		},
		run: func(ctx context.Context, a *app, c *call) error {
			if err := c.want(1, 1); err != nil {
				return err
			}
			at := a.now()
			if *c.at != "" {
				t, err := time.Parse(time.RFC3339, *c.at)
				if err != nil {
					return c.usageError("--at %q is not a time such as 2026-12-12T18:30:00+09:00", *c.at)
				}
				at = t
			}
			text, err := a.passText(c.rest[0])
			if err != nil {
				return err
			}
			conf, err := c.load()
			if err != nil {
				return err
			}
			u, err := a.peek(ctx, &conf)
			if err != nil {
				return err
			}
			e, err := a.explain(ctx, u, &conf, c.event.id, text, at)
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

// passText returns the argument, or one line of standard input for "-".
func (a *app) passText(arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	b, err := io.ReadAll(io.LimitReader(a.in, pass.MaxText+3))
	if err != nil {
		return "", fmt.Errorf("read pass: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

func (a *app) explain(ctx context.Context, u *unlocked, conf *config, event ticket.EventID, text string, at time.Time) (*lane.Explanation, error) {
	clk, err := clock.New(ctx, clock.Config{Now: a.now, RTC: conf.Clock.Uncertainty})
	if err != nil {
		return nil, err
	}
	prover, err := proof.New(ctx, proof.Config{Keyring: func() *trust.Keyring { return u.ring }})
	if err != nil {
		return nil, err
	}
	situation := &situation{store: u.store, events: u.id.Events(), only: event}
	if err := situation.refresh(ctx, at); err != nil {
		return nil, err
	}
	judge, err := lane.NewJudge(ctx, lane.JudgeConfig{
		Gate: u.id.Gate(), Registry: memory{Store: u.store, gate: u.id.Gate()}, Prover: prover, Situation: situation.now,
	})
	if err != nil {
		return nil, err
	}
	// How sure the clock is belongs to this device, not to the moment asked about.
	e, err := judge.Check(ctx, text, nil, clock.Reading{Now: at, Uncertainty: clk.Read().Uncertainty, Source: clk.Read().Source})
	return &e, err
}

func (a *app) showExplanation(e *lane.Explanation) error {
	var b strings.Builder
	v := e.Verdict
	fmt.Fprintf(&b, "%s: %s", v.Outcome, v.Reason)
	if e.Form != "" {
		fmt.Fprintf(&b, " (%s pass of ticket %.8s)", e.Form, e.Ticket)
	}
	b.WriteString("\n")
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
