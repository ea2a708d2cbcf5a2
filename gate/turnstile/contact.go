package turnstile

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/sync/hint"
)

// Contact is one input of a lane, by its name for people.
type Contact struct {
	Name   string
	Active bool // not as at rest
}

// WatchOSDP tells a device's contacts, at once and after each change, until ctx ends.
// It grants nothing.
func WatchOSDP(ctx context.Context, cfg OSDPConfig, see func([]Contact)) error {
	q, err := inquire(ctx, cfg)
	if err != nil {
		return err
	}
	defer q.close()
	if err := q.secure(ctx); err != nil {
		return err
	}
	who, err := q.ask(ctx, osdp.CmdID, []byte{0})
	if err != nil {
		return err
	}
	var id osdp.Identity
	ours := id.Take(who.Data) && string(id.Vendor[:]) == osdp.Vendor && id.Model == model
	tick := time.NewTicker(osdpPoll)
	defer tick.Stop()
	var last []Contact
	for told := false; ; {
		r, err := q.ask(ctx, osdp.CmdIStat, nil)
		if err != nil {
			return err
		}
		if r.Code != osdp.ReplyIStat {
			return hint.Errorf("the device has no contacts that it tells", "%w", errNoModule)
		}
		now := named(levels(r.Data), ours, &cfg.Wiring)
		if !told || !slices.Equal(now, last) {
			told, last = true, now
			see(slices.Clone(now))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// The names of contacts. Those of our controller stand in the order in which it
// tells them.
const (
	ContactRotor  = "rotor"
	ContactBeamA  = "near beam"
	ContactBeamB  = "far beam"
	ContactLoop   = "fire loop"
	ContactCover  = "cover"
	ContactSupply = "supply"
	ContactKey    = "staff key"
)

// named gives contacts their names.
func named(active []bool, ours bool, w *Wiring) []Contact {
	if ours {
		names := []string{ContactRotor, ContactBeamA, ContactBeamB, ContactLoop, ContactCover, ContactSupply, ContactKey}
		out := make([]Contact, 0, len(names))
		for i, name := range names {
			if i < len(active) {
				out = append(out, Contact{name, active[i]})
			}
		}
		return out
	}
	return w.contacts(func(line int) bool { return line < len(active) && active[line] })
}

// contacts are the wired inputs, by name.
func (w Wiring) contacts(high func(line int) bool) []Contact {
	in := w.read(high)
	var out []Contact
	for _, c := range []struct {
		pin    Pin
		name   string
		active bool
	}{
		{w.Passed[In], "passed in", in.Passed[In]},
		{w.Passed[Out], "passed out", in.Passed[Out]},
		{w.Ready, "out of service", in.Fault},
		{w.Alarm, "alarm", in.Alarm},
		{w.Fire, ContactLoop, in.Fire},
	} {
		if c.pin.Wired {
			out = append(out, Contact{c.name, c.active})
		}
	}
	return out
}

// WatchWires tells the inputs of a lane with contacts, as WatchOSDP does.
func WatchWires(ctx context.Context, open func(context.Context) (Wires, error), w Wiring, see func([]Contact)) (err error) {
	wires, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, wires.Close()) }()
	return wires.Watch(ctx, func(in Inputs) {
		active := map[int]bool{}
		for _, c := range []struct {
			pin Pin
			on  bool
		}{{w.Passed[In], in.Passed[In]}, {w.Passed[Out], in.Passed[Out]}, {w.Ready, !in.Fault}, {w.Alarm, in.Alarm}, {w.Fire, in.Fire}} {
			active[c.pin.Line] = c.pin.level(c.on)
		}
		see(w.contacts(func(line int) bool { return active[line] }))
	})
}
