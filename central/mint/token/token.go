// Package token is what a ticket's token is made of: a Token-2022 mint with a supply of
// one, its text, and the account of its holder.
//
// It says which accounts have to be read ([Watch]), and, of what was read, what is still
// to do ([PlanFor]): instructions that together do it in one transaction, or that there
// is nothing left to do, or why it cannot be done. It is pure. It speaks to no node,
// holds no key, signs nothing and keeps nothing; neither does it know tickets, sales or
// accounts of people.
//
// A token has three forms. [Held]: each account of its mint is born frozen, so that the
// holder can neither transfer, burn, approve nor give the account away, while the
// authority, as permanent delegate, can move and burn it. [Free]: accounts are born
// open, and there is no permanent delegate any more; the holder does with it as they
// like. [Burned]: the supply is none, and as the mint authority was given up when the
// token was minted it stays none; its mint remains as a
// tombstone, which nobody can close, so that there can be no second one at its address.
//
// What the authority keeps for good, and what with it:
//
//   - to freeze and thaw, because an account that was opened while the token was held
//     stays frozen when the token becomes free, and somebody has to thaw it. A token
//     that is minted free has no such authority at all.
//   - to close the mint of a burned token. Nothing here does: after that the address
//     could be minted at again.
//   - to write its text, so that its link can follow the platform to another name.
//
// What the accounts hold is other people's: anybody may send lamports to any address,
// and open accounts of any mint for any owner. The bytes are decoded strictly, see
// [ReadMint], and what is not exactly as it should be is a [Conflict], never overwritten.
package token

import (
	"errors"

	"github.com/gagliardetto/solana-go"
)

// Errors of this package.
var (
	// ErrText means that a text is not UTF-8, or has control characters in it.
	ErrText = errors.New("text cannot be put on chain")

	// ErrTooLarge means that the text does not fit one transaction.
	ErrTooLarge = errors.New("token's text is too large")

	// ErrRent means that a node says an account costs what it cannot.
	ErrRent = errors.New("rent is out of all proportion")

	// ErrUnreadable means that an account's data are not what its program writes.
	ErrUnreadable = errors.New("account cannot be understood")

	// ErrAsk means that what is asked for, or what was read for it, makes no sense: an
	// error of the caller's.
	ErrAsk = errors.New("nothing that can be planned")
)

// Key is an account's address on Solana, or a public key.
type Key = solana.PublicKey

// Kind is what is to be done.
type Kind uint8

// The kinds. Each is one transaction.
const (
	Mint    Kind = iota + 1 // make the token, held or free, in To's account
	Move                    // from From's account to To's, by the permanent delegate
	Release                 // make it free, in From's account
	Burn                    // burn it in From's account
	Send                    // a free token, from From's account to To's; From signs
	Commit                  // write a memo
	Group                   // make the collection that an event's tokens are members of
)

// Form is what a token is.
type Form uint8

// The forms, in the only order in which a token takes them.
const (
	None   Form = iota // no mint
	Held               // its holder cannot move it
	Free               // its holder may do with it as they like
	Burned             // a mint without supply, and without anybody who could mint
)

// Roles are the platform's two keys.
type Roles struct {
	// Payer pays fees and rent, and gets back the rent of what is closed. It may be the
	// authority.
	Payer Key

	// Authority mints, freezes, and is permanent delegate. Mint addresses are derived
	// from it.
	Authority Key
}

// Ask is what is wanted.
type Ask struct {
	Kind Kind

	// Mint is the address of the token's mint, or, for [Group], of the collection's.
	// Commit has none.
	Mint Key

	// Form is what the token shall be afterwards: for [Mint] and [Move] Held or Free.
	// The other kinds have it in their name.
	Form Form

	// From and To are wallets, not token accounts.
	From, To Key

	// FromSigns says that From's key is at hand. Then an account that is emptied is
	// closed and its rent goes to the payer, and a token that is free can be burned. Send
	// needs it and implies it.
	FromSigns bool

	// Spec is what the token, or collection, is made of; for [Mint] and [Group] only.
	Spec Spec

	// Memo is what [Commit] writes.
	Memo string
}

// Account is what a node says of an address. One without lamports is not there.
type Account struct {
	Key      Key
	Owner    Key // the program whose it is
	Lamports uint64
	Data     []byte
}

// Absent reports whether there is no such account.
func (a *Account) Absent() bool { return a.Lamports == 0 && len(a.Data) == 0 }
