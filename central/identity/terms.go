package identity

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
)

// What people sign. Each hash begins with a context that ends in a zero byte and
// holds at most one part of variable length, at its end or hashed by itself, so
// that no two agreements have the same bytes. Numbers are big-endian. The
// challenge is central's, used once, and of fixed length.
const (
	contextDID      = "conting/did/v1\x00"
	contextTransfer = "conting/transfer/v1\x00"
	contextAccept   = "conting/transfer-accept/v1\x00"
	contextAsk      = "conting/ask/v1\x00"
)

// DIDMessage is what the key of an identifier signs (ES256, r‖s, s in the lower
// half of the order), to say that it belongs to the passkey: context ‖
// SHA-256(challenge) ‖ SHA-256(identifier) ‖ passkey's public key (33 bytes).
func DIDMessage(challenge []byte, did credential.DID, passkey ticket.HolderKey) []byte {
	c, d := sha256.Sum256(challenge), sha256.Sum256([]byte(did))
	return slices.Concat([]byte(contextDID), c[:], d[:], passkey[:])
}

// DIDTerms is what the passkey signs, as the challenge of an assertion, to say that
// the identifier is its own: SHA-256(context ‖ challenge ‖ identifier).
func DIDTerms(challenge []byte, did credential.DID) []byte {
	return hash(contextDID, challenge, []byte(did))
}

// Terms are a ticket and the keys that it shall move between.
type Terms struct {
	Ticket   ticket.ID
	Version  uint32 // that it has before
	From, To ticket.HolderKey
}

// Give is what the giver's passkey signs: SHA-256(context ‖ challenge ‖ ticket id,
// 16 ‖ version, 4 ‖ from, 33 ‖ to, 33).
func (t Terms) Give(challenge []byte) []byte { return t.hash(contextTransfer, challenge) }

// Accept is what the receiver's passkey signs: the same in its own context.
func (t Terms) Accept(challenge []byte) []byte { return t.hash(contextAccept, challenge) }

func (t Terms) hash(context string, challenge []byte) []byte {
	return hash(context, challenge, t.Ticket[:], binary.BigEndian.AppendUint32(nil, t.Version), t.From[:], t.To[:])
}

// AskTerms is what the passkey of who asks signs: SHA-256(context ‖ challenge ‖
// event, 4 ‖ zone, 2 ‖ class, 1 ‖ identifier of who is asked).
func AskTerms(challenge []byte, event ticket.EventID, zone uint16, class uint8, to credential.DID) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(event))
	b = append(binary.BigEndian.AppendUint16(b, zone), class)
	return hash(contextAsk, challenge, b, []byte(to))
}

func hash(context string, parts ...[]byte) []byte {
	h := sha256.New()
	h.Write([]byte(context))
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}
