package token_test

import (
	"testing"

	"github.com/gagliardetto/solana-go"
	"github.com/gagliardetto/solana-go/programs/system"
	t22 "github.com/gagliardetto/solana-go/programs/token-2022"

	"github.com/con-ting/conting/central/mint/token"
)

// TestFreeIsFree holds a free token to its word, whether it was minted so or released:
// its holder can do everything with it, the platform nothing but freeze, and of one that
// was minted free not even that.
func TestFreeIsFree(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person(), w.person()
	a, b := alice.PublicKey(), bob.PublicKey()
	for _, how := range []string{"minted free", "released"} {
		t.Run(how, func(t *testing.T) {
			w.T = t
			form := token.Free
			if how == "released" {
				form = token.Held
			}
			mint := w.minted(alice, form)
			mine, theirs := w.holder(a, mint), w.holder(b, mint)
			if how == "released" {
				w.do(token.Ask{Kind: token.Release, Mint: mint, From: a})
			}
			power := w.roles.Authority
			no := func(what string, code uint32, ix solana.Instruction) {
				t.Helper()
				_, err := w.send(w.payer, []solana.Instruction{ix}, w.authority)
				w.refused("platform: "+what, code, err)
			}
			w.taken("an account to move it to", bob, []solana.Instruction{openFor(b, b, mint)})
			no("transfer", ownerMismatch, transfer(mine, mint, theirs, power))
			no("burn", ownerMismatch, t22.NewBurnCheckedInstruction(1, 0, mine, mint, power, nil).Build())
			no("mint one more", fixedSupply, t22.NewMintToInstruction(1, mint, mine, power, nil).Build())
			no("mint again", fixedSupply, t22.NewSetAuthorityInstruction(t22.AuthorityMintTokens, power, mint, power, nil).Build())
			if how == "released" {
				no("become the delegate again", authorityUnsupported, t22.NewSetAuthorityInstruction(t22.AuthorityPermanentDelegate, power, mint, power, nil).Build())
			} else {
				no("freeze", cannotFreeze, t22.NewFreezeAccountInstruction(mine, mint, power, nil).Build())
				_, err := w.send(w.payer, []solana.Instruction{t22.NewSetAuthorityInstruction(t22.AuthorityPermanentDelegate, power, mint, power, nil).Build()}, w.authority)
				w.refusedAs("platform: become the delegate", "InvalidAccountData", err)
			}

			carol := w.person()
			c := carol.PublicKey()
			w.taken("holder approves", alice, []solana.Instruction{t22.NewApproveInstruction(1, mine, c, a, nil).Build()})
			w.taken("who was approved moves it", carol, []solana.Instruction{transfer(mine, mint, theirs, c)})
			w.is(mint, token.Free, bob)
			w.taken("a sale: both sign, money one way, the token the other", bob, []solana.Instruction{
				openFor(b, c, mint),
				system.NewTransferInstruction(sol, c, b).Build(),
				transfer(theirs, mint, w.holder(c, mint), b),
			}, carol)
			w.is(mint, token.Free, carol)
			_, err := w.send(alice, []solana.Instruction{transfer(w.holder(c, mint), mint, mine, a)})
			w.refused("who had it takes it back", ownerMismatch, err)
			w.taken("holder burns it", carol, []solana.Instruction{t22.NewBurnCheckedInstruction(1, 0, w.holder(c, mint), mint, c, nil).Build()})
			w.is(mint, token.Burned, carol)
		})
	}
}

// TestOpenedBefore is about an account that was opened while the token was held: it
// stays frozen, and only the authority can help.
func TestOpenedBefore(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person(), w.person()
	a, b := alice.PublicKey(), bob.PublicKey()
	mint := w.minted(alice, token.Held)
	w.taken("bob is early", bob, []solana.Instruction{openFor(b, b, mint)})
	w.do(token.Ask{Kind: token.Release, Mint: mint, From: a})
	mine, theirs := w.holder(a, mint), w.holder(b, mint)
	_, err := w.send(alice, []solana.Instruction{transfer(mine, mint, theirs, a)})
	w.refused("transfer to the early one", frozen, err)

	early := w.plan(token.Ask{Kind: token.Send, Mint: mint, From: a, To: b})
	if len(early.Signers) != 2 {
		t.Errorf("send to a frozen account is signed by %s, want authority and holder", early.Signers)
	}
	w.do(token.Ask{Kind: token.Release, Mint: mint, From: b})
	w.taken("transfer to the early one, thawed", alice, []solana.Instruction{transfer(mine, mint, theirs, a)})
	w.is(mint, token.Free, bob)
	w.do(token.Ask{Kind: token.Send, Mint: mint, From: b, To: a}, bob)
	w.is(mint, token.Free, alice)
}
