// Package admit decides. It takes values that others have gathered – what the
// pass proves, what the gate knows of the ticket, the event's rules, the time
// and how sure it is – and returns admit, refuse or refer with a stable reason.
//
// It does no I/O, reads no clock, logs nothing, checks no signature and keeps no
// state, so that the same code decides at a gate, in a browser and in a dry run.
// It trusts its input: gate/proof says what is proven, gate/store what is
// recorded. It does not make the claim that lets one ticket in once; that is
// the store's one transaction, after this.
//
// All rules stand in one table and are asked in order; the first that fails
// decides. Those that refuse come before those that refer to staff, so that a
// steward is never asked about a ticket that has no right to enter.
package admit

import (
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// MaxUncertainty is how far off a gate's clock may be before its time proves
// nothing: then a rotating pass must give way to a challenge.
const MaxUncertainty = pass.MaxUncertainty

// Mode is whom the gate could ask when it decided, from best to worst.
type Mode uint8

// The modes, with their numbers in the journal. The zero Mode counts as alone.
const (
	ModeHub Mode = iota + 1
	ModeCentral
	ModePeers
	ModeAlone
)

// String returns the stable word for the mode.
func (m Mode) String() string {
	switch m {
	case ModeHub:
		return "hub"
	case ModeCentral:
		return "central"
	case ModePeers:
		return "peers"
	case ModeAlone:
		return "alone"
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

// Use is one entry that this ticket has already made, or is making now.
type Use struct {
	Where string    // the gate or lane, as staff know it
	At    time.Time // when it was admitted
}

// In is everything a decision rests on. The zero In is refused.
type In struct {
	// Form is the kind of pass that was shown.
	Form pass.Form

	// Proof is [ticket.OK] when the pass proves what its form demands, or the
	// reason why it does not. Empty counts as not proven.
	Proof ticket.Reason

	// Known says that Ticket was found in the set, or carried by the pass under
	// the issuer's signature.
	Known  bool
	Ticket ticket.Ticket
	Status ticket.Status

	// Entries is how often the ticket has entered, here and elsewhere. Uses are
	// those of them that can be named, in any order; more of them than Entries
	// count as well.
	Entries int
	Uses    []Use

	// LastExit is when the ticket last came out again; zero for never.
	LastExit time.Time

	// Event holds the rules; nil while the gate has no set.
	Event *ticket.Event

	// SetExpires is the end of the set's validity; zero means that it has none.
	SetExpires time.Time

	// Gate is the name of this gate in the event's rules, Admitted the number of
	// people it has let in.
	Gate     string
	Admitted uint32

	Mode Mode

	// Now is the time, give or take Uncertainty. A negative uncertainty counts as
	// not knowing the time at all.
	Now         time.Time
	Uncertainty time.Duration

	// CanChallenge says that this lane can show a nonce.
	CanChallenge bool

	// Lease is how the session that a rotating pass was shown in fares.
	Lease LeaseState

	// Presented says what a presentation of credentials came to, where one was shown
	// in place of a pass. Proof says whether it verifies. For [PresentedStaff] the
	// form is [pass.Accredited], and Ticket stands for the accreditation.
	Presented Presented

	// AgeShown is the age that a credential has just proved at this lane for the
	// next ticket; zero for none.
	AgeShown uint8

	// StaffLane says that a steward stands at this lane. Steward says that this
	// steward has looked after a referral and confirms: what was referred for a
	// human eye passes, and nothing else does.
	StaffLane bool
	Steward   bool
}

// Presented is what a presentation of credentials comes to at this gate.
type Presented uint8

// What a presentation comes to. The zero value is a pass, no presentation.
const (
	PresentedNone  Presented = iota
	PresentedOther           // it holds no accreditation: it shows an age or a relation
	PresentedAway            // it holds accreditations, none for this event and a class of it
	PresentedStaff           // it holds an accreditation for this event
)

// unknowable is an uncertainty that no clock is worse than.
const unknowable = 10 * 365 * 24 * time.Hour

func (in *In) normalise() {
	if in.Uncertainty < 0 || in.Uncertainty > unknowable {
		in.Uncertainty = unknowable
	}
	in.Steward = in.Steward && in.StaffLane // nobody confirms where nobody stands
}

// class returns the ticket's class, if the rules have it.
func (in *In) class() (ticket.Class, bool) {
	if in.Event == nil {
		return ticket.Class{}, false
	}
	return in.Event.Class(in.Ticket.Class)
}

// staff reports whether the ticket is an accreditation.
func (in *In) staff() bool {
	c, _ := in.class()
	return c.Staff
}

// gate returns this gate's rules, if there are any.
func (in *In) gate() (ticket.Gate, bool) {
	if in.Event == nil {
		return ticket.Gate{}, false
	}
	return in.Event.Gate(in.Gate)
}

// lastUse returns the latest entry that can be named.
func (in *In) lastUse() (last Use) {
	for i, u := range in.Uses {
		if i == 0 || u.At.After(last.At) {
			last = u
		}
	}
	return last
}

// Verdict is the decision and its reason.
type Verdict struct {
	Outcome ticket.Outcome `json:"outcome"`
	Reason  ticket.Reason  `json:"reason"`
	Detail  Detail         `json:"detail,omitzero"`
}

// Detail is what a screen adds to the reason.
type Detail struct {
	Rule  string    `json:"rule,omitempty"`  // the rule that decided
	Next  Next      `json:"next,omitempty"`  // what to do now
	Where string    `json:"where,omitempty"` // of the earlier entry
	At    time.Time `json:"at,omitzero"`     // of the earlier entry
	Gates []string  `json:"gates,omitempty"` // the gates to go to
	Until time.Time `json:"until,omitzero"`  // when entry opens, or closed
}

// Next is the stable code for what the holder or the steward does now.
type Next string

// The next steps.
const (
	NextNone       Next = ""
	NextShowTicket Next = "show_ticket" // show the ticket's code
	NextRefresh    Next = "refresh"     // show the live code, no picture of it
	NextVerify     Next = "verify"      // unlock with fingerprint, face or PIN
	NextAnswer     Next = "answer"      // read the code on the lane's screen with the phone
	NextSetClock   Next = "set_clock"   // correct the phone's clock
	NextOtherGate  Next = "other_gate"  // go to one of Detail.Gates
	NextWait       Next = "wait"        // come back at Detail.Until
	NextAgain      Next = "again"       // try again, or use the next lane
	NextSales      Next = "sales"       // go to the ticket office
	NextStaff      Next = "staff"       // a steward looks
	NextStaffLane  Next = "staff_lane"  // go to a lane where a steward stands
)

// Nexts lists every next step but none, in the order above.
func Nexts() []Next {
	return []Next{
		NextShowTicket, NextRefresh, NextVerify, NextAnswer, NextSetClock, NextOtherGate,
		NextWait, NextAgain, NextSales, NextStaff, NextStaffLane,
	}
}

// Step is one rule's answer, for people who ask why.
type Step struct {
	Rule    string   `json:"rule"`
	Asks    string   `json:"asks"` // what the rule asks, in English
	Result  Result   `json:"result"`
	Verdict *Verdict `json:"verdict,omitempty"` // what the rule decides, when it fails
}

// Result is how a rule answered.
type Result string

// The results of a rule.
const (
	Passed  Result = "passed"
	Failed  Result = "failed"
	Skipped Result = "skipped" // what it needs is not known; an earlier or later rule says so
)

// Decide returns the verdict of the first rule that fails, or admits.
func Decide(in In) Verdict {
	in.normalise()
	for i := range rules {
		if v, failed := rules[i].ask(&in); failed {
			return v
		}
	}
	if in.Steward {
		return Verdict{Outcome: ticket.Admit, Reason: ticket.ConfirmedByStaff}
	}
	return Verdict{Outcome: ticket.Admit, Reason: ticket.OK}
}

// Explain asks every rule. The first failed step's verdict is Decide's.
func Explain(in In) []Step {
	in.normalise()
	steps := make([]Step, 0, len(rules))
	for i := range rules {
		r := &rules[i]
		s := Step{Rule: r.name, Asks: r.asks, Result: Passed}
		if !r.needs.met(&in) {
			s.Result = Skipped
		} else if v, failed := r.ask(&in); failed {
			s.Result, s.Verdict = Failed, &v
		}
		steps = append(steps, s)
	}
	return steps
}

// Fail returns the verdict for a reason that arises outside the rules: the disk
// or the lane failed, or the claim was lost to another lane.
func Fail(outcome ticket.Outcome, reason ticket.Reason, rule string) Verdict {
	return Verdict{Outcome: outcome, Reason: reason, Detail: Detail{Rule: rule, Next: NextFor(reason)}}
}

// ToStaffLane returns the verdict for what is only read where a steward stands.
func ToStaffLane() Verdict {
	return Verdict{Outcome: ticket.Refer, Reason: ticket.ReferToStaff, Detail: Detail{Rule: "staff_lane", Next: NextStaffLane}}
}

// Already returns the verdict for a claim that another entry holds.
func Already(use Use) Verdict {
	v := Fail(ticket.Refuse, ticket.AlreadyAdmitted, "claim")
	v.Detail.Where, v.Detail.At = use.Where, use.At
	return v
}
