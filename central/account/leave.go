package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Errors of a deletion: why an account stays.
var (
	ErrTicketsLeft = errors.New("a ticket for an event that is not over belongs to the account")
	ErrMoneyDue    = errors.New("an order of the account is being paid or refunded")
	ErrTokensLeft  = errors.New("a token that is the account's own lies in a wallet that is kept here")
)

// Room is another part of central that knows something of a person.
type Room interface {
	// Export returns all of it, as JSON is made of it. It holds nothing about others
	// but what the person was shown.
	Export(ctx context.Context, account string) (any, error)
}

// Held is what the account's own tables hold about a person.
type Held struct {
	Account  Account
	Role     Role
	Created  time.Time
	Changed  time.Time
	Verified time.Time // zero if never
	Passkeys []Credential
	Sessions []Session
	Letters  []Letter
}

// Export is all that central knows of a person, by room: "account" is this one's.
// Secrets are left out: they are kept as hashes, which say nothing.
func (a *Accounts) Export(ctx context.Context, id string) (map[string]any, error) {
	h, err := a.cfg.Store.Held(ctx, id)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"account": viewHeld(&h)}
	for name, r := range a.cfg.Rooms {
		if out[name], err = r.Export(ctx, id); err != nil {
			return nil, fmt.Errorf("export %s: %w", name, err)
		}
	}
	return out, nil
}

type heldView struct {
	ID       string        `json:"id"`
	Email    string        `json:"email"`
	Verified *time.Time    `json:"email_confirmed"`
	Role     Role          `json:"role"`
	Language Language      `json:"language"`
	Password bool          `json:"has_password"`
	Recovery bool          `json:"has_recovery_code"`
	Created  time.Time     `json:"created"`
	Changed  time.Time     `json:"changed"`
	Passkeys []passkeyView `json:"passkeys"`
	Sessions []sessionView `json:"sessions"`
	Letters  []letterView  `json:"letters"`
}

type passkeyView struct {
	ID         []byte    `json:"id"`
	PublicKey  string    `json:"public_key"`
	Transports []string  `json:"transports"`
	Counter    uint32    `json:"counter"`
	Created    time.Time `json:"created"`
	Used       time.Time `json:"last_used"`
	Revoked    bool      `json:"revoked"`
}

type sessionView struct {
	Agent   string    `json:"agent"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

type letterView struct {
	Topic   Topic     `json:"topic"`
	Email   string    `json:"email"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

func viewHeld(h *Held) heldView {
	v := heldView{
		ID: h.Account.ID, Email: h.Account.Email, Role: h.Role, Language: h.Account.Language,
		Password: h.Account.Password != "", Recovery: h.Account.Recovery != [32]byte{},
		Created: h.Created.UTC(), Changed: h.Changed.UTC(),
		Passkeys: make([]passkeyView, 0, len(h.Passkeys)), Sessions: make([]sessionView, 0, len(h.Sessions)), Letters: make([]letterView, 0, len(h.Letters)),
	}
	if !h.Verified.IsZero() {
		t := h.Verified.UTC()
		v.Verified = &t
	}
	for _, c := range h.Passkeys {
		v.Passkeys = append(v.Passkeys, passkeyView{
			ID: c.ID, PublicKey: c.Key.String(), Transports: append([]string{}, c.Transports...), Counter: c.Counter,
			Created: c.Created.UTC(), Used: c.Used.UTC(), Revoked: c.Revoked,
		})
	}
	for _, s := range h.Sessions {
		v.Sessions = append(v.Sessions, sessionView{Agent: s.Agent, Created: s.Created.UTC(), Expires: s.Expires.UTC()})
	}
	for _, l := range h.Letters {
		v.Letters = append(v.Letters, letterView{Topic: l.Topic, Email: l.Email, Created: l.Created.UTC(), Expires: l.Expires.UTC()})
	}
	return v
}

// Delete forgets somebody who is signed in and shows that it is still them, with
// the purpose [DeleteAccount] or by their password. Address, passkeys, sessions,
// password, identifier and credentials are gone when it returns; what is left is the
// account's random id in the sale's books. Backups keep what they held, and so do the
// database's own log, which is written over in turn, and letters in a folder. The error wraps [ErrTicketsLeft],
// [ErrMoneyDue] or [ErrTokensLeft], or is that of the proof.
func (a *Accounts) Delete(ctx context.Context, p Person, by Proof) error {
	if err := a.prove(ctx, p, DeleteAccount, by); err != nil {
		return err
	}
	acc, err := a.cfg.Store.ByID(ctx, p.ID)
	if err != nil {
		return err
	}
	var l Letter
	if acc.Verified && a.cfg.Mail != nil {
		if l, err = a.newLetter(LetterDeleted, acc.Email, acc.ID, acc.Language); err != nil {
			return err
		}
	}
	if err := a.cfg.Store.Delete(ctx, p.ID, l); err != nil {
		return err
	}
	a.poke()
	a.cfg.Logger.InfoContext(ctx, "an account was deleted", slog.String("account", p.ID))
	return nil
}
