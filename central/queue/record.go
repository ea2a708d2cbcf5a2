package queue

import (
	"encoding/binary"
	"fmt"
	"time"
)

// The log of a room is a list of records, each a fact. What a room is follows from
// folding them in order; see [room.fold].
//
//	step: 1, from u32, to u32, at u64 (Unix ms), then the skipped ranks: the
//	      difference of each to the one before (the first: to from), as uvarints
//	left: 2, at u64, number u32
//	back: 3, at u64, number u32
//	seen: 4, at u64, number u32
//
// Integers are big-endian. A record of another kind is of a later release, and an
// error.
const (
	recordStep = 1
	recordLeft = 2
	recordBack = 3
	recordSeen = 4
)

// maxSkips keeps a step below MaxRecord: a difference takes at most 4 bytes.
const maxSkips = (MaxRecord - 32) / 4

// record is one fact.
type record struct {
	kind     byte
	at       time.Time
	from, to uint32   // step: the watermark moved
	skipped  []uint32 // step: ranks passed over in silence, ascending
	number   uint32   // left, back and seen: who
}

func (r *record) encode() []byte {
	b := []byte{r.kind}
	if r.kind != recordStep {
		b = binary.BigEndian.AppendUint64(b, uint64(r.at.UnixMilli()))
		return binary.BigEndian.AppendUint32(b, r.number)
	}
	b = binary.BigEndian.AppendUint32(b, r.from)
	b = binary.BigEndian.AppendUint32(b, r.to)
	b = binary.BigEndian.AppendUint64(b, uint64(r.at.UnixMilli()))
	last := r.from
	for _, rank := range r.skipped {
		b = binary.AppendUvarint(b, uint64(rank-last))
		last = rank
	}
	return b
}

// parseRecord reads what encode wrote; errors wrap [ErrCorrupt].
func parseRecord(b []byte) (record, error) {
	bad := func(why string) (record, error) { return record{}, fmt.Errorf("record: %s: %w", why, ErrCorrupt) }
	if len(b) == 0 || len(b) > MaxRecord {
		return bad("length")
	}
	r := record{kind: b[0]}
	switch r.kind {
	case recordLeft, recordBack, recordSeen:
		if len(b) != 13 {
			return bad("length")
		}
		r.at = time.UnixMilli(int64(binary.BigEndian.Uint64(b[1:]))) //nolint:gosec // as encoded
		if r.number = binary.BigEndian.Uint32(b[9:]); r.number == 0 || r.number > MaxPeople {
			return bad("number")
		}
		return r, nil
	case recordStep:
	default:
		return bad("kind")
	}
	if len(b) < 17 {
		return bad("length")
	}
	r.from, r.to = binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[5:])
	r.at = time.UnixMilli(int64(binary.BigEndian.Uint64(b[9:]))) //nolint:gosec // as encoded
	if r.from > r.to || r.to > MaxPeople {
		return bad("step")
	}
	last := r.from
	for b = b[17:]; len(b) > 0; {
		d, n := binary.Uvarint(b)
		if n <= 0 || d == 0 || d > uint64(r.to-last) {
			return bad("skipped rank")
		}
		last += uint32(d) //nolint:gosec // at most to
		r.skipped = append(r.skipped, last)
		b = b[n:]
	}
	return r, nil
}
