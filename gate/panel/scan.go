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

	// How long it took: from the frame to the lane's answer, and from the text to
	// the verdict and to the disk. Zero is not counted.
	Total, Judged, Durable time.Duration
}

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
