package turnstile

import (
	"log/slog"
	"slices"

	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
)

// mark says that a controller's event can be confirmed when the reader has the
// lane's event of that number.
type mark struct {
	number uint32
	seq    uint64
}

// polled takes what the device answered to a poll.
func (o *OSDP) polled(r *osdp.Reply) {
	if o.contacts != nil {
		o.contacts.polled(r)
		return
	}
	var p osdp.Passage
	if r.Code != osdp.ReplyMfg || !p.Take(r.Data) || !o.usable || o.kind != controller || o.closing {
		return
	}
	if o.deaf || o.feed.full() {
		o.deaf = true // it stays with the controller, as all after it do
		return
	}
	fresh, gone, again := o.sequence.Take(&p)
	if again {
		o.restarted()
		o.begun, o.boot = true, p.Boot
	}
	if !fresh {
		return
	}
	if gone > 0 {
		o.missed(gone)
		o.ask() // an end may be among them
	}
	o.newest = p.Number
	o.happened(&p)
	seq, _ := o.feed.progress()
	o.marks = append(o.marks, mark{p.Number, seq})
	o.compare()
}

// happened takes one event that is news.
func (o *OSDP) happened(p *osdp.Passage) {
	detail := p.Detail
	switch lane.Kind(p.Kind) {
	case lane.GrantArmed:
		if h := o.find(p.Grant); h != nil && !h.armed {
			h.armed = true
			o.feed.emit(h.grant.ID, Armed)
		}
	case lane.Passed:
		if detail&lane.Unsure != 0 {
			o.log(slog.LevelWarn, "somebody passed, though the sensors do not prove it", p)
		}
		o.end(p.Grant, Passed)
	case lane.Expired:
		o.end(p.Grant, Expired)
	case lane.TurnedBack:
		o.end(p.Grant, TurnedBack)
	case lane.Revoked:
		o.end(p.Grant, revoked(detail))
	case lane.JamBegan:
		o.find(p.Grant) // it may have been accepted just now
		o.fail(Jam)
	case lane.Freed:
		o.fail(Free)
	case lane.Restored:
		if o.stuck == Free {
			o.ready()
		}
	case lane.Cleared:
		if o.forced = false; o.stuck == Jam {
			o.ready()
		}
	case lane.ForcedOpen:
		o.forced = true
		o.feed.emit(0, Forced)
	case lane.Tailgated:
		o.feed.emit(0, Forced)
	case lane.ServiceOff:
		o.close()
	case lane.ServiceOn:
		if o.stuck == Fault {
			o.ready()
		}
	case lane.WrongWay, lane.CoverOpened, lane.PowerFailed, lane.BeamStuck, lane.BeamBlind:
		o.log(slog.LevelWarn, "turnstile wants to be looked at", p)
	case lane.Booted, lane.FreePassed, lane.CoverShut, lane.PowerBack, lane.PanelLost, lane.PanelBack, lane.BeamBack, lane.ModeChange:
		o.log(slog.LevelInfo, "turnstile told", p)
	default:
		o.log(slog.LevelWarn, "turnstile told what we do not know", p)
	}
}

// log tells of an event; each kind counts as another thing.
func (o *OSDP) log(level slog.Level, message string, p *osdp.Passage) {
	what := lane.Kind(p.Kind).String()
	o.reportThing(message+what, level, message, slog.String("what", what), slog.Int("kind", int(p.Kind)), slog.Int("detail", int(p.Detail)))
}

// revoked is the end of a grant that the controller took back.
func revoked(detail uint16) Kind {
	switch {
	case detail&(lane.CauseFire|lane.CausePower) != 0:
		return Free
	case detail&lane.CauseJam != 0:
		return Jam
	case detail&lane.Moved != 0:
		return TurnedBack // the rotor came home again, and the far beam saw nobody
	}
	return Expired
}

// find returns the grant with a number on the line. An order that is not answered
// yet was accepted, if the controller speaks of it.
func (o *OSDP) find(wire uint32) *held {
	for _, a := range o.orders {
		if a.wire == wire && wire != 0 {
			o.hold(a)
			break
		}
	}
	if i := slices.IndexFunc(o.waiting, func(h held) bool { return h.wire == wire }); i >= 0 {
		return &o.waiting[i]
	}
	return nil
}

// end ends a grant, if it is one of ours that has not ended.
func (o *OSDP) end(wire uint32, k Kind) {
	h := o.find(wire)
	if h == nil {
		return
	}
	o.feed.emit(h.grant.ID, k)
	o.waiting = slices.DeleteFunc(o.waiting, func(h held) bool { return h.wire == wire })
}

// fail ends all grants; the lane serves none until it is ready.
func (o *OSDP) fail(k Kind) {
	again := o.stuck == k && len(o.waiting) == 0
	o.stuck = k
	if again {
		return
	}
	if len(o.waiting) == 0 {
		o.feed.emit(0, k)
	}
	for _, h := range o.waiting {
		o.feed.emit(h.grant.ID, k)
	}
	o.waiting = nil
}

// close takes the lane out of service. Grants that the controller still holds end by
// its own word.
func (o *OSDP) close() {
	if o.stuck != Fault {
		o.stuck = Fault
		o.feed.emit(0, Fault)
	}
}

// ready has the lane serve again.
func (o *OSDP) ready() {
	if o.stuck != 0 {
		o.stuck = 0
		o.feed.emit(0, Ready)
	}
}

// confirm tells the controller which events the reader has.
func (o *OSDP) confirm() {
	if !o.usable || o.confirms || len(o.marks) == 0 {
		return
	}
	_, taken := o.feed.progress()
	n := 0
	for n < len(o.marks) && o.marks[n].seq <= taken {
		n++
	}
	if n == 0 {
		return
	}
	c := osdp.Confirm{Boot: o.boot, Number: o.marks[n-1].number}
	var d [osdp.MaxData]byte
	o.confirms = o.bus.submit(osdp.CmdMfg, d[:c.Put(d[:])], func(r *osdp.Reply) {
		o.confirms = false
		if r.Fault == osdp.FaultNone { // a refusal would be one again
			o.marks = slices.DeleteFunc(o.marks, func(m mark) bool { return c.Boot == o.boot && c.Number-m.number < 1<<31 })
		}
	})
}
