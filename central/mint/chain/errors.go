package chain

import (
	"errors"
	"fmt"
)

// Errors of this package. Those of a call wrap one of them, or are a [*ProgramError] or
// the context's.
var (
	// ErrBusy means that every node has had enough for now (429).
	ErrBusy = errors.New("nodes are busy")

	// ErrUnavailable means that no node gave an answer that could be used.
	ErrUnavailable = errors.New("no node answers")

	// ErrBehind means that every node that answers is behind what was seen, or what
	// was asked for.
	ErrBehind = errors.New("nodes are behind")

	// ErrGenesis means that the nodes are of another cluster.
	ErrGenesis = errors.New("node is of another cluster")

	// ErrRejected means that a node understands a request and says no: a transaction
	// that is no transaction, or whose signatures are wrong. Asking again does not help.
	ErrRejected = errors.New("node rejects the request")

	// ErrExpired means that no node knows the transaction's block hash: it is too old,
	// or too new for nodes that are behind. It is no proof that the transaction cannot
	// land any more, see [Client.Tip].
	ErrExpired = errors.New("block hash is not known")

	// ErrProcessed means that this very transaction is in a block already.
	ErrProcessed = errors.New("transaction was processed already")

	// ErrNoFunds means that the fee payer has too little.
	ErrNoFunds = errors.New("fee payer has too little")

	// ErrTooLarge means that a transaction is longer than [MaxWire].
	ErrTooLarge = errors.New("transaction is too large")

	// ErrSigner means that a signature that a transaction needs cannot be had.
	ErrSigner = errors.New("signature cannot be had")

	// ErrKeyFile is a file that is no Solana key.
	ErrKeyFile = errors.New("not a Solana key file (a JSON array of 64 numbers)")
)

// What a node's answer can mean besides, for choosing what to do next.
var (
	errElsewhere = errors.New("not at this node")        // ask another, do not rest this
	errDenied    = errors.New("node does not let us in") // 401, 403
	errGarbage   = errors.New("answer makes no sense")
)

// ProgramError is a transaction that a program, or the runtime, refused. Nothing of it
// was done.
type ProgramError struct {
	Instruction int    // its index in the transaction from zero, those of the budget counted; -1 if none is at fault
	Program     Key    // whose instruction that is; zero if the transaction is not at hand
	Name        string // the runtime's word, as InvalidAccountData; Custom for a program's own
	Code        uint32 // the program's own, if Name is Custom
	Logs        []string
}

// Error implements error. It does not show the logs.
func (e *ProgramError) Error() string {
	switch {
	case e.Instruction < 0:
		return "transaction refused: " + e.Name
	case e.Name == custom:
		return fmt.Sprintf("instruction %d refused: program error %#x", e.Instruction, e.Code)
	}
	return fmt.Sprintf("instruction %d refused: %s", e.Instruction, e.Name)
}

// code names an error in one word, for screens and figures.
func code(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrBusy):
		return "busy"
	case errors.Is(err, ErrBehind):
		return "behind"
	case errors.Is(err, ErrGenesis):
		return "other_cluster"
	case errors.Is(err, errDenied):
		return "denied"
	case errors.Is(err, errGarbage):
		return "nonsense"
	case errors.Is(err, errElsewhere):
		return "refused"
	}
	return "unavailable"
}
