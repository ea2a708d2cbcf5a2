package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// ClaimState is what became of an admission by this gate.
type ClaimState uint8

// The states of a claim. One that is given back is no longer there.
const (
	Reserved ClaimState = iota + 1 // the lane opens, nobody has passed yet
	Consumed                       // somebody passed
	Assumed                        // nobody knows whether somebody passed: counts as consumed, flagged
)

// Claim is an admission by this gate that counts.
type Claim struct {
	Seq   uint64      // of the decision in the journal
	Time  journal.HLC // of the decision
	Lane  string
	State ClaimState
	Nth   int // which entry of this ticket it was, from 1
}

// ClaimRequest asks for an admission.
type ClaimRequest struct {
	// Entry is the decision to admit; the store sets Seq, Time and Prev. Event and
	// Ticket say what is claimed.
	Entry journal.Entry

	// Ticket is a verified ticket that came with the pass while the set does not
	// know it; nil otherwise. It is kept, so that the set may stay behind.
	Ticket *ticket.Ticket

	// Version is that of the ticket the decision was about. If the set knows the
	// ticket in a higher version by now, the claim is lost. 0 does not compare.
	Version uint32

	// MaxEntries is how often the ticket may enter, here and elsewhere; 0 is once.
	MaxEntries int

	// Unlimited lets the ticket enter however often it has, and without an exit
	// before: it is an accreditation.
	Unlimited bool
}

// Claimed is what came of a request. Either way its entry is on the disk.
type Claimed struct {
	Seq  uint64      // of the journal entry, whether it admits or refuses
	Time journal.HLC // of that entry

	// Won is true if the entry admits. Only then may a lane open.
	Won bool

	// Reason is why the entry refuses: already_admitted, or what the set says of
	// the ticket since the decision looked. It is the request's own if Won.
	Reason ticket.Reason

	// Holder is this gate's newest claim of the ticket if the claim was lost to one.
	Holder *Claim

	// Elsewhere is what other devices did with the ticket, if the claim was lost.
	Elsewhere []Seen
}

// Claim admits a ticket or finds that it cannot, and journals which, in one
// transaction that is on the disk when Claim returns. Of any number of claims of
// a ticket that may enter once, exactly one wins. After an error nothing was
// claimed and nothing journaled.
func (s *Store) Claim(ctx context.Context, r ClaimRequest) (Claimed, error) {
	e := r.Entry
	if e.Kind != journal.Decision || e.Outcome != ticket.Admit || e.Event == 0 || e.Ticket.IsZero() ||
		r.Ticket != nil && (r.Ticket.ID != e.Ticket || r.Ticket.Event != e.Event) {
		return Claimed{}, fmt.Errorf("claim ticket %.8s of event %s: %w", e.Ticket, e.Event, ErrInvalid)
	}
	var c Claimed
	err := s.inTx(ctx, "claim", func(tx *sql.Tx) error {
		refusal, err := s.standing(ctx, tx, &r)
		if err != nil {
			return err
		}
		if err := s.place(ctx, tx, &e); err != nil {
			return err
		}
		if refusal == "" {
			if c.Won, err = s.tryClaim(ctx, tx, &e, &r); err != nil {
				return err
			}
			refusal = ticket.AlreadyAdmitted
		}
		if c.Won {
			if r.Ticket != nil {
				err = keepCarried(ctx, tx, r.Ticket)
			}
		} else {
			e.Outcome, e.Reason, e.Refers = ticket.Refuse, refusal, 0
			var claims []Claim
			claims, c.Elsewhere, err = history(ctx, tx, e.Event, e.Ticket)
			c.Holder = newest(claims)
		}
		if err != nil {
			return err
		}
		return s.put(ctx, tx, &e)
	})
	if err != nil {
		return Claimed{}, err
	}
	c.Seq, c.Time, c.Reason = e.Seq, e.Time, e.Reason
	return c, nil
}

// standing returns the reason for which the set forbids the ticket now, or "".
// It is read within the transaction, so that a revocation that was applied
// after the decision looked still counts.
func (s *Store) standing(ctx context.Context, tx *sql.Tx, r *ClaimRequest) (ticket.Reason, error) {
	var status ticket.Status
	var version uint32
	err := scanRow(ctx, tx, s.q.standing, []any{r.Entry.Event, r.Entry.Ticket[:]}, []any{&status, &version})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case err != nil:
		return "", err
	}
	switch status {
	case ticket.StatusValid:
	case ticket.StatusRevoked:
		return ticket.Revoked, nil
	case ticket.StatusRefunded:
		return ticket.Refunded, nil
	case ticket.StatusBlocked:
		return ticket.Blocked, nil
	default:
		return ticket.Blocked, nil
	}
	if r.Version != 0 && r.Version < version {
		return ticket.Transferred, nil
	}
	return "", nil
}

// tryClaim claims the ticket for an entry that has its place but is not yet
// written: the foreign key is checked at the commit.
func (s *Store) tryClaim(ctx context.Context, tx *sql.Tx, e *journal.Entry, r *ClaimRequest) (bool, error) {
	args := []any{e.Event, e.Ticket[:], i64(e.Seq), i64(e.Time), e.Lane}
	stmt := s.q.again
	if !r.Unlimited {
		stmt, args = s.q.claim, append(args, max(1, r.MaxEntries))
	}
	n, err := exec(ctx, tx, stmt, args...)
	return n == 1, err
}

func keepCarried(ctx context.Context, tx *sql.Tx, t *ticket.Ticket) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO carried (event, id, `+ticketColumns+`) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
		ON CONFLICT (event, id) DO UPDATE SET zone = excluded.zone, class = excluded.class, seat = excluded.seat,
			version = excluded.version, holder = excluded.holder, not_before = excluded.not_before,
			not_after = excluded.not_after, flags = excluded.flags, mint = excluded.mint
		WHERE excluded.version > version`, append([]any{t.Event, t.ID[:]}, columns(t)...)...)
	return err
}

// Settle says what became of the admission with that number: Passed, Released,
// Flagged or Undone. The entry and the change of the claim are one transaction;
// Released and Undone give the ticket back. Settling the same way again changes
// nothing. [ErrSettled] if it was settled in a way that this cannot follow,
// [ErrNotFound] if there is no such admission.
func (s *Store) Settle(ctx context.Context, seq uint64, kind journal.Kind, reason ticket.Reason) error {
	return s.inTx(ctx, "settle", func(tx *sql.Tx) error { return s.settle(ctx, tx, seq, kind, reason) })
}

func (s *Store) settle(ctx context.Context, tx *sql.Tx, seq uint64, kind journal.Kind, reason ticket.Reason) error {
	query, again := "", false
	var state ClaimState
	err := tx.QueryRowContext(ctx, "SELECT state FROM claim WHERE seq = ?1", i64(seq)).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return s.settledBefore(ctx, tx, seq, kind)
	}
	if err != nil {
		return err
	}
	switch kind {
	case journal.Passed:
		query, again = "UPDATE claim SET state = 2 WHERE seq = ?1 AND state IN (1, 3)", state == Consumed
	case journal.Flagged:
		query, again = "UPDATE claim SET state = 3 WHERE seq = ?1 AND state = 1", state == Assumed
	case journal.Released:
		query = "DELETE FROM claim WHERE seq = ?1 AND state = 1"
	case journal.Undone:
		query = "DELETE FROM claim WHERE seq = ?1"
	case journal.Decision, journal.Left:
		return fmt.Errorf("settle %d as %s: %w", seq, kind, ErrInvalid)
	default:
		return fmt.Errorf("settle %d as %s: %w", seq, kind, ErrInvalid)
	}
	if again {
		return nil
	}
	res, err := tx.ExecContext(ctx, query, i64(seq))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fmt.Errorf("settle %d as %s: %w", seq, kind, ErrSettled))
	}
	decision, err := entryAt(ctx, tx, seq)
	if err != nil {
		return err
	}
	return s.append(ctx, tx, &journal.Entry{
		Kind: kind, Uncertainty: decision.Uncertainty, Event: decision.Event, Lane: decision.Lane,
		Ticket: decision.Ticket, Reason: reason, Refers: seq,
	})
}

// settledBefore tells a repetition from a contradiction and from a number that
// was never an admission.
func (s *Store) settledBefore(ctx context.Context, tx *sql.Tx, seq uint64, kind journal.Kind) error {
	var last journal.Kind
	err := tx.QueryRowContext(ctx, "SELECT kind FROM journal WHERE refers = ?1 ORDER BY seq DESC LIMIT 1", i64(seq)).Scan(&last)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("admission %d: %w", seq, ErrNotFound)
	case err != nil:
		return err
	case last == kind:
		return nil
	}
	return fmt.Errorf("admission %d is %s, cannot become %s: %w", seq, last, kind, ErrSettled)
}

func entryAt(ctx context.Context, tx *sql.Tx, seq uint64) (journal.Entry, error) {
	var data []byte
	if err := tx.QueryRowContext(ctx, "SELECT entry FROM journal WHERE seq = ?1", i64(seq)).Scan(&data); err != nil {
		return journal.Entry{}, err
	}
	e, err := journal.ParseEntry(data)
	if err != nil {
		return journal.Entry{}, fmt.Errorf("journal entry %d: %w: %w", seq, ErrCorrupt, err)
	}
	return e, nil
}

// Leave journals an exit and lets the ticket enter again if its class may.
func (s *Store) Leave(ctx context.Context, e journal.Entry) (seq uint64, err error) {
	if e.Kind != journal.Left || e.Event == 0 || e.Ticket.IsZero() {
		return 0, fmt.Errorf("leave: %s of ticket %.8s: %w", e.Kind, e.Ticket, ErrInvalid)
	}
	err = s.inTx(ctx, "leave", func(tx *sql.Tx) error {
		if err := s.append(ctx, tx, &e); err != nil {
			return err
		}
		return insertSeen(ctx, tx, sighting{event: e.Event, ticket: e.Ticket, device: s.device, seq: e.Seq, kind: Exit, time: e.Time})
	})
	if err != nil {
		return 0, err
	}
	return e.Seq, nil
}

// Recover is called once at the start, before any lane opens: admissions that an
// earlier life of the gate reserved and never settled are flagged, because
// nobody knows whether the person went through. It returns how many there were.
func (s *Store) Recover(ctx context.Context) (n int, err error) {
	err = s.inTx(ctx, "recover", func(tx *sql.Tx) error {
		open, err := all(ctx, tx, func(rows *sql.Rows, seq *uint64) error {
			var i int64
			err := rows.Scan(&i)
			*seq = u64(i)
			return err
		}, "SELECT seq FROM claim WHERE state = 1 ORDER BY seq")
		if err != nil {
			return err
		}
		for _, seq := range open {
			if err := s.settle(ctx, tx, seq, journal.Flagged, ""); err != nil {
				return err
			}
		}
		n = len(open)
		return nil
	})
	return n, err
}
