package seatmap_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/seatmap"
)

// stalls is a plan as pretix's editor writes it: an aisle after the second seat of
// row A, two categories in row B, a row whose name has a space, and things that only
// draw.
const stalls = `{"name":"Opera","categories":[{"name":"gold","color":"#fc0"},{"name":"silver"}],"size":{"width":400,"height":300},
"zones":[{"name":"Stalls","zone_id":"s","position":{"x":10,"y":20},"areas":[{"shape":"circle","color":"#fff"}],"rows":[
	{"row_number":"A","row_number_position":"both","position":{"x":0,"y":0},"seats":[
		{"seat_guid":"a1","seat_number":"1","position":{"x":0,"y":0},"category":"gold","radius":9},
		{"seat_guid":"a2","seat_number":"2","position":{"x":25,"y":0},"category":"gold"},
		{"seat_guid":"a3","seat_number":"3","position":{"x":80,"y":0},"category":"gold"},
		{"seat_guid":"a4","seat_number":"4","position":{"x":105,"y":0},"category":"gold"}]},
	{"row_number":"B","position":{"x":0,"y":25},"seats":[
		{"seat_guid":"b1","seat_number":"1","position":{"x":0,"y":0.5},"category":"gold"},
		{"seat_guid":"b2","seat_number":"2","position":{"x":25,"y":0},"category":"silver"},
		{"seat_guid":"b3","seat_number":"3a","position":{"x":50,"y":0},"category":"silver"}]},
	{"row_number":"Box 1","position":{"x":0,"y":50},"seats":[{"seat_guid":"x","seat_number":"","position":{"x":0,"y":0},"category":"silver"}]}]},
	{"name":"Stage","position":{"x":0,"y":0},"rows":[],"areas":[]}]}`

// runs lists the zones of a plan with their seats, a bar between those that are not
// side by side.
func runs(t *testing.T, plan []byte) string {
	t.Helper()
	var f struct {
		Venue struct {
			Zones []struct {
				ID   int    `json:"id"`
				Name string `json:"name"`
				Rows []struct {
					Row   string   `json:"row"`
					First int      `json:"first"`
					Last  int      `json:"last"`
					Seats []string `json:"seats"`
				} `json:"rows"`
			} `json:"zones"`
		} `json:"venue"`
	}
	if err := json.Unmarshal(plan, &f); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, z := range f.Venue.Zones {
		s := fmt.Sprintf("%d %s:", z.ID, z.Name)
		for _, r := range z.Rows {
			if len(r.Seats) > 0 {
				s += fmt.Sprintf(" %s%v", r.Row, r.Seats)
			} else {
				s += fmt.Sprintf(" %s %d-%d", r.Row, r.First, r.Last)
			}
		}
		out = append(out, s)
	}
	return strings.Join(out, "\n")
}

func TestParsePretix(t *testing.T) {
	l, err := seatmap.ParsePretix([]byte(stalls))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := l.Into(nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = "1 Stalls – gold: A 1-2 A 3-4 B 1-1\n2 Stalls – silver: B[2 3a] Box-1 1-1"
	if got := runs(t, plan); got != want {
		t.Errorf("zones\n%s\nwant\n%s", got, want)
	}
	// Into a plan, whose zones of the same names keep their ids.
	old := strings.NewReplacer(`"name": "1층"`, `"name": "Stalls – silver"`, `"id": 1,`, `"id": 7,`).Replace(sample(t))
	if plan, err = l.Into([]byte(old)); err != nil {
		t.Fatal(err)
	}
	if got := runs(t, plan); !strings.Contains(got, "7 Stalls – silver") || !strings.Contains(got, "1 Stalls – gold") {
		t.Errorf("zones\n%s", got)
	}
	var e *seatmap.Error
	if _, err := seatmap.Parse(plan); !errors.As(err, &e) || e.Hint == "" {
		t.Errorf("a plan whose gates and prices name zones that are gone: %v, want a plan's error", err)
	}
}

// What is exported and read again has the same seats, side by side as before.
func TestPretixRoundTrip(t *testing.T) {
	aisles := strings.Replace(sample(t), `{"row": "A", "first": 1, "last": 18}`, `{"row": "A", "first": 1, "last": 9}, {"row": "A", "first": 10, "last": 18}`, 1)
	seating, err := seatmap.ExportPretix([]byte(aisles))
	if err != nil {
		t.Fatal(err)
	}
	l, err := seatmap.ParsePretix(seating)
	if err != nil {
		t.Fatal(err)
	}
	back, err := l.Into([]byte(aisles))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSuffix(runs(t, []byte(aisles)), "\n3 스탠딩:")
	if got := runs(t, back); got != want {
		t.Errorf("zones\n%s\nwant\n%s", got, want)
	}
}

func TestParsePretixRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, what string }{
		"no JSON":          {`{"name":"Opera"`, `{{`, "not JSON"},
		"unknown category": {`{"name":"silver"}`, `{"name":"bronze"}`, `"silver"`},
		"a guid twice":     {`"seat_guid":"a2"`, `"seat_guid":"a1"`, `"a1"`},
		"wrong type":       {`"seat_number":"1"`, `"seat_number":1`, "number"},
		"no seats":         {stalls, `{"name":"x","categories":[],"zones":[]}`, "no seat"},
		"not UTF-8":        {`Opera`, "\xff", "UTF-8"},
		"endless prices":   {`{"name":"silver"}`, `{"name":"silver"}` + strings.Repeat(`,{"name":"x"}`, 1000), "1002 categories"},
	} {
		in := strings.Replace(stalls, c.old, c.new, 1)
		_, err := seatmap.ParsePretix([]byte(in))
		var e *seatmap.Error
		if !errors.As(err, &e) || e.Hint == "" || !strings.Contains(e.What, c.what) {
			t.Errorf("%s: %v, want …%s… with a hint", name, err, c.what)
		}
	}
	if _, err := seatmap.ParsePretix(make([]byte, seatmap.MaxPretix+1)); err == nil {
		t.Error("a huge file was read")
	}
}

func FuzzParsePretix(f *testing.F) {
	f.Add([]byte(stalls))
	f.Add([]byte(`{"zones":[{"rows":[{"seats":[{"category":""}]}]}],"categories":[{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := seatmap.ParsePretix(b)
		if err != nil {
			var e *seatmap.Error
			if !errors.As(err, &e) || e.Hint == "" {
				t.Errorf("ParsePretix(%q): %v has no hint", b, err)
			}
			return
		}
		plan, err := l.Into(nil)
		if err != nil {
			t.Fatalf("Into: %v", err)
		}
		if _, err := seatmap.ExportPretix(plan); err != nil {
			if e := (*seatmap.Error)(nil); !errors.As(err, &e) {
				t.Errorf("ExportPretix(%s): %v", plan, err)
			}
		}
	})
}
