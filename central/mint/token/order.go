package token

import (
	"fmt"

	"github.com/gagliardetto/solana-go"
)

// Normalise gives each account the same flags in all instructions. Its instructions are
// new; those it is given stay as they are.
//
// NewTransaction of solana-go (1.23.0) sorts the accounts of all instructions by their
// flags, then merges those that are the same by or-ing "writable", and does not sort
// again. An account that is a read-only signer in one instruction and written by another
// so stays among the signers that are read only, wherever another one is sorted before
// it: about half of such transactions are refused (ReadonlyLamportChange).
func Normalise(list []solana.Instruction) ([]solana.Instruction, error) {
	type flags struct{ writes, signs bool }
	all := map[Key]flags{}
	for _, ix := range list {
		for _, a := range ix.Accounts() {
			f := all[a.PublicKey]
			all[a.PublicKey] = flags{f.writes || a.IsWritable, f.signs || a.IsSigner}
		}
	}
	out := make([]solana.Instruction, len(list))
	for i, ix := range list {
		data, err := ix.Data()
		if err != nil {
			return nil, fmt.Errorf("encode instruction %d: %w", i, err)
		}
		metas := make(solana.AccountMetaSlice, len(ix.Accounts()))
		for j, a := range ix.Accounts() {
			f := all[a.PublicKey]
			metas[j] = solana.NewAccountMeta(a.PublicKey, f.writes, f.signs)
		}
		out[i] = solana.NewInstruction(ix.ProgramID(), metas, data)
	}
	return out, nil
}
