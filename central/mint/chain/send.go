package chain

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxUnits is the most compute units that a transaction may take.
const maxUnits = 1_400_000

// Send hands a signed transaction to a node. With preflight the node runs it first, at
// [Confirmed] and not below minSlot, and refuses what would fail; without, it takes
// anything that is well-formed. That it was taken says nothing about what becomes of it.
// The same bytes may be sent any number of times.
func (c *Client) Send(ctx context.Context, wire []byte, preflight bool, minSlot uint64) error {
	tx, err := decode(wire)
	if err != nil {
		return err
	}
	o := map[string]any{"encoding": "base64", "skipPreflight": !preflight}
	if preflight {
		o["preflightCommitment"] = Confirmed
		if minSlot > 0 {
			o["minContextSlot"] = minSlot
		}
	}
	return c.ask(ctx, question{
		method: "sendTransaction",
		params: []any{base64.StdEncoding.EncodeToString(wire), o},
		use: func(_ *node, result json.RawMessage) error {
			var sig string
			if err := read(result, &sig); err != nil {
				return err
			}
			if sig != tx.Signatures[0].String() {
				return fmt.Errorf("%w: the signature of another transaction", errGarbage)
			}
			return nil
		},
		explain: func(f *fault) error { return preflightError(f, wire) },
	})
}

// preflightError says why a node refused a transaction; nil if it does not say. Agave
// says so in the error's data; others leave them out and quote its sentence, which
// decides nothing that matters: a transaction's fate is read from its status.
func preflightError(f *fault, wire []byte) error {
	var data struct {
		Err  json.RawMessage `json:"err"`
		Logs []string        `json:"logs"`
	}
	if !fits(f.Data, &data) || len(data.Err) == 0 {
		return quoted(f.Message)
	}
	failure, ok := transactionError(data.Err)
	if !ok {
		return nil
	}
	return Locate(logged(failure, data.Logs), wire)
}

// quoted knows the sentences of solana-transaction-error for what happens before a
// program runs.
func quoted(message string) error {
	for sentence, word := range map[string]string{
		"This transaction has already been processed":                       "AlreadyProcessed",
		"Blockhash not found":                                               "BlockhashNotFound",
		"Transaction did not pass signature verification":                   "SignatureFailure",
		"Insufficient funds for fee":                                        "InsufficientFundsForFee",
		"Attempt to debit an account but found no record of a prior credit": "AccountNotFound",
	} {
		if strings.Contains(message, sentence) {
			return runtimeError(word)
		}
	}
	return nil
}

// logged adds what the programs said to an error that is theirs.
func logged(err error, logs []string) error {
	var e *ProgramError
	if errors.As(err, &e) {
		e.Logs = bounded(logs)
	}
	return err
}

// Simulate runs a transaction without sending it. Its signatures and block hash are not
// looked at. An error is one of asking; what became of the transaction is in the result.
func (c *Client) Simulate(ctx context.Context, wire []byte, at Commitment, minSlot uint64) (s Simulation, err error) {
	if _, err := decode(wire); err != nil {
		return Simulation{}, err
	}
	o := options(at, minSlot)
	o["encoding"] = "base64"
	o["sigVerify"] = false
	o["replaceRecentBlockhash"] = true
	err = c.ask(ctx, question{
		method: "simulateTransaction",
		params: []any{base64.StdEncoding.EncodeToString(wire), o},
		use: func(n *node, result json.RawMessage) error {
			var value struct {
				Err   json.RawMessage `json:"err"`
				Logs  []string        `json:"logs"`
				Units *uint64         `json:"unitsConsumed"`
			}
			slot, err := readAt(result, &value)
			if err != nil {
				return err
			}
			if err := c.take(n, at, slot, minSlot); err != nil {
				return err
			}
			failure, ok := transactionError(value.Err)
			if !ok || value.Units != nil && *value.Units > maxUnits {
				return fmt.Errorf("%w: a simulation of another shape", errGarbage)
			}
			s = Simulation{Slot: slot, Logs: bounded(value.Logs), Err: Locate(logged(failure, value.Logs), wire)}
			if value.Units != nil {
				s.Units = *value.Units
			}
			return nil
		},
	})
	return s, err
}
