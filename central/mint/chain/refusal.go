package chain

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gagliardetto/solana-go"
)

const custom = "Custom"

// systemNoFunds is the System program's ResultWithNegativeLamports: its transfer, or
// account that it creates, takes more than there is. The Associated Token Account
// program creates accounts through it and has no error of this number.
const systemNoFunds = 1

// Limits of what is kept of a program's log.
const (
	maxLogs = 64
	maxLog  = 256 // bytes of a line
)

// transactionError reads a TransactionError of the runtime; nil for null. It is not ok
// if it is none.
func transactionError(raw json.RawMessage) (failure error, ok bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, true
	}
	var word string
	if fits(raw, &word) {
		return runtimeError(word), word != ""
	}
	var tagged map[string]json.RawMessage
	if !fits(raw, &tagged) || len(tagged) != 1 {
		return nil, false
	}
	for tag, value := range tagged {
		switch tag {
		case "InstructionError":
			return instructionError(value)
		case "InsufficientFundsForRent":
			var at struct {
				Index *int `json:"account_index"`
			}
			if fits(value, &at) && at.Index != nil && *at.Index == 0 {
				return fmt.Errorf("%w: it would fall below what keeps its account", ErrNoFunds), true
			}
		}
		word = tag
	}
	return runtimeError(word), word != ""
}

// runtimeError says what the runtime's words for a transaction mean.
func runtimeError(word string) error {
	switch word {
	case "BlockhashNotFound":
		return ErrExpired
	case "AlreadyProcessed":
		return ErrProcessed
	case "InsufficientFundsForFee", "AccountNotFound": // the second: the payer never had any
		return ErrNoFunds
	case "SignatureFailure", "SanitizeFailure":
		return fmt.Errorf("%w: %s", ErrRejected, word)
	case "AccountInUse", "ClusterMaintenance", "WouldExceedMaxBlockCostLimit", "WouldExceedMaxAccountCostLimit",
		"WouldExceedAccountDataBlockLimit", "WouldExceedMaxVoteCostLimit", "CommitCancelled":
		return fmt.Errorf("%w: %w: %s", ErrUnavailable, errElsewhere, word)
	}
	return &ProgramError{Instruction: -1, Name: printable(word)}
}

// instructionError reads [index, "Name"] or [index, {"Custom": code}].
func instructionError(raw json.RawMessage) (failure error, ok bool) {
	var pair []json.RawMessage
	e := &ProgramError{Instruction: -1}
	if !fits(raw, &pair) || len(pair) != 2 || !fits(pair[0], &e.Instruction) ||
		e.Instruction < 0 || e.Instruction > 255 {
		return nil, false
	}
	if fits(pair[1], &e.Name) {
		e.Name = printable(e.Name)
		return e, e.Name != "" && e.Name != custom
	}
	var tagged map[string]json.RawMessage
	if !fits(pair[1], &tagged) || len(tagged) != 1 {
		return nil, false
	}
	for tag, value := range tagged {
		e.Name = printable(tag)
		var code *uint32
		switch {
		case tag != custom:
		case !fits(value, &code) || code == nil:
			return nil, false
		default:
			e.Code = *code
		}
	}
	return e, e.Name != ""
}

// Locate adds to an error of a [Status] which program it came from, given the
// transaction, and tells a payer that has too little ([ErrNoFunds]) from other
// refusals. Those of [Client.Send] and [Client.Simulate] have been through it.
func Locate(err error, wire []byte) error {
	var e *ProgramError
	if !errors.As(err, &e) || e.Instruction < 0 || !e.Program.IsZero() {
		return err
	}
	tx, bad := decode(wire)
	if bad != nil || e.Instruction >= len(tx.Message.Instructions) {
		return err
	}
	program, bad := tx.ResolveProgramIDIndex(tx.Message.Instructions[e.Instruction].ProgramIDIndex)
	if bad != nil {
		return err
	}
	located := *e
	located.Program = program
	if e.Name == custom && e.Code == systemNoFunds && (program == solana.SystemProgramID || program == solana.SPLAssociatedTokenAccountProgramID) {
		return fmt.Errorf("%w: %w", ErrNoFunds, &located)
	}
	return &located
}

// bounded keeps of a log what fits a report.
func bounded(logs []string) []string {
	if len(logs) > maxLogs {
		logs = logs[len(logs)-maxLogs:] // the end says what went wrong
	}
	kept := make([]string, len(logs))
	for i, line := range logs {
		if len(line) > maxLog {
			line = line[:maxLog]
		}
		kept[i] = strings.ToValidUTF8(line, "?")
	}
	return kept
}
