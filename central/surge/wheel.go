package surge

import (
	"sync"
	"time"
)

// The wheel's turn is about a minute; who waits longer stays on it for several.
const (
	wheelSlots = 1 << 16
	wheelTick  = time.Millisecond
)

// wheel holds people until the moment at which they are due, at the same cost however many they are. A
// person is on it once at most.
type wheel struct {
	mu   sync.Mutex
	head []int32 // first of each slot, plus one; guarded by mu
	next []int32 // of each person, plus one; guarded by mu
	at   int64   // the first tick that was not taken yet; guarded by mu

	// due is when each person is to act. It is written by whoever has the person in hand.
	due []time.Duration
}

func newWheel(people int) *wheel {
	return &wheel{head: make([]int32, wheelSlots), next: make([]int32, people), due: make([]time.Duration, people)}
}

// add puts a person on the wheel.
func (w *wheel) add(person int32, due time.Duration) {
	w.due[person] = due
	w.mu.Lock()
	w.place(person, max(int64(due/wheelTick), w.at))
	w.mu.Unlock()
}

func (w *wheel) place(person int32, tick int64) {
	slot := &w.head[tick%wheelSlots]
	w.next[person], *slot = *slot, person+1
}

// take removes everybody who is due before now and appends them to b.
func (w *wheel) take(now time.Duration, b []int32) []int32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	for until := int64(now / wheelTick); w.at < until; w.at++ {
		p := w.head[w.at%wheelSlots]
		w.head[w.at%wheelSlots] = 0
		for p != 0 {
			person := p - 1
			p = w.next[person]
			if w.due[person] < time.Duration(w.at+1)*wheelTick {
				b = append(b, person)
				continue
			}
			w.place(person, w.at) // for another turn; at is passed over until then
		}
	}
	return b
}
