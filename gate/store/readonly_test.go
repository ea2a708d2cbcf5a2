package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/ticketset"
)

// TestOpenReadOnly looks at a database beside its owner, and at one whose owner
// was cut off with its last entries still in the WAL. It reads everything, writes
// nothing, and leaves every byte.
func TestOpenReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate.db")
	owner := open(t, path)
	o := newOffice(t)
	o.load(t, owner, o.build(t, 9, ticketset.Current{}, ticketset.Head{}))
	claim(t, owner, 4) // every fourth is valid
	claim(t, owner, 1) // refused
	want, err := owner.Head(t.Context())
	if err != nil || want.Seq != 2 {
		t.Fatalf("head %+v, %v", want, err)
	}

	cut := filepath.Join(t.TempDir(), "gate.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(cut+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{path, cut} {
		before, wal := mustRead(t, name), mustRead(t, name+"-wal")
		s, err := store.OpenReadOnly(t.Context(), store.Config{Path: name, Device: "north-1", Now: newClock().Now})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Head(t.Context()); err != nil || got != want {
			t.Errorf("head %+v, %v, want %+v", got, err, want)
		}
		if n, err := s.Tickets(t.Context(), numbered(1).Event); err != nil || n != 9 {
			t.Errorf("%d tickets, %v, want 9", n, err)
		}
		if row, err := s.LookupTicket(t.Context(), numbered(4).Event, numbered(4).ID); err != nil || row.Entries != 1 {
			t.Errorf("row %+v, %v", row, err)
		}
		if _, err := s.Claim(t.Context(), store.ClaimRequest{Entry: admit(8)}); err == nil {
			t.Error("a claim was taken")
		}
		if _, err := s.Record(t.Context(), refusal(1)); err == nil {
			t.Error("an entry was taken")
		}
		if n, err := s.Recover(t.Context()); err == nil {
			t.Errorf("%d admissions were flagged", n)
		}
		if err := s.SetMeta(t.Context(), "x", nil); err == nil {
			t.Error("a value was taken")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(mustRead(t, name), before) || !bytes.Equal(mustRead(t, name+"-wal"), wal) {
			t.Error("bytes were changed")
		}
	}
	if c := claim(t, owner, 8); !c.Won {
		t.Error("the owner was disturbed")
	}
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestOpenReadOnlyRefuses(t *testing.T) {
	dir := t.TempDir()
	clock := newClock().Now
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"absent", nil, os.ErrNotExist},
		{"nonsense", bytes.Repeat([]byte("not a database "), 100), store.ErrCorrupt},
		{"empty", []byte{}, store.ErrTooOld},
	} {
		path := filepath.Join(dir, c.name)
		if c.data != nil {
			if err := os.WriteFile(path, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := store.OpenReadOnly(t.Context(), store.Config{Path: path, Now: clock}); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		if data, err := os.ReadFile(path); c.data == nil && err == nil || c.data != nil && !bytes.Equal(data, c.data) {
			t.Errorf("%s: the file was changed", c.name)
		}
	}
	if _, err := store.OpenReadOnly(t.Context(), store.Config{}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("no config: got %v", err)
	}
}
