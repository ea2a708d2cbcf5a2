package store_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/ticketset"
)

// hashes names what lies at path now.
func hashes(t *testing.T, path string) map[string][32]byte {
	t.Helper()
	out := map[string][32]byte{}
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		if err == nil {
			out[suffix] = sha256.Sum256(data)
		} else if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return out
}

func reopen(t *testing.T, path string) error {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Path: path, Device: "gate-1", Now: newClock().Now})
	if err == nil {
		_ = s.Close()
	}
	return err
}

// filled returns a closed database with a set and claims.
func filled(t *testing.T) string {
	t.Helper()
	path, o := filepath.Join(t.TempDir(), "gate.db"), newOffice(t)
	s := open(t, path)
	o.load(t, s, o.build(t, 1500, ticketset.Current{}, ticketset.Head{}))
	for n := range 40 {
		claim(t, s, 4*n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// cutOff returns a database as a power cut leaves it, with its WAL.
func cutOff(t *testing.T) string {
	t.Helper()
	running := filled(t)
	s := open(t, running)
	for n := range 20 {
		claim(t, s, 4*(n+200))
	}
	path := filepath.Join(t.TempDir(), "gate.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(running + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestDamagedFile(t *testing.T) {
	garbage := func(n int64) []byte { return []byte(strings.Repeat("\xa5\x5a", int(n/2))) }
	for name, damage := range map[string]func(f *os.File, size int64) error{
		"header overwritten":   func(f *os.File, _ int64) error { _, err := f.WriteAt(garbage(100), 0); return err },
		"pages overwritten":    func(f *os.File, size int64) error { _, err := f.WriteAt(garbage(8*4096), size/8192*4096); return err },
		"first page past head": func(f *os.File, _ int64) error { _, err := f.WriteAt(garbage(2000), 100); return err },
		"cut in the middle":    func(f *os.File, size int64) error { return f.Truncate(size / 2) },
		"not a database":       func(f *os.File, size int64) error { _, err := f.WriteAt(garbage(size), 0); return err },
	} {
		for _, from := range []string{"closed in order", "cut off"} {
			t.Run(name+", "+from, func(t *testing.T) {
				path := ""
				if from == "cut off" {
					if name == "first page past head" || name == "header overwritten" {
						t.Skip("the WAL holds a good copy of that page")
					}
					path = cutOff(t)
				} else {
					path = filled(t)
				}
				f, err := os.OpenFile(path, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				info, err := f.Stat()
				if err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(damage(f, info.Size()), f.Close()); err != nil {
					t.Fatal(err)
				}
				wantSetAside(t, path)
			})
		}
	}
}

// wantSetAside checks that a damaged database is refused, left as it is, can be
// set aside and makes room for a new one.
func wantSetAside(t *testing.T, path string) {
	t.Helper()
	before := hashes(t, path)
	err := reopen(t, path)
	var fault *store.Fault
	if !errors.Is(err, store.ErrCorrupt) || !errors.As(err, &fault) || fault.Hint == "" {
		t.Fatalf("Open = %v, want a Fault of ErrCorrupt with a hint", err)
	}
	if after := hashes(t, path); !maps.Equal(before, after) {
		t.Fatal("Open changed the damaged file")
	}
	aside, err := store.SetAside(path, time.Unix(issued, 0))
	if err != nil {
		t.Fatal(err)
	}
	if kept := hashes(t, aside); !maps.Equal(before, kept) {
		t.Error("the file that was set aside is not the damaged one")
	}
	claim(t, open(t, path), 1) // and the gate goes on
	if kept := hashes(t, aside); !maps.Equal(before, kept) {
		t.Error("the new database changed the old file")
	}
}

// What a power cut leaves is whole.
func TestPowerCut(t *testing.T) {
	s := open(t, cutOff(t))
	if n := len(chain(t, s)); n != 60 {
		t.Errorf("%d entries after the power cut, want 60", n)
	}
	if n, err := s.Recover(t.Context()); err != nil || n != 60 {
		t.Errorf("Recover = %d, %v; want 60", n, err)
	}
}

// An entry that central does not have exists nowhere else: it is verified by
// its own bytes, which SQLite's checks know nothing of.
func TestAlteredJournal(t *testing.T) {
	for name, alter := range map[string]string{
		"an entry's bytes":    "UPDATE journal SET entry = (SELECT entry FROM journal WHERE seq = 7) WHERE seq = 8",
		"an entry's hash":     "UPDATE journal SET hash = zeroblob(32) WHERE seq = 8",
		"an entry's time":     "UPDATE journal SET time = time + 1 WHERE seq = 40",
		"an entry removed":    "PRAGMA foreign_keys = off; DELETE FROM journal WHERE seq = 8",
		"the first removed":   "PRAGMA foreign_keys = off; DELETE FROM journal WHERE seq = 1",
		"all removed, acked":  "PRAGMA foreign_keys = off; INSERT INTO cursor SELECT 'acked', seq, hash FROM journal WHERE seq = 9; DELETE FROM journal",
		"acknowledged is new": "INSERT INTO cursor SELECT 'acked', 41, hash FROM journal WHERE seq = 9",
	} {
		path := filled(t)
		execSQL(t, path, alter)
		if err := reopen(t, path); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: Open = %v, want ErrCorrupt", name, err)
		}
	}
	path := filled(t)
	execSQL(t, path, "INSERT INTO cursor SELECT 'acked', seq, hash FROM journal WHERE seq = 9")
	if err := reopen(t, path); err != nil {
		t.Errorf("an intact journal = %v", err)
	}
}

func execSQL(t testing.TB, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

func TestTooNewAndForeign(t *testing.T) {
	path := filled(t)
	execSQL(t, path, "PRAGMA user_version = 1000")
	before := hashes(t, path)
	if err := reopen(t, path); !errors.Is(err, store.ErrTooNew) {
		t.Errorf("Open of schema 1000 = %v, want ErrTooNew", err)
	}
	if !maps.Equal(before, hashes(t, path)) {
		t.Error("Open changed a database that is too new for it")
	}
	path = filepath.Join(t.TempDir(), "other.db")
	execSQL(t, path, "CREATE TABLE x (y)")
	if err := reopen(t, path); !errors.Is(err, store.ErrForeign) {
		t.Errorf("Open of another program's database = %v, want ErrForeign", err)
	}
}

// When the disk is full a claim fails as a whole, and works again when it is not.
func TestFullByPages(t *testing.T) {
	s := fresh(t)
	claim(t, s, 0)
	s.LimitPages(t, s.Pages(t))
	n, err := untilFull(t, s)
	if err != nil {
		t.Fatal(err)
	}
	s.LimitPages(t, 0)
	if c := claim(t, s, n); !c.Won {
		t.Errorf("claim %d after space returned = %+v, want it won: nothing of the failed one may remain", n, c)
	}
	chain(t, s)
}

// untilFull claims until the disk is full, and returns the ticket that failed.
func untilFull(t *testing.T, s *store.Store) (int, error) {
	t.Helper()
	for n := 1; n < 100_000; n++ {
		before, err := s.Head(t.Context())
		if err != nil {
			return n, err
		}
		_, err = s.Claim(t.Context(), store.ClaimRequest{Entry: admit(n)})
		if err == nil {
			continue
		}
		var fault *store.Fault
		if !errors.Is(err, store.ErrFull) || !errors.As(err, &fault) || fault.Hint == "" {
			return n, fmt.Errorf("claim %d = %w, want a Fault of ErrFull with a hint", n, err)
		}
		if after, err := s.Head(t.Context()); err != nil || after != before {
			return n, fmt.Errorf("the failed claim left the journal at %d, it was at %d: %w", after.Seq, before.Seq, err)
		}
		if row, _ := s.LookupTicket(t.Context(), event, numbered(n).ID); row.Claim != nil {
			return n, fmt.Errorf("the failed claim left %+v", row.Claim)
		}
		return n, nil
	}
	return 0, errors.New("the disk was never full")
}

// The same on a real, small file system, where the WAL and its index run out of
// room too.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Skipf("cannot mount a small file system here (%v): a really full disk was NOT tested", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 100<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "gate.db")
	s, err := store.Open(t.Context(), store.Config{Path: path, Device: "gate-1", Now: newClock().Now})
	if err != nil {
		t.Fatal(err)
	}
	n, err := untilFull(t, s)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 { // it stays an error, and harms nothing
		if _, err := s.Claim(t.Context(), store.ClaimRequest{Entry: admit(n)}); !errors.Is(err, store.ErrFull) {
			t.Errorf("claim on the full disk = %v, want ErrFull", err)
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if c := claim(t, s, n); !c.Won {
		t.Errorf("claim %d after space returned = %+v, want it won", n, c)
	}
	entries := chain(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	defer func() { _ = s.Close() }() // before the file system goes
	if again := chain(t, s); len(again) != len(entries) {
		t.Errorf("%d entries after the restart, want %d", len(again), len(entries))
	}
}

// A load that runs out of disk leaves the old set in force and can go on.
func TestFullWhileLoading(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	v1 := o.build(t, 100, ticketset.Current{}, ticketset.Head{})
	o.load(t, s, v1)
	v2 := o.build(t, 5000, v1.Current(), ticketset.Head{})
	st := o.stage(t, s, v2)
	if err := errors.Join(st.Rules(t.Context(), v2.Rules), st.Status(t.Context(), v2.Status)); err != nil {
		t.Fatal(err)
	}
	s.LimitPages(t, s.Pages(t)+60)
	var err error
	failed := -1
	for n, c := range v2.Chunks {
		if err = st.Chunk(t.Context(), n, c); err != nil {
			failed = n
			break
		}
	}
	if !errors.Is(err, store.ErrFull) {
		t.Fatalf("loading onto a full disk = %v, want ErrFull", err)
	}
	if m := st.Missing(); len(m.Chunks) != 5-failed || m.Chunks[0] != failed {
		t.Errorf("Missing = %v after chunk %d failed", m.Chunks, failed)
	}
	wantSet(t, s, 100, nil)
	s.LimitPages(t, 0)
	fill(t, st, v2)
	if err := st.Switch(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 5000, nil)
}

// A caller that gives up leaves nothing half done.
func TestCancelledClaim(t *testing.T) {
	s := fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c, err := s.Claim(ctx, store.ClaimRequest{Entry: admit(1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("Claim = %+v, %v; want context.Canceled", c, err)
	}
	if c := claim(t, s, 1); !c.Won || c.Seq != 1 {
		t.Errorf("claim after a cancelled one = %+v, want entry 1 to win", c)
	}
}

func TestDurability(t *testing.T) {
	s := fresh(t)
	for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "user_version": "2"} {
		if got := s.Pragma(t, name); got != want {
			t.Errorf("PRAGMA %s = %s, want %s", name, got, want)
		}
	}
}
