package token_test

import (
	"bytes"
	"testing"

	"github.com/gagliardetto/solana-go"
	"github.com/gagliardetto/solana-go/programs/system"
	t22 "github.com/gagliardetto/solana-go/programs/token-2022"

	"github.com/con-ting/conting/central/mint/token"
)

// TestOrderBug sends transactions in which an account is a read-only signer of one
// instruction and written by another, with the other signer's key before and after. If
// the first of them is taken as it is, solana-go has been mended, and Normalise can go.
func TestOrderBug(t *testing.T) {
	w := newWorld(t)
	for _, before := range []bool{true, false} {
		one, other := w.person(), w.person()
		for (bytes.Compare(other.PublicKey().Bytes(), one.PublicKey().Bytes()) < 0) != before {
			other = w.person()
		}
		list := func() []solana.Instruction {
			return []solana.Instruction{
				token.Memo("both", one.PublicKey(), other.PublicKey()),
				system.NewTransferInstruction(1, w.roles.Payer, one.PublicKey()).Build(), // writes one
			}
		}
		_, err := w.send(w.payer, list(), one, other)
		if before {
			w.refusedAs("as it is, other key first", "ReadonlyLamportChange", err)
		} else if err != nil {
			t.Errorf("as it is, other key last: %v", err)
		}
		straight, err := token.Normalise(list())
		if err != nil {
			t.Fatal(err)
		}
		w.taken("normalised", w.payer, straight, one, other)
	}
}

// TestNormaliseKeepsInput: NewTransaction writes into what it is given; Normalise does
// not.
func TestNormaliseKeepsInput(t *testing.T) {
	a, b := newKey(t).PublicKey(), newKey(t).PublicKey()
	list := []solana.Instruction{token.Memo("x", b), system.NewTransferInstruction(1, a, b).Build()}
	straight, err := token.Normalise(list)
	if err != nil {
		t.Fatal(err)
	}
	if list[0].Accounts()[0].IsWritable || !straight[0].Accounts()[0].IsWritable || !straight[1].Accounts()[1].IsSigner {
		t.Errorf("input %+v, output %+v", list[0].Accounts()[0], straight[1].Accounts()[1])
	}
}

// TestPointerBug holds Token-2022 against solana-go's initialisers of pointers, and
// against ours.
func TestPointerBug(t *testing.T) {
	w := newWorld(t)
	who := w.roles.Authority
	for _, x := range []struct {
		what   string
		number byte
		theirs func(mint token.Key) solana.Instruction
	}{
		{"metadata", token.MetadataPointer, func(mint token.Key) solana.Instruction {
			return t22.NewInitializeMetadataPointerInstruction(&who, &mint, mint).Build()
		}},
		{"group", token.GroupPointer, func(mint token.Key) solana.Instruction {
			return t22.NewInitializeGroupPointerInstruction(&who, &mint, mint).Build()
		}},
		{"member", token.GroupMemberPointer, func(mint token.Key) solana.Instruction {
			return t22.NewInitializeGroupMemberPointerInstruction(&who, &mint, mint).Build()
		}},
	} {
		const space = 165 + 1 + 4 + 64
		key := newKey(t)
		mint := key.PublicKey()
		with := func(pointer solana.Instruction) []solana.Instruction {
			return []solana.Instruction{
				system.NewCreateAccountInstruction(w.rent(space), space, solana.Token2022ProgramID, w.roles.Payer, mint).Build(),
				pointer,
				t22.NewInitializeMint2Instruction(0, who, who, mint).Build(),
			}
		}
		_, err := w.send(w.payer, with(x.theirs(mint)), key)
		w.refusedAs("solana-go's, "+x.what, "InvalidInstructionData", err)
		w.taken("ours, "+x.what, w.payer, with(token.InitPointer(x.number, mint)), key)
	}
}

// TestBadTextOnChain sends what PlanFor would not: Token-2022 refuses text that is no
// UTF-8, and nodes what is too long.
func TestBadTextOnChain(t *testing.T) {
	w := newWorld(t)
	alice := w.person()
	mint := w.minted(alice, token.Held)
	set := func(value string) error {
		_, err := w.send(w.payer, []solana.Instruction{token.SetPair(mint, w.roles.Authority, token.Pair{Key: "seat", Value: value})}, w.authority)
		return err
	}
	w.refused("a value that is no UTF-8", invalidInstruction, set("A-\xff\xfe"))
	if err := set(string(bytes.Repeat([]byte("x"), token.MaxBytes))); err == nil {
		t.Error("a value as long as a transaction was taken")
	}
	w.refusedAs("a value that nobody has paid the rent of", `{"InsufficientFundsForRent":{"account_index":2}}`, set("A much longer seat than before"))
	w.is(mint, token.Held, alice)
}
