package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/localnet"
)

// What the figures of the chain are measured with.
const (
	slotTime  = 400 * time.Millisecond // mainnet's
	quickSlot = 20 * time.Millisecond  // where only amounts are measured
	rentNow   = 6960                   // lamports a byte
	rentThen  = 696                    // after SIMD-0437
	singles   = 100                    // tickets that are sold one by one, for latencies
	sellEvery = 100 * time.Millisecond
	costOf    = 20   // tickets whose whole life is paid for
	sampled   = 100  // transactions whose compute units are asked for
	signAhead = 3000 // transactions that are signed before the first of them is sent: block hashes do not last
)

// chainBench is what the figures of the mint are measured with: the worker and the
// store of the product, on SQLite, and the local chain, a fresh one for each figure.
type chainBench struct {
	out     io.Writer
	dir     string
	plan    string
	tickets int
}

func (b *chainBench) run(ctx context.Context, only string) (err error) {
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("", "conting-bench-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(b.dir) }()
	}
	for _, figures := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"mint", b.mint},
		{"faulty", b.faulty},
		{"bare", b.bare},
		{"costs", b.costs},
	} {
		if only != "" && only != figures.name {
			continue
		}
		if err := figures.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", figures.name, err)
		}
	}
	return nil
}

// mint sells many tickets at once, and then a few one by one.
func (b *chainBench) mint(ctx context.Context) (err error) {
	m, err := b.open(ctx, localnet.Options{Slot: slotTime}, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	all, err := m.many(ctx, b.tickets)
	if err != nil {
		return err
	}
	if err := all.print(b.out); err != nil {
		return err
	}
	return m.oneByOne(ctx)
}

// faulty does that with fewer, at nodes that are busy, lose transactions and hold others
// back: at one alone, and at two that take turns.
func (b *chainBench) faulty(ctx context.Context) error {
	if err := b.faultyAt(ctx, "mint_faulty", 1); err != nil {
		return err
	}
	return b.faultyAt(ctx, "mint_faulty_two_nodes", 2)
}

func (b *chainBench) faultyAt(ctx context.Context, name string, nodes int) (err error) {
	m, err := b.open(ctx, localnet.Options{Slot: slotTime, Seed: 1}, nodes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	m.faults = localnet.Faults{Busy: .15, Drop: .2, Late: .1}
	all, err := m.many(ctx, max(1, b.tickets/3))
	if err != nil {
		return err
	}
	return errors.Join(
		value(b.out, name+"_tickets", float64(all.n)),
		value(b.out, name+"_per_s", all.rate(all.confirmed)),
		all.each.print(b.out, name+"_confirmed_ms"),
	)
}

// many mints tickets that are all wanted at once, and checks that each has one token.
func (m *mints) many(ctx context.Context, n int) (t *minted, err error) {
	ids, err := m.sell(ctx, n)
	if err != nil {
		return nil, err
	}
	if err := m.fail(ctx, m.faults); err != nil {
		return nil, err
	}
	t = &minted{n: n}
	before, err := m.reading(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := m.tell(ctx); err != nil {
		return nil, err
	}
	if err := m.await(ctx, mint.Confirmed, ids); err != nil {
		return nil, err
	}
	t.confirmed = m.seen.last(mint.Confirmed).Sub(began)
	if t.cpu, err = cpuUsed(os.Getpid()); err != nil {
		return nil, err
	}
	t.cpu -= before.cpu
	for _, id := range ids {
		t.each.ms(m.seen.at(mint.Confirmed, id).Sub(began))
	}
	if err := m.await(ctx, mint.Finalized, ids); err != nil {
		return nil, err
	}
	t.finalized = m.seen.last(mint.Finalized).Sub(began)
	return t, m.total(ctx, t, before, ids)
}

// oneByOne sells tickets in even steps, as on a quiet day.
func (m *mints) oneByOne(ctx context.Context) error {
	var ids []ticket.ID
	wished := make(map[ticket.ID]time.Time)
	next := time.NewTicker(sellEvery)
	defer next.Stop()
	for range singles {
		select {
		case <-next.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		one, err := m.sell(ctx, 1)
		if err != nil {
			return err
		}
		wished[one[0]] = time.Now()
		if err := m.tell(ctx); err != nil {
			return err
		}
		ids = append(ids, one...)
	}
	if err := m.await(ctx, mint.Finalized, ids); err != nil {
		return err
	}
	for _, s := range []struct {
		name  string
		state mint.State
	}{{"mint_confirmed_ms", mint.Confirmed}, {"mint_finalized_ms", mint.Finalized}} {
		var took series
		for _, id := range ids {
			took.ms(m.seen.at(s.state, id).Sub(wished[id]))
		}
		if err := took.print(m.out, s.name); err != nil {
			return err
		}
	}
	return m.exactlyOnce(ctx, ids)
}

// value prints a figure that was measured once, with up to three digits after the point.
func value(w io.Writer, name string, v float64) error {
	_, err := fmt.Fprintf(w, "%s=%s\n", name, strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64))
	return err
}
