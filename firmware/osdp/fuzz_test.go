package osdp_test

import (
	"bytes"
	"testing"

	"github.com/con-ting/conting/firmware/osdp"
)

// Parse takes any bytes apart without reading past them, and what it takes is
// what a builder would have made.
func FuzzParse(f *testing.F) {
	f.Add(osdp.Plain(1, 0, osdp.CmdID, 0))
	f.Add(osdp.Framed(false, false, 0x81, 2, 0x14, 1, osdp.ReplyRMacI, make([]byte, 16)...))
	f.Add([]byte{0x53, 0x80, 8, 0, 4, 0x40, 0, 0})
	f.Fuzz(func(t *testing.T, p []byte) {
		in := append([]byte(nil), p...)
		frame, ok := osdp.Parse(p)
		if !bytes.Equal(in, p) {
			t.Fatal("Parse changed its input")
		}
		if !ok {
			return
		}
		if len(p) > osdp.MaxFrame || len(frame.Data) > len(p)-7 {
			t.Fatalf("%d bytes of data in a packet of %d", len(frame.Data), len(p))
		}
		if frame.Block != 0 || p[4]&^7 != 0 {
			return
		}
		address := frame.Address
		if frame.Reply {
			address |= 0x80
		}
		if again := osdp.Framed(frame.CRC, false, address, frame.Sequence, 0, -1, frame.Code, frame.Data...); !bytes.Equal(again, p) {
			t.Fatalf("%x became %x", p, again)
		}
	})
}

// Somebody without the key says anything to both ends, at any pace. Nothing
// reaches the device's application, and the panel believes nothing.
func FuzzStranger(f *testing.F) {
	f.Add(append(osdp.Plain(1, 0, osdp.CmdPoll), osdp.Plain(1, 1, osdp.CmdOut, outData...)...), byte(0))
	f.Add(osdp.Framed(true, true, 1, 1, 0x11, 1, osdp.CmdChlng, 1, 2, 3, 4, 5, 6, 7, 8), byte(1))
	f.Add(osdp.Framed(true, false, 0x81, 0, 0x12, 1, osdp.ReplyCCrypt, make([]byte, 32)...), byte(7))
	f.Fuzz(func(t *testing.T, stream []byte, pace byte) {
		var (
			cp       osdp.CP
			pd       osdp.PD
			now      uint32
			one, two = counter(1), counter(1 << 40)
		)
		if !cp.Init(&osdp.CPConfig{Address: 1, Key: testKey, Nonce: &one}) ||
			!pd.Init(&osdp.PDConfig{Address: 1, Key: testKey, Nonce: &two, ConfigAddress: true}) {
			t.Fatal("Init")
		}
		for _, b := range stream {
			now += uint32(pace % 32)
			for _, a := range []osdp.Action{pd.Feed(now, b), pd.Tick(now)} {
				if a == osdp.Handle || pd.Online() || pd.Secure() {
					t.Fatalf("a stranger reached the application: %+v", *pd.Command())
				}
				if a == osdp.Send {
					if p, ok := osdp.Parse(bytes.TrimPrefix(pd.Out(), []byte{0xFF})); !ok || !p.Reply {
						t.Fatalf("the device said %x", pd.Out())
					}
				}
			}
			for _, a := range []osdp.Action{cp.Feed(now, b), cp.Tick(now)} {
				if a == osdp.Deliver || cp.Online() {
					t.Fatalf("the panel believed a stranger: %+v", *cp.Reply())
				}
				if a == osdp.Send {
					if p, ok := osdp.Parse(cp.Out()); !ok || p.Reply || p.Secured() {
						t.Fatalf("the panel said %x", cp.Out())
					}
				}
			}
		}
	})
}

// The two ends speak over a line that does to each packet what the fuzzer says:
// flips, drops, inserts, doubles, delays, swaps. What opens was asked for, once,
// and its fate is told once.
func FuzzLine(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{1, 9, 2, 30, 3, 7, 4, 0, 5, 0, 6, 0, 7, 0})
	f.Add(bytes.Repeat([]byte{5, 1, 4, 2}, 20))
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 512 {
			script = script[:512]
		}
		l := newLine(t, nil)
		u := &unlocker{pd: &l.pd, opened: map[uint32]int{}}
		l.app = u.handle
		var old []byte
		spoil := func(p []byte) []byte {
			if len(script) < 2 {
				return p
			}
			what, arg := script[0], int(script[1])
			script = script[2:]
			p = append([]byte(nil), p...)
			at := arg % len(p)
			last := old
			old = p
			switch what % 8 {
			case 1:
				p = append([]byte(nil), p...)
				p[at] ^= 1 << (what >> 5)
			case 2:
				return append(p[:at:at], p[at+1:]...)
			case 3:
				return append(append(append([]byte(nil), p[:at]...), what), p[at:]...)
			case 4:
				return append(p[:len(p):len(p)], p...)
			case 5:
				return last
			case 6:
				return append(p[:len(p):len(p)], last...)
			case 7:
				return nil
			}
			return p
		}
		l.toPD, l.toCP = spoil, spoil
		asked := map[uint16]uint32{}
		for ms := range 4000 {
			if ms%100 == 0 && l.cp.Online() {
				o := osdp.Order{Op: 1, Grant: uint32(len(asked) + 1)}
				var d [32]byte
				if ticket := l.cp.Submit(osdp.CmdMfg, d[:o.Put(d[:])]); ticket != 0 {
					asked[ticket] = o.Grant
				}
			}
			l.step()
		}
		l.toPD, l.toCP = nil, nil
		l.run(3000)
		if !l.cp.Online() || !l.pd.Secure() {
			t.Fatalf("the link did not come back: %+v %+v", l.cp.Stats(), l.pd.Stats())
		}
		if u.wrong > 0 {
			t.Fatalf("%d commands that nobody sent", u.wrong)
		}
		granted, outcomes := map[uint32]bool{}, map[uint16]int{}
		for _, r := range l.replies {
			outcomes[r.Ticket]++
			if r.Fault == osdp.FaultUnsent && u.opened[asked[r.Ticket]] > 0 {
				t.Fatalf("ticket %d was never sent and opened", r.Ticket)
			}
		}
		for ticket, grant := range asked {
			granted[grant] = true
			if outcomes[ticket] != 1 {
				t.Fatalf("ticket %d has %d outcomes", ticket, outcomes[ticket])
			}
		}
		for grant, n := range u.opened {
			if n != 1 || !granted[grant] {
				t.Fatalf("grant %d opened %d times, asked for: %v", grant, n, granted[grant])
			}
		}
	})
}

// Whatever a message is read from, it is written back the same.
func FuzzMessages(f *testing.F) {
	f.Add([]byte{2, 'C', 'T', 0x80, 1, 0, 0, 0, 1, 0, 3, 0, 1, 0, 0, 0, 9, 9, 0, 0, 0})
	f.Add([]byte{1, 4, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0xAA, 0xBB})
	f.Fuzz(func(t *testing.T, d []byte) {
		var out [512]byte
		for _, m := range []message{
			new(osdp.Identity), new(osdp.Comm), new(osdp.Buzzer), new(osdp.Text), new(osdp.FileChunk), new(osdp.FileStatus),
			new(osdp.Passage), new(osdp.Confirm), new(osdp.Order), new(osdp.Outcome), new(osdp.Report),
		} {
			if len(d) > osdp.MaxData || !m.Take(d) {
				continue
			}
			if n := m.Put(out[:]); n == 0 || n > len(d) || !bytes.Equal(out[:n], d[:n]) {
				t.Fatalf("%T of %x became %x", m, d, out[:n])
			}
		}
		for i := range 100 {
			o, ok := osdp.OutputAt(d, i)
			if ok && (o.Put(out[:]) != 4 || !bytes.Equal(out[:4], d[4*i:][:4])) {
				t.Fatalf("record %d of %x became %x", i, d, out[:4])
			}
			led, ok := osdp.LEDAt(d, i)
			if ok && (led.Put(out[:]) != 14 || !bytes.Equal(out[:14], d[14*i:][:14])) {
				t.Fatalf("record %d of %x became %x", i, d, out[:14])
			}
			osdp.CapabilityAt(d, i)
		}
		var (
			a     osdp.Assembly
			store [64]byte
		)
		a.Use(store[:])
		for at := 0; at+10 < len(d); at += 10 {
			if a.Push(d[at:at+10]) == osdp.PartWhole && len(a.Message()) > len(store) {
				t.Fatal("a message longer than its place")
			}
		}
	})
}
