package token

import "github.com/gagliardetto/solana-go"

// Outcome says what there is to do.
type Outcome uint8

// The outcomes.
const (
	Do        Outcome = iota + 1 // sign and send the instructions
	Done                         // it is as it should be
	Wait                         // what it builds on is not to be seen (yet): ask again
	Tombstone                    // the token was burned, and this cannot be done any more
	Conflict                     // the chain holds something else than it may: for a person
)

// Why says, with an outcome other than Do and Done, what is in the way: a stable word for
// a log.
type Why string

// The reasons.
const (
	Fine         Why = ""
	NoMint       Why = "no_mint"       // there is no such token
	NoGroup      Why = "no_group"      // there is no such collection
	AlreadyBurnt Why = "burned"        // the token is burned
	Foreign      Why = "foreign"       // the account belongs to another program
	NotOurs      Why = "not_ours"      // a mint of another authority, kind or supply
	Elsewhere    Why = "elsewhere"     // the token is in neither wallet that was named
	AlreadyFree  Why = "free"          // the token is free, and its holder's signature is not at hand
	StillHeld    Why = "held"          // the token is held, and can only be sent when it is free
	BadHolding   Why = "wrong_account" // what is at the wallet's address is not its account of this token
)

// Plan is what there is to do.
type Plan struct {
	Outcome Outcome
	Why     Why

	// Instructions do it, together in one transaction, with flags that solana-go's
	// NewTransaction orders correctly, see [Normalise]. They set no compute limit.
	Instructions []solana.Instruction

	// Signers are who signs besides the payer: the authority, a wallet, or nobody.
	Signers []Key

	// Rent is what the payer lays down in accounts with it, less what comes back.
	Rent int64

	// Bytes is the size of the signed transaction, with room for a compute limit and a
	// compute price.
	Bytes int
}

// Watch lists the accounts that have to be read for an ask: the mint first, then the
// wallets' token accounts, then the collection. Commit needs none.
func Watch(ask Ask) ([]Key, error) {
	return nil, ErrAsk
}

// Sizes lists the account sizes whose rent [PlanFor] will ask for.
func Sizes(ask Ask) []uint64 {
	return nil
}

// PlanFor says what is to do for an ask, given what the accounts of [Watch] were, in the
// same order, when they were read at one slot. Rent says how many lamports make an
// account of a size exempt from rent.
//
// An error wraps [ErrAsk], [ErrText], [ErrTooLarge] or [ErrUnreadable].
func PlanFor(ask Ask, roles Roles, seen []Account, rent func(size uint64) uint64) (Plan, error) {
	return Plan{}, ErrAsk
}
