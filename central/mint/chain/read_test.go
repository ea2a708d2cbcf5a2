package chain_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gagliardetto/solana-go"

	"github.com/con-ting/conting/central/mint/chain"
)

// numbered makes the i-th key.
func numbered(i int) (k chain.Key) {
	k[0], k[1] = byte(i), byte(i>>8)
	return k
}

// Long questions are asked in parts, and answered in order.
func TestParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slot := uint64(1000)
		nodes := &cluster{answer: func(did call) reply {
			var asked []json.RawMessage
			var names []string
			_ = json.Unmarshal(did.params, &asked) // some ask with none
			switch did.method {
			case "getMultipleAccounts":
				if err := json.Unmarshal(asked[0], &names); err != nil || len(names) > 100 {
					t.Errorf("%d accounts asked for at once, %v", len(names), err)
				}
				slot--
				var all []any
				for i, n := range names {
					if i%2 == 1 {
						all = append(all, nil)
						continue
					}
					all = append(all, map[string]any{"lamports": 7, "owner": n, "executable": false, "space": 3, "data": []string{"AQID", "base64"}, "rentEpoch": uint64(1<<64 - 1)})
				}
				return reply{result: at(slot, all)}
			case "getSignatureStatuses":
				if err := json.Unmarshal(asked[0], &names); err != nil || len(names) > 256 {
					t.Errorf("%d statuses asked for at once, %v", len(names), err)
				}
				return reply{result: at(1000, make([]any, len(names)))}
			}
			return well(1000)(did)
		}}
		client, _ := open(t, nodes, chain.Config{}, "only.example")

		keys := make([]chain.Key, 250)
		for i := range keys {
			keys[i] = numbered(i)
		}
		accounts, lowest, err := client.Accounts(t.Context(), keys, chain.Confirmed, 900)
		if err != nil || len(accounts) != 250 || lowest != 997 {
			t.Fatalf("got %d accounts at slot %d, %v; want 250 at 997", len(accounts), lowest, err)
		}
		for i, a := range accounts {
			switch {
			case i%2 == 1 && a != nil:
				t.Errorf("account %d is %+v, want none", i, a)
			case i%2 == 0 && (a == nil || a.Key != keys[i] || a.Owner != keys[i] || a.Lamports != 7 || a.Space != 3 || string(a.Data) != "\x01\x02\x03"):
				t.Errorf("account %d is %+v", i, a)
			}
		}
		sigs := make([]chain.Signature, 600)
		statuses, _, err := client.Statuses(t.Context(), sigs, true, 0)
		if err != nil || len(statuses) != 600 || slices.ContainsFunc(statuses, func(s *chain.Status) bool { return s != nil }) {
			t.Errorf("got %d statuses, %v", len(statuses), err)
		}
		if a, s := len(nodes.asked("getMultipleAccounts")), len(nodes.asked("getSignatureStatuses")); a != 3 || s != 3 {
			t.Errorf("asked in %d and %d parts, want 3 and 3", a, s)
		}
		if none, _, err := client.Accounts(t.Context(), nil, chain.Confirmed, 0); err != nil || len(none) != 0 {
			t.Errorf("nothing asked, got %v, %v", none, err)
		}
		if calls := client.Calls(); calls["getMultipleAccounts"] != 3 || calls["getSignatureStatuses"] != 3 || calls["getGenesisHash"] != 1 {
			t.Errorf("counted %v", calls)
		}
	})
}

// What is not what was asked for is no answer.
func TestOddAccounts(t *testing.T) {
	good := `{"lamports":7,"owner":"11111111111111111111111111111111","executable":false,"space":3,"data":["AQID","base64"]}`
	for name, value := range map[string]string{
		"too few":       `[]`,
		"too many":      `[` + good + `,` + good + `]`,
		"no list":       good,
		"base58":        `[` + strings.Replace(good, "base64", "base58", 1) + `]`,
		"parsed":        `[` + strings.Replace(good, `["AQID","base64"]`, `{"parsed":{}}`, 1) + `]`,
		"no base64":     `[` + strings.Replace(good, "AQID", "AQ!D", 1) + `]`,
		"loose base64":  `[` + strings.Replace(good, "AQID", "AQJ=", 1) + `]`,
		"no owner":      `[` + strings.Replace(good, "11111111111111111111111111111111", "1", 1) + `]`,
		"shorter":       `[` + strings.Replace(good, `"space":3`, `"space":4`, 1) + `]`,
		"longer":        `[` + strings.Replace(good, `"space":3`, `"space":2`, 1) + `]`,
		"negative":      `[` + strings.Replace(good, `"lamports":7`, `"lamports":-7`, 1) + `]`,
		"more than u64": `[` + strings.Replace(good, `"lamports":7`, `"lamports":18446744073709551616`, 1) + `]`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes := &cluster{answer: func(did call) reply {
					if did.method == "getMultipleAccounts" {
						return reply{result: at(1000, json.RawMessage(value))}
					}
					return well(1000)(did)
				}}
				client, _ := open(t, nodes, chain.Config{Patience: time.Second}, "only.example")
				got, _, err := client.Accounts(t.Context(), []chain.Key{{}}, chain.Confirmed, 0)
				if want(t, err, chain.ErrUnavailable); got != nil {
					t.Errorf("got %v besides", got)
				}
			})
		})
	}
}

func TestStatuses(t *testing.T) {
	for value, wanted := range map[string]struct {
		status *chain.Status
		err    error
	}{
		`null`: {},
		`{"slot":5,"confirmations":0,"err":null,"status":{"Ok":null},"confirmationStatus":"processed"}`:      {status: &chain.Status{Slot: 5, Commitment: chain.Processed}},
		`{"slot":5,"confirmations":3,"err":null,"confirmationStatus":"confirmed"}`:                           {status: &chain.Status{Slot: 5, Commitment: chain.Confirmed}},
		`{"slot":5,"confirmations":null,"err":null,"confirmationStatus":"finalized"}`:                        {status: &chain.Status{Slot: 5, Commitment: chain.Finalized}},
		`{"slot":5,"err":{"InstructionError":[3,{"Custom":17}]},"confirmationStatus":"confirmed"}`:           {status: &chain.Status{Slot: 5, Commitment: chain.Confirmed, Err: &chain.ProgramError{Instruction: 3, Name: "Custom", Code: 17}}},
		`{"slot":5,"err":{"InstructionError":[0,"InvalidAccountData"]},"confirmationStatus":"processed"}`:    {status: &chain.Status{Slot: 5, Commitment: chain.Processed, Err: &chain.ProgramError{Name: "InvalidAccountData"}}},
		`{"slot":5,"err":{"InstructionError":[0,{"BorshIoError":"x"}]},"confirmationStatus":"processed"}`:    {status: &chain.Status{Slot: 5, Commitment: chain.Processed, Err: &chain.ProgramError{Name: "BorshIoError"}}},
		`{"slot":5,"err":{"InsufficientFundsForRent":{"account_index":2}},"confirmationStatus":"processed"}`: {status: &chain.Status{Slot: 5, Commitment: chain.Processed, Err: &chain.ProgramError{Instruction: -1, Name: "InsufficientFundsForRent"}}},
		`{"slot":5,"err":"SomethingNew","confirmationStatus":"processed"}`:                                   {status: &chain.Status{Slot: 5, Commitment: chain.Processed, Err: &chain.ProgramError{Instruction: -1, Name: "SomethingNew"}}},
		`{"slot":5,"err":null,"confirmationStatus":"soon"}`:                                                  {err: chain.ErrUnavailable},
		`{"slot":5,"err":null}`:                                                                             {err: chain.ErrUnavailable},
		`{"slot":-5,"err":null,"confirmationStatus":"finalized"}`:                                           {err: chain.ErrUnavailable},
		`{"slot":9007199254740992,"err":null,"confirmationStatus":"finalized"}`:                             {err: chain.ErrUnavailable},
		`{"slot":5,"err":7,"confirmationStatus":"finalized"}`:                                               {err: chain.ErrUnavailable},
		`{"slot":5,"err":"","confirmationStatus":"finalized"}`:                                              {err: chain.ErrUnavailable},
		`{"slot":5,"err":{},"confirmationStatus":"finalized"}`:                                              {err: chain.ErrUnavailable},
		`{"slot":5,"err":{"InstructionError":[null,{"Custom":17}]},"confirmationStatus":"finalized"}`:       {err: chain.ErrUnavailable},
		`{"slot":5,"err":{"InstructionError":[3,{"Custom":null}]},"confirmationStatus":"finalized"}`:        {err: chain.ErrUnavailable},
		`{"slot":5,"err":{"InstructionError":[3,{"Custom":4294967296}]},"confirmationStatus":"finalized"}`:  {err: chain.ErrUnavailable},
		`{"slot":5,"err":{"InstructionError":[-3,{"Custom":1}]},"confirmationStatus":"finalized"}`:          {err: chain.ErrUnavailable},
		`{"slot":5,"err":{"InstructionError":{"Custom":1}},"confirmationStatus":"finalized"}`:               {err: chain.ErrUnavailable},
		`{"slot":5,"err":{"InstructionError":[3,{"Custom":1,"Other":2}]},"confirmationStatus":"finalized"}`: {err: chain.ErrUnavailable},
	} {
		t.Run(value, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes := &cluster{answer: func(did call) reply {
					if did.method == "getSignatureStatuses" {
						return reply{result: at(1000, []any{json.RawMessage(value)})}
					}
					return well(1000)(did)
				}}
				client, _ := open(t, nodes, chain.Config{Patience: time.Second}, "only.example")
				got, slot, err := client.Statuses(t.Context(), []chain.Signature{{}}, false, 0)
				if wanted.err != nil {
					want(t, err, wanted.err)
					return
				}
				if err != nil || slot != 1000 {
					t.Fatalf("slot %d, %v", slot, err)
				}
				if g, w := fmt.Sprintf("%#v", deref(got[0])), fmt.Sprintf("%#v", deref(wanted.status)); g != w {
					t.Errorf("got %s, want %s", g, w)
				}
			})
		})
	}
}

func TestTooFewStatuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, value := range []string{`[]`, `[null]`, `[null,null,null]`, `null`, `{}`} {
			nodes := &cluster{answer: func(did call) reply {
				if did.method == "getSignatureStatuses" {
					return reply{result: at(1000, json.RawMessage(value))}
				}
				return well(1000)(did)
			}}
			client, _ := open(t, nodes, chain.Config{Patience: time.Second}, "only.example")
			_, _, err := client.Statuses(t.Context(), make([]chain.Signature, 2), false, 0)
			want(t, err, chain.ErrUnavailable)
		}
	})
}

// An error's number means something else in each program.
func TestWhoseError(t *testing.T) {
	for _, c := range []struct {
		program chain.Key
		code    uint32
		broke   bool
	}{
		{solana.SystemProgramID, 1, true},
		{solana.SystemProgramID, 0, false},
		{solana.SystemProgramID, 3, false},
		{solana.SPLAssociatedTokenAccountProgramID, 1, true},
		{solana.SPLAssociatedTokenAccountProgramID, 0, false},
		{solana.Token2022ProgramID, 1, false},
	} {
		d := chain.Draft{Payer: numbered(1), Instructions: []solana.Instruction{touch(), solana.NewInstruction(c.program, nil, nil)}}
		wire, err := d.Unsigned(genesis)
		if err != nil {
			t.Fatal(err)
		}
		err = chain.Locate(&chain.ProgramError{Instruction: 1, Name: "Custom", Code: c.code}, wire)
		var e *chain.ProgramError
		if !errors.As(err, &e) || e.Program != c.program || errors.Is(err, chain.ErrNoFunds) != c.broke {
			t.Errorf("%s, %d: got %v", c.program, c.code, err)
		}
		err = chain.Locate(&chain.ProgramError{Instruction: 2, Name: "Custom", Code: 1}, wire)
		if !errors.As(err, &e) || !e.Program.IsZero() {
			t.Errorf("an instruction that is not there: got %v", err)
		}
	}
}

// deref shows what pointers hide.
func deref(s *chain.Status) any {
	if s == nil {
		return nil
	}
	var e *chain.ProgramError
	errors.As(s.Err, &e)
	if e == nil {
		e = &chain.ProgramError{}
	}
	return fmt.Sprint(s.Slot, s.Commitment, s.Err, *e)
}

// The words of the runtime for a transaction that did not get as far as a program.
func TestRuntimeErrors(t *testing.T) {
	for value, wanted := range map[string]error{
		`"BlockhashNotFound"`:                              chain.ErrExpired,
		`"AlreadyProcessed"`:                               chain.ErrProcessed,
		`"InsufficientFundsForFee"`:                        chain.ErrNoFunds,
		`"AccountNotFound"`:                                chain.ErrNoFunds,
		`{"InsufficientFundsForRent":{"account_index":0}}`: chain.ErrNoFunds,
		`"SanitizeFailure"`:                                chain.ErrRejected,
		`"SignatureFailure"`:                               chain.ErrRejected,
		`"AccountInUse"`:                                   chain.ErrUnavailable,
		`"WouldExceedMaxBlockCostLimit"`:                   chain.ErrUnavailable,
		`null`:                                             chain.ErrUnavailable, // refused without a reason
		`7`:                                                chain.ErrUnavailable,
	} {
		t.Run(value, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes := &cluster{answer: func(did call) reply {
					if did.method == "sendTransaction" {
						return reply{fault: map[string]any{"code": -32002, "message": "Transaction simulation failed: " + secret, "data": map[string]any{"err": json.RawMessage(value), "logs": nil}}}
					}
					return well(1000)(did)
				}}
				client, _ := open(t, nodes, chain.Config{}, "only.example")
				err := client.Send(t.Context(), transfer(t, payer, numbered(1), 1).wire, true, 0)
				want(t, err, wanted)
				if state := client.Nodes()[0]; state.Resting > 0 {
					t.Errorf("the node is rested for it: %+v", state)
				}
			})
		})
	}
}

// Some nodes only quote the sentence.
func TestRefusalInWords(t *testing.T) {
	for message, wanted := range map[string]error{
		"Transaction simulation failed: Blockhash not found":                                                chain.ErrExpired,
		"Internal error: \"Transaction error: This transaction has already been processed\"":                chain.ErrProcessed,
		"Transaction simulation failed: Attempt to debit an account but found no record of a prior credit.": chain.ErrNoFunds,
		"Transaction did not pass signature verification":                                                   chain.ErrRejected,
		"Transaction simulation failed: Something else":                                                     chain.ErrUnavailable,
	} {
		synctest.Test(t, func(t *testing.T) {
			nodes := &cluster{answer: func(did call) reply {
				if did.method == "sendTransaction" {
					return reply{fault: map[string]any{"code": -32002, "message": message}}
				}
				return well(1000)(did)
			}}
			client, _ := open(t, nodes, chain.Config{}, "only.example")
			want(t, client.Send(t.Context(), transfer(t, payer, numbered(1), 1).wire, true, 0), wanted)
		})
	}
}

// A node that took another transaction, it says, has taken none.
func TestSendIsAnsweredBySignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := transfer(t, payer, numbered(1), 1)
		nodes := &cluster{answer: func(did call) reply {
			switch {
			case did.method == "sendTransaction" && did.host == "liar.example":
				return reply{result: transfer(t, payer, numbered(2), 1).Signature}
			case did.method == "sendTransaction":
				return reply{result: tx.Signature}
			}
			return well(1000)(did)
		}}
		client, _ := open(t, nodes, chain.Config{Patience: time.Second}, "liar.example")
		want(t, client.Send(t.Context(), tx.wire, false, 0), chain.ErrUnavailable)
		client, _ = open(t, nodes, chain.Config{Patience: time.Second}, "liar.example", "good.example")
		if err := client.Send(t.Context(), tx.wire, false, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestRent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		price := uint64(6960)
		nodes := &cluster{answer: func(did call) reply {
			if did.method == "getMinimumBalanceForRentExemption" {
				var asked []json.RawMessage
				var size uint64
				if err := errors.Join(json.Unmarshal(did.params, &asked), json.Unmarshal(asked[0], &size)); err != nil {
					t.Error(err)
				}
				return reply{result: (size + 128) * price}
			}
			return well(1000)(did)
		}}
		client, _ := open(t, nodes, chain.Config{Patience: time.Second}, "only.example")
		expect := func(size, lamports uint64, asked int) {
			t.Helper()
			got, err := client.Rent(t.Context(), size, size)
			if err != nil || len(got) != 1 || got[size] != lamports {
				t.Errorf("got %v, %v; want %d", got, err, lamports)
			}
			if n := len(nodes.asked("getMinimumBalanceForRentExemption")); n != asked {
				t.Errorf("asked %d times, want %d", n, asked)
			}
		}
		expect(165, 2_039_280, 1)
		price = 696
		expect(165, 2_039_280, 1)
		expect(170, 207_408, 2)
		time.Sleep(11 * time.Minute)
		expect(165, 203_928, 3)

		price = 1_000_000_000
		_, err := client.Rent(t.Context(), 171)
		want(t, err, chain.ErrUnavailable)
		_, err = client.Rent(t.Context(), 1<<62)
		want(t, err, chain.ErrRejected)
	})
}

func TestPriorityFee(t *testing.T) {
	var fees []any
	for i := range 100 {
		fees = append(fees, map[string]any{"slot": 900 + i, "prioritizationFee": (i*37)%100 + 1})
	}
	for name, c := range map[string]struct {
		answer     any
		percentile int
		limit      uint64
		want       uint64
	}{
		"median":   {fees, 50, 1000, 50},
		"highest":  {fees, 100, 1000, 100},
		"lowest":   {fees, 0, 1000, 1},
		"most":     {fees, 75, 1000, 75},
		"capped":   {fees, 75, 60, 60},
		"no slots": {[]any{}, 75, 60, 0},
		"absurd":   {[]any{map[string]any{"slot": 1, "prioritizationFee": uint64(1<<64 - 1)}}, 75, 60, 60},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes := &cluster{answer: func(did call) reply {
					if did.method == "getRecentPrioritizationFees" {
						return reply{result: c.answer}
					}
					return well(1000)(did)
				}}
				client, _ := open(t, nodes, chain.Config{}, "only.example")
				got, err := client.PriorityFee(t.Context(), make([]chain.Key, 200), c.percentile, c.limit)
				if err != nil || got != c.want {
					t.Errorf("got %d, %v; want %d", got, err, c.want)
				}
				var asked [][]string
				if err := json.Unmarshal(nodes.asked("getRecentPrioritizationFees")[0].params, &asked); err != nil || len(asked[0]) != 128 {
					t.Errorf("asked for %d accounts, %v", len(asked[0]), err)
				}
			})
		})
	}
}
