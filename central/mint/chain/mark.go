package chain

import (
	"fmt"
	"sync"
	"time"
)

// markFor is for how long a slot that no node shows any more is the newest that was
// seen: a node that once named one far ahead, or a cluster that was set back, holds
// nobody up for longer.
const markFor = 2 * time.Minute

// maxSlot is the greatest number that JSON's readers agree on.
const maxSlot = 1<<53 - 1

// marks remember how far the cluster has come.
type marks struct {
	behind uint64 // how much older an answer may be

	mu    sync.Mutex
	marks map[Commitment]mark // guarded by mu
	tip   Tip                 // the newest whose height is known; guarded by mu
}

type mark struct {
	slot uint64
	seen time.Time // when a slot that is not behind it was last seen
}

// take notes the slot that an answer is of, or returns ErrBehind.
func (m *marks) take(at Commitment, slot, minSlot uint64, now time.Time) error {
	if slot > maxSlot {
		return fmt.Errorf("%w: no slot is as great", errGarbage)
	}
	if slot < minSlot {
		return fmt.Errorf("%w: slot %d where %d is the least", ErrBehind, slot, minSlot)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	high := m.marks[at]
	switch {
	case slot >= high.slot, now.Sub(high.seen) > markFor:
		high.slot = slot
	case high.slot-slot > m.behind:
		return fmt.Errorf("%w: slot %d where %d was seen", ErrBehind, slot, high.slot)
	}
	high.seen = now
	if m.marks == nil {
		m.marks = make(map[Commitment]mark)
	}
	m.marks[at] = high
	return nil
}

// height notes a tip.
func (m *marks) height(t Tip) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tip = t
}

// bound returns the greatest height that a block hash of a slot may last to, and false
// while no tip is known. Not every slot has a block, so that heights grow no faster.
func (m *marks) bound(slot uint64) (uint64, bool) {
	const slack = 2 * lifetime
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tip == (Tip{}) {
		return 0, false
	}
	ahead := uint64(0)
	if slot > m.tip.Slot {
		ahead = slot - m.tip.Slot
	}
	return m.tip.Height + ahead + slack, true
}
