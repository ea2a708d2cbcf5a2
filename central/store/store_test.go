package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/ticket"
)

func open(t *testing.T, path string) (*store.Store, error) {
	t.Helper()
	s, err := store.Open(context.Background(), storetest.At(t, path, time.Now, slog.New(slog.DiscardHandler)))
	if err == nil {
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	return s, err
}

func TestOpenCreatesPrivateFileAndReopens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c#d.db") // every character of a URI that could split the name
	for range 2 {
		if _, err := open(t, path); err != nil {
			t.Fatalf("Open(%q): %v", path, err)
		}
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) > 3 || files[0].Name() != filepath.Base(path) {
		t.Errorf("files %v, %v; want the database, its log and index", files, err)
	}
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if fi.Mode().Perm() != 0o600 {
		t.Errorf("mode of %s is %v, want -rw-------", path, fi.Mode())
	}
}

func TestOpenRefuses(t *testing.T) {
	text := strings.Repeat("this is not a database, but long enough to have a header. ", 20)
	for name, c := range map[string]struct {
		prepare func(t *testing.T, path string)
		want    error
	}{
		"a text file": {func(t *testing.T, path string) { write(t, path, []byte(text)) }, store.ErrCorrupt},
		"a damaged database": {func(t *testing.T, path string) {
			older(t, path, 1)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 5 * 4096; i < len(b); i++ {
				b[i] ^= 0x5a
			}
			write(t, path, b)
		}, store.ErrCorrupt},
		"a later release's": {func(t *testing.T, path string) {
			older(t, path, -1, `INSERT INTO migration (name, hash, applied) VALUES ('9999_later.sql', '', 0)`)
		}, store.ErrTooNew},
		"another build's": {func(t *testing.T, path string) {
			older(t, path, 1, `UPDATE migration SET hash = 'edited'`)
		}, store.ErrMigrationChanged},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "central.db")
			c.prepare(t, path)
			if _, err := open(t, path); !errors.Is(err, c.want) {
				t.Errorf("Open: %v, want %v", err, c.want)
			}
		})
	}
	if _, err := open(t, filepath.Join(t.TempDir(), "missing", "central.db")); err == nil || !strings.Contains(err.Error(), "create its directory") {
		t.Errorf("Open in a missing directory: %v, want a hint", err)
	}
	if _, err := store.Open(t.Context(), store.Config{}); err == nil {
		t.Error("Open without a configuration passed")
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// blob is how SQLite writes bytes.
var blob = regexp.MustCompile(`\bx'([0-9a-f]*)'`)

// older makes a database of an older release: its first n migrations, all for -1.
func older(t *testing.T, path string, n int, fill ...string) {
	t.Helper()
	cfg := storetest.Blank(t, path, time.Now, slog.New(slog.DiscardHandler))
	if cfg.URL != "" {
		for i, q := range fill {
			fill[i] = blob.ReplaceAllString(q, `'\x$1'`)
		}
	}
	if err := store.OpenAt(t.Context(), cfg, n, fill...); err != nil {
		t.Fatalf("make a database with %d migrations: %v", n, err)
	}
}

// Every older schema opens, and what was in it is still there.
func TestMigrateFromEveryOlderSchema(t *testing.T) {
	storetest.Each(t, testMigrateFromEveryOlderSchema)
}

func testMigrateFromEveryOlderSchema(t *testing.T) {
	all, err := store.Migrations(storetest.Engine())
	if err != nil {
		t.Fatal(err)
	}
	rules, err := json.Marshal(ticket.Event{ID: 7, Name: "an old event", Zones: []ticket.Zone{{ID: 1, Name: "z"}}})
	if err != nil {
		t.Fatal(err)
	}
	rebuilt, err := store.MigrationsBefore(storetest.Engine(), "0005_identity.sql")
	if err != nil || rebuilt < 0 {
		t.Fatal(rebuilt, err)
	}
	items, err := store.MigrationsBefore(storetest.Engine(), "0010_items.sql")
	if err != nil || items < 0 {
		t.Fatal(items, err)
	}
	old, later := ticket.HolderKey{2, 7}, ticket.HolderKey{3, 8}
	body := `{"id":"000102030405060708090a0b0c0d0e0f","event":7,"zone":1,"class":1,"version":3,"holder":"` + old.String() + `"}`
	for n := range all + 1 {
		if storetest.Engine() == "postgres" && n%6 != 0 && n != all {
			continue // each takes a second, and no release made one of these
		}
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "central.db")
			var fill []string
			if n >= 1 {
				fill = []string{
					`INSERT INTO event (id, rules, currency, plan_hash, imported) VALUES (7, '` + string(rules) + `', 'KRW', x'00', 1)`,
					`INSERT INTO price (event, zone, class, amount) VALUES (7, 1, 1, 1000)`,
					`INSERT INTO place (event, zone, number, seat, flags, free_at, purchase) VALUES (7, 1, 1, 'A-1', 0, 9223372036854775807, 'o')`,
					`INSERT INTO outbox (seq, event, kind, ticket, status, body, at)
						VALUES (1, 7, 'ticket_new', x'000102030405060708090a0b0c0d0e0f', 0, '{"id":"000102030405060708090a0b0c0d0e0f","event":7}', 4)`,
					`INSERT INTO counter (name, n) VALUES ('outbox', 1)`,
				}
				if n <= items {
					fill = append(fill, `INSERT INTO purchase (id, event, zone, class, place, seat, flags, amount, currency, state, secret_hash, created, expires, changed)
						VALUES ('o', 7, 1, 1, 1, 'A-1', 0, 1000, 'KRW', 'paid', x'01', 1, 2, 3)`)
				} else {
					fill = append(fill, `INSERT INTO purchase (id, event, amount, currency, state, secret_hash, created, expires, changed)
						VALUES ('o', 7, 1000, 'KRW', 'paid', x'01', 1, 2, 3)`,
						`INSERT INTO item (purchase, n, zone, class, place, seat, flags, amount) VALUES ('o', 1, 1, 1, 1, 'A-1', 0, 1000)`)
				}
				if n <= rebuilt {
					fill = append(fill, `INSERT INTO ticket (id, event, purchase, status, body, signed, issued)
						VALUES (x'000102030405060708090a0b0c0d0e0f', 7, 'o', 0, '`+body+`', x'02', 4),
							(x'ff', 7, 'o', 2, '{"paper":"and no version"}', x'03', 4)`)
				} else {
					fill = append(fill, `INSERT INTO ticket (id, event, purchase, version, holder, status, body, signed, issued, changed)
						VALUES (x'000102030405060708090a0b0c0d0e0f', 7, 'o', 3, '`+old.String()+`', 0, '`+body+`', x'02', 4, 4),
							(x'ff', 7, 'o', 1, NULL, 2, '{"paper":"and no version"}', x'03', 4, 4)`)
				}
			}
			older(t, path, n, fill...)
			s, err := open(t, path)
			if err != nil {
				t.Fatalf("Open a database with %d of %d migrations: %v", n, all, err)
			}
			if n == 0 {
				return
			}
			l, err := s.Listing(t.Context(), 7)
			if err != nil || l.Event.Name != "an old event" || len(l.Zones) != 1 || l.Zones[0].Sold != 1 {
				t.Errorf("Listing = %+v, %v", l, err)
			}
			o, err := s.Order(t.Context(), "o")
			if err != nil || o.State != sale.Paid || len(o.Tickets) != 2 || o.Tickets[0].Ticket.Event != 7 || o.Tickets[0].Ticket.Version != 3 ||
				len(o.Items) != 1 || o.Items[0].Seat != "A-1" || o.Items[0].Amount != 1000 || o.Tickets[1].Status != ticket.StatusRefunded || string(o.Tickets[1].Signed) != "\x03" {
				t.Errorf("Order = %+v, %v", o, err)
			}
			if cs, err := s.Changes(t.Context(), 0, 10); err != nil || len(cs) != 1 || cs[0].Ticket == nil {
				t.Errorf("Changes = %+v, %v", cs, err)
			}
			if wrong, err := s.Violations(t.Context()); err != nil || len(wrong) != 0 {
				t.Errorf("foreign keys that lead nowhere: %q, %v", wrong, err)
			}
			orphan := `INSERT INTO ticket (id, event, purchase, version, status, body, signed, issued, changed) VALUES (x'01', 7, 'nobody', 1, 0, '', x'', 1, 1)`
			if err := s.Run(t.Context(), orphan); err == nil {
				t.Error("a ticket of no purchase was stored")
			}
			next := o.Tickets[0]
			next.Ticket.Version, next.Ticket.Holder = 4, later
			again := s.Rebind(t.Context(), sale.Rebinding{From: later, Issued: next, Owner: "x", Kind: sale.TicketRebind})
			if err := s.Rebind(t.Context(), sale.Rebinding{From: old, Issued: next, Owner: "x", Kind: sale.TicketRebind}); err != nil || !errors.Is(again, sale.ErrMoved) {
				t.Errorf("Rebind from the key that an older release sold to: %v; from another: %v, want ErrMoved", err, again)
			}
			if cs, err := s.Changes(t.Context(), 1, 10); err != nil || len(cs) != 1 || cs[0].Kind != sale.TicketRebind || cs[0].Ticket.Holder != later {
				t.Errorf("Changes after the rebinding = %+v, %v", cs, err)
			}
		})
	}
}

func TestDurability(t *testing.T) {
	s, err := open(t, filepath.Join(t.TempDir(), "central.db"))
	if err != nil {
		t.Fatal(err)
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		for _, writer := range []bool{true, false} {
			if got, err := s.Pragma(t.Context(), pragma, writer); err != nil || got != want {
				t.Errorf("PRAGMA %s (writer %v) = %q, %v; want %q", pragma, writer, got, err, want)
			}
		}
	}
	if err := s.WriteWhereOneReads(t.Context()); err == nil {
		t.Error("a view could write")
	}
}

// A number that a failed transaction took is given again.
func TestNumbersHaveNoGaps(t *testing.T) { storetest.Each(t, testNumbersHaveNoGaps) }

func testNumbersHaveNoGaps(t *testing.T) {
	s, err := open(t, filepath.Join(t.TempDir(), "central.db"))
	if err != nil {
		t.Fatal(err)
	}
	fail := errors.New("no")
	for want := range int64(5) {
		if n, err := s.Numbers(t.Context(), "test", fail); err != nil || n != want+1 {
			t.Errorf("number = %d, %v; want %d", n, err, want+1)
		}
	}
}

// A full disk loses nothing and is called by its name; with room again, the same
// call works.
func TestFullDisk(t *testing.T) {
	s, err := open(t, filepath.Join(t.TempDir(), "central.db"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("../../testdata/venue/sample.json")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := seatmap.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Limit(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddPlan(t.Context(), plan); !errors.Is(err, store.ErrFull) {
		t.Errorf("AddPlan on a full disk: %v, want ErrFull", err)
	}
	if _, err := s.Listing(t.Context(), plan.Event.ID); !errors.Is(err, sale.ErrUnknownEvent) {
		t.Errorf("half an event was stored: %v", err)
	}
	if err := s.Limit(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	if added, err := s.AddPlan(t.Context(), plan); !added || err != nil {
		t.Errorf("AddPlan with room again = %v, %v", added, err)
	}
}

// A device that sends rubbish cannot hide its fork behind it.
func TestIncidentsAreBoundedByKind(t *testing.T) { storetest.Each(t, testIncidentsAreBoundedByKind) }

func testIncidentsAreBoundedByKind(t *testing.T) {
	s, err := open(t, filepath.Join(t.TempDir(), "central.db"))
	if err != nil {
		t.Fatal(err)
	}
	db := s.Publish()
	record := func(kind publish.IncidentKind, n byte) bool {
		fresh, err := db.Record(t.Context(), publish.Incident{Device: "gate-a", Kind: kind, Detail: "x", Evidence: []byte{n}})
		if err != nil {
			t.Fatal(err)
		}
		return fresh
	}
	kept := 0
	for n := range byte(250) {
		if record(publish.IncidentBatch, n) {
			kept++
		}
	}
	if kept == 0 || kept > 100 {
		t.Errorf("%d of 250 incidents of one kind were kept, want a bound of at most 100", kept)
	}
	if !record(publish.IncidentFork, 0) {
		t.Error("a fork after much rubbish was not kept")
	}
}
