package fleet_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// emptyStore knows nobody.
type emptyStore struct{ fleet.Store }

func (emptyStore) CodeByHash(context.Context, [32]byte) (fleet.Code, error) {
	return fleet.Code{}, fleet.ErrNotFound
}

func (emptyStore) TrustList(context.Context) (fleet.TrustList, error) {
	return fleet.TrustList{}, fleet.ErrNotFound
}
func (emptyStore) Revoked(context.Context, int64) ([]ticket.DeviceID, error) { return nil, nil }
func (emptyStore) SaveTrustList(context.Context, fleet.TrustList) (bool, error) {
	return true, nil
}

func fuzzHouse(t *testing.T) *fleet.Fleet {
	t.Helper()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	_, rootKey, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	root, err := trust.NewSigner(rootKey)
	must(t, err)
	f, err := fleet.New(t.Context(), fleet.Config{
		Store: emptyStore{}, Keys: eventKeys(t, now), Authority: newAuthority(t, now), Roots: []trust.Signer{root},
		Anchor:    trust.Anchor{Threshold: 1, Roots: []trust.PublicKey{root.Public()}},
		Host:      func() string { return "" },
		Endpoints: func() []fleet.Endpoint { return nil },
		API:       func() string { return "" },
		Logger:    slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	})
	must(t, err)
	return f
}

// What is accepted must be a P-256 key that can be certified.
func fuzzRequest(t *testing.T, der []byte) {
	pub, err := fleet.ParseRequest(der)
	if err != nil {
		if !errors.Is(err, fleet.ErrRequest) {
			t.Errorf("ParseRequest(%x): %v does not wrap ErrRequest", der, err)
		}
		return
	}
	ca := newAuthority(t, time.Unix(1_800_000_000, 0))
	if _, err := ca.IssueDevice(pub, "gate-1", trust.RoleGate, []ticket.EventID{1}, time.Unix(1_800_000_000, 0)); err != nil {
		t.Errorf("accepted %x but cannot certify it: %v", der, err)
	}
}
