package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/testdata/servers"
)

// What the migrations of one engine make is what those of the other make: tables,
// columns and whether they may be empty, keys and indexes.
func TestSchemasAreTheSame(t *testing.T) {
	schemas := make(map[string][]string)
	storetest.Each(t, func(t *testing.T) {
		columns, indexes := sqliteColumns, sqliteIndexes
		if storetest.Engine() == "postgres" {
			columns, indexes = postgresColumns, postgresIndexes
		}
		s := fresh(t)
		must(t, s.In(t.Context(), store.Bulk, func(x store.Tx) error {
			var all []string
			for _, query := range []string{columns, indexes} {
				lines, err := x.Strings(query)
				if err != nil {
					return err
				}
				all = append(all, lines...)
			}
			slices.Sort(all)
			schemas[storetest.Engine()] = all
			return nil
		}))
	})
	lite, pg := schemas["sqlite"], schemas["postgres"]
	if pg == nil {
		t.Skip("PostgreSQL is not installed: see above")
	}
	for _, line := range lite {
		if !slices.Contains(pg, line) {
			t.Errorf("only SQLite has %s", line)
		}
	}
	for _, line := range pg {
		if !slices.Contains(lite, line) {
			t.Errorf("only PostgreSQL has %s", line)
		}
	}
	if len(lite) < 150 {
		t.Errorf("only %d columns and indexes were found", len(lite))
	}
}

const (
	sqliteColumns = `SELECT 'column ' || m.name || '.' || c.name || ' ' || REPLACE(c.type, 'BIGINT', 'INTEGER') || ' null ' || (c."notnull" = 0 AND c.pk = 0)
		FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`
	sqliteIndexes = `SELECT 'index ' || m.name || ' (' || (SELECT group_concat(COALESCE(i.name, '?'), ', ') FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno) i)
			|| ') unique ' || l."unique" || ' partial ' || l.partial
		FROM sqlite_schema m JOIN pragma_index_list(m.name) l WHERE m.type = 'table' AND l.origin <> 'pk' AND m.name NOT LIKE 'sqlite_%'`

	postgresColumns = `SELECT 'column ' || table_name || '.' || column_name || ' '
			|| CASE data_type WHEN 'bigint' THEN 'INTEGER' WHEN 'bytea' THEN 'BLOB' WHEN 'text' THEN 'TEXT' ELSE data_type || ' (want BIGINT, BYTEA or TEXT)' END
			|| ' null ' || CASE is_nullable WHEN 'YES' THEN 1 ELSE 0 END
		FROM information_schema.columns WHERE table_schema = current_schema()`
	postgresIndexes = `SELECT 'index ' || t.relname || ' (' || (SELECT string_agg(COALESCE(a.attname, '?'), ', ' ORDER BY k.n)
				FROM unnest(i.indkey) WITH ORDINALITY k (attnum, n) LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum)
			|| ') unique ' || i.indisunique::int || ' partial ' || (i.indpred IS NOT NULL)::int
		FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid WHERE t.relnamespace = current_schema()::regnamespace AND NOT i.indisprimary`
)

// A database that PostgreSQL would sort otherwise than SQLite is refused, with how
// to make a better one; so is an address on which others read along.
func TestUnsuitablePostgres(t *testing.T) {
	for _, url := range []string{
		"postgres://central:geheim@db.example.org/tickets",
		"postgres://central:geheim@db.example.org/tickets?sslmode=require",
		"postgres://central:geheim@127.0.0.1,10.0.0.7/tickets?sslmode=disable",
		"postgres://central:geheim@db.example.org:x/tickets",
		"mysql://central:geheim@localhost/tickets",
	} {
		cfg := storetest.At(t, "", nil, nil)
		cfg.Path, cfg.URL = "", url
		cfg.Now, cfg.Logger = someClock, quiet
		s, err := store.Open(t.Context(), cfg)
		if err == nil {
			must(t, s.Close())
			t.Errorf("%s was opened", url)
			continue
		}
		if strings.Contains(err.Error(), "geheim") {
			t.Errorf("the error shows the password: %v", err)
		}
		if strings.Contains(url, "sslmode") && !errors.Is(err, store.ErrUnsuitable) {
			t.Errorf("%s: %v, want ErrUnsuitable", url, err)
		}
	}
}

func sortsOtherwise(t *testing.T, server *servers.PostgresServer) {
	for _, make := range []string{"ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'", "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'ko'"} {
		t.Run(make, func(t *testing.T) {
			name := fmt.Sprintf("other%d", len(make))
			must(t, server.Run(t.Context(), "postgres", "CREATE DATABASE "+name+" TEMPLATE template0 "+make))
			s, err := store.Open(t.Context(), store.Config{URL: server.URL(name), Now: someClock, Logger: quiet})
			if err == nil {
				must(t, s.Close())
			}
			if !errors.Is(err, store.ErrUnsuitable) || !strings.Contains(err.Error(), "LC_COLLATE 'C'") {
				t.Errorf("Open: %v, want ErrUnsuitable and how to make a better one", err)
			}
		})
	}
}
