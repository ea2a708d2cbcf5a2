package chain

import (
	"errors"
	"fmt"
)

// Errors of this package. Those of a call wrap exactly one of them, or are a
// [*ProgramError] or the context's.
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

	// ErrExpired means that the node does not know the transaction's block hash: it is
	// too old, or too new for a node that is behind.
	ErrExpired = errors.New("block hash is not known")

	// ErrProcessed means that this very transaction is in a block already.
	ErrProcessed = errors.New("transaction was processed already")

	// ErrNoFunds means that the fee payer has too little.
	ErrNoFunds = errors.New("fee payer has too little")

	// ErrTooLarge means that a transaction is longer than [MaxWire].
	ErrTooLarge = errors.New("transaction is too large")

	// ErrSigner means that a signature that a transaction needs cannot be had.
	ErrSigner = errors.New("signature cannot be had")
)

// ProgramError is a transaction that a program, or the runtime while it ran one,
// refused. Nothing of it was done.
type ProgramError struct {
	Instruction int    // its index in the transaction, from zero; the budget's count
	Program     Key    // whose instruction that is; zero if the transaction is not at hand
	Name        string // the runtime's word, as InvalidAccountData; Custom for a program's own
	Code        uint32 // the program's own, if Name is Custom
	Logs        []string
}

// Error implements error. It does not show the logs.
func (e *ProgramError) Error() string {
	if e.Name == "Custom" {
		return fmt.Sprintf("instruction %d refused: program error %#x", e.Instruction, e.Code)
	}
	return fmt.Sprintf("instruction %d refused: %s", e.Instruction, e.Name)
}

// Locate adds to an error of [Status] which program it came from, given the transaction,
// and tells a payer that has too little ([ErrNoFunds]) from other refusals.
func Locate(err error, wire []byte) error { return err }
