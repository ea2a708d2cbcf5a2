// Package store is a gate's memory: one SQLite file with the ticket sets, the
// claims, the journal and everything the gate heard from others.
//
// What it promises: a claim is one transaction that is on the disk before
// [Store.Claim] returns, so two people with one ticket are one admission and a
// power cut forgets none; the journal has no gaps and its hashes chain; a set
// takes effect whole or not at all; and the lanes never wait for a set to load,
// because loading commits at most [ticketset.ChunkRecords] rows at a time.
//
// What it does not do: verify signatures (what it is given was verified, except
// chunks, rules and status lists, whose hashes it compares with the manifest),
// decide who may enter, or send anything. The disk is trusted to keep what it
// said it has written, but not to work forever: a damaged file, a full disk and
// a file of a newer version are errors of their own, and nothing is ever deleted
// to get past them. Whoever can write the file can admit whom they like.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/mattn/go-sqlite3" // the "sqlite3" driver

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

// Errors that callers branch on. Those of the disk come as a [*Fault], which
// says what to do.
var (
	ErrNotFound   = errors.New("not found")
	ErrNoSet      = errors.New("no ticket set for this event")
	ErrIncomplete = errors.New("the new set is not complete")
	ErrAbandoned  = errors.New("a newer set is being loaded")
	ErrSettled    = errors.New("the admission was settled otherwise")
	ErrInvalid    = errors.New("invalid request")
)

const (
	busyTimeout = 5 * time.Second // for another process, such as load-set
	readers     = 4               // connections that only read

	// The writer leaves checkpoints to their own goroutine and does one itself only
	// if that falls behind by so many pages of 4 KiB.
	writerCheckpointPages = 8000
	checkpointEvery       = 64 // commits
)

// Config says where the database is and what time it is.
type Config struct {
	// Path is the database file; its directory must exist. SQLite keeps two more
	// files beside it, ending in -wal and -shm, which belong to it.
	Path string

	// Device is this gate. What the ledger and the notices say of it is not news.
	Device ticket.DeviceID

	Now    func() time.Time
	Logger *slog.Logger // nil logs nothing
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	path   string
	device ticket.DeviceID
	now    func() time.Time
	log    *slog.Logger
	clock  *journal.Clock
	come   time.Time // see Come; set once

	write *sql.DB // one connection; every transaction is BEGIN IMMEDIATE
	read  *sql.DB // query_only
	q     queries

	commits    atomic.Uint64
	checkpoint chan struct{} // kicks the goroutine that owns checkpoints
	stop       context.CancelFunc
	done       sync.WaitGroup

	mu    sync.Mutex              // guards rules
	rules map[int64]*ticket.Event // by generation, as they were parsed once; nobody changes them
}

// Open opens the database, creates it if there is none, brings an older schema
// up to date and checks its pages. It returns a [*Fault] wrapping [ErrCorrupt],
// [ErrTooNew] or [ErrFull], and leaves the file as it was then.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Path == "" || cfg.Now == nil {
		return nil, fmt.Errorf("open store: a path and a clock are required: %w", ErrInvalid)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		path: cfg.Path, device: cfg.Device, now: cfg.Now, log: cfg.Logger,
		checkpoint: make(chan struct{}, 1), rules: map[int64]*ticket.Event{},
	}
	if err := s.open(ctx); err != nil {
		_ = s.closePools() // the first error is the one to tell
		return nil, s.fault("open", err)
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.done.Go(func() { s.checkpoints(background) })
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	switch info, err := os.Stat(s.path); {
	case errors.Is(err, os.ErrNotExist):
		if err := create(s.path); err != nil {
			return err
		}
	case err != nil:
		return err
	case info.Size() > 0:
		// A damaged file is found through a connection that cannot write, so that
		// it stays exactly as it was found.
		if err := s.inspect(ctx); err != nil {
			return err
		}
	}
	var err error
	if s.write, err = sql.Open("sqlite3", s.dsn("rw", "_txlock=immediate", "_journal_mode=WAL", "_synchronous=FULL", "_foreign_keys=on")); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	s.write.SetConnMaxLifetime(0)
	if _, err := s.write.ExecContext(ctx, fmt.Sprintf("PRAGMA wal_autocheckpoint = %d", writerCheckpointPages)); err != nil {
		return err
	}
	if err := migrate(ctx, s.write); err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite3", s.dsn("ro", "_query_only=on")); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	if err := s.q.prepare(ctx, s.write); err != nil {
		return err
	}
	last, err := s.verifyJournal(ctx)
	if err != nil {
		return err
	}
	s.clock = journal.NewClock(s.now, last)
	return nil
}

// create makes the empty file readable by nobody else.
func create(path string) error {
	f, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// inspect looks at an existing file without changing it.
func (s *Store) inspect(ctx context.Context) error {
	options := []string{"_query_only=on"}
	if _, err := os.Stat(s.path + "-wal"); errors.Is(err, os.ErrNotExist) {
		options = append(options, "immutable=1") // closed in order: not even a lock file is needed
	}
	db, err := sql.Open("sqlite3", s.dsn("ro", options...))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // nothing was written
	db.SetMaxOpenConns(1)
	if err := checkVersion(ctx, db); err != nil {
		return err
	}
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("quick_check: %s: %w", verdict, ErrCorrupt)
	}
	return nil
}

func (s *Store) dsn(mode string, options ...string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: s.path}).EscapedPath()}
	u.RawQuery = fmt.Sprintf("mode=%s&_busy_timeout=%d", mode, busyTimeout.Milliseconds())
	for _, o := range options {
		u.RawQuery += "&" + o
	}
	return u.String()
}

// Path returns the database file.
func (s *Store) Path() string { return s.path }

// Clock returns the gate's hybrid clock, which is never behind the journal.
func (s *Store) Clock() *journal.Clock { return s.clock }

// Come returns a time that had certainly come when the journal was last written
// before it was opened: an entry's time less its uncertainty. The time alone may
// be that of a peer whose clock was ahead. Zero for an empty journal.
func (s *Store) Come() time.Time { return s.come }

// Close waits for what is being written and closes the database.
func (s *Store) Close() error {
	s.stop()
	s.done.Wait()
	return s.fault("close", s.closePools())
}

func (s *Store) closePools() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} { // the writer last: it clears the WAL away
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// inTx runs fn in one write transaction. If fn or the commit fails, nothing of
// it remains.
func (s *Store) inTx(ctx context.Context, op string, fn func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.fault(op, err)
	}
	if err := fn(tx); err != nil {
		_ = tx.Rollback() // the first error is the one to tell
		return s.fault(op, err)
	}
	if err := tx.Commit(); err != nil {
		return s.fault(op, err)
	}
	if s.commits.Add(1)%checkpointEvery == 0 {
		s.kickCheckpoint()
	}
	return nil
}

func (s *Store) kickCheckpoint() {
	select {
	case s.checkpoint <- struct{}{}:
	default:
	}
}

// checkpoints moves committed pages from the WAL into the database beside the
// writers, who would otherwise do it within somebody's admission.
func (s *Store) checkpoints(ctx context.Context) {
	db, err := sql.Open("sqlite3", s.dsn("rw", "_synchronous=FULL"))
	if err != nil {
		s.log.ErrorContext(ctx, "checkpoints are off", slog.Any("error", err))
		return
	}
	db.SetMaxOpenConns(1)
	defer func() { _ = db.Close() }() // it holds no transaction
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.checkpoint:
		}
		if _, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)"); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "checkpoint failed", slog.Any("error", err))
		}
	}
}

// i64 and u64 carry unsigned numbers through SQLite's signed 64 bits unchanged.
func i64[T ~uint64](u T) int64 { return int64(u) }

func u64(i int64) uint64 { return uint64(i) } //nolint:gosec // the same 64 bits

func hlc(i int64) journal.HLC { return journal.HLC(u64(i)) }

func hash32(b []byte) (h [32]byte) {
	copy(h[:], b)
	return h
}

func headOf(seq int64, hash []byte) ticketset.Head {
	return ticketset.Head{Seq: u64(seq), Hash: hash32(hash)}
}
