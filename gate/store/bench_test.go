package store_test

import (
	"context"
	"database/sql"
	"encoding/binary"
	"path/filepath"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
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
