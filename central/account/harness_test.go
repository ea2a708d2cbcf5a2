package account_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/wallet"
)

var party = ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"}

// clock stands still unless a test moves it.
type clock struct{ ms atomic.Int64 }

func (c *clock) Now() time.Time          { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// passkeys is what main wires.
type passkeys struct{}

func (passkeys) VerifyAssertion(rp ticket.RelyingParty, key ticket.HolderKey, challenge []byte, a account.Assertion) error {
	return pass.VerifyAssertion(rp, key, challenge, pass.Assertion(a))
}

// rebinder notes what it is asked, and fails while it is told to.
type rebinder struct {
	mu    sync.Mutex // guards the fields below
	asked []account.Rekey
	err   error
}

func (r *rebinder) RebindOwned(_ context.Context, id string, from, to ticket.HolderKey) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, account.Rekey{Account: id, From: from, To: to})
	return 1, r.err
}

func (r *rebinder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *rebinder) take() []account.Rekey {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.asked
	r.asked = nil
	return out
}

// harness is accounts over a real database and the real verifier.
type harness struct {
	*account.Accounts
	t     testing.TB
	cfg   account.Config
	clock *clock
	moved *rebinder
	mail  *postbox
	log   *bytes.Buffer
	path  string
}

func start(t testing.TB) *harness {
	t.Helper()
	h := &harness{t: t, clock: &clock{}, moved: &rebinder{}, mail: &postbox{}, log: &bytes.Buffer{}, path: filepath.Join(t.TempDir(), "central.db")}
	h.clock.ms.Store(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	logger := slog.New(slog.NewJSONHandler(h.log, nil))
	db, err := store.Open(t.Context(), storetest.At(t, h.path, h.clock.Now, logger))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	h.cfg = account.Config{
		Store: db.Accounts(), Verifier: passkeys{}, Rebinder: h.moved, Now: h.clock.Now, Logger: logger,
		RelyingParty: party, ChallengeKey: [32]byte{1}, Mail: h.mail, Rooms: map[string]account.Room{"things": things{}},
	}
	if h.Accounts, err = account.New(t.Context(), h.cfg); err != nil {
		t.Fatal(err)
	}
	h.Cheapen()
	return h
}

// things is a room that knows one thing.
type things struct{}

func (things) Export(_ context.Context, id string) (any, error) {
	return []string{"thing of " + id}, nil
}

// phone is a new authenticator with a key of its own.
func (h *harness) phone(name string) *wallet.Authenticator {
	h.t.Helper()
	a, err := wallet.NewAuthenticator(party, []byte(name))
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *harness) challenge(p account.Purpose, id string) []byte {
	h.t.Helper()
	c, err := h.NewChallenge(p, id)
	if err != nil {
		h.t.Fatalf("NewChallenge(%s): %v", p, err)
	}
	return c.Value
}

// created is a new passkey over a challenge.
func created(t testing.TB, a *wallet.Authenticator, challenge []byte) account.NewPasskey {
	t.Helper()
	r, err := a.Create(challenge)
	if err != nil {
		t.Fatal(err)
	}
	return passkey(r)
}

func passkey(r wallet.Registration) account.NewPasskey {
	return account.NewPasskey{CredentialID: r.CredentialID, AttestationObject: r.AttestationObject, ClientDataJSON: r.ClientDataJSON, Transports: []string{"internal", "hybrid", "telepathy", "internal"}}
}

func signed(t testing.TB, a *wallet.Authenticator, challenge []byte) account.Assertion {
	t.Helper()
	s, err := a.Assert(challenge)
	if err != nil {
		t.Fatal(err)
	}
	return account.Assertion(s)
}

// register signs somebody up who must succeed.
func (h *harness) register(email string, a *wallet.Authenticator) account.Entry {
	h.t.Helper()
	c := h.challenge(account.Registration, "")
	e, err := h.Register(h.t.Context(), account.Registering{Email: email, Challenge: c, Passkey: created(h.t, a, c)})
	if err != nil {
		h.t.Fatalf("Register(%s): %v", email, err)
	}
	return e
}

// enter signs in with a fresh challenge.
func (h *harness) enter(a *wallet.Authenticator) (account.Entry, error) {
	h.t.Helper()
	c := h.challenge(account.SignIn, "")
	return h.Enter(h.t.Context(), account.SigningIn{Challenge: c, CredentialID: a.CredentialID(), Assertion: signed(h.t, a, c)})
}

// recover replaces the passkey by that of another phone.
func (h *harness) recover(email, code string, a *wallet.Authenticator) (account.Entry, error) {
	h.t.Helper()
	c := h.challenge(account.Recovery, "")
	return h.Recover(h.t.Context(), account.Recovering{Email: email, Code: code, Challenge: c, Passkey: created(h.t, a, c), Source: "192.0.2.1"})
}

// who is whose session it is.
func (h *harness) who(token string) string {
	h.t.Helper()
	p, _, err := h.Resume(h.t.Context(), token)
	if errors.Is(err, account.ErrSignedOut) {
		return ""
	}
	if err != nil {
		h.t.Fatalf("Resume: %v", err)
	}
	return p.Email
}

func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}
