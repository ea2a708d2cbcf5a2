package mint

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// What says in what the chain differs from the store; a stable code for people's
// screens.
type What string

// The differences. None of them is ever put right by itself.
const (
	Missing    What = "missing"    // there is no token where one should be
	Unexpected What = "unexpected" // there is one where none should be
	OtherForm  What = "form"       // it is another than it should be
	OtherOwner What = "owner"      // it is not in the wallet where it should be
	Foreign    What = "foreign"    // what is at its address is no token of ours
	Garbled    What = "unreadable" // what is at its address cannot be understood
	Undone     What = "undone"     // what was final is gone
)

// Difference is one between the store and the chain.
type Difference struct {
	Ticket    ticket.ID // zero for a commitment or a collection
	Event     ticket.EventID
	Address   string // of the mint, base58, or of the transaction for a commitment
	What      What
	Want, Got string // form and owner as they are kept, and as they are on chain
	Found     time.Time
}

// Walk is what a comparison of all tokens with the chain came to.
type Walk struct {
	Checked     int // tokens
	Skipped     int // with which something was being done
	Differences int
}

const (
	walkAtOnce   = 200
	recheckParts = 4 // of the time that effects are looked after
)

// Reconcile compares all tokens with what is final on chain. What differs is kept in
// the store, logged and counted, and never put right: a person has to look. What is
// being worked on is left out; a wish that a worker that died has left stale is
// renewed. The holder of a free token is not looked for.
func (w *Worker) Reconcile(ctx context.Context) (Walk, error) {
	var sum Walk
	var after ticket.ID
	if err := w.cluster(ctx); err != nil { // on another, all would differ
		return sum, err
	}
	for {
		tokens, err := w.cfg.Store.TokensAfter(ctx, after, walkAtOnce)
		if err != nil {
			return sum, fmt.Errorf("read tokens: %w", err)
		}
		if len(tokens) == 0 {
			break
		}
		after = tokens[len(tokens)-1].Ticket
		ids := make([]ticket.ID, len(tokens))
		for i := range tokens {
			ids[i] = tokens[i].Ticket
		}
		if err := w.wish(ctx, ids); err != nil {
			return sum, err
		}
		part, err := w.compare(ctx, tokens, "")
		if err != nil {
			return sum, err
		}
		sum.Checked, sum.Skipped, sum.Differences = sum.Checked+part.Checked, sum.Skipped+part.Skipped, sum.Differences+part.Differences
	}
	w.mu.Lock()
	w.status.Reconciled, w.status.Checked, w.status.Different = w.cfg.Now(), sum.Checked, sum.Differences
	w.mu.Unlock()
	w.cfg.Observe.Differences(sum.Differences)
	level := slog.LevelInfo
	if sum.Differences > 0 {
		level = slog.LevelError
	}
	w.cfg.Logger.LogAttrs(ctx, level, "tokens were compared with the chain",
		slog.Int("checked", sum.Checked), slog.Int("skipped", sum.Skipped), slog.Int("differences", sum.Differences))
	return sum, nil
}

// walk reconciles on start and now and then, and looks after what has become final,
// until ctx ends.
func (w *Worker) walk(ctx context.Context) {
	every := func(d time.Duration, first time.Duration, what string, do func(context.Context) (Walk, error)) {
		if d <= 0 {
			return
		}
		for again := first; sleep(ctx, again); {
			again = d
			if _, err := do(ctx); err != nil && ctx.Err() == nil {
				w.trouble(ctx, what, err)
				again = min(d, troubleMost)
			}
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		every(w.cfg.RecheckFor/recheckParts, w.cfg.RecheckFor/recheckParts, "recheck", w.recheck)
	}()
	every(w.cfg.ReconcileEvery, 0, "reconcile", w.Reconcile)
	<-done
}

// recheck looks whether what has become final lately still is: no cluster undoes that,
// but for a disaster, and then somebody has to know.
func (w *Worker) recheck(ctx context.Context) (sum Walk, err error) {
	since := w.cfg.Now().Add(-w.cfg.RecheckFor)
	for after := int64(0); ; {
		actions, err := w.cfg.Store.Recheck(ctx, since, after, walkAtOnce)
		if err != nil {
			return sum, fmt.Errorf("read actions: %w", err)
		}
		if len(actions) == 0 {
			return sum, nil
		}
		after = actions[len(actions)-1].ID
		tokens, err := w.lately(ctx, actions)
		if err != nil {
			return sum, err
		}
		part, err := w.compare(ctx, tokens, Undone)
		if err != nil {
			return sum, err
		}
		roots, err := w.recheckRoots(ctx, actions)
		if err != nil {
			return sum, err
		}
		sum.Checked, sum.Differences = sum.Checked+part.Checked+roots.Checked, sum.Differences+part.Differences+roots.Differences
		if sum.Differences > 0 {
			w.cfg.Observe.Differences(sum.Differences)
		}
	}
}

// lately reads the tokens of actions.
func (w *Worker) lately(ctx context.Context, actions []Action) ([]Token, error) {
	var ids []ticket.ID
	for i := range actions {
		if !actions[i].Ticket.IsZero() {
			ids = append(ids, actions[i].Ticket)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	facts, err := w.cfg.Store.Facts(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read tickets: %w", err)
	}
	tokens := make([]Token, 0, len(facts))
	for i := range facts {
		if !facts[i].Token.Ticket.IsZero() {
			tokens = append(tokens, facts[i].Token)
		}
	}
	return tokens, nil
}
