package merkle_test

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/con-ting/conting/central/mint/merkle"
	"github.com/con-ting/conting/sync/ticket"
)

var (
	set    = merkle.Set{Event: 7, Version: 42}
	secret = merkle.Secret(sha256.Sum256([]byte("secret")))
)

// record makes the n-th record of a set, with every kind of field now and then.
func record(n int) merkle.Record {
	t := ticket.Ticket{
		Event: set.Event, Zone: uint16(n % 5), Class: uint8(n % 3), Version: uint32(1 + n%4),
		NotBefore: int64(n), NotAfter: int64(2 * n), Flags: ticket.Flags(n % 32),
	}
	binary.BigEndian.PutUint64(t.ID[:], uint64(n+1))
	sum := sha256.Sum256(t.ID[:])
	copy(t.ID[8:], sum[:])
	if n%2 == 0 {
		t.Holder[0] = 2
		copy(t.Holder[1:], sum[:])
	}
	if n%3 == 0 {
		t.Mint = sum[:]
	}
	if n%4 != 0 {
		t.Seat = "가구역 12열 " + string(rune('A'+n%26))
	}
	return merkle.Record{Ticket: t, Status: ticket.Status(n % 4)}
}

// chunks cuts n records into chunks of a size.
func chunks(n, size int) (out [][]merkle.Record) {
	for i := range n {
		if i%size == 0 {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], record(i))
	}
	return out
}

// build returns the root over chunks.
func build(t testing.TB, set merkle.Set, parts [][]merkle.Record) (merkle.Hash, []merkle.Hash) {
	t.Helper()
	b := merkle.NewBuilder(set, secret)
	for _, records := range parts {
		if err := b.Add(records); err != nil {
			t.Fatal(err)
		}
	}
	return b.Root()
}

// prove proves one ticket of a chunk.
func prove(t testing.TB, parts [][]merkle.Record, number, index int) (merkle.Proof, merkle.Hash) {
	t.Helper()
	root, hashes := build(t, set, parts)
	p, err := merkle.Prove(set, secret, hashes, number, parts[number], parts[number][index].Ticket.ID)
	if err != nil {
		t.Fatal(err)
	}
	return p, root
}
