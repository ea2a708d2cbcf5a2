package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/servers"
	"github.com/con-ting/conting/testdata/wallet"
)

// The fight that is measured: so many clients at once, in groups that all want the same seats in the same
// order.
const (
	clients   = 64
	perSeat   = 4
	saleZone  = 1
	saleClass = 1
	saleEvent = ticket.EventID(3001)
)

// saleBench is what the figures of the sale are measured with.
type saleBench struct {
	out      io.Writer
	dir, bin string
	plan     string
	seats    int
	buyers   int // through HTTP
	report   string
	total    int // double sales
}

func (b *saleBench) run(ctx context.Context, only string) (err error) {
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("", "conting-bench-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(b.dir) }()
	}
	for _, figures := range []struct {
		name string
		run  func(context.Context) (double int, err error)
	}{
		{"sqlite", func(ctx context.Context) (int, error) {
			return b.fight(ctx, "sqlite", store.Config{Path: filepath.Join(b.dir, "sale.db")})
		}},
		{"postgres", b.postgres},
		{"http", b.http},
	} {
		if only != "" && only != figures.name {
			continue
		}
		double, err := figures.run(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", figures.name, err)
		}
		if _, err := fmt.Fprintf(b.out, "%s_double_sales=%d\n", figures.name, double); err != nil {
			return err
		}
		b.total += double
	}
	_, err = fmt.Fprintf(b.out, "double_sales=%d\n", b.total)
	return err
}

// postgres is the fight over a PostgreSQL that is started for it, on a real disk and with its usual
// promise to have written what it answers.
func (b *saleBench) postgres(ctx context.Context) (int, error) {
	dir, err := os.MkdirTemp("", "conting-bench-postgres-") // closed folders above it would keep its user out
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	p, err := servers.StartPostgres(ctx, dir, servers.PostgresDurable())
	if err != nil {
		return 0, err
	}
	defer p.Stop()
	database, err := p.Create(ctx)
	if err != nil {
		return 0, err
	}
	return b.fight(ctx, "postgres", store.Config{URL: p.URL(database)})
}

// till is a sale on a real store, with real signatures.
type till struct {
	*sale.Sale
	store *store.Store
	rp    ticket.RelyingParty
}

func (b *saleBench) open(ctx context.Context, cfg store.Config) (*till, error) {
	logger := slog.New(slog.DiscardHandler)
	cfg.Now, cfg.Logger = time.Now, logger
	db, err := store.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	t := &till{store: db, rp: site}
	f, err := newForms()
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	t.Sale, err = sale.New(ctx, sale.Config{
		Store: db, Providers: map[string]pay.Provider{"sandbox": pay.NewSandbox()}, Issuer: signing{f.issuer}, Verifier: verifying{},
		Now: time.Now, Logger: logger, ChallengeKey: [32]byte{1},
	})
	if err == nil {
		err = t.offer(ctx, b.plan, b.seats)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return t, nil
}

// offer puts a hall on sale with at least so many seats.
func (t *till) offer(ctx context.Context, plan string, seats int) error {
	text, err := os.ReadFile(plan)
	if err != nil {
		return err
	}
	var doc struct {
		Format string         `json:"format"`
		Venue  map[string]any `json:"venue"`
		Event  map[string]any `json:"event"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return fmt.Errorf("%s: %w", plan, err)
	}
	const row = 40
	var rows []map[string]any
	for i := range (seats + row - 1) / row {
		rows = append(rows, map[string]any{"row": fmt.Sprintf("R%d", i+1), "first": 1, "last": row})
	}
	doc.Venue["zones"] = []map[string]any{{"id": saleZone, "name": "hall", "rows": rows}}
	doc.Venue["gates"] = []map[string]any{{"name": "north", "zones": []int{saleZone}}}
	now := time.Now().UTC().Truncate(time.Second)
	doc.Event["id"] = saleEvent
	doc.Event["doors"], doc.Event["starts"], doc.Event["ends"] = now.Add(time.Hour), now.Add(2*time.Hour), now.Add(5*time.Hour)
	doc.Event["classes"] = []map[string]any{{"id": saleClass, "name": "seat"}}
	doc.Event["prices"] = []map[string]any{{"zone": saleZone, "class": saleClass, "amount": 100}}
	doc.Event["relying_party"] = t.rp
	if text, err = json.Marshal(doc); err != nil {
		return err
	}
	p, err := seatmap.Parse(text)
	if err != nil {
		return err
	}
	_, err = t.Import(ctx, p)
	return err
}

type signing struct{ key trust.Signer }

func (s signing) Issue(_ context.Context, t ticket.Ticket) ([]byte, error) {
	return pass.SignTicket(s.key, t)
}

type verifying struct{}

func (verifying) VerifyAssertion(rp ticket.RelyingParty, key ticket.HolderKey, challenge []byte, a sale.Assertion) error {
	return pass.VerifyAssertion(rp, key, challenge, pass.Assertion(a))
}

// client is one of those who fight: their passkey has answered beforehand, once for each seat.
type client struct {
	*till

	seats  []string
	proofs []*sale.Possession

	holds, confirms series
	bought          []sold
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
	var holds, confirms series
	var bought []sold
	for i := range all {
		holds, confirms = append(holds, all[i].holds...), append(confirms, all[i].confirms...)
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
	return double, errors.Join(err, holds.print(b.out, name+"_hold_ms"), confirms.print(b.out, name+"_confirm_ms"))
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
		c.holds.ms(time.Since(began))
		if errors.Is(err, sale.ErrSeatTaken) {
			continue
		}
		if err != nil {
			return fmt.Errorf("hold %s: %w", seat, err)
		}
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
