package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// memory is the store as a lane sees it: its [lane.Registry] and [lane.Ledger].
type memory struct {
	*store.Store
	gate string // what screens call entries through this gate
	wake func() // tells the uplink that the journal has grown; may be nil
	won  func() // tells the situation that somebody was admitted; may be nil
}

var (
	_ lane.Registry = memory{}
	_ lane.Ledger   = memory{}
)

// Lookup reads what is known of a ticket.
func (m memory) Lookup(ctx context.Context, event ticket.EventID, id ticket.ID) (lane.Known, error) {
	row, err := m.LookupTicket(ctx, event, id)
	known := lane.Known{Status: row.Status, Entries: int(row.Entries), Uses: m.uses(row.Claim, row.Elsewhere)}
	if row.LastExit != 0 {
		known.LastExit = row.LastExit.Time()
	}
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrNoSet):
		return known, nil
	case err != nil:
		return lane.Known{}, err
	}
	known.Ticket = &row.Ticket
	return known, nil
}

// Claim takes one entry of a ticket and writes the decision.
func (m memory) Claim(ctx context.Context, c lane.Claim) (lane.Claimed, error) {
	got, err := m.Store.Claim(ctx, store.ClaimRequest{Entry: c.Entry, Ticket: c.Carried, Version: c.Version, MaxEntries: c.MaxEntries, Unlimited: c.Unlimited})
	if err != nil {
		return lane.Claimed{}, err
	}
	m.grown()
	if got.Won && m.won != nil {
		m.won()
	}
	out := lane.Claimed{Seq: got.Seq, Won: got.Won, Reason: got.Reason}
	if uses := m.uses(got.Holder, got.Elsewhere); len(uses) > 0 {
		out.Holder = uses[len(uses)-1]
	}
	return out, nil
}

// Record writes a refusal or a referral.
func (m memory) Record(ctx context.Context, e journal.Entry) (uint64, error) {
	seq, err := m.Store.Record(ctx, e)
	if err == nil {
		m.grown()
	}
	return seq, err
}

// Settle writes what became of a claim.
func (m memory) Settle(ctx context.Context, seq uint64, kind journal.Kind, reason ticket.Reason) error {
	err := m.Store.Settle(ctx, seq, kind, reason)
	if errors.Is(err, store.ErrSettled) || errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %w", lane.ErrFinal, err)
	}
	if err == nil {
		m.grown()
	}
	return err
}

func (m memory) grown() {
	if m.wake != nil {
		m.wake()
	}
}

// uses lists the entries that can be named, oldest first: those of other
// devices, and the newest of this gate.
func (m memory) uses(own *store.Claim, elsewhere []store.Seen) []admit.Use {
	var uses []admit.Use
	for _, s := range elsewhere {
		if s.Kind == store.Entry {
			uses = append(uses, admit.Use{Where: string(s.Device), At: s.Time.Time()})
		}
	}
	if own != nil {
		uses = append(uses, admit.Use{Where: m.gate, At: own.Time.Time()})
	}
	slices.SortStableFunc(uses, func(a, b admit.Use) int { return a.At.Compare(b.At) })
	return uses
}
