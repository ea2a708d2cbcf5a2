package queue

import (
	"math"

	"github.com/con-ting/conting/sync/ticket"
)

// Counts are how many people something happened to since the room was made. The
// same person may be counted as skipped and as back.
type Counts struct {
	Numbers uint64 // were issued
	Passed  uint64 // ranks under the watermark, silent ones included
	Skipped uint64 // were passed over in silence
	Back    uint64 // of those: came back in time
	Left    uint64 // said that they leave
}

// Info is what anybody may know of a room, and, in Settings and Counts, what only
// the organiser should.
type Info struct {
	Event      ticket.EventID
	Settings   Settings
	Commitment [32]byte
	Key        string // see [Queue.ReceiptKey]
	Sealed     bool   // the list of the lobby is fixed
	Open       bool
	Beacon     string
	Waiting    uint32
	Counts     Counts

	// Fast and Slow are how many ranks are passed a second, at best and at worst, as
	// measured; zero while nothing is known.
	Fast, Slow float64
}

// Info describes the event's room. The error wraps [ErrNoRoom].
func (q *Queue) Info(event ticket.EventID) (Info, error) {
	r, err := q.room(event)
	if err != nil {
		return Info{}, err
	}
	return q.info(r), nil
}

func (q *Queue) info(r *room) Info {
	row := r.row()
	i := Info{
		Event: r.event, Settings: row.Settings, Commitment: row.Commitment(), Key: q.ReceiptKey(),
		Sealed: !row.Sealed.IsZero(), Open: !row.Opened.IsZero(), Beacon: row.Beacon,
		Fast: math.Float64frombits(r.fast.Load()), Slow: math.Float64frombits(r.slow.Load()),
	}
	r.fold.mu.Lock()
	i.Counts = r.fold.counted
	r.fold.mu.Unlock()
	last, mark := r.last.Load(), r.mark.Load()
	i.Counts.Numbers = uint64(last)
	i.Waiting = last - min(mark, last)
	return i
}

// Infos describes every room, in no order.
func (q *Queue) Infos() []Info {
	all := *q.rooms.Load()
	out := make([]Info, 0, len(all))
	for _, r := range all {
		out = append(out, q.info(r))
	}
	return out
}
