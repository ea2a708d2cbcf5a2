package identity

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
)

// AddCredential takes a credential that an account shows about itself. A family
// relation, an age or an accreditation counts from then on, until it expires or is
// revoked. Shown again, it is the same. The error wraps [ErrNoDID] or one of the
// credential package: of [credential.ErrSubject] if it is about somebody else.
func (i *Identity) AddCredential(ctx context.Context, p account.Person, jwt string) (Credential, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	did, err := i.cfg.Store.DID(ctx, p.ID)
	if err != nil {
		return Credential{}, err
	}
	now := i.cfg.Now()
	v, err := i.verifier.Load().Credential(ctx, jwt, now)
	if err != nil {
		return Credential{}, err
	}
	if v.Subject != did.DID {
		return Credential{}, fmt.Errorf("about %s, not %s: %w", v.Subject, did.DID, credential.ErrSubject)
	}
	c := Credential{Account: p.ID, Verified: *v, State: Valid, JWT: jwt, Stored: now}
	stored, fresh, err := i.cfg.Store.AddCredential(ctx, c, worth(v, did.Holder), MaxCredentials)
	if err != nil {
		return Credential{}, err
	}
	if fresh {
		i.settle(ctx)
	}
	return stored, nil
}

// worth is what a staff credential gives a right to.
func worth(v *credential.Credential, holder ticket.HolderKey) []Accreditation {
	if v.Staff == nil {
		return nil
	}
	seen := make(map[ticket.EventID]bool, len(v.Staff.Events))
	var out []Accreditation
	for _, e := range v.Staff.Events {
		if !seen[e] {
			out = append(out, Accreditation{Event: e, Ticket: accreditationID(v, e, holder)})
		}
		seen[e] = true
	}
	return out
}

// accreditationID names the ticket for one event of a credential and one key. It
// follows from them, so that doing the work twice makes one ticket.
func accreditationID(v *credential.Credential, event ticket.EventID, holder ticket.HolderKey) (id ticket.ID) {
	issuer, name := sha256.Sum256([]byte(v.Issuer)), sha256.Sum256([]byte(v.ID))
	b := binary.BigEndian.AppendUint32(nil, uint32(event))
	copy(id[:], hash("conting/accredited/v1\x00", issuer[:], name[:], b, holder[:]))
	return id
}

// Credentials lists what an account has shown, newest first.
func (i *Identity) Credentials(ctx context.Context, account string) ([]Credential, error) {
	return i.cfg.Store.Credentials(ctx, account, MaxListed)
}

// RemoveCredential forgets what a credential says, for its owner.
func (i *Identity) RemoveCredential(ctx context.Context, account string, number uint64) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.cfg.Store.RemoveCredential(ctx, account, number); err != nil {
		return err
	}
	i.settle(ctx)
	return nil
}

// Age is the greatest age in years that an account has proved; zero for none.
func (i *Identity) Age(ctx context.Context, account string) (uint8, error) {
	return i.cfg.Store.Age(ctx, account)
}

// Settle brings accreditations in line with credentials: it issues tickets that
// are missing, also for events that came on sale after the credential, and revokes
// those whose credential counts no longer.
func (i *Identity) Settle(ctx context.Context) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.settle(ctx)
}

// settle does what it can; the rest is tried again. The caller holds mu.
func (i *Identity) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	if err := errors.Join(i.revokeLoose(ctx), i.issueMissing(ctx)); err != nil {
		i.cfg.Logger.ErrorContext(ctx, "accreditations are behind and are tried again", slog.Any("error", err))
	}
}

func (i *Identity) revokeLoose(ctx context.Context) error {
	loose, err := i.cfg.Store.Loose(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range loose {
		errs = append(errs, i.cfg.Tickets.SetStatus(ctx, id, ticket.StatusRevoked))
	}
	return errors.Join(errs...)
}

func (i *Identity) issueMissing(ctx context.Context) error {
	missing, err := i.cfg.Store.Missing(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, a := range missing {
		_, err := i.cfg.Tickets.Accredit(ctx, sale.AccreditRequest{
			ID: a.Ticket, Event: a.Event, Class: a.Class, Holder: a.Holder, NotAfter: a.Expires.Unix(), Owner: a.Account,
		})
		if errors.Is(err, sale.ErrNotSold) || errors.Is(err, sale.ErrSaleClosed) || errors.Is(err, sale.ErrUnknownEvent) {
			continue // the event has no such class for staff, or is over: the credential is worth nothing there
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
