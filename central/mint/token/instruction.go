package token

import (
	"github.com/gagliardetto/solana-go"
	ata "github.com/gagliardetto/solana-go/programs/associated-token-account"
	memoprogram "github.com/gagliardetto/solana-go/programs/memo"
	"github.com/gagliardetto/solana-go/programs/system"
	t22 "github.com/gagliardetto/solana-go/programs/token-2022"
)

// Here stand the instructions that solana-go has right, each with what is the same in all
// of ours: one token without decimals, one authority, no multisignature.

// create makes the mint's account, which the payer pays for and the authority derives.
func (r Roles) create(mint Key, seed string, lamports, space uint64) solana.Instruction {
	return system.NewCreateAccountWithSeedInstruction(r.Authority, seed, lamports, space,
		solana.Token2022ProgramID, r.Payer, mint, r.Authority).Build()
}

// allocate makes an account of an address that has lamports already, and gives it to
// Token-2022. The system program refuses to create one there.
func (r Roles) allocate(mint Key, seed string, space uint64) solana.Instruction {
	return system.NewAllocateWithSeedInstruction(r.Authority, seed, space,
		solana.Token2022ProgramID, mint, r.Authority).Build()
}

func (r Roles) topUp(at Key, lamports uint64) solana.Instruction {
	return system.NewTransferInstruction(lamports, r.Payer, at).Build()
}

// open makes a wallet's associated account; it does nothing if there is one.
func (r Roles) open(wallet, mint Key) solana.Instruction {
	return ata.NewCreateIdempotentInstructionWithTokenProgram(r.Payer, wallet, mint, solana.Token2022ProgramID).Build()
}

// initMint is the last of a mint's initialisers: its extensions' come before.
func (r Roles) initMint(mint Key, freezable bool) solana.Instruction {
	b := t22.NewInitializeMint2InstructionBuilder().SetDecimals(0).SetMintAuthority(r.Authority).SetMintAccount(mint)
	if freezable {
		b.SetFreezeAuthority(r.Authority)
	}
	return b.Build()
}

func (r Roles) initDelegate(mint Key) solana.Instruction {
	return t22.NewInitializePermanentDelegateInstruction(r.Authority, mint).Build()
}

func initBornFrozen(mint Key) solana.Instruction {
	return t22.NewInitializeDefaultAccountStateInstruction(t22.AccountStateFrozen, mint).Build()
}

func (r Roles) setBornOpen(mint Key) solana.Instruction {
	return t22.NewUpdateDefaultAccountStateInstruction(t22.AccountStateInitialized, mint, r.Authority, nil).Build()
}

func (r Roles) mintOne(mint, to Key) solana.Instruction {
	return t22.NewMintToInstruction(1, mint, to, r.Authority, nil).Build()
}

func (r Roles) thaw(at, mint Key) solana.Instruction {
	return t22.NewThawAccountInstruction(at, mint, r.Authority, nil).Build()
}

func (r Roles) freeze(at, mint Key) solana.Instruction {
	return t22.NewFreezeAccountInstruction(at, mint, r.Authority, nil).Build()
}

// giveUp drops one of the authority's powers for ever.
func (r Roles) giveUp(power t22.AuthorityType, mint Key) solana.Instruction {
	return t22.NewSetAuthorityInstructionBuilder().SetAuthorityType(power).
		SetSubjectAccount(mint).SetAuthorityAccount(r.Authority).Build()
}

// transfer moves the token; who is its owner or the permanent delegate.
func transfer(from, mint, to, who Key) solana.Instruction {
	return t22.NewTransferCheckedInstruction(1, 0, from, mint, to, who, nil).Build()
}

func burn(at, mint, who Key) solana.Instruction {
	return t22.NewBurnCheckedInstruction(1, 0, at, mint, who, nil).Build()
}

// shut closes an empty account; its rent goes to the payer.
func (r Roles) shut(at, owner Key) solana.Instruction {
	return t22.NewCloseAccountInstruction(at, r.Payer, owner, nil).Build()
}

// memo writes a text that signers vouch for.
func memo(text string, signers ...Key) solana.Instruction {
	b := memoprogram.NewMemoInstructionBuilder().SetMessage([]byte(text))
	for _, k := range signers {
		b.AddSigner(k)
	}
	return b.Build()
}
