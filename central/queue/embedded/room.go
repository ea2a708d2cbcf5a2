package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/private"
	"github.com/con-ting/conting/sync/ticket"
)

// block is how many numbers are reserved ahead.
const block = 8192

// disk is the file as a room needs it; tests put one that fails in its place.
type disk interface {
	Write(b []byte) (int, error)
	Sync() error
	Truncate(size int64) error
	Seek(offset int64, whence int) (int64, error)
	Close() error
}

// room is one file and what it says. mu guards everything but event, path, marks
// and logger.
type room struct {
	event  ticket.EventID
	path   string
	marks  queue.Marks
	logger *slog.Logger

	mu      sync.Mutex
	ready   bool
	file    disk // nil until something is written
	size    int64
	broken  error // the file is in a state that nobody knows
	people  people
	records [][]byte
	mark    uint32 // numbers up to it may be issued
}

// failed says what kind of failure an error is.
func (r *room) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	if !errors.Is(err, queue.ErrCorrupt) && !errors.Is(err, queue.ErrFull) && !errors.Is(err, queue.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", queue.ErrUnavailable, err)
	}
	return fmt.Errorf("queue of event %s: %s: %w", r.event, what, err)
}

// open reads the file, once.
func (r *room) open(ctx context.Context) error {
	if r.ready {
		return nil
	}
	r.people, r.records, r.size = people{}, nil, 0
	found, err := r.load(ctx)
	if err != nil {
		return err
	}
	if r.marks != nil {
		if r.mark, err = r.marks.Reserve(ctx, r.event, 0); err != nil {
			return err
		}
		if !found && r.mark > 0 || int64(r.mark)-int64(r.people.last) > 2*block {
			r.logger.ErrorContext(ctx, "the queue's file is missing or older than it should be; numbers go on after the mark",
				slog.String("event", r.event.String()), slog.Uint64("last", uint64(r.people.last)), slog.Uint64("mark", uint64(r.mark)))
			r.people.last = r.mark
		}
	}
	r.ready = true
	return nil
}

// enter issues numbers; see [queue.Engine].
func (r *room) enter(ctx context.Context, entries []queue.Entry) ([]uint32, error) {
	numbers := make([]uint32, len(entries))
	fresh := make(map[queue.Key]uint32) // of this call
	var (
		keys []queue.Key
		back []restored
	)
	last := r.people.last
	for _, e := range entries { // first those who bring their number
		if e.Had == 0 || e.Had > queue.MaxPeople || fresh[e.Key] != 0 || r.people.number(e.Key) != 0 {
			continue
		}
		if k := r.people.key(e.Had); k != (queue.Key{}) && k != e.Key || taken(back, e.Had) {
			continue
		}
		fresh[e.Key] = e.Had
		back = append(back, restored{number: e.Had, key: e.Key})
		last = max(last, e.Had)
	}
	first := last + 1
	for i, e := range entries {
		if n := fresh[e.Key]; n != 0 {
			numbers[i] = n
			continue
		}
		if n := r.people.number(e.Key); n != 0 && n != e.Instead {
			numbers[i] = n
			continue
		}
		if last >= queue.MaxPeople {
			return nil, queue.ErrFull
		}
		last++
		fresh[e.Key] = last
		numbers[i] = last
		keys = append(keys, e.Key)
	}
	if len(keys) == 0 && len(back) == 0 {
		return numbers, nil
	}
	if err := r.reserve(ctx, last); err != nil {
		return nil, err
	}
	if err := r.write(encodeEntries(first, keys, back)); err != nil {
		return nil, err
	}
	for _, b := range back {
		r.people.put(b.number, b.key)
	}
	for i, k := range keys {
		r.people.put(first+uint32(i), k)
	}
	return numbers, nil
}

func taken(back []restored, number uint32) bool {
	for _, b := range back {
		if b.number == number {
			return true
		}
	}
	return false
}

// reserve sees to it that numbers up to last may be issued.
func (r *room) reserve(ctx context.Context, last uint32) error {
	if r.marks == nil || last <= r.mark {
		return nil
	}
	if err := r.create(); err != nil { // so that a mark without a file means that it was lost
		return err
	}
	mark, err := r.marks.Reserve(ctx, r.event, min(last+block, queue.MaxPeople))
	if err != nil {
		return err
	}
	r.mark = mark
	return nil
}

func (r *room) add(records [][]byte) error {
	kept := make([][]byte, len(records))
	for i, b := range records {
		if len(b) == 0 || len(b) > queue.MaxRecord {
			return fmt.Errorf("a record of %d bytes: %w", len(b), queue.ErrCorrupt)
		}
		kept[i] = append([]byte(nil), b...)
	}
	if len(records) == 0 {
		return nil
	}
	if err := r.write(encodeRecords(records)); err != nil {
		return err
	}
	r.records = append(r.records, kept...)
	return nil
}

// create makes the file if there is none.
func (r *room) create() error {
	if r.file != nil || r.broken != nil {
		return r.broken
	}
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(header(r.event)); err == nil {
		err = errors.Join(f.Sync(), private.SyncDir(filepath.Dir(r.path)))
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(r.path))
	}
	r.file, r.size = f, headerSize
	return nil
}

// write adds one frame and waits until it is on the disk. After an error the file
// is as it was, or the room is broken until the next start: what a failed sync left
// on the disk cannot be known.
func (r *room) write(frame []byte) error {
	if err := r.create(); err != nil {
		return err
	}
	if _, err := r.file.Write(frame); err != nil {
		terr := r.file.Truncate(r.size)
		if terr == nil {
			_, terr = r.file.Seek(r.size, 0)
		}
		if terr != nil {
			r.broken = fmt.Errorf("restart central: a failed write could not be undone: %w", terr)
		}
		return errors.Join(err, terr)
	}
	if err := r.file.Sync(); err != nil {
		r.broken = fmt.Errorf("restart central: the disk did not keep a write: %w", err)
		return r.broken
	}
	r.size += int64(len(frame))
	return nil
}

func (r *room) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready = false
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
