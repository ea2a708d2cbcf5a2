// Package identity knows what holders have proved about themselves beyond owning
// a passkey: a decentralised identifier of their own, and what registrars say of
// it — who is whose family, who is old enough, who works at a show.
//
// On that stand family transfers (a ticket moves when giver and receiver have both
// signed its terms and a registrar says that they are related), bookings that one
// relative asks of another, ages for shows that ask for one, and accreditations
// for staff. It also keeps the list of issuers that rides in the trust list, and
// their status lists, which the gates get from here.
//
// It vouches for nobody: a credential is believed because a listed issuer signed
// it, is about the identifier that the account has proved, and is not revoked. It
// holds no SQL ([Store]), moves no ticket by itself ([Tickets] does, in one
// conditional statement), knows no session, and checks no WebAuthn assertion
// itself ([People] does). Nobody who calls is trusted, issuers only for what they
// are listed for; the organiser who lists them is.
package identity

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// Errors that callers branch on, beside those of credential, account and sale.
var (
	ErrNoDID             = errors.New("the account has no identifier of its own")
	ErrDID               = errors.New("the identifier's key did not sign, or is not P-256")
	ErrDIDTaken          = errors.New("the identifier belongs to another account")
	ErrUnknownCredential = errors.New("unknown credential")
	ErrUnknownIssuer     = errors.New("unknown issuer")
	ErrTooManyIssuers    = errors.New("too many issuers")
	ErrStatusURL         = errors.New("no listed issuer has its status list at this address")
	ErrOlderStatus       = errors.New("a newer status list is known")
	ErrNotRelated        = errors.New("no valid credential says that these two are family")
	ErrUnknownTransfer   = errors.New("unknown transfer")
	ErrTransferClosed    = errors.New("the transfer is no longer open")
	ErrUnknownAsk        = errors.New("unknown request")
	ErrAskClosed         = errors.New("the request is no longer open")
	ErrTooMany           = errors.New("too many of these are open")
)

// People is the accounts as identity needs them; *account.Accounts is one.
type People interface {
	// Person returns an account with its present passkey, or [account.ErrUnknown].
	Person(ctx context.Context, id string) (account.Person, error)

	// Confirm returns nil only if the person's passkey has signed signed, and uses
	// the challenge up, which that account got for the purpose.
	Confirm(ctx context.Context, p account.Person, purpose account.Purpose, challenge, signed []byte, as account.Assertion) error
}

// Tickets is the sale as identity needs it; *sale.Sale is one.
type Tickets interface {
	Rules(ctx context.Context, event ticket.EventID) (ticket.Event, error)
	Ticket(ctx context.Context, id ticket.ID) (sale.OwnedTicket, error)
	Rebind(ctx context.Context, r sale.RebindRequest) (sale.Issued, error)
	Accredit(ctx context.Context, r sale.AccreditRequest) (sale.Issued, error)
	SetStatus(ctx context.Context, id ticket.ID, status ticket.Status) error
}

// Config is what identity needs. Everything but Fetch, FetchEvery, Listed,
// Published and Rand is required.
type Config struct {
	Store   Store
	People  People
	Tickets Tickets
	Now     func() time.Time
	Logger  *slog.Logger

	// Fetch gets a status list from one of the addresses of a listed issuer. Nil
	// leaves fetching to whoever calls [Identity.SaveStatusList].
	Fetch func(ctx context.Context, url string) ([]byte, error)

	// FetchEvery is how often; zero means DefaultFetchEvery.
	FetchEvery time.Duration

	// Listed is called when the list of issuers has changed, for a new trust list
	// to be signed. Its error says that the gates were not told.
	Listed func(ctx context.Context) error

	// Published is called when a status list is new. It must not block.
	Published func()

	// Rand makes ids; nil means crypto/rand.
	Rand io.Reader
}

// Times.
const (
	DefaultFetchEvery = 5 * time.Minute

	// OfferLifetime is how long a relative has to accept a ticket or to book.
	OfferLifetime = 24 * time.Hour

	// settleEvery is how often accreditations are brought in line with credentials.
	settleEvery = time.Minute
)

// Limits.
const (
	MaxOpen        = 50  // open transfers or asks that one account has made
	MaxListed      = 200 // transfers or asks that are listed, the newest
	MaxCredentials = 100 // credentials of one account that are in force
)

// Identity is the engine. Its methods are safe for concurrent use.
type Identity struct {
	cfg Config

	verifier atomic.Pointer[credential.Verifier] // swapped when issuers change

	statusMu sync.RWMutex      // guards statuses
	statuses map[string][]byte // newest status list by URL

	// mu serialises what changes issuers, status lists, identifiers and
	// credentials: a credential must not come in between a revocation and the look
	// for what it concerns. It guards no field.
	mu sync.Mutex
}

// New checks the configuration and loads issuers and status lists.
func New(ctx context.Context, cfg Config) (*Identity, error) {
	if cfg.FetchEvery == 0 {
		cfg.FetchEvery = DefaultFetchEvery
	}
	if cfg.Listed == nil {
		cfg.Listed = func(context.Context) error { return nil }
	}
	if cfg.Published == nil {
		cfg.Published = func() {}
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	switch {
	case cfg.Store == nil || cfg.People == nil || cfg.Tickets == nil || cfg.Now == nil || cfg.Logger == nil:
		return nil, errors.New("identity: store, people, tickets, now and logger are required")
	case cfg.FetchEvery < time.Second:
		return nil, fmt.Errorf("identity: fetching every %s, want 1 s or more", cfg.FetchEvery)
	}
	i := &Identity{cfg: cfg, statuses: make(map[string][]byte)}
	lists, err := cfg.Store.StatusLists(ctx)
	if err != nil {
		return nil, fmt.Errorf("identity: status lists: %w", err)
	}
	for _, l := range lists {
		i.statuses[l.URL] = l.JWT
	}
	issuers, err := cfg.Store.Issuers(ctx)
	if err != nil {
		return nil, fmt.Errorf("identity: issuers: %w", err)
	}
	return i, i.believe(ctx, issuers)
}

// believe takes a list of issuers into use.
func (i *Identity) believe(ctx context.Context, issuers []trust.Issuer) error {
	v, err := credential.New(ctx, credential.Config{Issuers: issuers, Statuses: i.status})
	if err != nil {
		return fmt.Errorf("issuers: %w", err)
	}
	i.verifier.Store(v)
	return nil
}

func (i *Identity) status(url string) ([]byte, bool) {
	i.statusMu.RLock()
	defer i.statusMu.RUnlock()
	jwt, ok := i.statuses[url]
	return jwt, ok
}

// Run settles accreditations and fetches status lists until the context ends, and
// returns its error.
func (i *Identity) Run(ctx context.Context) error {
	settle, fetch := time.NewTicker(settleEvery), time.NewTicker(i.cfg.FetchEvery)
	defer settle.Stop()
	defer fetch.Stop()
	i.Settle(ctx)
	i.FetchStatus(ctx)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-settle.C:
			i.Settle(ctx)
		case <-fetch.C:
			i.FetchStatus(ctx)
		}
	}
}

// newID makes 128 random bits in hexadecimal.
func (i *Identity) newID() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(i.cfg.Rand, b[:]); err != nil {
		return "", fmt.Errorf("make id: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}
