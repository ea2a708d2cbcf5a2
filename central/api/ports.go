package api

import (
	"context"
	"errors"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// ErrUnknownDevice and ErrUnknownIncident are wrapped by a port's error about
// something that does not exist.
var (
	ErrUnknownDevice   = errors.New("no such device")
	ErrUnknownIncident = errors.New("no such incident")
)

// What the API needs of the rooms that it does not import. The main package
// fits the real ones to these; a struct whose fields are the same converts.
//
// An error that wraps [ticket.ErrInvalid] is answered 422 with its text as the
// detail, so it must hold nothing that is not the caller's own. Any other error
// is answered 500 without its text.

// NewCode asks for an enrolment code. The API has checked the role's spelling,
// that the events exist and, for a gate, that each of them has that gate.
type NewCode struct {
	Role   string           // "gate", "hub" or "handheld"
	Name   ticket.DeviceID  // the device that the code enrols
	Gate   string           // name of the gate in the event; empty for a hub
	Events []ticket.EventID // what the device may work for; at least one
}

// Code is an enrolment code. It is shown once and works once.
type Code struct {
	Text    string // the enrolment string that the device is given
	Device  ticket.DeviceID
	Expires time.Time
}

// Device is an enrolled device and what it last said of itself.
type Device struct {
	ID       ticket.DeviceID
	Role     string
	Gate     string
	Events   []ticket.EventID
	Enrolled time.Time
	Expires  time.Time // of its certificate
	Revoked  bool
	Online   bool
	Seen     time.Time // last birth, will or journal; zero if never
	Version  string    // of its program
	Set      uint64    // version of the ticket set it works with
	Delta    uint64    // last delta applied
	Unacked  uint64    // journal entries that central has not acknowledged
}

// Fleet enrols devices and knows them.
type Fleet interface {
	// NewCode makes a code that enrols one device once, for 15 minutes.
	NewCode(ctx context.Context, n NewCode) (Code, error)

	// Devices lists at most limit devices whose id is greater than after, by id.
	Devices(ctx context.Context, after ticket.DeviceID, limit int) ([]Device, error)

	// Revoke takes a device out of the fleet. It is shut out of central when
	// Revoke returns; announced is false while the gates cannot be told, because
	// the root key that signs the trust list is kept elsewhere. For an unknown
	// device the error wraps [ErrUnknownDevice].
	Revoke(ctx context.Context, device ticket.DeviceID) (announced bool, err error)

	// Online says how many devices are connected, of how many enrolled.
	Online(ctx context.Context) (online, enrolled int, err error)
}

// Admission is one line of an event's ledger.
type Admission struct {
	Seq         uint64 // position in this event's ledger: 1, 2, 3 …
	Ticket      ticket.ID
	Device      ticket.DeviceID
	Gate        string
	Lane        string
	Kind        string // "enter" or "leave"
	Time        time.Time
	Uncertainty time.Duration
}

// Claim is one of the admissions that contradict each other.
type Claim struct {
	Device      ticket.DeviceID
	Gate        string
	Lane        string
	Time        time.Time
	Uncertainty time.Duration
	Mode        string // whom the gate could ask: "hub", "central", "peers", "alone"
	Evidence    [32]byte
}

// Conflict is one ticket that more than one gate admitted. Winner is the
// admission that stands; Others came after it, in order.
type Conflict struct {
	Seq    uint64 // position in this event's list of conflicts: 1, 2, 3 …
	Ticket ticket.ID
	Winner Claim
	Others []Claim
}

// Incident is something that a device sent and should not have: a second history
// of its journal, a batch that does not verify, and the like.
type Incident struct {
	Seq      uint64 // position in the list of incidents: 1, 2, 3 …
	Device   ticket.DeviceID
	Kind     string // "fork", "batch", "revoked", "foreign", "future" or "receipt"
	Entry    uint64 // number of the journal entry that it is about; may be zero
	Found    time.Time
	Detail   string
	Size     int      // of what the device sent, bytes
	Evidence [32]byte // SHA-256 of what the device sent
}

// Publisher turns sales into signed sets and journals into the ledger.
type Publisher interface {
	// Publish makes and sends a new version of the event's ticket set now and
	// returns that version.
	Publish(ctx context.Context, event ticket.EventID) (version uint64, err error)

	// Ledger lists at most limit admissions after a position, in order.
	Ledger(ctx context.Context, event ticket.EventID, after uint64, limit int) ([]Admission, error)

	// Conflicts lists at most limit conflicts after a position, in order.
	Conflicts(ctx context.Context, event ticket.EventID, after uint64, limit int) ([]Conflict, error)

	// Incidents lists at most limit incidents of all devices after a position, in
	// order, and IncidentCount counts them.
	Incidents(ctx context.Context, after uint64, limit int) ([]Incident, error)
	IncidentCount(ctx context.Context) (uint64, error)

	// Evidence returns what the device of an incident sent. For an unknown
	// position the error wraps [ErrUnknownIncident].
	Evidence(ctx context.Context, seq uint64) ([]byte, error)

	// Head returns the length of the event's ledger and how many conflicts it has.
	Head(ctx context.Context, event ticket.EventID) (ledger, conflicts uint64, err error)
}
