package wallet

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/con-ting/conting/sync/ticket"
)

// What people sign to central, written down here once more so that central and the
// wallet in the browser are held to it.

// DIDMessage is what the key of a DID signs to be bound to a passkey, and DIDTerms
// what the passkey signs to be bound to the DID.
func DIDMessage(challenge []byte, did string, passkey ticket.HolderKey) []byte {
	c, d := sha256.Sum256(challenge), sha256.Sum256([]byte(did))
	b := append([]byte("conting/did/v1\x00"), c[:]...)
	return append(append(b, d[:]...), passkey[:]...)
}

// DIDTerms see [DIDMessage].
func DIDTerms(challenge []byte, did string) []byte {
	return digest("conting/did/v1\x00", challenge, []byte(did))
}

// GiveTerms is what the giver of a ticket signs, and AcceptTerms what its receiver
// signs.
func GiveTerms(challenge []byte, id ticket.ID, version uint32, from, to ticket.HolderKey) []byte {
	return digest("conting/transfer/v1\x00", challenge, terms(id, version, from, to))
}

// AcceptTerms see [GiveTerms].
func AcceptTerms(challenge []byte, id ticket.ID, version uint32, from, to ticket.HolderKey) []byte {
	return digest("conting/transfer-accept/v1\x00", challenge, terms(id, version, from, to))
}

func terms(id ticket.ID, version uint32, from, to ticket.HolderKey) []byte {
	b := binary.BigEndian.AppendUint32(id[:], version)
	return append(append(b, from[:]...), to[:]...)
}

func digest(context string, parts ...[]byte) []byte {
	b := []byte(context)
	for _, p := range parts {
		b = append(b, p...)
	}
	sum := sha256.Sum256(b)
	return sum[:]
}
