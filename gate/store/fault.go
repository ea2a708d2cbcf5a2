package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"
)

// What can be wrong with the disk. Each comes wrapped in a [*Fault].
var (
	ErrCorrupt = errors.New("the database file is damaged")
	ErrFull    = errors.New("the disk is full")
	ErrTooNew  = errors.New("the database was written by a newer version")
	ErrForeign = errors.New("the file is not a gate's database")
	ErrBusy    = errors.New("another program holds the database")
)

// Fault is a failure of the disk or the file, with what a person can do about it.
type Fault struct {
	Op   string // what was being done
	Path string // the database file
	Kind error  // one of the errors above; nil for another failure of the disk
	Hint string // what to do next, one sentence; may be empty
	Err  error  // what SQLite or the system said
}

// Error names the operation, the file, the failure and the hint.
func (f *Fault) Error() string {
	msg := fmt.Sprintf("%s %s: %v", f.Op, f.Path, f.Err)
	if f.Kind != nil && !errors.Is(f.Err, f.Kind) {
		msg = fmt.Sprintf("%s %s: %v: %v", f.Op, f.Path, f.Kind, f.Err)
	}
	if f.Hint != "" {
		msg += " (" + f.Hint + ")"
	}
	return msg
}

// Unwrap returns the kind and the cause.
func (f *Fault) Unwrap() []error {
	if f.Kind == nil {
		return []error{f.Err}
	}
	return []error{f.Kind, f.Err}
}

const (
	hintCorrupt = "the file was left as it is; copy the disk, move the file aside with its -wal file, start again, and hand the old file to central: it holds admissions that were not yet acknowledged"
	hintFull    = "free space on this disk; the gate admits again as soon as it can write"
	hintTooNew  = "install the version of the gate that wrote it, or a newer one"
	hintForeign = "point the gate at its own database file"
	hintBusy    = "stop the other program, or wait until it is done"
)

// fault turns an error of SQLite into a Fault. Errors of this package's own and
// of the context pass as they are.
func (s *Store) fault(op string, err error) error {
	var fault *Fault
	if err == nil || errors.As(err, &fault) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	hint, kind := classify(err)
	var lite sqlite3.Error
	var path *os.PathError
	if kind == nil && !errors.As(err, &lite) && !errors.As(err, &path) && !errors.Is(err, sql.ErrConnDone) {
		return fmt.Errorf("%s: %w", op, err)
	}
	return &Fault{Op: op, Path: s.path, Kind: kind, Hint: hint, Err: err}
}

func classify(err error) (hint string, kind error) {
	var lite sqlite3.Error
	if errors.As(err, &lite) {
		switch lite.Code {
		case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
			return hintCorrupt, ErrCorrupt
		case sqlite3.ErrFull:
			return hintFull, ErrFull
		case sqlite3.ErrBusy, sqlite3.ErrLocked:
			return hintBusy, ErrBusy
		default:
			if lite.Code == sqlite3.ErrIoErr && (lite.SystemErrno == syscall.ENOSPC || lite.SystemErrno == syscall.EDQUOT) {
				return hintFull, ErrFull
			}
			return "", nil
		}
	}
	switch {
	case errors.Is(err, ErrCorrupt):
		return hintCorrupt, ErrCorrupt
	case errors.Is(err, ErrTooNew):
		return hintTooNew, ErrTooNew
	case errors.Is(err, ErrForeign):
		return hintForeign, ErrForeign
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return hintFull, ErrFull
	}
	return "", nil
}

// SetAside gives a database that cannot be opened another name, with the files
// that belong to it, and returns that name. It deletes no data. The database
// must not be open anywhere. A gate that starts afresh after it has forgotten
// its claims: let it catch up with the ledger before it admits.
func SetAside(path string, at time.Time) (string, error) {
	aside := path + ".broken-" + at.UTC().Format("20060102T150405Z")
	suffixes := []string{"", "-wal", "-shm"}
	// Every file gets its second name before any loses its first, so that a power
	// cut leaves one of the two complete.
	for _, suffix := range suffixes {
		err := os.Link(path+suffix, aside+suffix)
		if err != nil && (suffix == "" || !errors.Is(err, os.ErrNotExist)) {
			return "", fmt.Errorf("set %s aside: %w", path, err)
		}
	}
	for _, suffix := range suffixes {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("set %s aside: %w", path, err)
		}
	}
	return aside, nil
}
