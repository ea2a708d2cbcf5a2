package queue

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// Receipt is a signed statement that a person has a number. Its text is, in
// base64url, the 33 bytes 1, event (4, big-endian), key (16), number (4), time of
// signing (8, Unix ms); then an Ed25519 signature (64), and up to 12 hashes (32 each).
//
// One signature is for everybody who was given a number at the same time. It is over
// "conting queue receipt v1\n" and the root of a tree of hashes: a leaf is
// SHA-256(0 ‖ the 33 bytes), a node SHA-256(1 ‖ the lesser child ‖ the greater child).
// The hashes are those that a leaf is joined with on the way to the root; without
// any, the leaf is the root.
type Receipt struct {
	Event  ticket.EventID
	Key    Key // who, for those who know the account and the secret; see the list
	Number uint32
	At     time.Time
	Text   string
}

const (
	receiptPrefix = "conting queue receipt v1\n"
	receiptSize   = 1 + 4 + 16 + 4 + 8
	maxProof      = 12 // as many levels as maxBatch people take
)

// ReceiptKey is the Ed25519 key that receipts and shuffles are signed with, in
// hexadecimal digits.
func (q *Queue) ReceiptKey() string { return hex.EncodeToString(q.signer[32:]) }

// sign gives everybody who was given a number together their receipt, but for its
// text.
func (q *Queue) sign(event ticket.EventID, asks []*ask) {
	if len(asks) == 0 {
		return
	}
	at := q.cfg.Now().Truncate(time.Millisecond)
	tree := make([][][32]byte, 1, maxProof+1)
	tree[0] = make([][32]byte, len(asks))
	for i, a := range asks {
		a.receipt = Receipt{Event: event, Key: a.entry.Key, Number: a.number, At: at}
		a.signed = a.receipt.append(make([]byte, 0, receiptSize+ed25519.SignatureSize+maxProof*32))
		tree[0][i] = leaf(a.signed)
	}
	for below := tree[0]; len(below) > 1; below = tree[len(tree)-1] {
		level := make([][32]byte, 0, (len(below)+1)/2)
		for i := 0; i+1 < len(below); i += 2 {
			level = append(level, join(below[i][:], below[i+1][:]))
		}
		if len(below)%2 == 1 { // who has nobody beside them goes up alone
			level = append(level, below[len(below)-1])
		}
		tree = append(tree, level)
	}
	root := tree[len(tree)-1][0]
	signature := ed25519.Sign(q.signer, append([]byte(receiptPrefix), root[:]...))
	for i, a := range asks {
		a.signed = append(a.signed, signature...)
		for _, level := range tree[:len(tree)-1] {
			if beside := i ^ 1; beside < len(level) {
				a.signed = append(a.signed, level[beside][:]...)
			}
			i /= 2
		}
	}
}

// append appends what is signed.
func (r *Receipt) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, 1), uint32(r.Event))
	b = append(b, r.Key[:]...)
	b = binary.BigEndian.AppendUint32(b, r.Number)
	return binary.BigEndian.AppendUint64(b, uint64(r.At.UnixMilli()))
}

func leaf(b []byte) [32]byte {
	var in [1 + receiptSize]byte
	copy(in[1:], b)
	return sha256.Sum256(in[:])
}

func join(a, b []byte) [32]byte {
	if bytes.Compare(a, b) > 0 {
		a, b = b, a
	}
	var in [1 + 2*sha256.Size]byte
	in[0] = 1
	copy(in[1:], a)
	copy(in[1+sha256.Size:], b)
	return sha256.Sum256(in[:])
}

// ParseReceipt reads a receipt and verifies its signature. The error wraps
// [ErrShuffle].
func ParseReceipt(text string, key ed25519.PublicKey) (Receipt, error) {
	const signed = receiptSize + ed25519.SignatureSize
	if len(text) > base64.RawURLEncoding.EncodedLen(signed+maxProof*sha256.Size) {
		return Receipt{}, fmt.Errorf("that is no receipt: %w", ErrShuffle)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < signed || (len(b)-signed)%sha256.Size != 0 || b[0] != 1 {
		return Receipt{}, fmt.Errorf("that is no receipt: %w", ErrShuffle)
	}
	root := leaf(b[:receiptSize])
	for proof := b[signed:]; len(proof) > 0; proof = proof[sha256.Size:] {
		root = join(root[:], proof[:sha256.Size])
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, append([]byte(receiptPrefix), root[:]...), b[receiptSize:signed]) {
		return Receipt{}, fmt.Errorf("the receipt is not signed by the room's key: %w", ErrShuffle)
	}
	return Receipt{
		Event: ticket.EventID(binary.BigEndian.Uint32(b[1:])), Key: Key(b[5:21]), Number: binary.BigEndian.Uint32(b[21:]),
		At: time.UnixMilli(int64(binary.BigEndian.Uint64(b[25:]))), Text: text, //nolint:gosec // as signed
	}, nil
}
