package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/testdata/localnet"
)

const (
	sendAtOnce = 48 // as many as the worker
	bareUnits  = 200_000
)

// bare sends as many transactions, of the same kind, that were signed before: what the
// node and the way there allow, whoever mints.
func (b *chainBench) bare(ctx context.Context) (err error) {
	m, err := b.open(ctx, localnet.Options{Slot: slotTime, Seed: 2}, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	var took time.Duration
	for sent := 0; sent < b.tickets; {
		n := min(signAhead, b.tickets-sent)
		all, err := m.signAll(ctx, sent, n)
		if err != nil {
			return err
		}
		t, err := m.sendAll(ctx, all)
		if err != nil {
			return err
		}
		took += t
		sent += n
	}
	return value(b.out, "bare_send_per_s", float64(b.tickets)/took.Seconds())
}

// signAll signs transactions that mint tickets, from a number on.
func (m *mints) signAll(ctx context.Context, from, n int) ([]chain.Signed, error) {
	hash, err := m.chain.Blockhash(ctx, chain.Confirmed)
	if err != nil {
		return nil, err
	}
	out := make([]chain.Signed, n)
	for i := range out {
		ask, err := m.ask(from + i + 1)
		if err != nil {
			return nil, err
		}
		if out[i], err = m.sign(ctx, ask, hash); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ask asks for the token of the n-th ticket, as the worker does.
func (m *mints) ask(n int) (ask token.Ask, err error) {
	k := m.ticket(n, 1)
	ask = token.Ask{Kind: token.Mint, Form: token.Held}
	if ask.Mint, err = m.address(k.ID); err != nil {
		return ask, err
	}
	who, err := m.passerby()
	if err != nil {
		return ask, err
	}
	ask.To = who
	face := mint.FaceOf(&m.event, &k)
	ask.Spec, err = token.Describe(token.Text{
		Event: face.Event, Date: face.Date, Zone: face.Zone, Seat: face.Seat, Class: face.Class, URI: mintOrigin + "/v1/tokens/" + ask.Mint.String() + ".json",
	})
	ask.Spec.Seed = token.TicketSeed(m.secret, k.ID[:])
	return ask, err
}

// passerby is the wallet of somebody who has no account.
func (m *mints) passerby() (token.Key, error) {
	key, err := newSigner()
	if err != nil {
		return token.Key{}, err
	}
	return wallet.ParseAddress(key.Public().String())
}

// sign signs what is to be done for an ask where the chain has nothing of it yet.
func (m *mints) sign(ctx context.Context, ask token.Ask, hash chain.Blockhash) (chain.Signed, error) {
	keys, err := token.Watch(ask)
	if err != nil {
		return chain.Signed{}, err
	}
	seen := make([]token.Account, len(keys))
	for i, k := range keys {
		seen[i].Key = k
	}
	rents, err := m.chain.Rent(ctx, token.Sizes(ask)...)
	if err != nil {
		return chain.Signed{}, err
	}
	plan, err := token.PlanFor(ask, m.roles, seen, func(size uint64) uint64 { return rents[size] })
	if err != nil {
		return chain.Signed{}, err
	}
	return chain.Draft{Instructions: plan.Instructions, Payer: m.roles.Payer, Units: bareUnits}.Sign(ctx, hash, m.signs...)
}

// sendAll sends transactions and returns how long it took until all were confirmed.
func (m *mints) sendAll(ctx context.Context, all []chain.Signed) (time.Duration, error) {
	began := time.Now()
	var g errgroup.Group
	g.SetLimit(sendAtOnce)
	signatures := make([]chain.Signature, len(all))
	for i := range all {
		signatures[i] = all[i].Signature
		g.Go(func() error { return m.chain.Send(ctx, all[i].Wire, false, 0) })
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	for len(signatures) > 0 {
		part := signatures[:min(chain.MaxStatuses, len(signatures))]
		found, _, err := m.chain.Statuses(ctx, part, false, 0)
		if err != nil {
			return 0, err
		}
		confirmed := 0
		for _, s := range found {
			if s == nil || s.Commitment == chain.Processed {
				break
			}
			if s.Err != nil {
				return 0, fmt.Errorf("a transaction failed: %w", s.Err)
			}
			confirmed++
		}
		if signatures = signatures[confirmed:]; confirmed > 0 {
			continue
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return time.Since(began), nil
}
