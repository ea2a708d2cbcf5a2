package token_test

import (
	"encoding/hex"
	"errors"
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

// TestPlansHold plans everything against everything that may be on chain, and holds each
// plan to what must be so whatever there is.
func TestPlansHold(t *testing.T) {
	for what, ask := range asks {
		for atMint := range mints {
			for atAlice := range holdings {
				for atBob := range holdings {
					seen := see(ask, atMint, atAlice, atBob)
					p, err := token.PlanFor(ask, roles, seen, rent)
					if err != nil {
						t.Fatalf("%s; %s; %s; %s: %v", what, atMint, atAlice, atBob, err)
					}
					if wrong := audit(ask, seen, p); wrong != "" {
						t.Errorf("%s; %s; %s; %s: %s\n%s", what, atMint, atAlice, atBob, wrong, show(t, p))
					}
				}
			}
		}
	}
}

// audit says what is wrong with a plan.
func audit(ask token.Ask, seen []token.Account, p token.Plan) string {
	if p.Outcome != token.Do {
		if len(p.Instructions) != 0 || p.Rent != 0 {
			return "instructions, and nothing to do"
		}
		if (p.Why == token.Fine) != (p.Outcome == token.Done) {
			return "no reason, or one too many"
		}
		return ""
	}
	if p.Bytes > token.MaxBytes || len(p.Instructions) == 0 {
		return "too large, or empty"
	}
	for _, k := range p.Signers {
		if k != authority && (k != ask.From || !ask.FromSigns && ask.Kind != token.Send) {
			return "signed by somebody who was not asked"
		}
	}
	frozen := map[token.Key]bool{}
	for _, a := range seen[1:] {
		h, err := token.ReadHolding(a.Data)
		frozen[a.Key] = err != nil || h.Frozen // one that is made is born so
	}
	m, err := token.ReadMint(seen[0].Data)
	born := err != nil && ask.Form == token.Held || err == nil && m.BornFrozen
	for i, ix := range p.Instructions {
		data, _ := ix.Data()
		if ix.ProgramID() != solana.Token2022ProgramID {
			continue
		}
		at := ix.Accounts()[0].PublicKey
		switch data[0] {
		case 7: // MintTo
			if err == nil {
				return "mints what there is"
			}
		case 10: // Freeze
			if frozen[at] {
				return fmt.Sprintf("instruction %d freezes what is frozen", i)
			}
			frozen[at] = true
		case 11: // Thaw
			if !frozen[at] {
				return fmt.Sprintf("instruction %d thaws what is not frozen", i)
			}
			frozen[at] = false
		case 12, 15: // TransferChecked, BurnChecked
			if born && frozen[at] || born && data[0] == 12 && frozen[ix.Accounts()[2].PublicKey] {
				return fmt.Sprintf("instruction %d acts on what is frozen", i)
			}
		}
	}
	return ""
}

// TestAsksThatMakeNoSense are the caller's errors, and texts that cannot be.
func TestAsksThatMakeNoSense(t *testing.T) {
	with := func(change func(*token.Ask)) token.Ask {
		ask := asks["mint held"]
		ask.Spec = spec()
		change(&ask)
		return ask
	}
	for what, x := range map[string]struct {
		ask  token.Ask
		want error
	}{
		"no kind":          {with(func(a *token.Ask) { a.Kind = 0 }), token.ErrAsk},
		"unknown kind":     {with(func(a *token.Ask) { a.Kind = 99 }), token.ErrAsk},
		"no mint":          {with(func(a *token.Ask) { a.Mint = token.Key{} }), token.ErrAsk},
		"no wallet":        {with(func(a *token.Ask) { a.To = token.Key{} }), token.ErrAsk},
		"no form":          {with(func(a *token.Ask) { a.Form = token.None }), token.ErrAsk},
		"burned at birth":  {with(func(a *token.Ask) { a.Form = token.Burned }), token.ErrAsk},
		"another seed":     {with(func(a *token.Ask) { a.Spec.Seed = "x" }), token.ErrAsk},
		"no seed":          {with(func(a *token.Ask) { a.Spec.Seed = "" }), token.ErrAsk},
		"name no UTF-8":    {with(func(a *token.Ask) { a.Spec.Name = "\xff" }), token.ErrText},
		"value no UTF-8":   {with(func(a *token.Ask) { a.Spec.Extra[0].Value = "a\xc3" }), token.ErrText},
		"key no UTF-8":     {with(func(a *token.Ask) { a.Spec.Extra[0].Key = "\xc3" }), token.ErrText},
		"line in a name":   {with(func(a *token.Ask) { a.Spec.Name = "a\nb" }), token.ErrText},
		"no name":          {with(func(a *token.Ask) { a.Spec.Name = "" }), token.ErrText},
		"no link":          {with(func(a *token.Ask) { a.Spec.URI = "" }), token.ErrText},
		"a key twice":      {with(func(a *token.Ask) { a.Spec.Extra[1].Key = "event" }), token.ErrText},
		"no key":           {with(func(a *token.Ask) { a.Spec.Extra[1].Key = "" }), token.ErrText},
		"long name":        {with(func(a *token.Ask) { a.Spec.Name = strings.Repeat("x", token.MaxName+1) }), token.ErrTooLarge},
		"long link":        {with(func(a *token.Ask) { a.Spec.URI = strings.Repeat("x", token.MaxURI+1) }), token.ErrTooLarge},
		"long value":       {with(func(a *token.Ask) { a.Spec.Extra[0].Value = strings.Repeat("x", 200) }), token.ErrTooLarge},
		"very long value":  {with(func(a *token.Ask) { a.Spec.Extra[0].Value = strings.Repeat("x", 1<<20) }), token.ErrTooLarge},
		"no memo":          {token.Ask{Kind: token.Commit}, token.ErrText},
		"memo no UTF-8":    {token.Ask{Kind: token.Commit, Memo: "\xff"}, token.ErrText},
		"long memo":        {token.Ask{Kind: token.Commit, Memo: strings.Repeat("x", 1000)}, token.ErrTooLarge},
		"release, no from": {token.Ask{Kind: token.Release, Mint: mint}, token.ErrAsk},
	} {
		_, err := token.PlanFor(x.ask, roles, see(asks["mint held"], "no mint", "none", ""), rent)
		if !errors.Is(err, x.want) {
			t.Errorf("%s: got %v, want %v", what, err, x.want)
		}
	}
	ask, good := asks["mint held"], see(asks["mint held"], "no mint", "none", "")
	for what, err := range map[string]error{
		"no payer":        errOf(ask, token.Roles{Authority: authority}, good, rent),
		"no authority":    errOf(ask, token.Roles{Payer: payer}, good, rent),
		"too few seen":    errOf(ask, roles, good[:1], rent),
		"others seen":     errOf(ask, roles, []token.Account{good[1], good[0]}, rent),
		"nobody has rent": errOf(ask, roles, good, nil),
	} {
		if !errors.Is(err, token.ErrAsk) {
			t.Errorf("%s: got %v, want ErrAsk", what, err)
		}
	}
}

func errOf(ask token.Ask, r token.Roles, seen []token.Account, rent func(uint64) uint64) error {
	_, err := token.PlanFor(ask, r, seen, rent)
	return err
}

// TestLyingRent: what is laid down in a mint never comes back, so a node that says rent
// is a thousand SOL is not believed.
func TestLyingRent(t *testing.T) {
	ask := asks["mint held"]
	for _, lamports := range []uint64{1000 * sol, 1 << 63, 1<<64 - 1} {
		err := errOf(ask, roles, see(ask, "no mint", "none", ""), func(uint64) uint64 { return lamports })
		if !errors.Is(err, token.ErrRent) {
			t.Errorf("%d lamports: got %v, want ErrRent", lamports, err)
		}
	}
}

// TestUnreadable: where an account cannot be understood nothing is planned.
func TestUnreadable(t *testing.T) {
	ask := asks["release"]
	bad := owned(mint, make([]byte, 200))
	if err := errOf(ask, roles, []token.Account{bad, holdings["none"](aliceATA, alice)}, rent); !errors.Is(err, token.ErrUnreadable) {
		t.Errorf("mint: got %v, want ErrUnreadable", err)
	}
	if err := errOf(ask, roles, []token.Account{mints["held"](), owned(aliceATA, []byte("x"))}, rent); !errors.Is(err, token.ErrUnreadable) {
		t.Errorf("token account: got %v, want ErrUnreadable", err)
	}
}

// TestNotOurs changes one thing after the other about a good mint.
func TestNotOurs(t *testing.T) {
	for what, change := range map[string]func(*token.MintState){
		"somebody can mint":        func(m *token.MintState) { m.Authority = authority },
		"two":                      func(m *token.MintState) { m.Supply = 2 },
		"divisible":                func(m *token.MintState) { m.Decimals = 9 },
		"another freezes":          func(m *token.MintState) { m.FreezeAuthority = bob },
		"nobody freezes":           func(m *token.MintState) { m.FreezeAuthority = token.Key{} },
		"another delegate":         func(m *token.MintState) { m.Delegate = bob },
		"no delegate":              func(m *token.MintState) { m.Delegate = token.Key{} },
		"born open":                func(m *token.MintState) { m.BornFrozen = false },
		"can be closed":            func(m *token.MintState) { m.CloseAuthority = authority },
		"text is elsewhere":        func(m *token.MintState) { m.Metadata = bob },
		"no text":                  func(m *token.MintState) { m.Metadata = token.Key{} },
		"a program runs with each": func(m *token.MintState) { m.Strange = true },
		"a collection":             func(m *token.MintState) { m.Group = &token.GroupState{Authority: authority} },
		"points to a collection":   func(m *token.MintState) { m.GroupAt = mint },
	} {
		m := heldMint()
		change(&m)
		ask := asks["release"]
		p, err := token.PlanFor(ask, roles, []token.Account{owned(mint, encodeMint(mint, m)), holdings["has it, frozen"](aliceATA, alice)}, rent)
		if err != nil || p.Outcome != token.Conflict || p.Why != token.NotOurs {
			t.Errorf("%s: %+v, %v", what, p, err)
		}
	}
}

// TestCloserKeepsAccount: an account that its holder lets somebody else close is left.
func TestCloserKeepsAccount(t *testing.T) {
	ask := asks["send"]
	for closer, want := range map[token.Key]int{{}: 3, alice: 3, key("mallory"): 2} {
		h := token.HoldingState{Mint: mint, Owner: alice, Amount: 1, Closer: closer}
		p, err := token.PlanFor(ask, roles, []token.Account{mints["free"](), owned(aliceATA, encodeHolding(h)), holdings["none"](bobATA, bob)}, rent)
		if err != nil || len(p.Instructions) != want {
			t.Errorf("closer %s: %d instructions, want %d: %v", closer, len(p.Instructions), want, err)
		}
	}
}
