package account

import (
	"context"
	"time"
)

// PasswordStore is what of [Store] is about passwords.
type PasswordStore interface {
	// AddPasswordAccount uses a letter up, stores an account with a confirmed address
	// and its password, and opens a session. If the address has an account whose owner
	// confirmed it, it is [ErrExists]; one that only claimed the address loses it. A
	// letter that was used, or has ended, is [ErrLetter].
	AddPasswordAccount(ctx context.Context, a Account, s Session, ended [32]byte, l LetterID) error

	// Try counts one more try for each, unless one of them must still wait: then
	// nothing is counted and the longest wait is returned. Counts that are older than
	// [AttemptsForgotten] begin anew.
	Try(ctx context.Context, tries []Attempt) (wait time.Duration, err error)

	// OpenPasswordSession stores a session and ends the one with the hash ended, takes
	// the counts of tries back – the first is forgotten, the others lose one – and
	// replaces the password's hash by next unless that is empty. If kept is no longer
	// the hash it is [ErrPassword].
	OpenPasswordSession(ctx context.Context, s Session, ended [32]byte, kept, next string, tries []Attempt) error

	// Forgive takes the counts of tries back as OpenPasswordSession does.
	Forgive(ctx context.Context, tries []Attempt) error

	// SetPassword stores a password's hash, ends every session of the account but the
	// one to keep, and forgets the letters that would set another.
	SetPassword(ctx context.Context, account, hash string, keep [32]byte) error

	// ResetPassword uses a letter up, and is then SetPassword with a new session and
	// without one to keep. The account must be the letter's and the address still
	// confirmed; otherwise it is [ErrLetter]. It forgets the tries.
	ResetPassword(ctx context.Context, hash string, s Session, ended [32]byte, l LetterID, tries []Attempt) error

	// AddPasskey stores the first passkey of an account with a recovery hash and a new
	// session. If one is in force it is [ErrHasPasskey]; one that was ever seen is
	// [ErrKnownPasskey]. Of the sessions, the one with the hash ended ends.
	AddPasskey(ctx context.Context, c Credential, recovery [32]byte, s Session, ended [32]byte, u Used) error
}

// LetterStore is what of [Store] is about letters.
type LetterStore interface {
	// AddLetter stores a letter to be sent as soon as may be, unless there are most of
	// that topic to that address which have not ended, or it is there already: then
	// it does nothing.
	AddLetter(ctx context.Context, l Letter, most int) error

	// ClaimLetters returns at most limit letters that are due and makes them due again
	// at a later time, so that nobody else sends them meanwhile; Tries counts this one.
	// It forgets letters that have ended.
	ClaimLetters(ctx context.Context, limit int, again time.Time) ([]Letter, error)

	// Posted says that a letter need not be sent again; Postpone when to try again.
	Posted(ctx context.Context, id LetterID) error
	Postpone(ctx context.Context, id LetterID, due time.Time) error

	// Letter returns a letter that has neither ended nor been used, or [ErrLetter].
	Letter(ctx context.Context, id LetterID) (Letter, error)

	// Verify uses a letter up and notes that its account's owner reads what is sent to
	// the address, if that is still the account's. Otherwise it is [ErrLetter].
	Verify(ctx context.Context, l LetterID) error
}

// PersonStore is what of [Store] is about people and what they may ask for.
type PersonStore interface {
	// Sessions lists the sessions of an account that have not ended, newest first.
	// EndSessions ends all but the one to keep.
	Sessions(ctx context.Context, account string) ([]Session, error)
	EndSessions(ctx context.Context, account string, keep [32]byte) error

	// SetRole gives a role to the account whose confirmed address it is, ends its
	// sessions, and returns it; or [ErrUnknown].
	SetRole(ctx context.Context, email string, r Role) (account string, err error)

	// Held returns everything that these tables hold about an account.
	Held(ctx context.Context, account string) (Held, error)

	// Delete forgets a person. While a ticket for an event that is not over is theirs
	// it is [ErrTicketsLeft], while money is due to or from them [ErrMoneyDue], while a
	// token that is theirs to send lies in a wallet whose key would be gone
	// [ErrTokensLeft], and nothing changes. What the sale's books say of the account's
	// random id stays. The letter, if its purpose is not empty, is stored to be sent.
	Delete(ctx context.Context, account string, l Letter) error
}
