package chain

import (
	"context"
	"errors"

	"github.com/gagliardetto/solana-go"
)

// MaxWire is the longest transaction, in bytes.
const MaxWire = 1232

// SignatureFee is what each signature costs, in lamports.
const SignatureFee = 5000

// Draft is a transaction that nobody has signed yet.
type Draft struct {
	Instructions []solana.Instruction
	Payer        Key
	Units        uint32 // limit of compute units, at most 1,400,000; the cluster's own if zero
	Price        uint64 // micro-lamports a unit, for priority
}

// Signed is a transaction that can be sent.
type Signed struct {
	Wire       []byte
	Signature  Signature
	LastHeight uint64 // the block hash's
	Fee        int64  // lamports that it costs if it gets into a block
}

// Unsigned returns the transaction's bytes with empty signatures, to be simulated.
// Errors wrap [ErrTooLarge].
func (d Draft) Unsigned(hash Hash) ([]byte, error) { return nil, errors.ErrUnsupported }

// Sign has each signer that the transaction needs sign it. Signers that it does not need
// are not asked. Errors wrap [ErrTooLarge] or [ErrSigner].
func (d Draft) Sign(ctx context.Context, hash Blockhash, signers ...Signer) (Signed, error) {
	return Signed{}, errors.ErrUnsupported
}

// Writes lists the accounts that the draft writes, for [Client.PriorityFee].
func (d Draft) Writes() []Key { return nil }
