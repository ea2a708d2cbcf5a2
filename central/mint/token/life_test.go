package token_test

import (
	"strings"
	"testing"

	"github.com/gagliardetto/solana-go"
	memoprogram "github.com/gagliardetto/solana-go/programs/memo"
	t22 "github.com/gagliardetto/solana-go/programs/token-2022"

	"github.com/con-ting/conting/central/mint/token"
)

// TestLife takes tokens the ways that tickets go.
func TestLife(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person(), w.person()
	a, b := alice.PublicKey(), bob.PublicKey()

	t.Run("moved there and back, then released", func(t *testing.T) {
		w.T = t
		mint := w.minted(alice, token.Held)
		w.is(mint, token.Held, alice)
		there := token.Ask{Kind: token.Move, Form: token.Held, Mint: mint, From: a, To: b}
		w.do(there)
		w.is(mint, token.Held, bob)
		back := there
		back.From, back.To = b, a
		w.do(back)
		w.is(mint, token.Held, alice)
		w.do(there)
		w.do(token.Ask{Kind: token.Release, Mint: mint, From: b})
		w.is(mint, token.Free, bob)
	})
	t.Run("moved with the holder's key", func(t *testing.T) {
		w.T = t
		mint := w.minted(alice, token.Held)
		before := w.balance(a)
		w.do(token.Ask{Kind: token.Move, Form: token.Held, Mint: mint, From: a, To: b, FromSigns: true}, alice)
		w.is(mint, token.Held, bob)
		if left := w.account(w.holder(a, mint)); !left.Absent() || w.balance(a) != before {
			t.Errorf("old holder has %d lamports, had %d; account %+v", w.balance(a), before, left)
		}
	})
	t.Run("moved and released at once", func(t *testing.T) {
		w.T = t
		mint := w.minted(alice, token.Held)
		w.do(token.Ask{Kind: token.Move, Form: token.Free, Mint: mint, From: a, To: b})
		w.is(mint, token.Free, bob)
	})
	t.Run("refunded", func(t *testing.T) {
		w.T = t
		mint := w.minted(alice, token.Held)
		w.do(token.Ask{Kind: token.Burn, Mint: mint, From: a})
		w.is(mint, token.Burned, alice)
	})
	t.Run("refunded with the holder's key", func(t *testing.T) {
		w.T = t
		mint := w.minted(alice, token.Held)
		w.do(token.Ask{Kind: token.Burn, Mint: mint, From: a, FromSigns: true}, alice)
		w.is(mint, token.Burned, alice)
		if left := w.account(w.holder(a, mint)); !left.Absent() {
			t.Errorf("account is still there: %+v", left)
		}
	})
	t.Run("minted free, sent, and burned with the holder's key", func(t *testing.T) {
		w.T = t
		mint := w.minted(alice, token.Free)
		w.is(mint, token.Free, alice)
		w.do(token.Ask{Kind: token.Send, Mint: mint, From: a, To: b}, alice)
		w.is(mint, token.Free, bob)
		without := w.plan(token.Ask{Kind: token.Burn, Mint: mint, From: b})
		if without.Outcome != token.Conflict || without.Why != token.AlreadyFree {
			t.Errorf("burn of a free token without its holder: %+v", without)
		}
		w.do(token.Ask{Kind: token.Burn, Mint: mint, From: b, FromSigns: true}, bob)
		w.is(mint, token.Burned, bob)
	})
	t.Run("released, then sent", func(t *testing.T) {
		w.T = t
		mint := w.minted(alice, token.Held)
		early := w.plan(token.Ask{Kind: token.Send, Mint: mint, From: a, To: b})
		if early.Outcome != token.Wait || early.Why != token.StillHeld {
			t.Errorf("send of a held token: %+v", early)
		}
		w.do(token.Ask{Kind: token.Release, Mint: mint, From: a})
		w.do(token.Ask{Kind: token.Send, Mint: mint, From: a, To: b}, alice)
		w.is(mint, token.Free, bob)
	})
}

// TestOneKey plans for a platform whose payer is its authority.
func TestOneKey(t *testing.T) {
	w := newWorld(t)
	w.authority = w.payer
	w.roles.Authority = w.roles.Payer
	alice, bob := w.person(), w.person()
	mint := w.minted(alice, token.Held)
	w.do(token.Ask{Kind: token.Move, Form: token.Held, Mint: mint, From: alice.PublicKey(), To: bob.PublicKey(), FromSigns: true}, alice)
	w.do(token.Ask{Kind: token.Release, Mint: mint, From: bob.PublicKey()})
	w.is(mint, token.Free, bob)
}

// TestCommit writes a memo that the authority vouches for.
func TestCommit(t *testing.T) {
	w := newWorld(t)
	w.do(token.Ask{Kind: token.Commit, Memo: "conting:set:1:겨울:7:AAAA"})
	w.refusedAs("a memo whose signer has not signed", "MissingRequiredSignature", func() error {
		forged := solana.NewInstruction(memoprogram.ProgramID, solana.AccountMetaSlice{solana.Meta(w.roles.Authority)}, []byte("conting:set:1:x:1:AAAA"))
		_, err := w.send(w.payer, []solana.Instruction{forged})
		return err
	}())
}

// TestCollection makes tokens members of an event's collection.
func TestCollection(t *testing.T) {
	w := newWorld(t)
	alice := w.person()
	spec := token.Spec{Seed: token.GroupSeed([]byte("secret"), []byte("event")), Name: "겨울 음악회", Symbol: token.Symbol, URI: "https://tickets.example/e/1.json", Max: 2}
	group := token.Ask{Kind: token.Group, Mint: w.address(spec.Seed), Spec: spec}

	member := func() token.Ask {
		return w.described(alice, token.Held, token.Text{Event: "겨울 음악회", Zone: "A", Seat: "A-12-07", Class: "adult", URI: link, Group: group.Mint})
	}
	if p := w.plan(member()); p.Outcome != token.Wait || p.Why != token.NoGroup {
		t.Errorf("member of a collection that is not there: %+v", p)
	}
	w.do(group)
	w.do(member())
	last := member()
	w.do(last)
	p := w.plan(member())
	w.refused("one more than the collection may have", groupFull, w.stale(p))

	g, err := token.ReadMint(w.account(group.Mint).Data)
	if err != nil || g.Group == nil || g.Group.Size != 2 || g.Group.Max != 2 || g.Group.Authority != w.roles.Authority {
		t.Errorf("collection %+v: %v", g, err)
	}
	m, err := token.ReadMint(w.account(last.Mint).Data)
	if err != nil || m.MemberOf != group.Mint || m.MemberAt != last.Mint {
		t.Errorf("member %+v: %v", m, err)
	}
	w.do(token.Ask{Kind: token.Release, Mint: last.Mint, From: alice.PublicKey()})
	w.is(last.Mint, token.Free, alice)
}

// TestTextOnChain reads back what was written.
func TestTextOnChain(t *testing.T) {
	w := newWorld(t)
	alice := w.person()
	ask := w.ticket(alice, token.Held)
	w.do(ask)
	text := w.observe(ask.Mint, alice).Text
	if text == nil || text.Name != ask.Spec.Name || text.Symbol != "TICKET" || text.URI != ask.Spec.URI || text.Authority != w.roles.Authority {
		t.Fatalf("text is %+v, want %+v", text, ask.Spec)
	}
	if len(text.Extra) != len(ask.Spec.Extra) {
		t.Fatalf("pairs are %q, want %q", text.Extra, ask.Spec.Extra)
	}
	for i, p := range ask.Spec.Extra {
		if text.Extra[i] != p {
			t.Errorf("pair %d is %q, want %q", i, text.Extra[i], p)
		}
	}
}

// TestLongestText mints what Describe makes of texts that never end, alone and as a
// member of a collection, to an address that has lamports: the largest transactions
// there are. Few of their bytes are left unused.
func TestLongestText(t *testing.T) {
	w := newWorld(t)
	alice := w.person()
	group := token.Spec{Seed: token.GroupSeed([]byte("secret"), []byte("event")), Name: "x", URI: "https://x", Max: 1}
	w.do(token.Ask{Kind: token.Group, Mint: w.address(group.Seed), Spec: group})
	long := strings.Repeat("겨울음악회", 1000) // letters of three bytes each
	for _, of := range []token.Key{{}, w.address(group.Seed)} {
		ask := w.described(alice, token.Held, token.Text{Event: long, Date: long, Zone: long, Seat: long, Class: long, URI: link, Group: of})
		if err := w.net.Airdrop(t.Context(), ask.Mint.String(), sol/1000); err != nil {
			t.Fatal(err)
		}
		r := w.do(ask)
		if unused := token.MaxBytes - r.bytes; unused > 16 {
			t.Errorf("%d bytes are unused", unused)
		}
	}
}

// TestMemoNeeded moves a token to somebody who takes transfers only after a memo.
func TestMemoNeeded(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person(), w.person()
	mint := w.minted(alice, token.Held)
	there := token.Ask{Kind: token.Move, Form: token.Held, Mint: mint, From: alice.PublicKey(), To: bob.PublicKey()}
	plain := w.plan(there)
	at := w.holder(bob.PublicKey(), mint)
	w.taken("bob opens an account that wants memos", bob, []solana.Instruction{
		openFor(bob.PublicKey(), bob.PublicKey(), mint),
		t22.NewReallocateInstruction([]t22.ExtensionType{t22.ExtensionMemoTransfer}, at, bob.PublicKey(), bob.PublicKey(), nil).Build(),
		t22.NewEnableMemoTransferInstruction(at, bob.PublicKey(), nil).Build(),
	})
	w.refused("a transfer without a memo", noMemo, w.stale(plain))
	w.do(there)
	w.is(mint, token.Held, bob)
}
