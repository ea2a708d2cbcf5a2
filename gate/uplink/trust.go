package uplink

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// readTrust opens the newest trust list that this gate has. An expired one
// cannot verify anything, but still guards against an older one.
func (u *Uplink) readTrust(ctx context.Context) error {
	kept, err := u.cfg.Store.Meta(ctx, store.MetaTrustList)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	for _, raw := range [][]byte{u.cfg.TrustList, kept} {
		if len(raw) == 0 {
			continue
		}
		l, err := u.cfg.Anchor.Open(raw, time.Unix(0, 0)) // whatever its age
		if err != nil {
			u.cfg.Logger.ErrorContext(ctx, "a trust list on the disk is not usable", slog.Any("error", err))
			continue
		}
		if u.list == nil || l.Version > u.list.Version {
			u.list = l
		}
	}
	if u.list == nil {
		return nil
	}
	ring, err := trust.NewKeyring(u.list)
	if err != nil {
		return err
	}
	u.ring.Store(ring) // verifies nothing after its end
	return nil
}

// takeTrust accepts a newer trust list.
func (u *Uplink) takeTrust(ctx context.Context, raw []byte) error {
	l, err := u.cfg.Anchor.Open(raw, u.cfg.Now())
	if err != nil {
		return err
	}
	if err := l.Supersedes(u.list); err != nil {
		return err
	}
	if u.list != nil && l.Version == u.list.Version {
		return nil
	}
	ring, err := trust.NewKeyring(l)
	if err != nil {
		return err
	}
	if err := u.cfg.Store.SetMeta(ctx, store.MetaTrustList, raw); err != nil {
		return err
	}
	u.list = l
	u.ring.Store(ring)
	u.cfg.Logger.InfoContext(ctx, "trust list accepted", slog.Uint64("version", l.Version), slog.Time("expires", ring.Expires()))
	if u.cfg.OnKeyring != nil {
		u.cfg.OnKeyring(ring, l)
	}
	// What an unknown key had signed may be good now.
	for e, r := range u.rooms {
		r.again[topic.Manifest(e)], r.again[topic.BeaconOf(e)] = true, true
	}
	u.relist(ctx)
	return nil
}
