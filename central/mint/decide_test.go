package mint_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	mine  = "walletOfKim"
	other = "walletOfLee"
)

func fact(status ticket.Status, admitted bool, k mint.Token) mint.Fact {
	if k.Is != mint.None || k.Want != mint.None || k.Claimed || k.Address != "" {
		k.Ticket, k.Event = tid(1), concert
	}
	return mint.Fact{Ticket: ticket.Ticket{ID: tid(1), Event: concert}, Status: status, Account: "kim", Admitted: admitted, Token: k}
}

func TestDecide(t *testing.T) {
	known := mint.Token{Address: "a"} // wished for, and nothing more
	held := mint.Token{Want: mint.Held, Is: mint.Held, WantOwner: other, Owner: other}
	free := mint.Token{Want: mint.Free, Is: mint.Free, WantOwner: other, Owner: other}
	leaving := mint.Token{Want: mint.Free, Is: mint.Held, WantOwner: mine, Owner: mine}
	dying := mint.Token{Want: mint.Burned, Is: mint.Held, Owner: mine}
	dead := mint.Token{Want: mint.Burned, Is: mint.Burned}
	claimed := mint.Token{Claimed: true, Address: "a"}
	wanted := mint.Token{Want: mint.Held, WantOwner: mine}
	nobody := func(f mint.Fact) mint.Fact { f.Account = ""; return f }

	const valid, revoked, refunded, blocked = ticket.StatusValid, ticket.StatusRevoked, ticket.StatusRefunded, ticket.StatusBlocked
	for _, c := range []struct {
		name  string
		fact  mint.Fact
		mode  mint.Mode
		form  mint.Form
		owner string
		none  bool
		over  bool
	}{
		{name: "sold, eager", fact: fact(valid, false, mint.Token{}), mode: mint.Eager, form: mint.Held, owner: mine},
		{name: "sold, lazy", fact: fact(valid, false, mint.Token{}), mode: mint.Lazy, form: mint.None},
		{name: "claimed, lazy", fact: fact(valid, false, claimed), mode: mint.Lazy, form: mint.Held, owner: mine},
		{name: "claimed after the show", fact: fact(valid, true, claimed), mode: mint.Lazy, form: mint.Free, owner: mine},
		{name: "in the house and unclaimed", fact: fact(valid, true, known), mode: mint.Lazy, form: mint.None},
		{name: "minted before the mode was lazy", fact: fact(valid, false, held), mode: mint.Lazy, form: mint.Held, owner: mine},
		{name: "wanted before the mode was lazy", fact: fact(valid, false, wanted), mode: mint.Lazy, form: mint.Held, owner: mine},
		{name: "given away", fact: fact(valid, false, held), mode: mint.Eager, form: mint.Held, owner: mine},
		{name: "in the house", fact: fact(valid, true, held), mode: mint.Eager, form: mint.Free, owner: mine},
		{name: "in the house before it was minted", fact: fact(valid, true, mint.Token{}), mode: mint.Eager, form: mint.Free, owner: mine},
		{name: "admission taken back in time", fact: fact(valid, false, leaving), mode: mint.Eager, form: mint.Held, owner: mine},
		{name: "refunded", fact: fact(refunded, false, held), mode: mint.Eager, form: mint.Burned},
		{name: "revoked", fact: fact(revoked, true, held), mode: mint.Eager, form: mint.Burned},
		{name: "refunded on its way out", fact: fact(refunded, true, leaving), mode: mint.Eager, form: mint.Burned},
		{name: "refunded, never minted", fact: fact(refunded, false, known), mode: mint.Lazy, form: mint.Burned},
		{name: "refunded, never heard of", fact: fact(refunded, false, mint.Token{}), mode: mint.Eager, none: true},
		{name: "refunded, nobody's any more", fact: nobody(fact(refunded, false, held)), mode: mint.Eager, form: mint.Burned},
		{name: "valid again while it is burned", fact: fact(valid, true, dying), mode: mint.Eager, form: mint.Burned},
		{name: "valid again after it was burned", fact: fact(valid, false, dead), mode: mint.Eager, form: mint.Burned},
		{name: "refunded when it was free", fact: fact(refunded, true, free), mode: mint.Eager, form: mint.Free, owner: other},
		{name: "given away when it was free", fact: fact(valid, true, free), mode: mint.Eager, form: mint.Free, owner: other},
		{name: "paper", fact: nobody(fact(valid, false, mint.Token{})), mode: mint.Eager, none: true},
		{name: "nobody's any more", fact: nobody(fact(valid, false, held)), mode: mint.Eager, none: true},
		{name: "blocked", fact: fact(blocked, true, held), mode: mint.Eager, form: mint.Held, owner: mine},
		{name: "blocked before it was minted", fact: fact(blocked, false, mint.Token{}), mode: mint.Eager, none: true},
		{name: "blocked and unclaimed", fact: fact(blocked, false, known), mode: mint.Lazy, form: mint.None},
		{name: "over, eager", over: true, fact: fact(valid, false, mint.Token{}), mode: mint.Eager, form: mint.None},
		{name: "over, lazy", over: true, fact: fact(valid, false, mint.Token{}), mode: mint.Lazy, form: mint.None},
		{name: "over, and its holder was in", over: true, fact: fact(valid, true, mint.Token{}), mode: mint.Eager, form: mint.None},
		{name: "over, and heard of again", over: true, fact: fact(valid, true, known), mode: mint.Eager, form: mint.None},
		{name: "over, and claimed", over: true, fact: fact(valid, false, claimed), mode: mint.Eager, form: mint.Held, owner: mine},
		{name: "over, claimed by who was in", over: true, fact: fact(valid, true, claimed), mode: mint.Lazy, form: mint.Free, owner: mine},
		{name: "over before it could be made", over: true, fact: fact(valid, false, wanted), mode: mint.Eager, form: mint.Held, owner: mine},
		{name: "over, and given away", over: true, fact: fact(valid, false, held), mode: mint.Eager, form: mint.Held, owner: mine},
		{name: "over, and a gate tells late", over: true, fact: fact(valid, true, held), mode: mint.Eager, form: mint.Free, owner: mine},
		{name: "over and refunded", over: true, fact: fact(refunded, false, held), mode: mint.Eager, form: mint.Burned},
		{name: "over and refunded, never heard of", over: true, fact: fact(refunded, false, mint.Token{}), mode: mint.Eager, none: true},
		{name: "over, paper", over: true, fact: nobody(fact(valid, false, mint.Token{})), mode: mint.Eager, none: true},
		{name: "over, free", over: true, fact: fact(valid, true, free), mode: mint.Eager, form: mint.Free, owner: other},
		{name: "of an unknown status", fact: fact(9, true, held), mode: mint.Eager, form: mint.Held, owner: mine},
	} {
		got, ok := mint.Decide(c.fact, c.over, c.mode, mine)
		want := mint.Desire{Ticket: tid(1), Event: concert, Account: c.fact.Account, Form: c.form, Owner: c.owner}
		if c.none {
			want = mint.Desire{}
		}
		if got != want || ok == c.none {
			t.Errorf("%s: %+v, %v, want %+v, %v", c.name, got, ok, want, !c.none)
		}
	}
	if d, ok := mint.Decide(fact(valid, false, mint.Token{}), false, mint.Eager, ""); ok {
		t.Errorf("without a wallet: %+v, want nothing", d)
	}
}

// wish is what a store makes of a desire.
func wish(k *mint.Token, d mint.Desire) {
	k.Ticket, k.Event, k.Account, k.Address = d.Ticket, d.Event, d.Account, "a"
	if k.Is == mint.Burned || k.Want == mint.Burned && d.Form != mint.Burned || k.Is == mint.Free {
		return
	}
	k.Want, k.WantOwner = d.Form, d.Owner
}

// finish is what becomes of a token when an action is final.
func finish(k *mint.Token, a mint.Action) {
	if k.Is = a.Form; a.Form == mint.Burned {
		k.Owner, k.Want, k.WantOwner = "", mint.Burned, ""
		return
	}
	if k.Owner = a.To; a.Form == mint.Free {
		k.Want, k.WantOwner = mint.Free, a.To
	}
}

// Whatever happens to a ticket, in whichever order and however late its token's worker
// hears of it: what cannot be taken back is not, what is decided twice is decided the
// same, and a worker that is left alone comes to an end with what the ticket says.
func TestDecideWhateverHappens(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- a test that can be repeated
	for life := range 20_000 {
		mode := []mint.Mode{mint.Eager, mint.Lazy}[life%2]
		f := fact(ticket.StatusValid, false, mint.Token{})
		wallet, over := mine, false
		var log string
		minted, freed, burned, late := false, false, false, false // late: not wished when it was over
		step := func(what string) {
			log += " " + what
			a, ok := mint.Next(&f.Token)
			switch {
			case !ok:
				return
			case f.Token.Settled():
				t.Fatalf("%s: an action for what is settled: %+v", log, a)
			case a.Kind == mint.Mint && late && !f.Token.Claimed:
				t.Fatalf("%s: minted once it was over", log)
			case a.Kind == mint.Mint && (minted || f.Token.Is != mint.None):
				t.Fatalf("%s: minted twice", log)
			case freed && a.Kind != "":
				t.Fatalf("%s: %s of a token that is free", log, a.Kind)
			case burned:
				t.Fatalf("%s: %s of a token that is burned", log, a.Kind)
			case (a.Kind == mint.Move || a.Kind == mint.Release) && a.From != f.Token.Owner:
				t.Fatalf("%s: from %q, and it is in %q", log, a.From, f.Token.Owner)
			case a.Kind == mint.Release && a.To != f.Token.Owner:
				t.Fatalf("%s: released to %q, and it is in %q", log, a.To, f.Token.Owner)
			}
			finish(&f.Token, a)
			minted = minted || a.Kind == mint.Mint
			freed, burned = f.Token.Is == mint.Free, f.Token.Is == mint.Burned
			log += fmt.Sprintf("(%s %s)", a.Kind, a.Form)
		}
		decide := func() {
			d, ok := mint.Decide(f, over, mode, wallet)
			if again, same := mint.Decide(f, over, mode, wallet); again != d || same != ok {
				t.Fatalf("%s: decided differently", log)
			}
			if !ok {
				return
			}
			wish(&f.Token, d)
			if again, ok := mint.Decide(f, over, mode, wallet); !ok || again != d {
				t.Fatalf("%s: %+v once it was stored, %+v before", log, again, d)
			}
		}
		for range 1 + random.IntN(12) {
			switch random.IntN(10) {
			case 0:
				wallet, log = []string{mine, other, "third"}[random.IntN(3)], log+" give"
			case 1:
				f.Admitted, log = true, log+" admit"
			case 2:
				f.Admitted, log = false, log+" unadmit"
			case 3:
				f.Status, log = []ticket.Status{ticket.StatusRefunded, ticket.StatusRevoked, ticket.StatusBlocked, ticket.StatusValid}[random.IntN(4)], log+" status"
			case 4:
				f.Token.Claimed, log = f.Token.Address != "", log+" claim"
			case 5:
				if !over {
					over, late, log = true, f.Token.Want == mint.None && f.Token.Is == mint.None, log+" over"
				}
			case 6, 7:
				decide()
			default:
				step("step")
			}
		}
		decide()
		for range 4 {
			step("last")
		}
		k := &f.Token
		ended := f.Status == ticket.StatusRefunded || f.Status == ticket.StatusRevoked
		switch {
		case k.Ticket.IsZero():
			if minted {
				t.Fatalf("%s: minted out of nothing", log)
			}
		case !k.Settled():
			t.Fatalf("%s: never settled: %+v", log, k)
		case ended && k.Is != mint.Burned && k.Is != mint.Free && minted:
			t.Fatalf("%s: ended, and it is %s", log, k.Is)
		case f.Status == ticket.StatusValid && f.Admitted && k.Is == mint.Held:
			t.Fatalf("%s: its holder is in, and it is held", log)
		case f.Status == ticket.StatusValid && k.Is == mint.Held && k.Owner != wallet:
			t.Fatalf("%s: it is in %s, want %s", log, k.Owner, wallet)
		}
	}
}
