package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/testdata/servers"
)

// state is what a database has in it when a test gets it.
type state int

const (
	blank    state = iota // nothing
	migrated              // a new store
)

// desk lends the databases of the shared server out, to one test at a time each: to make
// one takes longer than most tests.
var desk struct {
	sync.Mutex // guards those below
	free       [2][]string
	made       int
	shape      string // of a new store, see the query
	applied    string
}

// lend returns the address of a database, which goes back when the test ends.
func lend(t testing.TB, as state) string {
	t.Helper()
	server := servers.SharedPostgres(t)
	desk.Lock()
	defer desk.Unlock()
	name := take(t, server, as)
	t.Cleanup(func() {
		desk.Lock()
		defer desk.Unlock()
		is := clean(t, server.URL(name))
		desk.free[is] = append(desk.free[is], name)
	})
	return server.URL(name)
}

// take finds or makes a database.
func take(t testing.TB, server *servers.PostgresServer, as state) (name string) {
	t.Helper()
	pop := func(as state) bool {
		last := len(desk.free[as]) - 1
		if last >= 0 {
			name, desk.free[as] = desk.free[as][last], desk.free[as][:last]
		}
		return last >= 0
	}
	if pop(as) {
		return name
	}
	if !pop(blank) {
		desk.made++
		name = fmt.Sprintf("t%d", desk.made)
		run(t, server.URL("postgres"), "CREATE DATABASE "+name)
	}
	if as == migrated {
		once := func() time.Time { return time.UnixMilli(1) }
		s, err := store.Open(t.Context(), store.Config{URL: server.URL(name), Now: once, Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			err = s.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		run(t, server.URL(name), keep)
		desk.shape, desk.applied = query(t, server.URL(name), shape), query(t, server.URL(name), applied)
	}
	return name
}

const (
	// keep notes what rows a new store has, beside those of its migrations.
	keep = `CREATE SCHEMA kept; DO $$ DECLARE name TEXT; filled BOOLEAN; BEGIN
		FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migration' LOOP
			EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', name) INTO filled;
			IF filled THEN EXECUTE format('CREATE TABLE kept.%I AS TABLE %I', name, name); END IF;
		END LOOP; END $$`

	// forget takes away all rows but those.
	forget = `SET session_replication_role = replica; -- references do not matter
		DO $$ DECLARE name TEXT; BEGIN
		FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migration' LOOP
			EXECUTE format('DELETE FROM %I', name);
		END LOOP;
		FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'kept' LOOP
			EXECUTE format('INSERT INTO %I SELECT * FROM kept.%I', name, name);
		END LOOP; END $$`

	// empty takes away everything.
	empty = `DROP SCHEMA IF EXISTS kept CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public`

	// alone ends whoever is still in a database, and waits until they are gone.
	alone = `DO $$ BEGIN LOOP
		PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
		EXIT WHEN NOT FOUND;
		PERFORM pg_sleep(0.005), pg_stat_clear_snapshot();
		END LOOP; END $$`

	// shape tells whether a database has the tables of a new store, and applied whether
	// it says so.
	shape = `SELECT COALESCE(md5(string_agg(line, ';' ORDER BY line)), '') FROM (
		SELECT c.relname || '.' || a.attname || ' ' || a.atttypid || a.attnotnull AS line
			FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
			WHERE c.relnamespace = 'public'::regnamespace
		UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
		UNION ALL SELECT 'kept' FROM pg_namespace WHERE nspname = 'kept') AS lines`
	applied = `SELECT string_agg(name || hash, ';' ORDER BY name) FROM migration`
)

// clean puts a database into one of the states in which it can be lent out again.
func clean(t testing.TB, url string) state {
	t.Helper()
	run(t, url, alone)
	if desk.shape != "" && query(t, url, shape) == desk.shape && query(t, url, applied) == desk.applied {
		run(t, url, forget)
		return migrated
	}
	run(t, url, empty)
	return blank
}

func run(t testing.TB, url, query string) {
	t.Helper()
	with(t, url, func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, query)
		return err
	})
}

func query(t testing.TB, url, query string) string {
	t.Helper()
	var out sql.NullString
	with(t, url, func(ctx context.Context, db *sql.DB) error { return db.QueryRowContext(ctx, query).Scan(&out) })
	return out.String
}

func with(t testing.TB, url string, do func(context.Context, *sql.DB) error) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err == nil {
		err = errors.Join(do(context.WithoutCancel(t.Context()), db), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}
