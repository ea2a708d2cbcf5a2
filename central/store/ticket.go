package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	ownedColumns = `t.body, t.status, t.signed, COALESCE(t.owner, ''), t.changed, e.rules`

	selectTicket = `SELECT ` + ownedColumns + ` FROM ticket t JOIN event e ON e.id = t.event WHERE t.id = $1`
	selectOwned  = `SELECT ` + ownedColumns + ` FROM ticket t JOIN event e ON e.id = t.event
		WHERE t.owner = $1 ORDER BY t.issued DESC, t.id LIMIT $2`

	// What became of a ticket that went is not its former owner's to know.
	selectPast = `SELECT t.body, MAX(p.version), e.rules FROM ticket_past p
			JOIN ticket t ON t.id = p.ticket JOIN event e ON e.id = t.event
		WHERE p.owner = $1 AND (t.owner IS NULL OR t.owner <> $1)
		GROUP BY t.id, t.body, e.rules ORDER BY MAX(p.until) DESC, t.id LIMIT $2`

	// A receipt is for who had the ticket when it entered; see selectReceipt.
	entranceColumns = `SELECT a.ticket, a.time, a.gate, a.lane, a.settled IN ($4, $5) AND r.seq IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM ticket_past p WHERE p.ticket = a.ticket AND p.until * 65536 > a.time)
		FROM ticket t JOIN admission a ON a.event = t.event AND a.ticket = t.id
			LEFT JOIN receipt r ON r.device = a.device AND r.seq = a.seq
		WHERE a.settled <> $2 AND a.settled <> $3 AND `
	selectEntrances = entranceColumns + `t.id = $1 ORDER BY a.time, a.device, a.seq`
	ownedEntrances  = entranceColumns + `t.owner = $1 ORDER BY a.time, a.device, a.seq`
)

// Ticket implements [sale.Tickets].
func (s *Store) Ticket(ctx context.Context, id ticket.ID) (o sale.OwnedTicket, err error) {
	err = s.view(ctx, func(t *tx) error {
		one, err := rows(ctx, t, (&rulesOnce{}).scanOwned, selectTicket, id[:])
		if err != nil {
			return err
		}
		if len(one) == 0 {
			return sale.ErrUnknownTicket
		}
		err = fillOwned(ctx, t, one, selectEntrances, id[:])
		o = one[0]
		return err
	})
	return o, err
}

// Owned implements [sale.Tickets].
func (s *Store) Owned(ctx context.Context, owner string) (out []sale.OwnedTicket, err error) {
	err = s.view(ctx, func(t *tx) error {
		var events rulesOnce
		if out, err = rows(ctx, t, events.scanOwned, selectOwned, owner, sale.MaxOwned); err != nil {
			return err
		}
		if err := fillOwned(ctx, t, out, ownedEntrances, owner); err != nil {
			return err
		}
		past, err := rows(ctx, t, events.scanPast, selectPast, owner, sale.MaxOwned)
		out = append(out, past...)
		return err
	})
	return out, err
}

// rulesOnce decodes the rules of an event once, however many tickets it has.
type rulesOnce struct {
	text string
	last ticket.Event
}

func (e *rulesOnce) decode(text string, into *ticket.Event) error {
	if e.text != text {
		var next ticket.Event
		if err := json.Unmarshal([]byte(text), &next); err != nil {
			return fmt.Errorf("decode event: %w", err)
		}
		e.text, e.last = text, next
	}
	*into = e.last
	return nil
}

func (e *rulesOnce) scanOwned(r scanner) (o sale.OwnedTicket, err error) {
	var body, rules string
	var changed int64
	if err := r.Scan(&body, &o.Status, &o.Signed, &o.Owner, &changed, &rules); err != nil {
		return o, err
	}
	o.Bound = time.UnixMilli(changed)
	if err := json.Unmarshal([]byte(body), &o.Ticket); err != nil {
		return o, fmt.Errorf("decode ticket: %w", err)
	}
	return o, e.decode(rules, &o.Event)
}

func (e *rulesOnce) scanPast(r scanner) (o sale.OwnedTicket, err error) {
	var body, rules string
	var version uint32
	if err := r.Scan(&body, &version, &rules); err != nil {
		return o, err
	}
	var now ticket.Ticket
	if err := json.Unmarshal([]byte(body), &now); err != nil {
		return o, fmt.Errorf("decode ticket: %w", err)
	}
	if err := e.decode(rules, &o.Event); err != nil {
		return o, err
	}
	o.Ticket = ticket.Ticket{ID: now.ID, Event: now.Event, Zone: now.Zone, Class: now.Class, Seat: now.Seat, Version: version}
	o.State = sale.TicketMoved
	return o, nil
}

// fillOwned adds what the gates have reported, by one statement for all of them.
func fillOwned(ctx context.Context, t *tx, owned []sale.OwnedTicket, query string, of any) error {
	byID := make(map[ticket.ID]*sale.OwnedTicket, len(owned))
	for i := range owned {
		byID[owned[i].Ticket.ID] = &owned[i]
	}
	_, err := rows(ctx, t, func(r scanner) (struct{}, error) {
		var (
			raw []byte
			id  ticket.ID
			hlc int64
			at  sale.Entrance
			has bool
		)
		err := r.Scan(&raw, &hlc, &at.Gate, &at.Lane, &has)
		copy(id[:], raw)
		if o := byID[id]; o != nil {
			o.Entries++
			o.Receipt = o.Receipt || has
			if o.Admitted == nil {
				at.At = journal.HLC(unsigned(hlc)).Time()
				o.Admitted = &at
			}
		}
		return struct{}{}, err
	}, query, of, int64(journal.Released), int64(journal.Undone), int64(journal.Passed), int64(journal.Flagged))
	for i := range owned {
		owned[i].Judge()
	}
	return err
}

const selectBound = `SELECT id, version FROM ticket WHERE owner = $1 AND holder = $2 AND status = $3 ORDER BY id`

// Bound implements [sale.Tickets].
func (s *Store) Bound(ctx context.Context, owner string, key ticket.HolderKey) (out []sale.BoundTicket, err error) {
	err = s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, func(r scanner) (b sale.BoundTicket, err error) {
			var raw []byte
			err = r.Scan(&raw, &b.Version)
			copy(b.ID[:], raw)
			return b, err
		}, selectBound, owner, key.String(), ticket.StatusValid)
		return err
	})
	return out, err
}

const (
	rememberOwner = `INSERT INTO ticket_past (ticket, version, owner, until)
		SELECT id, version, owner, $4 FROM ticket WHERE id = $1 AND version = $2 AND owner IS NOT NULL AND owner <> $3`
	rebindTicket = `UPDATE ticket SET version = version + 1, holder = $4, owner = $5, body = $6, signed = $7, changed = $8
		WHERE id = $1 AND version = $2 AND holder = $3 AND status = $9
			AND (SELECT COUNT(*) FROM admission a WHERE a.event = ticket.event AND a.ticket = ticket.id
				AND a.settled <> $10 AND a.settled <> $11) <= $12`
	ticketStatus = `SELECT status, event FROM ticket WHERE id = $1`
)

// Rebind implements [sale.Tickets].
func (s *Store) Rebind(ctx context.Context, r sale.Rebinding) error {
	k := r.Issued.Ticket
	body, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("encode ticket: %w", err)
	}
	return s.update(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, rememberOwner, k.ID[:], k.Version-1, r.Owner, t.ms()); err != nil {
			return err
		}
		n, err := t.exec(ctx, rebindTicket, k.ID[:], k.Version-1, r.From.String(), k.Holder.String(), optional(r.Owner),
			string(body), r.Issued.Signed, t.ms(), ticket.StatusValid, int64(journal.Released), int64(journal.Undone), r.Entries)
		if err != nil {
			return err
		}
		if n != 1 {
			return whyNot(ctx, t, k.ID, r.Entries) // which undoes all
		}
		if err := endOffers(ctx, t, r); err != nil {
			return err
		}
		return tell(ctx, t, sale.Change{Event: k.Event, Kind: r.Kind, ID: k.ID, Status: ticket.StatusValid, Ticket: &k})
	})
}

// whyNot names what kept a ticket from being rebound.
func whyNot(ctx context.Context, t *tx, id ticket.ID, allowed int) error {
	var status ticket.Status
	var event int64
	var entries int
	switch err := t.row(ctx, ticketStatus, []any{id[:]}, &status, &event); {
	case errors.Is(err, sql.ErrNoRows):
		return sale.ErrUnknownTicket
	case err != nil:
		return err
	case status != ticket.StatusValid:
		return sale.ErrTicketDead
	}
	if err := t.row(ctx, countStanding, []any{event, id[:], int64(journal.Released), int64(journal.Undone)}, &entries); err != nil {
		return err
	}
	if entries > allowed {
		return sale.ErrTicketUsed
	}
	return sale.ErrMoved
}

const (
	insertStaff = `INSERT INTO ticket (id, event, purchase, owner, version, holder, status, body, signed, issued, changed)
		VALUES ($1, $2, NULL, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT (id) DO NOTHING`
	reviveStaff = `UPDATE ticket SET status = $3 WHERE id = $1 AND holder = $2 AND purchase IS NULL AND status = $4`
	selectStaff = `SELECT body, status, signed FROM ticket WHERE id = $1 AND holder = $2 AND purchase IS NULL`
)

// Accredit implements [sale.Tickets].
func (s *Store) Accredit(ctx context.Context, i sale.Issued, owner string) (sale.Issued, error) {
	body, err := json.Marshal(i.Ticket)
	if err != nil {
		return i, fmt.Errorf("encode ticket: %w", err)
	}
	k := i.Ticket
	var stored sale.Issued
	err = s.update(ctx, func(t *tx) error {
		stored = i
		n, err := t.exec(ctx, insertStaff, k.ID[:], int64(k.Event), owner, k.Version, k.Holder.String(), i.Status, string(body), i.Signed, t.ms())
		if err != nil {
			return err
		}
		if n == 1 {
			return tell(ctx, t, sale.Change{Event: k.Event, Kind: sale.TicketNew, ID: k.ID, Status: i.Status, Ticket: &k})
		}
		n, err = t.exec(ctx, reviveStaff, k.ID[:], k.Holder.String(), ticket.StatusValid, ticket.StatusRevoked)
		if err != nil {
			return err
		}
		if n == 1 {
			if err := tell(ctx, t, sale.Change{Event: k.Event, Kind: sale.TicketStatus, ID: k.ID, Status: ticket.StatusValid}); err != nil {
				return err
			}
		}
		var have string
		err = t.row(ctx, selectStaff, []any{k.ID[:], k.Holder.String()}, &have, &stored.Status, &stored.Signed)
		if errors.Is(err, sql.ErrNoRows) {
			return sale.ErrMoved
		}
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(have), &stored.Ticket)
	})
	return stored, err
}

const setStatus = `UPDATE ticket SET status = $2 WHERE id = $1 AND status <> $2 AND status <> $3 RETURNING event`

// SetStatus implements [sale.Tickets].
func (s *Store) SetStatus(ctx context.Context, id ticket.ID, status ticket.Status) (changed bool, err error) {
	err = s.update(ctx, func(t *tx) error {
		changed = false
		c := sale.Change{Kind: sale.TicketStatus, ID: id, Status: status}
		err := t.row(ctx, setStatus, []any{id[:], status, ticket.StatusRefunded}, &c.Event)
		if errors.Is(err, sql.ErrNoRows) {
			var was ticket.Status
			var event int64
			if err := t.row(ctx, ticketStatus, []any{id[:]}, &was, &event); errors.Is(err, sql.ErrNoRows) {
				return sale.ErrUnknownTicket
			} else if err != nil {
				return err
			}
			return nil
		}
		if err != nil {
			return err
		}
		changed = true
		return tell(ctx, t, c)
	})
	return changed, err
}

// optional is NULL for an empty name.
func optional(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// holderText is a key as its column has it: NULL for paper.
func holderText(k ticket.HolderKey) any {
	if k.IsZero() {
		return nil
	}
	return k.String()
}
