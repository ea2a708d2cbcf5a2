// Package wallet knows in which wallet on Solana a person's tickets lie.
//
// Everybody has one without doing anything: its key follows from a seed that central
// keeps sealed, a random salt of that person, and the account's id, so that nothing
// but the salt and the address is stored for it. Who has a wallet of their own may
// link it by signing a message with its key ([Room.Begin], [Room.Link]); from then on
// their tickets go there, until they unlink it.
//
// The package speaks to no node, moves no token and knows no ticket: that a person's
// address has become another is posted by the [Store], and the mint moves what it may
// move. It does not know sessions either; whoever calls has found out who asks.
//
// The store is trusted to keep what it was given, and is not trusted with keys: who
// reads all of the database cannot sign without the key file, and who has the key
// file alone cannot either. A kept address that does not follow from the seed, as
// after a restore beside another key file, is refused ([ErrAltered]) before anything
// goes there or is signed for it. Addresses, messages and signatures of outside
// wallets come from strangers: they are checked strictly and bounded in size.
//
// A seed under a key file is what a machine without further hardware can do: whoever
// controls the running central can sign for every wallet that is kept here. What
// those hold beyond our tickets is no business of ours, and nobody should send money
// there.
package wallet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Errors that callers branch on.
var (
	// ErrUnknown means that there is no such account, or that nothing is kept for it.
	ErrUnknown = errors.New("no such wallet")

	// ErrKey means that the seed is sealed under another key than those given, or that a
	// key file holds no key.
	ErrKey = errors.New("not the key of the wallets' seed")

	// ErrAltered means that what the store returned is not what was given to it: the
	// seed does not open, or an address does not follow from it.
	ErrAltered = errors.New("the wallets' seed or an address is not what was stored")

	// ErrStale means that the seed was sealed anew since it was read.
	ErrStale = errors.New("the seed was sealed anew by somebody else")

	// ErrAddress means that a text is not the address of a wallet that can sign.
	ErrAddress = errors.New("not the address of a wallet")

	// ErrReserved means that an address is one that nobody's tickets may go to: a
	// program's, the platform's own, or a wallet that is kept here.
	ErrReserved = errors.New("address is not a person's own wallet")

	// ErrTaken means that the wallet is linked to another account.
	ErrTaken = errors.New("wallet is linked to another account")

	// ErrChallenge means that there is no message to be signed for this account, or
	// that it has ended or was used.
	ErrChallenge = errors.New("no such message, or it has ended or was used")

	// ErrSignature means that the wallet's key did not sign the message.
	ErrSignature = errors.New("the wallet did not sign this message")

	// ErrNotLinked means that no outside wallet is linked.
	ErrNotLinked = errors.New("no wallet is linked")

	// ErrClosed means that the room was closed.
	ErrClosed = errors.New("wallets are closed")
)

// Kind says who has the key of a wallet.
type Kind string

// The kinds.
const (
	Custodial Kind = "custodial" // it follows from the seed that is kept here
	Outside   Kind = "outside"   // its owner
)

// Wallet is where the tickets of one account lie.
type Wallet struct {
	Account string

	// Salt and Index make the key of the custodial wallet, Kept is its address in
	// base58. They never change; the salt goes with the account, and the key with it.
	Salt  [SaltLen]byte
	Index uint32
	Kept  string

	// Linked is the address of the outside wallet and Since when it was linked; both
	// are zero while there is none.
	Linked string
	Since  time.Time
}

// SaltLen is the length of a person's salt, in bytes.
const SaltLen = 32

// Address is where the account's tickets go.
func (w *Wallet) Address() string {
	if w.Linked != "" {
		return w.Linked
	}
	return w.Kept
}

// Kind says whose the key of that address is.
func (w *Wallet) Kind() Kind {
	if w.Linked != "" {
		return Outside
	}
	return Custodial
}

// Config is what a room needs. Store, Keys, Origin and Now are required.
type Config struct {
	Store Store

	// Keys are those that the seed may be sealed under: one, or, while it is being
	// replaced, two. A new seed is sealed under the first. They are not kept.
	Keys []Key

	// Origin is the address under which people reach central, such as
	// https://tickets.example.org. Its host is the domain that wallets show.
	Origin string

	// Chain names the cluster in messages, in the words that wallets
	// know: mainnet, devnet, localnet, or solana: and one of them. Empty leaves it out.
	Chain string

	// Reserved are addresses that nobody can link or be sent to: of the authority, the
	// fee payer and whatever else is the platform's own. Programs are known.
	Reserved []string

	// Ours reports whether an address is one of ours beside those: of a ticket's token.
	// Nil means that none is.
	Ours func(ctx context.Context, address string) (bool, error)

	Now func() time.Time

	// Rand makes seed, salts and nonces; nil means crypto/rand.
	Rand io.Reader
}

// Room knows everybody's wallets. Its methods are safe for concurrent use.
type Room struct {
	cfg      Config
	domain   string
	origin   string
	reserved map[string]bool

	mu     sync.RWMutex // guards seed and closed
	seed   seed
	closed bool
}

// New opens the seed, or makes and seals one where the store has none. The error
// wraps [ErrKey] or [ErrAltered] if the seed does not open.
func New(ctx context.Context, cfg Config) (*Room, error) {
	if cfg.Store == nil || cfg.Now == nil || len(cfg.Keys) == 0 || slices.Contains(cfg.Keys, Key{}) {
		return nil, errors.New("wallets: a store, a key and a clock are needed")
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	domain, origin, err := splitOrigin(cfg.Origin)
	if err != nil {
		return nil, err
	}
	if !plainWord(cfg.Chain) || len(domain) > maxDomain {
		return nil, fmt.Errorf("wallets: chain %q or domain %q does not fit a message", cfg.Chain, domain)
	}
	r := &Room{cfg: cfg, domain: domain, origin: origin, reserved: map[string]bool{}}
	for _, text := range programs() {
		r.reserved[text] = true
	}
	for _, text := range cfg.Reserved {
		if _, err := decodeAddress(text); err != nil {
			return nil, fmt.Errorf("wallets: reserved address: %w", err)
		}
		r.reserved[text] = true
	}
	if err := r.seed.open(ctx, cfg); err != nil {
		return nil, fmt.Errorf("wallets: %w", err)
	}
	r.cfg.Keys = nil
	return r, nil
}

// Close forgets the seed. What is asked afterwards is [ErrClosed].
func (r *Room) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.seed[:])
	r.closed = true
	return nil
}

// maxDomain bounds the host of an origin, so that messages stay below [MaxMessage].
const maxDomain = 255

// splitOrigin returns host and scheme://host of an address without anything else.
func splitOrigin(s string) (domain, origin string, err error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil ||
		u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return "", "", fmt.Errorf("wallets: origin %q is not like https://tickets.example.org", s)
	}
	return u.Host, u.Scheme + "://" + u.Host, nil
}
