package ticket

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// Event is everything a gate must know about one show besides its tickets.
// Central writes it, the event key signs it, gates obey it. Times are Unix
// seconds, UTC.
type Event struct {
	ID       EventID `cbor:"1,keyasint" json:"id"`
	Name     string  `cbor:"2,keyasint" json:"name"`
	Venue    string  `cbor:"3,keyasint" json:"venue"`
	Timezone string  `cbor:"4,keyasint" json:"timezone"` // IANA name, for screens only
	Doors    int64   `cbor:"5,keyasint" json:"doors"`    // entry opens
	Starts   int64   `cbor:"6,keyasint" json:"starts"`
	Ends     int64   `cbor:"7,keyasint" json:"ends"` // entry closes

	Zones   []Zone  `cbor:"8,keyasint" json:"zones"`
	Classes []Class `cbor:"9,keyasint" json:"classes"`
	Gates   []Gate  `cbor:"10,keyasint" json:"gates"`

	// RelyingParty is whom the holders' authenticators sign for.
	RelyingParty RelyingParty `cbor:"11,keyasint" json:"relying_party"`

	// PassBackSeconds is how long after an exit the same ticket may not enter again.
	PassBackSeconds uint16 `cbor:"12,keyasint,omitzero" json:"pass_back_seconds,omitzero"`

	// AlwaysChallenge makes every holder answer the gate's nonce.
	AlwaysChallenge bool `cbor:"13,keyasint,omitzero" json:"always_challenge,omitzero"`

	// Leases is what gates make of the lease that a rotating pass was shown under.
	Leases LeasePolicy `cbor:"14,keyasint,omitzero" json:"leases,omitzero"`

	// MinimumAge is the age in years that a holder must have; zero means any.
	MinimumAge uint8 `cbor:"15,keyasint,omitzero" json:"minimum_age,omitzero"`
}

// Zone is a part of the venue that tickets admit to.
type Zone struct {
	ID   uint16 `cbor:"1,keyasint" json:"id"`
	Name string `cbor:"2,keyasint" json:"name"`
}

// Class is a price or admission class with its rules of entry.
type Class struct {
	ID   uint8  `cbor:"1,keyasint" json:"id"`
	Name string `cbor:"2,keyasint" json:"name"`

	// Opens and Closes narrow the event's entry window; zero means the event's own.
	Opens  int64 `cbor:"3,keyasint,omitzero" json:"opens,omitzero"`
	Closes int64 `cbor:"4,keyasint,omitzero" json:"closes,omitzero"`

	// MaxEntries is how often one ticket may enter; zero means once.
	MaxEntries uint8 `cbor:"5,keyasint,omitzero" json:"max_entries,omitzero"`

	// Paper allows the paper form for tickets of this class that have no holder key.
	Paper bool `cbor:"6,keyasint,omitzero" json:"paper,omitzero"`

	// Alone is what a gate does with this class while it can ask nobody.
	Alone Alone `cbor:"7,keyasint,omitzero" json:"alone,omitzero"`

	// Staff marks a class of accreditations: its tickets are never sold, are bound
	// to the key of a DID instead of a passkey, and enter as often as they like.
	Staff bool `cbor:"8,keyasint,omitzero" json:"staff,omitzero"`

	// StaffLane sends the class to lanes where a steward stands.
	StaffLane bool `cbor:"9,keyasint,omitzero" json:"staff_lane,omitzero"`

	// IDCheck has a steward compare an identity document before the lane opens.
	IDCheck bool `cbor:"10,keyasint,omitzero" json:"id_check,omitzero"`
}

// LeasePolicy is what gates make of a lease: the wallet keeps it alive at central
// while a code is shown, and a lapse ends that session, never the ticket.
type LeasePolicy uint8

// The lease policies. Advisory, the zero value, refuses only what is known to
// have lapsed; Required also asks for a challenge where the lease is not known to
// be alive.
const (
	LeaseAdvisory LeasePolicy = iota
	LeaseOff
	LeaseRequired
)

// String returns the stable word for the policy.
func (p LeasePolicy) String() string {
	switch p {
	case LeaseAdvisory:
		return "advisory"
	case LeaseOff:
		return "off"
	case LeaseRequired:
		return "required"
	}
	return fmt.Sprintf("leases(%d)", uint8(p))
}

// MarshalText writes the policy's word.
func (p LeasePolicy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the policy's word.
func (p *LeasePolicy) UnmarshalText(b []byte) error {
	for c := LeaseAdvisory; c <= LeaseRequired; c++ {
		if string(b) == c.String() {
			*p = c
			return nil
		}
	}
	return fmt.Errorf("lease policy %q, want off, advisory or required: %w", b, ErrInvalid)
}

// Alone is the policy of a gate that can reach neither hub nor central nor peers.
type Alone uint8

// The policies for a gate that is alone. The zero value is the safe default of
// each form: open for passkey tickets, home for paper.
const (
	AloneByForm Alone = iota
	AloneHome         // only tickets whose home gate this is; others go to staff
	AloneOpen         // admit, and say what is at risk
)

// String returns the stable word for the policy.
func (a Alone) String() string {
	switch a {
	case AloneByForm:
		return "by_form"
	case AloneHome:
		return "home"
	case AloneOpen:
		return "open"
	}
	return fmt.Sprintf("alone(%d)", uint8(a))
}

// MarshalText writes the policy's word.
func (a Alone) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the policy's word.
func (a *Alone) UnmarshalText(b []byte) error {
	for c := AloneByForm; c <= AloneOpen; c++ {
		if string(b) == c.String() {
			*a = c
			return nil
		}
	}
	return fmt.Errorf("offline policy %q, want by_form, home or open: %w", b, ErrInvalid)
}

// Gate is an entrance of the venue: one or more lanes that lead to the same zones.
type Gate struct {
	Name  string   `cbor:"1,keyasint" json:"name"`
	Zones []uint16 `cbor:"2,keyasint" json:"zones"`

	// Limit is the most people this gate admits; zero means no limit.
	Limit uint32 `cbor:"3,keyasint,omitzero" json:"limit,omitzero"`
}

// The most an event may hold, so that a signed event is bounded everywhere.
const (
	MaxZones   = 500
	MaxClasses = 200
	MaxGates   = 500
	MaxName    = 120 // bytes of any name
)

// Check reports the first thing about the event that no gate could obey. The
// error wraps [ErrInvalid].
func (e *Event) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("event %s: %s: %w", e.ID, fmt.Sprintf(format, args...), ErrInvalid)
	}
	switch {
	case e.ID == 0:
		return bad("no id")
	case !nameOK(e.Name) || !nameOK(e.Venue):
		return bad("name and venue must be 1 to %d bytes of UTF-8", MaxName)
	case e.Doors <= 0 || e.Starts < e.Doors || e.Ends <= e.Starts:
		return bad("doors %d, starts %d, ends %d are not in order", e.Doors, e.Starts, e.Ends)
	case e.Leases > LeaseRequired:
		return bad("unknown lease policy %d", e.Leases)
	case len(e.Timezone) > MaxName || !utf8.ValidString(e.Timezone):
		return bad("time zone must be at most %d bytes of UTF-8", MaxName)
	case len(e.Zones) == 0 || len(e.Zones) > MaxZones:
		return bad("%d zones, want 1 to %d", len(e.Zones), MaxZones)
	case len(e.Classes) == 0 || len(e.Classes) > MaxClasses:
		return bad("%d classes, want 1 to %d", len(e.Classes), MaxClasses)
	case len(e.Gates) == 0 || len(e.Gates) > MaxGates:
		return bad("%d gates, want 1 to %d", len(e.Gates), MaxGates)
	}
	if err := e.RelyingParty.Check(); err != nil {
		return bad("%v", err)
	}
	zones := make(map[uint16]bool, len(e.Zones))
	for _, z := range e.Zones {
		if zones[z.ID] || !nameOK(z.Name) {
			return bad("zone %d is named badly or twice", z.ID)
		}
		zones[z.ID] = true
	}
	classes := make(map[uint8]bool, len(e.Classes))
	for _, c := range e.Classes {
		if classes[c.ID] || !nameOK(c.Name) {
			return bad("class %d is named badly or twice", c.ID)
		}
		if c.Opens < 0 || c.Closes < 0 || c.Closes != 0 && c.Closes < c.Opens || c.Alone > AloneOpen || c.Staff && c.Paper {
			return bad("class %d has an impossible rule", c.ID)
		}
		classes[c.ID] = true
	}
	gates := make(map[string]bool, len(e.Gates))
	for _, g := range e.Gates {
		if gates[g.Name] || !nameOK(g.Name) {
			return bad("gate %q is named badly or twice", g.Name)
		}
		gates[g.Name] = true
		if len(g.Zones) == 0 || len(g.Zones) > MaxZones {
			return bad("gate %q leads to no zone", g.Name)
		}
		for _, z := range g.Zones {
			if !zones[z] {
				return bad("gate %q leads to zone %d, which does not exist", g.Name, z)
			}
		}
	}
	return nil
}

func nameOK(s string) bool { return s != "" && len(s) <= MaxName && utf8.ValidString(s) }

// Class returns the class with that number.
func (e *Event) Class(id uint8) (Class, bool) {
	i := slices.IndexFunc(e.Classes, func(c Class) bool { return c.ID == id })
	if i < 0 {
		return Class{}, false
	}
	return e.Classes[i], true
}

// Zone returns the zone with that number.
func (e *Event) Zone(id uint16) (Zone, bool) {
	i := slices.IndexFunc(e.Zones, func(z Zone) bool { return z.ID == id })
	if i < 0 {
		return Zone{}, false
	}
	return e.Zones[i], true
}

// Gate returns the gate of that name.
func (e *Event) Gate(name string) (Gate, bool) {
	i := slices.IndexFunc(e.Gates, func(g Gate) bool { return g.Name == name })
	if i < 0 {
		return Gate{}, false
	}
	return e.Gates[i], true
}

// HomeGate returns the gate that answers for a ticket while gates cannot see
// each other: of the gates that lead to the ticket's zone, the one that the
// ticket's id falls to. It is the same at every gate.
func (e *Event) HomeGate(t *Ticket) (Gate, bool) {
	var lead []int
	for i, g := range e.Gates {
		if slices.Contains(g.Zones, t.Zone) {
			lead = append(lead, i)
		}
	}
	if len(lead) == 0 {
		return Gate{}, false
	}
	n := uint32(t.ID[0])<<24 | uint32(t.ID[1])<<16 | uint32(t.ID[2])<<8 | uint32(t.ID[3])
	return e.Gates[lead[int(uint64(n)*uint64(len(lead))>>32)]], true
}
