package publish

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
)

// runLedger publishes the pages of the ledgers that have grown, and all of them
// at each connection. A page is signed from its rows alone, so it has the same
// bytes each time.
func (p *Publisher) runLedger(ctx context.Context) error {
	tick := time.NewTicker(p.cfg.LedgerWithin)
	defer tick.Stop()
	sent := make(map[ticket.EventID]uint64) // rows that stand in published pages
	dirty := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.rejoined:
			clear(sent)
			dirty = true
		case <-p.grown:
			dirty = true
		case <-tick.C:
			if !dirty || !p.connected.Load() {
				continue
			}
			if err := p.sendLedgers(ctx, sent); err != nil {
				if ctx.Err() == nil {
					p.cfg.Logger.WarnContext(ctx, "ledger is behind and is tried again", slog.Any("error", err))
				}
				continue
			}
			dirty = false
		}
	}
}

func (p *Publisher) sendLedgers(ctx context.Context, sent map[ticket.EventID]uint64) error {
	events, err := p.cfg.Sales.Events(ctx)
	if err != nil {
		return fmt.Errorf("list events: %w", err)
	}
	for _, id := range events {
		for {
			page := sent[id] / ticketset.LedgerEntries
			rows, err := p.cfg.Store.Ledger(ctx, id, page*ticketset.LedgerEntries, ticketset.LedgerEntries)
			if err != nil {
				return fmt.Errorf("ledger of event %s: %w", id, err)
			}
			through := page*ticketset.LedgerEntries + uint64(len(rows))
			if through <= sent[id] {
				break
			}
			if err := p.sendPage(ctx, id, page, rows); err != nil {
				return err
			}
			sent[id] = through
		}
	}
	return nil
}

func (p *Publisher) sendPage(ctx context.Context, id ticket.EventID, number uint64, rows []Row) error {
	page := ticketset.LedgerPage{Event: id, Page: uint32(number)} //nolint:gosec // 2³² pages are 10¹² admissions
	for i := range rows {
		r := &rows[i]
		page.Entries = append(page.Entries, ticketset.LedgerEntry{
			Ticket: r.Ticket, Device: r.Device, Seq: r.Seq, Time: uint64(r.Time), Kind: ticketset.LedgerKind(r.Kind),
		})
	}
	data, err := ticketset.SignLedgerPage(p.cfg.Signer, page)
	if err != nil {
		return fmt.Errorf("ledger of event %s: %w", id, err)
	}
	return p.send(ctx, topic.LedgerPage(id, page.Page), data)
}

// Ledger lists at most limit rows of an event's ledger after a number.
func (p *Publisher) Ledger(ctx context.Context, id ticket.EventID, after uint64, limit int) ([]Row, error) {
	return p.cfg.Store.Ledger(ctx, id, after, limit)
}

// Head returns how many rows an event's ledger has and how many conflicts were
// found in it.
func (p *Publisher) Head(ctx context.Context, id ticket.EventID) (ledger, conflicts uint64, err error) {
	if ledger, err = p.cfg.Store.LedgerLength(ctx, id); err != nil {
		return 0, 0, fmt.Errorf("length of the ledger of event %s: %w", id, err)
	}
	conflicts, err = p.cfg.Store.ConflictCount(ctx, id)
	return ledger, conflicts, err
}
