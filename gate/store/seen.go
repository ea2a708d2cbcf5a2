package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

// SeenKind is what another device saw of a ticket.
type SeenKind uint8

// The kinds of sightings.
const (
	Entry SeenKind = iota + 1 // admitted
	Exit                      // went out
)

// Seen is something that happened to a ticket at another device, or an exit at
// this one.
type Seen struct {
	Device ticket.DeviceID
	Seq    uint64 // in that device's journal
	Kind   SeenKind
	Time   journal.HLC
}

type sighting struct {
	event  ticket.EventID
	ticket ticket.ID
	device ticket.DeviceID
	seq    uint64
	kind   SeenKind
	time   journal.HLC
	void   bool
}

// insertSeen takes a sighting in any order and any number of times. Once void,
// an admission stays void.
func insertSeen(ctx context.Context, tx *sql.Tx, v sighting) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO seen (event, ticket, device, seq, kind, time, void) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
		ON CONFLICT (event, ticket, device, seq) DO UPDATE SET void = 1 WHERE excluded.void = 1 AND void = 0`,
		v.event, v.ticket[:], string(v.device), i64(v.seq), v.kind, i64(v.time), v.void)
	return err
}

// ApplyNotice takes note of what a peer says it did. The caller has verified
// that the device said it. Entries may come in any order and more than once.
func (s *Store) ApplyNotice(ctx context.Context, device ticket.DeviceID, entries []journal.Entry) error {
	if device == s.device {
		return nil
	}
	return s.inTx(ctx, "apply notice", func(tx *sql.Tx) error {
		for i := range entries {
			e := &entries[i]
			v := sighting{event: e.Event, ticket: e.Ticket, device: device, seq: e.Seq, kind: Entry, time: e.Time}
			switch e.Kind {
			case journal.Decision:
				if e.Outcome != ticket.Admit {
					continue
				}
			case journal.Released, journal.Undone:
				v.seq, v.void = e.Refers, true
			case journal.Left:
				v.kind = Exit
			case journal.Passed, journal.Flagged:
				continue
			}
			if err := insertSeen(ctx, tx, v); err != nil {
				return err
			}
		}
		return nil
	})
}

// ApplyLedger takes note of a verified page of central's ledger and of how far
// the ledger is known without a gap. Pages may come again, longer. What this
// gate did itself is in its own journal and is passed over, unless the journal
// does not know it: then an earlier life of this gate did it.
func (s *Store) ApplyLedger(ctx context.Context, p *ticketset.LedgerPage) error {
	return s.inTx(ctx, "apply ledger", func(tx *sql.Tx) error {
		for i := range p.Entries {
			e := &p.Entries[i]
			if e.Device == s.device {
				own, err := s.isOwn(ctx, tx, e)
				if err != nil {
					return err
				}
				if own {
					continue
				}
			}
			v := sighting{event: p.Event, ticket: e.Ticket, device: e.Device, seq: e.Seq, kind: Entry, time: journal.HLC(e.Time)}
			switch e.Kind {
			case ticketset.LedgerEnter:
			case ticketset.LedgerLeave:
				v.kind = Exit
			case ticketset.LedgerVoid:
				v.void = true
			}
			if err := insertSeen(ctx, tx, v); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO event (event) VALUES (?1) ON CONFLICT DO NOTHING", p.Event); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE event SET ledger = max(ledger, ?2) WHERE event = ?1 AND ledger >= ?3",
			p.Event, i64(p.Through()), i64(uint64(p.Page)*ticketset.LedgerEntries))
		return err
	})
}

func (s *Store) isOwn(ctx context.Context, tx *sql.Tx, e *ticketset.LedgerEntry) (bool, error) {
	own, err := entryAt(ctx, tx, e.Seq)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil && own.Ticket == e.Ticket, err
}
