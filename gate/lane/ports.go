package lane

import (
	"context"
	"errors"
	"image"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// Frame is one picture of the camera.
type Frame struct {
	Gray *image.Gray
	At   time.Time // when all of it had arrived, before its pixels were worked out
	Seq  uint64
}

// Camera delivers frames, the newest first: it drops what nobody had time for.
type Camera interface {
	// Next waits for a frame. It returns [io.EOF] when there will be none any
	// more; after any other error it is asked again.
	Next(ctx context.Context) (Frame, error)
}

// Decoder finds the codes in a picture.
type Decoder interface {
	// Decode returns the texts of the codes, none for a picture without one.
	Decode(gray *image.Gray) ([]string, error)
}

// Known is what the gate's disk knows of one ticket.
type Known struct {
	Ticket *ticket.Ticket // nil when the set has no such ticket
	Status ticket.Status

	// Entries is how many entries count, here and elsewhere, settled or not; those
	// that were given back do not. Uses are the ones that can be named.
	Entries int
	Uses    []admit.Use

	LastExit time.Time // zero for never
}

// Registry reads tickets.
type Registry interface {
	// Lookup returns what is known. A ticket that is not known is no error: its
	// uses may be known all the same, from other gates.
	Lookup(ctx context.Context, event ticket.EventID, id ticket.ID) (Known, error)
}

// Claim asks for one entry of one ticket.
type Claim struct {
	// Entry is the journal's entry of the decision, without Seq, Time and Prev,
	// which the ledger assigns.
	Entry journal.Entry

	// Carried is the signed and verified ticket that the set lacks, or has in an
	// older version; nil otherwise.
	Carried *ticket.Ticket

	// Version is that of the ticket that was decided about. If the set has a higher
	// one by now, the claim is lost.
	Version uint32

	// MaxEntries is how often the ticket may enter.
	MaxEntries int

	// Unlimited lets it enter however often it has: it is an accreditation.
	Unlimited bool
}

// Claimed is the answer to a [Claim].
type Claimed struct {
	Seq    uint64        // of the journal's entry
	Won    bool          // false: the entry refuses instead
	Reason ticket.Reason // why it refuses: already_admitted, or what the set says by now
	Holder admit.Use     // the ticket's last entry, when it was lost to one
}

// ErrFinal is wrapped by an error of [Ledger.Settle] that will be the same
// however often it is tried.
var ErrFinal = errors.New("cannot be settled so")

// Ledger writes decisions. What it has returned without an error is on the disk
// and survives a power cut; an error means that nothing was written.
type Ledger interface {
	// Claim takes one entry of the ticket and writes the decision, in one
	// transaction.
	Claim(ctx context.Context, c Claim) (Claimed, error)

	// Record writes a refusal or a referral.
	Record(ctx context.Context, e journal.Entry) (seq uint64, err error)

	// Settle writes what became of a claim: passed and flagged consume it,
	// released gives it back. Settling twice as the same kind is no error. It must
	// return an error wrapping [ErrFinal] if to try again cannot help.
	Settle(ctx context.Context, seq uint64, kind journal.Kind, reason ticket.Reason) error
}

// Prover turns a pass into facts; see [proof.Checker].
type Prover interface {
	Check(q proof.Question) proof.Facts
	CanChallenge() bool
}

// Presenter finds what a presentation of credentials proves; see [proof.Checker].
type Presenter interface {
	Present(ctx context.Context, p proof.Presentation) proof.Shown
}

// Turnstile is what the lane needs of a [turnstile.Lane].
type Turnstile interface {
	Grant(ctx context.Context, g turnstile.Grant) error
	Events() <-chan turnstile.Event
}

// Clock says the time; see [clock.Clock].
type Clock interface {
	Read() clock.Reading
}

// Situation is what holds for all passes at this moment.
type Situation struct {
	Event      *ticket.Event // the rules; nil while the gate has no set
	SetExpires time.Time     // zero when the set has no end
	Mode       admit.Mode
	Admitted   uint32 // how many this gate has let in

	// Lease says how the session with this id fares; nil at a gate that hears
	// nothing of sessions, where each of them is unknown. It only reads memory.
	Lease func([8]byte) admit.LeaseState
}

// Observer is told what happens, for screens and metrics. It is called from the
// lane's own goroutines and must return at once.
type Observer interface {
	Looked(Look)
	Decided(Result)
	Settled(Settlement)
}
