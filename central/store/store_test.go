package store_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/con-ting/conting/central/store"
)

func open(t *testing.T, path string) (*store.Store, error) {
	t.Helper()
	s, err := store.Open(context.Background(), store.Config{
		Path: path, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	})
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
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if fi.Mode().Perm() != 0o600 {
		t.Errorf("mode of %s is %v, want -rw-------", path, fi.Mode())
	}
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "central.db")
	if err := os.WriteFile(path, []byte("this is not a database, but it is long enough to be read as a header of one, and more"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, path); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("Open of a text file: %v, want ErrCorrupt", err)
	}
}
