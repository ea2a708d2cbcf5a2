package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/archive"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/testdata/servers"
)

// engines are the databases between which a backup can go.
func engines(t *testing.T) map[string]func(t *testing.T) store.Config {
	t.Helper()
	cfg := func(c store.Config) store.Config {
		c.Now, c.Logger = time.Now, slog.New(slog.DiscardHandler)
		return c
	}
	out := map[string]func(t *testing.T) store.Config{
		"sqlite": func(t *testing.T) store.Config {
			return cfg(store.Config{Path: filepath.Join(t.TempDir(), "central.db")})
		},
	}
	if servers.HasPostgres() {
		out["postgres"] = func(t *testing.T) store.Config { return cfg(store.Config{URL: storetest.Postgres(t)}) }
	} else {
		t.Log("SKIPPED: postgresql is not installed (apt-get install postgresql): backups to and from it are NOT tested")
	}
	return out
}

// furnished opens a database with something in many of its tables.
func furnished(t *testing.T, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	must(t, s.Furnish(t.Context()))
	return s
}

func backup(t *testing.T, s *store.Store) ([]byte, archive.Summary) {
	t.Helper()
	var b bytes.Buffer
	sum, err := s.Backup(t.Context(), &b, "test")
	must(t, err)
	return b.Bytes(), sum
}

func restore(ctx context.Context, t *testing.T, cfg store.Config, raw []byte, how store.Restoring) (archive.Summary, error) {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(raw))
	must(t, err)
	return store.Restore(ctx, cfg, r, how)
}

// TestBackupBetweenEngines: a backup of either engine, restored into either, gives
// the same backup again, row by row.
func TestBackupBetweenEngines(t *testing.T) {
	for from, source := range engines(t) {
		for to, target := range engines(t) {
			t.Run(from+" to "+to, func(t *testing.T) {
				raw, wrote := backup(t, furnished(t, source(t)))
				if wrote.Rows() < 100 {
					t.Fatalf("the backup has %d rows", wrote.Rows())
				}
				cfg := target(t)
				read, err := restore(t.Context(), t, cfg, raw, store.Restoring{})
				must(t, err)
				s, err := store.Open(t.Context(), cfg)
				must(t, err)
				_, again := backup(t, s)
				must(t, s.Close())
				for what, sum := range map[string]archive.Summary{"restore": read, "restored database": again} {
					if name := wrote.Differ(&sum); name != "" {
						t.Errorf("%s has another table %s", what, name)
					}
				}
				if _, err := restore(t.Context(), t, cfg, raw, store.Restoring{}); !errors.Is(err, store.ErrNotEmpty) {
					t.Errorf("over a full database: %v, want ErrNotEmpty", err)
				}
				if _, err := restore(t.Context(), t, cfg, raw, store.Restoring{Replace: true}); err != nil {
					t.Errorf("over a full database by force: %v", err)
				}
			})
		}
	}
}

// TestBackupHoldsEveryTable: no table is forgotten, and none has rows without order.
func TestBackupHoldsEveryTable(t *testing.T) {
	storetest.Each(t, func(t *testing.T) {
		s, err := store.Open(t.Context(), storetest.At(t, filepath.Join(t.TempDir(), "central.db"), time.Now, slog.New(slog.DiscardHandler)))
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		_, sum := backup(t, s)
		names := make(map[string]bool)
		for _, d := range sum.Tables {
			names[d.Table] = true
		}
		for _, want := range []string{
			"event", "place", "purchase", "payment", "ticket", "outbox", "outbox_cursor", "account", "delta", "ledger", "publish_floor",
			"token", "mint_action", "mint_total", "mint_cluster", "mint_root", "mint_difference", "wallet", "wallet_seed", "wallet_challenge",
		} {
			if !names[want] {
				t.Errorf("table %s is in no backup", want)
			}
		}
		if names["migration"] || names["seat"] {
			t.Error("a backup holds what is not to be restored")
		}
	})
}

// TestBackupIsOfOneMoment: what others write meanwhile is in it as a whole or not at all.
func TestBackupIsOfOneMoment(t *testing.T) {
	storetest.Each(t, func(t *testing.T) {
		cfg := storetest.At(t, filepath.Join(t.TempDir(), "central.db"), time.Now, slog.New(slog.DiscardHandler))
		s := furnished(t, cfg)
		stop := make(chan struct{})
		done := make(chan error, 1)
		go func() {
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				if err := s.Pair(context.WithoutCancel(t.Context())); err != nil {
					done <- err
					return
				}
			}
		}()
		last := 0
		for n := 0; n < 10 || last == 0; n++ {
			raw, _ := backup(t, s)
			a, b := pairs(t, raw, "pair_a"), pairs(t, raw, "pair_b")
			if a != b || a < last {
				t.Fatalf("the backup has %d and %d of what was written together, the one before %d", a, b, last)
			}
			last = a
		}
		close(stop)
		must(t, <-done)
	})
}

// pairs tells how many rows a backup has that Pair has written into one of its tables.
func pairs(t *testing.T, raw []byte, kind string) (n int) {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(raw))
	must(t, err)
	for {
		table, err := r.Next()
		if errors.Is(err, io.EOF) {
			return n
		}
		must(t, err)
		if table.Name != "issuer" && table.Name != "status_list" {
			continue
		}
		for {
			row, err := r.Row()
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			for _, v := range row {
				if text, ok := v.(string); ok && strings.HasPrefix(text, kind+"/") {
					n++
				}
			}
		}
	}
}

// TestRestoreIsWholeOrNothing: a backup that is damaged anywhere leaves the database
// as it was.
func TestRestoreIsWholeOrNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T) {
		raw, _ := backup(t, furnished(t, storetest.At(t, filepath.Join(t.TempDir(), "from.db"), time.Now, slog.New(slog.DiscardHandler))))
		cfg := storetest.At(t, filepath.Join(t.TempDir(), "to.db"), time.Now, slog.New(slog.DiscardHandler))
		s, err := store.Open(t.Context(), cfg)
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		must(t, s.Run(t.Context(), `INSERT INTO counter (name, n) VALUES ('mine', 42)`))
		_, before := backup(t, s)
		at := []int{len(raw) / 3, len(raw) / 2, len(raw) - 40, len(raw) - 1}
		for _, i := range at {
			bad := bytes.Clone(raw)
			bad[i] ^= 0x10
			for what, b := range map[string][]byte{"changed": bad, "cut": raw[:i]} {
				if _, err := restore(t.Context(), t, cfg, b, store.Restoring{Replace: true, Ahead: true}); err == nil {
					t.Errorf("a backup %s at byte %d was restored", what, i)
				}
			}
		}
		_, after := backup(t, s)
		if name := before.Differ(&after); name != "" {
			t.Errorf("table %s is another one now", name)
		}
	})
}

// TestRestoreComparesWhatItWrote: a backup that is whole, and of which an engine makes
// something else, is not restored: here a number that stands there as text.
func TestRestoreComparesWhatItWrote(t *testing.T) {
	storetest.Each(t, func(t *testing.T) {
		raw, _ := backup(t, furnished(t, storetest.At(t, filepath.Join(t.TempDir(), "from.db"), time.Now, slog.New(slog.DiscardHandler))))
		cfg := storetest.At(t, filepath.Join(t.TempDir(), "to.db"), time.Now, slog.New(slog.DiscardHandler))
		bad := rewrite(t, raw, func(table, column string, v any) any {
			if table == "counter" && column == "n" {
				return fmt.Sprint(v)
			}
			return v
		})
		if _, err := restore(t.Context(), t, cfg, bad, store.Restoring{}); !errors.Is(err, archive.ErrDamaged) || !strings.Contains(err.Error(), "counter") {
			t.Errorf("a number that came as text: %v, want that table counter reads otherwise", err)
		}
		same := rewrite(t, raw, func(_, _ string, v any) any { return v })
		if _, err := restore(t.Context(), t, cfg, same, store.Restoring{}); err != nil {
			t.Errorf("the same as it was, into what the other left: %v", err)
		}
	})
}

// rewrite makes a backup of another, with values changed.
func rewrite(t *testing.T, raw []byte, change func(table, column string, v any) any) []byte {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(raw))
	must(t, err)
	var b bytes.Buffer
	w, err := archive.NewWriter(&b, r.Header())
	must(t, err)
	for {
		table, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		must(t, w.Table(table))
		for {
			row, err := r.Row()
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			for i, v := range row {
				row[i] = change(table.Name, table.Columns[i], v)
			}
			must(t, w.Row(row))
		}
	}
	_, err = w.Close()
	must(t, err)
	return b.Bytes()
}

// TestRestoreOfAnOlderSchema: a backup of an earlier release becomes what the
// migrations since then make of it.
func TestRestoreOfAnOlderSchema(t *testing.T) {
	storetest.Each(t, testRestoreOfAnOlderSchema)
}

func testRestoreOfAnOlderSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	n, err := store.MigrationsBefore(storetest.Engine(), "0009_outbox.sql")
	must(t, err)
	older(t, path, n, `INSERT INTO outbox (seq, event, kind, ticket, status, body, at)
		VALUES (1, 1001, 'ticket_status', x'00112233445566778899aabbccddeeff', 2, NULL, 5)`, `INSERT INTO counter (name, n) VALUES ('outbox', 1)`)
	old, err := store.OpenAsIs(t.Context(), storetest.At(t, path, time.Now, slog.New(slog.DiscardHandler)))
	must(t, err)
	pending, err := old.Pending(t.Context())
	must(t, err)
	if len(pending) == 0 || pending[0] != "0009_outbox.sql" {
		t.Errorf("an old database lacks %v, want 0009_outbox.sql and on", pending)
	}
	raw, _ := backup(t, old)
	must(t, old.Close())
	for name, target := range engines(t) {
		t.Run(name, func(t *testing.T) {
			cfg := target(t)
			if _, err := restore(t.Context(), t, cfg, raw, store.Restoring{Ahead: true}); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(t.Context(), cfg)
			must(t, err)
			defer func() { must(t, s.Close()) }()
			if pending, err := s.Pending(t.Context()); err != nil || len(pending) > 0 {
				t.Errorf("after the restore it lacks %v, %v", pending, err)
			}
			changes, err := s.Changes(t.Context(), 0, 10)
			if err != nil || len(changes) != 1 || changes[0].Seq != 1 || changes[0].ID[1] != 0x11 {
				t.Errorf("the outbox says %+v, %v", changes, err)
			}
		})
	}
}

func TestRestoreRefuses(t *testing.T) {
	for what, c := range map[string]struct {
		schema []string
		want   error
	}{
		"a later release": {[]string{"0001_sale.sql", "9999_later.sql"}, store.ErrMigrationChanged},
		"another build":   {[]string{"0001_other.sql"}, store.ErrMigrationChanged},
		"no tables":       {[]string{"0001_sale.sql"}, archive.ErrFormat},
	} {
		var b bytes.Buffer
		w, err := archive.NewWriter(&b, archive.Header{Created: 1, Engine: "sqlite", Schema: c.schema})
		must(t, err)
		_, err = w.Close()
		must(t, err)
		cfg := store.Config{Path: filepath.Join(t.TempDir(), "central.db"), Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
		if _, err := restore(t.Context(), t, cfg, b.Bytes(), store.Restoring{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	if _, err := store.OpenAsIs(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "none.db"), Now: time.Now, Logger: slog.New(slog.DiscardHandler)}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestAhead: after a restore every number that gates count is beyond all that may
// have been used since the backup, also when the same backup is restored twice.
func TestAhead(t *testing.T) {
	storetest.Each(t, func(t *testing.T) {
		began := time.Now().Truncate(time.Second)
		at := began
		clock := func() time.Time { return at }
		from := storetest.At(t, filepath.Join(t.TempDir(), "from.db"), clock, slog.New(slog.DiscardHandler))
		full := furnished(t, from)
		must(t, full.Run(t.Context(), // three tickets
			`INSERT INTO purchase (id, event, owner, amount, currency, state, secret_hash, created, expires, changed)
				SELECT 'o', 1001, 'kim', 1, 'KRW', 'paid', ticket, 1, 2, 1 FROM ledger WHERE number = 1`,
			`INSERT INTO ticket (id, event, purchase, owner, version, status, body, signed, issued, changed)
				SELECT ticket, 1001, 'o', 'kim', 1, 0, '{}', ticket, 1, 1 FROM ledger`))
		raw, _ := backup(t, full)
		var last uint64
		lives := make(map[uint64]bool)
		for _, later := range []time.Duration{time.Minute, time.Hour, 30 * 24 * time.Hour} {
			at = began.Add(later)
			cfg := storetest.At(t, filepath.Join(t.TempDir(), "to.db"), clock, slog.New(slog.DiscardHandler))
			_, err := restore(t.Context(), t, cfg, raw, store.Restoring{Ahead: true})
			must(t, err)
			s, err := store.Open(t.Context(), cfg)
			must(t, err)
			life, err := s.Life(t.Context())
			if must(t, err); life == 0 || lives[life] {
				t.Errorf("restored after %s it has life %d of %v again", later, life, lives)
			}
			lives[life] = true
			p := s.Publish()
			f, err := p.Floor(t.Context(), 1001)
			must(t, err)
			if used := last + 10*uint64(later/time.Second); f.Version <= used || f.Delta != f.Version || f.Hash == [32]byte{} {
				t.Errorf("restored after %s the numbers go on after %+v; up to %d may have been used", later, f, used)
			}
			last = f.Version
			d, err := p.LastDelta(t.Context(), 1001)
			must(t, err)
			sets, err := p.Sets(t.Context(), 1001)
			must(t, err)
			if d.Seq != 0 || len(sets) != 0 {
				t.Errorf("delta %d and %d sets are still to be published", d.Seq, len(sets))
			}
			n, err := p.LedgerLength(t.Context(), 1001)
			must(t, err)
			rows, err := p.Ledger(t.Context(), 1001, 3, 10_000)
			must(t, err)
			if n != 3+2560+3*4 || uint64(len(rows)) != n-3 || rows[0].Kind != publish.Void || rows[0].Number != 4 || rows[n-4].Number != n {
				t.Errorf("the ledger has %d rows, %d after the third", n, len(rows))
			}
			must(t, s.Close())
		}
	})
}

func TestPendingOfNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T) {
		cfg := storetest.Blank(t, filepath.Join(t.TempDir(), "central.db"), time.Now, slog.New(slog.DiscardHandler))
		if cfg.Path != "" {
			write(t, cfg.Path, nil)
		}
		s, err := store.OpenAsIs(t.Context(), cfg)
		must(t, err)
		n, err := store.Migrations(storetest.Engine())
		must(t, err)
		if pending, err := s.Pending(t.Context()); err != nil || len(pending) != n {
			t.Errorf("an empty database lacks %d of %d migrations, %v", len(pending), n, err)
		}
		must(t, s.Close())
	})
}
