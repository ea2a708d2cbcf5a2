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
	"strings"

	"github.com/mattn/go-sqlite3"
)

// Everything that is SQLite's own stands in this file and in migration/sqlite.

// checkpoint has the log grow to some 32 MB before it is written back into the file,
// which under load writes the same pages again and again. After a crash it takes some
// hundredths of a second to read.
const checkpoint = "PRAGMA wal_autocheckpoint = 8000"

func sqliteDialect(path string) *dialect {
	return &dialect{
		name: "sqlite", place: path,
		reads: "BEGIN", writesAlone: "BEGIN IMMEDIATE", writesBeside: "BEGIN IMMEDIATE",
		most: 512,
		// To SQLite "$1" is a name, and names are numbered as they first appear; ?1
		// is the first argument, as $1 is to PostgreSQL.
		rewrite: func(query string) string { return strings.ReplaceAll(query, "$", "?") },
		opened: func(ctx context.Context, c *sql.Conn) error {
			_, err := c.ExecContext(ctx, checkpoint)
			return err
		},
		begin: func(ctx context.Context, c *sql.Conn, query string) (string, error) {
			_, err := c.ExecContext(ctx, query)
			return "", err
		},
		commit: func(ctx context.Context, c *sql.Conn) error {
			_, err := c.ExecContext(ctx, "COMMIT")
			return err
		},
		sound: soundSQLite,
		lost:  func(*sql.Conn) bool { return false },
		check: checkSQLite,
	}
}

// openSQLite opens the file, and makes it if there is none.
func openSQLite(cfg Config) (*Store, error) {
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- the operator's own path
	if err != nil {
		return nil, fmt.Errorf("%w (create its directory and make it writable for this user)", err)
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	write, err := sqliteDB(path, nil, 1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	read, err := sqliteDB(path, url.Values{"_query_only": {"true"}}, readers)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), write.Close())
	}
	d := sqliteDialect(path)
	s := &Store{dialect: d, dbs: []*sql.DB{write, read}, read: newPool(read, d, readers), now: cfg.Now}
	s.alone = &lane{store: s, pool: newPool(write, d, 1), begin: d.writesAlone}
	s.beside = s.alone
	return s, nil
}

// sqliteDB opens the file with the settings that durability rests on: WAL, and an
// fsync for each commit.
func sqliteDB(path string, extra url.Values, conns int) (*sql.DB, error) {
	q := url.Values{
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_foreign_keys": {"on"},
		"_busy_timeout": {"10000"},

		"_secure_delete":   {"true"}, // of a person who is forgotten nothing stays in free pages
		"_stmt_cache_size": {"100"},
		"_cache_size":      {"-65536"},
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

// soundSQLite fails if there is no transaction any more. A statement that fails is
// undone, and that is all; but a disk that is full or broken may end the whole of it,
// and what follows would be kept by itself.
func soundSQLite(c *sql.Conn) error {
	return c.Raw(func(driverConn any) error {
		if own, ok := driverConn.(*sqlite3.SQLiteConn); !ok || own.AutoCommit() {
			return errRolledBack
		}
		return nil
	})
}

func checkSQLite(ctx context.Context, t *tx, _ *slog.Logger) error {
	var verdict string
	if err := t.row(ctx, "PRAGMA quick_check(1)", nil, &verdict); err != nil {
		return classify(err)
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: quick_check says %q", ErrCorrupt, verdict)
	}
	return nil
}

func kindOfSQLite(e sqlite3.Error) error {
	switch e.Code {
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return ErrCorrupt
	case sqlite3.ErrFull:
		return ErrFull
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return ErrBusy
	}
	return nil
}
