package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

const selectHead = `SELECT seq, hash FROM journal_head WHERE device = $1`

// Head implements [publish.Journals].
func (p *Publish) Head(ctx context.Context, device ticket.DeviceID) (h journal.Head, err error) {
	err = p.s.view(ctx, func(t *tx) error {
		var hash []byte
		err := t.row(ctx, selectHead, []any{string(device)}, &h.Seq, &hash)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		copy(h.Hash[:], hash)
		return err
	})
	return h, err
}

const selectEntryHash = `SELECT hash FROM journal_entry WHERE device = $1 AND seq = $2`

// EntryHash implements [publish.Journals].
func (p *Publish) EntryHash(ctx context.Context, device ticket.DeviceID, seq uint64) (h [32]byte, ok bool, err error) {
	err = p.s.view(ctx, func(t *tx) error {
		var hash []byte
		err := t.row(ctx, selectEntryHash, []any{string(device), signed(seq)}, &hash)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		ok = err == nil
		copy(h[:], hash)
		return err
	})
	return h, ok, err
}

const (
	insertHead = `INSERT INTO journal_head (device, seq, hash, checkpoint, changed)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (device) DO NOTHING`
	moveHead = `UPDATE journal_head SET seq = $1, hash = $2, checkpoint = $3, changed = $4
		WHERE device = $5 AND seq = $6 AND hash = $7`
	insertEntry = `INSERT INTO journal_entry (device, seq, hash, data) VALUES ($1, $2, $3, $4)`
)

// Receive implements [publish.Journals].
func (p *Publish) Receive(ctx context.Context, d publish.Delivery) (got publish.Received, err error) {
	err = p.s.update(ctx, func(t *tx) error {
		got = publish.Received{Ledger: make(map[ticket.EventID]uint64)}
		if err := advance(ctx, t, d); err != nil {
			return err
		}
		for i, raw := range d.Raw {
			e := &d.Entries[i]
			hash := journal.EntryHash(raw)
			if _, err := t.exec(ctx, insertEntry, string(d.Device), signed(e.Seq), hash[:], raw); err != nil {
				return err
			}
			if d.Events[e.Event] == nil {
				continue
			}
			if err := enter(ctx, t, &d, e, &got); err != nil {
				return fmt.Errorf("entry %d: %w", e.Seq, err)
			}
		}
		got.Strays, err = keepReceipts(ctx, t, d.Receipts)
		return err
	})
	return got, err
}

// advance moves a device's head from where the caller read it.
func advance(ctx context.Context, t *tx, d publish.Delivery) (err error) {
	var n int64
	if d.From.Seq == 0 {
		n, err = t.exec(ctx, insertHead, string(d.Device), signed(d.To.Seq), d.To.Hash[:], d.Checkpoint, t.ms())
	} else {
		n, err = t.exec(ctx, moveHead, signed(d.To.Seq), d.To.Hash[:], d.Checkpoint, t.ms(), string(d.Device), signed(d.From.Seq), d.From.Hash[:])
	}
	if err == nil && n != 1 {
		err = fmt.Errorf("journal of %s is not at %d: %w", d.Device, d.From.Seq, publish.ErrMoved)
	}
	return err
}

const (
	insertAdmission = `INSERT INTO admission (device, seq, event, ticket, time, uncertainty, gate, lane, mode, evidence, settled)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)`
	insertConflict = `INSERT INTO conflict (event, number, ticket, found) VALUES ($1, $2, $3, $4)`
	movedSince     = `SELECT COUNT(*) FROM ticket_past WHERE ticket = $1 AND until * 65536 > $2`
	hasConflict    = `SELECT 1 FROM conflict WHERE event = $1 AND ticket = $2`
	countStanding  = `SELECT COUNT(*) FROM admission WHERE event = $1 AND ticket = $2 AND settled <> $3 AND settled <> $4`
)

// enter brings admissions, ledger and conflicts up to date with one entry.
func enter(ctx context.Context, t *tx, d *publish.Delivery, e *journal.Entry, got *publish.Received) error {
	row := publish.Row{
		Kind: publish.Enter, Ticket: e.Ticket, Device: d.Device, Seq: e.Seq, Time: e.Time,
		Uncertainty: e.Uncertainty, Gate: d.Gate, Lane: e.Lane,
	}
	switch e.Kind {
	case journal.Decision:
		if e.Outcome != ticket.Admit {
			return nil
		}
		_, err := t.exec(ctx, insertAdmission, string(d.Device), signed(e.Seq), int64(e.Event), e.Ticket[:], signed(uint64(e.Time)),
			int64(e.Uncertainty), d.Gate, e.Lane, int64(e.Mode), e.Evidence[:])
		if err != nil {
			return err
		}
		var moved int
		if err := t.row(ctx, movedSince, []any{e.Ticket[:], signed(uint64(e.Time))}, &moved); err != nil {
			return err
		}
		if moved > 0 {
			got.Overtaken = append(got.Overtaken, publish.NewConflict{Event: e.Event, Ticket: e.Ticket})
		}
	case journal.Left:
		row.Kind = publish.Leave
	case journal.Passed, journal.Flagged, journal.Released, journal.Undone:
		kind, changed, err := settle(ctx, t, d, e)
		if err != nil || !changed {
			return err
		}
		row.Kind, row.Seq = kind, e.Refers
	}
	if err := writeRow(ctx, t, e.Event, row, got); err != nil {
		return err
	}
	if row.Kind != publish.Enter {
		return nil
	}
	return dispute(ctx, t, e.Event, e.Ticket, d.Events[e.Event](e.Ticket), got)
}

const (
	selectSettled = `SELECT settled, event, ticket FROM admission WHERE device = $1 AND seq = $2`
	updateSettled = `UPDATE admission SET settled = $1 WHERE device = $2 AND seq = $3`
)

// settle notes what became of an admission. It reports whether the admission
// counts otherwise than before, and the row that says so. An entry that does not
// fit the decision that it refers to settles nothing: the raw entry stays.
func settle(ctx context.Context, t *tx, d *publish.Delivery, e *journal.Entry) (kind publish.RowKind, changed bool, err error) {
	var settled, event int64
	var id []byte
	err = t.row(ctx, selectSettled, []any{string(d.Device), signed(e.Refers)}, &settled, &event, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	if event != int64(e.Event) || string(id) != string(e.Ticket[:]) {
		return 0, false, nil
	}
	was := journal.Admission{Ticket: e.Ticket, Device: d.Device, Seq: e.Refers, Time: 1, Settled: journal.Kind(settled)} // #nosec G115 -- written by us
	is := was
	is.Settled = e.Kind
	// The merge rule knows which of two settlements outweighs the other.
	for _, r := range journal.Merge([]journal.Admission{was, is}) {
		is = r.All()[0]
	}
	if is.Settled == was.Settled {
		return 0, false, nil
	}
	if _, err := t.exec(ctx, updateSettled, int64(is.Settled), string(d.Device), signed(e.Refers)); err != nil {
		return 0, false, err
	}
	if in := consumed(is.Settled); in != consumed(was.Settled) {
		if err := tellAdmitted(ctx, t, e, in); err != nil {
			return 0, false, err
		}
	}
	if is.Counts() {
		return publish.Enter, !was.Counts(), nil
	}
	return publish.Void, was.Counts(), nil
}

// consumed tells whether somebody went in, as far as a settlement says.
func consumed(k journal.Kind) bool { return k == journal.Passed || k == journal.Flagged }

// admittedNow finds a ticket that belongs to an account and has so many consumed
// admissions.
const admittedNow = `SELECT t.owner, t.status FROM ticket t WHERE t.id = $1 AND t.event = $2 AND t.owner IS NOT NULL
	AND (SELECT COUNT(*) FROM admission a WHERE a.event = t.event AND a.ticket = t.id AND a.settled IN ($3, $4)) = $5`

// tellAdmitted posts that a ticket has its first consumed admission, or that the last
// one it had was taken back, which is for the reader to find out: a row says that there
// is something to look at.
func tellAdmitted(ctx context.Context, t *tx, e *journal.Entry, in bool) error {
	r := outbox.Row{Event: e.Event, Kind: outbox.TicketAdmitted, Ticket: e.Ticket}
	want := 0
	if in {
		want = 1
	}
	err := t.row(ctx, admittedNow, []any{e.Ticket[:], int64(e.Event), int64(journal.Passed), int64(journal.Flagged), want}, &r.Account, &r.Status)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return post(ctx, t, r)
}

const insertRow = `INSERT INTO ledger (event, number, kind, ticket, device, seq, time, uncertainty, gate, lane)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

func writeRow(ctx context.Context, t *tx, event ticket.EventID, r publish.Row, got *publish.Received) error {
	n, err := t.next(ctx, "ledger/"+event.String())
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, insertRow, int64(event), n, int64(r.Kind), r.Ticket[:], string(r.Device), signed(r.Seq),
		signed(uint64(r.Time)), int64(r.Uncertainty), r.Gate, r.Lane)
	got.Ledger[event] = unsigned(n)
	return err
}

// dispute notes a ticket that has entered more often than it may, once.
func dispute(ctx context.Context, t *tx, event ticket.EventID, id ticket.ID, most int, got *publish.Received) error {
	var n, one int
	err := t.row(ctx, countStanding, []any{int64(event), id[:], int64(journal.Released), int64(journal.Undone)}, &n)
	if err != nil || n <= most {
		return err
	}
	if err := t.row(ctx, hasConflict, []any{int64(event), id[:]}, &one); !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	number, err := t.next(ctx, "conflict/"+event.String())
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, insertConflict, int64(event), number, id[:], t.ms()); err != nil {
		return err
	}
	got.Conflicts = append(got.Conflicts, publish.NewConflict{Event: event, Ticket: id})
	return nil
}

const (
	// maxIncidents is how many of one kind are kept of one device: a broken one
	// must not fill the disk, nor hide a fork behind rubbish.
	maxIncidents   = 50
	insertIncident = `INSERT INTO incident (number, device, kind, seq, found, detail, hash, evidence)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	knownIncident  = `SELECT COUNT(*) FROM incident WHERE device = $1 AND kind = $2 AND hash = $3`
	countIncidents = `SELECT COUNT(*) FROM incident WHERE device = $1 AND kind = $2`
)

// Record implements [publish.Journals].
func (p *Publish) Record(ctx context.Context, i publish.Incident) (fresh bool, err error) {
	hash := sha256.Sum256(i.Evidence)
	err = p.s.update(ctx, func(t *tx) error {
		fresh = false
		var known, all int
		if err := t.row(ctx, knownIncident, []any{string(i.Device), string(i.Kind), hash[:]}, &known); err != nil || known > 0 {
			return err
		}
		if err := t.row(ctx, countIncidents, []any{string(i.Device), string(i.Kind)}, &all); err != nil || all >= maxIncidents {
			return err
		}
		number, err := t.next(ctx, "incident")
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, insertIncident, number, string(i.Device), string(i.Kind), signed(i.Seq), i.Found, i.Detail, hash[:], i.Evidence)
		fresh = err == nil
		return err
	})
	return fresh && err == nil, err
}

const (
	selectIncidents = `SELECT number, device, kind, seq, found, detail, hash, LENGTH(evidence) FROM incident
		WHERE number > $1 ORDER BY number LIMIT $2`
	incidentCount  = `SELECT COALESCE(MAX(number), 0) FROM incident`
	selectEvidence = `SELECT evidence FROM incident WHERE number = $1`
)

// Incidents implements [publish.Journals].
func (p *Publish) Incidents(ctx context.Context, after uint64, limit int) (out []publish.Incident, err error) {
	err = p.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, func(r scanner) (i publish.Incident, err error) {
			var hash []byte
			err = r.Scan(&i.Number, (*string)(&i.Device), (*string)(&i.Kind), &i.Seq, &i.Found, &i.Detail, &hash, &i.Size)
			copy(i.Hash[:], hash)
			return i, err
		}, selectIncidents, signed(after), limit)
		return err
	})
	return out, err
}

// IncidentCount implements [publish.Journals].
func (p *Publish) IncidentCount(ctx context.Context) (n uint64, err error) {
	err = p.s.view(ctx, func(t *tx) error { return t.row(ctx, incidentCount, nil, &n) })
	return n, err
}

// Evidence implements [publish.Journals].
func (p *Publish) Evidence(ctx context.Context, number uint64) (data []byte, err error) {
	err = p.s.view(ctx, func(t *tx) error {
		err := t.row(ctx, selectEvidence, []any{signed(number)}, &data)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("incident %d: %w", number, publish.ErrUnknownIncident)
		}
		return err
	})
	return data, err
}

const selectLedger = `SELECT number, kind, ticket, device, seq, time, uncertainty, gate, lane FROM ledger
	WHERE event = $1 AND number > $2 ORDER BY number LIMIT $3`

// Ledger implements [publish.Journals].
func (p *Publish) Ledger(ctx context.Context, event ticket.EventID, after uint64, limit int) (out []publish.Row, err error) {
	err = p.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, func(r scanner) (w publish.Row, err error) {
			var id []byte
			err = r.Scan(&w.Number, &w.Kind, &id, (*string)(&w.Device), &w.Seq, &w.Time, &w.Uncertainty, &w.Gate, &w.Lane)
			copy(w.Ticket[:], id)
			return w, err
		}, selectLedger, int64(event), signed(after), limit)
		return err
	})
	return out, err
}

const (
	ledgerLength  = `SELECT COALESCE(MAX(number), 0) FROM ledger WHERE event = $1`
	conflictCount = `SELECT COALESCE(MAX(number), 0) FROM conflict WHERE event = $1`
)

// LedgerLength implements [publish.Journals].
func (p *Publish) LedgerLength(ctx context.Context, event ticket.EventID) (n uint64, err error) {
	err = p.s.view(ctx, func(t *tx) error { return t.row(ctx, ledgerLength, []any{int64(event)}, &n) })
	return n, err
}

// ConflictCount implements [publish.Journals].
func (p *Publish) ConflictCount(ctx context.Context, event ticket.EventID) (n uint64, err error) {
	err = p.s.view(ctx, func(t *tx) error { return t.row(ctx, conflictCount, []any{int64(event)}, &n) })
	return n, err
}

const (
	selectDisputes   = `SELECT number, ticket FROM conflict WHERE event = $1 AND number > $2 ORDER BY number LIMIT $3`
	selectAdmissions = `SELECT device, seq, time, uncertainty, gate, lane, mode, evidence, settled FROM admission
		WHERE event = $1 AND ticket = $2`
)

// Disputes implements [publish.Journals].
func (p *Publish) Disputes(ctx context.Context, event ticket.EventID, after uint64, limit int) (out []publish.Dispute, err error) {
	err = p.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, func(r scanner) (d publish.Dispute, err error) {
			var id []byte
			err = r.Scan(&d.Number, &id)
			copy(d.Ticket[:], id)
			return d, err
		}, selectDisputes, int64(event), signed(after), limit)
		if err != nil {
			return err
		}
		for i := range out {
			d := &out[i]
			d.Admissions, err = rows(ctx, t, func(r scanner) (a publish.Placed, err error) {
				a.Event, a.Ticket = event, d.Ticket
				var evidence []byte
				err = r.Scan((*string)(&a.Device), &a.Seq, &a.Time, &a.Uncertainty, &a.Gate, &a.Lane, &a.Mode, &evidence, &a.Settled)
				copy(a.Evidence[:], evidence)
				return a, err
			}, selectAdmissions, int64(event), d.Ticket[:])
			if err != nil {
				return fmt.Errorf("admissions of conflict %s: %w", strconv.FormatUint(d.Number, 10), err)
			}
		}
		return nil
	})
	return out, err
}
