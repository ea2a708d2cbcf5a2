package store_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

var update = flag.Bool("update", false, "write the dump of the newest schema anew")

// testdata/schema/NNNN.sql is a dump of a small database as schema NNNN left it:
// the set of version 1 with one delta, three claims (one passed, one released,
// one open), a notice, a ledger page, a trust list and, since schema 2, a status
// list. Every one of them must
// open, whatever is the newest schema.
func TestOlderSchemas(t *testing.T) {
	o := newOffice(t)
	if *update {
		writeDump(t, o)
	}
	dumps, err := filepath.Glob("testdata/schema/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	migrations, err := filepath.Glob("migration/*.sql")
	if err != nil || len(dumps) != len(migrations) {
		t.Fatalf("%d dumps for %d migrations (%v): run go test -run TestOlderSchemas -update", len(dumps), len(migrations), err)
	}
	for i, file := range dumps {
		dump, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), strconv.Itoa(i)+".db")
		execSQL(t, path, string(dump))
		s := open(t, path)
		if got, want := s.Pragma(t, "user_version"), strconv.Itoa(len(migrations)); got != want {
			t.Errorf("%s: user_version = %s after opening, want %s", file, got, want)
		}
		wantSample(t, s, o)
		lists, err := s.StatusLists(t.Context())
		if want := min(i, 1); err != nil || len(lists) != want { // since schema 2
			t.Errorf("%s: StatusLists = %+v, %v, want %d", file, lists, err, want)
		}
	}
}

// sample fills a database with one of everything.
func sample(t *testing.T, s *store.Store, o *office) {
	t.Helper()
	o.load(t, s, o.build(t, 6, ticketset.Current{}, ticketset.Head{}))
	apply(t, s, o.delta(t, status(4, ticket.StatusBlocked)))
	passed, released := claim(t, s, 0).Seq, claim(t, s, 100).Seq
	claim(t, s, 101)
	if err := errors.Join(s.Settle(t.Context(), passed, journal.Passed, ""), s.Settle(t.Context(), released, journal.Released, ""),
		s.SetMeta(t.Context(), store.MetaTrustList, []byte("list")),
		s.ApplyNotice(t.Context(), "gate-2", []journal.Entry{said(1, journal.Decision, 102, 0)}),
		s.ApplyLedger(t.Context(), &ticketset.LedgerPage{Event: event, Entries: []ticketset.LedgerEntry{
			{Ticket: numbered(103).ID, Device: "gate-3", Seq: 9, Time: 9 << 16, Kind: ticketset.LedgerEnter},
		}})); err != nil {
		t.Fatal(err)
	}
	raw, err := s.Entries(t.Context(), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ack(t.Context(), 1, journal.EntryHash(raw[0])); err != nil {
		t.Fatal(err)
	}
}

// wantSample checks that everything of the sample is still there and still works.
func wantSample(t *testing.T, s *store.Store, o *office) {
	t.Helper()
	st, err := s.SetState(t.Context(), event)
	if err != nil || st.Version != 1 || st.Total != 6 || st.Delta.Seq != 1 || st.Ledger != 1 || st.Event == nil {
		t.Errorf("SetState = %+v, %v", st, err)
	}
	wantSet(t, s, 6, map[int]ticket.Status{4: ticket.StatusBlocked})
	if list, err := s.Meta(t.Context(), store.MetaTrustList); err != nil || !bytes.Equal(list, []byte("list")) {
		t.Errorf("Meta = %q, %v", list, err)
	}
	if acked, err := s.Acked(t.Context()); err != nil || acked.Seq != 1 {
		t.Errorf("Acked = %+v, %v", acked, err)
	}
	if n := len(chain(t, s)); n != 5 {
		t.Errorf("%d entries, want 5", n)
	}
	if n, err := s.Recover(t.Context()); err != nil || n != 1 {
		t.Errorf("Recover = %d, %v; want 1", n, err)
	}
	for n, won := range map[int]bool{0: false, 100: true, 101: false, 102: false, 103: false, 104: true} {
		if c := claim(t, s, n); c.Won != won {
			t.Errorf("claim %d = %+v, want won %v", n, c, won)
		}
	}
	o.head = st.Delta
	apply(t, s, o.delta(t, status(4, ticket.StatusValid)))
	chain(t, s)
}

func writeDump(t *testing.T, o *office) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sample.db")
	s := open(t, path)
	sample(t, s, o)
	if _, err := s.KeepStatusList(t.Context(), store.StatusList{URL: "https://r.example/1", Issued: issued, JWT: "a.b.c"}); err != nil {
		t.Fatal(err)
	}
	version := s.Pragma(t, "user_version")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	dump := dumpSQL(t, path)
	name := filepath.Join("testdata", "schema", strings.Repeat("0", 4-len(version))+version+".sql")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(dump), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A database of the newest schema is not migrated again, and its data is kept.
func TestReopen(t *testing.T) {
	o, path := newOffice(t), filepath.Join(t.TempDir(), "gate.db")
	s := open(t, path)
	sample(t, s, o)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantSample(t, open(t, path), o)
}
