// Package topic is the map of the MQTT world: every topic name, who may read and
// write it, the small messages that have no package of their own, and the size
// that everything must fit.
//
// It connects to nothing and signs little: what travels on these topics is signed
// by the packages that make it, because brokers, bridges and whoever runs them are
// not trusted with anything but delivery, and not even with that. Delivery is an
// unordered, lossy hint: receivers find gaps by sequence numbers and apply what
// comes twice only once.
//
// Names follow the form conting/v1/{event}/… for what concerns one event,
// conting/v1/device/{device}/… for what concerns one device, and conting/v1/trust.
package topic

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/con-ting/conting/sync/ticket"
)

// The limits of what may be sent.
const (
	MaxPayload = 128 * 1024 // bytes of a message
	MaxName    = 128        // bytes of a topic name or filter of ours
)

// Errors that callers branch on.
var (
	ErrName     = errors.New("not a topic of ours")
	ErrMessage  = errors.New("malformed message")
	ErrTooLarge = errors.New("message is too large")
)

const prefix = "conting/v1/"

// Kind says what a topic is for.
type Kind uint8

// The kinds of topics, with the name's form and who writes it.
const (
	Trust         Kind = iota + 1 // conting/v1/trust                            central, retained
	SetManifest                   // conting/v1/{event}/set/manifest             central, retained
	SetRules                      // conting/v1/{event}/set/{version}/rules      central, retained
	SetStatus                     // conting/v1/{event}/set/{version}/status     central, retained
	SetChunk                      // conting/v1/{event}/set/{version}/{chunk}    central, retained
	Delta                         // conting/v1/{event}/delta/{seq}              central, retained
	Beacon                        // conting/v1/{event}/beacon                   central, retained
	Ledger                        // conting/v1/{event}/ledger/{page}            central, retained
	Admissions                    // conting/v1/{event}/admissions/{device}      the device
	Claim                         // conting/v1/{event}/claim/{device}           the device
	ClaimReply                    // conting/v1/{event}/claim-reply/{device}     central
	DeviceState                   // conting/v1/device/{device}/state            the device, retained
	DeviceJournal                 // conting/v1/device/{device}/journal          the device
	DeviceAck                     // conting/v1/device/{device}/ack              central
	DeviceCommand                 // conting/v1/device/{device}/command          central
	DeviceLog                     // conting/v1/device/{device}/log              the device
)

// Name is a parsed topic name. Fields that its kind has no use for are zero.
type Name struct {
	Kind   Kind
	Event  ticket.EventID
	Device ticket.DeviceID
	Number uint64 // the set's version, the delta's sequence, the ledger's page
	Chunk  uint32 // of a SetChunk
}

// String writes the name. Of a Name that [Parse] would not return it writes
// something that Parse refuses.
func (n Name) String() string {
	return n.pattern().String()
}

// Parse reads a topic name. It accepts exactly what the functions of this package
// write: no wildcards, no leading zeros, no other prefix. The error wraps [ErrName].
func Parse(name string) (Name, error) {
	p, err := parsePattern(name)
	if err != nil {
		return Name{}, err
	}
	return p.name(name)
}

// TrustList is where the signed trust list is retained.
func TrustList() string { return Name{Kind: Trust}.String() }

// Manifest is where an event's newest signed manifest is retained.
func Manifest(e ticket.EventID) string { return Name{Kind: SetManifest, Event: e}.String() }

// Rules is where the event's rules of one set version are retained.
func Rules(e ticket.EventID, version uint64) string {
	return Name{Kind: SetRules, Event: e, Number: version}.String()
}

// Status is where the status list of one set version is retained.
func Status(e ticket.EventID, version uint64) string {
	return Name{Kind: SetStatus, Event: e, Number: version}.String()
}

// Chunk is where one chunk of one set version is retained.
func Chunk(e ticket.EventID, version uint64, chunk uint32) string {
	return Name{Kind: SetChunk, Event: e, Number: version, Chunk: chunk}.String()
}

// DeltaAt is where the delta with that sequence number is retained.
func DeltaAt(e ticket.EventID, seq uint64) string {
	return Name{Kind: Delta, Event: e, Number: seq}.String()
}

// BeaconOf is where an event's newest signed beacon is retained.
func BeaconOf(e ticket.EventID) string { return Name{Kind: Beacon, Event: e}.String() }

// LedgerPage is where one page of the admission ledger is retained.
func LedgerPage(e ticket.EventID, page uint32) string {
	return Name{Kind: Ledger, Event: e, Number: uint64(page)}.String()
}

// AdmissionsOf is where a device tells its peers whom it admitted, as a [Notice].
func AdmissionsOf(e ticket.EventID, d ticket.DeviceID) string {
	return Name{Kind: Admissions, Event: e, Device: d}.String()
}

// ClaimOf is where a device asks for a ticket.
func ClaimOf(e ticket.EventID, d ticket.DeviceID) string {
	return Name{Kind: Claim, Event: e, Device: d}.String()
}

// ClaimReplyOf is where a device is answered.
func ClaimReplyOf(e ticket.EventID, d ticket.DeviceID) string {
	return Name{Kind: ClaimReply, Event: e, Device: d}.String()
}

// StateOf is where a device's [State] is retained: its birth and its last will.
func StateOf(d ticket.DeviceID) string { return Name{Kind: DeviceState, Device: d}.String() }

// JournalOf is where a device sends the batches of its journal.
func JournalOf(d ticket.DeviceID) string { return Name{Kind: DeviceJournal, Device: d}.String() }

// AckOf is where central acknowledges them, as an [Ack].
func AckOf(d ticket.DeviceID) string { return Name{Kind: DeviceAck, Device: d}.String() }

// CommandOf is where central sends a signed [Command].
func CommandOf(d ticket.DeviceID) string { return Name{Kind: DeviceCommand, Device: d}.String() }

// LogOf is where a device sends log lines that operators asked for.
func LogOf(d ticket.DeviceID) string { return Name{Kind: DeviceLog, Device: d}.String() }

// Filters to subscribe to. The level that differs is the wildcard.

// AllDeltas matches every delta of an event.
func AllDeltas(e ticket.EventID) string { return eventLevel(e) + "/delta/+" }

// AllLedger matches every page of an event's ledger.
func AllLedger(e ticket.EventID) string { return eventLevel(e) + "/ledger/+" }

// AllAdmissions matches what every device admits to an event.
func AllAdmissions(e ticket.EventID) string { return eventLevel(e) + "/admissions/+" }

// AllClaims matches every device's claims for an event.
func AllClaims(e ticket.EventID) string { return eventLevel(e) + "/claim/+" }

// AllStates matches the state of every device.
func AllStates() string { return prefix + "device/+/state" }

// AllJournals matches the journal of every device.
func AllJournals() string { return prefix + "device/+/journal" }

// AllLogs matches the log of every device.
func AllLogs() string { return prefix + "device/+/log" }

func eventLevel(e ticket.EventID) string { return prefix + e.String() }

// wild is the single-level wildcard. There is no filter of ours with "#": nobody
// needs to hear everything.
const wild = "+"

// pattern is a name whose event, device, number and chunk are still text, each
// perhaps the wildcard.
type pattern struct {
	kind                         Kind
	event, device, number, chunk string
}

func (n Name) pattern() pattern {
	return pattern{
		kind: n.Kind, event: n.Event.String(), device: string(n.Device),
		number: strconv.FormatUint(n.Number, 10), chunk: strconv.FormatUint(uint64(n.Chunk), 10),
	}
}

func (p pattern) String() string {
	event, device := prefix+p.event, prefix+"device/"+p.device
	switch p.kind {
	case Trust:
		return prefix + "trust"
	case SetManifest:
		return event + "/set/manifest"
	case SetRules:
		return event + "/set/" + p.number + "/rules"
	case SetStatus:
		return event + "/set/" + p.number + "/status"
	case SetChunk:
		return event + "/set/" + p.number + "/" + p.chunk
	case Delta:
		return event + "/delta/" + p.number
	case Beacon:
		return event + "/beacon"
	case Ledger:
		return event + "/ledger/" + p.number
	case Admissions:
		return event + "/admissions/" + p.device
	case Claim:
		return event + "/claim/" + p.device
	case ClaimReply:
		return event + "/claim-reply/" + p.device
	case DeviceState:
		return device + "/state"
	case DeviceJournal:
		return device + "/journal"
	case DeviceAck:
		return device + "/ack"
	case DeviceCommand:
		return device + "/command"
	case DeviceLog:
		return device + "/log"
	}
	return ""
}

// parsePattern splits a name or filter into its parts and checks each that is not
// the wildcard.
func parsePattern(s string) (pattern, error) {
	bad := func(why string) (pattern, error) { return pattern{}, fmt.Errorf("%.140q: %s: %w", s, why, ErrName) }
	if len(s) > MaxName {
		return bad("too long")
	}
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return bad("want the prefix " + prefix)
	}
	p, ok := split(strings.Split(rest, "/"))
	if !ok {
		return bad("no such topic")
	}
	// The parts that this kind has are filled; written again they must give the
	// same text, and each must be well-formed or the wildcard.
	switch {
	case p.event != "" && p.event != wild && !number(p.event, 32, 1):
		return bad("event")
	case p.number != "" && p.number != wild && !number(p.number, p.bits(), p.least()):
		return bad("number")
	case p.chunk != "" && p.chunk != wild && !number(p.chunk, 32, 0):
		return bad("chunk")
	case p.device != "" && p.device != wild:
		if _, err := ticket.ParseDeviceID(p.device); err != nil {
			return bad("device")
		}
	}
	return p, nil
}

func split(l []string) (pattern, bool) {
	last := l[len(l)-1]
	if last == "" {
		return pattern{}, false
	}
	switch {
	case len(l) == 1 && last == "trust":
		return pattern{kind: Trust}, true
	case l[0] == "device":
		kind, ok := map[string]Kind{
			"state": DeviceState, "journal": DeviceJournal, "ack": DeviceAck, "command": DeviceCommand, "log": DeviceLog,
		}[last]
		return pattern{kind: kind, device: l[min(1, len(l)-1)]}, ok && len(l) == 3 && l[1] != ""
	case l[0] == "":
		return pattern{}, false
	case len(l) == 2 && last == "beacon":
		return pattern{kind: Beacon, event: l[0]}, true
	case len(l) == 3:
		return splitEvent(l[0], l[1], last)
	case len(l) == 4 && l[1] == "set" && l[2] != "":
		p := pattern{kind: SetChunk, event: l[0], number: l[2]}
		switch last {
		case "rules":
			p.kind = SetRules
		case "status":
			p.kind = SetStatus
		default:
			p.chunk = last
		}
		return p, true
	}
	return pattern{}, false
}

func splitEvent(event, level, last string) (pattern, bool) {
	p := pattern{event: event}
	switch level {
	case "set":
		p.kind = SetManifest
		return p, last == "manifest"
	case "delta":
		p.kind, p.number = Delta, last
	case "ledger":
		p.kind, p.number = Ledger, last
	case "admissions":
		p.kind, p.device = Admissions, last
	case "claim":
		p.kind, p.device = Claim, last
	case "claim-reply":
		p.kind, p.device = ClaimReply, last
	default:
		return pattern{}, false
	}
	return p, true
}

func (p pattern) bits() int {
	if p.kind == Ledger {
		return 32
	}
	return 64
}

func (p pattern) least() uint64 {
	if p.kind == Ledger {
		return 0
	}
	return 1
}

// number accepts the shortest decimal form of a number of at least least.
func number(s string, bits int, least uint64) bool {
	n, err := strconv.ParseUint(s, 10, bits)
	return err == nil && n >= least && strconv.FormatUint(n, 10) == s
}

// name turns a pattern without wildcards into a Name.
func (p pattern) name(s string) (Name, error) {
	n := Name{Kind: p.kind, Device: ticket.DeviceID(p.device)}
	for _, f := range []struct {
		text string
		bits int
		set  func(uint64)
	}{
		{p.event, 32, func(v uint64) { n.Event = ticket.EventID(v) }}, //nolint:gosec // 32 bits
		{p.number, 64, func(v uint64) { n.Number = v }},
		{p.chunk, 32, func(v uint64) { n.Chunk = uint32(v) }}, //nolint:gosec // 32 bits
	} {
		if f.text == "" {
			continue
		}
		v, err := strconv.ParseUint(f.text, 10, f.bits)
		if err != nil {
			return Name{}, fmt.Errorf("%.140q: wildcard in a name: %w", s, ErrName)
		}
		f.set(v)
	}
	if p.device == wild {
		return Name{}, fmt.Errorf("%.140q: wildcard in a name: %w", s, ErrName)
	}
	return n, nil
}
