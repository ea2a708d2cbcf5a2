package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"

	client "github.com/redis/go-redis/v9"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
)

// Sizes of a log's parts.
const (
	nameSize   = 16      // of a record's name
	page       = 512     // records in one answer; most are some ten bytes, none over 64 KiB
	maxAtOnce  = 1000    // records of one Append
	maxPutBack = 4 << 20 // bytes put back in one command
)

// name tells a record from every other, so that it counts once however often it
// was put back.
type name [nameSize]byte

// record is one of a log, as Redis keeps it.
type record struct {
	name name
	body []byte
}

func (r record) encode() string { return string(r.name[:]) + string(r.body) }

func decodeRecord(text string) (r record, ok bool) {
	if len(text) <= nameSize || len(text) > nameSize+queue.MaxRecord {
		return record{}, false
	}
	copy(r.name[:], text)
	r.body = []byte(text[nameSize:])
	return r, true
}

// journal is what this process has seen of a room's log: it is what others were
// told, so it stays as it is whatever Redis loses.
type journal struct {
	mu    sync.Mutex // guards all below, and is held while Redis is asked
	reign string     // that at counts in
	at    int64      // how many of Redis' records were read
	shown []record
	seen  map[name]struct{} // of shown
	last  uint32            // the largest number that was shown
	found map[name]struct{} // what Redis still has, while it is read anew after a change of reign

	ownMu sync.Mutex // guards own
	own   []record   // added here and not shown yet
}

// Append implements [queue.Engine].
func (e *Engine) Append(ctx context.Context, event ticket.EventID, records [][]byte) error {
	if len(records) > maxAtOnce {
		return fmt.Errorf("redis: %d records at once, want up to %d", len(records), maxAtOnce)
	}
	added := make([]record, len(records))
	for i, body := range records {
		if len(body) == 0 || len(body) > queue.MaxRecord {
			return fmt.Errorf("redis: a record of %d bytes, want 1 to %d", len(body), queue.MaxRecord)
		}
		added[i].body = slices.Clone(body)
		_, _ = rand.Read(added[i].name[:]) // never fails
	}
	if len(added) == 0 {
		return nil
	}
	if err := e.push(ctx, event, added); err != nil {
		return err
	}
	j := &e.room(event).log
	j.ownMu.Lock()
	defer j.ownMu.Unlock()
	j.own = append(j.own, added...)
	return nil
}

// push adds to the list in one step.
func (e *Engine) push(ctx context.Context, event ticket.EventID, records []record) error {
	values := make([]any, len(records))
	for i, r := range records {
		values[i] = r.encode()
	}
	_, err := e.rdb.TxPipelined(ctx, func(p client.Pipeliner) error {
		p.RPush(ctx, e.logKey(event), values...)
		p.PExpire(ctx, e.logKey(event), e.cfg.Keep)
		return nil
	})
	return failed("add to the log", err)
}

// Records implements [queue.Engine]. The records are not to be changed.
func (e *Engine) Records(ctx context.Context, event ticket.EventID, after int) ([][]byte, uint32, error) {
	j := &e.room(event).log
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := e.catchUp(ctx, event, j); err != nil {
		return nil, 0, err
	}
	var out [][]byte
	for _, r := range j.shown[min(max(after, 0), len(j.shown)):] {
		out = append(out, r.body)
	}
	return out, j.last, nil
}

// catchUp reads what was added. It needs j.mu.
func (e *Engine) catchUp(ctx context.Context, event ticket.EventID, j *journal) error {
	for {
		if done, err := e.step(ctx, event, j); done || err != nil {
			return err
		}
	}
}

// step reads a page, or puts back what is lost. It may fail at any time and go on
// later.
func (e *Engine) step(ctx context.Context, event ticket.EventID, j *journal) (done bool, err error) {
	v, err := e.look(ctx, event, j.at, j.at+page-1)
	if err != nil {
		return false, err
	}
	if v.reign != j.reign || v.length < j.at {
		// It may have lost its end, or all: see what is left.
		j.reign, j.at, j.found = v.reign, 0, make(map[name]struct{})
		return false, nil
	}
	j.last = max(j.last, v.last)
	for _, r := range v.records {
		j.show(r)
		if j.found != nil {
			j.found[r.name] = struct{}{}
		}
	}
	j.at += int64(len(v.records))
	if j.at < v.length {
		return false, nil
	}
	if j.found == nil {
		return true, nil
	}
	if err := e.putBack(ctx, event, j); err != nil {
		return false, err
	}
	j.found = nil
	return false, nil
}

// show adds a record that is new to the view.
func (j *journal) show(r record) {
	if _, ok := j.seen[r.name]; ok {
		return
	}
	if j.seen == nil {
		j.seen = make(map[name]struct{})
	}
	j.seen[r.name] = struct{}{}
	j.shown = append(j.shown, r)
	j.ownMu.Lock()
	defer j.ownMu.Unlock()
	j.own = slices.DeleteFunc(j.own, func(o record) bool { return o.name == r.name })
}

// putBack adds what this process has shown, or added, and Redis has not.
func (e *Engine) putBack(ctx context.Context, event ticket.EventID, j *journal) error {
	j.ownMu.Lock()
	lost := slices.Concat(j.shown, j.own)
	j.ownMu.Unlock()
	lost = slices.DeleteFunc(lost, func(r record) bool {
		_, ok := j.found[r.name]
		return ok
	})
	for len(lost) > 0 {
		n, size := 0, 0
		for n < len(lost) && n < maxAtOnce && (n == 0 || size+len(lost[n].body) <= maxPutBack) {
			size += len(lost[n].body)
			n++
		}
		if err := e.push(ctx, event, lost[:n]); err != nil {
			return err
		}
		lost = lost[n:]
	}
	return nil
}

// view is what look says of a room.
type view struct {
	reign   string
	last    uint32
	length  int64
	records []record
}

// look reads a room and part of its log. A room whose reign has ended begins
// another first, so that last is never less than a number that was issued.
func (e *Engine) look(ctx context.Context, event ticket.EventID, from, to int64) (view, error) {
	for {
		got, err := look.Run(ctx, e.rdb, []string{e.roomKey(event), e.logKey(event)}, from, to).Slice()
		if err != nil {
			return view{}, failed("read a room", err)
		}
		v, of, err := decodeView(got)
		if err != nil || of == v.reign {
			return v, err
		}
		if of == "" {
			// Nothing is known of it: new, or all is lost. Once in a reign the store says.
			r := e.room(event)
			if r.empty.Load() == v.reign {
				return v, nil
			}
			mark, err := e.cfg.Ranges.Take(ctx, event, 0)
			if err != nil {
				return view{}, unmarked(err)
			}
			if mark == 0 {
				r.empty.Store(v.reign)
				return v, nil
			}
		}
		if err := e.crown(ctx, event, v.reign); err != nil {
			return view{}, err
		}
	}
}

// decodeView reads an answer, and in whose reign the room was written.
func decodeView(got []any) (v view, of string, err error) {
	if len(got) != 5 {
		return view{}, "", damaged("an answer")
	}
	reign, ok1 := got[0].(string)
	of, ok2 := got[1].(string)
	last, ok3 := got[2].(int64)
	length, ok4 := got[3].(int64)
	entries, ok5 := got[4].([]any)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || last < 0 || last > queue.MaxPeople || length < 0 || int64(len(entries)) > length {
		return view{}, "", damaged("a room")
	}
	v = view{reign: reign, last: uint32(last), length: length, records: make([]record, len(entries))}
	for i, entry := range entries {
		text, ok := entry.(string)
		r, whole := decodeRecord(text)
		if !ok || !whole {
			return view{}, "", damaged("a record")
		}
		v.records[i] = r
	}
	return v, of, nil
}
