package store_test

import (
	"testing"

	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
)

// Under load the log is written back seldom.
func TestSQLiteLogGrows(t *testing.T) {
	t.Setenv(storetest.Variable, "sqlite")
	s := fresh(t)
	var pages int
	must(t, s.In(t.Context(), store.Update, func(x store.Tx) error { return x.Row("PRAGMA wal_autocheckpoint", nil, &pages) }))
	if pages != 8000 {
		t.Errorf("the log is written back after %d pages, want 8000", pages)
	}
}
