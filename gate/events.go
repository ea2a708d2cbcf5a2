package main

import (
	"context"
	"encoding/json"
	"io"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/sync/ticket"
)

// event is one line of gate run --events. Fields that do not belong to an
// event's kind are absent.
type event struct {
	Event  string    `json:"event"` // ready, verdict, repeat, parts, passage, state, lost or stopped
	At     time.Time `json:"at"`
	Lane   string    `json:"lane,omitempty"`
	Seq    uint64    `json:"seq,omitempty"`    // of the journal's entry
	Ticket string    `json:"ticket,omitempty"` // the first 8 digits of its id

	// Of a verdict, or of one that is repeated because its code is still shown.
	Outcome      string   `json:"outcome,omitempty"`
	Reason       string   `json:"reason,omitempty"`
	Mode         string   `json:"mode,omitempty"`
	FrameMillis  *float64 `json:"frame_to_verdict_ms,omitempty"` // from the frame to the verdict of the rules
	DurableMs    *float64 `json:"durable_ms,omitempty"`          // from the text to the decision on the disk
	DoneMs       *float64 `json:"done_ms,omitempty"`             // from the frame to the lane's answer
	EarlierWhere string   `json:"earlier_where,omitempty"`
	EarlierAt    string   `json:"earlier_at,omitempty"`

	// Of a verdict: that it was about a presentation, and that a steward may confirm
	// the referral.
	Presented   bool `json:"presented,omitempty"`
	Confirmable bool `json:"confirmable,omitempty"`

	// Of parts: how much of a presentation has been read.
	Have  int `json:"have,omitempty"`
	Total int `json:"total,omitempty"`

	// Of a passage.
	Kind  string `json:"kind,omitempty"` // passed, released or flagged
	Cause string `json:"cause,omitempty"`

	// Of a state.
	Panel     string `json:"panel,omitempty"`
	Connected *bool  `json:"connected,omitempty"`
	Endpoint  string `json:"endpoint,omitempty"`
	Set       uint64 `json:"set,omitempty"`
	Delta     uint64 `json:"delta,omitempty"`
	Ledger    uint64 `json:"ledger,omitempty"`
	Unacked   uint64 `json:"unacked,omitempty"`
	Stale     bool   `json:"stale,omitempty"`

	Count uint64 `json:"count,omitempty"` // of lost: events that the reader was too slow for
}

// same reports whether two states tell the same: their times do not count, and
// of the entries that wait for central only whether there are any.
func (e event) same(o event) bool {
	e.At, o.At = time.Time{}, time.Time{}
	e.Unacked, o.Unacked = min(e.Unacked, 1), min(o.Unacked, 1)
	return reflect.DeepEqual(e, o)
}

// eventLog writes events, one JSON object a line, each with one Write. It is a
// [lane.Observer], and knows who is still on their way through. A goroutine of its
// own writes: a reader that takes nothing must not stop the lane. What finds the
// queue full is left out, and the next line that is written says how many.
type eventLog struct {
	now   func() time.Time
	lines chan []byte // nil writes nothing
	lost  atomic.Uint64
	end   chan struct{} // closed by close
	once  sync.Once
	done  chan struct{} // closed when the writer has ended

	mu    sync.Mutex      // guards open
	open  map[uint64]bool // admissions that are not settled, by their entry
	quiet chan struct{}   // capacity 1: one more is settled
}

var (
	_ lane.Observer = (*eventLog)(nil)
	_ lane.Gatherer = (*eventLog)(nil)
)

const (
	eventQueue = 4096            // lines that may wait for the reader
	lastLines  = 2 * time.Second // how long a stopping gate waits for it
)

func newEventLog(now func() time.Time, out io.Writer) *eventLog {
	l := &eventLog{now: now, open: map[uint64]bool{}, quiet: make(chan struct{}, 1), end: make(chan struct{}), done: make(chan struct{})}
	if out == nil {
		close(l.done)
		return l
	}
	l.lines = make(chan []byte, eventQueue)
	go l.write(out)
	return l
}

// write is the goroutine that writes, until close.
func (l *eventLog) write(out io.Writer) {
	defer close(l.done)
	for {
		select {
		case line := <-l.lines:
			l.put(out, line)
			continue
		case <-l.end:
		}
		for { // what was said before the end
			select {
			case line := <-l.lines:
				l.put(out, line)
			default:
				return
			}
		}
	}
}

// put writes one line. A reader that has gone is no concern of the lane's.
func (l *eventLog) put(out io.Writer, line []byte) {
	if n := l.lost.Swap(0); n > 0 {
		if gap, err := json.Marshal(event{Event: "lost", At: l.now().UTC(), Count: n}); err == nil {
			_, _ = out.Write(append(gap, '\n'))
		}
	}
	_, _ = out.Write(line)
}

// close waits a moment for the reader to take what was said. It may be called twice.
func (l *eventLog) close() {
	l.once.Do(func() { close(l.end) })
	fire, stop := after(lastLines)
	defer stop()
	select {
	case <-l.done:
	case <-fire:
	}
}

// settled waits until nobody is on their way through, at most so long.
func (l *eventLog) settled(ctx context.Context, most time.Duration) {
	fire, stop := after(most)
	defer stop()
	for {
		l.mu.Lock()
		open := len(l.open)
		l.mu.Unlock()
		if open == 0 {
			return
		}
		select {
		case <-l.quiet:
		case <-fire:
			return
		case <-ctx.Done():
			return
		}
	}
}

// note notes that an admission began or ended.
func (l *eventLog) note(seq uint64, began bool) {
	l.mu.Lock()
	if began {
		l.open[seq] = true
	} else {
		delete(l.open, seq)
	}
	l.mu.Unlock()
	select {
	case l.quiet <- struct{}{}:
	default:
	}
}

// say has one event written, and returns at once.
func (l *eventLog) say(e event) {
	if l.lines == nil {
		return
	}
	if e.At.IsZero() {
		e.At = l.now().UTC()
	}
	line, err := json.Marshal(e)
	if err != nil {
		return
	}
	select {
	case l.lines <- append(line, '\n'):
	default:
		l.lost.Add(1)
	}
}

// Looked says nothing: frames are for metrics.
func (l *eventLog) Looked(lane.Look) {}

// Decided says the verdict.
func (l *eventLog) Decided(r lane.Result) {
	if r.Verdict.Outcome == ticket.Admit {
		l.note(r.Seq, true)
	}
	l.say(verdictEvent("verdict", r))
}

// Gathered says how far a presentation has come.
func (l *eventLog) Gathered(p lane.Progress) {
	l.say(event{Event: "parts", Have: p.Have, Total: p.Total})
}

// repeated says an earlier verdict again to a script that asked again.
func (l *eventLog) repeated(r lane.Result) { l.say(verdictEvent("repeat", r)) }

func verdictEvent(name string, r lane.Result) event {
	v := r.Verdict
	e := event{
		Event: name, At: r.At.UTC(), Lane: r.Lane, Seq: r.Seq, Ticket: short(r.Ticket),
		Outcome: v.Outcome.String(), Reason: string(v.Reason), Mode: r.Mode.String(),
		FrameMillis: millisOf(r.Timing.Frame + r.Timing.Verdict), DoneMs: millisOf(r.Timing.Total()), EarlierWhere: v.Detail.Where,
		Presented: r.Presented, Confirmable: r.Confirmable,
	}
	if r.Timing.Durable > 0 {
		e.DurableMs = millisOf(r.Timing.Durable)
	}
	if !v.Detail.At.IsZero() {
		e.EarlierAt = v.Detail.At.UTC().Format(time.RFC3339Nano)
	}
	return e
}

// Settled says what became of an admission.
func (l *eventLog) Settled(s lane.Settlement) {
	e := event{Event: "passage", At: s.At.UTC(), Lane: s.Lane, Seq: s.Seq, Ticket: short(s.Ticket), Kind: s.Kind.String()}
	if s.Cause != 0 {
		e.Cause = s.Cause.String()
	}
	l.say(e)
	l.note(s.Seq, false)
}

// short is as much of a ticket's id as may leave the database.
func short(id ticket.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()[:8]
}

func millisOf(d time.Duration) *float64 {
	ms := milliseconds(d)
	return &ms
}
