package mint

import (
	"strings"
	"time"
	"unicode"

	"github.com/con-ting/conting/sync/ticket"
)

// Face is what a ticket's token says about the ticket to everybody.
type Face struct {
	Event, Venue string
	Date         string // RFC 3339, in the event's time zone
	Zone, Seat   string // Seat is empty where people stand
	Class        string
}

// FaceOf returns the face of a ticket of an event. It has nothing of its holder, and
// nothing by which a gate would know the ticket.
func FaceOf(e *ticket.Event, t *ticket.Ticket) Face {
	f := Face{Event: plain(e.Name), Venue: plain(e.Venue), Seat: plain(t.Seat)}
	where, err := time.LoadLocation(e.Timezone)
	if err != nil {
		where = time.UTC
	}
	f.Date = time.Unix(e.Starts, 0).In(where).Format(time.RFC3339)
	if z, ok := e.Zone(t.Zone); ok {
		f.Zone = plain(z.Name)
	}
	if c, ok := e.Class(t.Class); ok {
		f.Class = plain(c.Name)
	}
	return f
}

// plain takes from a name what no screen should be sent, and no program takes: control
// characters, and those that turn the order of what follows them around.
func plain(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s))
}

// link is where the metadata JSON of a token, or of a collection, is.
func (w *Worker) link(name string) string {
	return strings.TrimSuffix(w.cfg.Origin, "/") + "/v1/tokens/" + name + ".json"
}

// collection stands where the files of a token have its address.
const collection = "event-"

// CollectionName is what the files of an event's collection are called.
func CollectionName(id ticket.EventID) string { return collection + id.String() }

// CollectionOf returns the event of a name that [CollectionName] made, and false for
// any other.
func CollectionOf(name string) (ticket.EventID, bool) {
	text, ok := strings.CutPrefix(name, collection)
	if !ok {
		return 0, false
	}
	id, err := ticket.ParseEventID(text)
	return id, err == nil && CollectionName(id) == name
}
