package chain_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/central/mint/chain"
)

// known are the errors that calls may return.
var known = []error{
	chain.ErrBusy, chain.ErrUnavailable, chain.ErrBehind, chain.ErrGenesis, chain.ErrRejected,
	chain.ErrExpired, chain.ErrProcessed, chain.ErrNoFunds, chain.ErrTooLarge,
}

// told fails if an error is not one that callers know what to do with.
func told(t *testing.T, err error) {
	t.Helper()
	clean(t, err)
	var program *chain.ProgramError
	if err == nil || errors.As(err, &program) {
		return
	}
	for _, k := range known {
		if errors.Is(err, k) {
			return
		}
	}
	t.Errorf("got an error that nobody knows: %v", err)
}

// FuzzAnswer has a node answer everything with the same bytes: with id 0 they are the
// result of whatever was asked, or else the whole body.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		`{"context":{"slot":1000},"value":42}`,
		`{"context":{"slot":1000},"value":[null]}`,
		`{"context":{"slot":1000},"value":[{"lamports":7,"owner":"11111111111111111111111111111111","executable":false,"space":3,"data":["AQID","base64"]}]}`,
		`{"context":{"slot":1000},"value":[{"slot":5,"confirmations":null,"err":{"InstructionError":[3,{"Custom":17}]},"confirmationStatus":"finalized"}]}`,
		`{"context":{"slot":1000},"value":{"blockhash":"5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d","lastValidBlockHeight":1140}}`,
		`{"context":{"slot":1000},"value":{"err":{"InstructionError":[0,"InvalidAccountData"]},"logs":["Program log"],"unitsConsumed":500}}`,
		`{"absoluteSlot":1000,"blockHeight":990}`,
		`[{"slot":1,"prioritizationFee":5}]`,
		`1000000`,
		`"5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"`,
	} {
		f.Add([]byte(s), true, 200)
	}
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"Transaction simulation failed","data":{"err":{"InstructionError":[0,{"Custom":1}]},"logs":["x"]}}}`), false, 200)
	f.Add([]byte(`{"jsonrpc":"2.0","error":{"code":429,"message":"Too many requests"},"id":null}`), false, 429)
	f.Add([]byte(`<html>`), false, 503)
	f.Fuzz(func(t *testing.T, data []byte, result bool, status int) {
		if len(data) > 1<<16 || status < 200 || status > 599 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			nodes := &cluster{answer: func(did call) reply {
				switch {
				case did.method == "getGenesisHash":
					return reply{result: genesis}
				case result && json.Valid(data):
					return reply{result: json.RawMessage(data), status: status}
				}
				body := string(data)
				return reply{body: &body, status: status}
			}}
			client, _ := open(t, nodes, chain.Config{Patience: time.Second}, "only.example")
			ctx := t.Context()
			tip, err := client.Tip(ctx, chain.Confirmed, 0)
			if told(t, err); err == nil && tip.Height > tip.Slot+1 {
				t.Errorf("got %+v", tip)
			}
			b, err := client.Blockhash(ctx, chain.Confirmed)
			if told(t, err); err == nil && (b.Hash.IsZero() || b.LastHeight == 0) {
				t.Errorf("got %+v", b)
			}
			accounts, _, err := client.Accounts(ctx, []chain.Key{{}}, chain.Confirmed, 0)
			if told(t, err); err == nil && (len(accounts) != 1 || accounts[0] != nil && len(accounts[0].Data) > chain.MaxData) {
				t.Errorf("got %+v", accounts)
			}
			statuses, slot, err := client.Statuses(ctx, []chain.Signature{{}}, true, 7)
			if told(t, err); err == nil && (len(statuses) != 1 || slot < 7) {
				t.Errorf("got %+v at %d", statuses, slot)
			}
			_, err = client.Balance(ctx, chain.Key{}, chain.Confirmed, 0)
			told(t, err)
			rents, err := client.Rent(ctx, 165)
			if told(t, err); err == nil && rents[165] > (165+128)*4*6960 {
				t.Errorf("got %v", rents)
			}
			fee, err := client.PriorityFee(ctx, nil, 75, 10)
			if told(t, err); err == nil && fee > 10 {
				t.Errorf("got %d", fee)
			}
			tx := transfer(t, payer, numbered(1), 1)
			s, err := client.Simulate(ctx, tx.Wire, chain.Confirmed, 0)
			told(t, err)
			if told(t, s.Err); s.Units > 1_400_000 {
				t.Errorf("got %+v", s)
			}
			told(t, client.Send(ctx, tx.Wire, true, 0))
		})
	})
}

// FuzzWire has transactions be anything; they come from our own store, which is trusted
// to be there but not to be whole.
func FuzzWire(f *testing.F) {
	f.Add(transfer(f, payer, numbered(1), 1).Wire)
	f.Add([]byte{})
	f.Add([]byte{0})
	f.Add([]byte{0x81, 1, 0, 0})
	f.Fuzz(func(t *testing.T, wire []byte) {
		refusal := &chain.ProgramError{Name: "Custom", Code: 1}
		told(t, chain.Locate(refusal, wire))
		if !refusal.Program.IsZero() {
			t.Error("the error that was given has changed")
		}
	})
}

func FuzzKeyFile(f *testing.F) {
	name := filepath.Join(f.TempDir(), "key.json")
	if _, err := chain.CreateSigner(name); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`[]`))
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "key.json")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := chain.ReadSigner(file)
		switch {
		case err != nil && !errors.Is(err, chain.ErrKeyFile):
			t.Errorf("got %v", err)
		case err == nil && s.Public().IsZero():
			t.Error("got no key")
		}
	})
}
