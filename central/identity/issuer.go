package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

// Issuers lists whose credentials are believed, by DID.
func (i *Identity) Issuers(ctx context.Context) ([]trust.Issuer, error) {
	return i.cfg.Store.Issuers(ctx)
}

// SaveIssuer puts an issuer on the list, in place of one with its DID. What it is
// no longer believed to say counts no longer. The error wraps [trust.ErrInvalid],
// [credential.ErrMalformed] or [ErrTooManyIssuers]; announced is false while the
// gates cannot be told.
func (i *Identity) SaveIssuer(ctx context.Context, is trust.Issuer) (announced bool, err error) {
	if _, err := credential.New(ctx, credential.Config{Issuers: []trust.Issuer{is}}); err != nil {
		return false, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.cfg.Store.SaveIssuer(ctx, is, trust.MaxIssuers); err != nil {
		return false, err
	}
	i.cfg.Logger.InfoContext(ctx, "issuer of credentials listed", slog.String("did", is.DID))
	return i.relist(ctx)
}

// DropIssuer takes an issuer off the list: whatever it has said counts no longer.
// [ErrUnknownIssuer] if it is not on it.
func (i *Identity) DropIssuer(ctx context.Context, did credential.DID) (announced bool, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.cfg.Store.DropIssuer(ctx, did); err != nil {
		return false, err
	}
	i.cfg.Logger.WarnContext(ctx, "issuer of credentials dropped", slog.String("did", string(did)))
	return i.relist(ctx)
}

// relist takes the stored list into use. The caller holds mu.
func (i *Identity) relist(ctx context.Context) (announced bool, err error) {
	issuers, err := i.cfg.Store.Issuers(ctx)
	if err != nil {
		return false, fmt.Errorf("issuers: %w", err)
	}
	if err := i.believe(ctx, issuers); err != nil {
		return false, err
	}
	if err := i.reload(ctx); err != nil {
		return false, err
	}
	i.settle(ctx)
	if err := i.cfg.Listed(ctx); err != nil {
		i.cfg.Logger.WarnContext(ctx, "the gates were not told of the issuers", slog.Any("error", err))
		return false, nil
	}
	return true, nil
}

// reload reads the status lists that there are now.
func (i *Identity) reload(ctx context.Context) error {
	lists, err := i.cfg.Store.StatusLists(ctx)
	if err != nil {
		return fmt.Errorf("status lists: %w", err)
	}
	now := make(map[string][]byte, len(lists))
	for _, l := range lists {
		now[l.URL] = l.JWT
	}
	i.statusMu.Lock()
	defer i.statusMu.Unlock()
	i.statuses = now
	return nil
}

// StatusLists lists the newest of every address, by URL.
func (i *Identity) StatusLists(ctx context.Context) ([]StatusList, error) {
	return i.cfg.Store.StatusLists(ctx)
}

// SaveStatusList takes a status list that was got from an address of a listed
// issuer. A list that is newer than the one at hand takes its place, goes to the
// gates, and what it revokes is revoked; revoked says how many credentials.
func (i *Identity) SaveStatusList(ctx context.Context, url, jwt string) (revoked int, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	l, err := i.verifier.Load().StatusList(ctx, []byte(jwt), url, i.cfg.Now())
	if err != nil {
		return 0, err
	}
	if err := i.names(ctx, l.Issuer, url); err != nil {
		return 0, err
	}
	saved, n, err := i.cfg.Store.SaveStatusList(ctx, StatusList{
		URL: url, Issuer: l.Issuer, JWT: []byte(jwt), Issued: l.Issued, Expires: l.Expires,
	}, l.Revoked)
	if err != nil || !saved {
		return 0, err
	}
	i.statusMu.Lock()
	i.statuses[url] = []byte(jwt)
	i.statusMu.Unlock()
	i.cfg.Logger.InfoContext(ctx, "status list taken", slog.String("issuer", string(l.Issuer)), slog.Int("revoked", n))
	i.settle(ctx)
	i.cfg.Published()
	return n, nil
}

// names reports whether the issuer has a status list at url: one of another issuer
// there would make the status of all its credentials unknown.
func (i *Identity) names(ctx context.Context, issuer credential.DID, url string) error {
	all, err := i.cfg.Store.Issuers(ctx)
	if err != nil {
		return err
	}
	for n := range all {
		if all[n].DID != string(issuer) {
			continue
		}
		for _, u := range all[n].StatusURLs {
			if u == url {
				return nil
			}
		}
	}
	return ErrStatusURL
}

// FetchStatus gets every status list that listed issuers name, if there is a way
// to. One that fails is left for the next time.
func (i *Identity) FetchStatus(ctx context.Context) {
	if i.cfg.Fetch == nil {
		return
	}
	all, err := i.cfg.Store.Issuers(ctx)
	if err != nil {
		i.cfg.Logger.ErrorContext(ctx, "issuers cannot be listed", slog.Any("error", err))
		return
	}
	for n := range all {
		for _, url := range all[n].StatusURLs {
			jwt, err := i.cfg.Fetch(ctx, url)
			if err == nil {
				_, err = i.SaveStatusList(ctx, url, string(jwt))
			}
			if err != nil && ctx.Err() == nil && !errors.Is(err, ErrOlderStatus) {
				i.cfg.Logger.WarnContext(ctx, "status list was not taken", slog.String("issuer", all[n].DID), slog.Any("error", err))
			}
		}
	}
}
