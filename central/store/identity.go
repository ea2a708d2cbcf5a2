package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

// Identity returns the store as identity wants it.
func (s *Store) Identity() *Identity { return &Identity{s} }

// Identity keeps identifiers, issuers, credentials, transfers and asks.
type Identity struct{ s *Store }

var _ identity.Store = (*Identity)(nil)

const (
	replaceOld = `UPDATE credential SET state = 'replaced', changed = $3 WHERE account = $1 AND subject <> $2 AND state = 'valid'`
	setDID     = `INSERT INTO holder_did (account, did, holder, proved) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account) DO UPDATE SET did = excluded.did, holder = excluded.holder, proved = excluded.proved`
	didTaken  = `SELECT COUNT(*) FROM holder_did WHERE did = $1 AND account <> $2`
	selectDID = `SELECT account, did, holder, proved FROM holder_did h WHERE account = $1 AND ` + proven

	// An identifier counts while the passkey is in force that it was proved with:
	// its key lies on the phone that was perhaps lost.
	proven        = `h.proved >= COALESCE((SELECT MAX(k.created) FROM passkey k WHERE k.account = h.account), 0)`
	newestKeyMade = `SELECT COALESCE(MAX(created), 0) FROM passkey WHERE account = $1`
)

// SetDID implements [identity.Identifiers].
func (i *Identity) SetDID(ctx context.Context, d identity.Identifier) error {
	return i.s.update(ctx, func(t *tx) error {
		var n int
		if err := t.row(ctx, didTaken, []any{string(d.DID), d.Account}, &n); err != nil {
			return err
		}
		if n != 0 { // on an engine with several writers the unique column decides
			return identity.ErrDIDTaken
		}
		var passkey int64 // which is from the future, if the clock was set back
		if err := t.row(ctx, newestKeyMade, []any{d.Account}, &passkey); err != nil {
			return err
		}
		if _, err := t.exec(ctx, setDID, d.Account, string(d.DID), d.Holder.String(), max(t.ms(), passkey)); err != nil {
			return err
		}
		_, err := t.exec(ctx, replaceOld, d.Account, string(d.DID), t.ms())
		return err
	})
}

// DID implements [identity.Identifiers].
func (i *Identity) DID(ctx context.Context, account string) (d identity.Identifier, err error) {
	err = i.s.view(ctx, func(t *tx) error {
		d, err = scanIdentifier(t.sql.QueryRowContext(ctx, selectDID, account))
		if errors.Is(err, sql.ErrNoRows) {
			return identity.ErrNoDID
		}
		return err
	})
	return d, err
}

func scanIdentifier(r scanner) (d identity.Identifier, err error) {
	var holder string
	var proved int64
	if err := r.Scan(&d.Account, (*string)(&d.DID), &holder, &proved); err != nil {
		return d, err
	}
	d.Proved = time.UnixMilli(proved)
	return d, d.Holder.UnmarshalText([]byte(holder))
}

const (
	selectIssuers = `SELECT body FROM issuer ORDER BY did`
	saveIssuer    = `INSERT INTO issuer (did, body, added) VALUES ($1, $2, $3) ON CONFLICT (did) DO UPDATE SET body = excluded.body`
	countIssuers  = `SELECT COUNT(*) FROM issuer`
	dropIssuer    = `DELETE FROM issuer WHERE did = $1`
	revokeKind    = `UPDATE credential SET state = 'revoked', changed = $3 WHERE issuer = $1 AND type = $2 AND state = 'valid'`
	revokeAll     = `UPDATE credential SET state = 'revoked', changed = $2 WHERE issuer = $1 AND state = 'valid'`

	listURLs  = `SELECT url FROM status_list WHERE issuer = $1`
	dropList  = `DELETE FROM status_list WHERE url = $1`
	dropLists = `DELETE FROM status_list WHERE issuer = $1`
)

// issuerBody is a [trust.Issuer] as its column has it.
type issuerBody struct {
	DID      string   `json:"did"`
	Name     string   `json:"name"`
	Document []byte   `json:"document,omitempty"`
	Accepts  []string `json:"accepts"`
	Status   []string `json:"status,omitempty"`
}

// Issuers implements [identity.Issuers].
func (i *Identity) Issuers(ctx context.Context) (out []trust.Issuer, err error) {
	err = i.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, func(r scanner) (is trust.Issuer, err error) {
			var text string
			var b issuerBody
			if err := r.Scan(&text); err != nil {
				return is, err
			}
			if err := json.Unmarshal([]byte(text), &b); err != nil {
				return is, fmt.Errorf("decode issuer: %w", err)
			}
			return trust.Issuer{DID: b.DID, Name: b.Name, Document: b.Document, Accepts: b.Accepts, StatusURLs: b.Status}, nil
		}, selectIssuers)
		return err
	})
	return out, err
}

// SaveIssuer implements [identity.Issuers].
func (i *Identity) SaveIssuer(ctx context.Context, is trust.Issuer, most int) error {
	body, err := json.Marshal(issuerBody{DID: is.DID, Name: is.Name, Document: is.Document, Accepts: is.Accepts, Status: is.StatusURLs})
	if err != nil {
		return fmt.Errorf("encode issuer: %w", err)
	}
	return i.s.update(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, saveIssuer, is.DID, string(body), t.ms()); err != nil {
			return err
		}
		var n int
		if err := t.row(ctx, countIssuers, nil, &n); err != nil {
			return err
		}
		if n > most {
			return identity.ErrTooManyIssuers
		}
		for _, kind := range []credential.Type{credential.Family, credential.Age, credential.Staff} {
			if slices.Contains(is.Accepts, string(kind)) {
				continue
			}
			if _, err := t.exec(ctx, revokeKind, is.DID, string(kind), t.ms()); err != nil {
				return err
			}
		}
		urls, err := rows(ctx, t, func(r scanner) (u string, err error) { return u, r.Scan(&u) }, listURLs, is.DID)
		if err != nil {
			return err
		}
		for _, u := range urls {
			if slices.Contains(is.StatusURLs, u) {
				continue
			}
			if _, err := t.exec(ctx, dropList, u); err != nil {
				return err
			}
		}
		return nil
	})
}

// DropIssuer implements [identity.Issuers].
func (i *Identity) DropIssuer(ctx context.Context, did credential.DID) error {
	return i.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, dropIssuer, string(did))
		if err != nil {
			return err
		}
		if n == 0 {
			return identity.ErrUnknownIssuer
		}
		if _, err := t.exec(ctx, dropLists, string(did)); err != nil {
			return err
		}
		_, err = t.exec(ctx, revokeAll, string(did), t.ms())
		return err
	})
}

const (
	selectLists = `SELECT url, issuer, jwt, issued, expires FROM status_list ORDER BY url`
	selectList1 = `SELECT jwt FROM status_list WHERE url = $1`
	saveList    = `INSERT INTO status_list (url, issuer, jwt, issued, expires, stored) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (url) DO UPDATE SET issuer = excluded.issuer, jwt = excluded.jwt, issued = excluded.issued,
			expires = excluded.expires, stored = excluded.stored
		WHERE status_list.issued < excluded.issued OR status_list.issuer <> excluded.issuer`
	listedVCs = `SELECT number, status_index FROM credential WHERE status_url = $1 AND issuer = $2 AND state = 'valid'`
	revokeVC  = `UPDATE credential SET state = 'revoked', changed = $2 WHERE number = $1 AND state = 'valid'`
)

// StatusLists implements [identity.Issuers].
func (i *Identity) StatusLists(ctx context.Context) (out []identity.StatusList, err error) {
	err = i.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, func(r scanner) (l identity.StatusList, err error) {
			var issued, expires int64
			err = r.Scan(&l.URL, (*string)(&l.Issuer), &l.JWT, &issued, &expires)
			l.Issued, l.Expires = time.UnixMilli(issued), time.UnixMilli(expires)
			return l, err
		}, selectLists)
		return err
	})
	return out, err
}

// SaveStatusList implements [identity.Issuers].
func (i *Identity) SaveStatusList(ctx context.Context, l identity.StatusList, revoked func(uint32) bool) (saved bool, n int, err error) {
	err = i.s.update(ctx, func(t *tx) error {
		saved, n = false, 0
		put, err := t.exec(ctx, saveList, l.URL, string(l.Issuer), l.JWT, l.Issued.UnixMilli(), l.Expires.UnixMilli(), t.ms())
		if err != nil {
			return err
		}
		if saved = put == 1; !saved {
			var have []byte
			if err := t.row(ctx, selectList1, []any{l.URL}, &have); err != nil {
				return err
			}
			if !bytes.Equal(have, l.JWT) {
				return identity.ErrOlderStatus
			}
			return nil
		}
		type entry struct {
			number int64
			index  uint32
		}
		all, err := rows(ctx, t, func(r scanner) (e entry, err error) { return e, r.Scan(&e.number, &e.index) },
			listedVCs, l.URL, string(l.Issuer))
		if err != nil {
			return err
		}
		for _, e := range all {
			if !revoked(e.index) {
				continue
			}
			if _, err := t.exec(ctx, revokeVC, e.number, t.ms()); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return saved, n, err
}
