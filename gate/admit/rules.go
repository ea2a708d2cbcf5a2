package admit

import (
	"cmp"
	"slices"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// rule is one question. check is asked only when the rule's needs are met, and
// returns the verdict for a failure.
type rule struct {
	name  string
	asks  string
	needs need
	check func(*In) (Verdict, bool)
}

func (r *rule) ask(in *In) (Verdict, bool) {
	if !r.needs.met(in) {
		return Verdict{}, false
	}
	v, failed := r.check(in)
	v.Detail.Rule = r.name
	return v, failed
}

// need is what a rule must know before it can be asked.
type need uint8

const (
	needTicket need = 1 << iota
	needEvent
	needClass
	needGate
)

func (n need) met(in *In) bool {
	if n&needTicket != 0 && !in.Known || n&needEvent != 0 && in.Event == nil {
		return false
	}
	if n&needClass != 0 {
		if _, ok := in.class(); !ok {
			return false
		}
	}
	if n&needGate != 0 {
		if _, ok := in.gate(); !ok {
			return false
		}
	}
	return true
}

// rules is the whole decision. First those that refuse, then those that refer.
var rules = []rule{
	{"pass", "is this a pass of ours, undamaged", 0, checkPass},
	{"set", "does the gate hold a ticket set", 0, checkSet},
	{"credential", "does the presentation verify, and is it for here", 0, checkCredential},
	{"ticket", "is the ticket known", 0, checkTicket},
	{"event", "is the ticket for this event", needTicket | needEvent, checkEvent},
	{"form", "may this ticket enter with this form of pass", needTicket, checkForm},
	{"paper", "does the class enter on paper", needTicket | needClass, checkPaper},
	{"accreditation", "do staff prove themselves as staff, and only they", needTicket | needClass, checkAccreditation},
	{"challenge", "does the event ask for the gate's own nonce", needEvent, checkChallenge},
	{"clock", "is the gate's clock good enough for a rotating pass", 0, checkClock},
	{"proof", "does the pass prove its holder, now", 0, checkProof},
	{"lease", "is the session that the code was shown in still alive", needEvent, checkLease},
	{"status", "is the ticket in force", needTicket, checkStatus},
	{"entries", "has the ticket an entry left", needTicket, checkEntries},
	{"pass_back", "has the pass-back time run out", needTicket | needEvent, checkPassBack},
	{"window", "is it time to enter", needTicket | needEvent, checkWindow},
	{"zone", "does this gate lead to the ticket's zone", needTicket | needGate, checkZone},
	{"limit", "is there room at this gate", needGate, checkLimit},

	{"shown", "is what was presented more than something to look at", 0, checkShown},
	{"rules", "do the rules know this gate and class", needTicket | needEvent, checkRules},
	{"set_age", "is the ticket set still valid", 0, checkSetAge},
	{"window_clock", "is the clock good enough to say that it is time", needTicket | needEvent, checkWindowClock},
	{"lease_unseen", "does a lane that cannot challenge know the session to be alive", needEvent, checkLeaseUnseen},
	{"staff_lane", "may this enter where no steward stands", 0, waivable(checkStaffLane)},
	{"alone", "may this gate decide alone", needTicket | needClass, waivable(checkAlone)},
	{"age", "is the holder's age proved where the event asks for it", needTicket | needEvent, waivable(checkAge)},
	{"id_check", "may the class enter without an identity document", needTicket | needClass, waivable(checkID)},
	{"attention", "may the ticket enter without a steward's look", needTicket, waivable(checkAttention)},
}

// waivable is a rule that asks for a human eye: a steward who confirms is one.
func waivable(check func(*In) (Verdict, bool)) func(*In) (Verdict, bool) {
	return func(in *In) (Verdict, bool) {
		if in.Steward {
			return ok()
		}
		return check(in)
	}
}

func ok() (Verdict, bool) { return Verdict{}, false }

func refuse(r ticket.Reason) (Verdict, bool) {
	return Verdict{Outcome: ticket.Refuse, Reason: r, Detail: Detail{Next: NextFor(r)}}, true
}

func refer(r ticket.Reason) (Verdict, bool) {
	return Verdict{Outcome: ticket.Refer, Reason: r, Detail: Detail{Next: NextStaff}}, true
}

func checkPass(in *In) (Verdict, bool) {
	if in.Proof == ticket.Malformed {
		return refuse(ticket.Malformed)
	}
	return ok()
}

func checkSet(in *In) (Verdict, bool) {
	if in.Event == nil {
		return refuse(ticket.NoSet)
	}
	return ok()
}

// checkCredential refuses a presentation that does not verify, and one of staff of
// another event: like a ticket of another event, it has no right to enter.
func checkCredential(in *In) (Verdict, bool) {
	switch {
	case in.Presented == PresentedNone:
		return ok()
	case in.Proof != ticket.OK:
		return refuse(cmp.Or(in.Proof, ticket.CredentialInvalid))
	case in.Presented == PresentedAway:
		return refuse(ticket.AccreditationMissing)
	}
	return ok()
}

func checkTicket(in *In) (Verdict, bool) {
	switch {
	case in.Known, in.Presented == PresentedOther:
		return ok()
	case in.Proof == ticket.OK || in.Proof == "":
		return refuse(ticket.UnknownTicket)
	}
	return refuse(in.Proof) // why the carried ticket does not count
}

func checkEvent(in *In) (Verdict, bool) {
	if in.Ticket.Event != in.Event.ID {
		return refuse(ticket.WrongEvent)
	}
	return ok()
}

// checkForm holds a ticket to the form that its key, or the lack of one, asks
// for: a bound ticket never enters on paper.
func checkForm(in *In) (Verdict, bool) {
	switch in.Form {
	case pass.Paper:
		if in.Ticket.Paper() {
			return ok()
		}
		v, failed := refuse(ticket.FormNotAllowed)
		v.Detail.Next = NextShowTicket
		return v, failed
	case pass.Rotating, pass.Challenge, pass.Accredited:
		if !in.Ticket.Paper() || in.Presented == PresentedStaff {
			return ok()
		}
	}
	return refuse(ticket.FormNotAllowed)
}

// checkAccreditation keeps the two kinds of key apart. The key of a DID signs what
// it is given, an assertion included, and asks nobody for a finger: it proves
// staff, and never a visitor; and staff prove themselves with nothing else.
func checkAccreditation(in *In) (Verdict, bool) {
	if in.staff() == (in.Form == pass.Accredited) {
		return ok()
	}
	return refuse(ticket.FormNotAllowed)
}

func checkPaper(in *In) (Verdict, bool) {
	if c, _ := in.class(); in.Form == pass.Paper && !c.Paper {
		return refuse(ticket.FormNotAllowed)
	}
	return ok()
}

func checkChallenge(in *In) (Verdict, bool) {
	if in.Form == pass.Rotating && in.Event.AlwaysChallenge {
		return refuse(ticket.ChallengeRequired)
	}
	return ok()
}

func checkClock(in *In) (Verdict, bool) {
	switch {
	case in.Form != pass.Rotating || !uncertain(in):
		return ok()
	case in.CanChallenge:
		return refuse(ticket.ChallengeRequired)
	}
	return refuse(ticket.ClockUncertain)
}

func uncertain(in *In) bool { return in.Uncertainty > MaxUncertainty }

func checkProof(in *In) (Verdict, bool) {
	if in.Proof == ticket.OK {
		return ok()
	}
	return refuse(cmp.Or(in.Proof, ticket.BadSignature))
}

// checkLease judges the session of a rotating pass. A challenge pass was made just
// now, for this gate, and needs none.
func checkLease(in *In) (Verdict, bool) {
	switch {
	case in.Form != pass.Rotating || in.Event.Leases == ticket.LeaseOff || in.Lease == LeaseLive:
		return ok()
	case in.Lease == LeaseLapsed:
		return refuse(ticket.LeaseLapsed)
	case in.Event.Leases == ticket.LeaseAdvisory:
		return ok()
	case in.CanChallenge: // required, or a policy that this gate does not know
		return refuse(ticket.ChallengeRequired)
	}
	return ok() // checkLeaseUnseen refers it
}

func checkLeaseUnseen(in *In) (Verdict, bool) {
	if in.Form != pass.Rotating || in.Lease == LeaseLive || in.CanChallenge ||
		in.Event.Leases == ticket.LeaseOff || in.Event.Leases == ticket.LeaseAdvisory {
		return ok()
	}
	return refer(ticket.LeaseLapsed)
}

func checkStatus(in *In) (Verdict, bool) {
	switch in.Status {
	case ticket.StatusValid:
		return ok()
	case ticket.StatusRevoked:
		return refuse(ticket.Revoked)
	case ticket.StatusRefunded:
		return refuse(ticket.Refunded)
	case ticket.StatusBlocked:
		return refuse(ticket.Blocked)
	}
	return refuse(ticket.Blocked)
}

// MaxEntries is how often a ticket of this class may enter.
func MaxEntries(c ticket.Class) int { return max(int(c.MaxEntries), 1) }

func checkEntries(in *In) (Verdict, bool) {
	c, _ := in.class() // an unknown class enters once, and staff look
	if c.Staff || max(in.Entries, len(in.Uses)) < MaxEntries(c) {
		return ok()
	}
	return Already(in.lastUse()), true
}

// checkPassBack counts from the latest thing that is known of the ticket, an
// entry or an exit: a ticket that enters more than once must not let two people
// in by being handed back over the fence.
func checkPassBack(in *In) (Verdict, bool) {
	last := in.lastUse().At
	if in.LastExit.After(last) {
		last = in.LastExit
	}
	until := last.Add(time.Duration(in.Event.PassBackSeconds) * time.Second)
	if in.staff() || last.IsZero() || in.Event.PassBackSeconds == 0 || !in.Now.Before(until) {
		return ok()
	}
	v, failed := refuse(ticket.PassBack)
	v.Detail.Until = until
	return v, failed
}

// window is when the ticket may enter: from opens until just before closes.
func window(in *In) (opens, closes time.Time) {
	from, to := in.Event.Doors, in.Event.Ends
	if c, ok := in.class(); ok {
		if c.Opens != 0 {
			from = c.Opens
		}
		if c.Closes != 0 {
			to = c.Closes
		}
	}
	from = max(from, in.Ticket.NotBefore)
	if in.Ticket.NotAfter != 0 {
		to = min(to, in.Ticket.NotAfter)
	}
	return time.Unix(from, 0).UTC(), time.Unix(to, 0).UTC()
}

// checkWindow refuses only what is out of the window for certain. Within the
// tolerated uncertainty the gate's own time decides.
func checkWindow(in *In) (Verdict, bool) {
	opens, closes := window(in)
	early, late := in.Now, in.Now
	if uncertain(in) {
		early, late = in.Now.Add(in.Uncertainty), in.Now.Add(-in.Uncertainty)
	}
	switch {
	case early.Before(opens):
		v, failed := refuse(ticket.TooEarly)
		v.Detail.Until = opens
		return v, failed
	case !late.Before(closes):
		v, failed := refuse(ticket.TooLate)
		v.Detail.Until = closes
		return v, failed
	}
	return ok()
}

// checkWindowClock refers when the clock is too uncertain to tell. It is so for
// every presentation, because a credential ends at a time of its own.
func checkWindowClock(in *In) (Verdict, bool) {
	switch {
	case !uncertain(in):
		return ok()
	case in.Presented != PresentedNone:
		return refer(ticket.ClockUncertain)
	}
	opens, closes := window(in)
	if in.Now.Add(-in.Uncertainty).Before(opens) || !in.Now.Add(in.Uncertainty).Before(closes) {
		return refer(ticket.ClockUncertain)
	}
	return ok()
}

// checkZone lets an accreditation without a zone in everywhere.
func checkZone(in *In) (Verdict, bool) {
	g, _ := in.gate()
	if slices.Contains(g.Zones, in.Ticket.Zone) || in.Ticket.Zone == 0 && in.staff() {
		return ok()
	}
	v, failed := refuse(ticket.WrongZone)
	v.Detail.Gates = leading(in.Event, in.Ticket.Zone, in.Gate)
	if len(v.Detail.Gates) == 0 {
		v.Detail.Next = NextStaff
	}
	return v, failed
}

// maxNamed bounds how many gates a screen names.
const maxNamed = 4

// leading names gates, other than this one, that lead to the zone.
func leading(e *ticket.Event, zone uint16, but string) []string {
	var names []string
	for _, g := range e.Gates {
		if g.Name != but && slices.Contains(g.Zones, zone) && len(names) < maxNamed {
			names = append(names, g.Name)
		}
	}
	return names
}

func checkLimit(in *In) (Verdict, bool) {
	g, _ := in.gate()
	if g.Limit == 0 || in.Admitted < g.Limit || in.Presented == PresentedOther {
		return ok()
	}
	v, failed := refuse(ticket.GateFull)
	if in.Known {
		v.Detail.Gates = leading(in.Event, in.Ticket.Zone, in.Gate)
	}
	if len(v.Detail.Gates) == 0 {
		v.Detail.Next = NextStaff
	}
	return v, failed
}

// checkShown refers a presentation that lets nobody in by itself, so that a steward
// reads it; an age is remembered for the next ticket.
func checkShown(in *In) (Verdict, bool) {
	if in.Presented == PresentedOther {
		return refer(ticket.CredentialShown)
	}
	return ok()
}

func checkRules(in *In) (Verdict, bool) {
	_, class := in.class()
	_, gate := in.gate()
	if class && gate {
		return ok()
	}
	return refer(ticket.ReferToStaff)
}

// checkSetAge refers: an expired set may lack refunds that everybody else knows.
func checkSetAge(in *In) (Verdict, bool) {
	if in.SetExpires.IsZero() || in.Now.Before(in.SetExpires) {
		return ok()
	}
	return refer(ticket.SetExpired)
}

// checkAlone keeps a ticket to its home gate while the gates cannot see each
// other, unless its class accepts that it may be used once at each. Staff may
// enter often anyway.
func checkAlone(in *In) (Verdict, bool) {
	if in.staff() {
		return ok()
	}
	switch in.Mode {
	case ModeHub, ModeCentral, ModePeers:
		return ok()
	case ModeAlone:
	}
	c, _ := in.class()
	home := in.Ticket.Paper()
	switch c.Alone {
	case ticket.AloneByForm:
	case ticket.AloneHome:
		home = true
	case ticket.AloneOpen:
		home = false
	}
	if !home {
		return ok()
	}
	g, found := in.Event.HomeGate(&in.Ticket)
	if found && g.Name == in.Gate {
		return ok()
	}
	v, failed := refer(ticket.WrongGate)
	if found {
		v.Detail.Gates, v.Detail.Next = []string{g.Name}, NextOtherGate
	}
	return v, failed
}

// checkStaffLane sends presentations, and classes that ask for it, to the lanes
// where a steward stands.
func checkStaffLane(in *In) (Verdict, bool) {
	c, known := in.class()
	if in.StaffLane || in.Presented == PresentedNone && (!in.Known || !known || !c.StaffLane) {
		return ok()
	}
	return ToStaffLane(), true
}

// checkAge asks for the event's least age: proved when the ticket was bought or
// transferred, or by a credential shown just before. Staff work there.
func checkAge(in *In) (Verdict, bool) {
	least := in.Event.MinimumAge
	if least == 0 || in.Ticket.Flags.Has(ticket.FlagAgeProved) || in.AgeShown >= least || in.staff() {
		return ok()
	}
	return refer(ticket.AgeUnproven)
}

func checkID(in *In) (Verdict, bool) {
	if c, _ := in.class(); c.IDCheck {
		return refer(ticket.IDCheck)
	}
	return ok()
}

func checkAttention(in *In) (Verdict, bool) {
	if in.Ticket.Flags.Has(ticket.FlagAttention) {
		return refer(ticket.Attention)
	}
	return ok()
}
