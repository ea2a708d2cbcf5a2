package journal_test

import (
	"testing"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// BenchmarkOpenBatch verifies a full batch: 256 entries and one checkpoint.
func BenchmarkOpenBatch(b *testing.B) {
	entries := make([]journal.Entry, journal.MaxEntries)
	for i := range entries {
		entries[i] = journal.Entry{
			Kind: journal.Decision, Time: journal.At(noon) + journal.HLC(i), Event: 7, Lane: "north-1", Ticket: ticket.ID{byte(i), 1},
			Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Central, Evidence: [32]byte{byte(i)},
		}
	}
	data, key := seal(b, gate, link(b, 0, [32]byte{}, entries)), signer(b, 1).Public()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := journal.OpenBatch(data, gate, key); err != nil {
			b.Fatal(err)
		}
	}
}
