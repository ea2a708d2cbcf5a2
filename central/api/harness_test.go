package api_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/central/lease"
	mintwallet "github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/wallet"
)

var party = ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"}

const adminToken = "an-admin-token-of-more-than-32-bytes"

// harness is the real router over the real sale and a real database file.
type harness struct {
	t      testing.TB
	url    string
	api    *api.API
	wallet *wallet.Wallet
	clock  atomic.Int64 // Unix milliseconds
	log    *lockedBuffer
	fleet  *fleet
	ledger *ledger
	path   string

	receipts receipts
	access   *account.Access
	people   *account.Accounts
	mail     *postbox
	miner    *miner
	mint     *api.Mint
	wallets  *mintwallet.Room

	conformed sync.Map // answers that were compared with the document
	nulls     bool     // requests with null in them are not compared with it
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// verifier is what main wires.
type verifier struct{}

func (verifier) VerifyAssertion(rp ticket.RelyingParty, key ticket.HolderKey, challenge []byte, a sale.Assertion) error {
	return pass.VerifyAssertion(rp, key, challenge, pass.Assertion(a))
}

type passkeys struct{}

func (passkeys) VerifyAssertion(rp ticket.RelyingParty, key ticket.HolderKey, challenge []byte, a account.Assertion) error {
	return pass.VerifyAssertion(rp, key, challenge, pass.Assertion(a))
}

// page stands in for the wallet's pages.
func page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = io.WriteString(w, "wallet at "+r.URL.Path)
}

type issuer struct{ signer trust.Signer }

func (i issuer) Issue(_ context.Context, t ticket.Ticket) ([]byte, error) {
	return pass.SignTicket(i.signer, t)
}

func start(t testing.TB, change ...func(*api.Config)) *harness {
	t.Helper()
	h := &harness{t: t, log: &lockedBuffer{}, fleet: &fleet{}, ledger: &ledger{}, receipts: receipts{}, path: filepath.Join(t.TempDir(), "central.db")}
	h.mail = &postbox{}
	h.clock.Store(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	now := func() time.Time { return time.UnixMilli(h.clock.Load()).UTC() }
	logger := slog.New(slog.NewJSONHandler(h.log, nil))
	db, err := store.Open(t.Context(), storetest.At(t, h.path, now, logger))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	signer, err := trust.NewSigner(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	rooms, tokens := h.waitingRooms(db, now, logger)
	till, err := sale.New(t.Context(), sale.Config{
		Door:  rooms,
		Store: db, Providers: map[string]pay.Provider{"sandbox": pay.NewSandbox()}, Issuer: issuer{signer}, Verifier: verifier{},
		Now: now, Logger: logger, ChallengeKey: [32]byte{1},
	})
	if err != nil {
		t.Fatal(err)
	}
	people, err := account.New(t.Context(), account.Config{
		Store: db.Accounts(), Verifier: passkeys{}, Rebinder: till, RelyingParty: party, ChallengeKey: [32]byte{1}, Now: now, Logger: logger,
		Mail: h.mail, Rooms: map[string]account.Room{"tickets": emptyRoom{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	access, err := account.NewAccess([32]byte{1}, now)
	if err != nil {
		t.Fatal(err)
	}
	h.people = people
	sessions, err := lease.New(t.Context(), lease.Config{
		Owners: holders{till}, Link: silence{}, Signer: signer, Logger: logger, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	known, err := identity.New(t.Context(), identity.Config{
		Store: db.Identity(), People: people, Tickets: till, Now: now, Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := api.Config{
		Identity: known,
		Leases:   sessions, Receipts: h.receipts,
		Till: till, Fleet: h.fleet, Publisher: h.ledger, Replies: db, Accounts: people, Minter: access, Web: http.HandlerFunc(page),
		Now: now, Logger: logger, AdminToken: adminToken,
	}
	cfg.Queue, cfg.Bearer = rooms, tokens
	cfg.Mint = h.minting(db, now)
	for _, f := range change {
		f(&cfg)
	}
	if h.api, err = api.New(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h.api)
	t.Cleanup(server.Close)
	h.url = server.URL
	if h.wallet, err = wallet.New(party, []byte("api test")); err != nil {
		t.Fatal(err)
	}
	return h
}

// on puts the sample on sale.
func (h *harness) on() *harness {
	h.t.Helper()
	h.call("POST", "/admin/v1/events", samplePlan(h.t), admin()).want(http.StatusCreated)
	return h
}

func samplePlan(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../../testdata/venue/sample.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (h *harness) advance(d time.Duration) { h.clock.Add(d.Milliseconds()) }

// header sets one header of a call.
type header [2]string

func admin() header              { return header{"Authorization", "Bearer " + adminToken} }
func bearer(s string) header     { return header{"Authorization", "Bearer " + s} }
func idempotent(k string) header { return header{"Idempotency-Key", k} }

type answer struct {
	h      *harness
	asked  string
	status int
	header http.Header
	body   []byte
}

func (h *harness) call(method, path, body string, headers ...header) *answer {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, x := range headers {
		r.Header.Set(x[0], x[1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	h.conform(r, body, res, b)
	if len(body) > 300 {
		body = body[:300] + "…"
	}
	return &answer{h: h, asked: method + " " + path + " " + body, status: res.StatusCode, header: res.Header, body: b}
}

// want fails unless the status is that one.
func (a *answer) want(status int) *answer {
	a.h.t.Helper()
	if a.status != status {
		a.h.t.Fatalf("%s: %d %s; want %d", a.asked, a.status, a.body, status)
	}
	return a
}

// problem fails unless the answer is that problem, whole.
func (a *answer) problem(status int, code string) *answer {
	a.h.t.Helper()
	var p api.Problem
	err := json.Unmarshal(a.body, &p)
	switch {
	case err != nil || a.status != status || p.Status != status || p.Code != code:
		a.h.t.Errorf("%s: %d %s; want %d %s", a.asked, a.status, a.body, status, code)
	case p.Hint == "" || p.Title == "" || p.Type != "/v1/problems/"+code || p.RequestID != a.header.Get("X-Request-Id"):
		a.h.t.Errorf("%s: problem %s lacks something", a.asked, a.body)
	case !strings.HasPrefix(a.header.Get("Content-Type"), "application/problem+json"):
		a.h.t.Errorf("%s: content type %q of a problem", a.asked, a.header.Get("Content-Type"))
	}
	return a
}

func (a *answer) into(v any) *answer {
	a.h.t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.h.t.Fatalf("%s: %s: %v", a.asked, a.body, err)
	}
	return a
}

// order is the answer's order as a client reads it.
type order struct {
	ID      string
	Secret  string
	State   string
	Amount  int64
	Expires time.Time
	Seat    string
	Tickets []struct {
		ID, Signed, Seat, Status, Holder string
		Zone, Class                      int
	}
}

func (a *answer) order() (o order) {
	a.h.t.Helper()
	a.into(&o)
	return o
}

// proof answers a fresh challenge with the wallet.
func (h *harness) proof() map[string]string {
	h.t.Helper()
	var c struct{ Challenge string }
	h.call("POST", "/v1/challenges", "").want(http.StatusCreated).into(&c)
	raw, err := base64.RawURLEncoding.DecodeString(c.Challenge)
	if err != nil {
		h.t.Fatal(err)
	}
	a, err := h.wallet.Possession(raw)
	if err != nil {
		h.t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	return map[string]string{
		"public_key": h.wallet.HolderKey().String(), "challenge": c.Challenge, "client_data_json": b64(a.ClientDataJSON),
		"authenticator_data": b64(a.AuthenticatorData), "signature": b64(a.Signature),
	}
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const orders = "/v1/events/1001/orders"

// holdBody asks for a VIP seat on the floor.
func (h *harness) holdBody(seat string) string {
	return marshal(h.t, map[string]any{"zone": 1, "class": 1, "seat": seat, "holder": h.proof()})
}

func (h *harness) hold(seat string) order {
	h.t.Helper()
	return h.call("POST", orders, h.holdBody(seat)).want(http.StatusCreated).order()
}

const payOK = `{"provider":"sandbox","token":"ok"}`

func (h *harness) buy(seat string) order {
	h.t.Helper()
	o := h.hold(seat)
	paid := h.call("POST", "/v1/orders/"+o.ID+"/pay", payOK, bearer(o.Secret)).want(http.StatusOK).order()
	paid.Secret = o.Secret
	return paid
}

// fleet and ledger stand in for the rooms that main wires.
type fleet struct {
	asked    []api.NewCode
	devices  []api.Device
	rootAway bool
}

func (f *fleet) NewCode(_ context.Context, n api.NewCode) (api.Code, error) {
	f.asked = append(f.asked, n)
	return api.Code{Text: "https://central/enrol#CODE.PIN", Device: n.Name, Expires: time.Unix(1800000000, 0)}, nil
}

func (f *fleet) Devices(_ context.Context, after ticket.DeviceID, limit int) (out []api.Device, err error) {
	for _, d := range f.devices {
		if d.ID > after && len(out) < limit {
			out = append(out, d)
		}
	}
	return out, nil
}

func (f *fleet) Online(context.Context) (online, enrolled int, err error) {
	for _, d := range f.devices {
		if d.Online {
			online++
		}
	}
	return online, len(f.devices), nil
}

func (f *fleet) Revoke(_ context.Context, id ticket.DeviceID) (announced bool, err error) {
	for i := range f.devices {
		if f.devices[i].ID == id {
			f.devices[i].Revoked = true
			return !f.rootAway, nil
		}
	}
	return false, fmt.Errorf("device %s: %w", id, api.ErrUnknownDevice)
}

type ledger struct {
	incidents []api.Incident
	published []ticket.EventID
	entries   []api.Admission
	clashes   []api.Conflict
	err       error
}

func (l *ledger) Publish(_ context.Context, event ticket.EventID) (uint64, error) {
	l.published = append(l.published, event)
	return uint64(len(l.published)), l.err
}

func (l *ledger) Ledger(_ context.Context, _ ticket.EventID, after uint64, limit int) (out []api.Admission, err error) {
	for _, e := range l.entries {
		if e.Seq > after && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, l.err
}

func (l *ledger) Conflicts(_ context.Context, _ ticket.EventID, after uint64, limit int) (out []api.Conflict, err error) {
	for _, e := range l.clashes {
		if e.Seq > after && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, l.err
}

func (l *ledger) Incidents(_ context.Context, after uint64, limit int) (out []api.Incident, err error) {
	for _, i := range l.incidents {
		if i.Seq > after && len(out) < limit {
			out = append(out, i)
		}
	}
	return out, l.err
}

func (l *ledger) IncidentCount(context.Context) (uint64, error) {
	return uint64(len(l.incidents)), l.err
}

func (l *ledger) Evidence(_ context.Context, seq uint64) ([]byte, error) {
	if seq == 0 || seq > uint64(len(l.incidents)) {
		return nil, fmt.Errorf("incident %d: %w", seq, api.ErrUnknownIncident)
	}
	return []byte("<script>evidence</script>"), nil
}

func (l *ledger) Head(context.Context, ticket.EventID) (uint64, uint64, error) {
	return uint64(len(l.entries)), uint64(len(l.clashes)), l.err
}
