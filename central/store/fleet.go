package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/sync/ticket"
)

// Fleet returns the store as fleet wants it.
func (s *Store) Fleet() *Fleet { return &Fleet{s} }

// Fleet keeps devices, enrolment codes, certificates and the trust list.
type Fleet struct{ s *Store }

var _ fleet.Store = (*Fleet)(nil)

const (
	deviceTaken = `SELECT 1 FROM device WHERE id = $1`
	insertCode  = `INSERT INTO enrol_code (hash, device, role, gate, events, created_s, expires_s)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`
	// A code is of no use after its end. It stays a day longer for whoever
	// wants to know what became of it.
	forgetCodes = `DELETE FROM enrol_code WHERE expires_s < $1`
)

// AddCode implements [fleet.Codes].
func (f *Fleet) AddCode(ctx context.Context, c fleet.Code) error {
	events, err := json.Marshal(c.Events)
	if err != nil {
		return err
	}
	return f.s.update(ctx, func(t *tx) error {
		var one int
		switch err := t.row(ctx, deviceTaken, []any{string(c.Device)}, &one); {
		case err == nil:
			return fmt.Errorf("device %s: %w", c.Device, fleet.ErrExists)
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		if _, err := t.exec(ctx, forgetCodes, c.Created-24*3600); err != nil {
			return err
		}
		_, err := t.exec(ctx, insertCode, c.Hash[:], string(c.Device), string(c.Role), c.Gate, string(events), c.Created, c.Expires)
		return err
	})
}

const selectCode = `SELECT device, role, gate, events, created_s, expires_s, used_s FROM enrol_code WHERE hash = $1`

// CodeByHash implements [fleet.Codes].
func (f *Fleet) CodeByHash(ctx context.Context, hash [32]byte) (fleet.Code, error) {
	c := fleet.Code{Hash: hash}
	err := f.s.view(ctx, func(t *tx) error {
		var events string
		err := t.row(ctx, selectCode, []any{hash[:]}, (*string)(&c.Device), (*string)(&c.Role), &c.Gate, &events, &c.Created, &c.Expires, &c.Used)
		if err != nil {
			return missing(err, "enrolment code")
		}
		return json.Unmarshal([]byte(events), &c.Events)
	})
	return c, err
}

const (
	redeemCode   = `UPDATE enrol_code SET used_s = $1 WHERE hash = $2 AND used_s = 0 AND expires_s > $1`
	insertDevice = `INSERT INTO device (id, role, gate, events, enrolled_s, expires_s)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`
)

// Redeem implements [fleet.Codes].
func (f *Fleet) Redeem(ctx context.Context, hash [32]byte, now int64, d fleet.Device, c fleet.Certificate) error {
	events, err := json.Marshal(d.Events)
	if err != nil {
		return err
	}
	return f.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, redeemCode, now, hash[:])
		if err != nil {
			return err
		}
		if n != 1 {
			return fleet.ErrCode
		}
		n, err = t.exec(ctx, insertDevice, string(d.ID), string(d.Role), d.Gate, string(events), d.Enrolled, c.Expires)
		if err != nil {
			return err
		}
		if n != 1 {
			return fmt.Errorf("device %s: %w", d.ID, fleet.ErrExists)
		}
		return addCertificate(ctx, t, d.ID, c)
	})
}

const insertCertificate = `INSERT INTO certificate (serial, device, der, issued_s, expires_s, n) VALUES ($1, $2, $3, $4, $5, $6)`

func addCertificate(ctx context.Context, t *tx, id ticket.DeviceID, c fleet.Certificate) error {
	n, err := t.next(ctx, "certificate")
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, insertCertificate, c.Serial, string(id), c.DER, c.Issued, c.Expires, n)
	return err
}

const renewDevice = `UPDATE device SET expires_s = $1 WHERE id = $2 AND revoked_s = 0`

// AddCertificate implements [fleet.Devices].
func (f *Fleet) AddCertificate(ctx context.Context, id ticket.DeviceID, c fleet.Certificate) error {
	return f.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, renewDevice, c.Expires, string(id))
		if err != nil {
			return err
		}
		if n != 1 {
			return fmt.Errorf("device %s: %w", id, fleet.ErrRevoked)
		}
		return addCertificate(ctx, t, id, c)
	})
}

const (
	deviceColumns = `id, role, gate, events, enrolled_s, expires_s, revoked_s,
		epoch, online, version, set_held, delta_held, unacked, said_s, heard_s`
	selectDevice  = `SELECT ` + deviceColumns + ` FROM device WHERE id = $1`
	selectDevices = `SELECT ` + deviceColumns + ` FROM device WHERE id > $1 ORDER BY id LIMIT $2`
)

func scanDevice(r scanner) (d fleet.Device, err error) {
	var events string
	var epoch, set, delta, unacked int64
	p := &d.Presence
	err = r.Scan((*string)(&d.ID), (*string)(&d.Role), &d.Gate, &events, &d.Enrolled, &d.Expires, &d.Revoked,
		&epoch, &p.Online, &p.Version, &set, &delta, &unacked, &p.At, &p.Heard)
	if err != nil {
		return d, err
	}
	p.Epoch, p.Set, p.Delta, p.Unacked = unsigned(epoch), unsigned(set), unsigned(delta), unsigned(unacked)
	return d, json.Unmarshal([]byte(events), &d.Events)
}

// Device implements [fleet.Devices].
func (f *Fleet) Device(ctx context.Context, id ticket.DeviceID) (d fleet.Device, err error) {
	err = f.s.view(ctx, func(t *tx) error {
		d, err = scanDevice(t.sql.QueryRowContext(ctx, selectDevice, string(id)))
		return missing(err, "device "+string(id))
	})
	return d, err
}

// Devices implements [fleet.Devices].
func (f *Fleet) Devices(ctx context.Context, after ticket.DeviceID, limit int) (ds []fleet.Device, err error) {
	err = f.s.view(ctx, func(t *tx) error {
		ds, err = rows(ctx, t, scanDevice, selectDevices, string(after), limit)
		return err
	})
	return ds, err
}

const countOnline = `SELECT COALESCE(SUM(online), 0), COUNT(*) FROM device WHERE revoked_s = 0`

// Online implements [fleet.Devices].
func (f *Fleet) Online(ctx context.Context) (online, enrolled int, err error) {
	err = f.s.view(ctx, func(t *tx) error { return t.row(ctx, countOnline, nil, &online, &enrolled) })
	return online, enrolled, err
}

const selectCertificates = `SELECT serial, der, issued_s, expires_s FROM certificate WHERE device = $1 ORDER BY n DESC`

// Certificates implements [fleet.Devices].
func (f *Fleet) Certificates(ctx context.Context, id ticket.DeviceID) (cs []fleet.Certificate, err error) {
	err = f.s.view(ctx, func(t *tx) error {
		cs, err = rows(ctx, t, func(r scanner) (c fleet.Certificate, err error) {
			return c, r.Scan(&c.Serial, &c.DER, &c.Issued, &c.Expires)
		}, selectCertificates, string(id))
		return err
	})
	return cs, err
}

const revokeDevice = `UPDATE device SET revoked_s = CASE WHEN revoked_s = 0 THEN $1 ELSE revoked_s END, online = 0 WHERE id = $2`

// Revoke implements [fleet.Devices].
func (f *Fleet) Revoke(ctx context.Context, id ticket.DeviceID, at int64) error {
	return f.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, revokeDevice, at, string(id))
		if err == nil && n == 0 {
			err = fmt.Errorf("device %s: %w", id, fleet.ErrNotFound)
		}
		return err
	})
}

const selectRevoked = `SELECT id FROM device WHERE revoked_s <> 0 AND expires_s > $1 ORDER BY id`

// Revoked implements [fleet.Devices].
func (f *Fleet) Revoked(ctx context.Context, now int64) (ids []ticket.DeviceID, err error) {
	err = f.s.view(ctx, func(t *tx) error {
		ids, err = rows(ctx, t, func(r scanner) (id ticket.DeviceID, err error) {
			return id, r.Scan((*string)(&id))
		}, selectRevoked, now)
		return err
	})
	return ids, err
}

// Within one epoch a will is the last word; a birth of a higher epoch follows it.
// A will says nothing but that the device is gone.
const savePresence = `UPDATE device SET epoch = $1, online = $2, heard_s = $3,
		version    = CASE WHEN $2 = 1 THEN $4 ELSE version END,
		set_held   = CASE WHEN $2 = 1 THEN $5 ELSE set_held END,
		delta_held = CASE WHEN $2 = 1 THEN $6 ELSE delta_held END,
		unacked    = CASE WHEN $2 = 1 THEN $7 ELSE unacked END,
		said_s     = CASE WHEN $2 = 1 THEN $8 ELSE said_s END
	WHERE id = $9 AND (epoch < $1 OR epoch = $1 AND online >= $2)`

// SavePresence implements [fleet.Devices].
func (f *Fleet) SavePresence(ctx context.Context, id ticket.DeviceID, p fleet.Presence) (stored bool, err error) {
	online := 0
	if p.Online {
		online = 1
	}
	err = f.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, savePresence, signed(p.Epoch), online, p.Heard, p.Version,
			signed(p.Set), signed(p.Delta), signed(p.Unacked), p.At, string(id))
		if err != nil || n == 1 {
			stored = n == 1
			return err
		}
		var one int
		return missing(t.row(ctx, deviceTaken, []any{string(id)}, &one), "device "+string(id))
	})
	return stored, err
}

const silence = `UPDATE device SET online = 0 WHERE online <> 0`

// Silence implements [fleet.Devices].
func (f *Fleet) Silence(ctx context.Context) error {
	return f.s.update(ctx, func(t *tx) error {
		_, err := t.exec(ctx, silence)
		return err
	})
}

const selectList = `SELECT version, data FROM trust_list ORDER BY version DESC LIMIT 1`

// TrustList implements [fleet.Lists].
func (f *Fleet) TrustList(ctx context.Context) (l fleet.TrustList, err error) {
	err = f.s.view(ctx, func(t *tx) error {
		var version int64
		err := t.row(ctx, selectList, nil, &version, &l.Data)
		l.Version = unsigned(version)
		return missing(err, "trust list")
	})
	return l, err
}

const insertList = `INSERT INTO trust_list (version, data, stored)
	SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT 1 FROM trust_list WHERE version >= $1)`

// SaveTrustList implements [fleet.Lists].
func (f *Fleet) SaveTrustList(ctx context.Context, l fleet.TrustList) (saved bool, err error) {
	err = f.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, insertList, signed(l.Version), l.Data, t.ms())
		saved = n == 1
		return err
	})
	return saved, err
}

// missing turns the absence of a row into the fleet's sentinel.
func missing(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s: %w", what, fleet.ErrNotFound)
	}
	return err
}

// signed and unsigned carry counters of devices, which may claim anything,
// through the engine's 64-bit signed integers.
func signed(n uint64) int64 { return int64(min(n, math.MaxInt64)) } // #nosec G115 -- bounded

func unsigned(n int64) uint64 { return uint64(max(n, 0)) } // #nosec G115 -- bounded
