package publish_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
)

// brokenLink loses some messages, as a process does that dies before it sends.
type brokenLink struct {
	publish.Link
	lose func(topic string) bool
}

func (b brokenLink) Publish(ctx context.Context, name string, payload []byte, retained bool) error {
	if b.lose(name) {
		return errors.New("the process died here")
	}
	return b.Link.Publish(ctx, name, payload, retained)
}

// Crash between storing a delta and publishing it: the next life publishes what
// was stored, and nothing is signed twice.
func TestCrashBeforePublishing(t *testing.T) {
	var dead atomic.Bool
	h := newHouse(t, func(c *publish.Config) {
		c.Link = brokenLink{c.Link, func(name string) bool { return dead.Load() && strings.Contains(name, "/delta/") }}
	})
	g := h.gate("gate-a", topic.Manifest(show), topic.AllDeltas(show))
	g.manifest(1)
	dead.Store(true)
	_, id := h.buy()
	var stored publish.SignedDelta
	for stored.Seq == 0 {
		var err error
		stored, err = h.store.Publish().LastDelta(t.Context(), show)
		h.must(err)
	}
	h.stop()
	dead.Store(false)
	h.start()
	head := ticketset.Head{}
	d := g.delta(&head)
	if head.Hash != stored.Hash || len(d.Ops) != 1 || d.Ops[0].Ticket.ID != id {
		t.Errorf("published delta %x of %+v, stored was %x of %s", head.Hash[:4], d.Ops, stored.Hash[:4], id)
	}
}

// A message that fails is sent again without a restart.
func TestFailedSendIsRepeated(t *testing.T) {
	var once sync.Once
	h := newHouse(t, func(c *publish.Config) {
		c.Link = brokenLink{c.Link, func(name string) (lost bool) {
			if name == topic.DeltaAt(show, 1) {
				once.Do(func() { lost = true })
			}
			return lost
		}}
	})
	g := h.gate("gate-a", topic.AllDeltas(show))
	h.buy()
	g.delta(&ticketset.Head{})
}

// An acknowledgement that is lost, or a central that dies after it has stored a
// batch: the gate sends again and nothing counts twice.
func TestLostAcknowledgement(t *testing.T) {
	var once sync.Once
	h := newHouse(t, func(c *publish.Config) {
		c.Link = brokenLink{c.Link, func(name string) (lost bool) {
			if strings.HasSuffix(name, "/ack") {
				once.Do(func() { lost = true })
			}
			return lost
		}}
	})
	_, id := h.buy()
	g := h.gate("gate-a")
	g.settle(id, journal.Passed, g.admit(id))
	data := g.batch(0)
	h.must(g.link.Publish(t.Context(), topic.JournalOf(g.id), data, false))
	h.stop()
	h.start()
	if ack := g.uploadUntilAcknowledged(data); ack.Seq != 2 {
		t.Errorf("ack %d, want 2", ack.Seq)
	}
	if rows, err := h.pub.Ledger(t.Context(), show, 0, 10); err != nil || len(rows) != 1 {
		t.Errorf("ledger %+v, %v; want one row", rows, err)
	}
}

// A ticket of a class that may enter twice is in conflict at its third entry,
// whichever gate that is at.
func TestConflictOfReentryTicket(t *testing.T) {
	h := newHouse(t, nil)
	id := h.buyClass(reentry)
	a, b := h.gate("gate-a"), h.gate("gate-b")
	b.time = a.time + 100<<16
	a.settle(id, journal.Passed, a.admit(id))
	a.write(journal.Entry{Kind: journal.Left, Ticket: id})
	a.settle(id, journal.Passed, a.admit(id))
	a.upload(a.batch(0))
	if got, err := h.pub.Conflicts(t.Context(), show, 0, 10); err != nil || len(got) != 0 {
		t.Fatalf("conflicts after two entries %+v, %v; want none", got, err)
	}
	b.settle(id, journal.Passed, b.admit(id))
	b.upload(b.batch(0))
	got, err := h.pub.Conflicts(t.Context(), show, 0, 10)
	if err != nil || len(got) != 1 || len(got[0].Others) != 1 || got[0].Winner.Seq != 4 || got[0].Others[0].Device != "gate-b" {
		t.Errorf("conflicts after three entries %+v, %v; want gate-b against the second of gate-a", got, err)
	}
	rows, err := h.pub.Ledger(t.Context(), show, 0, 10)
	if err != nil || len(rows) != 4 || rows[1].Kind != publish.Leave {
		t.Errorf("ledger %+v, %v; want enter, leave, enter, enter", rows, err)
	}
}

// Many ask at once: each gets a version that holds what was sold before it asked.
func TestManyAskForSets(t *testing.T) {
	h := newHouse(t, nil)
	var wg sync.WaitGroup
	versions := make([]uint64, 5)
	for i := range versions {
		wg.Go(func() {
			v, err := h.pub.Publish(t.Context(), show)
			if err != nil {
				t.Errorf("Publish: %v", err)
			}
			versions[i] = v
		})
	}
	wg.Wait()
	_, id := h.buy()
	v, err := h.pub.Publish(t.Context(), show)
	h.must(err)
	for _, earlier := range versions {
		if earlier == 0 || earlier >= v {
			t.Errorf("versions %v before, %d after the sale", versions, v)
		}
	}
	g := h.gate("gate-a", topic.Manifest(show))
	if set := g.load(g.manifest(v)); set[id] != ticket.StatusValid || len(set) != 1 {
		t.Errorf("set %d holds %v, want %s", v, set, id)
	}
}

// A person who was seen to pass after the gate had given up on them enters then.
// That is an entry like any other for a ticket that may enter twice.
func TestLatePassageOfReentryTicket(t *testing.T) {
	h := newHouse(t, nil)
	id := h.buyClass(reentry)
	g := h.gate("gate-a")
	first := g.admit(id)
	g.settle(id, journal.Released, first)
	g.settle(id, journal.Passed, g.admit(id))
	g.upload(g.batch(0))
	g.settle(id, journal.Passed, first) // in a batch without the decision
	g.upload(g.batch(4))
	if _, conflicts, err := h.pub.Head(t.Context(), show); err != nil || conflicts != 0 {
		t.Errorf("%d conflicts after two entries, %v; want none", conflicts, err)
	}
}

// deaf is a broker that takes everything and tells nobody.
type deaf struct{}

func (deaf) Publish(context.Context, string, []byte, bool) error { return nil }

// Somebody else moves the cursor, or a commit is thought to have failed and has
// not: the publisher ends, so that a new one reads where the database is.
func TestMovedCursorEndsPublisher(t *testing.T) {
	h := newHouse(t, nil)
	h.stop()
	db := h.store.Publish()
	for name, move := range map[string]func() error{
		"outbox": func() error {
			h.buy()
			at, err := db.Cursor(t.Context())
			return errors.Join(err, db.Append(t.Context(), at, at+1, nil))
		},
		"set": func() error {
			sets, err := db.Sets(t.Context(), show)
			set := publish.Set{Event: show, Version: uint64(len(sets)) + 1, Manifest: []byte{1}}
			return errors.Join(err, db.SaveSet(t.Context(), set, nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			pub, err := publish.New(t.Context(), publish.Config{
				Store: db, Sales: db, Devices: h, Signer: h.event, Link: deaf{}, Poll: time.Hour,
				Logger: slog.New(slog.DiscardHandler), Now: time.Now,
			})
			h.must(err)
			h.must(move())
			ended := make(chan error, 1)
			ctx, cancel := context.WithTimeout(t.Context(), patient)
			defer cancel()
			go func() { ended <- pub.Run(ctx) }()
			if name == "set" {
				if _, err := pub.Publish(ctx, show); !errors.Is(err, publish.ErrMoved) && !errors.Is(err, publish.ErrStopped) {
					t.Errorf("Publish: %v, want ErrMoved or ErrStopped", err)
				}
			}
			if err := <-ended; !errors.Is(err, publish.ErrMoved) {
				t.Errorf("Run: %v, want ErrMoved", err)
			}
		})
	}
}

// burst is a sale with many changes at once.
type burst struct {
	publish.Sales
	n *atomic.Uint64
}

func (b burst) Changes(_ context.Context, after uint64, limit int) (out []publish.Change, err error) {
	for seq := after + 1; seq <= b.n.Load() && len(out) < limit; seq++ {
		out = append(out, publish.Change{Seq: seq, Event: show, ID: ticket.ID{byte(seq >> 8), byte(seq)}, Status: ticket.StatusRefunded})
	}
	return out, nil
}

// Many changes at once become several deltas, none longer than a message may be.
func TestBurstIsSplit(t *testing.T) {
	const n = 600
	var changes atomic.Uint64
	h := newHouse(t, func(c *publish.Config) { c.Sales = burst{c.Sales, &changes} })
	g := h.gate("gate-a", topic.Manifest(show), topic.AllDeltas(show))
	g.manifest(1) // a set that held the changes would take their deltas off the broker
	changes.Store(n)
	head, ops := ticketset.Head{}, 0
	for ops < n {
		d := g.delta(&head)
		if ops += len(d.Ops); len(d.Ops) > 250 {
			t.Errorf("delta %d has %d changes, want at most 250", d.Seq, len(d.Ops))
		}
	}
	if ops != n {
		t.Errorf("%d changes in %d deltas, want %d", ops, head.Seq, n)
	}
}

// tap tells of every ledger page that is sent.
type tap struct {
	publish.Link
	pages chan string
}

func (l tap) Publish(ctx context.Context, name string, payload []byte, retained bool) error {
	err := l.Link.Publish(ctx, name, payload, retained)
	if n, perr := topic.Parse(name); err == nil && perr == nil && n.Kind == topic.Ledger {
		l.pages <- name
	}
	return err
}

// A broker that forgot gets the ledger again.
func TestLedgerIsSentAgain(t *testing.T) {
	pages := make(chan string, 64)
	h := newHouse(t, func(c *publish.Config) { c.Link = tap{c.Link, pages} })
	g := h.gate("gate-a")
	g.admit(ticket.ID{1})
	g.upload(g.batch(0))
	for range 2 {
		select {
		case <-pages:
		case <-time.After(patient):
			t.Fatal("the ledger's page was not sent")
		}
		h.pub.Connected(true) // as after a lost connection
	}
}
