package qr

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// encoded appends check symbols to data.
func encoded(f *field, data []byte, parity int) []byte {
	generator := make([]byte, parity+1) // highest power first
	generator[0] = 1
	for i := range parity {
		for j := i + 1; j > 0; j-- {
			generator[j] ^= f.mul(generator[j-1], f.exp[i])
		}
	}
	rest := append(slices.Clone(data), make([]byte, parity)...)
	for i := range data {
		if k := rest[i]; k != 0 {
			for j, g := range generator {
				rest[i+j] ^= f.mul(g, k)
			}
		}
	}
	return append(slices.Clone(data), rest[len(data):]...)
}

// TestMend corrects every mix of errors and erasures that leaves enough proof, and none beyond.
func TestMend(t *testing.T) {
	f := newField()
	r := corrector{field: f}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []struct{ data, parity int }{{19, 7}, {16, 10}, {108, 26}, {68, 18}, {116, 30}, {15, 30}, {9, 17}} {
		n := size.data + size.parity
		data := make([]byte, size.data)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		word := encoded(f, data, size.parity)
		if !r.check(word, size.parity) {
			t.Fatalf("%d+%d: an encoded block is no codeword", size.data, size.parity)
		}
		for erasures := range size.parity {
			for errors := 0; 2*errors+erasures <= size.parity+2 && errors+erasures <= n; errors++ {
				got := slices.Clone(word)
				places := rng.Perm(n)[:errors+erasures]
				for _, p := range places {
					got[p] ^= byte(1 + rng.IntN(255))
				}
				erased := make([]uint8, erasures)
				for i, p := range places[:erasures] {
					erased[i] = uint8(p)
				}
				clean := r.check(got, size.parity)
				if clean && errors+erasures > 0 && errors+erasures <= size.parity {
					t.Fatalf("%d+%d: %d wrong symbols unnoticed", size.data, size.parity, errors+erasures)
				}
				want := 2*errors+erasures <= size.parity && proof(n, size.parity, errors, erasures) >= leastProof
				count, ok := r.mend(n, size.parity, erased)
				if ok != want {
					t.Errorf("%d+%d, %d errors and %d erasures: mended %v, want %v", size.data, size.parity, errors, erasures, ok, want)
				}
				if !ok {
					continue
				}
				for k := range count {
					got[r.at[k]] ^= r.found[k]
				}
				if !slices.Equal(got, word) {
					t.Errorf("%d+%d, %d errors and %d erasures: mended into another block", size.data, size.parity, errors, erasures)
				}
			}
		}
	}
}

// TestProof holds the least symbol to what ISO/IEC 18004 allows to be corrected in it.
func TestProof(t *testing.T) {
	for _, tt := range []struct {
		n, parity, errors, erasures int
		want                        bool
	}{
		{26, 7, 2, 0, true},    // 1-L
		{26, 7, 3, 0, false},   // what its code alone could
		{26, 10, 4, 0, true},   // 1-M
		{44, 10, 4, 0, true},   // 2-L
		{134, 26, 13, 0, true}, // 5-L
		{134, 26, 0, 26, false},
		{134, 26, 0, 22, true},
	} {
		if got := proof(tt.n, tt.parity, tt.errors, tt.erasures) >= leastProof; got != tt.want {
			t.Errorf("%+v: got %v, %.1f bits", tt, got, proof(tt.n, tt.parity, tt.errors, tt.erasures))
		}
	}
}

// TestNoiseIsNoMessage gives the corrector noise: nothing of it may pass.
func TestNoiseIsNoMessage(t *testing.T) {
	r := corrector{field: newField()}
	rng := rand.New(rand.NewPCG(3, 4))
	word, erased := make([]byte, 134), make([]uint8, 26)
	n := 3000
	if Racing || testing.Short() {
		n = 300
	}
	for range n {
		for i := range word {
			word[i] = byte(rng.Uint32())
		}
		for i, p := range rng.Perm(len(word))[:len(erased)] {
			erased[i] = uint8(p)
		}
		r.check(word, 26)
		for e := 0; e <= 26; e += 2 {
			if _, ok := r.mend(len(word), 26, erased[:e]); ok {
				t.Fatalf("noise with %d erasures passed for a message", e)
			}
		}
	}
}
