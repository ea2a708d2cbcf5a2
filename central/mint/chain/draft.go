package chain

import (
	"context"
	"fmt"

	"github.com/gagliardetto/solana-go"
	budget "github.com/gagliardetto/solana-go/programs/compute-budget"
)

// MaxWire is the longest transaction, in bytes.
const MaxWire = 1232

// SignatureFee is what each signature costs, in lamports.
const SignatureFee = 5000

// microLamports are a lamport.
const microLamports = 1_000_000

// Draft is a transaction that nobody has signed yet.
type Draft struct {
	Instructions []solana.Instruction
	Payer        Key
	Units        uint32 // limit of compute units, at most 1,400,000; the cluster's own if zero
	Price        uint64 // micro-lamports a unit, for priority; needs Units
}

// Signed is a transaction that can be sent.
type Signed struct {
	Wire       []byte
	Signature  Signature
	LastHeight uint64 // the block hash's
	Fee        int64  // lamports that it costs if it gets into a block
}

// Unsigned returns the transaction's bytes with empty signatures, to be simulated.
// Errors wrap [ErrTooLarge] or [ErrRejected].
func (d Draft) Unsigned(hash Hash) ([]byte, error) {
	tx, err := d.compile(hash)
	if err != nil {
		return nil, err
	}
	tx.Signatures = make([]Signature, tx.Message.Header.NumRequiredSignatures)
	return encode(tx)
}

// Sign has each signer that the transaction needs sign it. Signers that it does not need
// are not asked. Errors wrap [ErrTooLarge], [ErrSigner], [ErrRejected] or the context's.
func (d Draft) Sign(ctx context.Context, hash Blockhash, signers ...Signer) (Signed, error) {
	tx, err := d.compile(hash.Hash)
	if err != nil {
		return Signed{}, err
	}
	tx.Signatures = make([]Signature, tx.Message.Header.NumRequiredSignatures)
	if _, err := encode(tx); err != nil { // before anybody is asked to sign
		return Signed{}, err
	}
	message, err := tx.Message.MarshalBinary()
	if err != nil {
		return Signed{}, fmt.Errorf("%w: %w", ErrRejected, err)
	}
	for i, key := range tx.Message.AccountKeys[:tx.Message.Header.NumRequiredSignatures] {
		if tx.Signatures[i], err = sign(ctx, key, message, signers); err != nil {
			return Signed{}, err
		}
	}
	wire, err := encode(tx)
	if err != nil {
		return Signed{}, err
	}
	return Signed{
		Wire: wire, Signature: tx.Signatures[0], LastHeight: hash.LastHeight,
		Fee: fee(len(tx.Signatures), d.Units, d.Price),
	}, nil
}

// sign finds the signer of a key and checks what it returns.
func sign(ctx context.Context, key Key, message []byte, signers []Signer) (Signature, error) {
	for _, s := range signers {
		if s.Public() != key {
			continue
		}
		sig, err := s.Sign(ctx, message)
		switch {
		case ctx.Err() != nil:
			return Signature{}, context.Cause(ctx)
		case err != nil:
			return Signature{}, fmt.Errorf("%w: %s: %w", ErrSigner, key, err)
		case !key.Verify(message, sig):
			return Signature{}, fmt.Errorf("%w: %s: its signer returned a wrong one", ErrSigner, key)
		}
		return sig, nil
	}
	return Signature{}, fmt.Errorf("%w: %s: nobody signs for it", ErrSigner, key)
}

// fee is what a transaction costs, in lamports.
func fee(signatures int, units uint32, price uint64) int64 {
	lamports := uint64(signatures) * SignatureFee //nolint:gosec // at most 12 fit a transaction
	lamports += (uint64(units)*price + microLamports - 1) / microLamports
	return int64(lamports) //nolint:gosec // compile bounds the price
}

// Writes lists the accounts that the draft writes, for [Client.PriorityFee].
func (d Draft) Writes() []Key {
	flags := flags(d.Instructions, d.Payer)
	var keys []Key
	for _, k := range flags.order {
		if flags.of[k].writes {
			keys = append(keys, k)
		}
	}
	return keys
}

// compile makes the transaction.
func (d Draft) compile(hash Hash) (*solana.Transaction, error) {
	// A million lamports a unit is nobody's wish, and far more would overflow.
	const maxPrice = 1e12
	switch {
	case len(d.Instructions) == 0 || d.Payer.IsZero():
		return nil, fmt.Errorf("%w: no instruction, or nobody to pay", ErrRejected)
	case d.Units > maxUnits, d.Price > maxPrice, d.Price > 0 && d.Units == 0:
		return nil, fmt.Errorf("%w: %d units at %d", ErrRejected, d.Units, d.Price)
	}
	var all []solana.Instruction
	if d.Units > 0 {
		all = append(all, budget.NewSetComputeUnitLimitInstruction(d.Units).Build())
	}
	if d.Price > 0 {
		all = append(all, budget.NewSetComputeUnitPriceInstruction(d.Price).Build())
	}
	all, err := level(append(all, d.Instructions...), d.Payer)
	if err != nil {
		return nil, err
	}
	tx, err := solana.NewTransaction(all, hash, solana.TransactionPayer(d.Payer))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRejected, err)
	}
	return tx, nil
}

// level makes an account's flags equal in all instructions. solana.NewTransaction of
// v1.23.0 sorts accounts by their flags first, then joins those of one key, and does
// not sort again: an account that signs in one instruction and is written in another
// lands among those that are only read, in about half of such transactions. It also
// writes into the instructions that it is given; these are copies.
func level(all []solana.Instruction, payer Key) ([]solana.Instruction, error) {
	flags := flags(all, payer)
	levelled := make([]solana.Instruction, len(all))
	for i, in := range all {
		data, err := in.Data()
		if err != nil {
			return nil, fmt.Errorf("%w: instruction %d: %w", ErrRejected, i, err)
		}
		var metas solana.AccountMetaSlice
		for _, m := range in.Accounts() {
			f := flags.of[m.PublicKey]
			metas = append(metas, solana.NewAccountMeta(m.PublicKey, f.writes, f.signs))
		}
		levelled[i] = solana.NewInstruction(in.ProgramID(), metas, data)
	}
	return levelled, nil
}

type flag struct{ signs, writes bool }

type flagged struct {
	of    map[Key]flag
	order []Key
}

// flags joins what all instructions want of each account.
func flags(all []solana.Instruction, payer Key) flagged {
	f := flagged{of: map[Key]flag{payer: {true, true}}, order: []Key{payer}}
	for _, in := range all {
		for _, m := range in.Accounts() {
			had, ok := f.of[m.PublicKey]
			if !ok {
				f.order = append(f.order, m.PublicKey)
			}
			f.of[m.PublicKey] = flag{had.signs || m.IsSigner, had.writes || m.IsWritable}
		}
	}
	return f
}

// encode returns a transaction's bytes.
func encode(tx *solana.Transaction) ([]byte, error) {
	wire, err := tx.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRejected, err)
	}
	if len(wire) > MaxWire {
		return nil, fmt.Errorf("%w: %d bytes, of which %d fit", ErrTooLarge, len(wire), MaxWire)
	}
	return wire, nil
}

// decode reads a transaction's bytes.
func decode(wire []byte) (*solana.Transaction, error) {
	if len(wire) > MaxWire {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(wire))
	}
	tx, err := solana.TransactionFromBytes(wire)
	if err != nil || len(tx.Signatures) == 0 {
		return nil, fmt.Errorf("%w: no transaction", ErrRejected)
	}
	return tx, nil
}
