package ticketset_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
)

const (
	eventA = ticket.EventID(7)
	eventB = ticket.EventID(8)
	issued = int64(1_790_000_000)
)

var now = time.Unix(issued+60, 0)

// office is central's desk for tests: an event key, one for another event, a
// gate's key, and the keyring of a gate.
type office struct {
	event, other, gate trust.Signer
	ring               *trust.Keyring
}

func signer(t testing.TB, seed byte) trust.Signer {
	t.Helper()
	s, err := trust.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{event: signer(t, 1), other: signer(t, 2), gate: signer(t, 3)}
	key := func(r trust.Role, s trust.Signer, events ...ticket.EventID) trust.Key {
		return trust.Key{Role: r, Public: s.Public(), NotBefore: issued - 1000, NotAfter: issued + 1_000_000, Events: events}
	}
	ring, err := trust.NewKeyring(&trust.List{Version: 1, Issued: issued, Expires: issued + 1_000_000, Keys: []trust.Key{
		key(trust.RoleEvent, o.event, eventA), key(trust.RoleEvent, o.other, eventB), key(trust.RoleHub, o.gate),
	}})
	if err != nil {
		t.Fatal(err)
	}
	o.ring = ring
	return o
}

func show(id ticket.EventID) ticket.Event {
	return ticket.Event{
		ID: id, Name: "Winter Concert", Venue: "Hall", Timezone: "Asia/Seoul",
		Doors: issued, Starts: issued + 3600, Ends: issued + 7200,
		Zones: []ticket.Zone{{ID: 1, Name: "A"}}, Classes: []ticket.Class{{ID: 1, Name: "Seat"}},
		Gates:        []ticket.Gate{{Name: "north", Zones: []uint16{1}}},
		RelyingParty: ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"},
	}
}

// numbered returns the n-th ticket in order of ids; every seventh is paper.
func numbered(event ticket.EventID, n int) ticket.Ticket {
	t := ticket.Ticket{Event: event, Zone: 1, Class: 1, Seat: fmt.Sprintf("A-%d", n), Version: 1}
	binary.BigEndian.PutUint32(t.ID[:], uint32(n+1))
	sum := sha256.Sum256(t.ID[:4])
	copy(t.ID[4:], sum[:12])
	if n%7 != 0 {
		t.Holder[0] = 2 + byte(n%2)
		copy(t.Holder[1:], sum[:])
	}
	return t
}

func tickets(event ticket.EventID, n int, status func(int) ticket.Status) iter.Seq2[ticketset.Item, error] {
	return func(yield func(ticketset.Item, error) bool) {
		for i := range n {
			if !yield(ticketset.Item{Ticket: numbered(event, i), Status: status(i)}, nil) {
				return
			}
		}
	}
}

func fourWays(i int) ticket.Status { return ticket.Status(i % 4) }

func (o *office) build(t testing.TB, n int, prev ticketset.Current) *ticketset.Bundle {
	t.Helper()
	b, err := ticketset.Build(o.event, ticketset.Spec{
		Event: show(eventA), Tickets: tickets(eventA, n, fourWays), Previous: prev, Issued: issued, Expires: issued + 86400,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (o *office) open(t testing.TB, b *ticketset.Bundle) *ticketset.Manifest {
	t.Helper()
	m, err := ticketset.OpenManifest(o.ring, eventA, b.Manifest, now)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestBuildThenOpen(t *testing.T) {
	o := newOffice(t)
	for _, n := range []int{0, 1, 999, 1000, 1001, 2500} {
		b := o.build(t, n, ticketset.Current{})
		m := o.open(t, b)
		if int(m.Total) != n || len(m.Chunks) != len(b.Chunks) || len(b.Chunks) != (n+999)/1000 {
			t.Fatalf("%d tickets: manifest says %d in %d chunks, %d chunks were made", n, m.Total, len(m.Chunks), len(b.Chunks))
		}
		statuses, err := m.OpenStatus(b.Status)
		if err != nil || statuses.Len() != n {
			t.Fatalf("%d tickets: OpenStatus = %d entries, %v", n, statuses.Len(), err)
		}
		if e, err := m.OpenRules(b.Rules); err != nil || e.Name != "Winter Concert" {
			t.Fatalf("%d tickets: OpenRules = %v, %v", n, e, err)
		}
		seen := 0
		for i, data := range b.Chunks {
			got, err := m.OpenChunk(i, data)
			if err != nil {
				t.Fatalf("%d tickets: OpenChunk(%d): %v", n, i, err)
			}
			if m.Offset(i) != seen {
				t.Errorf("%d tickets: Offset(%d) = %d, want %d", n, i, m.Offset(i), seen)
			}
			for _, g := range got {
				want := numbered(eventA, seen)
				if g.ID != want.ID || g.Holder != want.Holder || g.Seat != want.Seat || g.Event != eventA {
					t.Fatalf("ticket %d = %+v, want %+v", seen, g, want)
				}
				if s := statuses.At(seen); s != fourWays(seen) {
					t.Fatalf("status %d = %s, want %s", seen, s, fourWays(seen))
				}
				seen++
			}
		}
		if seen != n {
			t.Errorf("chunks hold %d tickets, want %d", seen, n)
		}
		if s := statuses.At(n); s != ticket.StatusBlocked {
			t.Errorf("status beyond the list = %s, want blocked", s)
		}
	}
}

// A record must stay small enough that 100,000 tickets are 7.5 MB on the wire.
func TestRecordSize(t *testing.T) {
	b := newOffice(t).build(t, 1000, ticketset.Current{})
	if per := float64(len(b.Chunks[0])) / 1000; per > 75 {
		t.Errorf("a record takes %.1f bytes, want at most 75", per)
	}
}

// Tickets with long seats and mint addresses do not fit a thousand to a chunk.
func TestChunksBoundedByBytes(t *testing.T) {
	o := newOffice(t)
	const n = 2500
	seq := func(yield func(ticketset.Item, error) bool) {
		for i := range n {
			tk := numbered(eventA, i)
			tk.Seat = "Upper balcony row 10 #10"
			tk.Mint = bytes.Repeat([]byte{9}, 32)
			tk.NotBefore, tk.NotAfter = issued, issued+9999
			if !yield(ticketset.Item{Ticket: tk}, nil) {
				return
			}
		}
	}
	b, err := ticketset.Build(o.event, ticketset.Spec{Event: show(eventA), Tickets: seq, Issued: issued, Expires: issued + 1})
	if err != nil {
		t.Fatal(err)
	}
	m, total := o.open(t, b), 0
	for i, c := range b.Chunks {
		got, err := m.OpenChunk(i, c)
		if err != nil || len(c) > ticketset.MaxChunk {
			t.Fatalf("chunk %d of %d bytes: %v", i, len(c), err)
		}
		total += len(got)
	}
	if total != n || len(b.Chunks) < 4 {
		t.Errorf("%d tickets in %d chunks, want %d in at least 4", total, len(b.Chunks), n)
	}
}

func TestBuildIsDeterministic(t *testing.T) {
	o := newOffice(t)
	a, b := o.build(t, 1500, ticketset.Current{}), o.build(t, 1500, ticketset.Current{})
	if !bytes.Equal(a.Manifest, b.Manifest) || !bytes.Equal(a.Status, b.Status) || !bytes.Equal(a.Rules, b.Rules) || !bytes.Equal(a.Chunks[1], b.Chunks[1]) {
		t.Error("two builds of the same tickets differ")
	}
	c := o.build(t, 1501, ticketset.Current{})
	if !bytes.Equal(a.Chunks[0], c.Chunks[0]) {
		t.Error("a chunk changed although its tickets did not")
	}
}

func TestBuildRefuses(t *testing.T) {
	o := newOffice(t)
	list := func(items ...ticketset.Item) iter.Seq2[ticketset.Item, error] {
		return func(yield func(ticketset.Item, error) bool) {
			for _, it := range items {
				if !yield(it, nil) {
					return
				}
			}
		}
	}
	item := func(n int) ticketset.Item { return ticketset.Item{Ticket: numbered(eventA, n)} }
	errRead := errors.New("cursor closed")
	for name, tc := range map[string]struct {
		seq  iter.Seq2[ticketset.Item, error]
		want error
	}{
		"unsorted":          {list(item(2), item(1)), ticketset.ErrOrder},
		"duplicate":         {list(item(2), item(2)), ticketset.ErrOrder},
		"of another event":  {list(ticketset.Item{Ticket: numbered(eventB, 1)}), ticketset.ErrWrongEvent},
		"invalid ticket":    {list(ticketset.Item{Ticket: ticket.Ticket{Event: eventA}}), ticket.ErrInvalid},
		"impossible status": {list(ticketset.Item{Ticket: numbered(eventA, 1), Status: 4}), ticketset.ErrMalformed},
		"reading fails":     {func(yield func(ticketset.Item, error) bool) { yield(ticketset.Item{}, errRead) }, errRead},
	} {
		_, err := ticketset.Build(o.event, ticketset.Spec{Event: show(eventA), Tickets: tc.seq, Issued: issued, Expires: issued + 1})
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: Build = %v, want %v", name, err, tc.want)
		}
	}
	_, err := ticketset.Build(o.event, ticketset.Spec{Event: show(eventA), Issued: issued, Expires: issued})
	if !errors.Is(err, ticketset.ErrMalformed) {
		t.Errorf("Build that expires at once = %v, want ErrMalformed", err)
	}
}

func TestManifestSignature(t *testing.T) {
	o := newOffice(t)
	b := o.build(t, 10, ticketset.Current{})
	payload, err := o.ring.Verify(trust.RoleEvent, eventA, ticketset.ManifestContext, b.Manifest, now)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(s trust.Signer, ctx trust.Context, payload []byte) []byte {
		data, err := trust.Sign1(s, ctx, payload)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	altered := bytes.Clone(b.Manifest)
	altered[len(altered)/2] ^= 1
	for name, tc := range map[string]struct {
		data []byte
		want error
	}{
		"signed by a hub":               {sign(o.gate, ticketset.ManifestContext, payload), trust.ErrWrongRole},
		"signed by an unknown key":      {sign(signer(t, 9), ticketset.ManifestContext, payload), trust.ErrUnknownKey},
		"signed as another kind":        {sign(o.event, ticketset.DeltaContext, payload), trust.ErrBadSignature},
		"altered":                       {altered, trust.ErrBadSignature},
		"oversized":                     {make([]byte, ticketset.MaxManifest+1), ticketset.ErrTooLarge},
		"a delta's payload":             {sign(o.event, ticketset.ManifestContext, []byte{0x80}), ticketset.ErrMalformed},
		"not deterministically encoded": {sign(o.event, ticketset.ManifestContext, append([]byte{0x98, 2}, payload[1:]...)), ticketset.ErrMalformed},
		"trailing bytes":                {sign(o.event, ticketset.ManifestContext, append(bytes.Clone(payload), 0)), ticketset.ErrMalformed},
	} {
		m, err := ticketset.OpenManifest(o.ring, eventA, tc.data, now)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: OpenManifest = %v, %v; want %v", name, m, err, tc.want)
		}
	}
	if _, err := ticketset.OpenManifest(o.ring, eventB, b.Manifest, now); err == nil {
		t.Error("a manifest of event A was opened for event B")
	}
	if _, err := ticketset.OpenManifest(o.ring, eventA, b.Manifest, time.Unix(issued+2_000_000, 0)); !errors.Is(err, trust.ErrExpired) {
		t.Errorf("a manifest under an expired key = %v, want trust.ErrExpired", err)
	}
}

// manifestWith signs a manifest after a change, as a careless or malicious
// publisher with the right key could.
func (o *office) manifestWith(t *testing.T, b *ticketset.Bundle, change func(*ticketset.Manifest)) []byte {
	t.Helper()
	m := b.Contents
	m.Chunks = append([]ticketset.Object{}, m.Chunks...)
	change(&m)
	payload, err := canon.Marshal([]any{1, m})
	if err != nil {
		t.Fatal(err)
	}
	data, err := trust.Sign1(o.event, ticketset.ManifestContext, payload)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestManifestContradictions(t *testing.T) {
	o := newOffice(t)
	b := o.build(t, 2500, ticketset.Current{})
	if _, err := ticketset.OpenManifest(o.ring, eventA, o.manifestWith(t, b, func(*ticketset.Manifest) {}), now); err != nil {
		t.Fatalf("an unchanged manifest: %v", err)
	}
	for name, change := range map[string]func(*ticketset.Manifest){
		"version 0":              func(m *ticketset.Manifest) { m.Version = 0 },
		"version 1 with parent":  func(m *ticketset.Manifest) { m.Previous[0] = 1 },
		"version 2 no parent":    func(m *ticketset.Manifest) { m.Version = 2 },
		"expires before issued":  func(m *ticketset.Manifest) { m.Expires = m.Issued },
		"total too high":         func(m *ticketset.Manifest) { m.Total++ },
		"chunks hold fewer":      func(m *ticketset.Manifest) { m.Total++; m.Status.Count++ },
		"status count differs":   func(m *ticketset.Manifest) { m.Status.Count-- },
		"null chunks":            func(m *ticketset.Manifest) { m.Chunks = nil },
		"empty chunk":            func(m *ticketset.Manifest) { m.Chunks[1].Count = 0 },
		"chunk too large":        func(m *ticketset.Manifest) { m.Chunks[1].Size = ticketset.MaxChunk + 1 },
		"chunk of 1001":          func(m *ticketset.Manifest) { m.Chunks[1].Count = 1001 },
		"chunks unordered":       func(m *ticketset.Manifest) { m.Chunks[0], m.Chunks[1] = m.Chunks[1], m.Chunks[0] },
		"chunk twice":            func(m *ticketset.Manifest) { m.Chunks[1] = m.Chunks[0] },
		"rules too large":        func(m *ticketset.Manifest) { m.Rules.Size = ticketset.MaxRules + 1 },
		"status too large":       func(m *ticketset.Manifest) { m.Status.Size = ticketset.MaxStatus + 1 },
		"delta head half absent": func(m *ticketset.Manifest) { m.Delta.Seq = 5 },
	} {
		if _, err := ticketset.OpenManifest(o.ring, eventA, o.manifestWith(t, b, change), now); !errors.Is(err, ticketset.ErrMalformed) {
			t.Errorf("%s: OpenManifest = %v, want ErrMalformed", name, err)
		}
	}
	lower := o.manifestWith(t, b, func(m *ticketset.Manifest) { m.Chunks[0].First[15]-- })
	if m, err := ticketset.OpenManifest(o.ring, eventA, lower, now); err != nil {
		t.Errorf("a lower first id: OpenManifest = %v", err)
	} else if _, err := m.OpenChunk(0, b.Chunks[0]); !errors.Is(err, ticketset.ErrMalformed) {
		t.Errorf("a chunk that begins with another id than the manifest says: OpenChunk = %v, want ErrMalformed", err)
	}
	wrong := o.manifestWith(t, b, func(m *ticketset.Manifest) { m.Event = eventB })
	if _, err := ticketset.OpenManifest(o.ring, eventA, wrong, now); !errors.Is(err, ticketset.ErrWrongEvent) {
		t.Errorf("event A's key on a manifest of event B = %v, want ErrWrongEvent", err)
	}
}

func TestSuccession(t *testing.T) {
	o := newOffice(t)
	v1 := o.build(t, 3, ticketset.Current{})
	v2 := o.build(t, 4, v1.Current())
	v2fork := o.build(t, 5, v1.Current())
	v3 := o.build(t, 6, v2.Current())
	v3fork := o.build(t, 6, v2fork.Current())
	late := time.Unix(issued+86400, 0)
	for name, tc := range map[string]struct {
		next *ticketset.Bundle
		cur  ticketset.Current
		now  time.Time
		want error
	}{
		"first":                     {v1, ticketset.Current{}, now, nil},
		"next":                      {v2, v1.Current(), now, nil},
		"first seen is a later one": {v3, ticketset.Current{}, now, nil},
		"one skipped":               {v3, v1.Current(), now, nil},
		"same again":                {v2, v2.Current(), now, ticketset.ErrKnown},
		"same again, expired":       {v2, v2.Current(), late, ticketset.ErrKnown},
		"rollback":                  {v1, v2.Current(), now, ticketset.ErrRollback},
		"same number, other set":    {v2fork, v2.Current(), now, ticketset.ErrForked},
		"forked ancestry":           {v3fork, v2.Current(), now, ticketset.ErrForked},
		"expired at that second":    {v2, v1.Current(), late, ticketset.ErrExpired},
		"expired rollback":          {v1, v2.Current(), late, ticketset.ErrRollback},
	} {
		m := o.open(t, tc.next)
		err := m.Follows(tc.cur, ticketset.Hash(tc.next.Manifest), tc.now)
		if tc.want == nil && err != nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: version %d after %d = %v, want %v", name, m.Version, tc.cur.Version, err, tc.want)
		}
	}
}

func TestMixAndMatch(t *testing.T) {
	o := newOffice(t)
	v1 := o.build(t, 2500, ticketset.Current{})
	v2 := o.build(t, 1900, v1.Current())
	m := o.open(t, v2)
	flipped := bytes.Clone(v2.Chunks[1])
	flipped[100] ^= 0x80
	for name, tc := range map[string]struct {
		n    int
		data []byte
		want error
	}{
		"chunk of another version":  {1, v1.Chunks[1], ticketset.ErrAltered},
		"chunk in another's place":  {1, v2.Chunks[0], ticketset.ErrAltered},
		"same length, bits flipped": {1, flipped, ticketset.ErrAltered},
		"truncated":                 {1, v2.Chunks[1][:100], ticketset.ErrAltered},
		"with trailing bytes":       {1, append(bytes.Clone(v2.Chunks[1]), 0), ticketset.ErrAltered},
		"empty":                     {1, nil, ticketset.ErrAltered},
		"beyond the last":           {2, v1.Chunks[2], ticketset.ErrMalformed},
		"negative":                  {-1, v1.Chunks[0], ticketset.ErrMalformed},
	} {
		if got, err := m.OpenChunk(tc.n, tc.data); !errors.Is(err, tc.want) {
			t.Errorf("%s: OpenChunk(%d, %d bytes) = %d tickets, %v; want %v", name, tc.n, len(tc.data), len(got), err, tc.want)
		}
	}
	if _, err := m.OpenStatus(v1.Status); !errors.Is(err, ticketset.ErrAltered) {
		t.Errorf("status list of another version = %v, want ErrAltered", err)
	}
	if _, err := m.OpenRules(v2.Status); !errors.Is(err, ticketset.ErrAltered) {
		t.Errorf("status list in place of the rules = %v, want ErrAltered", err)
	}
}

// A chunk may be named rightly and still be wrong in itself: the hash only
// proves that the event key meant it.
func TestNamedButWrong(t *testing.T) {
	o := newOffice(t)
	b := o.build(t, 2000, ticketset.Current{})
	record := func(n int) []any {
		tk := numbered(eventA, n)
		h := tk.Holder[:]
		if tk.Paper() {
			h = []byte{}
		}
		return []any{tk.ID, tk.Zone, tk.Class, tk.Seat, tk.Version, h, 0, 0, 0, []byte{}}
	}
	with := func(n, field int, v any) []any {
		r := record(n)
		r[field] = v
		return r
	}
	chunk := func(first, count int) []any {
		var all []any
		for i := range count {
			all = append(all, record(first+i))
		}
		return all
	}
	swapped := chunk(0, 1000)
	swapped[5], swapped[6] = swapped[6], swapped[5]
	twice := chunk(0, 1000)
	twice[6] = twice[5]
	holderNull, holderShort, holderZero, versionZero, longSeat := chunk(0, 1000), chunk(0, 1000), chunk(0, 1000), chunk(0, 1000), chunk(0, 1000)
	holderNull[1] = with(1, 5, nil)
	holderShort[1] = with(1, 5, make([]byte, 32))
	holderZero[1] = with(1, 5, make([]byte, 33))
	versionZero[1] = with(1, 4, 0)
	longSeat[1] = with(1, 3, "a seat label that is far too long")
	reaching := chunk(0, 1000)
	reaching[999] = record(1500)
	for name, tc := range map[string]struct {
		records []any
		want    error
	}{
		"as it was":               {chunk(0, 1000), nil},
		"out of order":            {swapped, ticketset.ErrOrder},
		"duplicate":               {twice, ticketset.ErrOrder},
		"reaches into next chunk": {reaching, ticketset.ErrOrder},
		"starts elsewhere":        {chunk(1, 1000), ticketset.ErrMalformed},
		"one less":                {chunk(0, 999), ticketset.ErrMalformed},
		"holder null":             {holderNull, ticketset.ErrMalformed},
		"holder short":            {holderShort, ticketset.ErrMalformed},
		"holder zeros":            {holderZero, ticketset.ErrMalformed},
		"ticket version 0":        {versionZero, ticketset.ErrMalformed},
		"seat too long":           {longSeat, ticketset.ErrMalformed},
	} {
		data, err := canon.Marshal(tc.records)
		if err != nil {
			t.Fatal(err)
		}
		signed := o.manifestWith(t, b, func(m *ticketset.Manifest) {
			m.Chunks[0].Hash, m.Chunks[0].Size = ticketset.Hash(data), uint32(len(data))
		})
		m, err := ticketset.OpenManifest(o.ring, eventA, signed, now)
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.OpenChunk(0, data)
		if tc.want == nil && err != nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: OpenChunk = %v, want %v", name, err, tc.want)
		}
	}
	rules, err := canon.Marshal(show(eventB))
	if err != nil {
		t.Fatal(err)
	}
	signed := o.manifestWith(t, b, func(m *ticketset.Manifest) {
		m.Rules.Hash, m.Rules.Size = ticketset.Hash(rules), uint32(len(rules))
	})
	m, err := ticketset.OpenManifest(o.ring, eventA, signed, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.OpenRules(rules); !errors.Is(err, ticketset.ErrWrongEvent) {
		t.Errorf("rules of another event = %v, want ErrWrongEvent", err)
	}
}
