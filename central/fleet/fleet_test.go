package fleet_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// clock is a clock that the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time // guarded by mu
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

type house struct {
	*fleet.Fleet
	ca      *fleet.Authority
	anchor  trust.Anchor
	root    trust.Signer
	keys    []trust.Key
	clock   *clock
	store   *store.Store
	path    string // of its database
	revoked []ticket.DeviceID
	lists   []uint64
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{clock: &clock{at: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}}
	h.ca = newAuthority(t, h.clock.now())
	_, rootKey, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	h.root, err = trust.NewSigner(rootKey)
	must(t, err)
	h.keys = eventKeys(t, h.clock.now())
	h.anchor = trust.Anchor{Threshold: 1, Roots: []trust.PublicKey{h.root.Public()}}
	h.path = filepath.Join(t.TempDir(), "central.db")
	h.store, err = store.Open(t.Context(), storetest.At(t, h.path, h.clock.now, slog.New(slog.DiscardHandler)))
	must(t, err)
	t.Cleanup(func() { must(t, h.store.Close()) })
	h.Fleet, err = fleet.New(t.Context(), h.config())
	must(t, err)
	return h
}

func (h *house) config() fleet.Config {
	return fleet.Config{
		Store: h.store.Fleet(), Authority: h.ca, Anchor: h.anchor, Keys: h.keys, Roots: []trust.Signer{h.root},
		Host:      func() string { return "127.0.0.1:8443" },
		Endpoints: func() []fleet.Endpoint { return []fleet.Endpoint{{Name: "central", URL: "tls://127.0.0.1:8883"}} },
		API:       func() string { return "https://127.0.0.1:8080" },
		OnRevoke:  func(_ context.Context, id ticket.DeviceID) { h.revoked = append(h.revoked, id) },
		OnList:    func(_ context.Context, l fleet.TrustList) { h.lists = append(h.lists, l.Version) },
		Logger:    slog.New(slog.DiscardHandler), Now: h.clock.now,
	}
}

func eventKeys(t *testing.T, now time.Time) []trust.Key {
	t.Helper()
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	key, err := trust.NewPublicKey(pub)
	must(t, err)
	return []trust.Key{{Role: trust.RoleEvent, Public: key, NotBefore: now.Unix(), NotAfter: now.AddDate(1, 0, 0).Unix()}}
}

func newAuthority(t *testing.T, now time.Time) *fleet.Authority {
	t.Helper()
	key := newKey(t)
	der, err := fleet.NewAuthority(key, "conting device authority", now)
	must(t, err)
	ca, err := fleet.OpenAuthority(der, key)
	must(t, err)
	return ca
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func request(t *testing.T, key any, name string) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: name, OrganizationalUnit: []string{"central"}}, DNSNames: []string{"evil.example"},
		URIs: []*url.URL{{Scheme: "conting", Opaque: "event:5"}},
	}, key)
	must(t, err)
	return der
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) invite(t *testing.T) fleet.Invitation {
	t.Helper()
	inv, err := h.Invite(t.Context(), fleet.CodeRequest{Role: trust.RoleGate, Gate: "north", Events: []ticket.EventID{7, 1, 7}})
	must(t, err)
	return inv
}

func (h *house) enrol(t *testing.T, key *ecdsa.PrivateKey) (fleet.Enrolment, *x509.Certificate) {
	t.Helper()
	e, err := h.Enrol(t.Context(), h.invite(t).Text, request(t, key, "x"))
	must(t, err)
	cert, err := x509.ParseCertificate(e.Certificate)
	must(t, err)
	return e, cert
}

// A gate that trusts nothing but the anchor and the list must accept the
// certificate; and nothing that the request asked for may stand in it.
func TestEnrolledCertificate(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	e, cert := h.enrol(t, key)
	anchor, err := trust.ParseAnchor(e.Anchor)
	must(t, err)
	list, err := anchor.Open(e.TrustList, h.clock.now())
	must(t, err)
	ring, err := trust.NewKeyring(list)
	must(t, err)
	d, err := ring.VerifyDevice(e.Certificate, h.clock.now())
	must(t, err)
	pub, err := trust.NewPublicKey(key.Public())
	must(t, err)
	if d.ID != e.Device || d.Role != trust.RoleGate || d.Key != pub || e.Gate != "north" || !slices.Equal(d.Events, []ticket.EventID{1, 7}) || !slices.Equal(e.Events, d.Events) {
		t.Errorf("certificate says %+v, answer %+v", d, e)
	}
	if !strings.HasPrefix(string(e.Device), "gate-") || len(e.Device) != len("gate-xxxxxx") {
		t.Errorf("device id %q, want gate-xxxxxx", e.Device)
	}
	if len(cert.DNSNames) != 0 || cert.Subject.OrganizationalUnit[0] != "gate" {
		t.Errorf("names of the request reached the certificate: %v %v", cert.Subject, cert.DNSNames)
	}
	if want := h.clock.now().Add(fleet.CertificateLifetime); !cert.NotAfter.Equal(want) {
		t.Errorf("NotAfter %s, want %s", cert.NotAfter, want)
	}
	if len(cert.ExtKeyUsage) != 1 || cert.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth || cert.IsCA {
		t.Errorf("usage %v, IsCA %v", cert.ExtKeyUsage, cert.IsCA)
	}
}

func TestInvitation(t *testing.T) {
	h := newHouse(t)
	inv := h.invite(t)
	want := "https://127.0.0.1:8443/enrol#" + inv.Text + "." + h.ca.PIN()
	if inv.String != want || len(inv.Text) != 19 || inv.Expires != h.clock.now().Add(15*time.Minute).Unix() {
		t.Errorf("Invite = %+v, want string %s", inv, want)
	}
	for name, r := range map[string]fleet.CodeRequest{
		"central":         {Role: trust.RoleCentral, Gate: "north", Events: []ticket.EventID{1}},
		"event":           {Role: trust.RoleEvent, Gate: "north", Events: []ticket.EventID{1}},
		"unknown role":    {Role: "admin", Gate: "north", Events: []ticket.EventID{1}},
		"no event":        {Role: trust.RoleGate, Gate: "north"},
		"event 0":         {Role: trust.RoleGate, Gate: "north", Events: []ticket.EventID{7, 0}},
		"too many events": {Role: trust.RoleGate, Gate: "north", Events: many(trust.MaxDeviceEvents + 1)},
		"no gate name":    {Role: trust.RoleGate, Events: []ticket.EventID{1}},
		"central's id":    {Role: trust.RoleGate, Gate: "north", Name: "central", Events: []ticket.EventID{1}},
		"id of MQTT wild": {Role: trust.RoleGate, Gate: "north", Name: "a/+", Events: []ticket.EventID{1}},
	} {
		if got, err := h.Invite(t.Context(), r); !errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("%s: Invite(%+v) = %+v, %v; want ErrInvalid", name, r, got, err)
		}
	}
}

func many(n int) []ticket.EventID {
	out := make([]ticket.EventID, n)
	for i := range out {
		out[i] = ticket.EventID(4294967295 - i)
	}
	return out
}

// The register says what a device is for: at once to the broker, and to its peers
// with the next certificate.
func TestEventsComeFromTheRegister(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	_, cert := h.enrol(t, key)
	id := ticket.DeviceID(cert.Subject.CommonName)
	if who, err := h.Authorize(t.Context(), cert); err != nil || who.Device != id || who.Role != trust.RoleGate || !slices.Equal(who.Events, []ticket.EventID{1, 7}) {
		t.Errorf("Authorize = %+v, %v; want gate %s of 1 and 7", who, err, id)
	}
	h.give(t, id, []ticket.EventID{9, 3})
	if who, err := h.Authorize(t.Context(), cert); err != nil || !slices.Equal(who.Events, []ticket.EventID{9, 3}) {
		t.Errorf("Authorize after the change = %+v, %v; want 9 and 3", who, err)
	}
	c, err := h.Renew(t.Context(), cert, request(t, key, "x")) // which asks for event 5
	must(t, err)
	if got := h.verify(t, c.DER).Events; !slices.Equal(got, []ticket.EventID{3, 9}) {
		t.Errorf("the renewed certificate is for %v, want 3 and 9", got)
	}
	if got := h.verify(t, cert.Raw).Events; !slices.Equal(got, []ticket.EventID{1, 7}) {
		t.Errorf("the old certificate is for %v, want 1 and 7", got)
	}
	h.give(t, id, many(trust.MaxDeviceEvents))
	c, err = h.Renew(t.Context(), cert, request(t, key, "x"))
	must(t, err)
	if d := h.verify(t, c.DER); len(d.Events) != trust.MaxDeviceEvents || len(c.DER) > topic.MaxCertificate {
		t.Errorf("a certificate of %d bytes for %d events, want at most %d for %d", len(c.DER), len(d.Events), topic.MaxCertificate, trust.MaxDeviceEvents)
	}
}

// give changes what a device is for, which no command does yet.
func (h *house) give(t *testing.T, id ticket.DeviceID, events []ticket.EventID) {
	t.Helper()
	text, err := json.Marshal(events)
	must(t, err)
	storetest.Run(t, h.path, fmt.Sprintf("UPDATE device SET events = '%s' WHERE id = '%s'", text, id))
}

// verify is what a peer does that has nothing but the trust list.
func (h *house) verify(t *testing.T, der []byte) trust.Device {
	t.Helper()
	stored, err := h.TrustList(t.Context())
	must(t, err)
	list, err := h.anchor.Open(stored.Data, h.clock.now())
	must(t, err)
	ring, err := trust.NewKeyring(list)
	must(t, err)
	d, err := ring.VerifyDevice(der, h.clock.now())
	must(t, err)
	return d
}

// An authority signs for nothing that peers would refuse.
func TestIssueDeviceRefusesEvents(t *testing.T) {
	h := newHouse(t)
	pub := &newKey(t).PublicKey
	for _, events := range [][]ticket.EventID{{0}, many(trust.MaxDeviceEvents + 1)} {
		if _, err := h.ca.IssueDevice(pub, "gate-1", trust.RoleGate, events, h.clock.now()); !errors.Is(err, trust.ErrInvalid) {
			t.Errorf("IssueDevice for %v: %v, want ErrInvalid", events, err)
		}
	}
}

func TestCodeIsRefused(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	used := h.invite(t).Text
	_, err := h.Enrol(t.Context(), used, request(t, key, "x"))
	must(t, err)
	stale := h.invite(t).Text
	h.clock.add(15 * time.Minute)
	for name, code := range map[string]string{
		"used": used, "stale": stale, "unknown": "AAAA-BBBB-CCCC-DDDD", "short": "AAAA", "empty": "",
		"long": strings.Repeat("A", 1000), "not base32": "1111-1111-1111-1111",
	} {
		if e, err := h.Enrol(t.Context(), code, request(t, newKey(t), "x")); !errors.Is(err, fleet.ErrCode) {
			t.Errorf("%s: Enrol(%q) = %+v, %v; want ErrCode", name, code, e.Device, err)
		}
	}
}

// The answer to the first try may be lost on its way: the same key gets it
// again, another key does not.
func TestLostAnswer(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	code := h.invite(t).Text
	first, err := h.Enrol(t.Context(), code, request(t, key, "x"))
	must(t, err)
	again, err := h.Enrol(t.Context(), strings.ToLower(code), request(t, key, "y"))
	must(t, err)
	if again.Device != first.Device || string(again.Certificate) != string(first.Certificate) {
		t.Errorf("second answer is for %s, want the certificate of %s again", again.Device, first.Device)
	}
	if e, err := h.Enrol(t.Context(), code, request(t, newKey(t), "x")); !errors.Is(err, fleet.ErrCode) {
		t.Errorf("another key got %+v, %v; want ErrCode", e.Device, err)
	}
	h.clock.add(fleet.CodeLifetime)
	if e, err := h.Enrol(t.Context(), code, request(t, key, "x")); !errors.Is(err, fleet.ErrCode) {
		t.Errorf("the same key after the code's end got %+v, %v; want ErrCode", e.Device, err)
	}
}

func TestCodeWorksOnceUnderRace(t *testing.T) {
	h := newHouse(t)
	code := h.invite(t).Text
	const n = 8
	got := make(chan error, n)
	for range n {
		csr := request(t, newKey(t), "x")
		go func() {
			_, err := h.Enrol(context.Background(), code, csr)
			got <- err
		}()
	}
	won := 0
	for range n {
		switch err := <-got; {
		case err == nil:
			won++
		case !errors.Is(err, fleet.ErrCode):
			t.Errorf("loser got %v, want ErrCode", err)
		}
	}
	ds, err := h.Devices(t.Context(), "", 100)
	must(t, err)
	if won != 1 || len(ds) != 1 {
		t.Errorf("%d of %d requests won, %d devices; want 1 and 1", won, n, len(ds))
	}
}

func TestParseRequestRefuses(t *testing.T) {
	good := request(t, newKey(t), "x")
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)-1] ^= 1
	for name, der := range map[string][]byte{
		"P-384": request(t, p384, "x"), "Ed25519": request(t, ed, "x"), "signature": flipped,
		"truncated": good[:len(good)-1], "trailing": append(append([]byte(nil), good...), 0),
		"empty": nil, "oversized": make([]byte, fleet.MaxRequest+1),
	} {
		if _, err := fleet.ParseRequest(der); !errors.Is(err, fleet.ErrRequest) {
			t.Errorf("%s: ParseRequest(%d bytes) = %v, want ErrRequest", name, len(der), err)
		}
	}
	if _, err := fleet.ParseRequest(good); err != nil {
		t.Errorf("ParseRequest of a good request: %v", err)
	}
}

func TestRevoke(t *testing.T) {
	h := newHouse(t)
	key := newKey(t)
	e, cert := h.enrol(t, key)
	if _, err := h.Authorize(t.Context(), cert); err != nil {
		t.Fatalf("Authorize before: %v", err)
	}
	before, err := h.TrustList(t.Context())
	must(t, err)
	must(t, h.Revoke(t.Context(), e.Device))
	if _, err := h.Authorize(t.Context(), cert); !errors.Is(err, fleet.ErrRevoked) {
		t.Errorf("Authorize after: %v, want ErrRevoked", err)
	}
	if _, err := h.Renew(t.Context(), cert, request(t, key, "x")); !errors.Is(err, fleet.ErrRevoked) {
		t.Errorf("Renew after: %v, want ErrRevoked", err)
	}
	after, err := h.TrustList(t.Context())
	must(t, err)
	list, err := h.anchor.Open(after.Data, h.clock.now())
	must(t, err)
	ring, err := trust.NewKeyring(list)
	must(t, err)
	if _, err := ring.VerifyDevice(e.Certificate, h.clock.now()); !errors.Is(err, trust.ErrRevoked) || list.Version != before.Version+1 {
		t.Errorf("list %d says %v, want list %d and ErrRevoked", list.Version, err, before.Version+1)
	}
	if len(h.revoked) != 1 || h.revoked[0] != e.Device || h.lists[len(h.lists)-1] != list.Version {
		t.Errorf("told of %v and lists %v", h.revoked, h.lists)
	}
	if err := h.Revoke(t.Context(), "gate-nobody"); !errors.Is(err, fleet.ErrNotFound) {
		t.Errorf("Revoke of nobody: %v, want ErrNotFound", err)
	}
	keys, err := h.Keys(t.Context(), e.Device)
	if err != nil || len(keys) != 1 {
		t.Errorf("Keys after = %v, %v; its old journal must stay verifiable", keys, err)
	}
}

func TestRevokeWithRootOffline(t *testing.T) {
	h := newHouse(t)
	e, cert := h.enrol(t, newKey(t))
	cfg := h.config()
	cfg.Roots = nil
	f, err := fleet.New(t.Context(), cfg)
	must(t, err)
	if err := f.Revoke(t.Context(), e.Device); !errors.Is(err, fleet.ErrRootOffline) {
		t.Errorf("Revoke = %v, want ErrRootOffline", err)
	}
	if _, err := f.Authorize(t.Context(), cert); !errors.Is(err, fleet.ErrRevoked) {
		t.Errorf("Authorize = %v: central must shut it out even so", err)
	}
	signed, err := trust.SignList(trust.List{
		Version: 9, Issued: h.clock.now().Unix(), Expires: h.clock.now().Add(time.Hour).Unix(),
		Keys: h.keys, DeviceCAs: [][]byte{h.ca.DER()}, RevokedDevices: []ticket.DeviceID{e.Device},
	}, h.root)
	must(t, err)
	if ok, err := f.Import(t.Context(), signed); !ok || err != nil {
		t.Errorf("Import of a list signed elsewhere = %v, %v", ok, err)
	}
	if ok, err := f.Import(t.Context(), signed); ok || err != nil {
		t.Errorf("Import of the same list again = %v, %v; want false, nil", ok, err)
	}
	signed[len(signed)-1] ^= 1
	if ok, err := f.Import(t.Context(), signed); ok || err == nil {
		t.Errorf("Import of an altered list = %v, %v; want an error", ok, err)
	}
}

func TestListIsRenewedInTime(t *testing.T) {
	h := newHouse(t)
	must(t, h.Refresh(t.Context()))
	if l, err := h.TrustList(t.Context()); err != nil || l.Version != 1 {
		t.Fatalf("list %d, %v; want 1: it is fresh", l.Version, err)
	}
	h.clock.add(fleet.ListLifetime * 2 / 3)
	must(t, h.Refresh(t.Context()))
	if l, err := h.TrustList(t.Context()); err != nil || l.Version != 2 {
		t.Errorf("list %d, %v; want 2: two thirds of its life are over", l.Version, err)
	}
}

// Certificates of another authority, or for another use, are nobody's.
func TestAuthorizeRefusesStrangers(t *testing.T) {
	h := newHouse(t)
	e, _ := h.enrol(t, newKey(t))
	other := newAuthority(t, h.clock.now())
	key := newKey(t)
	for name, issue := range map[string]func() (fleet.Certificate, error){
		"another authority": func() (fleet.Certificate, error) {
			return other.IssueDevice(&key.PublicKey, e.Device, trust.RoleGate, []ticket.EventID{1, 7}, h.clock.now())
		},
		"server certificate": func() (fleet.Certificate, error) {
			return h.ca.IssueServer(&key.PublicKey, []string{"gate-1"}, h.clock.now())
		},
		"not in the register": func() (fleet.Certificate, error) {
			return h.ca.IssueDevice(&key.PublicKey, "gate-zzzzzz", trust.RoleGate, []ticket.EventID{1, 7}, h.clock.now())
		},
		"another role": func() (fleet.Certificate, error) {
			return h.ca.IssueDevice(&key.PublicKey, e.Device, trust.RoleHub, []ticket.EventID{1, 7}, h.clock.now())
		},
		"expired": func() (fleet.Certificate, error) {
			return h.ca.IssueDevice(&key.PublicKey, e.Device, trust.RoleGate, []ticket.EventID{1, 7}, h.clock.now().Add(-fleet.CertificateLifetime-time.Second))
		},
	} {
		c, err := issue()
		must(t, err)
		cert, err := x509.ParseCertificate(c.DER)
		must(t, err)
		if who, err := h.Authorize(t.Context(), cert); err == nil || who.Device != "" {
			t.Errorf("%s: Authorize = %+v, %v, want an error", name, who, err)
		}
	}
}

func TestPresence(t *testing.T) {
	h := newHouse(t)
	e, _ := h.enrol(t, newKey(t))
	for i, step := range []struct {
		say    fleet.Presence
		online bool
		epoch  uint64
	}{
		{fleet.Presence{Epoch: 1, Online: true, Version: "1", Set: 3}, true, 1},
		{fleet.Presence{Epoch: 2, Online: true, Version: "2", Set: 4}, true, 2},
		{fleet.Presence{Epoch: 1}, true, 2},                // the will of the first connection comes late
		{fleet.Presence{Epoch: 2}, false, 2},               // the will of the second
		{fleet.Presence{Epoch: 2, Online: true}, false, 2}, // a report that the will has overtaken
		{fleet.Presence{Epoch: 3, Online: true, Set: 4}, true, 3},
	} {
		must(t, h.Heard(t.Context(), e.Device, step.say))
		d, err := h.Device(t.Context(), e.Device)
		must(t, err)
		if d.Presence.Online != step.online || d.Presence.Epoch != step.epoch {
			t.Errorf("step %d: after %+v: %+v, want online %v epoch %d", i, step.say, d.Presence, step.online, step.epoch)
		}
		if i == 3 && d.Presence.Set != 4 {
			t.Errorf("the will wiped out what the gate had said: %+v", d.Presence)
		}
	}
	must(t, h.Heard(t.Context(), "gate-nobody", fleet.Presence{Epoch: 1, Online: true}))
	if online, all, err := h.Online(t.Context()); online != 1 || all != 1 || err != nil {
		t.Errorf("Online = %d of %d, %v; want 1 of 1", online, all, err)
	}
}

// A broker that died took the wills with it.
func TestSilence(t *testing.T) {
	h := newHouse(t)
	e, _ := h.enrol(t, newKey(t))
	id := e.Device
	must(t, h.Heard(t.Context(), id, fleet.Presence{Epoch: 5, Online: true, Version: "1"}))
	must(t, h.Silence(t.Context()))
	if online, enrolled, err := h.Online(t.Context()); err != nil || online != 0 || enrolled != 1 {
		t.Errorf("after Silence %d of %d are online, %v; want 0 of 1", online, enrolled, err)
	}
	must(t, h.Heard(t.Context(), id, fleet.Presence{Epoch: 6, Online: true, Version: "1"}))
	if online, _, err := h.Online(t.Context()); err != nil || online != 1 {
		t.Errorf("after the next connection %d are online, %v; want 1", online, err)
	}
}

// A device that has gone mad cannot fill the register with certificates.
func TestRenewalsAreBounded(t *testing.T) {
	h := newHouse(t)
	_, cert := h.enrol(t, newKey(t))
	csr := request(t, newKey(t), "x")
	done := 0
	var err error
	for ; err == nil && done < 100; done++ {
		_, err = h.Renew(t.Context(), cert, csr)
	}
	if !errors.Is(err, fleet.ErrTooOften) || done < 10 {
		t.Errorf("after %d renewals at once: %v, want ErrTooOften after some", done, err)
	}
	h.clock.add(25 * time.Hour)
	if _, err := h.Renew(t.Context(), cert, csr); err != nil {
		t.Errorf("renewal the day after: %v", err)
	}
}
