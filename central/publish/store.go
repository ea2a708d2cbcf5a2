package publish

import (
	"context"
	"iter"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// Sales is the sale as publish sees it.
type Sales interface {
	// Events lists the events on sale.
	Events(ctx context.Context) ([]ticket.EventID, error)

	// Changes lists at most limit rows of the outbox after a sequence number, in
	// order and without gaps.
	Changes(ctx context.Context, after uint64, limit int) ([]Change, error)

	// Snapshot calls fn with an event and all of its tickets as of one moment,
	// which lasts until fn returns. For an unknown event the error wraps
	// [ErrUnknownEvent].
	Snapshot(ctx context.Context, event ticket.EventID, fn func(Snapshot) error) error

	// Event returns an event's rules. For an unknown one the error wraps
	// [ErrUnknownEvent].
	Event(ctx context.Context, event ticket.EventID) (ticket.Event, error)

	// Class returns the class of a ticket, and false for an unknown one.
	Class(ctx context.Context, event ticket.EventID, id ticket.ID) (uint8, bool, error)
}

// Change is one row of the outbox.
type Change struct {
	Seq    uint64
	Event  ticket.EventID
	ID     ticket.ID
	New    *ticket.Ticket // a ticket as it is now; nil if only the status changed
	Status ticket.Status

	// Rebound says that only holder key and version of New are other than before.
	Rebound bool
}

// Snapshot is an event at one moment.
type Snapshot struct {
	Event   ticket.Event
	Through uint64 // the newest row of the outbox at that moment

	// Tickets yields every ticket in ascending order of ids.
	Tickets iter.Seq2[Issued, error]
}

// Issued is a ticket with its status.
type Issued struct {
	Ticket ticket.Ticket
	Status ticket.Status
}

// Store keeps what was published and what was received. Every method is one
// transaction.
type Store interface {
	Chain
	Sets
	Journals
	Receipts
}

// SignedDelta is one link of the chain as it is published.
type SignedDelta struct {
	Event ticket.EventID
	Seq   uint64
	Hash  [32]byte
	Data  []byte
}

// Chain keeps the deltas and the outbox cursor.
type Chain interface {
	// Cursor returns the last row of the outbox that stands in a delta.
	Cursor(ctx context.Context) (uint64, error)

	// Append stores deltas and moves the cursor, or returns an error wrapping
	// [ErrMoved] and does neither.
	Append(ctx context.Context, from, through uint64, deltas []SignedDelta) error

	// Deltas lists at most limit deltas of an event after a sequence number, in order.
	Deltas(ctx context.Context, event ticket.EventID, after uint64, limit int) ([]SignedDelta, error)

	// LastDelta returns the newest, or one of number 0.
	LastDelta(ctx context.Context, event ticket.EventID) (SignedDelta, error)

	// Floor returns the numbers that a central whose database was restored since may
	// have used; zero where there was none.
	Floor(ctx context.Context, event ticket.EventID) (Floor, error)

	// Cleared returns up to which number deltas were taken off the broker, and
	// SetCleared notes it.
	Cleared(ctx context.Context, event ticket.EventID) (uint64, error)
	SetCleared(ctx context.Context, event ticket.EventID, through uint64) error
}

// Floor is where the numbers of an event begin again after a restore: what is
// published next has greater ones, so that gates, which go back to none, take it.
type Floor struct {
	Version uint64
	Delta   uint64
	Hash    [32]byte // of the delta and the manifest that there are not, of these numbers
}

// Set is one version of a ticket set.
type Set struct {
	Event           ticket.EventID
	Version         uint64
	Hash            [32]byte // of the manifest
	Issued, Expires int64    // Unix seconds
	Delta           uint64   // number of the newest delta that it contains
	Tickets         int
	Chunks          int
	Manifest        []byte
}

// ObjectKind is a part of a set.
type ObjectKind string

// The parts of a set besides the manifest.
const (
	ChunkObject  ObjectKind = "chunk"
	StatusObject ObjectKind = "status"
	RulesObject  ObjectKind = "rules"
)

// Object is the content of a part. Number is the chunk's.
type Object struct {
	Kind   ObjectKind
	Number int
	Data   []byte
}

// Sets keeps the versions of the sets, all bytes of each.
type Sets interface {
	// SaveSet stores a version with its objects, unless it exists: then the
	// error wraps [ErrMoved].
	SaveSet(ctx context.Context, s Set, objects []Object) error

	// Sets lists the stored versions, newest first, each with its manifest.
	Sets(ctx context.Context, event ticket.EventID) ([]Set, error)

	// Object returns the bytes of one part.
	Object(ctx context.Context, event ticket.EventID, version uint64, kind ObjectKind, number int) ([]byte, error)

	// DropSet forgets a version.
	DropSet(ctx context.Context, event ticket.EventID, version uint64) error
}

// Delivery is a verified run of new journal entries and what follows from it.
type Delivery struct {
	Device     ticket.DeviceID
	Gate       string
	From, To   journal.Head
	Entries    []journal.Entry
	Raw        [][]byte // encoded, one for each of Entries
	Checkpoint []byte

	// Events are those whose entries go to the ledger, each with a function that
	// says how often a ticket may enter.
	Events map[ticket.EventID]func(ticket.ID) int

	// Receipts came with the entries; see [Receipts] for which are kept.
	Receipts []Receipt
}

// Received is what became of a delivery.
type Received struct {
	Ledger    map[ticket.EventID]uint64 // length of each ledger that has grown
	Conflicts []NewConflict
	Strays    []Receipt

	// Overtaken are tickets that had entered before they were given away: by a gate
	// that central had not heard yet. Who has them now is refused, and it is no
	// conflict until some gate lets them in as well.
	Overtaken []NewConflict
}

// NewConflict is a ticket that was found to be in conflict just now.
type NewConflict struct {
	Event  ticket.EventID
	Ticket ticket.ID
}

// IncidentKind says what is wrong with something a device sent.
type IncidentKind string

// The kinds of incidents.
const (
	IncidentFork    IncidentKind = "fork"    // two histories of one journal
	IncidentBatch   IncidentKind = "batch"   // a batch that does not verify
	IncidentRevoked IncidentKind = "revoked" // a batch of a device that was taken out
	IncidentForeign IncidentKind = "foreign" // entries about an event that the device is not enrolled for
	IncidentFuture  IncidentKind = "future"  // entries dated more than a day ahead
	IncidentReceipt IncidentKind = "receipt" // a receipt that is forged, foreign or of what never was
)

// Incident is kept for people to look at, with the bytes as evidence. A list of
// incidents tells of the evidence its hash and size only: there may be much.
type Incident struct {
	Number   uint64 // 1, 2, 3 …
	Device   ticket.DeviceID
	Kind     IncidentKind
	Seq      uint64 // the journal entry that it is about; may be zero
	Found    int64  // Unix milliseconds
	Detail   string
	Evidence []byte   // what the device sent; nil in lists
	Hash     [32]byte // SHA-256 of the evidence
	Size     int      // of the evidence, bytes
}

// Row is one line of an event's ledger.
type Row struct {
	Number      uint64 // 1, 2, 3 … without gaps
	Kind        RowKind
	Ticket      ticket.ID
	Device      ticket.DeviceID
	Seq         uint64 // of the journal entry; of the admission, for a void
	Time        journal.HLC
	Uncertainty uint32 // milliseconds
	Gate, Lane  string
}

// RowKind says what a ledger row says of a ticket. The numbers are those of
// ticketset.LedgerKind.
type RowKind uint8

// The kinds of rows.
const (
	Enter RowKind = iota + 1
	Leave
	Void // the admission with that device and number does not count after all
)

// String returns the kind's word.
func (k RowKind) String() string {
	switch k {
	case Enter:
		return "enter"
	case Leave:
		return "leave"
	case Void:
		return "void"
	}
	return "unknown"
}

// Placed is an admission with the entrance where it took place.
type Placed struct {
	journal.Admission
	Gate string
}

// Dispute is a ticket in conflict with everything that was said about it.
type Dispute struct {
	Number     uint64 // position in the event's list: 1, 2, 3 …
	Ticket     ticket.ID
	Admissions []Placed
}

// Journals keeps what devices sent.
type Journals interface {
	// Head returns how far a device's journal is stored; the zero head if not at all.
	Head(ctx context.Context, device ticket.DeviceID) (journal.Head, error)

	// EntryHash returns the hash of a stored entry, and false if there is none.
	EntryHash(ctx context.Context, device ticket.DeviceID, seq uint64) ([32]byte, bool, error)

	// Receive stores the entries, moves the head from From to To, brings the
	// ledger up to date and notes tickets that are in conflict now; all or
	// nothing. If the head is not at From, the error wraps [ErrMoved].
	Receive(ctx context.Context, d Delivery) (Received, error)

	// Record keeps an incident, once for the same device, kind and evidence; it
	// reports whether it is new. There is a bound for each device and kind.
	Record(ctx context.Context, i Incident) (bool, error)

	// Incidents lists at most limit incidents of all devices after a number,
	// without their evidence; IncidentCount counts them.
	Incidents(ctx context.Context, after uint64, limit int) ([]Incident, error)
	IncidentCount(ctx context.Context) (uint64, error)

	// Evidence returns what the device sent, or an error wrapping [ErrUnknownIncident].
	Evidence(ctx context.Context, number uint64) ([]byte, error)

	// Ledger lists rows after a number; LedgerLength counts them, and ConflictCount
	// the disputes.
	Ledger(ctx context.Context, event ticket.EventID, after uint64, limit int) ([]Row, error)
	LedgerLength(ctx context.Context, event ticket.EventID) (uint64, error)
	ConflictCount(ctx context.Context, event ticket.EventID) (uint64, error)
	Disputes(ctx context.Context, event ticket.EventID, after uint64, limit int) ([]Dispute, error)
}
