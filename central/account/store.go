package account

import (
	"context"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// Account is a person as kept.
type Account struct {
	ID       string
	Email    string   // normalised; one account each
	Verified bool     // whether its owner has shown to read what is sent there
	Recovery [32]byte // hash of the recovery code; zero for none
	Password string   // hash in the PHC string format; empty for none
	Language Language // of the letters
}

// Credential is a passkey as kept. One that was replaced stays as revoked, so that
// it is never taken for a new one.
type Credential struct {
	ID         []byte
	Account    string
	Email      string // of the account
	Key        ticket.HolderKey
	Counter    uint32   // the highest seen here; zero for authenticators that keep none
	Transports []string // as the browser reported them, for a later prompt
	Created    time.Time
	Used       time.Time // last time it signed in or confirmed something
	Revoked    bool

	Verified bool // as in [Person]
	Role     Role
	Password bool
}

func (c *Credential) person() Person {
	if !c.Role.Known() {
		c.Role = Attendee
	}
	return Person{
		ID: c.Account, Email: c.Email, Passkey: Passkey{CredentialID: c.ID, Key: c.Key},
		Verified: c.Verified, Role: c.Role, Password: c.Password,
	}
}

// Session lets the bearer of a token act for an account.
type Session struct {
	Hash       [32]byte // SHA-256 of the token
	Account    string
	Credential []byte // passkey that it was opened with, and ends with; nil for a password
	Agent      string // what it was opened with, as the program calls itself
	Created    time.Time
	Expires    time.Time
}

// Used is a challenge that is used up.
type Used struct {
	Challenge []byte
	Expires   time.Time // after which nobody need remember it
}

// Replacement is a passkey that takes the place of all others of an account.
type Replacement struct {
	Old, New   [32]byte // hashes of recovery codes: the one shown, and the next
	Credential Credential
	Session    Session
	Ended      [32]byte // the session that the caller came with, of whomever
	Used       Used
	Follow     time.Time // until when tickets are looked for that must follow
}

// Rekey is a key of an account that was replaced while tickets may be bound to it.
type Rekey struct {
	Account  string
	From, To ticket.HolderKey
	Expires  time.Time // after which no ticket can come to be bound to From
}

// Store is the memory of this package. Every method is one transaction that holds
// wholly or not at all, and is durable when it returns. "Now" is the store's
// clock. A challenge that was used before is [ErrChallenge], and nothing changes.
type Store interface {
	PasswordStore
	LetterStore
	PersonStore

	// AddAccount stores an account with its first passkey and session; the session
	// with the hash ended, if there is one, ends. If the e-mail has an account it is
	// [ErrExists]; if credential id or key were ever seen, [ErrKnownPasskey].
	AddAccount(ctx context.Context, a Account, c Credential, s Session, ended [32]byte, u Used) error

	// Account returns the account of a normalised e-mail, or [ErrUnknown]; ByID
	// that of an id.
	Account(ctx context.Context, email string) (Account, error)
	ByID(ctx context.Context, account string) (Account, error)

	// Credential returns one passkey, or [ErrUnknown]; Credentials all of an
	// account, newest first.
	Credential(ctx context.Context, id []byte) (Credential, error)
	Credentials(ctx context.Context, account string) ([]Credential, error)

	// Use notes that a passkey signed with that counter. Unless it is higher than
	// the last, or both are zero, it is [ErrCounter]; if the passkey is not in
	// force, [ErrUnknown].
	Use(ctx context.Context, credential []byte, counter uint32, u Used) error

	// OpenSession is Use, and stores a session; ended is as above. Of many sessions
	// of an account the oldest end.
	OpenSession(ctx context.Context, counter uint32, s Session, ended [32]byte, u Used) error

	// Session returns who has a session, with the passkey that opened it or else the
	// one that is in force, if there is one, and when it ends; or [ErrSignedOut]. In a
	// session that no passkey opened everybody is an attendee.
	Session(ctx context.Context, hash [32]byte) (Person, time.Time, error)

	// ExtendSession moves the end of a session that has not ended.
	ExtendSession(ctx context.Context, hash [32]byte, expires time.Time) error

	// EndSession ends a session if it exists.
	EndSession(ctx context.Context, hash [32]byte) error

	// Replace revokes every passkey of the account, ends every session, stores the
	// new ones, and notes each old key for [Store.Rekeys] to name. Unless Old is
	// the recovery hash it is [ErrRecovery], so of two with one code one wins; a
	// passkey that was ever seen is [ErrKnownPasskey].
	Replace(ctx context.Context, r Replacement) error

	// SetRecovery is Use, and stores the hash of a new recovery code.
	SetRecovery(ctx context.Context, credential []byte, counter uint32, recovery [32]byte, u Used) error

	// Rekeys lists at most limit keys whose tickets must follow, oldest first: of one
	// account, or of all for "". EndRekey forgets one whose time is over, unless an
	// order for it is still being paid.
	Rekeys(ctx context.Context, account string, limit int) ([]Rekey, error)
	EndRekey(ctx context.Context, k Rekey) error
}
