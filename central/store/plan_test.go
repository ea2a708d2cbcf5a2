package store_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/ticket"
)

// What phones make central run, again and again, reads no table from end to end.
func TestHotStatementsUseIndexes(t *testing.T) {
	s, _ := onSale(t)
	scans, err := s.Scans(t.Context())
	must(t, err)
	for _, one := range scans {
		t.Error(one)
	}
}

// What a phone asks for every few seconds, of 50,000 accounts with 100,000 tickets.
func BenchmarkWallet(b *testing.B) {
	const accounts = 50_000
	s, err := store.Open(b.Context(), store.Config{Path: filepath.Join(b.TempDir(), "central.db"), Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	fatal(b, err)
	b.Cleanup(func() { fatal(b, s.Close()) })
	text, err := os.ReadFile("../../testdata/venue/sample.json")
	fatal(b, err)
	plan, err := seatmap.Parse(text)
	fatal(b, err)
	_, err = s.AddPlan(b.Context(), plan)
	fatal(b, err)
	fatal(b, s.Crowd(b.Context(), accounts))
	each := func(name string, do func(n int) error) {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				began := time.Now()
				fatal(b, do(i*7919%accounts))
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-median")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
		})
	}
	each("session", func(n int) error {
		_, _, err := s.Accounts().Session(b.Context(), store.CrowdHash(n))
		return err
	})
	each("tickets", func(n int) error {
		got, err := s.Owned(b.Context(), store.CrowdName(n))
		if len(got) != 2 {
			b.Fatalf("%d tickets, want 2", len(got))
		}
		return err
	})
	each("receipt", func(n int) error {
		hash := store.CrowdHash(n - n%10)
		id := ticket.ID(hash[:16])
		id[15] = 0
		_, ok, err := s.Receipt(b.Context(), store.CrowdName(n-n%10), id)
		if !ok {
			b.Fatal("no receipt")
		}
		return err
	})
	each("family", func(n int) error {
		_, err := s.Identity().Relations(b.Context(), "did:key:nobody")
		return err
	})
}

func fatal(b testing.TB, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
