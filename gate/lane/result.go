package lane

import (
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// Result is one decision, as it has been carried out.
type Result struct {
	Lane   string    `json:"lane"`
	Number uint64    `json:"number"` // of this lane's decisions since it started, from 1
	Seq    uint64    `json:"seq"`    // of the journal's entry; 0 when it could not be written
	At     time.Time `json:"at"`     // by the gate's clock

	Form    pass.Form     `json:"-"`                // zero when the text is no pass
	Ticket  ticket.ID     `json:"ticket"`           // zero when unknown
	Proven  bool          `json:"proven"`           // the pass proved its holder; else nothing of the ticket is told
	Zone    string        `json:"zone,omitempty"`   // of a proven ticket
	Class   string        `json:"class,omitempty"`  // of a proven ticket
	Seat    string        `json:"seat,omitempty"`   // of a proven ticket
	Flags   ticket.Flags  `json:"flags,omitempty"`  // of a proven ticket
	Mode    admit.Mode    `json:"mode"`             // whom the gate could ask
	Verdict admit.Verdict `json:"verdict"`          //
	Repeat  bool          `json:"repeat,omitempty"` // the same code, still shown: an earlier result again

	// Presented says that it was a presentation of credentials, Shown what was in it.
	Presented bool               `json:"presented,omitempty"`
	Shown     []proof.Credential `json:"shown,omitempty"`

	// Parts is how much of a presentation has been read. Nothing was decided then.
	Parts Progress `json:"parts,omitzero"`

	// Confirmable says that a steward at this lane may confirm the referral, by Seq.
	Confirmable bool `json:"confirmable,omitempty"`

	Timing Timing `json:"-"`
}

// Timing is how long a decision took. All but Frame count from the moment the
// text was known.
type Timing struct {
	Frame   time.Duration // from the frame to its text; 0 for a text that came without
	Verdict time.Duration // to the verdict of the rules
	Durable time.Duration // to the decision on the disk; 0 when it is not there
	Done    time.Duration // to the lane's answer, the last thing
}

// Total is the time from the frame to the last thing.
func (t Timing) Total() time.Duration { return t.Frame + t.Done }

// Settlement is what became of an admission.
type Settlement struct {
	Lane   string
	Seq    uint64 // of the decision
	Ticket ticket.ID
	Kind   journal.Kind   // Passed, Released or Flagged
	Cause  turnstile.Kind // the lane's event; 0 when the lane fell silent or refused
	At     time.Time
}

// Look is one frame that was searched for codes.
type Look struct {
	At    time.Time
	Took  time.Duration
	Codes int
	Err   error // of the decoder; the frame counts as empty
}
