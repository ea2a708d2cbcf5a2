package store_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
)

const (
	event  = ticket.EventID(7)
	issued = int64(1_790_000_000)
)

// clock is a wall clock that tests move by hand; a millisecond passes a reading.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(issued+60, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func open(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Path: path, Device: "gate-1", Now: newClock().Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func fresh(t testing.TB) *store.Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "gate.db"))
}

func numbered(n int) ticket.Ticket {
	t := ticket.Ticket{Event: event, Zone: 1, Class: 1, Seat: fmt.Sprintf("A-%d", n), Version: 1}
	binary.BigEndian.PutUint32(t.ID[:], uint32(n+1))
	sum := sha256.Sum256(t.ID[:4])
	copy(t.ID[4:], sum[:12])
	if n%7 != 0 {
		t.Holder[0] = 2
		copy(t.Holder[1:], sum[:])
	}
	return t
}

// admit is the decision to admit ticket n.
func admit(n int) journal.Entry {
	return journal.Entry{
		Kind: journal.Decision, Event: event, Lane: "north-1", Ticket: numbered(n).ID, Uncertainty: 40,
		Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Alone, Evidence: [32]byte{byte(n)},
	}
}

func claim(t testing.TB, s *store.Store, n int) store.Claimed {
	t.Helper()
	c, err := s.Claim(t.Context(), store.ClaimRequest{Entry: admit(n)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// office makes sets and deltas.
type office struct {
	key  trust.Signer
	ring *trust.Keyring
	head ticketset.Head
}

func newOffice(t testing.TB) *office {
	t.Helper()
	key, err := trust.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := trust.NewKeyring(&trust.List{Version: 1, Issued: issued, Expires: issued + 1_000_000, Keys: []trust.Key{
		{Role: trust.RoleEvent, Public: key.Public(), NotBefore: issued - 1000, NotAfter: issued + 1_000_000},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return &office{key: key, ring: ring}
}

func (o *office) build(t testing.TB, n int, prev ticketset.Current, base ticketset.Head) *ticketset.Bundle {
	t.Helper()
	b, err := ticketset.Build(o.key, ticketset.Spec{
		Event: ticket.Event{
			ID: event, Name: fmt.Sprintf("Concert, set %d", prev.Version+1), Venue: "Hall", Timezone: "Asia/Seoul",
			Doors: issued, Starts: issued + 3600, Ends: issued + 7200,
			Zones: []ticket.Zone{{ID: 1, Name: "A"}}, Classes: []ticket.Class{{ID: 1, Name: "Seat"}},
			Gates:        []ticket.Gate{{Name: "north", Zones: []uint16{1}}},
			RelyingParty: ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"},
		},
		Tickets: func(yield func(ticketset.Item, error) bool) {
			for i := range n {
				if !yield(ticketset.Item{Ticket: numbered(i), Status: ticket.Status(i % 4)}, nil) {
					return
				}
			}
		},
		Previous: prev, Issued: issued, Expires: issued + 86400, Delta: base,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (o *office) stage(t testing.TB, s *store.Store, b *ticketset.Bundle) *store.Staging {
	t.Helper()
	m, err := ticketset.OpenManifest(o.ring, event, b.Manifest, time.Unix(issued, 0))
	if err != nil {
		t.Fatal(err)
	}
	st, err := s.Stage(t.Context(), m, b.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// load stages whatever is missing and switches.
func (o *office) load(t testing.TB, s *store.Store, b *ticketset.Bundle) {
	t.Helper()
	st := o.stage(t, s, b)
	fill(t, st, b)
	if err := st.Switch(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func fill(t testing.TB, st *store.Staging, b *ticketset.Bundle) {
	t.Helper()
	if st.Missing().Rules {
		if err := st.Rules(t.Context(), b.Rules); err != nil {
			t.Fatal(err)
		}
	}
	if st.Missing().Status {
		if err := st.Status(t.Context(), b.Status); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range st.Missing().Chunks {
		if err := st.Chunk(t.Context(), n, b.Chunks[n]); err != nil {
			t.Fatal(err)
		}
	}
}

type signedDelta struct {
	*ticketset.Delta
	hash [32]byte
}

// delta is the next delta of the chain.
func (o *office) delta(t testing.TB, ops ...ticketset.Op) signedDelta {
	t.Helper()
	d := ticketset.Delta{Event: event, Seq: o.head.Seq + 1, Previous: o.head.Hash, Issued: issued, Ops: ops}
	data, err := ticketset.SignDelta(o.key, d)
	if err != nil {
		t.Fatal(err)
	}
	o.head = ticketset.Head{Seq: d.Seq, Hash: ticketset.Hash(data)}
	return signedDelta{&d, o.head.Hash}
}

func status(n int, s ticket.Status) ticketset.Op {
	return ticketset.Op{Kind: ticketset.OpStatus, Ticket: ticket.Ticket{ID: numbered(n).ID}, Status: s}
}

func apply(t testing.TB, s *store.Store, d signedDelta) {
	t.Helper()
	if _, err := s.ApplyDelta(t.Context(), d.Delta, d.hash); err != nil {
		t.Fatalf("ApplyDelta(%d): %v", d.Seq, err)
	}
}

// chain reads the whole journal and verifies that it is one.
func chain(t testing.TB, s *store.Store) []journal.Entry {
	t.Helper()
	var out []journal.Entry
	prev, seq := [32]byte{}, uint64(0)
	for {
		raw, err := s.Entries(context.WithoutCancel(t.Context()), seq, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) == 0 {
			break
		}
		for _, data := range raw {
			e, err := journal.ParseEntry(data)
			if err != nil {
				t.Fatal(err)
			}
			if e.Seq != seq+1 || e.Prev != prev || len(out) > 0 && e.Time <= out[len(out)-1].Time {
				t.Fatalf("entry %d at %s after %d does not follow", e.Seq, e.Time, seq)
			}
			seq, prev = e.Seq, journal.EntryHash(data)
			out = append(out, e)
		}
	}
	head, err := s.Head(context.WithoutCancel(t.Context()))
	if err != nil || head.Seq != seq || head.Hash != prev {
		t.Fatalf("Head = %d %x, %v; the chain ends in %d %x", head.Seq, head.Hash[:4], err, seq, prev[:4])
	}
	return out
}

func TestOpenCreatesPrivateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a name with ?#% in it.db")
	s := open(t, path)
	claim(t, s, 1)
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(path + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", path+suffix, info, err)
		}
	}
}

func TestOpenWithoutConfig(t *testing.T) {
	if _, err := store.Open(t.Context(), store.Config{}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("Open without a path = %v, want ErrInvalid", err)
	}
	_, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "no", "such", "dir", "x.db"), Now: time.Now})
	var f *store.Fault
	if !errors.As(err, &f) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open in a missing directory = %v, want a Fault of ErrNotExist", err)
	}
}

func TestMeta(t *testing.T) {
	s := fresh(t)
	if _, err := s.Meta(t.Context(), store.MetaAnchor); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Meta before SetMeta = %v, want ErrNotFound", err)
	}
	for _, v := range []string{"one", "two"} {
		if err := s.SetMeta(t.Context(), store.MetaAnchor, []byte(v)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Meta(t.Context(), store.MetaAnchor); err != nil || string(got) != v {
			t.Errorf("Meta = %q, %v; want %q", got, err, v)
		}
	}
}

func TestCursorNeverGoesBack(t *testing.T) {
	s := fresh(t)
	for _, step := range []struct{ set, want uint64 }{{3, 3}, {2, 3}, {1 << 40, 1 << 40}} {
		if err := s.SetCursor(t.Context(), "notices", step.set); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Cursor(t.Context(), "notices"); err != nil || got != step.want {
			t.Errorf("after SetCursor(%d): %d, %v; want %d", step.set, got, err, step.want)
		}
	}
}
