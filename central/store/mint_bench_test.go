package store_test

import (
	"encoding/binary"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/ticket"
)

// What the store makes of a token's way from wish to finality, in the steps and
// portions in which a worker goes it; STORES names the engine.
func BenchmarkMint(b *testing.B) {
	const portion = 512
	s, err := store.Open(b.Context(), storetest.At(b, filepath.Join(b.TempDir(), "central.db"), time.Now, slog.New(slog.DiscardHandler)))
	fatal(b, err)
	b.Cleanup(func() { fatal(b, s.Close()) })
	m := s.Mint()
	n := uint64(0)
	wire := make([]byte, 1000)
	for b.Loop() {
		wishes, actions := make([]mint.Desire, portion), make([]mint.Action, portion)
		for i := range wishes {
			n++
			var id ticket.ID
			binary.BigEndian.PutUint64(id[:], n*0x9e3779b97f4a7c15) // spread as random ones are
			wishes[i] = mint.Desire{Ticket: id, Event: 1001, Account: "00000000000000000000000000000001", Form: mint.Held, Owner: "wallet"}
			actions[i] = mint.Action{Kind: mint.Mint, Ticket: id, Form: mint.Held, To: "wallet"}
		}
		fatal(b, m.Wish(b.Context(), wishes, addressOf))
		_, err := m.Unsettled(b.Context(), portion)
		fatal(b, err)
		actions, err = m.Begin(b.Context(), actions)
		fatal(b, err)
		for _, state := range []mint.State{mint.Prepared, mint.Sent, mint.Confirmed, mint.Finalized} {
			_, err := m.Due(b.Context(), portion)
			fatal(b, err)
			for i := range actions {
				actions[i].State, actions[i].Wire, actions[i].Attempt = state, wire, 1
			}
			actions, err = m.Save(b.Context(), actions)
			fatal(b, err)
			if actions[portion-1].ID == 0 {
				b.Fatal("a change was refused")
			}
		}
	}
	b.ReportMetric(float64(b.N)*portion/b.Elapsed().Seconds(), "tokens/s")
}
