package embedded

import (
	"encoding/binary"

	"github.com/con-ting/conting/central/queue"
)

// people is who has which number: keys by number, and a hash table from keys to
// numbers. A key is a keyed hash, so its own bits are the hash, and nobody can aim
// at one slot. It is not safe for concurrent use.
type people struct {
	last  uint32
	pages []*[pageLen]queue.Key // of number i+1
	table []uint32              // number, or 0; a power of two long, at most 3/4 full
	used  int
}

const pageLen = 1 << 12

// key returns who has, or had, a number; the zero key if nobody.
func (p *people) key(number uint32) (k queue.Key) {
	if i := number - 1; number > 0 && int64(i/pageLen) < int64(len(p.pages)) && p.pages[i/pageLen] != nil {
		return p.pages[i/pageLen][i%pageLen]
	}
	return k
}

// number returns the number of a key, or 0.
func (p *people) number(k queue.Key) uint32 {
	if len(p.table) == 0 {
		return 0
	}
	return p.table[p.slot(k)]
}

// slot is where a key is, or would be.
func (p *people) slot(k queue.Key) uint32 {
	mask := uint32(len(p.table) - 1) //nolint:gosec // at most 2^27
	for i := binary.LittleEndian.Uint32(k[:]) & mask; ; i = (i + 1) & mask {
		if n := p.table[i]; n == 0 || p.key(n) == k {
			return i
		}
	}
}

// put gives a number to a key. Whose a number was before is not forgotten.
func (p *people) put(number uint32, k queue.Key) {
	p.last = max(p.last, number)
	i := number - 1
	for int64(len(p.pages)) <= int64(i/pageLen) {
		p.pages = append(p.pages, nil)
	}
	if p.pages[i/pageLen] == nil {
		p.pages[i/pageLen] = new([pageLen]queue.Key)
	}
	if 4*(p.used+1) > 3*len(p.table) {
		p.grow()
	}
	p.pages[i/pageLen][i%pageLen] = k
	at := p.slot(k)
	if p.table[at] == 0 {
		p.used++
	}
	p.table[at] = number
}

func (p *people) grow() {
	old := p.table
	p.table = make([]uint32, max(1024, 2*len(old)))
	for _, n := range old {
		if n != 0 {
			p.table[p.slot(p.key(n))] = n
		}
	}
}

// all is who has which number, but for numbers that somebody has another instead of.
func (p *people) all() []queue.Key {
	out := make([]queue.Key, p.last)
	for i, page := range p.pages {
		if page != nil {
			copy(out[min(i*pageLen, len(out)):], page[:])
		}
	}
	for i, k := range out {
		if p.number(k) != uint32(i)+1 {
			out[i] = queue.Key{}
		}
	}
	return out
}
