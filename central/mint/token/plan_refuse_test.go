package token_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/mint/token"
)

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
