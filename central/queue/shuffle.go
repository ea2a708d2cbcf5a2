package queue

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20"

	"github.com/con-ting/conting/sync/ticket"
)

// ListHash is the hash of a lobby's list: SHA-256 over the line
// "conting queue list v1", a line with the event, and the keys, 16 bytes each, in
// the order of their numbers.
func ListHash(event ticket.EventID, entries []Key) (sum [32]byte) {
	h := sha256.New()
	h.Write(fmt.Appendf(nil, "conting queue list v1\n%s\n", event))
	for i := range entries {
		h.Write(entries[i][:])
	}
	h.Sum(sum[:0])
	return sum
}

// Shuffle returns the numbers 1 to people in the order in which they are admitted.
// It is a Fisher–Yates shuffle by the key stream of ChaCha20 (RFC 8439, nonce and
// counter zero) under the key SHA-256("conting queue shuffle v1\n" ‖ event in
// decimal ‖ "\n" ‖ seed ‖ list ‖ beacon): start with 1, 2, 3 … at the places 0, 1, 2 …;
// for i from people−1 down to 1 take the next 4 bytes of the stream, little-endian,
// as x, again while x ≥ 2^32 − 2^32 mod (i+1), and swap the places i and x mod (i+1).
func Shuffle(event ticket.EventID, seed, list [32]byte, beacon string, people uint32) []uint32 {
	text := fmt.Appendf(nil, "conting queue shuffle v1\n%s\n", event)
	text = append(append(append(text, seed[:]...), list[:]...), beacon...)
	s := newStream(sha256.Sum256(text))
	order := make([]uint32, people)
	for i := range order {
		order[i] = uint32(i) + 1
	}
	for i := people; i > 1; i-- {
		j := s.below(i)
		order[i-1], order[j] = order[j], order[i-1]
	}
	return order
}

// stream is numbers drawn from a key.
type stream struct {
	cipher *chacha20.Cipher
	buf    [1024]byte
	used   int
}

func newStream(key [32]byte) *stream {
	c, err := chacha20.NewUnauthenticatedCipher(key[:], make([]byte, chacha20.NonceSize))
	if err != nil { // not with these sizes
		return nil
	}
	s := &stream{cipher: c}
	s.used = len(s.buf)
	return s
}

func (s *stream) next() uint32 {
	if s.used == len(s.buf) {
		clear(s.buf[:])
		s.cipher.XORKeyStream(s.buf[:], s.buf[:])
		s.used = 0
	}
	x := binary.LittleEndian.Uint32(s.buf[s.used:])
	s.used += 4
	return x
}

// below is uniform from 0 to n−1.
func (s *stream) below(n uint32) uint32 {
	limit := uint64(1<<32) - (1<<32)%uint64(n)
	for {
		if x := s.next(); uint64(x) < limit {
			return x % n
		}
	}
}

// order is who stands where: after the shuffle for numbers up to the lobby's end,
// and as they came for all others.
type order struct {
	numbers []uint32 // of rank i+1
	ranks   []uint32 // of number i+1
}

func newOrder(row Room) *order {
	o := &order{numbers: Shuffle(row.Event, row.Seed, row.List, row.Beacon, row.People), ranks: make([]uint32, row.People)}
	for i, n := range o.numbers {
		o.ranks[n-1] = uint32(i) + 1
	}
	return o
}

func (o *order) rank(number uint32) uint32 {
	if int64(number) <= int64(len(o.ranks)) {
		return o.ranks[number-1]
	}
	return number
}

func (o *order) number(rank uint32) uint32 {
	if int64(rank) <= int64(len(o.numbers)) {
		return o.numbers[rank-1]
	}
	return rank
}
