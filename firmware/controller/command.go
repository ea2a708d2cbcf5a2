package controller

import (
	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
)

const (
	contacts = 7
	ways     = 2

	local = lane.CoverClosed | lane.PowerGood // the inputs of LSTAT
)

// handle answers a command that came through Secure Channel.
func (c *Controller) handle(now uint32) osdp.Action {
	cmd := c.pd.Command()
	c.lane.Heard(now)
	if cmd.Confirmed && c.offering {
		c.sent = c.offered
	}
	c.offering = false
	switch cmd.Code {
	case osdp.CmdPoll:
		return c.poll()
	case osdp.CmdIStat:
		return c.inputs()
	case osdp.CmdLStat:
		return c.local()
	case osdp.CmdOStat:
		return c.outputs()
	case osdp.CmdRStat:
		return c.readers()
	case osdp.CmdOut:
		return c.out(now, cmd.Data)
	case osdp.CmdLED:
		return c.led(now, cmd.Data)
	case osdp.CmdBuz:
		return c.buzz(now, cmd.Data)
	case osdp.CmdComSet:
		return c.comSet(cmd.Data)
	case osdp.CmdKeySet:
		return c.keySet(cmd)
	case osdp.CmdMfg:
		return c.vendor(now, cmd.Data)
	case osdp.CmdFileTransfer:
		return c.file(cmd.Data)
	case osdp.CmdKeepActive:
		if len(cmd.Data) != 2 {
			return c.pd.Nak(osdp.NakLength)
		}
		return c.pd.Reply(osdp.ReplyAck, nil)
	case osdp.CmdAbort:
		return c.pd.Reply(osdp.ReplyAck, nil)
	}
	return c.pd.Nak(osdp.NakUnknown)
}

// poll brings the next event of this channel, then changed inputs, then nothing.
func (c *Controller) poll() osdp.Action {
	if e, ok := c.next(); ok {
		c.offered, c.offering = e.Seq, true
		p := osdp.Passage{
			Number: e.Seq, Boot: e.Boot, Kind: byte(e.Kind), Way: byte(e.Way),
			Grant: e.Grant, MS: e.At, Detail: e.Detail,
		}
		d := c.pd.Scratch()
		return c.pd.Reply(osdp.ReplyMfg, d[:p.Put(d)])
	}
	changed := c.lane.Status().Inputs ^ c.told
	switch {
	case changed&local != 0:
		return c.local()
	case changed != 0:
		return c.inputs()
	}
	return c.pd.Reply(osdp.ReplyAck, nil)
}

// next is the oldest event that this channel has not brought. Events stay until
// the panel has stored them, so that the next channel can bring them again.
func (c *Controller) next() (e lane.Event, ok bool) {
	e, ok = c.lane.Event(0)
	if !ok || e.Seq > c.sent {
		return e, ok
	}
	return c.lane.Event(int(c.sent - e.Seq + 1))
}

// inputs tells every contact.
func (c *Controller) inputs() osdp.Action {
	now := c.lane.Status().Inputs
	c.told = now
	d := c.pd.Scratch()[:contacts]
	for i := range d {
		d[i] = byte((now ^ lane.AllWell) >> i & 1)
	}
	return c.pd.Reply(osdp.ReplyIStat, d)
}

// local tells of cover and supply.
func (c *Controller) local() osdp.Action {
	now := c.lane.Status().Inputs
	c.told = c.told&^local | now&local
	d := c.pd.Scratch()[:2]
	d[0], d[1] = 0, 0
	if now&lane.CoverClosed == 0 {
		d[0] = 1
	}
	if now&lane.PowerGood == 0 {
		d[1] = 1
	}
	return c.pd.Reply(osdp.ReplyLStat, d)
}

// readers tells that both sides' lamps, which OSDP calls readers, are there: a
// side has nothing else that could be taken off.
func (c *Controller) readers() osdp.Action {
	d := c.pd.Scratch()[:ways]
	d[0], d[1] = 0, 0
	return c.pd.Reply(osdp.ReplyRStat, d)
}

func (c *Controller) outputs() osdp.Action {
	now := c.lane.Status().Outputs
	d := c.pd.Scratch()[:ways]
	d[0], d[1] = 1, 1
	if now&lane.HoldA != 0 {
		d[0] = 0
	}
	if now&lane.HoldB != 0 {
		d[1] = 0
	}
	return c.pd.Reply(osdp.ReplyOStat, d)
}

// out acts on OUT's records in their order. All are looked at before the first is
// acted on; one that the lane does not take ends it.
func (c *Controller) out(now uint32, d []byte) osdp.Action {
	n := 0
	for ; ; n++ {
		o, ok := osdp.OutputAt(d, n)
		if !ok {
			break
		}
		if o.Number >= ways || o.Code > osdp.OutputOnTemporarily {
			return c.pd.Nak(osdp.NakRecord)
		}
	}
	if n == 0 {
		return c.pd.Nak(osdp.NakLength)
	}
	for i := range n {
		o, _ := osdp.OutputAt(d, i)
		if !c.output(now, o) {
			return c.pd.Nak(osdp.NakRecord)
		}
	}
	return c.pd.Reply(osdp.ReplyAck, nil)
}

func (c *Controller) output(now uint32, o osdp.Output) bool {
	way := lane.Direction(o.Number)
	mode := lane.Command{Op: lane.SetMode, Way: way, Mode: lane.Controlled}
	switch o.Code {
	case osdp.OutputNop:
		return true
	case osdp.OutputOnTemporarily:
		return c.lane.Do(now, lane.Command{Op: lane.GrantOne, Way: way, MS: 100 * uint32(o.Time)}) == lane.Accepted
	case osdp.OutputOff:
		if c.lane.Status().Grants > 0 { // closing a way takes its grants back
			shut := mode
			shut.Mode = lane.Closed
			c.lane.Do(now, shut)
		}
	case osdp.OutputOn, osdp.OutputOnAfterTimer:
		mode.Mode = lane.Open
	case osdp.OutputOffAfterTimer, osdp.OutputOffTemporarily:
	}
	return c.lane.Do(now, mode) == lane.Accepted
}

// led lets a lamp flash red; what else lamps show is the lane's.
func (c *Controller) led(now uint32, d []byte) osdp.Action {
	n := 0
	for ; ; n++ {
		l, ok := osdp.LEDAt(d, n)
		if !ok {
			break
		}
		if l.Reader >= ways {
			return c.pd.Nak(osdp.NakRecord)
		}
		if l.Temporary.Control == osdp.LEDStart && l.Temporary.OnColour == osdp.Red {
			c.signal(now, lane.Refuse, lane.Direction(l.Reader), uint32(l.Time))
		}
	}
	if n == 0 {
		return c.pd.Nak(osdp.NakLength)
	}
	return c.pd.Reply(osdp.ReplyAck, nil)
}

// buzz sounds for as long as the rhythm would take, once for one without an end.
func (c *Controller) buzz(now uint32, d []byte) osdp.Action {
	var b osdp.Buzzer
	if !b.Take(d) {
		return c.pd.Nak(osdp.NakLength)
	}
	if b.Tone > osdp.ToneOff {
		more := uint32(max(b.Count, 1)) - 1
		c.signal(now, lane.Beep, lane.NoWay, uint32(b.On)+more*(uint32(b.On)+uint32(b.Off)))
	}
	return c.pd.Reply(osdp.ReplyAck, nil)
}

// signal is a lamp or the buzzer, for tenths of a second.
func (c *Controller) signal(now uint32, op lane.Op, way lane.Direction, tenths uint32) {
	c.lane.Do(now, lane.Command{Op: op, Way: way, MS: min(100*tenths, lane.MaxSignalMS)})
}

// comSet moves the controller to another address or speed; what it answers is
// what it did.
func (c *Controller) comSet(d []byte) osdp.Action {
	var want osdp.Comm
	if !want.Take(d) {
		return c.pd.Nak(osdp.NakLength)
	}
	s := &c.store.Settings
	before := *s
	s.Address = want.Address
	if speed(want.Baud) {
		s.Baud = want.Baud
	}
	if *s != before && !c.store.Save() {
		*s = before
		return c.pd.Nak(osdp.NakRecord)
	}
	if s.Baud != before.Baud {
		c.baud = s.Baud
	}
	got := osdp.Comm{Address: s.Address, Baud: s.Baud}
	out := c.pd.Scratch()
	return c.pd.Reply(osdp.ReplyCom, out[:got.Put(out)])
}

func (c *Controller) keySet(cmd *osdp.Command) osdp.Action {
	key, ok := cmd.KeyIn()
	if !ok {
		return c.pd.Nak(osdp.NakRecord)
	}
	before := c.store.Key
	c.store.Key = key
	if !c.store.Save() {
		c.store.Key = before
		return c.pd.Nak(osdp.NakRecord)
	}
	return c.pd.Reply(osdp.ReplyAck, nil)
}
