package mint

import (
	"context"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// Store is the mint's memory. Each method is one transaction, durable when it
// returns. "Now" is the store's clock.
type Store interface {
	Tokens
	Actions
	Roots
	Differences
}

// Tokens keeps what each token shall be and is.
type Tokens interface {
	// Facts says what the tickets are now; those that are unknown are left out.
	Facts(ctx context.Context, ids []ticket.ID) ([]Fact, error)

	// Wish stores what tokens shall be. A new token gets the address that mint makes
	// of its ticket. What is wished of a token that is burned, or is to be, or is free,
	// changes nothing but towards [Burned] or [Free].
	Wish(ctx context.Context, wishes []Desire, address func(ticket.ID) string) error

	// Claim notes that the holder wants the token, which must be account's, or returns
	// [ErrUnknownToken].
	Claim(ctx context.Context, account string, id ticket.ID) (Token, error)

	// Token returns a token, or [ErrUnknownToken].
	Token(ctx context.Context, id ticket.ID) (Token, error)

	// TokenAt returns the token of a mint address, or [ErrUnknownToken].
	TokenAt(ctx context.Context, address string) (Token, error)

	// TokensOf lists an account's tokens that are not burned.
	TokensOf(ctx context.Context, account string) ([]Token, error)

	// TokensAfter lists tokens in ascending order of tickets, for reconciling.
	TokensAfter(ctx context.Context, after ticket.ID, limit int) ([]Token, error)
}

// Fact is what a ticket is, as far as its token depends on it.
type Fact struct {
	Ticket   ticket.Ticket
	Status   ticket.Status
	Account  string // whose it is; empty for nobody's
	Admitted bool   // a gate's admission of it stands in the ledger
	Token    Token  // what is kept of its token; zero Ticket for none
}

// Actions keeps what is being done.
type Actions interface {
	// Unsettled lists at most limit tokens that are not what they shall be, are not
	// stuck, and have no open action, the oldest first.
	Unsettled(ctx context.Context, limit int) ([]Token, error)

	// Begin opens actions, each in state [Wanted], and returns those that it opened
	// with their numbers. One is left out whose token has an open action, or, for
	// [Commit], whose set has an action at all, or, for [Group], whose event has one
	// that has not failed.
	Begin(ctx context.Context, actions []Action) ([]Action, error)

	// Due lists at most limit open actions whose time has come, the oldest first.
	Due(ctx context.Context, limit int) ([]Action, error)

	// Save stores changed actions, each if it is as its Rev says, and returns the new
	// ones in the same order; one that was not is returned with an ID of zero. An action
	// that is now [Finalized] gives its token its form and owner in the same
	// transaction, one that has [Failed] makes it stuck.
	Save(ctx context.Context, actions []Action) ([]Action, error)

	// History lists a token's actions, newest first.
	History(ctx context.Context, id ticket.ID, limit int) ([]Action, error)

	// FailedActions lists those that need a person, oldest first.
	FailedActions(ctx context.Context, after int64, limit int) ([]Action, error)

	// Retry makes the tokens of failed actions, all of them or one ticket's, be tried
	// anew, and says how many there were. The failed actions stay as they are.
	Retry(ctx context.Context, id ticket.ID, all bool) (int, error)

	// Recheck lists at most limit actions after a number that became final since a
	// time: what a fork beyond finality would have undone.
	Recheck(ctx context.Context, since time.Time, after int64, limit int) ([]Action, error)

	// Tally counts tokens by form and actions by state, and sums up what was paid.
	Tally(ctx context.Context) (Tally, error)

	// Cluster returns the genesis hash that the store's tokens live under, and keeps
	// this one if there is none yet. Both are base58.
	Cluster(ctx context.Context, genesis string) (string, error)
}

// Tally is what a dashboard shows.
type Tally struct {
	Forms     map[Form]int64
	Unsettled int64
	Stuck     int64
	Actions   map[State]int64
	Fees      int64 // lamports, of all that is final
	Rent      int64
}

// Roots keeps what was committed of ticket sets.
type Roots interface {
	// KeepRoot stores the root of a set with those of its chunks, once.
	KeepRoot(ctx context.Context, r Root) error

	// RootOf returns the root of a set, and false if there is none; LastRoot that of
	// the newest set of an event whose commitment is final.
	RootOf(ctx context.Context, event ticket.EventID, version uint64) (Root, bool, error)
	LastRoot(ctx context.Context, event ticket.EventID) (Root, Action, bool, error)
}

// Root stands for all tickets of one version of an event's ticket set.
type Root struct {
	Event   ticket.EventID
	Version uint64
	Root    [32]byte
	Chunks  [][32]byte // roots of the set's chunks, in order
}

// Differences keeps what was found on chain to be other than it is kept here.
type Differences interface {
	// NoteDifferences replaces what is noted of tickets that were looked at by what was
	// found of them, which is usually nothing.
	NoteDifferences(ctx context.Context, looked []ticket.ID, found []Difference) error

	// DifferencesAfter lists them in ascending order of ticket, event, address and what,
	// after one of which nothing else counts. Those that have no ticket come first.
	DifferencesAfter(ctx context.Context, after Difference, limit int) ([]Difference, error)
}
