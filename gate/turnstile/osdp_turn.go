package turnstile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/sync/hint"
)

func hintOf(err error) string {
	if h := hint.Of(err); h != "" {
		return h
	}
	return "check the line's plug and [turnstile] url"
}

// pump does what is due in each turn of the bus.
func (o *OSDP) pump() time.Duration {
	o.link.down = o.bus.err
	if o.bus.up {
		o.link.down = nil
	}
	if !o.bus.cp.Online() {
		o.usable = false
	}
	if o.deaf && !o.feed.full() {
		o.deaf = false
		o.bus.cp.Restart(o.bus.ms()) // a new channel begins with the events that found no room
	}
	wait := o.overdue()
	o.sendOrder()
	o.confirm()
	if o.contacts != nil {
		wait = min(wait, o.contacts.pump(o.usable))
	}
	o.show()
	o.publish()
	return wait
}

// overdue ends grants whose end never came, though the link is up, and takes them back:
// a controller that still holds one must not serve it to whoever comes next.
func (o *OSDP) overdue() time.Duration {
	wait := idleTurn
	for len(o.waiting) > 0 {
		left := o.waiting[0].until.Sub(o.cfg.Now())
		if left > 0 {
			return min(wait, left)
		}
		o.cfg.Logger.ErrorContext(context.Background(), "turnstile never told the end of a grant", slog.Uint64("grant", o.waiting[0].grant.ID))
		wire := o.waiting[0].wire
		o.end(wire, Fault)
		o.order(osdp.Order{Op: opRevoke, Grant: wire}, func(*osdp.Reply) {})
	}
	return wait
}

// OSDPStats is what the lane has counted since it was opened, and who is there.
type OSDPStats struct {
	Device   string // vendor, model, serial and version, as told inside Secure Channel; empty before
	Secure   bool   // Secure Channel is up
	Channels uint64 // that came up

	BadChecks    uint64 // packets with a wrong CRC: noise
	BadMACs      uint64 // forged or lost packets
	BadSequences uint64
	Downgrades   uint64 // attempts to get by with less security, all refused
	Repeats      uint64 // commands that were sent again

	Restarts uint64 // of the controller, or other ones in its place
	Missing  uint64 // events that the controller had to overwrite

	condition Condition
}

// Stats returns the counters.
func (o *OSDP) Stats() OSDPStats {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stats
}

// Condition tells how the lane is.
func (o *OSDP) Condition() Condition {
	s := o.Stats()
	if w := o.module.Load(); w != nil && s.condition.Serves() {
		c := w.Condition()
		if c.Note == "" {
			c.Note = s.condition.Note
		}
		return c
	}
	return s.condition
}

func (o *OSDP) count(change func(*OSDPStats)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(&o.stats)
}

// publish has others see how the lane is.
func (o *OSDP) publish() {
	cp := o.bus.cp.Stats()
	o.count(func(s *OSDPStats) {
		s.Secure, s.Channels = o.bus.cp.Online(), uint64(cp.Handshakes)
		s.BadChecks, s.BadMACs, s.BadSequences = uint64(cp.BadCheck), uint64(cp.BadMAC), uint64(cp.BadSequence)
		s.Downgrades, s.Repeats = uint64(cp.Downgrades), uint64(cp.Repeats)
		s.condition = o.condition()
		if s.condition.Serves() {
			s.condition.Note = s.Device
		}
	})
}

func (o *OSDP) setIdentity(id osdp.Identity) {
	o.count(func(s *OSDPStats) { s.Device = deviceName(&id) })
}

// deviceName is who a device is, for people.
func deviceName(id *osdp.Identity) string {
	return fmt.Sprintf("vendor %X model %d.%d serial %d firmware %d.%d.%d", id.Vendor, id.Model, id.Version, id.Serial, id.Firmware[0], id.Firmware[1], id.Firmware[2])
}

// condition is how the lane is.
func (o *OSDP) condition() Condition {
	switch {
	case o.kind == strangeDevice || o.bus.cp.Online() && o.link.trouble != osdp.NoNotice:
		return Condition{
			Word: wordStrange, Note: "the device is not our controller, or another one than before",
			Hint: "name its outputs and contacts in [turnstile] (unlock_in, passed_in, …), and restart the gate",
		}
	case o.link.lost || !o.usable:
		return o.link.condition()
	case o.audit != nil && o.stuck == 0:
		return Condition{Word: wordNoAnswer, Note: "what happened before is still being told", Hint: "wait a moment and look again"}
	case o.kind == module && o.module.Load() == nil:
		return Condition{Word: wordNoAnswer, Note: "the module has not told its contacts", Hint: "gate osdp probe shows what it has; name those in [turnstile]"}
	case o.stuck != 0:
		return condition(o.stuck)
	case o.forced:
		return Condition{Word: wordForced, Note: "the rotor was moved without a grant", Hint: "send somebody to the lane: the rotor is not in its place"}
	}
	return Condition{Word: wordReady}
}

// errNoModule is a command to an I/O module that refuses it.
var errNoModule = errors.New("the module refuses the command")
