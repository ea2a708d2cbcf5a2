// Package storetest chooses the engine on which a test's store runs, so that one
// suite runs on each.
//
// It is for tests only and tests nothing itself.
package storetest

import (
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/testdata/servers"
)

// Variable is the environment variable that names the engine: sqlite, which is the
// default, or postgres.
const Variable = "STORES"

// engines in the order in which [Each] runs them.
const (
	sqlite   = "sqlite"
	postgres = "postgres"

	address = ".url" // of the file that has a database's address
)

// Each runs a test on every engine.
func Each(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	for _, engine := range []string{sqlite, postgres} {
		t.Run(engine, func(t *testing.T) {
			t.Setenv(Variable, engine)
			test(t)
		})
	}
}

// At is how a test opens its store: in the SQLite file of that name, or in a
// PostgreSQL database that is the test's own until its end. The same name is the same
// database, so that a test can close its store and open it again. On PostgreSQL its
// migrations are applied already; see [Blank].
func At(t testing.TB, path string, now func() time.Time, logger *slog.Logger) store.Config {
	t.Helper()
	return at(t, path, now, logger, migrated)
}

// Blank is At for a database that has nothing in it.
func Blank(t testing.TB, path string, now func() time.Time, logger *slog.Logger) store.Config {
	t.Helper()
	return at(t, path, now, logger, blank)
}

func at(t testing.TB, path string, now func() time.Time, logger *slog.Logger, state state) store.Config {
	t.Helper()
	cfg := store.Config{Path: path, Now: now, Logger: logger}
	switch engine := os.Getenv(Variable); engine {
	case "", sqlite:
	case postgres:
		cfg.Path, cfg.URL = "", url(t, path+address, state)
	default:
		t.Fatalf("%s is %q, want %s or %s", Variable, engine, sqlite, postgres)
	}
	return cfg
}

// url keeps the address of a test's database in a file of the test.
func url(t testing.TB, file string, state state) string {
	t.Helper()
	have, err := os.ReadFile(file) // #nosec G304 -- the test's own
	if err == nil {
		return string(have)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	made := lend(t, state)
	if err := os.WriteFile(file, []byte(made), 0o600); err != nil {
		t.Fatal(err)
	}
	return made
}

// Postgres returns the address of a PostgreSQL database that has nothing in it and is
// the test's own until its end. Where PostgreSQL is not installed it skips the test.
func Postgres(t testing.TB) string {
	t.Helper()
	return lend(t, blank)
}

// Engine is the one that a test runs on.
func Engine() string {
	if engine := os.Getenv(Variable); engine != "" {
		return engine
	}
	return sqlite
}

// Contents is everything that the database at a path holds, for tests of what it
// must not hold. Bytes that are letters stand there as letters.
func Contents(t testing.TB, path string) []byte {
	t.Helper()
	if Engine() == postgres {
		b, err := servers.DumpPostgres(t.Context(), url(t, path+address, migrated))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var all []byte
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix) // #nosec G304 -- the test's own
		if err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// Run runs SQL behind the back of whoever has the database at a path open.
func Run(t testing.TB, path, query string) {
	t.Helper()
	if Engine() == postgres {
		run(t, url(t, path+address, migrated), query)
		return
	}
	db, err := sql.Open("sqlite3", "file:"+path)
	if err == nil {
		_, err = db.ExecContext(t.Context(), query)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Erase removes the database at a path that nobody has open: [At] makes a new one.
func Erase(t testing.TB, path string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm", address} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}
