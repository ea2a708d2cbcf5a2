package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/ticket"
)

// planArgs is what the command plan takes.
const planArgs = "check PLAN.json | from-pretix SEATING.json [PLAN.json] | to-pretix PLAN.json"

// runPlan looks at plans, and takes seats from and to pretix; the result goes to the
// standard output.
func runPlan(_ context.Context, a *app, f *flags) error {
	if err := f.Want(2, 3); err != nil {
		return err
	}
	most := seatmap.MaxPlan
	if f.Rest[0] == "from-pretix" {
		most = seatmap.MaxPretix
	}
	given, err := readFile(f.Rest[1], most)
	if err != nil {
		return err
	}
	var into []byte
	if len(f.Rest) == 3 {
		if f.Rest[0] != "from-pretix" {
			return f.Wrong("want %s", planArgs)
		}
		if into, err = readFile(f.Rest[2], seatmap.MaxPlan); err != nil {
			return err
		}
	}
	var out []byte
	switch f.Rest[0] {
	case "check":
		return checkPlan(a.out, given)
	case "to-pretix":
		out, err = seatmap.ExportPretix(given)
	case "from-pretix":
		var l *seatmap.Layout
		if l, err = seatmap.ParsePretix(given); err == nil {
			out, err = l.Into(into)
		}
	default:
		return f.Wrong("want %s", planArgs)
	}
	if err != nil {
		return planError(err)
	}
	_, err = a.out.Write(append(out, '\n'))
	return err
}

// checkPlan says what is in a plan, or what is wrong with it. Whose passkeys a plan
// asks for may be left to the central that it is imported into.
func checkPlan(w io.Writer, plan []byte) error {
	p, err := seatmap.ParseFor(plan, ticket.RelyingParty{ID: "localhost", Origin: "http://localhost"})
	if err != nil {
		return planError(err)
	}
	_, err = fmt.Fprintf(w, "event %s %q, %d zones, %d places\n", p.Event.ID, p.Event.Name, len(p.Event.Zones), len(p.Places))
	return err
}

// planError says what to do about a plan.
func planError(err error) error {
	var e *seatmap.Error
	if errors.As(err, &e) {
		return hint.Errorf(e.Hint, "%w", err)
	}
	return err
}

// readFile reads a file of at most so many bytes; of a larger one, one more.
func readFile(name string, most int) (b []byte, err error) {
	file, err := os.Open(name) // #nosec G304 -- the operator's own path
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return io.ReadAll(io.LimitReader(file, int64(most)+1))
}
