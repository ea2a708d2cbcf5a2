package queue

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

const (
	receiptPrefix = "conting queue receipt v1\n"
	receiptSize   = 1 + 4 + 16 + 4 + 8
)

func (q *Queue) receipt(event ticket.EventID, key Key, number uint32) Receipt {
	r := Receipt{Event: event, Key: key, Number: number, At: q.cfg.Now().Truncate(time.Millisecond)}
	b := append(make([]byte, 0, receiptSize+ed25519.SignatureSize), 1)
	b = binary.BigEndian.AppendUint32(b, uint32(event))
	b = append(b, key[:]...)
	b = binary.BigEndian.AppendUint32(b, number)
	b = binary.BigEndian.AppendUint64(b, uint64(r.At.UnixMilli()))
	b = append(b, ed25519.Sign(q.signer, append([]byte(receiptPrefix), b...))...)
	r.Text = base64.RawURLEncoding.EncodeToString(b)
	return r
}

// ParseReceipt reads a receipt and verifies its signature. The error wraps
// [ErrShuffle].
func ParseReceipt(text string, key ed25519.PublicKey) (Receipt, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	switch {
	case err != nil || len(b) != receiptSize+ed25519.SignatureSize || b[0] != 1:
		return Receipt{}, fmt.Errorf("that is no receipt: %w", ErrShuffle)
	case len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, append([]byte(receiptPrefix), b[:receiptSize]...), b[receiptSize:]):
		return Receipt{}, fmt.Errorf("the receipt is not signed by the room's key: %w", ErrShuffle)
	}
	return Receipt{
		Event: ticket.EventID(binary.BigEndian.Uint32(b[1:])), Key: Key(b[5:21]), Number: binary.BigEndian.Uint32(b[21:]),
		At: time.UnixMilli(int64(binary.BigEndian.Uint64(b[25:]))), Text: text, //nolint:gosec // as signed
	}, nil
}
