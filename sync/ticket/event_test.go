package ticket_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
)

func someEvent() ticket.Event {
	return ticket.Event{
		ID: 7, Name: "Autumn concert", Venue: "Arena", Timezone: "Asia/Seoul", Doors: 1000, Starts: 2000, Ends: 3000,
		Zones:        []ticket.Zone{{ID: 1, Name: "Floor"}, {ID: 2, Name: "Stand"}},
		Classes:      []ticket.Class{{ID: 1, Name: "Normal", Paper: true}, {ID: 2, Name: "VIP", Opens: 500, Closes: 2500, MaxEntries: 3, Alone: ticket.AloneHome}},
		Gates:        []ticket.Gate{{Name: "north", Zones: []uint16{1}}, {Name: "south", Zones: []uint16{1, 2}, Limit: 100}, {Name: "east", Zones: []uint16{1}}},
		RelyingParty: ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"},
	}
}

func TestEventCheck(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ticket.Event)
		ok     bool
	}{
		"as it is":               {func(*ticket.Event) {}, true},
		"doors at the start":     {func(e *ticket.Event) { e.Doors = e.Starts }, true},
		"longest name":           {func(e *ticket.Event) { e.Name = strings.Repeat("가", ticket.MaxName/3) }, true},
		"class that never shuts": {func(e *ticket.Event) { e.Classes[1].Closes = 0 }, true},
		"no id":                  {func(e *ticket.Event) { e.ID = 0 }, false},
		"no name":                {func(e *ticket.Event) { e.Name = "" }, false},
		"long name":              {func(e *ticket.Event) { e.Name = strings.Repeat("x", ticket.MaxName+1) }, false},
		"name not utf-8":         {func(e *ticket.Event) { e.Name = "\xff" }, false},
		"no venue":               {func(e *ticket.Event) { e.Venue = "" }, false},
		"no doors":               {func(e *ticket.Event) { e.Doors = 0 }, false},
		"starts before doors":    {func(e *ticket.Event) { e.Starts = 999 }, false},
		"ends as it starts":      {func(e *ticket.Event) { e.Ends = e.Starts }, false},
		"no relying party":       {func(e *ticket.Event) { e.RelyingParty.ID = "" }, false},
		"no origin":              {func(e *ticket.Event) { e.RelyingParty.Origin = "" }, false},
		"origin of another site": {func(e *ticket.Event) { e.RelyingParty.Origin = "https://evil.example" }, false},
		"origin without https":   {func(e *ticket.Event) { e.RelyingParty.Origin = "http://" + e.RelyingParty.ID }, false},
		"long time zone":         {func(e *ticket.Event) { e.Timezone = strings.Repeat("x", ticket.MaxName+1) }, false},
		"time zone not utf-8":    {func(e *ticket.Event) { e.Timezone = "\xff" }, false},
		"no zones":               {func(e *ticket.Event) { e.Zones = nil }, false},
		"zone twice":             {func(e *ticket.Event) { e.Zones[1].ID = 1 }, false},
		"zone without a name":    {func(e *ticket.Event) { e.Zones[1].Name = "" }, false},
		"too many zones":         {func(e *ticket.Event) { e.Zones = make([]ticket.Zone, ticket.MaxZones+1) }, false},
		"no classes":             {func(e *ticket.Event) { e.Classes = nil }, false},
		"class twice":            {func(e *ticket.Event) { e.Classes[1].ID = 1 }, false},
		"class shuts first":      {func(e *ticket.Event) { e.Classes[1].Closes = 499 }, false},
		"class opens before all": {func(e *ticket.Event) { e.Classes[1].Opens = -1 }, false},
		"staff on paper":         {func(e *ticket.Event) { e.Classes[0].Staff = true }, false},
		"staff":                  {func(e *ticket.Event) { e.Classes[1].Staff = true }, true},
		"odd lease policy":       {func(e *ticket.Event) { e.Leases = ticket.LeaseRequired + 1 }, false},
		"leases required":        {func(e *ticket.Event) { e.Leases = ticket.LeaseRequired }, true},
		"odd offline policy":     {func(e *ticket.Event) { e.Classes[1].Alone = ticket.AloneOpen + 1 }, false},
		"too many classes":       {func(e *ticket.Event) { e.Classes = make([]ticket.Class, ticket.MaxClasses+1) }, false},
		"no gates":               {func(e *ticket.Event) { e.Gates = nil }, false},
		"gate twice":             {func(e *ticket.Event) { e.Gates[1].Name = "north" }, false},
		"gate without a name":    {func(e *ticket.Event) { e.Gates[1].Name = "" }, false},
		"gate to no zone":        {func(e *ticket.Event) { e.Gates[1].Zones = nil }, false},
		"gate to another zone":   {func(e *ticket.Event) { e.Gates[1].Zones = []uint16{3} }, false},
		"too many gates":         {func(e *ticket.Event) { e.Gates = make([]ticket.Gate, ticket.MaxGates+1) }, false},
	} {
		e := someEvent()
		c.change(&e)
		if err := e.Check(); (err == nil) != c.ok || err != nil && !errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("%s: Check = %v, want ok %t", name, err, c.ok)
		}
	}
}

func TestEventLookup(t *testing.T) {
	e := someEvent()
	if c, ok := e.Class(2); !ok || c.Name != "VIP" {
		t.Errorf("Class(2) = %+v, %t", c, ok)
	}
	if z, ok := e.Zone(2); !ok || z.Name != "Stand" {
		t.Errorf("Zone(2) = %+v, %t", z, ok)
	}
	if g, ok := e.Gate("south"); !ok || g.Limit != 100 {
		t.Errorf("Gate(south) = %+v, %t", g, ok)
	}
	if _, ok := e.Class(9); ok {
		t.Error("Class(9) is found")
	}
	if _, ok := e.Zone(9); ok {
		t.Error("Zone(9) is found")
	}
	if _, ok := e.Gate("North"); ok {
		t.Error("Gate(North) is found")
	}
}

func TestEventEncodings(t *testing.T) {
	e := someEvent()
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var fromJSON, fromCBOR ticket.Event
	if err := json.Unmarshal(text, &fromJSON); err != nil {
		t.Fatal(err)
	}
	first, err := canon.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	second, err := canon.Marshal(fromJSON)
	if err != nil || string(first) != string(second) {
		t.Errorf("by way of JSON %s the event is\n%x, want\n%x (%v)", text, second, first, err)
	}
	if err := canon.UnmarshalExact(first, &fromCBOR); err != nil {
		t.Errorf("CBOR %x: %v", first, err)
	}
	if !strings.Contains(string(text), `"alone":"home"`) {
		t.Errorf("the offline policy is not a word: %s", text)
	}
}

func TestAlone(t *testing.T) {
	for a := ticket.AloneByForm; a <= ticket.AloneOpen; a++ {
		b, err := a.MarshalText()
		back := ticket.Alone(99)
		if err != nil || back.UnmarshalText(b) != nil || back != a {
			t.Errorf("%d: %q, %v, back %d", a, b, err, back)
		}
	}
	var a ticket.Alone
	if err := a.UnmarshalText([]byte("closed")); !errors.Is(err, ticket.ErrInvalid) {
		t.Errorf("UnmarshalText(closed) = %v, want ErrInvalid", err)
	}
}

// spread is an id whose first four bytes, which choose the gate, are n.
func spread(n uint32) ticket.ID {
	var id ticket.ID
	binary.BigEndian.PutUint32(id[:], n)
	id[15] = 1
	return id
}

// Every ticket has exactly one home, among the gates that lead to its zone, and
// each such gate gets its share.
func TestHomeGateDistribution(t *testing.T) {
	e := someEvent()
	for zone, want := range map[uint16][]string{1: {"north", "south", "east"}, 2: {"south"}} {
		got := map[string]int{}
		const n = 30_000
		for i := range uint32(n) {
			// Fibonacci hashing: as even as ids drawn at random, and repeatable.
			g, ok := e.HomeGate(&ticket.Ticket{ID: spread(i * 2654435769), Zone: zone})
			if !ok || !slices.Contains(g.Zones, zone) {
				t.Fatalf("zone %d: home gate %+v, %t", zone, g, ok)
			}
			got[g.Name]++
		}
		share := n / len(want)
		for _, name := range want {
			if got[name] < share*95/100 || got[name] > share*105/100 {
				t.Errorf("zone %d: gate %s is home to %d of %d, want about %d", zone, name, got[name], n, share)
			}
		}
		if len(got) != len(want) {
			t.Errorf("zone %d: homes %v, want %v", zone, got, want)
		}
	}
	if g, ok := e.HomeGate(&ticket.Ticket{ID: spread(1), Zone: 9}); ok {
		t.Errorf("a zone that no gate leads to: home gate %+v", g)
	}
}

// Two gates with the same rules agree on the home of every ticket, whatever else
// the ticket says, and so will gates of later versions: these are the answers.
func TestHomeGateIsStable(t *testing.T) {
	e, other := someEvent(), someEvent()
	other.Name, other.Gates[0].Limit, other.Classes = "Another name", 5, other.Classes[:1]
	for _, c := range []struct {
		n    uint32
		zone uint16
		want string
	}{
		{0, 1, "north"},
		{0x55555555, 1, "north"},
		{0x55555556, 1, "south"},
		{0xaaaaaaaa, 1, "south"},
		{0xaaaaaaab, 1, "east"},
		{0xffffffff, 1, "east"},
		{0, 2, "south"},
		{0xffffffff, 2, "south"},
	} {
		tk := ticket.Ticket{ID: spread(c.n), Zone: c.zone}
		moved := ticket.Ticket{ID: spread(c.n), Zone: c.zone, Class: 3, Seat: "A", Version: 9, Holder: ticket.HolderKey{2}}
		a, _ := e.HomeGate(&tk)
		b, _ := other.HomeGate(&moved)
		if a.Name != c.want || b.Name != c.want {
			t.Errorf("id %08x…, zone %d: homes %q and %q, want %q", c.n, c.zone, a.Name, b.Name, c.want)
		}
	}
}

// With the most gates there may be, the first and the last are still homes.
func TestHomeGateOfManyGates(t *testing.T) {
	e := someEvent()
	e.Gates = nil
	for i := range ticket.MaxGates {
		e.Gates = append(e.Gates, ticket.Gate{Name: string(rune('a' + i)), Zones: []uint16{1}})
	}
	first, _ := e.HomeGate(&ticket.Ticket{ID: spread(0), Zone: 1})
	last, _ := e.HomeGate(&ticket.Ticket{ID: spread(1<<32 - 1), Zone: 1})
	if first.Name != e.Gates[0].Name || last.Name != e.Gates[ticket.MaxGates-1].Name {
		t.Errorf("homes of the first and last id: %q and %q", first.Name, last.Name)
	}
}

func TestLeasePolicy(t *testing.T) {
	for p := ticket.LeaseAdvisory; p <= ticket.LeaseRequired; p++ {
		b, err := p.MarshalText()
		back := ticket.LeasePolicy(99)
		if err != nil || back.UnmarshalText(b) != nil || back != p {
			t.Errorf("%d: %q, %v, back %d", p, b, err, back)
		}
	}
	var p ticket.LeasePolicy
	if err := p.UnmarshalText([]byte("on")); !errors.Is(err, ticket.ErrInvalid) {
		t.Errorf("UnmarshalText(on) = %v, want ErrInvalid", err)
	}
}
