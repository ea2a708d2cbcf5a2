package sale

import (
	"sync"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// boardMemory is how long a seat that this process gave away is known to be gone
// without asking. A refund in another process shows here that much later.
const boardMemory = time.Second

// spot is one numbered seat.
type spot struct {
	event ticket.EventID
	zone  uint16
	seat  string
}

// board answers those who lose the fight for a seat without asking the store: of
// many who want one seat at a time, only one request goes there. It decides nothing
// for good; what it lets through is decided by the store.
//
// It holds the seats that are being asked for and those that were given away within
// the last second or two, and nothing else.
type board struct {
	mu     sync.Mutex        // guards everything below
	flying map[spot]struct{} // being asked for
	given  [2]map[spot]time.Time
	turned time.Time // when given was last moved on
}

func newBoard() *board {
	return &board{flying: make(map[spot]struct{}), given: [2]map[spot]time.Time{{}, {}}}
}

// gone reports whether one of the seats is known to be another's.
func (b *board) gone(now time.Time, seats ...spot) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range seats {
		if b.isGone(now, s) {
			return true
		}
	}
	return false
}

// isGone needs mu.
func (b *board) isGone(now time.Time, s spot) bool {
	if _, flying := b.flying[s]; flying {
		return true
	}
	for _, given := range b.given {
		if at, ok := given[s]; ok && now.Sub(at) < boardMemory && !now.Before(at) {
			return true
		}
	}
	return false
}

// claim takes all of the seats for one request, or none.
func (b *board) claim(now time.Time, seats []spot) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range seats {
		if b.isGone(now, s) {
			for _, mine := range seats[:i] {
				delete(b.flying, mine)
			}
			return false
		}
		b.flying[s] = struct{}{}
	}
	return true
}

// settle ends a claim: the seats were given away, or are to be had again.
func (b *board) settle(now time.Time, seats []spot, given bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := now.Sub(b.turned); d >= boardMemory || d < 0 {
		b.given[1], b.given[0], b.turned = b.given[0], make(map[spot]time.Time), now
	}
	for _, s := range seats {
		delete(b.flying, s)
		if given {
			b.given[0][s] = now
		}
	}
}

// forget lets seats be asked for that are free again.
func (b *board) forget(o *Order) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, i := range o.Items {
		for _, given := range b.given {
			delete(given, spot{o.Event, i.Zone, i.Seat})
		}
	}
}
