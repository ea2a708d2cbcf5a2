package token

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/gagliardetto/solana-go"
)

// What solana-go lacks: the instructions of the two interfaces that Token-2022
// implements, spl-token-metadata-interface and spl-token-group-interface; and what it
// gets wrong: the initialisers of the pointers, before whose keys it writes an option's
// tag where the program wants two bare keys, zero meaning none
// (InvalidInstructionData).

// The numbers of the pointers' instructions and of their Initialize.
const (
	metadataPointer    = 39
	groupPointer       = 40
	groupMemberPointer = 41
	pointerInitialize  = 0
)

// fieldKey is spl-token-metadata-interface's Field::Key: a pair, not name, symbol or URI.
const fieldKey = 3

// discriminator returns what an interface's instruction begins with.
func discriminator(name string) []byte {
	h := sha256.Sum256([]byte(name))
	return h[:8]
}

func appendText(b []byte, s string) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s))) //nolint:gosec // Spec.check has bounded it
	return append(b, s...)
}

// initPointer lets a mint say where its metadata, group or membership is: in itself.
// Nobody has the authority to point it elsewhere.
func initPointer(which byte, mint Key) solana.Instruction {
	data := make([]byte, 0, 2+2*solana.PublicKeyLength)
	data = append(data, which, pointerInitialize)
	data = append(data, make([]byte, solana.PublicKeyLength)...)
	data = append(data, mint[:]...)
	return solana.NewInstruction(solana.Token2022ProgramID, solana.AccountMetaSlice{solana.Meta(mint).WRITE()}, data)
}

// initMetadata writes a mint's name, symbol and link.
func initMetadata(mint, authority Key, s *Spec) solana.Instruction {
	data := discriminator("spl_token_metadata_interface:initialize_account")
	data = appendText(data, s.Name)
	data = appendText(data, s.Symbol)
	data = appendText(data, s.URI)
	return solana.NewInstruction(solana.Token2022ProgramID, solana.AccountMetaSlice{
		solana.Meta(mint).WRITE(),
		solana.Meta(authority), // who may change it
		solana.Meta(mint),
		solana.Meta(authority).SIGNER(), // the mint authority
	}, data)
}

// setPair writes one more pair of a mint's metadata.
func setPair(mint, authority Key, p Pair) solana.Instruction {
	data := append(discriminator("spl_token_metadata_interface:updating_field"), fieldKey)
	data = appendText(data, p.Key)
	data = appendText(data, p.Value)
	return solana.NewInstruction(solana.Token2022ProgramID, solana.AccountMetaSlice{
		solana.Meta(mint).WRITE(),
		solana.Meta(authority).SIGNER(),
	}, data)
}

// initGroup makes a mint a collection of at most so many members.
func initGroup(mint, authority Key, most uint64) solana.Instruction {
	data := discriminator("spl_token_group_interface:initialize_token_group")
	data = append(data, authority[:]...)
	data = binary.LittleEndian.AppendUint64(data, most)
	return solana.NewInstruction(solana.Token2022ProgramID, solana.AccountMetaSlice{
		solana.Meta(mint).WRITE(),
		solana.Meta(mint),
		solana.Meta(authority).SIGNER(),
	}, data)
}

// initMember makes a mint a member of a collection, whose account it writes: tokens of
// one collection are minted one after the other.
func initMember(mint, authority, group Key) solana.Instruction {
	return solana.NewInstruction(solana.Token2022ProgramID, solana.AccountMetaSlice{
		solana.Meta(mint).WRITE(),
		solana.Meta(mint),
		solana.Meta(authority).SIGNER(),
		solana.Meta(group).WRITE(),
		solana.Meta(authority).SIGNER(),
	}, discriminator("spl_token_group_interface:initialize_member"))
}
