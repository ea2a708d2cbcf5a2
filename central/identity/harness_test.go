package identity_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/wallet"
)

// The sample's event, and the same for adults with a class of accreditations.
const (
	show, adult = ticket.EventID(1001), ticket.EventID(1002)

	floor, standing                   = 1, 3
	vip, regular, stand, paper, staff = 1, 2, 3, 5, 9

	statusURL = "https://registrar.example/status/1.jwt"
)

var site = ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"}

// world is identity over the real sale and a real database file, with real
// credentials and assertions.
type world struct {
	*identity.Identity
	t     testing.TB
	store *store.Store
	sale  *sale.Sale
	cfg   identity.Config

	clock     atomic.Int64 // Unix milliseconds
	listed    atomic.Int64 // how often the gates were told of issuers
	published atomic.Int64
	serial    atomic.Int64
	gate      journal.Head

	registrar, stranger trust.Signer
	people              *people
}

func (w *world) now() time.Time          { return time.UnixMilli(w.clock.Load()).UTC() }
func (w *world) advance(d time.Duration) { w.clock.Add(d.Milliseconds()) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// person is somebody with a phone.
type person struct {
	account.Person
	phone *wallet.Authenticator
	key   *wallet.Identity // of their DID
	did   credential.DID
}

// people confirms real assertions, with challenges that work once.
type people struct {
	mu   sync.Mutex
	all  map[string]account.Person // guarded by mu
	used map[string]bool           // guarded by mu
}

func (p *people) Person(_ context.Context, id string) (account.Person, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.all[id]
	if !ok {
		return a, account.ErrUnknown
	}
	return a, nil
}

func (p *people) Confirm(_ context.Context, who account.Person, purpose account.Purpose, challenge, signed []byte, as account.Assertion) error {
	if !bytes.HasPrefix(challenge, []byte(string(purpose)+" of "+who.ID+" ")) {
		return account.ErrChallenge
	}
	if err := pass.VerifyAssertion(site, who.Passkey.Key, signed, pass.Assertion(as)); err != nil {
		return fmt.Errorf("%w: %w", account.ErrAssertion, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used[string(challenge)] {
		return account.ErrChallenge
	}
	p.used[string(challenge)] = true
	return nil
}

type verifier struct{}

func (verifier) VerifyAssertion(rp ticket.RelyingParty, key ticket.HolderKey, challenge []byte, a sale.Assertion) error {
	return pass.VerifyAssertion(rp, key, challenge, pass.Assertion(a))
}

type issuer struct{ s trust.Signer }

func (i issuer) Issue(_ context.Context, t ticket.Ticket) ([]byte, error) {
	return pass.SignTicket(i.s, t)
}

func signer(t testing.TB, seed string) trust.Signer {
	t.Helper()
	sum := sha256.Sum256([]byte(seed))
	s, err := trust.NewSigner(ed25519.NewKeyFromSeed(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func start(t testing.TB, change ...func(*identity.Config)) *world {
	t.Helper()
	w := &world{
		t: t, registrar: signer(t, "registrar"), stranger: signer(t, "stranger"),
		people: &people{all: map[string]account.Person{}, used: map[string]bool{}},
	}
	w.clock.Store(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	logger := slog.New(slog.DiscardHandler)
	var err error
	w.store, err = store.Open(t.Context(), storetest.At(t, filepath.Join(t.TempDir(), "central.db"), w.now, logger))
	w.must(err)
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	w.sale, err = sale.New(t.Context(), sale.Config{
		Store: w.store, Providers: map[string]pay.Provider{"sandbox": pay.NewSandbox()}, Issuer: issuer{signer(t, "event")},
		Verifier: verifier{}, Now: w.now, Logger: logger, ChallengeKey: [32]byte{1},
	})
	w.must(err)
	w.cfg = identity.Config{
		Store: w.store.Identity(), People: w.people, Tickets: w.sale, Now: w.now, Logger: logger,
		Listed:    func(context.Context) error { w.listed.Add(1); return nil },
		Published: func() { w.published.Add(1) },
	}
	for _, f := range change {
		f(&w.cfg)
	}
	w.restart()
	w.importPlan(show)
	w.importPlan(adult)
	if announced, err := w.SaveIssuer(t.Context(), w.listing(w.registrar)); err != nil || !announced {
		t.Fatalf("SaveIssuer = %v, %v", announced, err)
	}
	return w
}

// restart is what a new process finds.
func (w *world) restart() {
	w.t.Helper()
	var err error
	w.Identity, err = identity.New(w.t.Context(), w.cfg)
	w.must(err)
}

func (w *world) importPlan(id ticket.EventID) {
	w.t.Helper()
	b, err := os.ReadFile("../../testdata/venue/sample.json")
	w.must(err)
	text := strings.Replace(string(b), `"id": 1001`, `"id": `+id.String(), 1)
	if id != show {
		text = strings.NewReplacer(
			`"classes": [`, `"classes": [{"id": 9, "name": "crew", "staff": true}, `,
			`"pass_back_seconds"`, `"minimum_age": 19, "pass_back_seconds"`,
		).Replace(text)
	}
	p, err := seatmap.Parse([]byte(text))
	w.must(err)
	_, err = w.sale.Import(w.t.Context(), p)
	w.must(err)
}

// listing is how an issuer stands in the list.
func (w *world) listing(s trust.Signer) trust.Issuer {
	w.t.Helper()
	did, err := credential.KeyDID(s.Public())
	w.must(err)
	return trust.Issuer{DID: string(did), Name: "a registrar", Accepts: []string{"family", "age", "staff"}, StatusURLs: []string{statusURL}}
}

// phone gives somebody a new passkey, as a first or in place of a lost one.
func (w *world) phone(p *person) {
	w.t.Helper()
	var err error
	p.phone, err = wallet.NewAuthenticator(site, fmt.Appendf(nil, "%s %d", p.ID, w.serial.Add(1)))
	w.must(err)
	p.Passkey = account.Passkey{CredentialID: []byte(p.ID), Key: p.phone.HolderKey()}
	w.people.mu.Lock()
	defer w.people.mu.Unlock()
	w.people.all[p.ID] = p.Person
}

// person signs up without a DID.
func (w *world) person(name string) *person {
	w.t.Helper()
	p := &person{Person: account.Person{ID: name, Email: name + "@x.kr"}}
	w.phone(p)
	w.identifier(p, name)
	return p
}

// identifier gives somebody the key of a DID that is not enrolled yet.
func (w *world) identifier(p *person, seed string) {
	w.t.Helper()
	var err error
	p.key, err = wallet.NewIdentity([]byte(seed))
	w.must(err)
	s, err := p.key.Signer()
	w.must(err)
	p.did, err = credential.KeyDID(s.Public())
	w.must(err)
}

// enrolled signs up and enrols the DID.
func (w *world) enrolled(name string) *person {
	w.t.Helper()
	p := w.person(name)
	d, err := w.Enrol(w.t.Context(), p.Person, w.enrolment(p))
	if err != nil || d.DID != p.did || d.Holder != p.key.HolderKey() {
		w.t.Fatalf("Enrol(%s) = %+v, %v", name, d, err)
	}
	return p
}

func (w *world) challenge(p *person, purpose account.Purpose) []byte {
	return fmt.Appendf(nil, "%s of %s %d", purpose, p.ID, w.serial.Add(1))
}

func (w *world) assert(p *person, signed []byte) account.Assertion {
	w.t.Helper()
	a, err := p.phone.Assert(signed)
	w.must(err)
	return account.Assertion(a)
}

func (w *world) enrolment(p *person) identity.Enrolment {
	w.t.Helper()
	c := w.challenge(p, account.DID)
	sig, err := p.key.Sign(identity.DIDMessage(c, p.did, p.Passkey.Key))
	w.must(err)
	return identity.Enrolment{DID: p.did, Challenge: c, Signature: sig[:], Assertion: w.assert(p, identity.DIDTerms(c, p.did))}
}

// vc is a credential about somebody, by the registrar, for a year.
func (w *world) vc(about *person) credential.Credential {
	return credential.Credential{
		ID: fmt.Sprintf("urn:vc:%d", w.serial.Add(1)), Subject: about.did, Issued: w.now().Add(-time.Hour), Expires: w.now().AddDate(1, 0, 0),
	}
}

func (w *world) familyVC(of, relative *person) credential.Credential {
	c := w.vc(of)
	c.Type, c.Family = credential.Family, &credential.FamilyClaim{Relation: "parent", Relative: relative.did}
	return c
}

func (w *world) ageVC(of *person, over uint8) credential.Credential {
	c := w.vc(of)
	c.Type, c.Age = credential.Age, &credential.AgeClaim{Over: over}
	return c
}

func (w *world) staffVC(of *person, events ...ticket.EventID) credential.Credential {
	c := w.vc(of)
	c.Type, c.Staff = credential.Staff, &credential.StaffClaim{Role: "sound", Class: staff, Events: events}
	return c
}

func (w *world) issue(c credential.Credential) string {
	w.t.Helper()
	jwt, err := credential.Issue(w.registrar, c)
	w.must(err)
	return jwt
}

// shows has somebody register a credential, which must succeed.
func (w *world) shows(p *person, c credential.Credential) identity.Credential {
	w.t.Helper()
	got, err := w.AddCredential(w.t.Context(), p.Person, w.issue(c))
	if err != nil || got.Number == 0 || got.State != identity.Valid {
		w.t.Fatalf("AddCredential(%+v) = %+v, %v", c, got, err)
	}
	return got
}

// status signs the registrar's status list as of now with those entries revoked.
func (w *world) status(s trust.Signer, revoked ...uint32) string {
	w.t.Helper()
	l := credential.NewStatusList()
	for _, n := range revoked {
		w.must(l.Revoke(n))
	}
	jwt, err := credential.SignStatusList(s, statusURL, l, w.now(), w.now().Add(30*24*time.Hour))
	w.must(err)
	return jwt
}

// family is two people that the registrar calls parent and child.
func (w *world) family() (mina, jun *person) {
	w.t.Helper()
	mina, jun = w.enrolled("mina"), w.enrolled("jun")
	w.shows(mina, w.familyVC(mina, jun))
	return mina, jun
}

func (w *world) request(p *person, event ticket.EventID, seat string) sale.HoldRequest {
	w.t.Helper()
	c, err := w.sale.NewChallenge()
	w.must(err)
	a, err := p.phone.Assert(c.Value)
	w.must(err)
	age, err := w.Age(w.t.Context(), p.ID)
	w.must(err)
	return sale.HoldRequest{
		Event: event, Zone: floor, Class: vip, Seat: seat, Owner: p.ID, ProvedAge: age,
		Holder: &sale.Possession{Key: p.Passkey.Key, Challenge: c.Value, Assertion: sale.Assertion(a)},
	}
}

// pays holds and pays, and returns the order with its ticket.
func (w *world) pays(r sale.HoldRequest) (sale.Order, error) {
	w.t.Helper()
	o, secret, err := w.sale.Hold(w.t.Context(), r)
	if err != nil {
		return o, err
	}
	o, err = w.sale.Pay(w.t.Context(), o.ID, secret, "sandbox", pay.TokenOK)
	w.must(err)
	return o, nil
}

// buys must succeed.
func (w *world) buys(p *person, seat string) (ticket.Ticket, sale.Order) {
	w.t.Helper()
	o, err := w.pays(w.request(p, show, seat))
	w.must(err)
	return o.Tickets[0].Ticket, o
}

// admits is a gate's report that a ticket entered.
func (w *world) admits(id ticket.ID) {
	w.t.Helper()
	e := journal.Entry{
		Seq: w.gate.Seq + 1, Prev: w.gate.Hash, Kind: journal.Decision, Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Alone,
		Event: show, Ticket: id, Lane: "north-1", Time: journal.At(w.now()) + journal.HLC(w.gate.Seq),
	}
	raw, err := e.Encode()
	w.must(err)
	to := journal.Head{Seq: e.Seq, Hash: journal.EntryHash(raw)}
	_, err = w.store.Publish().Receive(w.t.Context(), publish.Delivery{
		Device: "gate-a", Gate: "north", From: w.gate, To: to, Checkpoint: []byte{1}, Entries: []journal.Entry{e}, Raw: [][]byte{raw},
		Events: map[ticket.EventID]func(ticket.ID) int{show: func(ticket.ID) int { return 1 }},
	})
	w.must(err)
	w.gate = to
}

func (w *world) offer(p *person, id ticket.ID, version uint32, to *person) identity.Offer {
	w.t.Helper()
	c := w.challenge(p, account.Transfer)
	terms := identity.Terms{Ticket: id, Version: version, From: p.Passkey.Key, To: to.Passkey.Key}
	return identity.Offer{Ticket: id, To: to.did, Challenge: c, Assertion: w.assert(p, terms.Give(c))}
}

// gives must succeed.
func (w *world) gives(p *person, t ticket.Ticket, to *person) identity.Transfer {
	w.t.Helper()
	tr, err := w.Give(w.t.Context(), p.Person, w.offer(p, t.ID, t.Version, to))
	if err != nil || tr.State != identity.TransferOpen || tr.ID == "" {
		w.t.Fatalf("Give = %+v, %v", tr, err)
	}
	return tr
}

// accepts answers an offer with the phone.
func (w *world) accepts(p *person, tr identity.Transfer) error {
	w.t.Helper()
	c := w.challenge(p, account.TransferAccept)
	_, err := w.Accept(w.t.Context(), p.Person, tr.ID, c, w.assert(p, tr.Terms.Accept(c)))
	return err
}

func (w *world) owner(id ticket.ID) sale.OwnedTicket {
	w.t.Helper()
	o, err := w.sale.Ticket(w.t.Context(), id)
	w.must(err)
	return o
}

// transferState is how an offer stands for its giver.
func (w *world) transferState(tr identity.Transfer) identity.TransferState {
	w.t.Helper()
	all, err := w.Transfers(w.t.Context(), tr.Giver)
	w.must(err)
	for _, one := range all {
		if one.ID == tr.ID {
			return one.State
		}
	}
	w.t.Fatalf("%s is not listed", tr.ID)
	return ""
}

// kinds lists what the gates were told, but for the first so many lines.
func (w *world) kinds(after int) (out []sale.ChangeKind) {
	w.t.Helper()
	cs, err := w.store.Changes(w.t.Context(), 0, 10_000)
	w.must(err)
	for _, c := range cs[after:] {
		out = append(out, c.Kind)
	}
	return out
}

// refused checks a table of errors.
func (w *world) refused(name string, err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Errorf("%s: %v; want %v", name, err, want)
	}
}
