package token

import (
	"fmt"
	"slices"

	"github.com/gagliardetto/solana-go"
)

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
	Absurd       Why = "absurd"        // an account of the token is there, and the token is not
	AlreadyBurnt Why = "burned"        // the token is burned
	Foreign      Why = "foreign"       // the account belongs to another program
	NotOurs      Why = "not_ours"      // a mint of another authority, kind or supply
	Elsewhere    Why = "elsewhere"     // the token is in neither wallet that was named
	AlreadyFree  Why = "free"          // the token is free, and its holder's signature is not at hand
	StillHeld    Why = "held"          // the token is held, and can only be sent when it is free
	BadHolding   Why = "wrong_account" // what is at the wallet's address is not its account of this token
)

// MaxBytes is the size of the largest transaction that a node takes.
const MaxBytes = 1232

// maxMemo is the longest memo, in bytes.
const maxMemo = 512

// Plan is what there is to do.
type Plan struct {
	Outcome Outcome
	Why     Why

	// Instructions do it, together in one transaction, with flags that solana-go's
	// NewTransaction orders correctly, see [Normalise]. They set no compute limit.
	Instructions []solana.Instruction

	// Signers are who signs besides the payer: the authority, a wallet, both or nobody.
	Signers []Key

	// Rent is what the payer lays down in accounts with it, less what comes back.
	Rent int64

	// Bytes is the size of the signed transaction, with room for a compute limit and a
	// compute price.
	Bytes int
}

// PlanFor says what is to do for an ask, given what the accounts of [Watch] were, in the
// same order, when they were read at one slot. Rent says how many lamports make an
// account of a size exempt from rent; it is called for those of [Sizes].
//
// The same ask may be planned again and again: what is done already is left out, and
// instructions that were sent are refused by their programs when they are sent once
// more.
//
// An error wraps [ErrAsk], [ErrText], [ErrTooLarge], [ErrRent] or [ErrUnreadable].
func PlanFor(ask Ask, roles Roles, seen []Account, rent func(size uint64) uint64) (Plan, error) {
	if err := ask.check(roles); err != nil {
		return Plan{}, err
	}
	if ask.Kind == Commit {
		d := draft{roles: roles}
		d.add(memo(ask.Memo, roles.Authority))
		return d.plan()
	}
	s, err := look(ask, roles, seen)
	if err != nil {
		return Plan{}, err
	}
	if s.why != Fine {
		return Plan{Outcome: Conflict, Why: s.why}, nil
	}
	d := draft{roles: roles, price: rent}
	var p Plan
	switch ask.Kind {
	case Mint:
		p = d.mint(s)
	case Group:
		p = d.group(s)
	case Move:
		p = d.move(s)
	case Send:
		p = d.send(s)
	case Release:
		p = d.release(s)
	case Burn:
		p = d.burn(s)
	case Commit: // above
	}
	if p.Outcome != Do {
		return p, nil
	}
	if d.err != nil {
		return Plan{}, d.err
	}
	return d.plan()
}

// draft is a transaction in the making.
type draft struct {
	roles Roles
	price func(uint64) uint64
	list  []solana.Instruction
	rent  int64
	err   error // the first
}

func (d *draft) blame(err error) {
	if d.err == nil {
		d.err = err
	}
}

func (d *draft) add(list ...solana.Instruction) { d.list = append(d.list, list...) }

// settle ends a plan: with what is to do or, where there is nothing, as done.
func (d *draft) settle() Plan {
	if len(d.list) == 0 {
		return Plan{Outcome: Done}
	}
	return Plan{Outcome: Do}
}

// stop ends a plan with what is in the way.
func stop(o Outcome, why Why) Plan { return Plan{Outcome: o, Why: why} }

// plan makes the draft ready to be signed.
func (d *draft) plan() (Plan, error) {
	list, err := Normalise(d.list)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Outcome: Do, Instructions: list, Rent: d.rent}
	for _, ix := range list {
		for _, a := range ix.Accounts() {
			if a.IsSigner && a.PublicKey != d.roles.Payer && !slices.Contains(p.Signers, a.PublicKey) {
				p.Signers = append(p.Signers, a.PublicKey)
			}
		}
	}
	if p.Bytes, err = size(list, d.roles.Payer); err != nil {
		return Plan{}, err
	}
	if p.Bytes > MaxBytes {
		return Plan{}, fmt.Errorf("%w: a transaction of %d bytes", ErrTooLarge, p.Bytes)
	}
	return p, nil
}

// size returns how long the signed transaction is, with a compute limit and a price.
func size(list []solana.Instruction, payer Key) (int, error) {
	all := make([]solana.Instruction, 0, 2+len(list))
	all = append(all,
		solana.NewInstruction(solana.ComputeBudget, nil, make([]byte, 1+4)), // limit
		solana.NewInstruction(solana.ComputeBudget, nil, make([]byte, 1+8)), // price
	)
	tx, err := solana.NewTransaction(append(all, list...), solana.Hash{}, solana.TransactionPayer(payer))
	if err != nil {
		return 0, fmt.Errorf("assemble transaction: %w", err)
	}
	message, err := tx.Message.MarshalBinary()
	if err != nil {
		return 0, fmt.Errorf("encode transaction: %w", err)
	}
	return 1 + int(tx.Message.Header.NumRequiredSignatures)*solana.SignatureLength + len(message), nil
}
