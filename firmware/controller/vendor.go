package controller

import (
	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
)

// vendor answers our own commands.
func (c *Controller) vendor(now uint32, d []byte) osdp.Action {
	kind, ok := osdp.VendorKind(d)
	if !ok {
		return c.pd.Nak(osdp.NakUnknown)
	}
	switch kind {
	case osdp.MfgOrder:
		var o osdp.Order
		if !o.Take(d) {
			return c.pd.Nak(osdp.NakLength)
		}
		return c.order(now, &o)
	case osdp.MfgConfirm:
		var stored osdp.Confirm
		if !stored.Take(d) {
			return c.pd.Nak(osdp.NakLength)
		}
		if stored.Boot != c.store.Boot() {
			return c.pd.Nak(osdp.NakRecord)
		}
		c.lane.Confirm(stored.Number)
		return c.pd.Reply(osdp.ReplyAck, nil)
	case osdp.MfgAsk:
		return c.report()
	case osdp.MfgImages:
		return c.holds()
	case osdp.MfgRestart:
		return c.startStaged()
	}
	return c.pd.Nak(osdp.NakUnknown)
}

func (c *Controller) order(now uint32, o *osdp.Order) osdp.Action {
	answer := c.lane.Do(now, lane.Command{
		Op: lane.Op(o.Op), Way: lane.Direction(o.Way), Mode: lane.Mode(o.Mode), Grant: o.Grant, MS: o.MS,
	})
	outcome := osdp.Outcome{Answer: byte(answer), Op: o.Op, Grant: o.Grant}
	d := c.pd.Scratch()
	return c.pd.Reply(osdp.ReplyMfg, d[:outcome.Put(d)])
}

func (c *Controller) report() osdp.Action {
	s := c.lane.Status()
	n := &s.Counters
	r := osdp.Report{
		State: byte(s.State), Inputs: byte(s.Inputs), Outputs: byte(s.Outputs),
		Modes: [2]byte{byte(s.Modes[0]), byte(s.Modes[1])}, Grants: s.Grants, Armed: s.Armed,
		Boot: s.Boot, Newest: s.LastEvent, Waiting: s.Waiting, Lost: s.Lost, MS: s.Now,
		Passed: n.Passed, FreePassed: [2]uint32{n.FreePassed[lane.In], n.FreePassed[lane.Out]},
		Expired: n.Expired, TurnedBack: n.TurnedBack, Revoked: n.Revoked,
		Forced: n.Forced, Intruded: n.Intruded, Jammed: n.Jammed,
		Tailgated: n.Tailgated, WrongWay: n.WrongWay, Freed: n.Freed, Granted: n.Granted,
	}
	for _, f := range [...]struct {
		set bool
		bit byte
	}{
		{s.PanelLost, osdp.ReportPanelLost},
		{s.Stuck[lane.In], osdp.ReportStuckA},
		{s.Stuck[lane.Out], osdp.ReportStuckB},
		{s.Blind[lane.In], osdp.ReportBlindA},
		{s.Blind[lane.Out], osdp.ReportBlindB},
	} {
		if f.set {
			r.Flags |= f.bit
		}
	}
	d := c.pd.Scratch()
	return c.pd.Reply(osdp.ReplyMfg, d[:r.Put(d)])
}
