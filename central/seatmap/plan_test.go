package seatmap_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/ticket"
)

func sample(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../../testdata/venue/sample.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSample(t *testing.T) {
	p, err := seatmap.Parse([]byte(sample(t)))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Event.Zones) != 3 || len(p.Places) != 104+48+200 || p.Currency != "KRW" {
		t.Errorf("Parse(sample): %d zones, %d places, %s; want 3, 352, KRW", len(p.Event.Zones), len(p.Places), p.Currency)
	}
	want := map[int]seatmap.Place{
		0:   {Zone: 1, Number: 1, Seat: "A-1", Run: 1, Best: 17},
		8:   {Zone: 1, Number: 9, Seat: "A-9", Run: 1, Best: 1},
		82:  {Zone: 1, Number: 83, Seat: "E-1", Flags: ticket.FlagAccessible, Run: 83, Best: 101},
		83:  {Zone: 1, Number: 84, Seat: "E-2", Flags: ticket.FlagCompanion, Run: 83, Best: 103},
		104: {Zone: 2, Number: 1, Seat: "A-1", Run: 1, Best: 15},
		152: {Zone: 3, Number: 1, Best: 1},
		351: {Zone: 3, Number: 200, Best: 200},
	}
	for i, w := range want {
		if p.Places[i] != w {
			t.Errorf("place %d = %+v, want %+v", i, p.Places[i], w)
		}
	}
	if c, _ := p.Event.Class(5); !c.Paper || c.Alone != ticket.AloneHome {
		t.Errorf("class 5 = %+v, want paper and home", c)
	}
	if p.Event.Doors != 1797062400 {
		t.Errorf("doors = %d, want 1797062400 (2026-12-12T08:00:00Z)", p.Event.Doors)
	}
}

func TestRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, path, what, hint string }{
		"unknown key":          {`"pass_back_seconds"`, `"pass_back"`, "", `unknown key "pass_back"`, `"pass_back_seconds"`},
		"key twice":            {`"currency": "KRW",`, `"currency": "KRW", "Currency": "USD",`, "event.currency", "twice", "keep one"},
		"not json":             {`"venue": {`, `"venue": {{`, "", "is not JSON at byte", "brackets"},
		"second value":         {"\n}\n", "\n} {}", "", "follows", "one JSON object"},
		"not utf-8":            {`"KRW"`, "\"K\xff\"", "", "UTF-8", "UTF-8"},
		"other format":         {`conting-plan/1`, `conting-plan/2`, "format", "not a plan", "conting-plan/1"},
		"wrong type":           {`"standing": 200`, `"standing": "200"`, "venue.zones.standing", "string", "int"},
		"standing and rows":    {`"standing": 200`, `"standing": 200, "rows": [{"row":"A","first":1,"last":2}]`, "venue.zones[2]", "either", "not both"},
		"neither":              {`"standing": 200`, `"standing": 0`, "venue.zones[2]", "either", "not both"},
		"negative standing":    {`"standing": 200`, `"standing": -1`, "venue.zones[2].standing", "negative", "number"},
		"too many places":      {`"standing": 200`, `"standing": 9000000000000000000`, "venue.zones[2]", "more than 200000", "split"},
		"too many in all":      {`"standing": 200`, `"standing": 199900`, "venue.zones[2]", "more than 200000", "split"},
		"row runs backwards":   {`{"row": "A", "first": 1, "last": 18}`, `{"row": "A", "first": 9, "last": 1}`, "venue.zones[0].rows[0]", "9 to 1", "order"},
		"seat twice":           {`{"row": "B", "first": 1, "last": 20}`, `{"row": "A", "first": 18, "last": 20}`, "venue.zones[0].rows[1]", `"A-18"`, "another name"},
		"row with a slash":     {`{"row": "B", "first": 1, "last": 20}`, `{"row": "B/", "first": 1, "last": 20}`, "venue.zones[0].rows[1]", `"B/"`, "letters"},
		"accessible elsewhere": {`["E-1", "E-22"]`, `["Z-1"]`, "venue.zones[0].accessible", `"Z-1"`, "ROW-NUMBER"},
		"gate to nowhere":      {`{"name": "north", "zones": [1, 2, 3]}`, `{"name": "north", "zones": [9]}`, "", "zone 9", "correct"},
		"ends before start":    {`2026-12-12T22:30:00`, `2026-12-11T22:30:00`, "", "not in order", "doors"},
		"time without zone":    {`"2026-12-12T17:00:00+09:00"`, `"2026-12-12 17:00"`, "", "parsing time", "+09:00"},
		"no such class":        {`{"zone": 3, "class": 3, "amount": 110000}`, `{"zone": 3, "class": 77, "amount": 1}`, "event.prices[5]", "class 77", "event.classes"},
		"no such zone":         {`{"zone": 3, "class": 3, "amount": 110000}`, `{"zone": 9, "class": 3, "amount": 1}`, "event.prices[5]", "zone 9", "venue.zones"},
		"negative price":       {`"amount": 110000`, `"amount": -1`, "event.prices[5]", "-1", "integer"},
		"price twice":          {`{"zone": 2, "class": 2,`, `{"zone": 1, "class": 1,`, "event.prices[3]", "two prices", "keep one"},
		"currency":             {`"KRW"`, `"won"`, "event.currency", "won", "ISO 4217"},
	} {
		t.Run(name, func(t *testing.T) {
			in := strings.Replace(sample(t), c.old, c.new, 1)
			if in == sample(t) {
				t.Fatalf("replacing %q changed nothing", c.old)
			}
			p, err := seatmap.Parse([]byte(in))
			var e *seatmap.Error
			if !errors.As(err, &e) || !errors.Is(err, ticket.ErrInvalid) {
				t.Fatalf("Parse with %q for %q = %v, %v; want a *seatmap.Error", c.new, c.old, p, err)
			}
			if e.Path != c.path || !strings.Contains(e.What, c.what) || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("Parse with %q for %q: %+v; want path %q, what …%q…, hint …%q…", c.new, c.old, e, c.path, c.what, c.hint)
			}
		})
	}
}

func TestRefusesHugeFile(t *testing.T) {
	if p, err := seatmap.Parse([]byte(sample(t) + strings.Repeat(" ", seatmap.MaxPlan))); err == nil {
		t.Errorf("Parse of more than %d bytes = %v, want an error", seatmap.MaxPlan, p)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample(f)))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := seatmap.Parse(b)
		if err != nil {
			var e *seatmap.Error
			if !errors.As(err, &e) || e.Hint == "" {
				t.Errorf("Parse(%q): %v has no hint", b, err)
			}
			return
		}
		if err := p.Event.Check(); err != nil || len(p.Places) == 0 || len(p.Places) > seatmap.MaxPlaces {
			t.Errorf("Parse(%q) passed with %d places, %v", b, len(p.Places), err)
		}
	})
}

// A plan without a relying party gets the server's own; one that names another
// keeps it, and half a one is refused.
func TestOwnRelyingParty(t *testing.T) {
	own := ticket.RelyingParty{ID: "localhost", Origin: "http://localhost:8440"}
	const named = `"relying_party": {"id": "tickets.example", "origin": "https://tickets.example"},`
	without := strings.Replace(sample(t), named, "", 1)
	if without == sample(t) {
		t.Fatal("the sample names no relying party")
	}
	p, err := seatmap.ParseFor([]byte(without), own)
	if err != nil || p.Event.RelyingParty != own {
		t.Errorf("a plan without: %v", err)
	}
	if p, err = seatmap.ParseFor([]byte(sample(t)), own); err != nil || p.Event.RelyingParty.ID != "tickets.example" {
		t.Errorf("a plan that names one: %v", err)
	}
	half := strings.Replace(sample(t), named, `"relying_party": {"id": "tickets.example"},`, 1)
	for name, parse := range map[string]func() (*seatmap.Plan, error){
		"without, nowhere": func() (*seatmap.Plan, error) { return seatmap.Parse([]byte(without)) },
		"half a one":       func() (*seatmap.Plan, error) { return seatmap.ParseFor([]byte(half), own) },
	} {
		var e *seatmap.Error
		if _, err := parse(); !errors.As(err, &e) {
			t.Errorf("%s: %v, want a plan's error", name, err)
		}
	}
}
