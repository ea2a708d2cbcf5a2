package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// AddReceipts implements [publish.Receipts].
func (p *Publish) AddReceipts(ctx context.Context, receipts []publish.Receipt) (strays []publish.Receipt, err error) {
	err = p.s.update(ctx, func(t *tx) error {
		strays, err = keepReceipts(ctx, t, receipts)
		return err
	})
	return strays, err
}

const (
	// The admission's own words are the condition: a receipt that says anything
	// else, or of an admission that nobody consumed, finds no row.
	insertReceipt = `INSERT INTO receipt (device, seq, ticket, signed, stored)
		SELECT device, seq, ticket, $9, $10 FROM admission
		WHERE device = $1 AND seq = $2 AND event = $3 AND ticket = $4 AND time = $5 AND gate = $6 AND lane = $7
			AND evidence = $8 AND settled IN ($11, $12)
		ON CONFLICT (device, seq) DO NOTHING`
	knownReceipt = `SELECT COUNT(*) FROM receipt WHERE device = $1 AND seq = $2 AND ticket = $3`
	undoneSince  = `SELECT COUNT(*) FROM admission
		WHERE device = $1 AND seq = $2 AND event = $3 AND ticket = $4 AND settled = $5`
)

// keepReceipts keeps those that repeat a consumed admission and returns those
// that do not.
func keepReceipts(ctx context.Context, t *tx, receipts []publish.Receipt) (strays []publish.Receipt, err error) {
	for _, r := range receipts {
		n, err := t.exec(ctx, insertReceipt, string(r.Device), signed(r.Seq), int64(r.Event), r.Ticket[:], signed(uint64(r.Time)),
			r.Gate, r.Lane, r.Evidence[:], r.Signed, t.ms(), int64(journal.Passed), int64(journal.Flagged))
		if err != nil {
			return nil, err
		}
		if n == 1 {
			continue
		}
		var known, undone int
		if err := t.row(ctx, knownReceipt, []any{string(r.Device), signed(r.Seq), r.Ticket[:]}, &known); err != nil {
			return nil, err
		}
		err = t.row(ctx, undoneSince, []any{string(r.Device), signed(r.Seq), int64(r.Event), r.Ticket[:], int64(journal.Undone)}, &undone)
		if err != nil {
			return nil, err
		}
		if known == 0 && undone == 0 {
			strays = append(strays, r)
		}
	}
	return strays, nil
}

// StoredReceipt is a receipt with what central knows of it.
type StoredReceipt struct {
	Device ticket.DeviceID
	Signed []byte
	Gate   string
	Lane   string
	Time   journal.HLC
}

// selectReceipt finds the first admission that stands and took place while the
// ticket was the account's: its owner then is the first who gave it away later, or
// else who has it now. A hybrid clock has the milliseconds in its upper 48 bits.
const selectReceipt = `SELECT r.device, r.signed, a.gate, a.lane, a.time FROM receipt r
	JOIN admission a ON a.device = r.device AND a.seq = r.seq
	WHERE r.ticket = $1 AND a.settled IN ($3, $4) AND $2 = COALESCE(
		(SELECT owner FROM ticket_past WHERE ticket = $1 AND until * 65536 > a.time ORDER BY until LIMIT 1),
		(SELECT owner FROM ticket WHERE id = $1))
	ORDER BY a.time, a.device LIMIT 1`

// Receipt returns the receipt of the first entry that a ticket made while it
// belonged to the account, and false if there is none.
func (s *Store) Receipt(ctx context.Context, owner string, id ticket.ID) (r StoredReceipt, ok bool, err error) {
	if owner == "" {
		return r, false, nil
	}
	err = s.view(ctx, func(t *tx) error {
		err := t.row(ctx, selectReceipt, []any{id[:], owner, int64(journal.Passed), int64(journal.Flagged)},
			(*string)(&r.Device), &r.Signed, &r.Gate, &r.Lane, &r.Time)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		ok = err == nil
		return err
	})
	return r, ok, err
}
