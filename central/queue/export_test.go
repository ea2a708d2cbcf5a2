package queue

import (
	"context"
	"encoding/base64"

	"github.com/con-ting/conting/sync/ticket"
)

// Tick does what Run does once.
func (q *Queue) Tick(ctx context.Context) { q.tick(ctx) }

// Mark is how far the line has moved.
func (q *Queue) Mark(event ticket.EventID) uint32 {
	r, err := q.room(event)
	if err != nil {
		return 0
	}
	return r.mark.Load()
}

// FoldRecords folds records into an empty room whose lobby has been opened, and says
// how far it came.
func FoldRecords(records [][]byte) (mark uint32, err error) {
	r := newRoom(&Queue{}, Room{Event: 1})
	r.shown.Store(&view{order: &order{}})
	for _, b := range records {
		rec, err := parseRecord(b)
		if err != nil {
			return r.mark.Load(), err
		}
		r.apply(rec)
	}
	return r.mark.Load(), nil
}

// EncodeStep is a record.
func EncodeStep(from, to uint32, skipped ...uint32) []byte {
	r := record{kind: recordStep, from: from, to: to, skipped: skipped}
	return r.encode()
}

// SignTogether returns the receipts of people who were given numbers at the same
// time, from 1 on.
func (q *Queue) SignTogether(event ticket.EventID, keys []Key) []string {
	asks := make([]*ask, len(keys))
	for i, k := range keys {
		asks[i] = &ask{entry: Entry{Key: k}, number: uint32(i) + 1}
	}
	q.sign(event, asks)
	texts := make([]string, len(asks))
	for i, a := range asks {
		texts[i] = base64.RawURLEncoding.EncodeToString(a.signed)
	}
	return texts
}

// LetIn counts as if so many had entered.
func (q *Queue) LetIn(event ticket.EventID, people uint64) {
	if r, err := q.room(event); err == nil {
		r.enters.Add(people)
	}
}

// Signed is what a shuffle file's signature is over.
func (s *Shuffled) Signed() []byte { return s.signed() }
