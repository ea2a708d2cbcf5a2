// Package doctor looks at one gate and says, check by check, what is well, what
// is not, and what a person can do about it.
//
// It changes nothing that matters (the disk check writes and removes one small
// file) and decides nothing. It knows no other package of the gate: each check
// gets its facts through functions, so that every fault can be played to it.
package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Level says how bad a finding is.
type Level uint8

// The levels, from best to worst.
const (
	OK   Level = iota // nothing to do
	Warn              // the gate works; look at it before the doors open
	Fail              // the gate cannot do its work
)

// String returns the level's stable word.
func (l Level) String() string {
	switch l {
	case OK:
		return "ok"
	case Warn:
		return "warn"
	case Fail:
		return "fail"
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

// MarshalText writes the level's word.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Finding is what one check found.
type Finding struct {
	Name   string `json:"name"`             // "clock"
	Level  Level  `json:"level"`            //
	Found  string `json:"found"`            // what is, with figures
	Advice string `json:"advice,omitempty"` // what to do, one thing a line; empty when all is well
	Millis int64  `json:"ms"`               // how long the check took

	More   []string `json:"-"`                // lines that only a person wants
	Detail any      `json:"detail,omitempty"` // figures that only a program wants
}

// Check is one thing that can be looked at.
type Check interface {
	// Name is the check's stable word.
	Name() string
	// Look returns what it found. It must return soon after ctx ends. Name and
	// Millis of the finding are filled in by [Examine].
	Look(ctx context.Context) Finding
}

// Report is what all checks found, in the order they were given.
type Report struct {
	Level    Level     `json:"level"` // the worst of the findings
	Findings []Finding `json:"findings"`
}

// ExitCode is 0, 1 or 2 for ok, warn and fail.
func (r *Report) ExitCode() int { return int(r.Level) }

// Patient is a [Check] that may take longer than the others.
type Patient interface {
	// Limit is how long it may take. One that is shorter than that of all checks
	// counts for nothing.
	Limit() time.Duration
}

// Examine runs the checks one after the other, each for at most limit, or for that
// of a [Patient]. A check that does not answer in time is a failure of its own and
// is left behind.
func Examine(ctx context.Context, now func() time.Time, limit time.Duration, checks ...Check) Report {
	r := Report{Findings: make([]Finding, 0, len(checks))}
	for _, c := range checks {
		start, most := now(), limit
		if p, ok := c.(Patient); ok {
			most = max(limit, p.Limit())
		}
		f := look(ctx, most, c)
		f.Name, f.Millis = c.Name(), now().Sub(start).Milliseconds()
		r.Level = max(r.Level, f.Level)
		r.Findings = append(r.Findings, f)
	}
	return r
}

func look(ctx context.Context, limit time.Duration, c Check) Finding {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan Finding, 1)
	go func() { done <- c.Look(ctx) }()
	select {
	case f := <-done:
		return f
	case <-ctx.Done():
	}
	// A check that obeys its context answers now, and knows more than we do.
	grace := time.NewTimer(time.Second)
	defer grace.Stop()
	select {
	case f := <-done:
		return f
	case <-grace.C:
		return Finding{Level: Fail, Found: fmt.Sprintf("no answer within %s", limit), Advice: "something hangs below this check: look at the kernel log (dmesg)"}
	}
}

// WriteJSON writes the report as one indented JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

// WriteText writes the report for a person: a line a finding, and under it
// what to do.
func (r *Report) WriteText(w io.Writer) error {
	width := 0
	for _, f := range r.Findings {
		width = max(width, len(f.Name))
	}
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%-4s  %-*s  %s\n", f.Level, width, f.Name, f.Found)
		for _, more := range f.More {
			fmt.Fprintf(&b, "%-4s  %-*s  %s\n", "", width, "", more)
		}
		for advice := range strings.Lines(f.Advice) {
			fmt.Fprintf(&b, "%-4s  %-*s  → %s\n", "", width, "", strings.TrimRight(advice, "\n"))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
