package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/merkle"
	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/localnet"
)

// prices are what the payer has less after each thing that is done, in lamports. What
// comes back is negative.
type prices struct {
	mint, move, release, burn float64 // a ticket
	commit                    float64 // a ticket set
}

// costs pays for the whole life of some tickets at two prices of rent, and says what
// that makes of many.
func (b *chainBench) costs(ctx context.Context) error {
	at := map[uint64]prices{}
	for _, rent := range []uint64{rentNow, rentThen} {
		p, err := b.lives(ctx, rent)
		if err != nil {
			return fmt.Errorf("rent of %d: %w", rent, err)
		}
		at[rent] = p
		for _, f := range []struct {
			name string
			v    float64
		}{
			{"lamports_per_ticket", p.mint},
			{"lamports_per_move", p.move},
			{"lamports_per_release", p.release},
			{"lamports_per_burn", p.burn},
			{"lamports_per_root", p.commit},
		} {
			if err := value(b.out, fmt.Sprintf("%s_rent%d", f.name, rent), f.v); err != nil {
				return err
			}
		}
	}
	return costTable(b.out, at[rentNow], at[rentThen])
}

// lives mints tickets, gives each to somebody else, lets half of them in and gives the
// money for the others back.
func (b *chainBench) lives(ctx context.Context, rent uint64) (p prices, err error) {
	m, err := b.open(ctx, localnet.Options{Slot: quickSlot, Seed: 3}, 1)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	if _, err := m.net.Rent(ctx, rent); err != nil {
		return p, err
	}
	ids, err := m.sell(ctx, costOf)
	if err != nil {
		return p, err
	}
	for _, step := range []struct {
		price *float64
		of    []ticket.ID
		do    func(context.Context, ticket.ID) error
	}{
		{&p.mint, ids, func(context.Context, ticket.ID) error { return nil }},
		{&p.move, ids, m.give},
		{&p.release, ids[:costOf/2], m.gate.admit},
		{&p.burn, ids[costOf/2:], m.refund},
	} {
		if *step.price, err = m.pays(ctx, step.of, step.do); err != nil {
			return p, err
		}
	}
	p.commit, err = m.commit(ctx)
	return p, err
}

// pays is what something costs that is done to tickets, each.
func (m *mints) pays(ctx context.Context, ids []ticket.ID, do func(context.Context, ticket.ID) error) (float64, error) {
	m.seen.again()
	before, err := m.balance(ctx)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := do(ctx, id); err != nil {
			return 0, err
		}
	}
	if err := m.tell(ctx); err != nil {
		return 0, err
	}
	if err := m.await(ctx, mint.Finalized, ids); err != nil {
		return 0, err
	}
	after, err := m.balance(ctx)
	return float64(before-after) / float64(len(ids)), err
}

// give makes a ticket another account's.
func (m *mints) give(ctx context.Context, id ticket.ID) error {
	m.sold++ // the number of somebody new
	if err := m.person(ctx, m.sold); err != nil {
		return err
	}
	n := numberOf(id)
	return m.store.Rebind(ctx, sale.Rebinding{
		From: holderOf(n, 1), Issued: sale.Issued{Ticket: m.ticket(n, 2), Signed: []byte{1}}, Owner: person(m.sold), Kind: sale.TicketRebind,
	})
}

func (m *mints) refund(ctx context.Context, id ticket.ID) error {
	_, err := m.store.SetStatus(ctx, id, ticket.StatusRefunded)
	return err
}

// commit is what the memo costs that stands for a ticket set.
func (m *mints) commit(ctx context.Context) (float64, error) {
	memo := merkle.Memo{Set: merkle.Set{Event: m.event.ID, Version: math.MaxUint32}}.String()
	hash, err := m.chain.Blockhash(ctx, chain.Confirmed)
	if err != nil {
		return 0, err
	}
	before, err := m.balance(ctx)
	if err != nil {
		return 0, err
	}
	signed, err := m.sign(ctx, token.Ask{Kind: token.Commit, Memo: memo}, hash)
	if err != nil {
		return 0, err
	}
	if _, err := m.sendAll(ctx, []chain.Signed{signed}); err != nil {
		return 0, err
	}
	after, err := m.balance(ctx)
	return float64(before - after), err
}

// admissions is a gate that tells the store whom it let in.
type admissions struct {
	store *store.Store
	event ticket.EventID
	head  journal.Head
}

func (g *admissions) admit(ctx context.Context, id ticket.ID) error {
	if err := g.tell(ctx, journal.Entry{Kind: journal.Decision, Ticket: id, Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Alone}); err != nil {
		return err
	}
	return g.tell(ctx, journal.Entry{Kind: journal.Passed, Ticket: id, Refers: g.head.Seq})
}

func (g *admissions) tell(ctx context.Context, e journal.Entry) error {
	e.Seq, e.Prev, e.Event, e.Lane = g.head.Seq+1, g.head.Hash, g.event, "1"
	e.Time = journal.At(time.Now()) + journal.HLC(e.Seq)
	raw, err := e.Encode()
	if err != nil {
		return err
	}
	d := publish.Delivery{
		Device: "gate-1", Gate: "north", From: g.head, Checkpoint: []byte{1}, Entries: []journal.Entry{e}, Raw: [][]byte{raw},
		To:     journal.Head{Seq: e.Seq, Hash: journal.EntryHash(raw)},
		Events: map[ticket.EventID]func(ticket.ID) int{g.event: func(ticket.ID) int { return 1 }},
	}
	g.head = d.To
	_, err = g.store.Publish().Receive(ctx, d)
	return err
}

// costTable says what tokens cost for tickets of an event, as a table for people: eager
// ones all, lazy ones those that are claimed and one root for each set that is
// published.
//
//	eager = tickets × mint
//	lazy  = tickets × claimed × mint + sets × root
func costTable(w io.Writer, now, then prices) error {
	const (
		lamports = 1e9 // a SOL
		sets     = 10  // versions of an event's ticket set, a guess
	)
	_, err := fmt.Fprintf(w, "\n| tickets | tokens | SOL at %d lamports a byte | SOL at %d |\n| ---: | :--- | ---: | ---: |\n", rentNow, rentThen)
	for _, tickets := range []float64{10_000, 1_000_000} {
		for _, row := range []struct {
			name  string
			share float64
			sets  float64
		}{
			{"eager", 1, 0}, {"lazy, 30 % claimed", .3, sets}, {"lazy, 5 % claimed", .05, sets},
		} {
			sum := func(p prices) float64 { return (tickets*row.share*p.mint + row.sets*p.commit) / lamports }
			_, e := fmt.Fprintf(w, "| %s | %s | %s | %s |\n", thousands(tickets), row.name, thousands(sum(now)), thousands(sum(then)))
			err = errors.Join(err, e)
		}
	}
	_, e := fmt.Fprintf(w, "\neager = tickets × mint; lazy = tickets × share claimed × mint + %d sets × root\n"+
		"mint = %.0f lamports (%.0f), root = %.0f (%.0f), both measured; no priority fees\n"+
		"besides: a move %.0f (%.0f), a release %.0f (%.0f), a burn %.0f (%.0f); negative comes back\n",
		sets, now.mint, then.mint, now.commit, then.commit, now.move, then.move, now.release, then.release, now.burn, then.burn)
	return errors.Join(err, e)
}

// thousands writes a number as people read it: with separators, and two digits after
// the point if it is small.
func thousands(v float64) string {
	digits := 0
	if v < 1000 && v != math.Trunc(v) {
		digits = 2
	}
	s := fmt.Sprintf("%.*f", digits, v)
	end := len(s)
	if digits > 0 {
		end -= digits + 1
	}
	for i := end - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
