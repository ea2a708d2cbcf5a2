package lane

import (
	"crypto/sha256"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// How long a code counts as the one that is still being shown.
const (
	// quiet is how long a code must be out of sight to be news again.
	quiet = 3 * time.Second

	// hold is after how long a pass that is shown all the time is judged again:
	// the doors may have opened. What is no pass is never judged again while it
	// is in sight, so that a poster behind the queue flashes once; nor is a
	// presentation, which has used up its nonce.
	hold = 10 * time.Second

	// retry is the same after a fault of the disk or the lane.
	retry = time.Second
)

// memory keeps one code, or one person, from being told the same thing with every
// frame. It is not what stops a second entry; that is the ledger.
type memory struct {
	texts   map[[32]byte]*seen
	tickets map[ticket.ID]*seen // whom this lane has just admitted
}

type seen struct {
	first, last time.Time
	until       time.Time // of a ticket: zero while on the way through
	result      Result
}

func newMemory() memory {
	return memory{texts: map[[32]byte]*seen{}, tickets: map[ticket.ID]*seen{}}
}

func textKey(text string) [32]byte { return sha256.Sum256([]byte(text)) }

// keyOf is what a text is remembered by: its own hash, or for a part that of the
// presentation's name, because its parts are shown over and over.
func keyOf(text string) [32]byte {
	if p, err := pass.ParsePart(text); err == nil {
		return textKey("presentation " + string(p.Set[:]))
	}
	return textKey(text)
}

// repeat returns the earlier result of a text that is still being shown.
func (m *memory) repeat(key [32]byte, now time.Time) (Result, bool) {
	s := m.texts[key]
	if s == nil || now.Sub(s.last) >= quiet || now.Sub(s.first) >= again(s.result) {
		return Result{}, false
	}
	s.last = now
	return s.result, true
}

// again is how long a result stands while its code stays in sight.
func again(r Result) time.Duration {
	switch {
	case r.Verdict.Reason == ticket.StorageFault || r.Verdict.Reason == ticket.LaneFault:
		return retry
	case r.Form == 0 || r.Presented:
		return 24 * time.Hour
	}
	return hold
}

// admitted returns the admission of a ticket whose holder is still on the way
// through, or has only just passed: the phone shows the next code meanwhile.
func (m *memory) admitted(id ticket.ID, now time.Time) (Result, bool) {
	s := m.tickets[id]
	if s == nil || !s.until.IsZero() && !now.Before(s.until) {
		return Result{}, false
	}
	return s.result, true
}

// keep remembers a result, and forgets what nobody will ask for.
func (m *memory) keep(key [32]byte, r Result, now time.Time) {
	const most = 64
	if len(m.texts) >= most {
		for k, s := range m.texts {
			if now.Sub(s.last) >= quiet {
				delete(m.texts, k)
			}
		}
	}
	if len(m.texts) >= most { // as many different codes within three seconds
		clear(m.texts)
	}
	m.texts[key] = &seen{first: now, last: now, result: r}
}

// enter remembers whom the lane lets through.
func (m *memory) enter(r Result) {
	m.tickets[r.Ticket] = &seen{result: r}
}

// leave lets the ticket's code be news again: at once when the entry was given
// back, else after the holder has had time to put the phone away.
func (m *memory) leave(id ticket.ID, released bool, now time.Time) {
	for other, s := range m.tickets {
		if !s.until.IsZero() && !now.Before(s.until) {
			delete(m.tickets, other)
		}
	}
	if !released {
		if s := m.tickets[id]; s != nil {
			s.until = now.Add(quiet)
		}
		return
	}
	delete(m.tickets, id)
	for k, s := range m.texts {
		if s.result.Ticket == id {
			delete(m.texts, k)
		}
	}
}
