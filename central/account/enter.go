package account

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Registering is a request for an account.
type Registering struct {
	Email     string
	Challenge []byte // with the purpose [Registration]
	Passkey   NewPasskey
	Session   string // the token that the caller came with, if any; it ends
	Agent     string // what the caller's program calls itself
	Source    string // address that the request comes from, as far as is known
	Language  Language
	Work      string // proof of work, where one is due; see [Terms]
}

// Register makes an account with its first passkey and signs the person in. The
// address is not confirmed yet: see [Accounts.SendVerification]. The error wraps
// [ErrEmail], [ErrChallenge], [ErrPasskey], [ErrKnownPasskey], [ErrWork] or
// [ErrExists], or is a [*TooManyError].
func (a *Accounts) Register(ctx context.Context, r Registering) (Entry, error) {
	email, err := NormaliseEmail(r.Email)
	if err != nil {
		return Entry{}, err
	}
	used, err := a.checkChallenge(Registration, "", r.Challenge)
	if err != nil {
		return Entry{}, err
	}
	c, err := a.register(r.Passkey, r.Challenge)
	if err != nil {
		return Entry{}, err
	}
	if err := a.admit(email, r.Work, r.Source); err != nil {
		return Entry{}, err
	}
	c.Account, c.Email = a.accountID(r.Challenge), email
	e, s, err := a.enter(&c, r.Agent)
	if err != nil {
		return Entry{}, err
	}
	if e.RecoveryCode, err = a.newCode(); err != nil {
		return Entry{}, err
	}
	err = a.cfg.Store.AddAccount(ctx, Account{
		ID: c.Account, Email: email, Recovery: hashCode(c.Account, e.RecoveryCode), Language: r.Language.known(),
	}, c, s, hashToken(r.Session), used)
	if err != nil {
		return Entry{}, err
	}
	return e, nil
}

// register checks a new passkey (WebAuthn Level 3, section 7.1).
func (a *Accounts) register(n NewPasskey, challenge []byte) (Credential, error) {
	if err := checkCreated(n.ClientDataJSON, challenge, a.cfg.RelyingParty.Origin); err != nil {
		return Credential{}, err
	}
	att, err := parseAttestation(n.AttestationObject, a.cfg.RelyingParty.ID)
	if err != nil {
		return Credential{}, err
	}
	if !bytes.Equal(att.id, n.CredentialID) {
		return Credential{}, fmt.Errorf("credential id is another than the attested one: %w", ErrPasskey)
	}
	return Credential{ID: att.id, Key: att.key, Counter: att.counter, Transports: transports(n.Transports)}, nil
}

// enter prepares a session for a passkey.
func (a *Accounts) enter(c *Credential, agent string) (Entry, Session, error) {
	s, token, err := a.newSession(c.Account, c.ID, agent)
	return Entry{Person: c.person(), Token: token, Expires: s.Expires}, s, err
}

// SigningIn is a request to be let in.
type SigningIn struct {
	Challenge    []byte // with the purpose [SignIn]
	CredentialID []byte
	Assertion    Assertion
	Session      string // the token that the caller came with, if any; it ends
	Agent        string // what the caller's program calls itself
}

// Enter signs a person in with their passkey. The error wraps [ErrChallenge],
// [ErrAssertion] (also for a passkey that nobody knows, or that was replaced) or
// [ErrCounter].
func (a *Accounts) Enter(ctx context.Context, r SigningIn) (Entry, error) {
	used, err := a.checkChallenge(SignIn, "", r.Challenge)
	if err != nil {
		return Entry{}, err
	}
	c, err := a.cfg.Store.Credential(ctx, r.CredentialID)
	if errors.Is(err, ErrUnknown) || err == nil && c.Revoked {
		return Entry{}, fmt.Errorf("no such passkey: %w", ErrAssertion)
	}
	if err != nil {
		return Entry{}, err
	}
	counter, err := a.verify(c.person(), r.Challenge, r.Assertion)
	if err != nil {
		return Entry{}, err
	}
	e, s, err := a.enter(&c, r.Agent)
	if err != nil {
		return Entry{}, err
	}
	if err := a.cfg.Store.OpenSession(ctx, counter, s, hashToken(r.Session), used); err != nil {
		return Entry{}, a.suspect(ctx, err)
	}
	return e, nil
}

// Confirm checks that the person's passkey signed, now and with its user verified,
// and uses the challenge up: one of that purpose that this account asked for.
// What was signed is signed: the challenge as it stands, or the hash of challenge
// and terms that the purpose names. The error wraps [ErrChallenge], [ErrAssertion],
// [ErrCounter], [ErrNoPasskey] or, for a passkey that was replaced meanwhile,
// [ErrUnknown].
func (a *Accounts) Confirm(ctx context.Context, p Person, purpose Purpose, challenge, signed []byte, as Assertion) error {
	used, err := a.checkPersonal(p, purpose, challenge)
	if err != nil {
		return err
	}
	counter, err := a.verify(p, signed, as)
	if err != nil {
		return err
	}
	return a.suspect(ctx, a.cfg.Store.Use(ctx, p.Passkey.CredentialID, counter, used))
}

func (a *Accounts) checkPersonal(p Person, purpose Purpose, challenge []byte) (Used, error) {
	if !purpose.Personal() || p.ID == "" {
		return Used{}, ErrChallenge
	}
	return a.checkChallenge(purpose, p.ID, challenge)
}

// verify checks an assertion and returns its counter.
func (a *Accounts) verify(p Person, signed []byte, as Assertion) (uint32, error) {
	if !p.HasPasskey() {
		return 0, ErrNoPasskey
	}
	if err := a.cfg.Verifier.VerifyAssertion(a.cfg.RelyingParty, p.Passkey.Key, signed, as); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrAssertion, err)
	}
	if len(as.AuthenticatorData) < atAAGUID {
		return 0, fmt.Errorf("authenticator data is too short: %w", ErrAssertion)
	}
	return binary.BigEndian.Uint32(as.AuthenticatorData[atCounter:]), nil
}

// suspect notes a counter that went back: somebody may have copied a passkey.
func (a *Accounts) suspect(ctx context.Context, err error) error {
	if errors.Is(err, ErrCounter) {
		a.cfg.Logger.WarnContext(ctx, "a passkey's counter went back; it may have been copied")
	}
	return err
}

// NewRecoveryCode replaces the recovery code, for somebody who is signed in and
// whose passkey signed the challenge, of purpose [RecoveryCode], as it stands.
// Errors are those of [Accounts.Confirm].
func (a *Accounts) NewRecoveryCode(ctx context.Context, p Person, challenge []byte, as Assertion) (string, error) {
	used, err := a.checkPersonal(p, RecoveryCode, challenge)
	if err != nil {
		return "", err
	}
	counter, err := a.verify(p, challenge, as)
	if err != nil {
		return "", err
	}
	code, err := a.newCode()
	if err != nil {
		return "", err
	}
	err = a.cfg.Store.SetRecovery(ctx, p.Passkey.CredentialID, counter, hashCode(p.ID, code), used)
	if err != nil {
		return "", a.suspect(ctx, err)
	}
	return code, nil
}

// Recovering is a request to replace a lost passkey.
type Recovering struct {
	Email     string
	Code      string
	Challenge []byte // with the purpose [Recovery]
	Passkey   NewPasskey
	Session   string // the token that the caller came with, if any; it ends
	Agent     string // what the caller's program calls itself
	Source    string // where the request comes from, as far as is known; bounds guessing
}

// followTickets is how long after a recovery tickets are looked for that are still
// bound to the old key: longer than an order can have been under way.
const followTickets = 2 * time.Hour

// Recover replaces a lost passkey by a new one, ends every session, moves the
// tickets to the new key and returns a new recovery code. An address without an
// account and a wrong code are the same [ErrRecovery]; after too many of either the
// error is a [*TooManyError]. The right code is never held back: guessing it is
// hopeless at any rate, and else strangers could shut its owner out by guessing. It may also wrap [ErrEmail], [ErrChallenge],
// [ErrPasskey] or [ErrKnownPasskey].
func (a *Accounts) Recover(ctx context.Context, r Recovering) (Entry, error) {
	email, err := NormaliseEmail(r.Email)
	if err != nil {
		return Entry{}, err
	}
	used, err := a.checkChallenge(Recovery, "", r.Challenge)
	if err != nil {
		return Entry{}, err
	}
	c, err := a.register(r.Passkey, r.Challenge)
	if err != nil {
		return Entry{}, err
	}
	acc, err := a.cfg.Store.Account(ctx, email)
	unknown := errors.Is(err, ErrUnknown)
	if err != nil && !unknown {
		return Entry{}, err
	}
	if !sameHash(hashCode(acc.ID, r.Code), acc.Recovery) || unknown {
		if wait := a.tries.take(r.Source, email); wait > 0 {
			return Entry{}, &TooManyError{After: wait}
		}
		return Entry{}, ErrRecovery
	}
	c.Account, c.Email = acc.ID, email
	e, s, err := a.enter(&c, r.Agent)
	if err != nil {
		return Entry{}, err
	}
	if e.RecoveryCode, err = a.newCode(); err != nil {
		return Entry{}, err
	}
	err = a.cfg.Store.Replace(ctx, Replacement{
		Old: acc.Recovery, New: hashCode(acc.ID, e.RecoveryCode), Credential: c, Session: s, Ended: hashToken(r.Session), Used: used,
		Follow: a.cfg.Now().Add(followTickets),
	})
	if err != nil {
		return Entry{}, err
	}
	a.cfg.Logger.InfoContext(ctx, "an account was recovered", slog.String("account", acc.ID))
	a.Follow(ctx, acc.ID) // what fails now is tried again by Run
	return e, nil
}
