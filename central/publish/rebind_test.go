package publish_test

import (
	"bytes"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
)

// A ticket that moves is told to the gates by its new key alone; the next set has
// it as it is.
func TestRebindReachesSubscriber(t *testing.T) {
	h := newHouse(t, nil)
	g := h.gate("gate-a", topic.Manifest(show), topic.AllDeltas(show))
	m := g.manifest(1)
	head := m.Delta
	_, id := h.buy()
	was, err := h.sale.Ticket(t.Context(), id)
	h.must(err)
	key := ticket.HolderKey{3, 99}
	_, err = h.sale.Rebind(t.Context(), sale.RebindRequest{
		Ticket: id, Version: 1, From: was.Ticket.Holder, To: key, Owner: "somebody",
	})
	h.must(err)
	var op ticketset.Op
	for op.Kind != ticketset.OpRebind {
		d := g.delta(&head)
		op = d.Ops[len(d.Ops)-1]
	}
	want := ticket.Ticket{ID: id, Version: 2, Holder: key}
	if op.Ticket.ID != want.ID || op.Ticket.Version != want.Version || op.Ticket.Holder != want.Holder || op.Status != 0 {
		t.Errorf("operation %+v, want %+v", op, want)
	}
	version, err := h.pub.Publish(t.Context(), show)
	h.must(err)
	m = g.manifest(version)
	for n := range m.Chunks {
		tickets, err := m.OpenChunk(n, g.pull(topic.Chunk(show, m.Version, uint32(n))))
		h.must(err)
		for _, k := range tickets {
			if k.ID == id && (k.Version != 2 || k.Holder != key || k.Class != was.Ticket.Class) {
				t.Errorf("set %d has %+v", version, k)
			}
		}
	}
}

// logged counts lines of a log.
type logged struct {
	mu   sync.Mutex
	text []byte // guarded by mu
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.text, []byte(what))
}

// A gate that central had not heard let the giver in, and then the ticket moved:
// its new owner sees where and when, the gates refuse it, and the log says so. Only
// when a gate lets them in as well is it a conflict.
func TestEnteredBeforeItMoved(t *testing.T) {
	var log logged
	h := newHouse(t, func(c *publish.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	_, id := h.buy()
	a, b := h.gate("gate-a"), h.gate("gate-b")
	a.time = journal.At(time.Now().Add(-time.Minute))
	a.settle(id, journal.Passed, a.admit(id))
	was, err := h.sale.Ticket(t.Context(), id)
	h.must(err)
	move := sale.RebindRequest{Ticket: id, Version: 1, From: was.Ticket.Holder, To: ticket.HolderKey{3, 99}, Owner: "somebody"}
	_, err = h.sale.Rebind(t.Context(), move)
	h.must(err)
	a.upload(a.batch(0))
	const alarm = "a ticket had entered before it was given away"
	if got := log.count(alarm); got != 1 {
		t.Errorf("the alarm was raised %d times, want once", got)
	}
	all, err := h.sale.Owned(t.Context(), "somebody")
	h.must(err)
	if len(all) != 1 || all[0].State != sale.TicketUsed || all[0].Admitted == nil || all[0].Admitted.Gate != "north" || all[0].Receipt {
		t.Errorf("the new owner has %+v, want it used, at the north gate, with no receipt of theirs", all)
	}
	move.Version, move.From, move.To, move.Owner = 2, move.To, ticket.HolderKey{3, 98}, "another"
	if _, err := h.sale.Rebind(t.Context(), move); !errors.Is(err, sale.ErrTicketUsed) {
		t.Errorf("given on: %v, want ErrTicketUsed", err)
	}
	if cs, err := h.pub.Conflicts(t.Context(), show, 0, 10); err != nil || len(cs) != 0 {
		t.Errorf("conflicts %+v, %v; want none", cs, err)
	}
	b.time = journal.At(time.Now().Add(time.Minute))
	b.settle(id, journal.Passed, b.admit(id))
	b.upload(b.batch(0))
	cs, err := h.pub.Conflicts(t.Context(), show, 0, 10)
	if err != nil || len(cs) != 1 || cs[0].Winner.Device != "gate-a" || cs[0].Others[0].Device != "gate-b" {
		t.Errorf("conflicts %+v, %v; want one of both gates", cs, err)
	}
	if got := log.count(alarm); got != 1 {
		t.Errorf("the alarm was raised %d times in the end, want once", got)
	}
}
