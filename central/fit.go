package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// The rooms do not know one another. Each type here fits one to the port that
// another declares.

// issuer signs tickets for the sale.
type issuer struct{ key trust.Signer }

func (i issuer) Issue(_ context.Context, t ticket.Ticket) ([]byte, error) {
	return pass.SignTicket(i.key, t)
}

// verifier checks for the sale that a buyer holds the key.
type verifier struct{}

func (verifier) VerifyAssertion(rp ticket.RelyingParty, key ticket.HolderKey, challenge []byte, a sale.Assertion) error {
	return pass.VerifyAssertion(rp, key, challenge, pass.Assertion(a))
}

// passkeys checks for the accounts that a person's passkey signed.
type passkeys struct{}

func (passkeys) VerifyAssertion(rp ticket.RelyingParty, key ticket.HolderKey, challenge []byte, a account.Assertion) error {
	return pass.VerifyAssertion(rp, key, challenge, pass.Assertion(a))
}

// devices is the fleet as publish sees it.
type devices struct{ *fleet.Fleet }

func (d devices) Device(ctx context.Context, id ticket.DeviceID) (publish.Device, error) {
	dev, err := d.Fleet.Device(ctx, id)
	if errors.Is(err, fleet.ErrNotFound) {
		return publish.Device{}, fmt.Errorf("%w: %w", publish.ErrUnknownDevice, err)
	}
	if err != nil {
		return publish.Device{}, err
	}
	keys, err := d.Keys(ctx, id)
	return publish.Device{Keys: keys, Gate: dev.Gate, Events: dev.Events, Revoked: dev.Revoked != 0}, err
}

// fleetPort is the fleet as the API sees it.
type fleetPort struct {
	*fleet.Fleet
	now func() time.Time
}

func (p fleetPort) NewCode(ctx context.Context, n api.NewCode) (api.Code, error) {
	inv, err := p.Invite(ctx, fleet.CodeRequest{Name: n.Name, Role: trust.Role(n.Role), Gate: n.Gate, Events: n.Events})
	return api.Code{Text: inv.String, Device: inv.Device, Expires: time.Unix(inv.Expires, 0)}, err
}

func (p fleetPort) Devices(ctx context.Context, after ticket.DeviceID, limit int) ([]api.Device, error) {
	ds, err := p.Fleet.Devices(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]api.Device, len(ds))
	for i, d := range ds {
		s := d.Presence
		out[i] = api.Device{
			ID: d.ID, Role: string(d.Role), Gate: d.Gate, Events: d.Events, Enrolled: time.Unix(d.Enrolled, 0),
			Expires: time.Unix(d.Expires, 0), Revoked: d.Revoked != 0, Online: s.Online, Version: s.Version,
			Set: s.Set, Delta: s.Delta, Unacked: s.Unacked,
		}
		if s.Heard != 0 {
			out[i].Seen = time.Unix(s.Heard, 0)
		}
	}
	return out, nil
}

func (p fleetPort) Revoke(ctx context.Context, device ticket.DeviceID) (announced bool, err error) {
	err = p.Fleet.Revoke(ctx, device)
	switch {
	case errors.Is(err, fleet.ErrRootOffline):
		return false, nil
	case errors.Is(err, fleet.ErrNotFound):
		return false, fmt.Errorf("%w: %w", api.ErrUnknownDevice, err)
	}
	return err == nil, err
}

// publisherPort is the publisher of the moment as the API sees it.
type publisherPort struct{ now func() *publish.Publisher }

func (p publisherPort) Publish(ctx context.Context, event ticket.EventID) (uint64, error) {
	return p.now().Publish(ctx, event)
}

func (p publisherPort) Head(ctx context.Context, event ticket.EventID) (ledger, conflicts uint64, err error) {
	return p.now().Head(ctx, event)
}

func (p publisherPort) IncidentCount(ctx context.Context) (uint64, error) {
	return p.now().IncidentCount(ctx)
}

func (p publisherPort) Ledger(ctx context.Context, event ticket.EventID, after uint64, limit int) ([]api.Admission, error) {
	rows, err := p.now().Ledger(ctx, event, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]api.Admission, len(rows))
	for i, r := range rows {
		out[i] = api.Admission{
			Seq: r.Number, Ticket: r.Ticket, Device: r.Device, Gate: r.Gate, Lane: r.Lane, Kind: r.Kind.String(),
			Time: r.Time.Time(), Uncertainty: milliseconds(r.Uncertainty),
		}
	}
	return out, nil
}

func (p publisherPort) Conflicts(ctx context.Context, event ticket.EventID, after uint64, limit int) ([]api.Conflict, error) {
	cs, err := p.now().Conflicts(ctx, event, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]api.Conflict, len(cs))
	for i, c := range cs {
		out[i] = api.Conflict{Seq: c.Number, Ticket: c.Ticket, Winner: claim(c.Winner)}
		for _, o := range c.Others {
			out[i].Others = append(out[i].Others, claim(o))
		}
	}
	return out, nil
}

func (p publisherPort) Incidents(ctx context.Context, after uint64, limit int) ([]api.Incident, error) {
	is, err := p.now().Incidents(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]api.Incident, len(is))
	for n, i := range is {
		out[n] = api.Incident{
			Seq: i.Number, Device: i.Device, Kind: string(i.Kind), Entry: i.Seq, Found: time.UnixMilli(i.Found),
			Detail: i.Detail, Size: i.Size, Evidence: i.Hash,
		}
	}
	return out, nil
}

func (p publisherPort) Evidence(ctx context.Context, seq uint64) ([]byte, error) {
	data, err := p.now().Evidence(ctx, seq)
	if errors.Is(err, publish.ErrUnknownIncident) {
		err = fmt.Errorf("%w: %w", api.ErrUnknownIncident, err)
	}
	return data, err
}

func claim(a publish.Placed) api.Claim {
	return api.Claim{
		Device: a.Device, Gate: a.Gate, Lane: a.Lane, Time: a.Time.Time(), Uncertainty: milliseconds(a.Uncertainty),
		Mode: mode(a.Mode), Evidence: a.Evidence,
	}
}

func mode(m journal.Mode) string { return m.String() }

func milliseconds(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }
