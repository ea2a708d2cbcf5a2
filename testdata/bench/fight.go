package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/wallet"
)

// client is one of those who fight: their passkey has answered beforehand, once for each seat.
type client struct {
	*till

	seats  []string
	proofs []*sale.Possession

	won, lost, confirms series // of holds, and of payments
	bought              []sold
}

// sold is a ticket that a client was given.
type sold struct {
	seat string
	id   ticket.ID
}

// fight sells every seat to one of four clients who want it at once, and returns how many seats have more
// than one owner.
func (b *saleBench) fight(ctx context.Context, name string, cfg store.Config) (double int, err error) {
	t, err := b.open(ctx, cfg)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, t.store.Close()) }()
	groups := clients / perSeat
	each := b.seats / groups
	seats, err := t.free(ctx, each*groups)
	if err != nil {
		return 0, err
	}
	all := make([]client, clients)
	for i := range all {
		c := &all[i]
		g := i / perSeat
		c.till, c.seats = t, seats[g*each:(g+1)*each]
		if err := c.prepare(i); err != nil {
			return 0, err
		}
	}
	var running sync.WaitGroup
	var failed atomic.Pointer[error]
	began := time.Now()
	for i := range all {
		running.Go(func() {
			if err := all[i].buy(ctx); err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	running.Wait()
	took := time.Since(began)
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return b.tell(ctx, name, t, all, each*groups, took)
}

// tell prints a fight's figures.
func (b *saleBench) tell(ctx context.Context, name string, t *till, all []client, seats int, took time.Duration) (double int, err error) {
	var won, lost, confirms series
	var bought []sold
	for i := range all {
		won, lost = append(won, all[i].won...), append(lost, all[i].lost...)
		confirms = append(confirms, all[i].confirms...)
		bought = append(bought, all[i].bought...)
	}
	double = doubles(bought)
	l, err := t.Listing(ctx, saleEvent)
	if err != nil {
		return 0, err
	}
	if booked := l.Zones[0].Sold; booked != len(bought) || len(bought) != seats {
		return 0, fmt.Errorf("%d of %d seats were sold, and %d are in the books", len(bought), seats, booked)
	}
	_, err = fmt.Fprintf(b.out, "%s_confirms_per_s=%.0f\n", name, float64(len(bought))/took.Seconds())
	// Three of four lose, and are mostly told so from memory: together they would say little of who wins.
	return double, errors.Join(err, won.print(b.out, name+"_hold_ms"), lost.print(b.out, name+"_hold_lost_ms"), confirms.print(b.out, name+"_confirm_ms"))
}

// doubles counts the seats and the tickets that were given out again after the first time.
func doubles(bought []sold) (n int) {
	seats, ids := make(map[string]bool), make(map[ticket.ID]bool)
	for _, s := range bought {
		if seats[s.seat] || ids[s.id] {
			n++
		}
		seats[s.seat], ids[s.id] = true, true
	}
	return n
}

// free returns the names of seats.
func (t *till) free(ctx context.Context, n int) ([]string, error) {
	var seats []string
	for after := int32(0); len(seats) < n; {
		page, err := t.Places(ctx, saleEvent, saleZone, after, 500)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return nil, fmt.Errorf("%d seats, want %d", len(seats), n)
		}
		for _, p := range page {
			seats = append(seats, p.Seat)
		}
		after = page[len(page)-1].Number
	}
	return seats[:n], nil
}

// prepare has the passkey answer a challenge for each seat.
func (c *client) prepare(n int) error {
	w, err := wallet.New(c.rp, binary.BigEndian.AppendUint32([]byte("conting/bench/sale/12345678"), uint32(n)))
	if err != nil {
		return err
	}
	for range c.seats {
		challenge, err := c.NewChallenge()
		if err != nil {
			return err
		}
		a, err := w.Possession(challenge.Value)
		if err != nil {
			return err
		}
		c.proofs = append(c.proofs, &sale.Possession{Key: w.HolderKey(), Challenge: challenge.Value, Assertion: sale.Assertion(a)})
	}
	return nil
}

// buy tries for each seat, and pays for what it holds.
func (c *client) buy(ctx context.Context) error {
	for i, seat := range c.seats {
		began := time.Now()
		o, secret, err := c.Hold(ctx, sale.HoldRequest{Event: saleEvent, Zone: saleZone, Class: saleClass, Seat: seat, Holder: c.proofs[i]})
		if errors.Is(err, sale.ErrSeatTaken) {
			c.lost.ms(time.Since(began))
			continue
		}
		if err != nil {
			return fmt.Errorf("hold %s: %w", seat, err)
		}
		c.won.ms(time.Since(began))
		began = time.Now()
		o, err = c.Pay(ctx, o.ID, secret, "sandbox", "ok")
		c.confirms.ms(time.Since(began))
		if err != nil {
			return fmt.Errorf("pay for %s: %w", seat, err)
		}
		for _, t := range o.Tickets {
			c.bought = append(c.bought, sold{seat: t.Ticket.Seat, id: t.Ticket.ID})
		}
	}
	return nil
}
