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
	{"ticket", "is the ticket known", 0, checkTicket},
	{"event", "is the ticket for this event", needTicket | needEvent, checkEvent},
	{"form", "may this ticket enter with this form of pass", needTicket, checkForm},
	{"paper", "does the class enter on paper", needTicket | needClass, checkPaper},
	{"challenge", "does the event ask for the gate's own nonce", needEvent, checkChallenge},
	{"clock", "is the gate's clock good enough for a rotating pass", 0, checkClock},
	{"proof", "does the pass prove its holder, now", 0, checkProof},
	{"status", "is the ticket in force", needTicket, checkStatus},
	{"entries", "has the ticket an entry left", needTicket, checkEntries},
	{"pass_back", "has the pass-back time run out", needTicket | needEvent, checkPassBack},
	{"window", "is it time to enter", needTicket | needEvent, checkWindow},
	{"zone", "does this gate lead to the ticket's zone", needTicket | needGate, checkZone},
	{"limit", "is there room at this gate", needGate, checkLimit},

	{"rules", "do the rules know this gate and class", needTicket | needEvent, checkRules},
	{"set_age", "is the ticket set still valid", 0, checkSetAge},
	{"window_clock", "is the clock good enough to say that it is time", needTicket | needEvent, checkWindowClock},
	{"alone", "may this gate decide alone", needTicket | needClass, checkAlone},
	{"attention", "may the ticket enter without a steward's look", needTicket, checkAttention},
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

func checkTicket(in *In) (Verdict, bool) {
	switch {
	case in.Known:
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
	case pass.Rotating, pass.Challenge:
		if !in.Ticket.Paper() {
			return ok()
		}
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
	if max(in.Entries, len(in.Uses)) < MaxEntries(c) {
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
	if last.IsZero() || in.Event.PassBackSeconds == 0 || !in.Now.Before(until) {
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

// checkWindowClock refers when the clock is too uncertain to tell.
func checkWindowClock(in *In) (Verdict, bool) {
	if !uncertain(in) {
		return ok()
	}
	opens, closes := window(in)
	if in.Now.Add(-in.Uncertainty).Before(opens) || !in.Now.Add(in.Uncertainty).Before(closes) {
		return refer(ticket.ClockUncertain)
	}
	return ok()
}

func checkZone(in *In) (Verdict, bool) {
	g, _ := in.gate()
	if slices.Contains(g.Zones, in.Ticket.Zone) {
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
	if g.Limit == 0 || in.Admitted < g.Limit {
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
// other, unless its class accepts that it may be used once at each.
func checkAlone(in *In) (Verdict, bool) {
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

func checkAttention(in *In) (Verdict, bool) {
	if in.Ticket.Flags.Has(ticket.FlagAttention) {
		return refer(ticket.Attention)
	}
	return ok()
}
