package queue

import "sync/atomic"

// pages is a growing array of 32-bit words, from index 0, that anybody reads and
// writes without a lock. Words that nobody wrote are zero. 4 bytes a word.
type pages struct {
	page [MaxPeople/pageLen + 1]atomic.Pointer[[pageLen]atomic.Uint32]
}

const pageLen = 1 << 14

func (p *pages) load(i uint32) uint32 {
	if i > MaxPeople {
		return 0
	}
	if at := p.page[i/pageLen].Load(); at != nil {
		return at[i%pageLen].Load()
	}
	return 0
}

// word is where i is kept; nil beyond MaxPeople.
func (p *pages) word(i uint32) *atomic.Uint32 {
	if i > MaxPeople {
		return nil
	}
	slot := &p.page[i/pageLen]
	at := slot.Load()
	if at == nil {
		at = new([pageLen]atomic.Uint32)
		if !slot.CompareAndSwap(nil, at) {
			at = slot.Load()
		}
	}
	return &at[i%pageLen]
}

func (p *pages) store(i, v uint32) {
	if w := p.word(i); w != nil {
		w.Store(v)
	}
}
