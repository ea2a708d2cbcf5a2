package token_test

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gagliardetto/solana-go"

	"github.com/con-ting/conting/central/mint/token"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	payer, authority  = key("payer"), key("authority")
	alice, bob, group = key("alice"), key("bob"), key("group")
	roles             = token.Roles{Payer: payer, Authority: authority}
	seed              = token.TicketSeed([]byte("secret"), []byte("ticket"))
)

// rent is what it was on mainnet for years.
func rent(size uint64) uint64 { return 6960 * (128 + size) }

func mustAddress(s string) token.Key {
	k, err := token.Address(authority, s)
	if err != nil {
		panic(err)
	}
	return k
}

func mustHolder(wallet token.Key) token.Key {
	k, err := token.Holder(wallet, mint)
	if err != nil {
		panic(err)
	}
	return k
}

var (
	mint     = mustAddress(seed)
	aliceATA = mustHolder(alice)
	bobATA   = mustHolder(bob)
)

// mints are what may be at a token's address.
var mints = map[string]func() token.Account{
	"no mint": func() token.Account { return token.Account{Key: mint} },
	"funded": func() token.Account {
		return token.Account{Key: mint, Owner: solana.SystemProgramID, Lamports: 890_880}
	},
	"overfunded": func() token.Account {
		return token.Account{Key: mint, Owner: solana.SystemProgramID, Lamports: 1 << 40}
	},
	"held":   func() token.Account { return owned(mint, encodeMint(mint, heldMint())) },
	"free":   func() token.Account { return owned(mint, encodeMint(mint, freeMint())) },
	"burned": func() token.Account { m := heldMint(); m.Supply = 0; return owned(mint, encodeMint(mint, m)) },
	"foreign": func() token.Account {
		return token.Account{Key: mint, Owner: key("program"), Lamports: 1, Data: []byte("x")}
	},
	"allocated": func() token.Account {
		return token.Account{Key: mint, Owner: solana.SystemProgramID, Lamports: 1, Data: make([]byte, 8)}
	},
	"not ours": func() token.Account {
		m := heldMint()
		m.FreezeAuthority = bob
		return owned(mint, encodeMint(mint, m))
	},
}

func heldMint() token.MintState {
	return token.MintState{Supply: 1, FreezeAuthority: authority, Delegate: authority, BornFrozen: true, Metadata: mint}
}

func freeMint() token.MintState {
	return token.MintState{Supply: 1, FreezeAuthority: authority, Metadata: mint}
}

// holdings are what may be at the address of a wallet's account.
var holdings = map[string]func(at, wallet token.Key) token.Account{
	"none": func(at, _ token.Key) token.Account { return token.Account{Key: at} },
	"funded": func(at, _ token.Key) token.Account {
		return token.Account{Key: at, Owner: solana.SystemProgramID, Lamports: 1_000_000}
	},
	"has it":         holding(1, false),
	"has it, frozen": holding(1, true),
	"empty":          holding(0, false),
	"empty, frozen":  holding(0, true),
	"wrong": func(at, _ token.Key) token.Account {
		return owned(at, encodeHolding(token.HoldingState{Mint: mint, Owner: key("mallory")}))
	},
}

func holding(amount uint64, frozen bool) func(at, wallet token.Key) token.Account {
	return func(at, wallet token.Key) token.Account {
		return owned(at, encodeHolding(token.HoldingState{Mint: mint, Owner: wallet, Amount: amount, Frozen: frozen}))
	}
}

// asks are what is asked for, each of alice's token.
var asks = map[string]token.Ask{
	"mint held":     {Kind: token.Mint, Form: token.Held, Mint: mint, To: alice, Spec: spec()},
	"mint free":     {Kind: token.Mint, Form: token.Free, Mint: mint, To: alice, Spec: spec()},
	"move":          {Kind: token.Move, Form: token.Held, Mint: mint, From: alice, To: bob},
	"move, signed":  {Kind: token.Move, Form: token.Held, Mint: mint, From: alice, To: bob, FromSigns: true},
	"move, free":    {Kind: token.Move, Form: token.Free, Mint: mint, From: alice, To: bob},
	"release":       {Kind: token.Release, Mint: mint, From: alice},
	"burn":          {Kind: token.Burn, Mint: mint, From: alice},
	"burn, signed":  {Kind: token.Burn, Mint: mint, From: alice, FromSigns: true},
	"send":          {Kind: token.Send, Mint: mint, From: alice, To: bob},
	"move to alice": {Kind: token.Move, Form: token.Held, Mint: mint, From: alice, To: alice},
}

func spec() token.Spec {
	s, err := token.Describe(token.Text{Event: "겨울 음악회", Date: "2026-12-24", Zone: "A", Seat: "A-12-07", Class: "adult", URI: link})
	if err != nil {
		panic(err)
	}
	s.Seed = seed
	return s
}

// see puts together what the accounts of an ask are.
func see(ask token.Ask, atMint, atAlice, atBob string) []token.Account {
	seen := []token.Account{mints[atMint]()}
	seen = append(seen, holdings[atAlice](aliceATA, alice))
	if ask.Kind != token.Move && ask.Kind != token.Send {
		return seen
	}
	if ask.To == alice {
		return append(seen, holdings[atAlice](aliceATA, alice))
	}
	return append(seen, holdings[atBob](bobATA, bob))
}

// TestPlans holds each plan to a golden file, to the byte.
func TestPlans(t *testing.T) {
	var out strings.Builder
	for _, x := range []struct{ ask, mint, alice, bob string }{
		{"mint held", "no mint", "none", ""},
		{"mint held", "funded", "funded", ""},
		{"mint held", "overfunded", "none", ""},
		{"mint held", "no mint", "empty, frozen", ""},
		{"mint held", "held", "has it, frozen", ""},
		{"mint held", "held", "has it", ""},
		{"mint held", "held", "none", ""},
		{"mint held", "free", "has it", ""},
		{"mint held", "burned", "none", ""},
		{"mint held", "foreign", "none", ""},
		{"mint held", "allocated", "none", ""},
		{"mint held", "not ours", "none", ""},
		{"mint free", "no mint", "none", ""},
		{"mint free", "held", "has it, frozen", ""},
		{"mint free", "free", "has it", ""},
		{"move", "held", "has it, frozen", "none"},
		{"move", "held", "has it, frozen", "empty, frozen"},
		{"move", "held", "has it", "empty"},
		{"move", "held", "empty, frozen", "has it, frozen"},
		{"move", "held", "none", "has it"},
		{"move", "held", "none", "empty"},
		{"move", "held", "has it, frozen", "wrong"},
		{"move", "no mint", "none", "none"},
		{"move", "free", "has it", "none"},
		{"move", "burned", "empty", "none"},
		{"move, signed", "held", "has it, frozen", "none"},
		{"move, free", "held", "has it, frozen", "none"},
		{"move, free", "free", "empty", "has it"},
		{"move to alice", "held", "has it, frozen", ""},
		{"release", "held", "has it, frozen", ""},
		{"release", "held", "has it", ""},
		{"release", "free", "has it", ""},
		{"release", "free", "empty, frozen", ""},
		{"release", "free", "none", ""},
		{"release", "held", "none", ""},
		{"burn", "held", "has it, frozen", ""},
		{"burn", "held", "has it", ""},
		{"burn", "burned", "empty", ""},
		{"burn", "free", "has it", ""},
		{"burn", "held", "empty", ""},
		{"burn", "no mint", "none", ""},
		{"burn, signed", "held", "has it, frozen", ""},
		{"burn, signed", "free", "has it", ""},
		{"send", "free", "has it", "none"},
		{"send", "free", "has it", "empty, frozen"},
		{"send", "free", "none", "has it"},
		{"send", "free", "none", "none"},
		{"send", "held", "has it, frozen", "none"},
	} {
		ask := asks[x.ask]
		fmt.Fprintf(&out, "%s: %s; alice %s", x.ask, x.mint, x.alice)
		if x.bob != "" {
			fmt.Fprintf(&out, "; bob %s", x.bob)
		}
		p, err := token.PlanFor(ask, roles, see(ask, x.mint, x.alice, x.bob), rent)
		if err != nil {
			t.Fatalf("%+v: %v", x, err)
		}
		out.WriteString("\n" + show(t, p))
	}
	for _, ask := range []token.Ask{
		{Kind: token.Commit, Memo: "conting:set:1:7:3:AAAA"},
		{Kind: token.Group, Mint: mint, Spec: token.Spec{Seed: seed, Name: "겨울 음악회", Symbol: token.Symbol, URI: link, Max: 50_000}},
	} {
		var seen []token.Account
		if ask.Kind == token.Group {
			seen = append(seen, mints["no mint"]())
		}
		p, err := token.PlanFor(ask, roles, seen, rent)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "kind %d\n%s", ask.Kind, show(t, p))
	}
	const golden = "testdata/plans.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != string(want) {
		t.Errorf("plans are not as in %s (-update writes it anew):\n%s", golden, firstDifference(got, string(want)))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d:\ngot  %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

var names = map[token.Key]string{
	payer: "payer", authority: "authority", alice: "alice", bob: "bob", mint: "mint", group: "group",
	aliceATA: "alice's", bobATA: "bob's",
	solana.SystemProgramID: "system", solana.Token2022ProgramID: "token-2022", solana.MemoProgramID: "memo",
	solana.SPLAssociatedTokenAccountProgramID: "associated",
}

// show writes a plan with a line for each instruction: w and s are the flags of accounts.
func show(t *testing.T, p token.Plan) string {
	t.Helper()
	outcome := map[token.Outcome]string{
		token.Do: "do", token.Done: "done", token.Wait: "wait",
		token.Tombstone: "tombstone", token.Conflict: "conflict",
	}[p.Outcome]
	if p.Outcome != token.Do {
		return strings.TrimRight("  "+outcome+" "+string(p.Why), " ") + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  %s, rent %d, %d bytes, signed by", outcome, p.Rent, p.Bytes)
	for _, k := range p.Signers {
		b.WriteString(" " + names[k])
	}
	for _, ix := range p.Instructions {
		data, err := ix.Data()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\n    %s %s", names[ix.ProgramID()], hex.EncodeToString(data))
		for _, a := range ix.Accounts() {
			name, ok := names[a.PublicKey]
			if !ok {
				name = a.PublicKey.String()
			}
			b.WriteString(" " + name)
			if a.IsWritable {
				b.WriteString("+w")
			}
			if a.IsSigner {
				b.WriteString("+s")
			}
		}
	}
	return b.String() + "\n"
}
