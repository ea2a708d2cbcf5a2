// Package mint keeps each ticket's token on Solana what the ticket is: minted once,
// frozen in its holder's wallet, moved with the ticket, burned with a refund, and
// free once its holder has been in.
//
// It works towards a state, not through a list of orders: the store holds, for each
// ticket, what its token shall be ([Desire]) and what it is on chain as far as that is
// final ([Token]). Where the two differ, an [Action] is opened, one at a time for each
// token, and carried through the states of [State] by a [Worker], which finds out
// from the chain itself what is left to do. What is signed is on disk before it is
// sent; a token's address follows from its ticket, so that nothing that is repeated,
// by whomever, makes a second one.
//
// It decides nothing about tickets and holds up nobody: a sale, a transfer, a refund
// and a gate are done before this package hears of them, and none of them waits for
// it. What a token is made of stands in central/mint/token, how a cluster is spoken
// to in central/mint/chain, whose wallets are whose in central/mint/wallet.
//
// The store is trusted. A cluster's node is not: it may be behind, forget, lie about
// what it has not seen, or be another cluster altogether, see [ErrGenesis]. What it
// can do is delay; it holds no key.
//
// Amounts are integers in lamports, a SOL's 1,000,000,000th.
package mint

import (
	"errors"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// Errors of this package.
var (
	// ErrUnknownToken means that there is no token for the ticket, nor shall be.
	ErrUnknownToken = errors.New("no such token")

	// ErrStale means that an action or token has changed since its caller read it:
	// another worker, or another central, was there first.
	ErrStale = errors.New("changed by somebody else")

	// ErrGenesis means that a node is of another cluster than the one whose tokens
	// the store keeps.
	ErrGenesis = errors.New("node is of another cluster")
)

// Form is what a token is.
type Form string

// The forms, in the only order in which a token takes them.
const (
	None   Form = ""       // never minted
	Held   Form = "held"   // in its holder's wallet, who cannot move it
	Free   Form = "free"   // its holder may do with it as they like
	Burned Form = "burned" // its mint stays as a tombstone, and can mint nothing
)

// Mode says when tickets get their tokens.
type Mode string

// The modes.
const (
	Eager Mode = "eager" // with the sale
	Lazy  Mode = "lazy"  // when the holder asks; until then a root on chain stands for it
)

// Desire is what the token of a ticket shall be.
type Desire struct {
	Ticket  ticket.ID
	Event   ticket.EventID
	Account string // whose ticket it is
	Form    Form   // None while nobody has claimed it
	Owner   string // wallet address, base58; empty for None and Burned
}

// Token is the token of one ticket.
type Token struct {
	Ticket  ticket.ID
	Event   ticket.EventID
	Account string
	Address string // of the mint, base58

	// Claimed says that its holder has asked for it, which in [Lazy] mode makes it.
	Claimed bool

	Want      Form
	WantOwner string // wallet address; empty for None and Burned

	// Is and Owner are what is final on chain. Once Free, Owner is the last that was
	// known: who has it since is for the chain to say.
	Is    Form
	Owner string

	// Stuck is the reason why the last action failed for good; empty while there is
	// none, or after a retry. Nothing is done for a token that is stuck.
	Stuck Reason

	Changed time.Time
}

// Settled reports whether the token is what it shall be. A token that is free is
// nobody's to move any more.
func (t *Token) Settled() bool {
	return t.Want == t.Is && (t.Want != Held || t.WantOwner == t.Owner)
}

// Kind is what an action does.
type Kind string

// The kinds.
const (
	Mint    Kind = "mint"    // makes the token and puts it, held or free, into a wallet
	Move    Kind = "move"    // from one wallet to another, without either's signature
	Release Kind = "release" // makes it free
	Burn    Kind = "burn"
	Send    Kind = "send"   // a free token, from a wallet that is kept here, as its owner asks
	Commit  Kind = "commit" // writes the root of an event's ticket set
	Group   Kind = "group"  // makes the collection that an event's tokens are members of
)

// State is how far an action has come. An action goes from left to right, and back to
// Wanted where the chain has lost it.
type State string

// The states.
const (
	Wanted    State = "wanted"
	Prepared  State = "prepared"  // signed, and on disk with its signature; perhaps sent
	Sent      State = "sent"      // a node has taken it at least once
	Confirmed State = "confirmed" // in a block that most have voted for
	Finalized State = "finalized" // cannot be undone
	Failed    State = "failed"    // needs a person: see Reason
	Dropped   State = "dropped"   // not needed any more, and was never signed
)

// Open reports whether the worker has still to do with it.
func (s State) Open() bool { return s == Wanted || s == Prepared || s == Sent || s == Confirmed }

// Reason says why an action waits or has failed; a stable code for people's screens.
type Reason string

// The reasons.
const (
	NoReason   Reason = ""
	NoFunds    Reason = "no_funds"   // the fee payer is empty; goes on when it is not
	Conflict   Reason = "conflict"   // the chain holds something else than it may
	Tombstone  Reason = "tombstone"  // the token was burned and cannot be made again
	Refused    Reason = "refused"    // the program refuses the transaction
	TooLarge   Reason = "too_large"  // its data do not fit a transaction
	BadText    Reason = "bad_text"   // a name is no UTF-8, or too long
	NoWallet   Reason = "no_wallet"  // the key of a wallet that is kept here cannot be had
	TooOften   Reason = "too_often"  // was moved more often than anybody needs; goes on later
	GaveUp     Reason = "gave_up"    // too many attempts
	Unreadable Reason = "unreadable" // the chain's account cannot be understood
)

// Action is one thing that is done on chain.
type Action struct {
	ID     int64
	Kind   Kind
	Event  ticket.EventID
	Ticket ticket.ID // zero for [Commit] and [Group]
	Set    uint64    // version of the set, for [Commit]
	Root   [32]byte  // for [Commit]

	Form     Form   // that the token has afterwards
	From, To string // wallet addresses; From is empty for [Mint], To for [Burn]

	State   State
	Reason  Reason
	Attempt int       // how often it was signed
	Due     time.Time // when the worker looks at it again

	// Signature is that of the last signing, base58, and LastHeight the greatest block
	// height at which it can still get into a block. Wire is the transaction as it was
	// signed; nil once it is final.
	Signature  string
	LastHeight uint64
	Wire       []byte

	Slot uint64 // that it landed in; zero before

	// Fee is what its signatures and its priority cost, Rent what was laid down in
	// accounts, or, where negative, came back.
	Fee, Rent int64

	Created, Changed time.Time

	// Rev is the store's: it grows with each change, and a change names the one that it
	// was made from.
	Rev int64
}
