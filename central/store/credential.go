package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	vcColumns = `number, id, issuer, type, account, subject, relation, relative, age, role, class,
		issued, expires, status_url, status_index, state, jwt, stored`
	insertVC = `INSERT INTO credential (number, id, issuer, type, account, subject, relation, relative, age, role, class,
			issued, expires, status_url, status_index, state, jwt, stored, changed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'valid', $16, $17, $17)`
	insertWorth = `INSERT INTO accreditation (credential, event, ticket) VALUES ($1, $2, $3)`
	subjectOf   = `SELECT COUNT(*) FROM holder_did h WHERE account = $1 AND did = $2 AND ` + proven
	sameVC      = `SELECT ` + vcColumns + ` FROM credential WHERE issuer = $1 AND id = $2 AND state = 'valid'`
	// One that an issuer wrote again under the same id takes the place of the old.
	replaceVC = `UPDATE credential SET state = 'replaced', changed = $3 WHERE issuer = $1 AND id = $2 AND state = 'valid'`
	// One that its owner removed, and shows again, is the same.
	reviveVC = `UPDATE credential SET state = 'valid', changed = $5
		WHERE number = (SELECT MAX(number) FROM credential WHERE account = $1 AND issuer = $2 AND id = $3 AND jwt = $4)
			AND state <> 'valid' RETURNING number`
	countVCs    = `SELECT COUNT(*) FROM credential WHERE account = $1 AND state = 'valid' AND expires > $2`
	selectVCs   = `SELECT ` + vcColumns + ` FROM credential WHERE account = $1 ORDER BY number DESC LIMIT $2`
	selectWorth = `SELECT event FROM accreditation WHERE credential = $1 ORDER BY event`
)

// AddCredential implements [identity.Credentials].
func (i *Identity) AddCredential(ctx context.Context, c identity.Credential, worth []identity.Accreditation, most int) (stored identity.Credential, fresh bool, err error) {
	v := &c.Verified
	err = i.s.update(ctx, func(t *tx) error {
		stored, fresh = identity.Credential{}, false
		var n int
		if err := t.row(ctx, subjectOf, []any{c.Account, string(v.Subject)}, &n); err != nil {
			return err
		}
		if n == 0 {
			return identity.ErrNoDID
		}
		have, err := scanVC(t.sql.QueryRowContext(ctx, sameVC, string(v.Issuer), v.ID))
		switch {
		case err == nil && have.JWT == c.JWT && have.Account == c.Account:
			stored = have
			return fillVC(ctx, t, &stored)
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return err
		}
		if _, err := t.exec(ctx, replaceVC, string(v.Issuer), v.ID, t.ms()); err != nil {
			return err
		}
		if err := t.row(ctx, countVCs, []any{c.Account, t.ms()}, &n); err != nil {
			return err
		}
		if n >= most {
			return identity.ErrTooMany
		}
		var number int64
		err = t.row(ctx, reviveVC, []any{c.Account, string(v.Issuer), v.ID, []byte(c.JWT), t.ms()}, &number)
		if err == nil {
			c.Number = unsigned(number)
			stored, fresh = c, true
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := addVC(ctx, t, &c, worth); err != nil {
			return err
		}
		stored, fresh = c, true
		return nil
	})
	return stored, fresh, err
}

// addVC gives a credential its number and stores it.
func addVC(ctx context.Context, t *tx, c *identity.Credential, worth []identity.Accreditation) error {
	number, err := t.next(ctx, "credential")
	if err != nil {
		return err
	}
	c.Number = unsigned(number)
	v := &c.Verified
	var family credential.FamilyClaim
	var age credential.AgeClaim
	var staff credential.StaffClaim
	var status credential.StatusRef
	if v.Family != nil {
		family = *v.Family
	}
	if v.Age != nil {
		age = *v.Age
	}
	if v.Staff != nil {
		staff = *v.Staff
	}
	if v.Status != nil {
		status = *v.Status
	}
	_, err = t.exec(ctx, insertVC, number, v.ID, string(v.Issuer), string(v.Type), c.Account, string(v.Subject), family.Relation,
		string(family.Relative), age.Over, staff.Role, staff.Class, v.Issued.UnixMilli(), v.Expires.UnixMilli(),
		status.List, status.Index, []byte(c.JWT), t.ms())
	if err != nil {
		return err
	}
	for _, w := range worth {
		if _, err := t.exec(ctx, insertWorth, number, int64(w.Event), w.Ticket[:]); err != nil {
			return err
		}
	}
	return nil
}

func scanVC(r scanner) (c identity.Credential, err error) {
	var (
		v                       = &c.Verified
		family                  credential.FamilyClaim
		age                     credential.AgeClaim
		staff                   credential.StaffClaim
		status                  credential.StatusRef
		issued, expires, stored int64
		jwt                     []byte
	)
	err = r.Scan(&c.Number, &v.ID, (*string)(&v.Issuer), (*string)(&v.Type), &c.Account, (*string)(&v.Subject), &family.Relation,
		(*string)(&family.Relative), &age.Over, &staff.Role, &staff.Class, &issued, &expires,
		&status.List, &status.Index, (*string)(&c.State), &jwt, &stored)
	if err != nil {
		return c, err
	}
	c.JWT, c.Stored = string(jwt), time.UnixMilli(stored)
	v.Issued, v.Expires = time.UnixMilli(issued), time.UnixMilli(expires)
	switch v.Type {
	case credential.Family:
		v.Family = &family
	case credential.Age:
		v.Age = &age
	case credential.Staff:
		v.Staff = &staff
	}
	if status.List != "" {
		v.Status = &status
	}
	return c, nil
}

// fillVC adds the events of an accreditation.
func fillVC(ctx context.Context, t *tx, c *identity.Credential) (err error) {
	if c.Verified.Staff == nil {
		return nil
	}
	c.Verified.Staff.Events, err = rows(ctx, t, func(r scanner) (e ticket.EventID, err error) { return e, r.Scan(&e) },
		selectWorth, signed(c.Number))
	return err
}

// Credentials implements [identity.Credentials].
func (i *Identity) Credentials(ctx context.Context, account string, limit int) (out []identity.Credential, err error) {
	err = i.s.view(ctx, func(t *tx) error {
		if out, err = rows(ctx, t, scanVC, selectVCs, account, limit); err != nil {
			return err
		}
		for n := range out {
			if err := fillVC(ctx, t, &out[n]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

const removeVC = `UPDATE credential SET state = 'removed', changed = $3 WHERE number = $1 AND account = $2 AND state = 'valid'`

// RemoveCredential implements [identity.Credentials].
func (i *Identity) RemoveCredential(ctx context.Context, account string, number uint64) error {
	return i.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, removeVC, signed(number), account, t.ms())
		if err == nil && n == 0 {
			err = identity.ErrUnknownCredential
		}
		return err
	})
}

const (
	selectKin = `SELECT h.account, h.did, h.holder, h.proved, c.relation, 1, c.expires FROM credential c JOIN holder_did h ON h.did = c.relative
			WHERE c.subject = $1 AND c.type = 'family' AND c.state = 'valid' AND c.expires > $2 AND ` + listed + ` AND ` + proven + `
		UNION ALL SELECT h.account, h.did, h.holder, h.proved, c.relation, 0, c.expires FROM credential c JOIN holder_did h ON h.did = c.subject
			WHERE c.relative = $1 AND c.type = 'family' AND c.state = 'valid' AND c.expires > $2 AND ` + listed + ` AND ` + proven + `
		ORDER BY 2, 6, 7`
	selectAge = `SELECT COALESCE(MAX(age), 0) FROM credential c
		WHERE account = $1 AND type = 'age' AND state = 'valid' AND expires > $2 AND ` + listed

	// A credential of which nobody can say whether it was revoked counts for nothing
	// until its issuer has said so again.
	listed = `(c.status_url = '' OR EXISTS (SELECT 1 FROM status_list s
		WHERE s.url = c.status_url AND s.issuer = c.issuer AND s.expires > $2))`
)

// Relations implements [identity.Credentials].
func (i *Identity) Relations(ctx context.Context, did credential.DID) (out []identity.Relation, err error) {
	err = i.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, func(r scanner) (k identity.Relation, err error) {
			var holder string
			var proved, expires int64
			o := &k.Other
			if err := r.Scan(&o.Account, (*string)(&o.DID), &holder, &proved, &k.Word, &k.Own, &expires); err != nil {
				return k, err
			}
			o.Proved, k.Expires = time.UnixMilli(proved), time.UnixMilli(expires)
			return k, o.Holder.UnmarshalText([]byte(holder))
		}, selectKin, string(did), t.ms())
		return err
	})
	return out, err
}

// Age implements [identity.Credentials].
func (i *Identity) Age(ctx context.Context, account string) (age uint8, err error) {
	err = i.s.view(ctx, func(t *tx) error { return t.row(ctx, selectAge, []any{account, t.ms()}, &age) })
	return age, err
}

const (
	missingTickets = `SELECT c.number, c.account, a.event, c.class, a.ticket, h.holder, c.expires FROM accreditation a
			JOIN credential c ON c.number = a.credential JOIN holder_did h ON h.account = c.account AND h.did = c.subject
			JOIN event e ON e.id = a.event LEFT JOIN ticket t ON t.id = a.ticket
		WHERE c.state = 'valid' AND c.expires > $2 AND (t.id IS NULL OR t.status = $1) AND ` + listed + ` AND ` + proven + `
		ORDER BY c.number, a.event LIMIT $3`
	// A status list that has ended does not take the crew's tickets away: they would
	// stand before a shut gate because a registrar is late.
	looseTickets = `SELECT DISTINCT t.id FROM accreditation a JOIN ticket t ON t.id = a.ticket
		WHERE t.status = $1 AND NOT EXISTS (SELECT 1 FROM accreditation b JOIN credential d ON d.number = b.credential
			JOIN holder_did h ON h.account = d.account AND h.did = d.subject
			WHERE b.ticket = t.id AND d.state = 'valid' AND ` + proven + `)
		ORDER BY t.id LIMIT $2`

	// settleBatch bounds the work of one round.
	settleBatch = 1000
)

// Missing implements [identity.Credentials].
func (i *Identity) Missing(ctx context.Context) (out []identity.Accreditation, err error) {
	err = i.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, func(r scanner) (a identity.Accreditation, err error) {
			var id []byte
			var holder string
			var expires int64
			if err := r.Scan(&a.Credential, &a.Account, &a.Event, &a.Class, &id, &holder, &expires); err != nil {
				return a, err
			}
			copy(a.Ticket[:], id)
			a.Expires = time.UnixMilli(expires)
			return a, a.Holder.UnmarshalText([]byte(holder))
		}, missingTickets, ticket.StatusRevoked, t.ms(), settleBatch)
		return err
	})
	return out, err
}

// Loose implements [identity.Credentials].
func (i *Identity) Loose(ctx context.Context) (out []ticket.ID, err error) {
	err = i.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, func(r scanner) (id ticket.ID, err error) {
			var raw []byte
			err = r.Scan(&raw)
			copy(id[:], raw)
			return id, err
		}, looseTickets, ticket.StatusValid, settleBatch)
		return err
	})
	return out, err
}
