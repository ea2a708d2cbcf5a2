package store_test

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

func BenchmarkClaim(b *testing.B) {
	s, err := store.Open(b.Context(), store.Config{Path: filepath.Join(b.TempDir(), "gate.db"), Device: "gate-1", Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	n := uint32(0)
	for b.Loop() {
		n++
		var id ticket.ID
		binary.BigEndian.PutUint32(id[:], n*2654435761)
		c, err := s.Claim(context.Background(), store.ClaimRequest{Entry: journal.Entry{
			Kind: journal.Decision, Event: 7, Lane: "a", Ticket: id, Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Alone,
		}})
		if err != nil || !c.Won {
			b.Fatal(c, err)
		}
	}
}

// BenchmarkBareInsert is the physical limit: one row, one fsync.
func BenchmarkBareInsert(b *testing.B) {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(b.TempDir(), "bare.db")+"?_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(b.Context(), "CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB) STRICT"); err != nil {
		b.Fatal(err)
	}
	stmt, err := db.PrepareContext(b.Context(), "INSERT INTO t (x) VALUES (?1)")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = stmt.Close() }()
	x := make([]byte, 150)
	for b.Loop() {
		if _, err := stmt.ExecContext(context.Background(), x); err != nil {
			b.Fatal(err)
		}
	}
}

const large = 100_000

// BenchmarkLoad100k verifies, loads and switches a set of 100,000 tickets into an
// empty store. peak-MB is the most memory the process ever had, with the bundle.
func BenchmarkLoad100k(b *testing.B) {
	o := newOffice(b)
	bundle := o.build(b, large, ticketset.Current{}, ticketset.Head{})
	wire := len(bundle.Manifest) + len(bundle.Rules) + len(bundle.Status)
	for _, c := range bundle.Chunks {
		wire += len(c)
	}
	for b.Loop() {
		s := fresh(b)
		o.load(b, s, bundle)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(wire)/1e6, "wire-MB")
	b.ReportMetric(peakMB(b), "peak-MB")
}

// BenchmarkRestart100k opens a store with a set of 100,000 tickets and 20,000
// journal entries that nobody has acknowledged, until it can answer.
func BenchmarkRestart100k(b *testing.B) {
	o, path := newOffice(b), filepath.Join(b.TempDir(), "gate.db")
	s := open(b, path)
	o.load(b, s, o.build(b, large, ticketset.Current{}, ticketset.Head{}))
	for n := range 20_000 {
		if _, err := s.Record(b.Context(), refusal(n)); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := store.Open(context.Background(), store.Config{Path: path, Device: "gate-1", Now: time.Now})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Recover(context.Background()); err != nil {
			b.Fatal(err)
		}
		if _, err := s.LookupTicket(context.Background(), event, numbered(5).ID); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkLookup(b *testing.B) {
	o, s := newOffice(b), fresh(b)
	o.load(b, s, o.build(b, large, ticketset.Current{}, ticketset.Head{}))
	n := 0
	for b.Loop() {
		n = (n + 7919) % large
		if _, err := s.LookupTicket(context.Background(), event, numbered(n).ID); err != nil {
			b.Fatal(err)
		}
	}
}

func refusal(n int) journal.Entry {
	e := admit(n)
	e.Outcome, e.Reason = ticket.Refuse, ticket.StalePass
	return e
}

func peakMB(b *testing.B) float64 {
	b.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
			return kb / 1024
		}
	}
	return 0
}
