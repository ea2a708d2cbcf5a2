package fleet_test

import (
	"context"
	"errors"
	"testing"

	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/sync/trust"
)

// Issuers of credentials ride in the trust list; it is signed anew when they change,
// at once or, if that failed, with the next look.
func TestIssuersRideInTheList(t *testing.T) {
	h := newHouse(t)
	listed := []trust.Issuer{{DID: "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", Name: "a", Accepts: []string{"family"}}}
	var issuers []trust.Issuer
	broken := errors.New("disk is gone")
	var fail error
	config := func() fleet.Config {
		c := h.config()
		c.Issuers = func(context.Context) ([]trust.Issuer, error) { return issuers, fail }
		return c
	}
	open := func(c fleet.Config) *fleet.Fleet {
		t.Helper()
		f, err := fleet.New(t.Context(), c)
		must(t, err)
		return f
	}
	now := func(f *fleet.Fleet) *trust.List {
		t.Helper()
		l, err := f.TrustList(t.Context())
		must(t, err)
		list, err := h.anchor.Open(l.Data, h.clock.now())
		must(t, err)
		return list
	}
	f := open(config())
	first := now(f)
	if len(first.Issuers) != 0 {
		t.Errorf("issuers %+v, want none", first.Issuers)
	}
	issuers = listed
	must(t, f.Relist(t.Context()))
	second := now(f)
	if second.Version != first.Version+1 || len(second.Issuers) != 1 || second.Issuers[0].DID != listed[0].DID {
		t.Errorf("list %d names %+v, want %d with the issuer", second.Version, second.Issuers, first.Version+1)
	}
	must(t, f.Refresh(t.Context()))
	if same := now(f); same.Version != second.Version {
		t.Errorf("list %d was signed for nothing", same.Version)
	}
	fail = broken
	if err := f.Relist(t.Context()); !errors.Is(err, broken) {
		t.Errorf("Relist without a database: %v", err)
	}
	if err := f.Refresh(t.Context()); !errors.Is(err, broken) {
		t.Errorf("Refresh without a database: %v", err)
	}
	fail, issuers = nil, nil
	if third := now(open(config())); third.Version != second.Version+1 || len(third.Issuers) != 0 {
		t.Errorf("a new process has list %d with %+v, want a new one without issuers", third.Version, third.Issuers)
	}
	issuers = listed
	away := config()
	away.Roots = nil
	f = open(away)
	if err := f.Relist(t.Context()); !errors.Is(err, fleet.ErrRootOffline) {
		t.Errorf("Relist without the root key: %v, want ErrRootOffline", err)
	}
}
