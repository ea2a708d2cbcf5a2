package uplink

import (
	"sync"
	"time"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/link"
)

// hysteresis keeps the mode from flickering: it worsens after a while of worse
// and improves after a longer while of better. Until central was in reach for the
// first time there is nothing that could flicker, and what is better holds at
// once: a gate that has just started is not alone. Modes are ordered, hub best.
type hysteresis struct {
	worse, better time.Duration // set once

	mu    sync.Mutex // guards the fields below
	begun bool       // central or a hub was in reach before
	now   journal.Mode
	next  journal.Mode // what it has been since; 0 is nothing else than now
	since time.Time
}

// at takes what is true at a moment and returns the mode to act by.
func (h *hysteresis) at(raw journal.Mode, now time.Time) journal.Mode {
	h.mu.Lock()
	defer h.mu.Unlock()
	if raw == h.now {
		h.next = 0
		return h.now
	}
	if h.next == 0 || (raw > h.now) != (h.next > h.now) {
		h.since = now
	}
	h.next = raw
	wait := h.better
	if raw > h.now {
		wait = h.worse
	}
	if now.Sub(h.since) >= wait || raw < h.now && !h.begun {
		h.now, h.next = raw, 0
	}
	h.begun = h.begun || h.now <= journal.Central
	return h.now
}

// modeOf says whom a gate could ask: a broker without fresh news from central
// still reaches the peers.
func modeOf(s link.State, fresh bool) journal.Mode {
	switch {
	case !s.Connected:
		return journal.Alone
	case !fresh:
		return journal.Peers
	case s.Endpoint == "hub":
		return journal.Hub
	}
	return journal.Central
}
