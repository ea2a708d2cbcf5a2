package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/servers"
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
