package panel

import (
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/sync/ticket"
)

// Scan is one decision, as a screen shows it.
type Scan struct {
	Seq     uint64 // of the journal's entry; Settled refers to it
	Verdict admit.Verdict
	Form    string // of the pass; empty for what is none

	// Of a ticket that has proved its holder; empty otherwise.
	Zone, Class, Seat string
	Flags             ticket.Flags

	// Shown are the credentials of a presentation.
	Shown []Shown

	// Confirm says that a steward at this lane may confirm the referral, by Seq.
	Confirm bool

	// How long it took: from the frame to the lane's answer, and from the text to
	// the verdict and to the disk. Zero is not counted.
	Total, Judged, Durable time.Duration
}

// Shown is one credential, as a screen shows it.
type Shown struct {
	Type   string // "staff", "age" or "family"
	Issuer string // its name
	What   string // the role or the relation
	Over   uint8  // the age in years

	// Whether its issuer can take it back, whether a list of those was looked at,
	// and how old that was.
	Revocable, StatusKnown bool
	StatusAge              time.Duration
}

// Gathered shows how far a presentation has come, in parts; zeroes when it was
// given up.
func (p *Panel) Gathered(have, total int) { p.screen.gathered(have, total) }

// Decided shows a decision.
func (p *Panel) Decided(s Scan) {
	p.metrics.decided(s)
	p.screen.show(s)
}

// Settled tells what became of an admission: passed, released or flagged.
func (p *Panel) Settled(seq uint64, kind string) {
	p.metrics.settled(kind)
	p.screen.settled(seq)
}

// Looked counts a frame that was searched for codes.
func (p *Panel) Looked(took time.Duration, codes int, err error) { p.metrics.looked(took, codes, err) }
