// Package storetest chooses the engine on which a test's store runs, so that one
// suite runs on each.
//
// It is for tests only and tests nothing itself.
package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
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
// PostgreSQL database that goes with the test. The same name is the same database,
// so that a test can close its store and open it again. On PostgreSQL its migrations
// are applied already; see [Blank].
func At(t testing.TB, path string, now func() time.Time, logger *slog.Logger) store.Config {
	t.Helper()
	return at(t, path, now, logger, "mold")
}

// Blank is At for a database that has nothing in it.
func Blank(t testing.TB, path string, now func() time.Time, logger *slog.Logger) store.Config {
	t.Helper()
	return at(t, path, now, logger, "template1")
}

func at(t testing.TB, path string, now func() time.Time, logger *slog.Logger, template string) store.Config {
	t.Helper()
	cfg := store.Config{Path: path, Now: now, Logger: logger}
	switch engine := os.Getenv(Variable); engine {
	case "", sqlite:
	case postgres:
		cfg.Path, cfg.URL = "", url(t, path+address, template, now)
	default:
		t.Fatalf("%s is %q, want %s or %s", Variable, engine, sqlite, postgres)
	}
	return cfg
}

// url keeps the address of a test's database in a file of the test.
func url(t testing.TB, file, template string, now func() time.Time) string {
	t.Helper()
	have, err := os.ReadFile(file) // #nosec G304 -- the test's own
	if err == nil {
		return string(have)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	made := create(t, template, now)
	if err := os.WriteFile(file, []byte(made), 0o600); err != nil {
		t.Fatal(err)
	}
	return made
}

// desk is a connection to the shared server on which databases are made: a program
// for each, as [servers.Postgres] starts, takes longer than the test.
var desk struct {
	sync.Mutex // guards those below
	db         *sql.DB
	made       int
}

// create makes a database that goes with the test.
func create(t testing.TB, template string, now func() time.Time) string {
	t.Helper()
	server := servers.SharedPostgres(t)
	desk.Lock()
	defer desk.Unlock()
	if desk.db == nil {
		db, err := sql.Open("pgx", server.URL("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		if err := mold(t, db, server, now); err != nil {
			t.Fatal(err)
		}
		desk.db = db
	}
	desk.made++
	db, name := desk.db, fmt.Sprintf("t%d", desk.made)
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.ExecContext(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return server.URL(name)
}

// mold makes the database that the others are copies of: an empty store, with its
// migrations, which take longer than most tests.
func mold(t testing.TB, db *sql.DB, server *servers.PostgresServer, now func() time.Time) error {
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE mold"); err != nil {
		return err
	}
	s, err := store.Open(t.Context(), store.Config{URL: server.URL("mold"), Now: now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return s.Close()
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
		b, err := servers.DumpPostgres(t.Context(), url(t, path+address, "mold", nil))
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
		if err := servers.RunPostgres(t.Context(), url(t, path+address, "mold", nil), query); err != nil {
			t.Fatal(err)
		}
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
