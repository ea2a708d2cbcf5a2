// Package embedded keeps the numbers of waiting rooms in files: the queue's engine
// for one central.
//
// Each room is one append-only file, FOLDER/EVENT.log, and a table in memory, 24 to
// 28 bytes a person. Everything is written and synced before it is answered, once
// for everybody who asked at the same time, so a place survives the end of the
// process and of the machine. What a crash left half written at the end of the file
// was answered to nobody and is dropped; damage before the end is refused with
// [queue.ErrCorrupt], never guessed around. Should the file be lost, or replaced by
// an older copy, numbers go on after the mark that the SQL store keeps: nobody's
// number is given to somebody else.
//
// It is for one process: whoever opens it must hold the data folder's lock. The
// files are trusted like the database: whoever can write them can change the line.
// They hold keyed hashes of accounts and no other personal data.
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
	"github.com/con-ting/conting/sync/ticket"
)

// Config is what the engine stands on. All fields are required but Marks.
type Config struct {
	// Folder is where the files are; it is made with mode 0700 when missing.
	Folder string

	// Marks keeps the mark up to which numbers may have been issued. Nil trusts the
	// files alone.
	Marks queue.Marks

	Logger *slog.Logger
}

// Engine is a [queue.Engine].
type Engine struct {
	cfg Config

	mu    sync.Mutex // guards rooms
	rooms map[ticket.EventID]*room
}

var _ queue.Engine = (*Engine)(nil)

// New makes the folder. Files are opened when a room is first asked about.
func New(_ context.Context, cfg Config) (*Engine, error) {
	if cfg.Folder == "" || cfg.Logger == nil {
		return nil, errors.New("embedded queue: folder and logger are required")
	}
	if err := os.MkdirAll(cfg.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("embedded queue: %w", err)
	}
	return &Engine{cfg: cfg, rooms: make(map[ticket.EventID]*room)}, nil
}

// Close closes the files.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, r := range e.rooms {
		errs = append(errs, r.close())
	}
	clear(e.rooms)
	return errors.Join(errs...)
}

// room returns the event's, opened or not.
func (e *Engine) room(event ticket.EventID) *room {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.rooms[event]
	if r == nil {
		r = &room{event: event, path: filepath.Join(e.cfg.Folder, event.String()+".log"), marks: e.cfg.Marks, logger: e.cfg.Logger}
		e.rooms[event] = r
	}
	return r
}

// Enter implements [queue.Engine].
func (e *Engine) Enter(ctx context.Context, event ticket.EventID, entries []queue.Entry) ([]uint32, error) {
	r := e.room(event)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.open(ctx); err != nil {
		return nil, r.failed("open", err)
	}
	numbers, err := r.enter(ctx, entries)
	return numbers, r.failed("enter", err)
}

// Lobby implements [queue.Engine].
func (e *Engine) Lobby(ctx context.Context, event ticket.EventID) ([]queue.Key, error) {
	r := e.room(event)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.open(ctx); err != nil {
		return nil, r.failed("open", err)
	}
	return r.people.all(), nil
}

// Append implements [queue.Engine].
func (e *Engine) Append(ctx context.Context, event ticket.EventID, records [][]byte) error {
	r := e.room(event)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.open(ctx); err != nil {
		return r.failed("open", err)
	}
	return r.failed("append", r.add(records))
}

// Records implements [queue.Engine].
func (e *Engine) Records(ctx context.Context, event ticket.EventID, after int) (records [][]byte, last uint32, err error) {
	r := e.room(event)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.open(ctx); err != nil {
		return nil, 0, r.failed("open", err)
	}
	if after < 0 || after > len(r.records) {
		return nil, 0, fmt.Errorf("event %s: %d records after %d: %w", event, len(r.records), after, queue.ErrCorrupt)
	}
	return r.records[after:len(r.records):len(r.records)], r.people.last, nil
}

// Presence implements [queue.Engine]: there is nobody else.
func (*Engine) Presence(_ context.Context, _ ticket.EventID, here queue.Window) (queue.Window, error) {
	return here, nil
}
