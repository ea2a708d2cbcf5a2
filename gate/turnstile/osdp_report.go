package turnstile

import (
	"log/slog"
	"slices"
	"time"

	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
)

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
