// Package account knows the people who have a wallet: an e-mail address as a
// handle, one passkey or a password or both, sessions, roles, and a recovery code
// for the day the phone is lost.
//
// It is no identity provider, and no way in for machines. An address that its owner
// has not confirmed by letter proves nothing, and whoever confirms it takes it from
// an account that only claimed it. An account with a password is made by letter
// alone, so no answer tells whether there was one before; signing up with a passkey
// does tell ([ErrExists]), since it must be answered at once. A password opens
// sessions; what binds a ticket, gives it away or needs a role asks for the passkey.
// Attestation is neither asked for nor believed, so what kind of device holds a
// passkey is not known, and until it signs something not even that anybody holds
// it. Whoever has a recovery code has the account. Decentralised identifiers,
// credentials and families are another room's.
//
// Nobody who calls is trusted. A challenge is authenticated by a MAC that names
// its purpose and its account, lives for minutes and works once; an assertion
// must be of that challenge, this relying party and a key that is in force; a
// counter never goes back. The store keeps SHA-256 hashes of sessions and recovery
// codes, argon2id hashes of peppered passwords, and of letters nothing that what
// they carry could be computed from without the challenge key. So whoever reads the
// database can neither act for anybody nor recover an account, nor guess passwords.
package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/con-ting/conting/central/mail"
	"github.com/con-ting/conting/sync/ticket"
)

// Errors that callers branch on.
var (
	ErrEmail        = errors.New("not an e-mail address")
	ErrExists       = errors.New("an account with this e-mail exists")
	ErrPurpose      = errors.New("no challenge has this purpose")
	ErrChallenge    = errors.New("challenge is forged, too old, used, or was made for something else")
	ErrPasskey      = errors.New("the new passkey was not registered as it must be")
	ErrKnownPasskey = errors.New("this passkey belongs to an account already")
	ErrAssertion    = errors.New("the passkey did not sign this")
	ErrCounter      = errors.New("the passkey's counter went back: there may be a copy of it")
	ErrSignedOut    = errors.New("nobody is signed in")
	ErrRecovery     = errors.New("unknown account or wrong recovery code")
	ErrUnknown      = errors.New("no such account")

	ErrNoPasskey      = errors.New("the account has no passkey yet")
	ErrHasPasskey     = errors.New("the account has a passkey already")
	ErrUnknownSession = errors.New("no such session")
	ErrWork           = errors.New("a proof of work is due")
)

// Person is who acts.
type Person struct {
	ID      string // 32 hexadecimal digits
	Email   string // normalised; empty if somebody else has confirmed it meanwhile
	Passkey Passkey

	Verified bool // the address has been confirmed
	Role     Role // in this session
	Password bool // the account has one
}

// HasPasskey reports whether there is a passkey that tickets can be bound to. An
// account that began with a password has none at first.
func (p Person) HasPasskey() bool { return len(p.Passkey.CredentialID) > 0 }

// Passkey is the key that a person acts with.
type Passkey struct {
	CredentialID []byte
	Key          ticket.HolderKey
}

// Assertion is what navigator.credentials.get returned for a challenge.
type Assertion struct {
	AuthenticatorData []byte
	ClientDataJSON    []byte
	Signature         []byte // DER
}

// Verifier checks WebAuthn assertions (Level 3, section 7.2).
type Verifier interface {
	// VerifyAssertion returns nil only if a was made by key, with its user
	// verified, for challenge and the relying party.
	VerifyAssertion(rp ticket.RelyingParty, key ticket.HolderKey, challenge []byte, a Assertion) error
}

// Rebinder moves tickets from a lost key to the one that took its place.
type Rebinder interface {
	// RebindOwned binds every valid, unused ticket that the account owns and that
	// is bound to from to the key to, and says how many. It is called again until
	// it has succeeded, so a ticket that was moved before is none of its business.
	RebindOwned(ctx context.Context, account string, from, to ticket.HolderKey) (int, error)
}

// Config is what accounts need. Everything from Mail on may be left out.
type Config struct {
	Store    Store
	Verifier Verifier
	Rebinder Rebinder
	Now      func() time.Time
	Logger   *slog.Logger

	// RelyingParty is whom passkeys are made for.
	RelyingParty ticket.RelyingParty

	// ChallengeKey authenticates challenges, so that none need be remembered. All
	// central processes of one organiser share it; it must be random.
	ChallengeKey [32]byte

	// Mail takes the letters. Without it nobody can join with a password or set a new
	// one ([ErrNoMail]).
	Mail mail.Sender

	// Rooms say what else is known of a person, by what it is called in an export.
	Rooms map[string]Room

	// WorkBits is the proof of work that is due for an account or a letter, 0 (none)
	// to [MaxWorkBits].
	WorkBits int

	// JoinsPerSecond bounds how many accounts are made and letters ordered; zero
	// means [DefaultJoinsPerSecond].
	JoinsPerSecond int

	// Rand makes sessions, challenges and recovery codes; nil means crypto/rand.
	Rand io.Reader
}

// MaxWorkBits is the most work that signing up may take: about a minute of a phone.
const MaxWorkBits = 28

// Accounts registers people and lets them in. It is safe for concurrent use. It
// starts no goroutine; [Accounts.Run] is one for the caller to start.
type Accounts struct {
	cfg     Config
	tries   *limiter // of recovery codes
	joins   *limiter // sign-ups and letters
	hasher  *hasher
	letters [32]byte      // key of the letters' tokens
	wake    chan struct{} // a letter is waiting
}

// New checks the configuration.
func New(_ context.Context, cfg Config) (*Accounts, error) {
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	switch {
	case cfg.Store == nil || cfg.Verifier == nil || cfg.Rebinder == nil || cfg.Now == nil || cfg.Logger == nil:
		return nil, errors.New("account: store, verifier, rebinder, now and logger are required")
	case cfg.ChallengeKey == [32]byte{}:
		return nil, errors.New("account: the challenge key is zero")
	}
	if err := cfg.RelyingParty.Check(); err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	if cfg.JoinsPerSecond == 0 {
		cfg.JoinsPerSecond = DefaultJoinsPerSecond
	}
	if cfg.JoinsPerSecond < 1 || cfg.JoinsPerSecond > maxJoinsPerSecond {
		return nil, fmt.Errorf("account: %d joins a second, want 1 to %d", cfg.JoinsPerSecond, maxJoinsPerSecond)
	}
	if cfg.WorkBits < 0 || cfg.WorkBits > MaxWorkBits {
		return nil, fmt.Errorf("account: %d bits of work, want 0 to %d", cfg.WorkBits, MaxWorkBits)
	}
	a := &Accounts{cfg: cfg, tries: newLimiter(cfg.Now, recoveryRates()), joins: newLimiter(cfg.Now, joinRates(cfg.JoinsPerSecond)), wake: make(chan struct{}, 1)}
	var err error
	if a.hasher, err = newHasher(cfg.ChallengeKey, cfg.Rand); err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	if a.letters, err = letterKey(cfg.ChallengeKey); err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	return a, nil
}

// RelyingParty is whom passkeys are made for.
func (a *Accounts) RelyingParty() ticket.RelyingParty { return a.cfg.RelyingParty }

// Person returns an account with the passkey that is in force, or [ErrUnknown],
// also if it has none: nothing can be bound to that person. It is not in a session,
// so it has no role.
func (a *Accounts) Person(ctx context.Context, id string) (Person, error) {
	keys, err := a.cfg.Store.Credentials(ctx, id)
	if err != nil {
		return Person{}, err
	}
	for _, c := range keys {
		if !c.Revoked {
			p := c.person()
			p.Role = ""
			return p, nil
		}
	}
	return Person{}, ErrUnknown
}

// Passkeys lists the passkeys of an account that are in force, newest first.
func (a *Accounts) Passkeys(ctx context.Context, id string) ([]Credential, error) {
	all, err := a.cfg.Store.Credentials(ctx, id)
	out := all[:0]
	for _, c := range all {
		if !c.Revoked {
			out = append(out, c)
		}
	}
	return out, err
}

// random returns n random bytes.
func (a *Accounts) random(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(a.cfg.Rand, b); err != nil {
		return nil, fmt.Errorf("read random bytes: %w", err)
	}
	return b, nil
}
