package journal

import "fmt"

// Head is how far a device's journal is known: its last entry and that entry's
// hash. The zero Head is a journal without entries.
type Head struct {
	_ struct{} `cbor:",toarray"`

	Seq  uint64   `json:"seq"`
	Hash [32]byte `json:"hash"`
}

// Extend checks that a verified batch continues the journal that ends in h. It
// returns the entries that are new, and the new head; for a batch that is known
// already it returns no entries and h itself.
//
// The error is a [*GapError] when entries before the batch are missing, and wraps
// [ErrFork] when the batch contradicts h. A batch that ends before h cannot be
// compared by the head alone and counts as known: a caller that kept the entries
// compares them by their bytes.
func (h Head) Extend(b *Batch) (fresh []Entry, next Head, err error) {
	if len(b.Entries) == 0 {
		return nil, h, nil
	}
	first := b.Entries[0]
	switch {
	case first.Seq > h.Seq+1:
		return nil, h, &GapError{Missing: h.Seq + 1, Got: first.Seq}
	case b.Head.Seq < h.Seq:
		return nil, h, nil
	case b.Head.Seq == h.Seq:
		if b.Head.Hash != h.Hash {
			return nil, h, fmt.Errorf("two entries %d: %w", h.Seq, ErrFork)
		}
		return nil, h, nil
	}
	fresh = b.Entries[h.Seq+1-first.Seq:]
	if fresh[0].Prev != h.Hash { // the zero head has the first entry's zero Prev
		return nil, h, fmt.Errorf("entry %d follows another entry %d: %w", fresh[0].Seq, h.Seq, ErrFork)
	}
	return fresh, b.Head, nil
}
