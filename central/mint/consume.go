package mint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/sync/ticket"
)

// Consumer is the worker's ear: it learns from the outbox which tickets are others than
// they were, and stores what their tokens shall be. Run it beside the worker.
func (w *Worker) Consumer() outbox.Consumer {
	return outbox.Consumer{
		Name: "mint",
		Kinds: []outbox.Kind{
			outbox.TicketNew, outbox.TicketRebind, outbox.TicketStatus, outbox.TicketAdmitted, outbox.TokenClaimed, outbox.WalletLinked, outbox.SetPublished,
		},
		Handle: w.handle,
	}
}

// handle looks at the present state of what rows are about; what they say themselves
// may have been overtaken.
func (w *Worker) handle(ctx context.Context, rows []outbox.Row) error {
	var ids []ticket.ID
	newest := make(map[ticket.EventID]uint64)
	for i := range rows {
		switch r := &rows[i]; r.Kind { //nolint:exhaustive // those of the consumer
		case outbox.SetPublished:
			var body outbox.Published
			if err := json.Unmarshal(r.Body, &body); err != nil {
				return fmt.Errorf("row %d: %w", r.Seq, err)
			}
			newest[r.Event] = max(newest[r.Event], body.Version)
		case outbox.WalletLinked:
			of, err := w.cfg.Store.TokensOf(ctx, r.Account)
			if err != nil {
				return fmt.Errorf("tokens of an account: %w", err)
			}
			for j := range of {
				ids = append(ids, of[j].Ticket)
			}
		default:
			if !r.Ticket.IsZero() {
				ids = append(ids, r.Ticket)
			}
		}
	}
	if err := w.wish(ctx, ids); err != nil {
		return err
	}
	for event, version := range newest {
		if err := w.commit(ctx, event, version); err != nil {
			return err
		}
	}
	w.Wake()
	return nil
}

const (
	wishAtOnce = 500
	wishAgain  = 5 // times that a ticket may change while its wish is being stored
)

// wish stores what the tokens of tickets shall be. As another may be doing the same
// with facts that are older or newer, it looks again afterwards: whoever looks last
// has seen the last fact.
func (w *Worker) wish(ctx context.Context, ids []ticket.ID) error {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b ticket.ID) int { return slices.Compare(a[:], b[:]) })
	ids = slices.Compact(ids)
	for part := range slices.Chunk(ids, wishAtOnce) {
		var stored []Desire
		for range wishAgain {
			wishes, err := w.decide(ctx, part)
			if err != nil {
				return err
			}
			if slices.Equal(wishes, stored) {
				break
			}
			if err := w.cfg.Store.Wish(ctx, wishes, w.Address); err != nil {
				return fmt.Errorf("store wishes: %w", err)
			}
			stored = wishes
		}
	}
	return nil
}

// decide says what the tokens of tickets shall be.
func (w *Worker) decide(ctx context.Context, ids []ticket.ID) ([]Desire, error) {
	facts, err := w.cfg.Store.Facts(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read tickets: %w", err)
	}
	var accounts []string
	for i := range facts {
		if facts[i].Account != "" {
			accounts = append(accounts, facts[i].Account)
		}
	}
	slices.Sort(accounts)
	wallets := map[string]string{}
	if accounts = slices.Compact(accounts); len(accounts) > 0 {
		if wallets, err = w.cfg.Wallets.Addresses(ctx, accounts); err != nil {
			return nil, fmt.Errorf("wallets: %w", err)
		}
	}
	var wishes []Desire
	rules := make(map[ticket.EventID]rule)
	for _, f := range facts {
		var r rule
		if !wished(&f.Token) { // otherwise neither matters any more
			if r, err = w.rule(ctx, f.Ticket.Event, rules); err != nil {
				return nil, err
			}
		}
		if f.Token.Ticket.IsZero() && r.staff[f.Ticket.Class] {
			continue
		}
		if d, ok := Decide(f, r.over, w.cfg.Mode, wallets[f.Account]); ok {
			wishes = append(wishes, d)
		}
	}
	slices.SortFunc(wishes, func(a, b Desire) int { return slices.Compare(a.Ticket[:], b.Ticket[:]) })
	return wishes, nil
}

// rule is what an event has to say about tokens that are not made yet.
type rule struct {
	over bool

	// staff are the classes of accreditations. They have no tokens: they are nobody's to
	// keep, and one that was revoked may come into force again.
	staff map[uint8]bool
}

func (w *Worker) rule(ctx context.Context, event ticket.EventID, known map[ticket.EventID]rule) (rule, error) {
	if r, ok := known[event]; ok {
		return r, nil
	}
	e, err := w.cfg.Events.Event(ctx, event)
	if err != nil {
		return rule{}, fmt.Errorf("read event: %w", err)
	}
	r := rule{over: w.cfg.Now().Unix() >= e.Ends, staff: make(map[uint8]bool)}
	for _, c := range e.Classes {
		r.staff[c.ID] = c.Staff
	}
	known[event] = r
	return r, nil
}

// commit has the root of a set put on chain, unless that of an equal one is there. In
// eager mode every ticket is there itself. A set that cannot be committed, such as one
// of years ago, whose manifest has expired, keeps nothing else waiting.
func (w *Worker) commit(ctx context.Context, event ticket.EventID, version uint64) error {
	if w.cfg.Mode != Lazy {
		return nil
	}
	root, err := w.cfg.Sets.Root(ctx, event, version)
	if err == nil {
		err = w.cfg.Store.KeepRoot(ctx, root)
	}
	switch {
	case errors.Is(err, ErrUnknownSet): // a newer one took its place, and has a row of its own
		w.cfg.Logger.InfoContext(ctx, "a ticket set is gone before its root was put on chain",
			slog.String("event", event.String()), slog.Uint64("version", version))
		return nil
	case errors.Is(err, ErrBadSet), errors.Is(err, ErrStale): // the latter: another root of the same version is kept
		w.cfg.Logger.ErrorContext(ctx, "the root of a ticket set cannot be put on chain; the next set's will be",
			slog.String("event", event.String()), slog.Uint64("version", version), slog.Any("error", err))
		return nil
	case err != nil:
		return fmt.Errorf("root of set %d of event %s: %w", version, event, err)
	}
	// The store opens one for each version, once.
	if _, err := w.cfg.Store.Begin(ctx, []Action{{
		Kind: Commit, Event: event, Set: root.Version, Root: root.Root, State: Wanted, Due: w.cfg.Now(),
	}}); err != nil {
		return fmt.Errorf("open action for a root: %w", err)
	}
	return nil
}
