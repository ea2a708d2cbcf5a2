package account

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"

	"github.com/con-ting/conting/central/work"
)

// Joining is a request for an account with a password.
type Joining struct {
	Email    string
	Language Language
	Work     string // proof of work, where one is due; see [Terms]
	Source   string // address that the request comes from, as far as is known
}

// Terms is what signing up takes.
type Terms struct {
	Letters  bool // whether there is any way but a passkey
	WorkBits int
}

// WorkPurpose is what the proof of work for an account or a letter is for; its
// subject is the address, normalised.
const WorkPurpose = "account"

// Joins says what signing up takes.
func (a *Accounts) Joins() Terms {
	return Terms{Letters: a.cfg.Mail != nil, WorkBits: a.cfg.WorkBits}
}

// admit bounds accounts that are made and letters that are ordered.
func (a *Accounts) admit(email, proof, source string) error {
	if !work.Check(WorkPurpose, email, a.cfg.WorkBits, proof, a.cfg.Now()) {
		return ErrWork
	}
	if wait := a.joins.take(prefix(source), ""); wait > 0 {
		return &TooManyError{After: wait}
	}
	return nil
}

// Join orders a letter with which an account can be made, see [Accounts.ConfirmJoin].
// The answer is the same whoever has the address. The error wraps [ErrEmail],
// [ErrWork] or [ErrNoMail], or is a [*TooManyError].
func (a *Accounts) Join(ctx context.Context, r Joining) error {
	return a.askLetter(ctx, LetterJoin, r)
}

// AskReset orders a letter with which a new password can be set, see
// [Accounts.ConfirmReset], if the address has an account whose owner confirmed it.
// Answer and errors are those of [Accounts.Join].
func (a *Accounts) AskReset(ctx context.Context, r Joining) error {
	return a.askLetter(ctx, LetterReset, r)
}

func (a *Accounts) askLetter(ctx context.Context, t Topic, r Joining) error {
	email, err := NormaliseEmail(r.Email)
	if err != nil {
		return err
	}
	if err := a.admit(email, r.Work, r.Source); err != nil {
		return err
	}
	return a.order(ctx, t, email, "", r.Language)
}

// Linked is what somebody brings who opened a letter's link.
type Linked struct {
	Token    string // of the link
	Password string // new
	Session  string // the token that the caller came with, if any; it ends
	Agent    string // what the caller's program calls itself
}

// ConfirmJoin makes an account whose address is confirmed, and signs the person in.
// It has no passkey yet. An account that had the address without ever confirming it
// loses it: its passkey still lets its owner in, the address no longer does. The
// error wraps [ErrLetter], also if there is a confirmed account by now, or
// [ErrBusy], or is a [*WeakError].
func (a *Accounts) ConfirmJoin(ctx context.Context, r Linked) (Entry, error) {
	l, hash, err := a.openWithPassword(ctx, LetterJoin, r)
	if err != nil {
		return Entry{}, err
	}
	raw, err := a.random(16)
	if err != nil {
		return Entry{}, err
	}
	acc := Account{ID: hex.EncodeToString(raw), Email: l.Email, Verified: true, Password: hash, Language: l.Language}
	s, token, err := a.newSession(acc.ID, nil, r.Agent)
	if err != nil {
		return Entry{}, err
	}
	err = a.cfg.Store.AddPasswordAccount(ctx, acc, s, hashToken(r.Session), l.ID)
	if errors.Is(err, ErrExists) {
		err = ErrLetter // somebody came first; that there is one was said by letter
	}
	if err != nil {
		return Entry{}, err
	}
	p := Person{ID: acc.ID, Email: acc.Email, Verified: true, Role: Attendee, Password: true}
	return Entry{Person: p, Token: token, Expires: s.Expires}, nil
}

// openWithPassword checks link and password, and hashes the password.
func (a *Accounts) openWithPassword(ctx context.Context, t Topic, r Linked) (Letter, string, error) {
	l, err := a.openLetter(ctx, t, r.Token)
	if err != nil {
		return Letter{}, "", err
	}
	hash, err := a.newPassword(ctx, r.Password, l.Email)
	return l, hash, err
}

// newPassword checks and hashes a new password.
func (a *Accounts) newPassword(ctx context.Context, password, email string) (string, error) {
	if err := checkPassword(password, email); err != nil {
		return "", err
	}
	leave, err := a.hasher.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return a.hasher.hash(password)
}

// PasswordSignIn is a request to be let in with a password.
type PasswordSignIn struct {
	Email    string
	Password string
	Session  string // the token that the caller came with, if any; it ends
	Agent    string // what the caller's program calls itself
	Source   string // address that the request comes from, as far as is known
}

// EnterWithPassword signs a person in. An address without an account, one without a
// password, and a wrong password are the same [ErrPassword] and take the same time;
// after too many of them the error is a [*TooManyError], whoever has the address. It
// may also wrap [ErrEmail] or [ErrBusy].
func (a *Accounts) EnterWithPassword(ctx context.Context, r PasswordSignIn) (Entry, error) {
	email, err := NormaliseEmail(r.Email)
	if err != nil {
		return Entry{}, err
	}
	tries := a.attempts(email, r.Source)
	acc, next, err := a.tryPassword(ctx, email, r.Password, tries)
	if err != nil {
		return Entry{}, err
	}
	s, token, err := a.newSession(acc.ID, nil, r.Agent)
	if err != nil {
		return Entry{}, err
	}
	if err := a.cfg.Store.OpenPasswordSession(ctx, s, hashToken(r.Session), acc.Password, next, tries); err != nil {
		return Entry{}, err
	}
	p, _, err := a.cfg.Store.Session(ctx, s.Hash)
	return Entry{Person: p, Token: token, Expires: s.Expires}, err
}

// tryPassword counts a try and checks a password. If it is right, next is a new hash
// for it where the kept one is out of date, else empty; the caller forgives the
// try.
func (a *Accounts) tryPassword(ctx context.Context, email, password string, tries []Attempt) (acc Account, next string, err error) {
	leave, err := a.hasher.enter(ctx)
	if err != nil {
		return Account{}, "", err
	}
	defer leave()
	wait, err := a.cfg.Store.Try(ctx, tries)
	if err != nil {
		return Account{}, "", err
	}
	if wait > 0 {
		return Account{}, "", &TooManyError{After: wait}
	}
	acc, err = a.cfg.Store.Account(ctx, email)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return Account{}, "", err
	}
	if len(password) > MaxPassword { // nobody's, so it need not be hashed
		password = ""
	}
	same, old := a.hasher.verify(password, acc.Password)
	if !same {
		return Account{}, "", ErrPassword
	}
	if old {
		next, err = a.hasher.hash(password)
	}
	return acc, next, err
}

// ConfirmReset sets a new password for the account whose address a letter went to,
// ends all its sessions and signs the person in. The passkey, if there is one, stays
// as it is: a mailbox alone moves no ticket. The error wraps [ErrLetter] or
// [ErrBusy], or is a [*WeakError].
func (a *Accounts) ConfirmReset(ctx context.Context, r Linked) (Entry, error) {
	l, hash, err := a.openWithPassword(ctx, LetterReset, r)
	if err != nil {
		return Entry{}, err
	}
	acc, err := a.cfg.Store.Account(ctx, l.Email)
	if errors.Is(err, ErrUnknown) || err == nil && !acc.Verified {
		err = ErrLetter
	}
	if err != nil {
		return Entry{}, err
	}
	s, token, err := a.newSession(acc.ID, nil, r.Agent)
	if err != nil {
		return Entry{}, err
	}
	if err := a.cfg.Store.ResetPassword(ctx, hash, s, hashToken(r.Session), l.ID, a.attempts(l.Email, "")); err != nil {
		return Entry{}, err
	}
	a.cfg.Logger.InfoContext(ctx, "a password was set by letter", slog.String("account", acc.ID))
	a.notify(ctx, LetterPassword, acc)
	p, _, err := a.cfg.Store.Session(ctx, s.Hash)
	return Entry{Person: p, Token: token, Expires: s.Expires}, err
}

// Proof is how somebody who is signed in shows that it is still them: by their
// passkey if Challenge is set, else by their password.
type Proof struct {
	Challenge []byte // with the purpose of what it is for
	Assertion Assertion
	Password  string
	Source    string // address that the request comes from, as far as is known
}

// prove checks a proof. Errors are those of [Accounts.Confirm], or [ErrPassword],
// [ErrBusy] and [*TooManyError].
func (a *Accounts) prove(ctx context.Context, p Person, purpose Purpose, by Proof) error {
	if len(by.Challenge) > 0 {
		return a.Confirm(ctx, p, purpose, by.Challenge, by.Challenge, by.Assertion)
	}
	acc, err := a.cfg.Store.ByID(ctx, p.ID)
	if err != nil {
		return err
	}
	tries := a.attempts(acc.Email, by.Source)
	got, _, err := a.tryPassword(ctx, acc.Email, by.Password, tries)
	if err != nil {
		return err
	}
	if got.ID != p.ID { // the address has gone over to another account
		return ErrPassword
	}
	return a.cfg.Store.Forgive(ctx, tries)
}

// ChangePassword sets a password for somebody who is signed in and shows that it is
// still them, by the old one or, with the purpose [NewPassword], by their passkey.
// Every session but that of the token ends. The error is that of the proof, or a
// [*WeakError].
func (a *Accounts) ChangePassword(ctx context.Context, p Person, password, token string, by Proof) error {
	if err := checkPassword(password, p.Email); err != nil {
		return err
	}
	if err := a.prove(ctx, p, NewPassword, by); err != nil {
		return err
	}
	hash, err := a.newPassword(ctx, password, p.Email)
	if err != nil {
		return err
	}
	if err := a.cfg.Store.SetPassword(ctx, p.ID, hash, hashToken(token)); err != nil {
		return err
	}
	acc, err := a.cfg.Store.ByID(ctx, p.ID)
	if err == nil {
		a.notify(ctx, LetterPassword, acc)
	}
	return err
}

// SendVerification orders a letter with which somebody who is signed in confirms
// their address. It does nothing for one that is confirmed. The error wraps
// [ErrNoMail], or is a [*TooManyError].
func (a *Accounts) SendVerification(ctx context.Context, p Person, lang Language, source string) error {
	if p.Verified || p.Email == "" {
		return nil
	}
	if wait := a.joins.take(prefix(source), ""); wait > 0 {
		return &TooManyError{After: wait}
	}
	return a.order(ctx, LetterVerify, p.Email, p.ID, lang)
}

// ConfirmEmail uses up the link of such a letter, for whoever is signed in to the
// account that it is about: somebody who opens a letter that a stranger ordered
// must not lend that stranger their address. The error wraps [ErrLetter].
func (a *Accounts) ConfirmEmail(ctx context.Context, p Person, token string) error {
	l, err := a.openLetter(ctx, LetterVerify, token)
	if err != nil {
		return err
	}
	if l.Account != p.ID {
		return ErrLetter
	}
	return a.cfg.Store.Verify(ctx, l.ID)
}

// AddingPasskey is a request for the first passkey of an account that has none.
type AddingPasskey struct {
	Challenge []byte // with the purpose [AddPasskey]
	Passkey   NewPasskey
	Proof     Proof  // with the password
	Session   string // the token that the caller came with; it ends
	Agent     string // what the caller's program calls itself
}

// AddPasskey gives an account its first passkey and a recovery code, and signs the
// person in with it. An account that has one keeps it: replacing it takes the
// recovery code ([Accounts.Recover]), since tickets go with it. The error wraps
// [ErrChallenge], [ErrPasskey], [ErrKnownPasskey], [ErrHasPasskey], or is that of
// the proof.
func (a *Accounts) AddPasskey(ctx context.Context, p Person, r AddingPasskey) (Entry, error) {
	used, err := a.checkPersonal(p, AddPasskey, r.Challenge)
	if err != nil {
		return Entry{}, err
	}
	if p.HasPasskey() {
		return Entry{}, ErrHasPasskey
	}
	c, err := a.register(r.Passkey, r.Challenge)
	if err != nil {
		return Entry{}, err
	}
	r.Proof.Challenge = nil // there is no passkey that could have signed
	if err := a.prove(ctx, p, AddPasskey, r.Proof); err != nil {
		return Entry{}, err
	}
	c.Account, c.Email, c.Verified, c.Role, c.Password = p.ID, p.Email, p.Verified, p.Role, true
	e, s, err := a.enter(&c, r.Agent)
	if err != nil {
		return Entry{}, err
	}
	if e.RecoveryCode, err = a.newCode(); err != nil {
		return Entry{}, err
	}
	if err := a.cfg.Store.AddPasskey(ctx, c, hashCode(p.ID, e.RecoveryCode), s, hashToken(r.Session), used); err != nil {
		return Entry{}, err
	}
	if acc, err := a.cfg.Store.ByID(ctx, p.ID); err == nil {
		a.notify(ctx, LetterPasskey, acc)
	}
	return e, nil
}
