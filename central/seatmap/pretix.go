package seatmap

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxPretix is the largest seating plan of pretix that is read, in bytes.
const MaxPretix = 16 << 20

// maxCategories is more than a plan has prices; the work grows with them.
const maxCategories = 1000

// The seating plan of pretix, as its JSON schema has it (seating-plan.schema.json):
// zones of rows of seats, each with a position on a drawing and a category, which
// stands for a price. What only draws is not read.
type (
	pretixPlan struct {
		Name       string           `json:"name"`
		Categories []pretixCategory `json:"categories"`
		Zones      []pretixZone     `json:"zones"`
		Size       pretixSize       `json:"size"`
	}
	pretixCategory struct {
		Name  string `json:"name"`
		Color string `json:"color"`
	}
	pretixSize struct {
		Width  int `json:"width"`
		Height int `json:"height"`
	}
	pretixZone struct {
		Name     string          `json:"name"`
		Position pretixPoint     `json:"position"`
		Rows     []pretixRow     `json:"rows"`
		Areas    json.RawMessage `json:"areas,omitempty"`
	}
	pretixRow struct {
		Row      string       `json:"row_number"`
		Position pretixPoint  `json:"position"`
		Seats    []pretixSeat `json:"seats"`
	}
	pretixSeat struct {
		GUID     string      `json:"seat_guid"`
		Number   string      `json:"seat_number"`
		Position pretixPoint `json:"position"`
		Category string      `json:"category"`
	}
	pretixPoint struct {
		X float64 `json:"x"`
		Y float64 `json:"y"`
	}
)

// Layout is where the seats of a venue are, without prices, gates or times.
type Layout struct {
	Name  string
	zones []fileZone
}

// aisle is how much farther apart than their neighbours two seats of a row are that
// have an aisle between them.
const aisle = 1.6

// ParsePretix reads a seating plan of pretix. Each of its zones becomes one of ours,
// or one for each category that its seats have, because a price is a zone's here.
// Names of rows and seats lose what cannot be said in a URL. Where seats of one row
// are drawn farther apart than the others there is an aisle. General admission is no
// part of such a plan. Every error is an [*Error].
func ParsePretix(data []byte) (*Layout, error) {
	var p pretixPlan
	if err := decodePretix(data, &p); err != nil {
		return nil, err
	}
	if len(p.Categories) > maxCategories {
		return nil, &Error{"categories", fmt.Sprintf("%d categories, the most is %d", len(p.Categories), maxCategories), "use one for each price"}
	}
	known := make(map[string]bool, len(p.Categories))
	for _, c := range p.Categories {
		known[c.Name] = true
	}
	l := &Layout{Name: p.Name}
	guids := make(map[string]bool)
	count := 0
	for i, z := range p.Zones {
		at := fmt.Sprintf("zones[%d]", i)
		for j, r := range z.Rows {
			for k, s := range r.Seats {
				here := fmt.Sprintf("%s.rows[%d].seats[%d]", at, j, k)
				switch count++; {
				case count > MaxPlaces:
					return nil, &Error{here, fmt.Sprintf("more than %d seats", MaxPlaces), "split the plan"}
				case s.GUID != "" && guids[s.GUID]:
					return nil, &Error{here, fmt.Sprintf("seat_guid %q exists already", s.GUID), "give each seat one of its own"}
				case !known[s.Category]:
					return nil, &Error{here, fmt.Sprintf("category %q is not in the plan's categories", s.Category), "add it there, or correct its name"}
				}
				guids[s.GUID] = true
			}
		}
		l.add(z, i)
	}
	if count == 0 {
		return nil, &Error{"zones", "no seat in any zone", "is this a seating plan of pretix?"}
	}
	if len(l.zones) > math.MaxUint16 {
		return nil, &Error{"zones", "too many of zones and categories", "use fewer"}
	}
	return l, nil
}

// decodePretix reads one JSON object; keys that only draw are let be.
func decodePretix(data []byte, p *pretixPlan) error {
	switch {
	case len(data) > MaxPretix:
		return &Error{"", fmt.Sprintf("%d bytes, the most is %d", len(data), MaxPretix), "split the plan"}
	case !utf8.Valid(data):
		return &Error{"", "is not UTF-8", "save the file as UTF-8"}
	}
	if err := json.Unmarshal(data, p); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return &Error{wrong.Field, "a " + wrong.Value + " stands where something else is due", "compare it with pretix's seating-plan.schema.json"}
		}
		return syntax(err)
	}
	return nil
}

// add makes zones of one of pretix's: one for each category of its seats.
func (l *Layout) add(z pretixZone, n int) {
	name := cmp.Or(strings.TrimSpace(z.Name), "Zone "+strconv.Itoa(n+1))
	var categories []string
	known := make(map[string]bool)
	usual := make([]float64, len(z.Rows))
	for i, r := range z.Rows {
		usual[i] = r.spacing()
		for _, s := range r.Seats {
			if !known[s.Category] {
				categories = append(categories, s.Category)
			}
			known[s.Category] = true
		}
	}
	for _, c := range categories {
		zone := fileZone{ID: uint16(min(len(l.zones)+1, math.MaxUint16)), Name: name} // #nosec G115 -- bounded
		if len(categories) > 1 {
			zone.Name += " – " + c
		}
		for i, r := range z.Rows {
			zone.Rows = append(zone.Rows, r.runs(c, spoken(r.Row, "R"+strconv.Itoa(i+1)), usual[i])...)
		}
		l.zones = append(l.zones, zone)
	}
}

// runs lists the seats of a category that are side by side, of a row whose seats are
// usually so far apart.
func (r *pretixRow) runs(category, name string, usual float64) (out []fileRow) {
	var run []string
	end := func() {
		if len(run) > 0 {
			out = append(out, rowOf(name, run))
		}
		run = nil
	}
	for i, s := range r.Seats {
		if i > 0 && usual > 0 && s.Position.from(r.Seats[i-1].Position) > aisle*usual {
			end()
		}
		if s.Category != category {
			end()
			continue
		}
		run = append(run, spoken(s.Number, strconv.Itoa(i+1)))
	}
	end()
	return out
}

// spacing is how far apart the seats of the row usually are.
func (r *pretixRow) spacing() float64 {
	var all []float64
	for i := range max(len(r.Seats)-1, 0) {
		all = append(all, r.Seats[i+1].Position.from(r.Seats[i].Position))
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[(len(all)-1)/2]
}

func (p pretixPoint) from(q pretixPoint) float64 { return math.Hypot(p.X-q.X, p.Y-q.Y) }

// rowOf writes seats as first and last where their numbers follow one another.
func rowOf(name string, seats []string) fileRow {
	first, err := strconv.Atoi(seats[0])
	plain := err == nil && first > 0 && first+len(seats)-1 <= maxSeatNumber
	for i, s := range seats {
		plain = plain && s == strconv.Itoa(first+i)
	}
	if plain {
		return fileRow{Row: name, First: first, Last: first + len(seats) - 1}
	}
	return fileRow{Row: name, Seats: seats}
}

// spoken makes a name out of what rowName accepts.
func spoken(s, otherwise string) string {
	s = strings.Trim(strings.Map(func(c rune) rune {
		if rowName(string(c)) || c == '-' {
			return c
		}
		return '-'
	}, s), "-")
	return cmp.Or(s, otherwise)
}

// Into puts the layout's zones into a plan, in the place of those that it has, and
// returns the plan. A zone of the same name keeps its id; what else names a zone by
// its id is for the organiser to correct. An empty plan makes a new one, which lacks
// everything but the venue.
func (l *Layout) Into(plan []byte) ([]byte, error) {
	var doc map[string]json.RawMessage
	venue := map[string]json.RawMessage{}
	ids := map[string]uint16{}
	if len(plan) > 0 {
		var f file
		if err := decode(plan, &f); err != nil {
			return nil, err
		}
		for _, z := range f.Venue.Zones {
			ids[z.Name] = z.ID
		}
		if err := json.Unmarshal(plan, &doc); err != nil {
			return nil, syntax(err)
		}
		if err := json.Unmarshal(doc["venue"], &venue); len(doc["venue"]) > 0 && err != nil {
			return nil, syntax(err)
		}
	} else {
		doc = map[string]json.RawMessage{"format": quote(Format)}
		venue["name"] = quote(cmp.Or(l.Name, "venue"))
	}
	zones, err := json.Marshal(l.numbered(ids))
	if err != nil {
		return nil, err
	}
	venue["zones"] = zones
	if doc["venue"], err = json.Marshal(venue); err != nil {
		return nil, err
	}
	return json.MarshalIndent(doc, "", "  ")
}

func quote(s string) json.RawMessage {
	b, _ := json.Marshal(s) // a string is always JSON
	return b
}

// numbered gives zones the ids that their names had, and free ones to the others.
func (l *Layout) numbered(ids map[string]uint16) []fileZone {
	used := make(map[uint16]bool)
	for _, z := range l.zones {
		if id, ok := ids[z.Name]; ok {
			used[id] = true
		}
	}
	out := slices.Clone(l.zones)
	next := uint16(1)
	given := make(map[uint16]bool)
	for i := range out {
		if id, ok := ids[out[i].Name]; ok && !given[id] {
			out[i].ID = id
		} else {
			for used[next] {
				next++
			}
			out[i].ID, used[next] = next, true
		}
		given[out[i].ID] = true
	}
	return out
}

// seatSpace is how far apart seats are drawn; an aisle is one seat wide.
const seatSpace = 25

// ExportPretix writes the seats of a plan as a seating plan of pretix: a category for
// each zone, a row for each row, and a gap for each aisle. Zones where people stand
// are left out: pretix sells those without a seating plan.
func ExportPretix(plan []byte) ([]byte, error) {
	var f file
	if err := decode(plan, &f); err != nil {
		return nil, err
	}
	out := pretixPlan{Name: f.Venue.Name, Categories: []pretixCategory{}, Zones: []pretixZone{}}
	names := make(map[string]bool)
	y := 0.0
	for i, z := range f.Venue.Zones {
		if len(z.Rows) == 0 {
			continue
		}
		if _, err := z.places(fmt.Sprintf("venue.zones[%d]", i), MaxPlaces); err != nil {
			return nil, err
		}
		category := z.Name
		if names[category] {
			category += " " + strconv.Itoa(int(z.ID))
		}
		names[category] = true
		zone := z.pretix(category)
		zone.Position.Y = y
		y += seatSpace * float64(len(zone.Rows)+2)
		for _, r := range zone.Rows {
			for _, s := range r.Seats {
				out.Size.Width = max(out.Size.Width, int(s.Position.X)+2*seatSpace)
			}
		}
		out.Categories = append(out.Categories, pretixCategory{Name: category, Color: color(len(out.Zones))})
		out.Zones = append(out.Zones, zone)
	}
	out.Size.Height = int(y)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(out)
	return b.Bytes(), err
}

func (z *fileZone) pretix(category string) pretixZone {
	out := pretixZone{Name: z.Name, Areas: json.RawMessage("[]")}
	at := make(map[string]int) // the row of that name
	for _, r := range z.Rows {
		i, known := at[r.Row]
		if !known {
			i = len(out.Rows)
			at[r.Row] = i
			out.Rows = append(out.Rows, pretixRow{Row: r.Row, Position: pretixPoint{Y: seatSpace * float64(i)}})
		}
		row := &out.Rows[i]
		x := 0.0
		if n := len(row.Seats); n > 0 {
			x = row.Seats[n-1].Position.X + 2*seatSpace
		}
		for n, label := range r.labels() {
			row.Seats = append(row.Seats, pretixSeat{
				GUID: strconv.Itoa(int(z.ID)) + "-" + label, Number: strings.TrimPrefix(label, r.Row+"-"),
				Position: pretixPoint{X: x + seatSpace*float64(n)}, Category: category,
			})
		}
	}
	return out
}

// color tells categories apart on the drawing.
func color(n int) string {
	all := []string{"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf", "#ff7f0e"}
	return all[n%len(all)]
}
