package redis

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	// heardFor is how long what a central told counts. It tells about once a second; if
	// it has ended, those who asked there need as long to ask at another.
	heardFor = 30 * time.Second

	// maxWindow is the most that a window may span, in bytes.
	maxWindow = queue.MaxPeople / 8
)

// Presence implements [queue.Engine].
func (e *Engine) Presence(ctx context.Context, event ticket.EventID, here queue.Window) (queue.Window, error) {
	union := queue.Window{From: here.From, Bits: append([]byte(nil), here.Bits...)}
	others, err := heard.Run(ctx, e.rdb, []string{e.hereKey(event)}, e.self, encodeWindow(here), heardFor.Milliseconds()).StringSlice()
	if err != nil {
		return queue.Window{}, failed("tell who is here", err)
	}
	for _, text := range others {
		w, ok := decodeWindow(text)
		if !ok {
			return queue.Window{}, damaged("a window")
		}
		overlay(union, w)
	}
	return union, nil
}

// encodeWindow is where it begins, as four bytes, and the bits.
func encodeWindow(w queue.Window) []byte {
	return append(binary.BigEndian.AppendUint32(nil, w.From), w.Bits...)
}

func decodeWindow(text string) (queue.Window, bool) {
	if len(text) < 4 || len(text) > 4+maxWindow {
		return queue.Window{}, false
	}
	w := queue.Window{From: binary.BigEndian.Uint32([]byte(text[:4])), Bits: []byte(text[4:])}
	return w, w.From%8 == 1 && w.From <= queue.MaxPeople
}

// overlay adds to a window who another has, as far as they span the same ranks.
func overlay(on, other queue.Window) {
	for i, b := range other.Bits {
		at := (int64(other.From)-int64(on.From))/8 + int64(i)
		if at >= 0 && at < int64(len(on.Bits)) {
			on.Bits[at] |= b
		}
	}
}
