package publish_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// counter is a link that only counts.
type counter struct{ acks chan struct{} }

func (c counter) Publish(_ context.Context, name string, _ []byte, _ bool) error {
	if strings.HasSuffix(name, "/ack") {
		c.acks <- struct{}{}
	}
	return nil
}

// arena is an event with many tickets that nobody had to buy.
type arena struct {
	*store.Publish
	tickets []publish.Issued
	device  publish.Device
}

func (a *arena) Events(context.Context) ([]ticket.EventID, error) {
	return []ticket.EventID{show}, nil
}

func (a *arena) Changes(context.Context, uint64, int) ([]publish.Change, error) { return nil, nil }

func (a *arena) Event(context.Context, ticket.EventID) (ticket.Event, error) {
	return ticket.Event{
		ID: show, Name: "n", Venue: "v", Doors: 1, Starts: 2, Ends: 1 << 40,
		Zones: []ticket.Zone{{ID: 1, Name: "z"}}, Classes: []ticket.Class{{ID: 1, Name: "c"}},
		Gates: []ticket.Gate{{Name: "north", Zones: []uint16{1}}}, RelyingParty: ticket.RelyingParty{ID: "i", Origin: "https://i"},
	}, nil
}

func (a *arena) Snapshot(ctx context.Context, id ticket.EventID, fn func(publish.Snapshot) error) error {
	e, _ := a.Event(ctx, id)
	var all iter.Seq2[publish.Issued, error] = func(yield func(publish.Issued, error) bool) {
		for _, t := range a.tickets {
			if !yield(t, nil) {
				return
			}
		}
	}
	return fn(publish.Snapshot{Event: e, Tickets: all})
}

func (a *arena) Device(context.Context, ticket.DeviceID) (publish.Device, error) {
	return a.device, nil
}

func newArena(b *testing.B, tickets int) (*publish.Publisher, *arena, trust.Signer, counter) {
	b.Helper()
	st, err := store.Open(b.Context(), store.Config{Path: filepath.Join(b.TempDir(), "c.db"), Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := trust.NewSigner(key)
	if err != nil {
		b.Fatal(err)
	}
	a := &arena{Publish: st.Publish(), device: publish.Device{Keys: []trust.PublicKey{signer.Public()}, Gate: "north", Events: []ticket.EventID{show}}}
	for i := range tickets {
		t := ticket.Ticket{Event: show, Zone: 1, Class: 1, Version: 1, Seat: fmt.Sprintf("A-%d", i)}
		t.ID[0], t.ID[1], t.ID[2], t.ID[3] = byte(i>>24), byte(i>>16), byte(i>>8), byte(i)
		sum := sha256.Sum256(t.ID[:4])
		copy(t.ID[4:], sum[:])
		t.Holder[0] = 2
		copy(t.Holder[1:], sum[:])
		a.tickets = append(a.tickets, publish.Issued{Ticket: t})
	}
	c := counter{make(chan struct{}, 1024)}
	p, err := publish.New(b.Context(), publish.Config{
		Store: a, Sales: a, Devices: a, Link: c, Signer: signer, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		b.Fatal(err)
	}
	p.Connected(true)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = p.Run(ctx) })
	b.Cleanup(func() {
		cancel()
		wg.Wait()
		_ = st.Close()
	})
	return p, a, signer, c
}

// BenchmarkSet100k builds, stores and sends a set of 100,000 tickets.
func BenchmarkSet100k(b *testing.B) {
	p, _, _, _ := newArena(b, 100_000)
	for b.Loop() {
		if _, err := p.Publish(b.Context(), show); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkJournal takes the fullest uploads: 128 entries, every second one an
// admission, with 64 receipts, each in its own durable transaction, and waits for
// the acknowledgements.
func BenchmarkJournal(b *testing.B) {
	p, _, signer, c := newArena(b, 0)
	var head journal.Head
	at := journal.At(time.Now())
	for b.Loop() {
		b.StopTimer()
		raw := make([][]byte, 0, 2*topic.MaxReceipts)
		var receipts [][]byte
		for range topic.MaxReceipts {
			var id ticket.ID
			_, _ = rand.Read(id[:])
			for _, e := range []journal.Entry{
				{Kind: journal.Decision, Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Alone},
				{Kind: journal.Passed, Refers: head.Seq + 1},
			} {
				at++
				e.Seq, e.Prev, e.Time, e.Event, e.Ticket = head.Seq+1, head.Hash, at, show, id
				data, err := e.Encode()
				if err != nil {
					b.Fatal(err)
				}
				raw = append(raw, data)
				head = journal.Head{Seq: e.Seq, Hash: journal.EntryHash(data)}
				if e.Kind == journal.Passed {
					continue
				}
				receipt, err := journal.SignReceipt(signer, journal.ReceiptOf("gate-a", "north", &e))
				if err != nil {
					b.Fatal(err)
				}
				receipts = append(receipts, receipt)
			}
		}
		batch, err := journal.SealBatch(signer, "gate-a", raw, at)
		if err != nil {
			b.Fatal(err)
		}
		data, err := topic.Upload{Batch: batch, Receipts: receipts}.Encode()
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		p.Journal("gate-a", data)
		<-c.acks
	}
	b.ReportMetric(float64(b.N*2*topic.MaxReceipts)/b.Elapsed().Seconds(), "entries/s")
}
