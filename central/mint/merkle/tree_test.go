package merkle_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/con-ting/conting/central/mint/merkle"
)

// TestRFC6962Vectors has the leaves and roots that implementations of Certificate
// Transparency are tested with.
func TestRFC6962Vectors(t *testing.T) {
	entries := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	roots := []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	var leaves []merkle.Hash
	for i, want := range roots {
		if got := merkle.Top(leaves); hex.EncodeToString(got[:]) != want {
			t.Errorf("%d leaves: %x, want %s", i, got, want)
		}
		if i < len(entries) {
			b, err := hex.DecodeString(entries[i])
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, sha256.Sum256(append([]byte{0}, b...)))
		}
	}
}

func numbered(n int) []merkle.Hash {
	out := make([]merkle.Hash, n)
	for i := range out {
		out[i] = sha256.Sum256([]byte{byte(i), byte(i >> 8)})
	}
	return out
}

// TestEveryPath climbs from every leaf of every small tree, and of none with another
// place, number or path.
func TestEveryPath(t *testing.T) {
	for size := 1; size <= 33; size++ {
		hashes := numbered(size)
		want := merkle.Top(hashes)
		for i, h := range hashes {
			path := merkle.Path(hashes, i)
			if got, ok := merkle.Climb(h, i, size, path); !ok || got != want {
				t.Fatalf("%d of %d: %x %t, want %x", i, size, got, ok, want)
			}
			for j := -1; j <= size; j++ {
				if got, ok := merkle.Climb(h, j, size, path); j != i && ok && got == want {
					t.Fatalf("%d of %d stands at %d too", i, size, j)
				}
			}
			bad := func(name string, h merkle.Hash, path []merkle.Hash) {
				if got, ok := merkle.Climb(h, i, size, path); ok && got == want {
					t.Fatalf("%d of %d: %s leads to the top too", i, size, name)
				}
			}
			bad("a longer path", h, append(slices.Clone(path), want))
			bad("another leaf", merkle.Hash{}, path)
			for k := range path {
				bad("a shorter path", h, slices.Delete(slices.Clone(path), k, k+1))
				other := slices.Clone(path)
				other[k][5] ^= 1
				bad("another path", h, other)
			}
		}
	}
}
