package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// Everything that is SQLite's own stands in this file and in migration/sqlite.

// dialect names the folder of migrations.
const dialect = "sqlite"

// openSQLite opens a pool with the settings that durability rests on: WAL, and
// an fsync for each commit.
func openSQLite(path string, extra url.Values, conns int) (*sql.DB, error) {
	q := url.Values{
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_foreign_keys": {"on"},
		"_busy_timeout": {"10000"},
	}
	for k, v := range extra {
		q[k] = v
	}
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// placeholders makes SQLite read $1 as PostgreSQL does. To SQLite "$1" is a name,
// and names are numbered as they first appear; ?1 is the first argument.
func placeholders(query string) string { return strings.ReplaceAll(query, "$", "?") }

// classify puts the sentinel that fits before an engine error.
func classify(err error) error {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	kind := map[sqlite3.ErrNo]error{
		sqlite3.ErrCorrupt: ErrCorrupt,
		sqlite3.ErrNotADB:  ErrCorrupt,
		sqlite3.ErrFull:    ErrFull,
		sqlite3.ErrBusy:    ErrBusy,
		sqlite3.ErrLocked:  ErrBusy,
	}[e.Code]
	if kind == nil {
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}
