package main

import (
	"context"
	"encoding/json"
	"io"
	"reflect"
	"sync"
	"time"

	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/sync/ticket"
)

// event is one line of gate run --events. Fields that do not belong to an
// event's kind are absent.
type event struct {
	Event  string    `json:"event"` // ready, verdict, repeat, passage, state or stopped
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
}

// same reports whether two states tell the same: their times do not count, and
// of the entries that wait for central only whether there are any.
func (e event) same(o event) bool {
	e.At, o.At = time.Time{}, time.Time{}
	e.Unacked, o.Unacked = min(e.Unacked, 1), min(o.Unacked, 1)
	return reflect.DeepEqual(e, o)
}

// eventLog writes events, one JSON object a line, each with one Write. It is a
// [lane.Observer], and knows who is still on their way through.
type eventLog struct {
	now func() time.Time

	mu    sync.Mutex      // guards the rest
	out   io.Writer       // nil writes nothing
	open  map[uint64]bool // admissions that are not settled, by their entry
	quiet chan struct{}
}

var _ lane.Observer = (*eventLog)(nil)

func newEventLog(now func() time.Time, out io.Writer) *eventLog {
	return &eventLog{now: now, out: out, open: map[uint64]bool{}, quiet: make(chan struct{}, 1)}
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

// say writes one event. A reader that has gone is no concern of the lane's.
func (l *eventLog) say(e event) {
	if l.out == nil {
		return
	}
	if e.At.IsZero() {
		e.At = l.now().UTC()
	}
	line, err := json.Marshal(e)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.out.Write(append(line, '\n'))
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

// repeated says an earlier verdict again to a script that asked again.
func (l *eventLog) repeated(r lane.Result) { l.say(verdictEvent("repeat", r)) }

func verdictEvent(name string, r lane.Result) event {
	v := r.Verdict
	e := event{
		Event: name, At: r.At.UTC(), Lane: r.Lane, Seq: r.Seq, Ticket: short(r.Ticket),
		Outcome: v.Outcome.String(), Reason: string(v.Reason), Mode: r.Mode.String(),
		FrameMillis: millisOf(r.Timing.Frame + r.Timing.Verdict), DoneMs: millisOf(r.Timing.Total()), EarlierWhere: v.Detail.Where,
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
