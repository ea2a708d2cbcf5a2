package stage

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
)

// Event is one line that a gate prints with --events.
type Event struct {
	Kind           string  `json:"event"`
	Outcome        string  `json:"outcome"`
	Reason         string  `json:"reason"`
	Ticket         string  `json:"ticket"`
	Seq            uint64  `json:"seq"`
	Refers         uint64  `json:"refers"`  // the verdict that a passage belongs to
	Passage        string  `json:"passage"` // how a passage ended
	Mode           string  `json:"mode"`
	FrameToVerdict float64 `json:"frame_to_verdict_ms"`
	Durable        float64 `json:"durable_ms"`
	raw            string
}

// Feed keeps what one gate said and wakes those who wait for something.
type Feed struct {
	mu     sync.Mutex // guards events, wake
	events []Event
	wake   chan struct{}
}

// NewFeed returns an empty feed.
func NewFeed() *Feed { return &Feed{wake: make(chan struct{})} }

// Line takes one line of the gate's output.
func (f *Feed) Line(b []byte) {
	e := Event{raw: string(b)}
	if json.Unmarshal(b, &e) != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, e)
	close(f.wake)
	f.wake = make(chan struct{})
}

// Mark returns the point from which a later Await looks.
func (f *Feed) Mark() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.events)
}

// Await returns the first event since mark that match accepts.
func (f *Feed) Await(ctx context.Context, mark int, match func(Event) bool) (Event, error) {
	for {
		f.mu.Lock()
		wake := f.wake
		for ; mark < len(f.events); mark++ {
			if e := f.events[mark]; match(e) {
				f.mu.Unlock()
				return e, nil
			}
		}
		f.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return Event{}, f.last(ctx.Err())
		}
	}
}

// last says what the gate said last, to make a failed step understandable.
func (f *Feed) last(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.events) == 0 {
		return fmt.Errorf("the gate said nothing: %w", err)
	}
	return fmt.Errorf("the gate last said %s: %w", f.events[len(f.events)-1].raw, err)
}
