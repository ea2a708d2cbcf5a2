package queue_test

import (
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/con-ting/conting/central/queue"
)

// However many are signed for together, everybody's receipt is theirs, and nothing
// else comes of it.
func TestReceiptsTogether(t *testing.T) {
	h := newHouse(t)
	h.room()
	key, err := hex.DecodeString(h.q.ReceiptKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, people := range []int{1, 2, 3, 5, 64, 65, 1000, 4096} {
		keys := make([]queue.Key, people)
		for i := range keys {
			keys[i] = queue.Key{byte(i), byte(i >> 8), 9}
		}
		for i, text := range h.q.SignTogether(event, keys) {
			if i > 1 && i != people/2 && i < people-2 {
				continue
			}
			r, err := queue.ParseReceipt(text, key)
			if err != nil || r.Event != event || r.Key != keys[i] || int(r.Number) != i+1 || !r.At.Equal(h.now()) {
				t.Fatalf("of %d, receipt %d says %+v, %v", people, i, r, err)
			}
			b, err := base64.RawURLEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			for at := i; at < len(b); at += 13 {
				b[at] ^= 0x10
				_, err := queue.ParseReceipt(base64.RawURLEncoding.EncodeToString(b), key)
				wantErr(t, "a receipt that was changed", err, queue.ErrShuffle)
				b[at] ^= 0x10
			}
			for _, other := range [][]byte{b[:len(b)-1], b[:96], append(b, make([]byte, 32)...), append(b, 0)} {
				_, err := queue.ParseReceipt(base64.RawURLEncoding.EncodeToString(other), key)
				wantErr(t, "a receipt of another length", err, queue.ErrShuffle)
			}
		}
	}
}

// A node of the tree, signed for as such, is nobody's receipt: those who see two
// receipts cannot make a third of them.
func TestNodesAreNoReceipts(t *testing.T) {
	h := newHouse(t)
	key, err := hex.DecodeString(h.q.ReceiptKey())
	if err != nil {
		t.Fatal(err)
	}
	text := h.q.SignTogether(event, make([]queue.Key, 4))[0]
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	signature, proof := b[33:97], b[97:]
	for _, body := range [][]byte{proof[:33], append([]byte{1}, proof[:32]...), proof[31:64]} {
		forged := append(append(append([]byte{}, body...), signature...), proof[32:]...)
		_, err := queue.ParseReceipt(base64.RawURLEncoding.EncodeToString(forged), key)
		wantErr(t, "a node as a receipt", err, queue.ErrShuffle)
	}
}
