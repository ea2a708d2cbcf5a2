package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// TrustList returns the newest trust list.
func (f *Fleet) TrustList(ctx context.Context) (TrustList, error) { return f.cfg.Store.TrustList(ctx) }

// Import takes a list that was signed elsewhere, where the root is kept. It is
// verified against the anchor; an older list than the stored one is ignored,
// and false returned.
func (f *Fleet) Import(ctx context.Context, data []byte) (bool, error) {
	list, err := f.cfg.Anchor.Open(data, f.cfg.Now())
	if err != nil {
		return false, fmt.Errorf("import trust list: %w", err)
	}
	return f.save(ctx, TrustList{Version: list.Version, Data: data})
}

// Relist signs a new version of the trust list, because what it shall say has
// changed. [ErrRootOffline] means that it is still to be signed.
func (f *Fleet) Relist(ctx context.Context) error { return f.issueList(ctx) }

// Refresh signs a new version of the trust list when the newest is missing, has a
// third of its life left, or names other issuers than it should. With the root
// offline it only warns.
func (f *Fleet) Refresh(ctx context.Context) error {
	stored, err := f.cfg.Store.TrustList(ctx)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("trust list: %w", err)
	}
	if err == nil {
		list, openErr := f.cfg.Anchor.Open(stored.Data, f.cfg.Now())
		issuers, issuersErr := f.issuers(ctx)
		if issuersErr != nil {
			return issuersErr
		}
		if openErr == nil && f.cfg.Now().Add(ListLifetime/3).Unix() < list.Expires &&
			(f.cfg.Issuers == nil || slices.EqualFunc(list.Issuers, issuers, sameIssuer)) {
			return nil
		}
	}
	switch signErr := f.issueList(ctx); {
	case signErr == nil:
		return nil
	case errors.Is(signErr, ErrRootOffline) && err == nil:
		f.cfg.Logger.WarnContext(ctx, "trust list should be signed anew, and the root key is offline",
			slog.Uint64("version", stored.Version))
		return nil
	default:
		return signErr
	}
}

// Revoke takes a device out of the fleet: it can renew and connect no longer
// from this moment, and a new trust list tells the gates. A device that is
// revoked already is no error. [ErrRootOffline] means that only the list is
// still to be signed.
func (f *Fleet) Revoke(ctx context.Context, id ticket.DeviceID) error {
	if err := f.cfg.Store.Revoke(ctx, id, f.cfg.Now().Unix()); err != nil {
		return fmt.Errorf("revoke %s: %w", id, err)
	}
	f.cfg.Logger.WarnContext(ctx, "device revoked", slog.String("device", string(id)))
	if f.cfg.OnRevoke != nil {
		f.cfg.OnRevoke(ctx, id)
	}
	return f.issueList(ctx)
}

// issueList signs the list that follows the stored one.
func (f *Fleet) issueList(ctx context.Context) error {
	if len(f.cfg.Roots) == 0 {
		return fmt.Errorf("sign trust list: %w", ErrRootOffline)
	}
	f.listMu.Lock()
	defer f.listMu.Unlock()
	now := f.cfg.Now()
	newest, err := f.cfg.Store.TrustList(ctx)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("trust list: %w", err)
	}
	revoked, err := f.cfg.Store.Revoked(ctx, now.Unix())
	if err != nil {
		return fmt.Errorf("revoked devices: %w", err)
	}
	issuers, err := f.issuers(ctx)
	if err != nil {
		return err
	}
	version := newest.Version + 1
	data, err := trust.SignList(trust.List{
		Version: version, Issued: now.Unix(), Expires: now.Add(ListLifetime).Unix(),
		Keys: f.cfg.Keys, DeviceCAs: [][]byte{f.cfg.Authority.DER()}, RevokedDevices: revoked, Issuers: issuers,
	}, f.cfg.Roots...)
	if err != nil {
		return fmt.Errorf("sign trust list: %w", err)
	}
	if _, err := f.cfg.Anchor.Open(data, now); err != nil {
		return fmt.Errorf("the roots at hand do not satisfy the anchor: %w", err)
	}
	_, err = f.save(ctx, TrustList{Version: version, Data: data})
	return err
}

func (f *Fleet) save(ctx context.Context, l TrustList) (bool, error) {
	saved, err := f.cfg.Store.SaveTrustList(ctx, l)
	if err != nil {
		return false, fmt.Errorf("keep trust list: %w", err)
	}
	if saved {
		f.cfg.Logger.InfoContext(ctx, "trust list stored", slog.Uint64("version", l.Version))
		if f.cfg.OnList != nil {
			f.cfg.OnList(ctx, l)
		}
	}
	return saved, nil
}

func (f *Fleet) issuers(ctx context.Context) ([]trust.Issuer, error) {
	if f.cfg.Issuers == nil {
		return nil, nil
	}
	all, err := f.cfg.Issuers(ctx)
	if err != nil {
		return nil, fmt.Errorf("issuers of credentials: %w", err)
	}
	return all, nil
}

func sameIssuer(a, b trust.Issuer) bool {
	return a.DID == b.DID && a.Name == b.Name && bytes.Equal(a.Document, b.Document) &&
		slices.Equal(a.Accepts, b.Accepts) && slices.Equal(a.StatusURLs, b.StatusURLs)
}
