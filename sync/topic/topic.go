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
// conting/v1/device/{device}/… for what concerns one device, and conting/v1/trust
// and conting/v1/status/… for what concerns all.
package topic

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

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
	StatusList                    // conting/v1/status/{list}                    central, retained
	SetManifest                   // conting/v1/{event}/set/manifest             central, retained
	SetRules                      // conting/v1/{event}/set/{version}/rules      central, retained
	SetStatus                     // conting/v1/{event}/set/{version}/status     central, retained
	SetChunk                      // conting/v1/{event}/set/{version}/{chunk}    central, retained
	Delta                         // conting/v1/{event}/delta/{seq}              central, retained
	Beacon                        // conting/v1/{event}/beacon                   central, retained
	Ledger                        // conting/v1/{event}/ledger/{page}            central, retained
	Leases                        // conting/v1/{event}/leases/{page}            central, retained
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
	Number uint64 // the set's version, the delta's sequence, the page of ledger or leases, the hash of a status list's address
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

// StatusListOf is where the credential status list of that address is retained, as
// a [Listing]. The last level is the beginning of the SHA-256 of the address, in
// 16 hexadecimal digits.
func StatusListOf(url string) string {
	sum := sha256.Sum256([]byte(url))
	return Name{Kind: StatusList, Number: binary.BigEndian.Uint64(sum[:])}.String()
}

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

// LeasePage is where one page of an event's sessions is retained.
func LeasePage(e ticket.EventID, page uint8) string {
	return Name{Kind: Leases, Event: e, Number: uint64(page)}.String()
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

// AllStatusLists matches every credential status list.
func AllStatusLists() string { return prefix + "status/+" }

// AllDeltas matches every delta of an event.
func AllDeltas(e ticket.EventID) string { return eventLevel(e) + "/delta/+" }

// AllLedger matches every page of an event's ledger.
func AllLedger(e ticket.EventID) string { return eventLevel(e) + "/ledger/+" }

// AllLeases matches every page of an event's sessions.
func AllLeases(e ticket.EventID) string { return eventLevel(e) + "/leases/+" }

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
