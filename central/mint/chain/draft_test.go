package chain_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/gagliardetto/solana-go"
	"github.com/gagliardetto/solana-go/programs/system"

	"github.com/con-ting/conting/central/mint/chain"
)

// signerOf makes the same key of the same word.
func signerOf(t testing.TB, word string) chain.Signer {
	t.Helper()
	seed := sha256.Sum256([]byte(word))
	s, err := chain.NewSigner(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const payer = "payer"

type signed struct {
	wire []byte
	chain.Signed
}

// transfer is the simplest transaction, on a block hash that no cluster knows.
func transfer(t testing.TB, from string, to chain.Key, lamports uint64) signed {
	t.Helper()
	return transferAt(t, from, to, lamports, chain.Blockhash{Hash: genesis, LastHeight: 1140})
}

func transferAt(t testing.TB, from string, to chain.Key, lamports uint64, hash chain.Blockhash) signed {
	t.Helper()
	s := signerOf(t, from)
	d := chain.Draft{Payer: s.Public(), Instructions: []solana.Instruction{system.NewTransferInstruction(lamports, s.Public(), to).Build()}}
	tx, err := d.Sign(background, hash, s)
	if err != nil {
		t.Fatal(err)
	}
	return signed{tx.Wire, tx}
}

// touch is an instruction of nobody's that names accounts.
func touch(metas ...*solana.AccountMeta) solana.Instruction {
	return solana.NewInstruction(solana.MemoProgramID, metas, []byte("x"))
}

// An account that signs in one instruction and is written in another is written by the
// transaction, whatever the order of keys. NewTransaction alone gets half of them wrong.
func TestOrderOfKeys(t *testing.T) {
	wrong := 0
	for i := range 64 {
		pay, a, b := signerOf(t, "payer"), signerOf(t, fmt.Sprint("a", i)), signerOf(t, fmt.Sprint("b", i))
		instructions := []solana.Instruction{
			touch(solana.Meta(a.Public()).SIGNER(), solana.Meta(b.Public()).SIGNER()),
			touch(solana.Meta(b.Public()).WRITE()),
		}
		plain, err := solana.NewTransaction([]solana.Instruction{
			touch(solana.Meta(a.Public()).SIGNER(), solana.Meta(b.Public()).SIGNER()),
			touch(solana.Meta(b.Public()).WRITE()),
		}, genesis, solana.TransactionPayer(pay.Public()))
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := plain.IsWritable(b.Public()); err != nil || !ok {
			wrong++
		}
		for _, order := range [][]chain.Signer{{pay, a, b}, {b, a, pay}} {
			got, err := chain.Draft{Payer: pay.Public(), Instructions: instructions}.Sign(t.Context(), chain.Blockhash{Hash: genesis}, order...)
			if err != nil {
				t.Fatal(err)
			}
			tx, err := solana.TransactionFromBytes(got.Wire)
			if err != nil {
				t.Fatal(err)
			}
			if err := tx.VerifySignatures(); err != nil {
				t.Fatal(err)
			}
			writes := map[chain.Key]bool{pay.Public(): true, b.Public(): true}
			for _, k := range tx.Message.AccountKeys {
				ok, err := tx.IsWritable(k)
				if err != nil || ok != writes[k] {
					t.Errorf("transaction %d: key %s written: %t, %v; want %t", i, k, ok, err, writes[k])
				}
			}
			if tx.Message.Header.NumRequiredSignatures != 3 || tx.Message.AccountKeys[0] != pay.Public() {
				t.Errorf("transaction %d: header %+v, payer %s", i, tx.Message.Header, tx.Message.AccountKeys[0])
			}
		}
	}
	if wrong == 0 {
		t.Error("solana.NewTransaction gets all right now: level has had its day")
	}
}

// The instructions that are handed over stay as they were.
func TestDraftChangesNothing(t *testing.T) {
	a, pay := signerOf(t, "a"), signerOf(t, payer)
	first, second := solana.Meta(a.Public()).SIGNER(), solana.Meta(a.Public()).WRITE()
	d := chain.Draft{Payer: pay.Public(), Instructions: []solana.Instruction{touch(first), touch(second)}}
	if _, err := d.Sign(t.Context(), chain.Blockhash{Hash: genesis}, a, pay); err != nil {
		t.Fatal(err)
	}
	if first.IsWritable || second.IsSigner {
		t.Errorf("got %+v and %+v", first, second)
	}
	if got := d.Writes(); len(got) != 2 || got[0] != pay.Public() || got[1] != a.Public() {
		t.Errorf("writes %v", got)
	}
}

func TestFee(t *testing.T) {
	pay, other := signerOf(t, payer), signerOf(t, "other")
	for _, c := range []struct {
		units uint32
		price uint64
		both  bool
		want  int64
		extra int // instructions of the budget
	}{
		{0, 0, false, 5000, 0},
		{0, 0, true, 10000, 0},
		{40_000, 0, false, 5000, 1},
		{40_000, 1, false, 5001, 2},
		{40_000, 1000, false, 5040, 2},
		{40_001, 1000, true, 10041, 2},
		{1_400_000, 1e12, false, 5000 + 1_400_000_000_000, 2},
	} {
		metas := []*solana.AccountMeta{solana.Meta(pay.Public()).SIGNER()}
		if c.both {
			metas = append(metas, solana.Meta(other.Public()).SIGNER())
		}
		got, err := chain.Draft{Payer: pay.Public(), Units: c.units, Price: c.price, Instructions: []solana.Instruction{touch(metas...)}}.
			Sign(t.Context(), chain.Blockhash{Hash: genesis, LastHeight: 7}, other, pay)
		if err != nil || got.Fee != c.want || got.LastHeight != 7 {
			t.Errorf("%+v: got %+v, %v", c, got, err)
			continue
		}
		tx, err := solana.TransactionFromBytes(got.Wire)
		if err != nil || len(tx.Message.Instructions) != 1+c.extra || tx.Signatures[0] != got.Signature {
			t.Errorf("%+v: %d instructions, %v", c, len(tx.Message.Instructions), err)
		}
	}
}

// broken signers
type (
	liar   struct{ chain.Signer }
	silent struct{ chain.Signer }
)

func (liar) Sign(context.Context, []byte) (chain.Signature, error) { return chain.Signature{1}, nil }

func (silent) Sign(ctx context.Context, _ []byte) (chain.Signature, error) {
	<-ctx.Done()
	return chain.Signature{}, ctx.Err()
}

var errNoHSM = errors.New("no such slot")

type broke struct{ chain.Signer }

func (broke) Sign(context.Context, []byte) (chain.Signature, error) {
	return chain.Signature{}, errNoHSM
}

func TestBadDrafts(t *testing.T) {
	pay := signerOf(t, payer)
	good := chain.Draft{Payer: pay.Public(), Instructions: []solana.Instruction{touch()}}
	hash := chain.Blockhash{Hash: genesis}
	for name, c := range map[string]struct {
		spoil   func(*chain.Draft)
		signers []chain.Signer
		want    error
	}{
		"nothing to do":  {func(d *chain.Draft) { d.Instructions = nil }, []chain.Signer{pay}, chain.ErrRejected},
		"nobody pays":    {func(d *chain.Draft) { d.Payer = chain.Key{} }, []chain.Signer{pay}, chain.ErrRejected},
		"too many units": {func(d *chain.Draft) { d.Units = 1_400_001 }, []chain.Signer{pay}, chain.ErrRejected},
		"price alone":    {func(d *chain.Draft) { d.Price = 1 }, []chain.Signer{pay}, chain.ErrRejected},
		"absurd price":   {func(d *chain.Draft) { d.Units, d.Price = 1, 1e12+1 }, []chain.Signer{pay}, chain.ErrRejected},
		"too large": {func(d *chain.Draft) {
			d.Instructions = []solana.Instruction{solana.NewInstruction(solana.MemoProgramID, nil, make([]byte, 1200))}
		}, []chain.Signer{pay}, chain.ErrTooLarge},
		"too many accounts": {func(d *chain.Draft) {
			var metas []*solana.AccountMeta
			for i := range 300 {
				metas = append(metas, solana.Meta(numbered(i)))
			}
			d.Instructions = []solana.Instruction{touch(metas...)}
		}, []chain.Signer{pay}, chain.ErrTooLarge},
		"nobody signs":    {nil, nil, chain.ErrSigner},
		"another signs":   {nil, []chain.Signer{signerOf(t, "other")}, chain.ErrSigner},
		"wrong signature": {nil, []chain.Signer{liar{pay}}, chain.ErrSigner},
		"broken":          {nil, []chain.Signer{broke{pay}}, errNoHSM},
	} {
		d := good
		if c.spoil != nil {
			c.spoil(&d)
		}
		got, err := d.Sign(t.Context(), hash, c.signers...)
		if !errors.Is(err, c.want) || got.Wire != nil {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := good.Sign(ctx, hash, silent{pay}); !errors.Is(err, context.Canceled) || errors.Is(err, chain.ErrSigner) {
		t.Errorf("got %v", err)
	}
	// the longest that fits
	for size := range 1232 {
		d := good
		d.Instructions = []solana.Instruction{solana.NewInstruction(solana.MemoProgramID, nil, make([]byte, size))}
		got, err := d.Sign(t.Context(), hash, pay)
		if errors.Is(err, chain.ErrTooLarge) {
			if size < 1000 {
				t.Errorf("%d bytes are too many", size)
			}
			return
		}
		if err != nil || len(got.Wire) > 1232 {
			t.Fatalf("%d bytes of data make %d, %v", size, len(got.Wire), err)
		}
	}
	t.Error("anything fits")
}
