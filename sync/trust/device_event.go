//go:build !js

package trust

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/con-ting/conting/sync/ticket"
)

// MaxDeviceEvents is how many events one device's certificate may name.
const MaxDeviceEvents = 64

// A certificate names an event by a URI among its alternative names (RFC 5280,
// 4.2.1.6), as "conting:event:1001". Other names of this scheme are not ours.
const (
	uriScheme = "conting"
	uriEvent  = "event:"
)

// EventURIs returns what a device's certificate says about the events that the
// device is for: one URI for each, ascending, none twice. The error wraps
// [ErrInvalid]: event 0, or more than [MaxDeviceEvents].
func EventURIs(events []ticket.EventID) ([]*url.URL, error) {
	sorted := slices.Compact(slices.Sorted(slices.Values(events)))
	if len(sorted) > MaxDeviceEvents {
		return nil, fmt.Errorf("a device for %d events, the most is %d: %w", len(sorted), MaxDeviceEvents, ErrInvalid)
	}
	uris := make([]*url.URL, len(sorted))
	for i, e := range sorted {
		if e == 0 {
			return nil, fmt.Errorf("a device for event 0: %w", ErrInvalid)
		}
		uris[i] = eventURI(e)
	}
	return uris, nil
}

func eventURI(e ticket.EventID) *url.URL {
	return &url.URL{Scheme: uriScheme, Opaque: uriEvent + e.String()}
}

// certifiedEvents reads what EventURIs wrote, and nothing else: a name of our
// scheme that this version does not know might take something back. Names of
// other schemes are nobody's business here.
func certifiedEvents(uris []*url.URL) ([]ticket.EventID, error) {
	var events []ticket.EventID
	for _, u := range uris {
		if u.Scheme != uriScheme {
			continue
		}
		text, _ := strings.CutPrefix(u.Opaque, uriEvent)
		e, err := ticket.ParseEventID(text)
		switch {
		case err != nil || *u != *eventURI(e): // the second finds what is more than the number, and leading zeros
			return nil, fmt.Errorf("it names %.80q, which is no event", u)
		case len(events) == MaxDeviceEvents:
			return nil, fmt.Errorf("it names more than %d events", MaxDeviceEvents)
		case len(events) > 0 && e <= events[len(events)-1]:
			return nil, fmt.Errorf("it names event %s after %s", e, events[len(events)-1])
		}
		events = append(events, e)
	}
	return events, nil
}

// Serves reports whether the device may speak about an event: central about every
// one, the others about those that their certificate names. Event 0 is none.
func (d Device) Serves(event ticket.EventID) bool {
	return event != 0 && (d.Role == RoleCentral || slices.Contains(d.Events, event))
}
