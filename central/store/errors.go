package store

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
)

// Errors of the database itself, as opposed to those of a consumer's domain.
var (
	// ErrCorrupt means that the file is not a sound database.
	ErrCorrupt = errors.New("database is damaged: stop central, keep the file and its -wal, restore the latest backup")

	// ErrFull means that the disk or a quota has no room. Nothing was written.
	ErrFull error = passing("disk is full: free space on the database's file system; nothing was lost")

	// ErrTooNew means that a later release has already migrated the file.
	ErrTooNew = errors.New("database was migrated by a later release: run that release, or restore a backup from before it")

	// ErrMigrationChanged means that an applied migration differs from the one in
	// this program: the schema is not what the queries expect.
	ErrMigrationChanged = errors.New("an applied migration differs from this program's: the database belongs to another build")

	// ErrBusy means that another process holds the write lock for too long.
	ErrBusy error = passing("database is locked by another process: only one central may use a SQLite file")

	// ErrUnavailable means that the database server cannot be reached, or does not
	// answer in time. As a rule nothing was done; where the line broke at the very
	// end and the server does not come back, it may have been.
	ErrUnavailable error = passing("database is not available: see that its server runs and can be reached; central goes on when it is back")

	// ErrUnsuitable means that a PostgreSQL database is not as central needs it.
	ErrUnsuitable = errors.New("database is not suitable")
)

// passing is an error that goes away without anybody asking otherwise.
type passing string

func (e passing) Error() string { return string(e) }

// Unavailable tells whoever does not know this package that the same call will be
// right later.
func (e passing) Unavailable() bool { return true }

var (
	errClosed     = errors.New("store is closed")
	errPanic      = errors.New("panic in a transaction")
	errUnknown    = errors.New("it is not known whether it was done")
	errSpoilt     = errors.New("one of several functions failed")
	errRolledBack = errors.New("a statement of the transaction failed")
)

// classify puts the sentinel that fits before an engine error.
func classify(err error) error {
	kind := kindOf(err)
	if kind == nil || errors.Is(err, kind) {
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}

func kindOf(err error) error {
	var lite sqlite3.Error
	if errors.As(err, &lite) {
		return kindOfSQLite(lite)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return kindOfPostgres(pg)
	}
	return nil
}

// again tells whether an engine has undone a transaction only because of another
// one, so that it may be tried once more.
func again(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01") // serialization_failure, deadlock_detected
}
