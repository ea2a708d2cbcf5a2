package controller_test

import (
	"testing"

	"github.com/con-ting/conting/firmware/controller"
	"github.com/con-ting/conting/firmware/keep"
	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
)

// bench is a controller, its board, and a panel at the other end of the line, all
// in one virtual time of a millisecond a step.
type bench struct {
	t   *testing.T
	ctl controller.Controller
	cp  osdp.CP

	now     uint32
	inputs  lane.Inputs
	outputs lane.Outputs
	down    []byte // to the controller
	up      []byte // to the panel
	baud    uint32
	cells   [keep.Size]byte
	worn    bool // the memory cannot be written

	events  []osdp.Passage
	replies []osdp.Reply // to polls, but the events
	results map[uint16]osdp.Reply
}

func (b *bench) Now() uint32      { return b.now }
func (b *bench) Inputs() uint16   { return uint16(b.inputs) }
func (b *bench) Drive(o uint8)    { b.outputs = lane.Outputs(o) }
func (b *bench) Sending() bool    { return false }
func (b *bench) SetBaud(v uint32) { b.baud = v }
func (b *bench) Send(p []byte) bool {
	b.up = append(b.up, p...)
	return true
}

func (b *bench) Receive() (byte, bool) {
	if len(b.down) == 0 {
		return 0, false
	}
	c := b.down[0]
	b.down = b.down[1:]
	return c, true
}

func (b *bench) Read(at uint16, dst []byte) bool { return copy(dst, b.cells[at:]) == len(dst) }
func (b *bench) Write(at uint16, src []byte) bool {
	return !b.worn && copy(b.cells[at:], src) == len(src)
}

type counter struct{ n byte }

func (c *counter) Fill(dst *[8]byte) bool {
	c.n++
	*dst = [8]byte{0xC0, c.n}
	return true
}

func settings() keep.Settings {
	return keep.Settings{Address: 1, Serial: 7, Baud: 115200, Key: [16]byte{1}, Seed: [16]byte{2}}
}

// open starts a controller and a panel that is secured and has heard all.
func open(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, inputs: lane.AllWell, cells: keep.Image(settings()), results: map[uint16]osdp.Reply{}}
	b.restart()
	b.panel(settings().Key)
	b.run(1000)
	if !b.cp.Online() {
		t.Fatal("Secure Channel did not come up")
	}
	return b
}

func (b *bench) restart() {
	b.down, b.up = nil, nil
	b.baud = b.ctl.Start(b.now, b, lane.PowerOn)
}

func (b *bench) panel(key [16]byte) {
	if !b.cp.Init(&osdp.CPConfig{Address: 1, Key: key, Nonce: &counter{byte(b.now)}, PollMS: 10}) {
		b.t.Fatal("no panel")
	}
}

func (b *bench) run(ms int) {
	for range ms {
		b.now++
		for n := 0; b.ctl.Turn(b, b); n++ {
			if n > 100 {
				b.t.Fatal("the controller never rests")
			}
		}
		for _, c := range b.up {
			b.act(b.cp.Feed(b.now, c))
		}
		b.up = nil
		for a := b.cp.Tick(b.now); a != osdp.Wait; a = b.cp.Tick(b.now) {
			b.act(a)
		}
	}
}

func (b *bench) act(a osdp.Action) {
	switch a {
	case osdp.Send:
		b.down = append(b.down, b.cp.Out()...)
	case osdp.Deliver:
		r := *b.cp.Reply()
		r.Data = append([]byte(nil), r.Data...)
		var e osdp.Passage
		switch {
		case r.Ticket != 0:
			b.results[r.Ticket] = r
		case r.Code == osdp.ReplyMfg && e.Take(r.Data):
			b.events = append(b.events, e)
		default:
			b.replies = append(b.replies, r)
		}
	case osdp.Wait, osdp.Handle:
	}
}

// do gives one command and returns the answer.
func (b *bench) do(code byte, data ...byte) osdp.Reply {
	b.t.Helper()
	ticket := b.cp.Submit(code, data)
	if ticket == 0 {
		b.t.Fatalf("command %#x could not be submitted", code)
	}
	for range 1000 {
		b.run(1)
		if r, ok := b.results[ticket]; ok {
			return r
		}
	}
	b.t.Fatalf("command %#x has no answer", code)
	return osdp.Reply{}
}

func (b *bench) order(c lane.Command) lane.Answer {
	b.t.Helper()
	o := osdp.Order{Op: byte(c.Op), Way: byte(c.Way), Mode: byte(c.Mode), Grant: c.Grant, MS: c.MS}
	d := make([]byte, osdp.MaxData)
	r := b.do(osdp.CmdMfg, d[:o.Put(d)]...)
	var got osdp.Outcome
	if !got.Take(r.Data) || got.Grant != c.Grant {
		b.t.Fatalf("order: %#x % x", r.Code, r.Data)
	}
	return lane.Answer(got.Answer)
}

func (b *bench) status() lane.Status { return b.ctl.Lane().Status() }

func nak(r osdp.Reply, why osdp.Nak) bool {
	return r.Code == osdp.ReplyNak && len(r.Data) > 0 && osdp.Nak(r.Data[0]) == why
}

func ack(r osdp.Reply) bool { return r.Code == osdp.ReplyAck }

func TestIdentity(t *testing.T) {
	b := open(t)
	id, ok := b.cp.Identity()
	if !ok || string(id.Vendor[:]) != osdp.Vendor || id.Serial != 7 {
		t.Errorf("identity %+v", id)
	}
	items := map[byte]byte{}
	for _, c := range b.cp.Capabilities() {
		items[c.Function] = c.Items
	}
	if items[osdp.CapInputs] != 7 || items[osdp.CapOutputs] != 2 || items[osdp.CapSecurity] != 0 {
		t.Errorf("capabilities %v; the default key must not be offered", b.cp.Capabilities())
	}
}

func TestOut(t *testing.T) {
	b := open(t)
	if r := b.do(osdp.CmdOut, 0, 5, 30, 0); !ack(r) || b.status().State != lane.Armed {
		t.Fatalf("timed on: %+v, %s", r, b.status().State)
	}
	if r := b.do(osdp.CmdOStat); string(r.Data) != "\x01\x00" {
		t.Errorf("outputs while armed: % x", r.Data)
	}
	if b.run(3100); b.status().Counters.Expired != 1 {
		t.Errorf("after 3 s: %+v", b.status().Counters)
	}
	for name, test := range map[string]struct {
		data  []byte
		modes [2]lane.Mode
		held  uint8
		why   osdp.Nak
	}{
		"nothing":               {data: []byte{0, 0, 0, 0}},
		"one grant each way":    {data: []byte{0, 5, 50, 0, 1, 5, 50, 0}, held: 2},
		"on":                    {data: []byte{1, 2, 0, 0}, modes: [2]lane.Mode{lane.Controlled, lane.Open}},
		"on after the timer":    {data: []byte{0, 4, 0, 0}, modes: [2]lane.Mode{lane.Open}},
		"off takes back":        {data: []byte{0, 5, 50, 0, 1, 5, 50, 0, 0, 1, 0, 0}, held: 1},
		"off after keeps":       {data: []byte{0, 5, 50, 0, 0, 3, 0, 0}, held: 1},
		"timed off":             {data: []byte{0, 6, 50, 0}, why: osdp.NakRecord},
		"unknown code":          {data: []byte{0, 7, 0, 0}, why: osdp.NakRecord},
		"no such output":        {data: []byte{2, 5, 50, 0}, why: osdp.NakRecord},
		"second record is none": {data: []byte{0, 5, 50, 0, 2, 5, 50, 0}, why: osdp.NakRecord},
		"too short a time":      {data: []byte{0, 5, 1, 0}, why: osdp.NakRecord},
		"too long a time":       {data: []byte{0, 5, 0xFF, 0xFF}, why: osdp.NakRecord},
		"cut off":               {data: []byte{0, 5, 50}, why: osdp.NakLength},
		"nothing at all":        {why: osdp.NakLength},
	} {
		b := open(t)
		r := b.do(osdp.CmdOut, test.data...)
		if test.why == 0 && !ack(r) || test.why != 0 && !nak(r, test.why) {
			t.Errorf("%s: answer %#x % x", name, r.Code, r.Data)
		}
		if s := b.status(); s.Modes != test.modes || s.Grants != test.held {
			t.Errorf("%s: modes %v, %d grants", name, s.Modes, s.Grants)
		}
	}
}

// TestOutsideChannel: what moves the lane has no answer but a refusal.
func TestOutsideChannel(t *testing.T) {
	b := open(t)
	for _, code := range []byte{
		osdp.CmdOut, osdp.CmdLED, osdp.CmdBuz, osdp.CmdIStat, osdp.CmdOStat, osdp.CmdLStat,
		osdp.CmdComSet, osdp.CmdKeySet, osdp.CmdMfg, osdp.CmdFileTransfer,
	} {
		b.up = nil
		packet := []byte{0x53, 1, 12, 0, 0, code, 0, 5, 50, 0, 0, 0}
		packet[11] = osdp.Checksum(packet[:11])
		b.down = append(b.down, packet...)
		b.now++
		for b.ctl.Turn(b, b) {
		}
		f, ok := osdp.Parse(b.up)
		if !ok || f.Code != osdp.ReplyNak {
			t.Errorf("plain %#x: % x", code, b.up)
		}
	}
	if s := b.status(); s.State != lane.Locked || s.Counters.Granted != 0 || s.Modes != [2]lane.Mode{} {
		t.Errorf("the lane moved: %+v", s)
	}
}

func TestContacts(t *testing.T) {
	b := open(t)
	if r := b.do(osdp.CmdIStat); string(r.Data) != "\x00\x00\x00\x00\x00\x00\x00" {
		t.Errorf("at rest: % x", r.Data)
	}
	b.replies = nil
	b.inputs &^= lane.ClearB
	b.run(200)
	if len(b.replies) != 1 || b.replies[0].Code != osdp.ReplyIStat || string(b.replies[0].Data) != "\x00\x00\x01\x00\x00\x00\x00" {
		t.Errorf("a beam is interrupted: %+v; once, and by itself", b.replies)
	}
	b.replies = nil
	b.inputs &^= lane.CoverClosed
	b.run(300)
	if len(b.replies) != 1 || b.replies[0].Code != osdp.ReplyLStat || string(b.replies[0].Data) != "\x01\x00" {
		t.Errorf("the cover is open: %+v", b.replies)
	}
	b.inputs &^= lane.PowerGood
	b.run(300)
	if r := b.do(osdp.CmdLStat); string(r.Data) != "\x01\x01" {
		t.Errorf("local status: % x", r.Data)
	}
}

// TestEvents: each comes once in a channel, in order; the next channel brings
// again what no panel has stored.
func TestEvents(t *testing.T) {
	b := open(t)
	for id := range uint32(3) {
		if got := b.order(lane.Command{Op: lane.GrantOne, Grant: id + 1, MS: 500}); got != lane.Accepted {
			t.Fatal(got)
		}
		b.run(700)
	}
	check := func(first uint32) {
		t.Helper()
		if len(b.events) == 0 {
			t.Fatal("no events")
		}
		for i, e := range b.events {
			if e.Number != first+uint32(i) {
				t.Errorf("event %d has number %d, want %d", i, e.Number, first+uint32(i))
			}
		}
		if newest := b.events[len(b.events)-1].Number; newest != b.status().LastEvent {
			t.Errorf("the newest is %d, not %d", newest, b.status().LastEvent)
		}
	}
	check(1)
	stored := b.events[3].Number
	c := osdp.Confirm{Boot: b.status().Boot, Number: stored}
	d := make([]byte, osdp.MaxData)
	if r := b.do(osdp.CmdMfg, d[:c.Put(d)]...); !ack(r) {
		t.Errorf("confirm: %+v", r)
	}
	b.events = nil
	b.cp.Restart(b.now)
	b.run(1000)
	check(stored + 1)
	c.Boot++
	if r := b.do(osdp.CmdMfg, d[:c.Put(d)]...); !nak(r, osdp.NakRecord) {
		t.Errorf("another boot's number was taken: %+v", r)
	}
}

// TestEventsOnBadLine: on a line that loses packets every event still comes.
func TestEventsOnBadLine(t *testing.T) {
	b := open(t)
	for i := range 3000 {
		if i%150 == 0 {
			b.inputs ^= lane.CoverClosed
		}
		b.run(1)
		if i%7 == 0 && len(b.down) > 0 {
			b.down[i%len(b.down)] ^= 0x40
		}
	}
	b.run(5000)
	seen := uint32(0)
	for _, e := range b.events {
		if e.Number > seen+1 {
			t.Errorf("event %d after %d", e.Number, seen)
		}
		seen = max(seen, e.Number)
	}
	if seen != b.status().LastEvent || seen < 20 {
		t.Errorf("the panel has %d of %d events", seen, b.status().LastEvent)
	}
}

func TestOrderTwice(t *testing.T) {
	b := open(t)
	grant := lane.Command{Op: lane.GrantOne, Way: lane.Out, Grant: 9, MS: 3000}
	if got := b.order(grant); got != lane.Accepted {
		t.Fatal(got)
	}
	if got := b.order(grant); got != lane.Duplicate || b.status().Grants != 1 {
		t.Errorf("again: %s, %d grants", got, b.status().Grants)
	}
	if got := b.order(lane.Command{Op: lane.Op(200)}); got != lane.Invalid {
		t.Errorf("no such order: %s", got)
	}
	for _, d := range [][]byte{{1, 2, 3, 4}, {0x02, 'C'}, {0x02, 'C', 'T', 0x7F}, {0x02, 'C', 'T', osdp.MfgOrder, 1}} {
		if r := b.do(osdp.CmdMfg, d...); r.Code != osdp.ReplyNak {
			t.Errorf("% x: %+v", d, r)
		}
	}
}

func TestReport(t *testing.T) {
	b := open(t)
	b.order(lane.Command{Op: lane.GrantOne, Grant: 0x12345678, MS: 5000})
	d := make([]byte, osdp.MaxData)
	var r osdp.Report
	if got := b.do(osdp.CmdMfg, d[:osdp.PutAsk(d)]...); !r.Take(got.Data) {
		t.Fatalf("%+v", got)
	}
	if lane.State(r.State) != lane.Armed || r.Armed != 0x12345678 || r.Granted != 1 || r.Boot != b.status().Boot {
		t.Errorf("%+v", r)
	}
}

func TestSignals(t *testing.T) {
	b := open(t)
	led := osdp.LED{Reader: 0, Temporary: osdp.Blink{Control: osdp.LEDStart, On: 1, Off: 1, OnColour: osdp.Red}, Time: 20}
	d := make([]byte, osdp.MaxData)
	if r := b.do(osdp.CmdLED, d[:led.Put(d)]...); !ack(r) {
		t.Fatalf("%+v", r)
	}
	changes, last := 0, b.outputs
	for range 1500 {
		if b.run(1); (b.outputs^last)&lane.RedA != 0 {
			changes++
		}
		last = b.outputs
	}
	if changes < 3 {
		t.Errorf("the red lamp changed %d times", changes)
	}
	led.Reader = 2
	if r := b.do(osdp.CmdLED, d[:led.Put(d)]...); !nak(r, osdp.NakRecord) {
		t.Errorf("a third reader: %+v", r)
	}
	if r := b.do(osdp.CmdBuz, 0, osdp.ToneDefault, 2, 1, 2); !ack(r) || b.outputs&lane.Buzzer == 0 {
		t.Errorf("buzzer: %+v, %08b", r, b.outputs)
	}
	if b.run(600); b.outputs&lane.Buzzer != 0 {
		t.Error("the buzzer goes on")
	}
	if r := b.do(osdp.CmdBuz, 0, osdp.ToneDefault, 0xFF, 0xFF, 0xFF); !ack(r) {
		t.Errorf("%+v", r)
	}
	if b.run(int(lane.MaxSignalMS) + 100); b.outputs&lane.Buzzer != 0 {
		t.Error("the buzzer goes on for longer than the bound")
	}
}

func TestKeySet(t *testing.T) {
	b := open(t)
	next := [16]byte{0xAA, 1}
	b.worn = true
	ticket := b.cp.Rekey(&next)
	b.run(200)
	if r := b.results[ticket]; !nak(r, osdp.NakRecord) {
		t.Errorf("a key that cannot be kept was taken: %+v", r)
	}
	b.worn = false
	ticket = b.cp.Rekey(&next)
	b.run(200)
	if r := b.results[ticket]; !ack(r) {
		t.Fatalf("%+v", r)
	}
	b.restart()
	b.panel(settings().Key)
	if b.run(2000); b.cp.Online() {
		t.Error("the old key still opens")
	}
	b.panel(next)
	if b.run(2000); !b.cp.Online() {
		t.Error("the new key was not kept")
	}
	public := [16]byte([]byte("0123456789:;<=>?"))
	if b.cp.Rekey(&public) != 0 {
		t.Error("the panel would set the default key")
	}
}

func TestComSet(t *testing.T) {
	b := open(t)
	if r := b.do(osdp.CmdComSet, 5, 0x80, 0x25, 0, 0); r.Code != osdp.ReplyCom || string(r.Data) != "\x05\x80\x25\x00\x00" {
		t.Fatalf("%+v", r)
	}
	if b.run(10); b.baud != 9600 {
		t.Errorf("the line runs at %d", b.baud)
	}
	if b.restart(); b.baud != 9600 {
		t.Errorf("after a restart the line runs at %d", b.baud)
	}
	if !b.cp.Init(&osdp.CPConfig{Address: 5, Key: settings().Key, Nonce: &counter{99}, PollMS: 10}) {
		t.Fatal("no panel")
	}
	if b.run(2000); !b.cp.Online() {
		t.Error("the new address was not kept")
	}
	// A speed that the line cannot have: it stays, and the answer says so.
	if r := b.do(osdp.CmdComSet, 5, 1, 0, 0, 0); r.Code != osdp.ReplyCom || string(r.Data) != "\x05\x80\x25\x00\x00" {
		t.Errorf("%+v", r)
	}
	if r := b.do(osdp.CmdComSet, 0x7F, 0x80, 0x25, 0, 0); r.Code != osdp.ReplyNak {
		t.Errorf("address 127: %+v", r)
	}
}

func TestUnknown(t *testing.T) {
	b := open(t)
	for _, code := range []byte{osdp.CmdText, osdp.CmdFileTransfer, 0xFE} {
		if r := b.do(code, 1, 2, 3); !nak(r, osdp.NakUnknown) {
			t.Errorf("%#x: %+v", code, r)
		}
	}
}

// TestNoMemory: without settings nobody is answered and nobody let in, and the
// fire loop still frees the lane.
func TestNoMemory(t *testing.T) {
	b := &bench{t: t, inputs: lane.AllWell, results: map[uint16]osdp.Reply{}}
	b.restart()
	b.panel([16]byte{1})
	b.run(3000)
	if b.cp.Online() || b.ctl.Lane().State() != lane.Locked || b.outputs&lane.Hold != lane.Hold {
		t.Fatalf("online %v, %s", b.cp.Online(), b.ctl.Lane().State())
	}
	b.inputs &^= lane.LoopClosed
	if b.run(10); b.outputs&lane.Hold != 0 {
		t.Error("held in an alarm")
	}
}

// TestPanelDies: silence for eight seconds takes unused grants back.
func TestPanelDies(t *testing.T) {
	b := open(t)
	b.order(lane.Command{Op: lane.GrantOne, Grant: 1, MS: lane.MaxGrantMS})
	for range 8100 {
		b.now++
		for b.ctl.Turn(b, b) {
		}
	}
	if s := b.status(); s.State != lane.Locked || s.Counters.Revoked != 1 || b.outputs&lane.HoldA == 0 {
		t.Errorf("%s, %+v", s.State, s.Counters)
	}
}

// FuzzLine: whatever comes over the line, the lane is not moved and the fire
// loop is obeyed in the same turn.
func FuzzLine(f *testing.F) {
	f.Add([]byte{0x53, 1, 8, 0, 4, 0x60, 0xF6, 0x66})
	f.Add([]byte{0xFF, 0x53, 0x81, 0xFF, 0xFF, 0x53})
	f.Fuzz(func(t *testing.T, rubbish []byte) {
		if len(rubbish) > 4096 {
			return
		}
		b := &bench{t: t, inputs: lane.AllWell, cells: keep.Image(settings()), results: map[uint16]osdp.Reply{}}
		b.restart()
		for i, c := range rubbish {
			b.down = append(b.down, c)
			b.now++
			b.inputs = lane.AllWell
			if i%16 == 15 {
				b.inputs &^= lane.LoopClosed
			}
			b.ctl.Turn(b, b)
			if open := b.inputs&lane.LoopClosed == 0; open && b.outputs&lane.Hold != 0 {
				t.Fatal("held in an alarm")
			}
		}
		if s := b.status(); s.Counters.Granted != 0 || s.Modes != [2]lane.Mode{} {
			t.Fatalf("the lane was moved: %+v", s)
		}
	})
}
