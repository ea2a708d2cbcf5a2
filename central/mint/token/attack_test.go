package token_test

import (
	"testing"

	"github.com/gagliardetto/solana-go"
	ata "github.com/gagliardetto/solana-go/programs/associated-token-account"
	"github.com/gagliardetto/solana-go/programs/system"
	t22 "github.com/gagliardetto/solana-go/programs/token-2022"

	"github.com/con-ting/conting/central/mint/token"
)

// What Token-2022, and the system program, say.
const (
	inUse                = 0x0 // of the system program: there is an account already
	insufficient         = 0x1
	ownerMismatch        = 0x4
	fixedSupply          = 0x5
	hasBalance           = 0xb
	invalidInstruction   = 0xc
	invalidState         = 0xd
	authorityUnsupported = 0xf
	cannotFreeze         = 0x10
	frozen               = 0x11
	noMemo               = 0x24
	groupFull            = 0xcb_0a_69_59 // of the group interface: SizeExceedsMaxSize
)

func openFor(payer, wallet, mint token.Key) solana.Instruction {
	return ata.NewCreateIdempotentInstructionWithTokenProgram(payer, wallet, mint, solana.Token2022ProgramID).Build()
}

func transfer(from, mint, to, who token.Key) solana.Instruction {
	return t22.NewTransferCheckedInstruction(1, 0, from, mint, to, who, nil).Build()
}

// TestHolderCannot tries all that the holder of a held token, and a stranger, might try,
// who both have lamports and may open any account they like.
func TestHolderCannot(t *testing.T) {
	w := newWorld(t)
	alice, mallory := w.person(), w.person()
	a, m := alice.PublicKey(), mallory.PublicKey()
	mint := w.minted(alice, token.Held)
	mine, theirs := w.holder(a, mint), w.holder(m, mint)
	w.taken("anybody may open an account", mallory, []solana.Instruction{openFor(m, m, mint)})

	attacks := []struct {
		what string
		code uint32
		ix   func(who token.Key) solana.Instruction
		// stranger's code, where it is another than the holder's
		stranger uint32
	}{
		{"transfer", frozen, func(who token.Key) solana.Instruction { return transfer(mine, mint, theirs, who) }, frozen},
		{"transfer without check", frozen, func(who token.Key) solana.Instruction {
			return t22.NewTransferInstruction(1, mine, theirs, who, nil).Build()
		}, frozen},
		{"burn", frozen, func(who token.Key) solana.Instruction {
			return t22.NewBurnCheckedInstruction(1, 0, mine, mint, who, nil).Build()
		}, frozen},
		{"approve", frozen, func(who token.Key) solana.Instruction {
			return t22.NewApproveInstruction(1, mine, m, who, nil).Build()
		}, frozen},
		{"revoke", frozen, func(who token.Key) solana.Instruction {
			return t22.NewRevokeInstruction(mine, who, nil).Build()
		}, frozen},
		{"thaw", ownerMismatch, func(who token.Key) solana.Instruction {
			return t22.NewThawAccountInstruction(mine, mint, who, nil).Build()
		}, ownerMismatch},
		{"change the owner", frozen, func(who token.Key) solana.Instruction {
			return t22.NewSetAuthorityInstruction(t22.AuthorityAccountOwner, m, mine, who, nil).Build()
		}, frozen},
		{"give away closing", frozen, func(who token.Key) solana.Instruction {
			return t22.NewSetAuthorityInstruction(t22.AuthorityCloseAccount, m, mine, who, nil).Build()
		}, frozen},
		{"close", hasBalance, func(who token.Key) solana.Instruction {
			return t22.NewCloseAccountInstruction(mine, who, who, nil).Build()
		}, hasBalance},
		{"mint one more", frozen, func(who token.Key) solana.Instruction {
			return t22.NewMintToInstruction(1, mint, mine, who, nil).Build()
		}, frozen},
		{"let accounts be born open", ownerMismatch, func(who token.Key) solana.Instruction {
			return t22.NewUpdateDefaultAccountStateInstruction(t22.AccountStateInitialized, mint, who, nil).Build()
		}, ownerMismatch},
		{"take over freezing", ownerMismatch, func(who token.Key) solana.Instruction {
			return t22.NewSetAuthorityInstruction(t22.AuthorityFreezeAccount, who, mint, who, nil).Build()
		}, ownerMismatch},
		{"take over as delegate", ownerMismatch, func(who token.Key) solana.Instruction {
			return t22.NewSetAuthorityInstruction(t22.AuthorityPermanentDelegate, who, mint, who, nil).Build()
		}, ownerMismatch},
		{"take over minting", fixedSupply, func(who token.Key) solana.Instruction {
			return t22.NewSetAuthorityInstruction(t22.AuthorityMintTokens, who, mint, who, nil).Build()
		}, fixedSupply},
	}
	for _, x := range attacks {
		_, err := w.send(alice, []solana.Instruction{x.ix(a)})
		w.refused("holder: "+x.what, x.code, err)
		_, err = w.send(mallory, []solana.Instruction{x.ix(m)})
		w.refused("stranger: "+x.what, x.stranger, err)
	}
	for _, who := range []solana.PrivateKey{alice, mallory} {
		_, err := w.send(who, []solana.Instruction{token.SetPair(mint, who.PublicKey(), token.Pair{Key: "seat", Value: "VIP"})})
		w.refused("rewrite the seat", wrongTextAuthority, err)
	}
	for _, who := range []solana.PrivateKey{alice, mallory} {
		_, err := w.send(who, []solana.Instruction{t22.NewCloseAccountInstruction(mint, who.PublicKey(), who.PublicKey(), nil).Build()})
		w.refusedAs("close the mint", "InvalidAccountData", err)
	}
	w.is(mint, token.Held, alice)

	// not even the permanent delegate acts on a frozen account
	_, err := w.send(w.payer, []solana.Instruction{transfer(mine, mint, theirs, w.roles.Authority)}, w.authority)
	w.refused("delegate transfers while frozen", frozen, err)
	_, err = w.send(w.payer, []solana.Instruction{t22.NewBurnCheckedInstruction(1, 0, mine, mint, w.roles.Authority, nil).Build()}, w.authority)
	w.refused("delegate burns while frozen", frozen, err)
}

// wrongTextAuthority is the metadata interface's IncorrectUpdateAuthority.
const wrongTextAuthority = 0x35_c2_b5_c0

// TestOldHolder is about the account that a move leaves behind.
func TestOldHolder(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person(), w.person()
	a, b := alice.PublicKey(), bob.PublicKey()
	mint := w.minted(alice, token.Held)
	there := token.Ask{Kind: token.Move, Form: token.Held, Mint: mint, From: a, To: b}
	back := token.Ask{Kind: token.Move, Form: token.Held, Mint: mint, From: b, To: a}
	w.do(there)
	old, now := w.holder(a, mint), w.holder(b, mint)

	_, err := w.send(alice, []solana.Instruction{transfer(now, mint, old, a)})
	w.refused("old holder takes it back", frozen, err)
	_, err = w.send(alice, []solana.Instruction{t22.NewApproveInstruction(1, old, a, a, nil).Build()})
	w.refused("old holder prepares the account for its return", frozen, err)
	_, err = w.send(alice, []solana.Instruction{t22.NewSetAuthorityInstruction(t22.AuthorityCloseAccount, a, old, a, nil).Build()})
	w.refused("old holder takes over closing", frozen, err)

	// what they can do is to close it and keep its rent: that of one account, once a move
	held, before := w.account(old).Lamports, w.balance(a)
	r := w.taken("old holder closes the account", alice, []solana.Instruction{t22.NewCloseAccountInstruction(old, a, a, nil).Build()})
	if got := int64(w.balance(a)) - int64(before); got != int64(held)-r.fee {
		t.Errorf("old holder gained %d lamports, the account had %d", got, held)
	}
	w.is(mint, token.Held, bob)

	// one that they open anew is born frozen, and it can be sent back there
	w.taken("old holder opens it again", alice, []solana.Instruction{openFor(a, a, mint)})
	if o := w.observe(mint, alice); !o.Frozen || o.Holds {
		t.Errorf("account that was opened again: %+v", o)
	}
	w.do(back)
	w.is(mint, token.Held, alice)

	// and between reading and sending the receiver may close theirs, or open one
	plan := w.plan(there)
	w.taken("receiver closes the account", bob, []solana.Instruction{t22.NewCloseAccountInstruction(now, b, b, nil).Build()})
	if err := w.stale(plan); err != nil {
		t.Errorf("receiver has closed the account meanwhile: %v", err)
	}
	w.is(mint, token.Held, bob)
	carol := w.person()
	on := token.Ask{Kind: token.Move, Form: token.Held, Mint: mint, From: b, To: carol.PublicKey()}
	plan = w.plan(on)
	w.taken("receiver opens an account", carol, []solana.Instruction{openFor(carol.PublicKey(), carol.PublicKey(), mint)})
	if err := w.stale(plan); err != nil {
		t.Errorf("receiver has opened an account meanwhile: %v", err)
	}
	w.is(mint, token.Held, carol)
}

// TestRepeated sends each kind of transaction twice, as a worker would that signed anew
// what was on its way: the second is refused, and changes nothing.
func TestRepeated(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person(), w.person()
	a, b := alice.PublicKey(), bob.PublicKey()
	twice := func(what string, code uint32, ask token.Ask, people ...solana.PrivateKey) {
		t.Helper()
		p := w.plan(ask)
		w.do(ask, people...)
		w.refused(what, code, w.stale(p, people...))
	}
	ask := w.ticket(alice, token.Held)
	twice("mint", inUse, ask)
	twice("move", insufficient, token.Ask{Kind: token.Move, Form: token.Held, Mint: ask.Mint, From: a, To: b})
	w.is(ask.Mint, token.Held, bob)
	twice("release", invalidState, token.Ask{Kind: token.Release, Mint: ask.Mint, From: b})
	w.is(ask.Mint, token.Free, bob)
	twice("send to an account from before", invalidState, token.Ask{Kind: token.Send, Mint: ask.Mint, From: b, To: a}, bob)
	send := token.Ask{Kind: token.Send, Mint: ask.Mint, From: a, To: w.person().PublicKey()}
	p := w.plan(send)
	w.do(send, alice)
	w.refusedAs("send to a new one", "IncorrectProgramId", w.stale(p, alice))

	mint := w.minted(alice, token.Held)
	twice("burn", invalidState, token.Ask{Kind: token.Burn, Mint: mint, From: a})
	free := w.ticket(alice, token.Free)
	twice("mint free", inUse, free)
}

// TestStaleMintAfterBurn is about a mint that was signed before a refund and comes after.
func TestStaleMintAfterBurn(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person(), w.person()
	ask := w.ticket(alice, token.Held)
	stale := w.plan(ask)
	w.do(ask)
	w.do(token.Ask{Kind: token.Burn, Mint: ask.Mint, From: alice.PublicKey()})
	w.refused("stale mint", inUse, w.stale(stale))
	if p := w.plan(ask); p.Outcome != token.Tombstone {
		t.Errorf("mint of a burned token: %+v", p)
	}
	other := ask
	other.To = bob.PublicKey()
	if p := w.plan(other); p.Outcome != token.Tombstone {
		t.Errorf("mint of a burned token for somebody else: %+v", p)
	}
	_, err := w.send(w.payer, []solana.Instruction{
		t22.NewMintToInstruction(1, ask.Mint, w.holder(alice.PublicKey(), ask.Mint), w.roles.Authority, nil).Build(),
	}, w.authority)
	w.refused("the authority mints into a tombstone", fixedSupply, err)
	_, err = w.send(w.payer, []solana.Instruction{
		t22.NewCloseAccountInstruction(ask.Mint, w.roles.Payer, w.roles.Authority, nil).Build(),
	}, w.authority)
	w.refusedAs("the authority closes a tombstone", "InvalidAccountData", err)
	w.is(ask.Mint, token.Burned, alice)
}

// TestPrefunded is about lamports that somebody sends to addresses before they are used.
func TestPrefunded(t *testing.T) {
	w := newWorld(t)
	alice, mallory := w.person(), w.person()
	for _, lamports := range []uint64{890_880, 10 * sol} { // less and more than the rent
		ask := w.ticket(alice, token.Held)
		before := w.plan(ask)
		at := w.holder(alice.PublicKey(), ask.Mint)
		w.taken("squatter funds mint and account", mallory, []solana.Instruction{
			system.NewTransferInstruction(lamports, mallory.PublicKey(), ask.Mint).Build(),
			system.NewTransferInstruction(lamports, mallory.PublicKey(), at).Build(),
		})
		w.refused("plan from before", inUse, w.stale(before))
		funded := w.plan(ask)
		w.do(ask)
		w.is(ask.Mint, token.Held, alice)
		w.refused("minted twice", inUse, w.stale(funded))
	}
}

// TestForeign is about accounts at a token's address that are none of ours.
func TestForeign(t *testing.T) {
	w := newWorld(t)
	alice, mallory := w.person(), w.person()
	plain := w.ticket(alice, token.Held)
	w.taken("a mint without any extension", w.payer, []solana.Instruction{
		system.NewCreateAccountWithSeedInstruction(w.roles.Authority, plain.Spec.Seed, w.rent(82), 82, solana.Token2022ProgramID, w.roles.Payer, plain.Mint, w.roles.Authority).Build(),
		t22.NewInitializeMint2Instruction(0, w.roles.Authority, w.roles.Authority, plain.Mint).Build(),
	}, w.authority)
	if p := w.plan(plain); p.Outcome != token.Conflict || p.Why != token.NotOurs {
		t.Errorf("a plain mint: %+v", p)
	}

	// a token that is elsewhere than the database says
	mint := w.minted(alice, token.Held)
	for _, ask := range []token.Ask{
		{Kind: token.Move, Form: token.Held, Mint: mint, From: mallory.PublicKey(), To: w.roles.Payer},
		{Kind: token.Burn, Mint: mint, From: mallory.PublicKey()},
		{Kind: token.Release, Mint: mint, From: mallory.PublicKey()},
	} {
		if p := w.plan(ask); p.Outcome != token.Conflict || p.Why != token.Elsewhere {
			t.Errorf("kind %d of a token that is elsewhere: %+v", ask.Kind, p)
		}
	}

	// somebody else cannot make an account at an address that is ours
	ask := w.ticket(alice, token.Held)
	_, err := w.send(mallory, []solana.Instruction{
		system.NewCreateAccountWithSeedInstruction(mallory.PublicKey(), ask.Spec.Seed, w.rent(82), 82, solana.Token2022ProgramID, mallory.PublicKey(), ask.Mint, mallory.PublicKey()).Build(),
	})
	w.refused("a stranger makes an account there", addressMismatch, err)
}

// addressMismatch is the system program's AddressWithSeedMismatch.
const addressMismatch = 0x5
