package mint_test

import (
	"testing"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/ticket"
)

// A name that a sale takes makes a token, and reads the same on every screen.
func TestFaceOf(t *testing.T) {
	e := ticket.Event{
		Name: " bell\a of\x00 \u202egnp.exe\u202c\u2028", Venue: "a\nb", Timezone: "Asia/Seoul", Starts: 1_800_000_000,
		Zones: []ticket.Zone{{ID: 1, Name: "1층\u200f"}}, Classes: []ticket.Class{{ID: 2, Name: "\u2066VIP석\u2069 👩\u200d🎤"}},
	}
	got := mint.FaceOf(&e, &ticket.Ticket{Zone: 1, Class: 2, Seat: "A\t1"})
	want := mint.Face{Event: "bell  of  gnp.exe", Venue: "a b", Date: "2027-01-15T17:00:00+09:00", Zone: "1층", Class: "VIP석 👩\u200d🎤", Seat: "A 1"}
	if got != want {
		t.Errorf("face is %+q, want %+q", got, want)
	}
}
