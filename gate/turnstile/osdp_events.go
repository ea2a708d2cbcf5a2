package turnstile

import (
	"log/slog"
	"slices"
	"time"

	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
)

// mark says that a controller's event can be confirmed when the reader has the
// lane's event of that number.
type mark struct {
	number uint32
	seq    uint64
}

// audit is what the controller reported, to be compared once the events before the
// report have been taken.
type audit struct {
	newest uint32   // the last event before it
	held   int      // grants that it held
	wires  []uint32 // grants that we held
	state  lane.State
}

// clockSlack is how far a controller's clock and ours may be apart between two reports,
// beside a fiftieth.
const clockSlack = 3 * time.Second

// jumped reports whether a controller's clock, which wraps, has not counted what passed.
func jumped(passed time.Duration, before, after uint32) bool {
	off := time.Duration(int32(uint32(passed.Milliseconds())-(after-before))) * time.Millisecond //nolint:gosec // both wrap
	return off.Abs() > clockSlack+passed/50
}

// ask has the controller report how it is.
func (o *OSDP) ask() {
	var d [osdp.MaxData]byte
	o.bus.submit(osdp.CmdMfg, d[:osdp.PutAsk(d[:])], o.reported)
}

// reported takes the controller's report.
func (o *OSDP) reported(m *osdp.Reply) {
	if m.Fault != osdp.FaultNone {
		return
	}
	var r osdp.Report
	if m.Code != osdp.ReplyMfg || !r.Take(m.Data) {
		o.rule(strangeDevice)
		return
	}
	oldest := r.Newest - r.Waiting
	switch {
	case !o.begun: // what was before our time is not ours
		o.newest = oldest
	case r.Boot != o.boot || o.behind(&r):
		o.restarted()
		o.newest = 0
	}
	o.begun, o.boot = true, r.Boot
	o.reportAt, o.reportMS = o.cfg.Now(), r.MS
	if gone := oldest - o.newest; gone > 0 && gone < 1<<31 {
		o.missed(gone)
		o.newest = oldest
	}
	o.sequence.Resume(o.boot, o.newest)
	o.audit = &audit{newest: r.Newest, held: int(r.Grants), state: lane.State(r.State)}
	for _, h := range o.waiting {
		o.audit.wires = append(o.audit.wires, h.wire)
	}
	o.usable, o.link.lost = true, false
	o.takeStrangers(&r)
	o.compare()
}

// behind reports whether the controller has begun anew under the same boot counter, as
// one does that lost its memory: its events or its clock are behind what they were.
func (o *OSDP) behind(r *osdp.Report) bool {
	return o.newest-r.Newest-1 < 1<<31 || jumped(o.cfg.Now().Sub(o.reportAt), o.reportMS, r.MS)
}

// takeStrangers takes back grants that are not ours: of a gate that was killed.
func (o *OSDP) takeStrangers(r *osdp.Report) {
	sent := slices.ContainsFunc(o.orders, func(a *order) bool { return a.left })
	switch {
	case sent || r.Grants == 0:
	case len(o.waiting) == 0:
		o.order(osdp.Order{Op: opRevoke}, func(*osdp.Reply) {})
	case r.Armed != 0 && !slices.ContainsFunc(o.waiting, func(h held) bool { return h.wire == r.Armed }):
		o.order(osdp.Order{Op: opRevoke, Grant: r.Armed}, func(*osdp.Reply) {})
	}
}

// restarted ends what the controller held in its life before, which nobody can tell
// the end of.
func (o *OSDP) restarted() {
	o.report(slog.LevelWarn, "turnstile controller has restarted", slog.Int("grants", len(o.waiting)))
	o.count(func(s *OSDPStats) { s.Restarts++ })
	for _, a := range slices.Clone(o.orders) {
		if a.left {
			a.refuse(ErrInDoubt, "")
			o.drop(a)
		}
	}
	for len(o.waiting) > 0 {
		o.end(o.waiting[0].wire, Fault)
	}
	o.marks, o.begun, o.audit, o.newest, o.forced = nil, false, nil, 0, false
}

// missed tells of events that the controller had to overwrite.
func (o *OSDP) missed(n uint32) {
	o.report(slog.LevelWarn, "turnstile events are missing", slog.Uint64("events", uint64(n)))
	o.count(func(s *OSDPStats) { s.Missing += uint64(n) })
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

// compare ends the grants whose end was among events that were lost, and takes over
// how the lane is, once the events before the report are known.
func (o *OSDP) compare() {
	a := o.audit
	if a == nil || o.newest-a.newest >= 1<<31 {
		return
	}
	o.audit = nil
	var ours []uint32
	for _, h := range o.waiting {
		if slices.Contains(a.wires, h.wire) {
			ours = append(ours, h.wire)
		}
	}
	for ; len(ours) > a.held; ours = ours[1:] { // it serves them in their order
		o.report(slog.LevelWarn, "the end of a grant is missing")
		o.end(ours[0], Fault)
	}
	o.forced = a.state == lane.Forced
	switch a.state {
	case lane.Free:
		o.fail(Free)
	case lane.Jammed:
		o.fail(Jam)
	case lane.OutOfService:
		o.close()
	case lane.Locked, lane.Armed, lane.Passing, lane.Forced:
		o.ready()
	default:
		o.fail(Fault)
	}
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
