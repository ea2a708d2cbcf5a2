package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// OpenReadOnly opens an existing database for looking only, beside a running
// gate if need be. It changes no byte of it and migrates nothing; whatever would
// write fails. It returns a [*Fault] as [Open] does; an older schema than this
// program's is [ErrTooOld].
func OpenReadOnly(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Path == "" || cfg.Now == nil {
		return nil, fmt.Errorf("open store: a path and a clock are required: %w", ErrInvalid)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{path: cfg.Path, device: cfg.Device, now: cfg.Now, log: cfg.Logger, rules: map[int64]*ticket.Event{}}
	if err := s.openReadOnly(ctx); err != nil {
		return nil, s.fault("open", errors.Join(err, s.closePools()))
	}
	s.stop = func() {}
	return s, nil
}

// ErrTooOld means that the database waits for a migration, which reading does not do.
var ErrTooOld = errors.New("the database was written by an older version: start the gate once")

func (s *Store) openReadOnly(ctx context.Context) error {
	if _, err := os.Stat(s.path); err != nil {
		return err
	}
	if err := s.inspect(ctx); err != nil {
		return err
	}
	var err error
	if s.read, err = sql.Open("sqlite3", s.dsn("ro", "_query_only=on")); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers)
	version, _, _, err := describe(ctx, s.read)
	if err != nil {
		return err
	}
	all, err := steps()
	if err != nil {
		return err
	}
	if version < len(all) {
		return fmt.Errorf("schema %d, this program wants %d: %w", version, len(all), ErrTooOld)
	}
	// The writer is a reader too: every attempt to write fails.
	if s.write, err = sql.Open("sqlite3", s.dsn("ro", "_query_only=on")); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
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
