package pass

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// The time of a rotating pass. A session ends at most two minutes after it
// began; then the holder proves themselves again.
const (
	SlotLength = slotSeconds * time.Second
	MaxSlots   = 30

	slotSeconds = 4
	// pastSlots and futureSlots are how far from the gate's slot a pass may be.
	pastSlots, futureSlots = 2, 1
	// MaxUncertainty is the most that a gate may be unsure of its clock and still
	// judge a rotating pass.
	MaxUncertainty = 60 * time.Second
)

const (
	elementSize = 16
	leaseSize   = 8
	nonceSize   = 8
)

// The labels keep one hash from being taken for another. None is the beginning of
// another, and what follows each has a fixed length or says its own.
const (
	labelChain      = "conting/chain/v1\x00"
	labelRotating   = "conting/rotating/v1\x00"
	labelChallenge  = "conting/challenge/v1\x00"
	labelAccredited = "conting/accredit/v1\x00"
)

// ascend applies H to x n times: H(x) is the first 16 bytes of
// SHA-256(label ‖ ticket id ‖ x). The element of slot s ascends to the anchor in s
// steps, so that an element gives away those of earlier slots and of no later one.
func ascend(id ticket.ID, x [elementSize]byte, n uint8) [elementSize]byte {
	const at = len(labelChain) + len(ticket.ID{})
	var b [at + elementSize]byte
	copy(b[:], labelChain)
	copy(b[len(labelChain):], id[:])
	for range n {
		copy(b[at:], x[:])
		sum := sha256.Sum256(b[:])
		x = [elementSize]byte(sum[:elementSize])
	}
	return x
}

// RotatingChallenge returns the WebAuthn challenge of a session: it binds the
// ticket, the chain's anchor, the start (Unix seconds), the number of slots and
// the lease, or that there is none.
func RotatingChallenge(id ticket.ID, anchor [16]byte, start int64, slots uint8, lease *[8]byte) [32]byte {
	b := make([]byte, 0, 96)
	b = append(b, labelRotating...)
	b = append(b, id[:]...)
	b = append(b, anchor[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(start)) // #nosec G115 -- bits are kept
	b = append(b, slots)
	if lease == nil {
		b = append(b, 0)
	} else {
		b = append(append(b, 1), lease[:]...)
	}
	return sha256.Sum256(b)
}

// ChallengeFor returns the WebAuthn challenge that answers a gate's nonce for one
// ticket.
func ChallengeFor(id ticket.ID, n Nonce) [32]byte {
	b := make([]byte, 0, 128)
	b = append(b, labelChallenge...)
	b = append(b, id[:]...)
	b = append(b, n.Value[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(n.Issued)) // #nosec G115 -- bits are kept
	b = append(b, n.Gate...)                               // last, as only it has no fixed length
	return sha256.Sum256(b)
}
