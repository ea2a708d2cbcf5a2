package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Finding is what a gate's /healthz says of one of its parts.
type Finding struct {
	Name  string `json:"name"`
	State string `json:"state"` // ready, degraded or down
	Hint  string `json:"hint"`
	Note  string `json:"note"`
}

// Word is the word at the beginning of the note.
func (f Finding) Word() string {
	word, _, _ := strings.Cut(f.Note, ":")
	return word
}

// Health asks the gate how one of its parts is.
func (g *Gate) Health(ctx context.Context, part string) (Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.Panel+"/healthz", nil)
	if err != nil {
		return Finding{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Finding{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	var report struct {
		Checks []Finding `json:"checks"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&report); err != nil {
		return Finding{}, fmt.Errorf("health: %w", err)
	}
	for _, f := range report.Checks {
		if f.Name == part {
			return f, nil
		}
	}
	return Finding{}, fmt.Errorf("health: the gate says nothing of its %s", part)
}

// AwaitTurnstile waits until the gate says that its turnstile is ready, or forced,
// or whatever the word is.
func (g *Gate) AwaitTurnstile(ctx context.Context, word string) (Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		f, err := g.Health(ctx, "turnstile")
		if err == nil && f.Word() == word {
			return f, nil
		}
		select {
		case <-look.C:
		case <-g.process.Done():
			return f, errors.New("the gate has ended")
		case <-ctx.Done():
			return f, errors.Join(fmt.Errorf("the gate says of its turnstile %q, want %s", f.Note, word), err, ctx.Err())
		}
	}
}
