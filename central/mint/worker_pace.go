package mint

import (
	"sync"
	"time"
)

// pace is how long a slot takes, as it is seen.
type pace struct {
	mu   sync.Mutex    // guards those below
	slot time.Duration // the estimate
	at   time.Time
	seen uint64
}

// paceOver is how many slots an estimate is made of, at least.
const paceOver = 8

// see notes that the cluster is at a slot.
func (p *pace) see(now time.Time, slot uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.seen == 0 || slot < p.seen:
		p.at, p.seen = now, slot
	case slot-p.seen >= paceOver:
		p.slot = min(max(now.Sub(p.at)/time.Duration(min(slot-p.seen, 1<<20)), time.Millisecond), time.Second) // #nosec G115 -- bounded
		p.at, p.seen = now, slot
	}
}

// slots is how long some slots take.
func (p *pace) slots(n uint64) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Duration(min(n, 1<<10)) * p.slot // #nosec G115 -- bounded
}
