package redis_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/central/queue/redis"
)

// What another central left in Redis, or whoever can write there.
func FuzzWindow(f *testing.F) {
	f.Add([]byte{0, 0, 0, 9, 0xff, 1}, uint32(1), []byte{1, 2})
	f.Add([]byte{0xff, 0xff, 0xff, 0xf9, 1}, uint32(17), []byte{})
	f.Add([]byte{0, 0, 0}, uint32(1), []byte{0})
	f.Fuzz(func(t *testing.T, data []byte, from uint32, bits []byte) {
		from = from&^7 | 1
		on := queue.Window{From: from, Bits: bytes.Clone(bits)}
		if !redis.Overlay(on, string(data)) {
			if !bytes.Equal(on.Bits, bits) {
				t.Fatal("a window that is refused changes another")
			}
			return
		}
		other := binary.BigEndian.Uint32(data)
		has := func(start uint32, of []byte, rank int64) bool {
			i := rank - int64(start)
			return i >= 0 && i < int64(len(of))*8 && of[i/8]&(1<<(i%8)) != 0
		}
		for i := range int64(len(on.Bits)) * 8 {
			rank := int64(from) + i
			if want := has(from, bits, rank) || has(other, data[4:], rank); has(from, on.Bits, rank) != want {
				t.Fatalf("rank %d is %v, want %v", rank, !want, want)
			}
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte("0123456789abcdefa record"))
	f.Add([]byte("0123456789abcdef"))
	f.Fuzz(func(t *testing.T, data []byte) {
		again, ok := redis.Recode(string(data))
		if ok != (len(data) > 16 && len(data) <= 16+queue.MaxRecord) || ok && again != string(data) {
			t.Fatalf("%d bytes: %v, %q", len(data), ok, again)
		}
	})
}
