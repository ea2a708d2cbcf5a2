package main

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/con-ting/conting/gate/lane"
)

// event is one line of gate run --events. Fields that do not belong to an
// event's kind are absent.
type event struct {
	Event  string    `json:"event"` // ready, verdict, passage, state or stopped
	At     time.Time `json:"at"`
	Lane   string    `json:"lane,omitempty"`
	Seq    uint64    `json:"seq,omitempty"`    // of the journal's entry
	Ticket string    `json:"ticket,omitempty"` // the first 8 digits of its id

	// Of a verdict.
	Outcome      string   `json:"outcome,omitempty"`
	Reason       string   `json:"reason,omitempty"`
	Mode         string   `json:"mode,omitempty"`
	Repeat       bool     `json:"repeat,omitempty"`
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
	Unacked   uint64 `json:"unacked,omitempty"`
	Stale     bool   `json:"stale,omitempty"`
}

// eventLog writes events, one JSON object a line, each with one Write. It is a
// [lane.Observer].
type eventLog struct {
	now func() time.Time

	mu  sync.Mutex // guards out
	out io.Writer  // nil writes nothing
}

var _ lane.Observer = (*eventLog)(nil)

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
	v := r.Verdict
	e := event{
		Event: "verdict", At: r.At.UTC(), Lane: r.Lane, Seq: r.Seq, Ticket: short(r.Ticket),
		Outcome: v.Outcome.String(), Reason: string(v.Reason), Mode: r.Mode.String(), Repeat: r.Repeat,
		FrameMillis: millisOf(r.Timing.Frame + r.Timing.Verdict), DoneMs: millisOf(r.Timing.Total()), EarlierWhere: v.Detail.Where,
	}
	if r.Timing.Durable > 0 {
		e.DurableMs = millisOf(r.Timing.Durable)
	}
	if !v.Detail.At.IsZero() {
		e.EarlierAt = v.Detail.At.UTC().Format(time.RFC3339Nano)
	}
	l.say(e)
}

// Settled says what became of an admission.
func (l *eventLog) Settled(s lane.Settlement) {
	e := event{Event: "passage", At: s.At.UTC(), Lane: s.Lane, Seq: s.Seq, Ticket: short(s.Ticket), Kind: s.Kind.String()}
	if s.Cause != 0 {
		e.Cause = s.Cause.String()
	}
	l.say(e)
}

// short is as much of a ticket's id as may leave the database.
func short(id ticketID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()[:8]
}

// ticketID is what [short] needs of an id.
type ticketID interface {
	IsZero() bool
	String() string
}

func millisOf(d time.Duration) *float64 {
	ms := milliseconds(d)
	return &ms
}
