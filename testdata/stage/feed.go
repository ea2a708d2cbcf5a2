package stage

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Event is one line that a gate prints with --events. Fields that do not belong
// to its kind are zero.
type Event struct {
	Event string    `json:"event"` // ready, verdict, parts, passage, state or stopped
	At    time.Time `json:"at"`
	Seq   uint64    `json:"seq"` // of the journal's entry

	// Of a verdict.
	Outcome string  `json:"outcome"`
	Reason  string  `json:"reason"`
	Ticket  string  `json:"ticket"` // the first 8 digits of its id
	FrameMS float64 `json:"frame_to_verdict_ms"`
	DiskMS  float64 `json:"durable_ms"`
	DoneMS  float64 `json:"done_ms"`
	Repeat  bool    `json:"repeat"`

	// Of parts: how much of a presentation was read.
	Have  int `json:"have"`
	Total int `json:"total"`

	// Of a passage: passed, released or flagged, and the lane's word for why.
	Kind  string `json:"kind"`
	Cause string `json:"cause"`

	// Of a state, and the mode of a verdict.
	Mode      string `json:"mode"`
	Connected bool   `json:"connected"`
	Set       uint64 `json:"set"`
	Delta     uint64 `json:"delta"`
	Unacked   uint64 `json:"unacked"`

	raw string
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

// Last returns the newest event that match accepts, or the zero event.
func (f *Feed) Last(match func(Event) bool) Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.events) - 1; i >= 0; i-- {
		if match(f.events[i]) {
			return f.events[i]
		}
	}
	return Event{}
}
