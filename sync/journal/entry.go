package journal

import (
	"crypto/sha256"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
)

// Kind says what an entry records. Facts are never rewritten: what happens to a
// decision afterwards is another entry that refers to it.
type Kind uint8

// The kinds of entries.
const (
	Decision Kind = iota + 1 // a verdict: admitted, refused or referred
	Passed                   // the person went through: the admission is consumed
	Released                 // timed out or turned back: the reservation is given back
	Flagged                  // consumed without proof of passage (power cut, link to the lane lost)
	Undone                   // a steward took the admission back
	Left                     // the holder went out
)

// String returns the kind as the stable word that logs and JSON use.
func (k Kind) String() string {
	switch k {
	case Decision:
		return "decision"
	case Passed:
		return "passed"
	case Released:
		return "released"
	case Flagged:
		return "flagged"
	case Undone:
		return "undone"
	case Left:
		return "left"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Mode says whom the device could ask when it decided, from best to worst.
type Mode uint8

// The modes of deciding.
const (
	Hub     Mode = iota + 1 // the venue's hub claimed the ticket
	Central                 // central claimed the ticket
	Peers                   // other gates on the same network were told
	Alone                   // nobody could be asked
)

// String returns the mode as the stable word that logs, screens and JSON use.
func (m Mode) String() string {
	switch m {
	case Hub:
		return "hub"
	case Central:
		return "central"
	case Peers:
		return "peers"
	case Alone:
		return "alone"
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

// Entry is one fact of a device's journal. It is encoded as a CBOR array in this
// order; a change of the order or the number of fields is a new version.
type Entry struct {
	_ struct{} `cbor:",toarray"`

	Seq         uint64         `json:"seq"`         // from 1, without gaps
	Kind        Kind           `json:"kind"`        //
	Time        HLC            `json:"time"`        // greater than that of the entry before
	Uncertainty uint32         `json:"uncertainty"` // of the wall clock, milliseconds
	Event       ticket.EventID `json:"event"`       // zero when the device held none
	Lane        string         `json:"lane"`        // at most MaxLane bytes
	Ticket      ticket.ID      `json:"ticket"`      // zero when the pass could not be read
	Outcome     ticket.Outcome `json:"outcome"`     // of a Decision
	Reason      ticket.Reason  `json:"reason"`      // of a Decision, or why it was released or undone
	Mode        Mode           `json:"mode"`        // of a Decision
	Refers      uint64         `json:"refers"`      // the Decision's Seq for the kinds that follow one; the referral's, of a Decision that a steward confirmed
	Evidence    [32]byte       `json:"evidence"`    // SHA-256 of the pass text, or zero
	Prev        [32]byte       `json:"prev"`        // EntryHash of the entry before; zero for the first
}

// Encode checks the entry and returns its one encoding.
func (e *Entry) Encode() ([]byte, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	data, err := canon.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode journal entry %d: %w", e.Seq, err)
	}
	return data, nil
}

// ParseEntry reads what [Entry.Encode] wrote and nothing else. The error wraps
// [ErrInvalid] or [ErrTooLarge].
func ParseEntry(data []byte) (Entry, error) {
	if len(data) > MaxEntry {
		return Entry{}, fmt.Errorf("journal entry of %d bytes, the most is %d: %w", len(data), MaxEntry, ErrTooLarge)
	}
	var e Entry
	if err := canon.UnmarshalExact(data, &e); err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := e.Check(); err != nil {
		return Entry{}, err
	}
	return e, nil
}

// entryContext separates an entry's hash from every other hash in the system.
const entryContext = "conting/entry/v1\x00"

// EntryHash returns the hash of an encoded entry, which the next entry carries.
func EntryHash(data []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte(entryContext))
	h.Write(data)
	return [32]byte(h.Sum(nil))
}

// Check reports the first field that no entry of ours can have. Reason codes are
// checked for their form only: a newer gate may know more of them than we do, and
// its journal must not be lost for that. The error wraps [ErrInvalid].
func (e *Entry) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("entry %d: %s: %w", e.Seq, fmt.Sprintf(format, args...), ErrInvalid)
	}
	switch {
	case e.Seq == 0:
		return bad("no sequence number")
	case e.Kind < Decision || e.Kind > Left:
		return bad("%s", e.Kind)
	case e.Time == 0:
		return bad("no time")
	case (e.Seq == 1) != (e.Prev == [32]byte{}):
		return bad("only the first entry has nothing before it")
	case !laneOK(e.Lane):
		return bad("lane %q, want at most %d printable bytes", e.Lane, MaxLane)
	case e.Outcome > ticket.Refer || e.Mode > Alone:
		return bad("%s, %s", e.Outcome, e.Mode)
	case !reasonOK(e.Reason):
		return bad("reason %q", e.Reason)
	case e.Refers >= e.Seq:
		return bad("refers to %d, which was not written yet", e.Refers)
	}
	if e.Kind == Decision {
		switch {
		case e.Outcome == 0 || e.Mode == 0 || e.Reason == "":
			return bad("decision with %s, %s, reason %q", e.Outcome, e.Mode, e.Reason)
		case e.Refers != 0 && (e.Reason != ticket.ConfirmedByStaff || e.Outcome != ticket.Admit):
			return bad("decision refers to %d", e.Refers)
		case e.Outcome == ticket.Admit && e.Ticket.IsZero():
			return bad("admitted no ticket")
		}
		return nil
	}
	switch {
	case e.Ticket.IsZero():
		return bad("%s without a ticket", e.Kind)
	case e.Refers == 0 && e.Kind != Left: // an exit may belong to an entry at another gate
		return bad("%s refers to no decision", e.Kind)
	}
	return nil
}

func laneOK(s string) bool {
	if len(s) > MaxLane || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

func reasonOK(r ticket.Reason) bool {
	if len(r) > MaxReason {
		return false
	}
	for i := range len(r) {
		if c := r[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}
