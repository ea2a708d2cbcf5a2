package token_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gagliardetto/solana-go"

	"github.com/con-ting/conting/central/mint/token"
)

func FuzzReadMint(f *testing.F) {
	f.Add(encodeMint(mint, fullMint()))
	f.Add(encodeMint(mint, freeMint()))
	f.Add(encodeMint(mint, heldMint())[:82])
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := token.ReadMint(data)
		if err != nil {
			if !errors.Is(err, token.ErrUnreadable) {
				t.Errorf("error %v", err)
			}
			return
		}
		if d := m.Described; d != nil {
			size := len(d.Name) + len(d.Symbol) + len(d.URI)
			for _, p := range d.Extra {
				size += 8 + len(p.Key) + len(p.Value)
				if !utf8.ValidString(p.Key + p.Value) {
					t.Errorf("pair %q", p)
				}
			}
			if size > len(data) {
				t.Errorf("%d bytes of text out of %d", size, len(data))
			}
		}
	})
}

func FuzzReadHolding(f *testing.F) {
	f.Add(encodeHolding(token.HoldingState{Mint: mint, Owner: alice, Amount: 1, Frozen: true, MemoNeeded: true}))
	f.Add(encodeHolding(token.HoldingState{Mint: mint, Owner: alice})[:165])
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := token.ReadHolding(data); err != nil && !errors.Is(err, token.ErrUnreadable) {
			t.Errorf("error %v", err)
		}
	})
}

// FuzzPlan lets a node say anything of the accounts that a plan is made of.
func FuzzPlan(f *testing.F) {
	held, free := encodeMint(mint, heldMint()), encodeMint(mint, freeMint())
	has := encodeHolding(token.HoldingState{Mint: mint, Owner: alice, Amount: 1, Frozen: true})
	empty := encodeHolding(token.HoldingState{Mint: mint, Owner: bob, MemoNeeded: true})
	for kind := range byte(8) {
		f.Add(kind, byte(1), false, uint64(5), held, has, empty)
		f.Add(kind, byte(2), true, uint64(1<<63), free, has, []byte{})
		f.Add(kind, byte(1), false, uint64(0), []byte{}, []byte{}, []byte{})
	}
	f.Fuzz(func(t *testing.T, kind, form byte, signs bool, lamports uint64, m, a, b []byte) {
		ask := token.Ask{
			Kind: token.Kind(kind), Form: token.Form(form), Mint: mint, From: alice, To: bob,
			FromSigns: signs, Spec: spec(), Memo: "x",
		}
		keys, err := token.Watch(ask)
		if err != nil {
			t.Skip()
		}
		var seen []token.Account
		for i, data := range [][]byte{m, a, b}[:len(keys)] {
			acc := token.Account{Key: keys[i], Lamports: lamports, Data: data, Owner: solana.Token2022ProgramID}
			if len(data) == 0 {
				acc.Owner = solana.SystemProgramID
			}
			seen = append(seen, acc)
		}
		p, err := token.PlanFor(ask, roles, seen, rent)
		if err != nil {
			for _, e := range []error{token.ErrAsk, token.ErrText, token.ErrTooLarge, token.ErrRent, token.ErrUnreadable} {
				if errors.Is(err, e) {
					return
				}
			}
			t.Fatalf("error %v", err)
		}
		if (p.Outcome == token.Do) != (len(p.Instructions) > 0) || p.Bytes > token.MaxBytes {
			t.Errorf("plan %+v", p)
		}
		for _, k := range p.Signers {
			if k != authority && (k != alice || !signs && ask.Kind != token.Send) {
				t.Errorf("signed by %s", names[k])
			}
		}
	})
}

// FuzzDescribe puts any text on a token: it fits, or it is refused.
func FuzzDescribe(f *testing.F) {
	f.Add("겨울 음악회 2026", "2026-12-24", "A", "A-12-07", "adult", "https://x/y.json", true)
	f.Add(strings.Repeat("겨", 100), "\xff", "", "\n", strings.Repeat("x", 500), "https://x", false)
	f.Fuzz(func(t *testing.T, event, date, zone, seat, class, uri string, member bool) {
		text := token.Text{Event: event, Date: date, Zone: zone, Seat: seat, Class: class, URI: uri}
		if member {
			text.Group = group
		}
		s, err := token.Describe(text)
		if err != nil {
			if !errors.Is(err, token.ErrText) && !errors.Is(err, token.ErrTooLarge) {
				t.Errorf("error %v", err)
			}
			return
		}
		s.Seed = seed
		ask := token.Ask{Kind: token.Mint, Form: token.Held, Mint: mint, To: alice, Spec: s}
		seen := []token.Account{mints["funded"](), holdings["none"](aliceATA, alice)}
		if member {
			g := token.MintState{Group: &token.GroupState{Authority: authority, Max: 9}, GroupAt: group, Metadata: group}
			seen = append(seen, owned(group, encodeMint(group, g)))
		}
		p, err := token.PlanFor(ask, roles, seen, rent)
		if err != nil || p.Outcome != token.Do {
			t.Errorf("%+v: %+v, %v", s, p, err)
		}
	})
}
