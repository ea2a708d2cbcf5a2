package merkle

import (
	"crypto/sha256"
	"math/bits"
)

// node joins two hashes.
func node(left, right Hash) Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = prefixNode
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

// split returns the greatest power of two below n, which is at least 2.
func split(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) } // #nosec G115 -- n is a length

// top returns the tree over hashes.
func top(hashes []Hash) Hash {
	switch len(hashes) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return hashes[0]
	}
	k := split(len(hashes))
	return node(top(hashes[:k]), top(hashes[k:]))
}

// path returns the hashes beside the way from one of the hashes to the top, from
// below.
func path(hashes []Hash, index int) []Hash {
	if len(hashes) <= 1 {
		return []Hash{}
	}
	k := split(len(hashes))
	if index < k {
		return append(path(hashes[:k], index), top(hashes[k:]))
	}
	return append(path(hashes[k:], index-k), top(hashes[:k]))
}

// climb returns the top of a tree of size hashes, of which the one at index is h and
// path is that of the function path. It is false unless the path has just the right
// length.
func climb(h Hash, index, size int, path []Hash) (Hash, bool) {
	if index < 0 || index >= size {
		return Hash{}, false
	}
	if size == 1 {
		return h, len(path) == 0
	}
	if len(path) == 0 {
		return Hash{}, false
	}
	beside, below := path[len(path)-1], path[:len(path)-1]
	k := split(size)
	if index < k {
		left, ok := climb(h, index, k, below)
		return node(left, beside), ok
	}
	right, ok := climb(h, index-k, size-k, below)
	return node(beside, right), ok
}
