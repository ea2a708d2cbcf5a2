package sale_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/ticket"
)

// hall has two rows of nine seats, the first with an aisle after its fourth, an
// accessible seat at the end of the second with two beside it, and standing room.
const hall = `{"format":"conting-plan/1","venue":{"name":"hall","timezone":"UTC","zones":[
	{"id":1,"name":"floor","rows":[{"row":"A","first":1,"last":4},{"row":"A","first":5,"last":9},{"row":"B","first":1,"last":9}],
		"accessible":["B-9"],"companion":["B-8","B-7"]},
	{"id":2,"name":"back","standing":3}],
	"gates":[{"name":"north","zones":[1,2]}]},
	"event":{"id":7,"name":"show","doors":"2026-12-12T17:00:00Z","starts":"2026-12-12T19:00:00Z","ends":"2026-12-12T22:00:00Z","currency":"EUR",
	"classes":[{"id":1,"name":"seat","paper":true},{"id":2,"name":"bound"}],
	"prices":[{"zone":1,"class":1,"amount":10},{"zone":1,"class":2,"amount":10},{"zone":2,"class":1,"amount":5}],
	"relying_party":{"id":"tickets.example","origin":"https://tickets.example"},"sale":SALE}}`

const show = ticket.EventID(7)

// hall puts the hall on sale, with these terms.
func (h *harness) hall(terms string) {
	h.t.Helper()
	h.hallOf(show, terms)
}

// hallOf puts the hall on sale for an event of its own.
func (h *harness) hallOf(event ticket.EventID, terms string) {
	h.t.Helper()
	plan := strings.NewReplacer("SALE", terms, `"id":7`, fmt.Sprintf(`"id":%d`, event)).Replace(hall)
	p, err := seatmap.Parse([]byte(plan))
	if err != nil {
		h.t.Fatal(err)
	}
	if added, err := h.Import(h.t.Context(), p); err != nil || !added {
		h.t.Fatalf("Import = %v, %v", added, err)
	}
}

func wants(n int, w sale.Want) []sale.Want { return slices.Repeat([]sale.Want{w}, n) }

func seats(o sale.Order) string {
	var out []string
	for _, i := range o.Items {
		out = append(out, i.Seat)
	}
	return strings.Join(out, " ")
}

func TestBestSeats(t *testing.T) {
	some := sale.Want{Zone: 1, Class: 1, Paper: true}
	named := func(seat string) sale.Want { return sale.Want{Zone: 1, Class: 1, Paper: true, Seat: seat} }
	wheels, beside := some, some
	wheels.Accessible, beside.Companion = true, true
	h, event := start(t), show
	for name, c := range map[string]struct {
		taken []sale.Want
		items []sale.Want
		apart bool // side by side is not asked for
		want  string
		err   error
	}{
		"the best one":                  {nil, wants(1, some), false, "A-5", nil},
		"two, best together":            {nil, wants(2, some), false, "A-5 A-6", nil},
		"four on one side of the aisle": {nil, wants(4, some), false, "A-5 A-6 A-7 A-8", nil},
		"five fill that side":           {nil, wants(5, some), false, "A-5 A-6 A-7 A-8 A-9", nil},
		"six, only in the second row":   {nil, wants(6, some), false, "B-1 B-2 B-3 B-4 B-5 B-6", nil},
		"seven nowhere":                 {nil, wants(7, some), false, "", sale.ErrNotTogether},
		"seven apart":                   {nil, wants(7, some), true, "A-5 A-4 A-6 A-3 A-7 A-2 A-8", nil},
		"around a taken seat":           {[]sale.Want{named("A-6")}, wants(2, some), false, "A-3 A-4", nil},
		"an accessible seat":            {nil, wants(1, wheels), false, "B-9", nil},
		"with one beside it":            {nil, []sale.Want{beside, wheels}, false, "B-8 B-9", nil},
		"with two and a friend":         {nil, []sale.Want{wheels, beside, beside, some}, false, "B-9 B-8 B-7 A-5", nil},
		"with three beside it":          {nil, []sale.Want{wheels, beside, beside, beside}, false, "", sale.ErrSoldOut},
		"two accessible seats":          {nil, wants(2, wheels), false, "", sale.ErrSoldOut},
		"beside nobody":                 {nil, wants(1, beside), false, "", sale.ErrSoldOut},
		"a kept seat by name":           {nil, []sale.Want{named("B-9")}, false, "", sale.ErrKept},
		"a seat beside it by name":      {nil, []sale.Want{named("B-8")}, false, "", sale.ErrKept},
		"both by name":                  {nil, []sale.Want{{Zone: 1, Class: 1, Paper: true, Seat: "B-9", Accessible: true}, named("B-8")}, false, "B-9 B-8", nil},
		"standing room together":        {nil, wants(2, sale.Want{Zone: 2, Class: 1, Paper: true}), false, " ", nil},
		"more than may stand":           {nil, wants(4, sale.Want{Zone: 2, Class: 1, Paper: true}), false, "", sale.ErrSoldOut},
		"one seat twice":                {nil, wants(2, named("A-1")), false, "", sale.ErrSeatTaken},
		"nine":                          {nil, wants(9, some), true, "", sale.ErrTooMany},
		"one of them is taken":          {[]sale.Want{named("A-6")}, []sale.Want{named("A-5"), named("A-6")}, false, "", sale.ErrSeatTaken},
		"seats and any":                 {nil, []sale.Want{named("A-5"), some}, false, "A-5 A-4", nil},
		"no such seat":                  {nil, []sale.Want{named("A-1"), named("Z-1")}, false, "", sale.ErrUnknownSeat},
	} {
		t.Run(name, func(t *testing.T) {
			event++
			h.hallOf(event, `{}`)
			if c.taken != nil {
				if _, _, err := h.Hold(t.Context(), sale.HoldRequest{Event: event, Items: c.taken}); err != nil {
					t.Fatal(err)
				}
			}
			o, _, err := h.Hold(t.Context(), sale.HoldRequest{Event: event, Items: c.items, Together: !c.apart})
			if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) || seats(o) != c.want {
				t.Errorf("Hold = %q, %v; want %q, %v", seats(o), err, c.want, c.err)
			}
			if l, err := h.Listing(t.Context(), event); err != nil || l.Zones[0].Held+l.Zones[1].Held != len(c.taken)+len(o.Items) {
				t.Errorf("held %+v, %v; want %d places", l.Zones, err, len(c.taken)+len(o.Items))
			}
		})
	}
}

// A seat that is left between two that are gone is still found, and a hold that has
// run out is free again, for one and for several.
func TestEverySeatIsSold(t *testing.T) {
	h := start(t)
	h.hall(`{}`)
	some := sale.Want{Zone: 1, Class: 1, Paper: true}
	for range 2 {
		sold := 0
		for n := 3; n > 0; {
			o, _, err := h.Hold(t.Context(), sale.HoldRequest{Event: show, Items: wants(n, some)})
			if errors.Is(err, sale.ErrSoldOut) {
				n--
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			sold += len(o.Items)
		}
		if sold != 15 {
			t.Errorf("%d seats were held, want the 15 that are not kept", sold)
		}
		h.clock.Advance(sale.DefaultHold)
	}
}
