package controller_test

import (
	"testing"

	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
)

// storm is a line that never falls silent and never says anything.
type storm struct {
	*bench

	said string
	n    int
}

func (s *storm) Receive() (byte, bool) {
	s.n++
	return s.said[s.n%len(s.said)], true
}

// TestStorm: whatever comes in without an end, each turn looks at the lane, so
// that the fire loop frees it at once.
func TestStorm(t *testing.T) {
	for name, said := range map[string]string{
		"zeros":          "\x00",
		"starts":         "\x53",
		"long packets":   "\x53\x01\xFF\x00\x04\x60\x00\x53\x01",
		"short packets":  "\x53\x01\x07\x00\x00\x60\x53",
		"others' polls":  string(plain(2, osdp.CmdPoll)),
		"polls":          string(plain(1, osdp.CmdPoll)),
		"commands":       string(plain(1, osdp.CmdOut, 0, 5, 50, 0)),
		"others' answer": string(plain(0x81, osdp.ReplyAck)),
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			s := &storm{bench: b, said: said}
			for range 100 {
				b.now++
				from := s.n
				if !b.ctl.Turn(b, s) {
					t.Fatal("the loop would sleep while bytes wait")
				}
				if s.n-from > 256 {
					t.Fatalf("one turn took %d bytes", s.n-from)
				}
			}
			b.inputs &^= lane.LoopClosed
			b.now++
			if b.ctl.Turn(b, s); b.outputs&lane.Hold != 0 {
				t.Errorf("the lane holds with the loop open: %08b", b.outputs)
			}
		})
	}
}

// plain is a command outside Secure Channel.
func plain(address, code byte, data ...byte) []byte {
	p := append([]byte{0x53, address, byte(7 + len(data)), 0, 0, code}, data...)
	return append(p, osdp.Checksum(p))
}

// TestGap: a panel that comes after more happened than there is room for learns
// that the oldest is missing, by its number and by its mark.
func TestGap(t *testing.T) {
	b := open(t)
	b.cp = osdp.CP{}
	b.run(10_000)
	const more = lane.RingSize
	for range more {
		b.inputs ^= lane.CoverClosed
		b.run(200)
	}
	b.events = nil
	b.panel(settings().Key)
	b.run(3000)
	if len(b.events) < 2 {
		t.Fatalf("%d events", len(b.events))
	}
	first, second := b.events[0], b.events[1]
	if first.Number < 2 || first.Detail&lane.Gap == 0 {
		t.Errorf("the first is %+v: nobody could tell that some are missing", first)
	}
	if second.Number != first.Number+1 || second.Detail&lane.Gap != 0 {
		t.Errorf("after %+v comes %+v", first, second)
	}
}

func TestReaders(t *testing.T) {
	b := open(t)
	if r := b.do(osdp.CmdRStat); r.Code != osdp.ReplyRStat || string(r.Data) != "\x00\x00" {
		t.Errorf("%+v", r)
	}
	if r := b.do(osdp.CmdKeepActive, 0x10, 0x27); !ack(r) {
		t.Errorf("KEEPACTIVE: %+v", r)
	}
	if r := b.do(osdp.CmdKeepActive, 1); !nak(r, osdp.NakLength) {
		t.Errorf("KEEPACTIVE with one byte: %+v", r)
	}
}

// TestFailedSaveLeavesNothing: what could not be kept is not kept by the next
// save either.
func TestFailedSaveLeavesNothing(t *testing.T) {
	key := [16]byte{7}
	comm := func(b *bench, address byte, baud uint32) osdp.Reply {
		c := osdp.Comm{Address: address, Baud: baud}
		d := make([]byte, 32)
		return b.do(osdp.CmdComSet, d[:c.Put(d)]...)
	}
	keySet := func(b *bench) osdp.Reply {
		ticket := b.cp.Rekey(&key)
		for range 1000 {
			if b.run(1); b.results[ticket].Code != 0 {
				return b.results[ticket]
			}
		}
		t.Fatal("KEYSET has no answer")
		return osdp.Reply{}
	}

	b := open(t)
	b.worn = true
	if r := comm(b, 9, 9600); !nak(r, osdp.NakRecord) {
		t.Fatalf("COMSET: %+v", r)
	}
	b.worn = false
	if r := keySet(b); !ack(r) {
		t.Fatalf("KEYSET: %+v", r)
	}
	b.restart()
	b.panel(key)
	if b.run(2000); !b.cp.Online() || b.baud != 115200 {
		t.Errorf("the address or the speed that was refused: online %v, %d baud", b.cp.Online(), b.baud)
	}

	b = open(t)
	b.worn = true
	if r := keySet(b); !nak(r, osdp.NakRecord) {
		t.Fatalf("KEYSET: %+v", r)
	}
	b.worn = false
	if r := comm(b, 1, 57600); r.Code != osdp.ReplyCom {
		t.Fatalf("COMSET: %+v", r)
	}
	b.restart()
	b.panel(settings().Key)
	if b.run(2000); !b.cp.Online() || b.baud != 57600 {
		t.Errorf("the key that was refused: online %v, %d baud", b.cp.Online(), b.baud)
	}
}

// TestUnknownSpeed: a speed that the line has not got is not taken, the address
// is, and the answer says so.
func TestUnknownSpeed(t *testing.T) {
	b := open(t)
	for _, baud := range []uint32{0, 1, 12_345, 115_201, 1 << 31} {
		c := osdp.Comm{Address: 1, Baud: baud}
		d := make([]byte, 32)
		r := b.do(osdp.CmdComSet, d[:c.Put(d)]...)
		var got osdp.Comm
		if r.Code != osdp.ReplyCom || !got.Take(r.Data) || got != (osdp.Comm{Address: 1, Baud: 115200}) || b.baud != 115200 {
			t.Errorf("%d baud: %+v, %+v, the line runs at %d", baud, r, got, b.baud)
		}
	}
}

// leaving is a line on which the last packet is still leaving.
type leaving struct {
	*bench

	sending bool
}

func (s *leaving) Sending() bool { return s.sending }

// TestSpeedChangesLast: the answer to COMSET leaves at the old speed.
func TestSpeedChangesLast(t *testing.T) {
	b := open(t)
	c := osdp.Comm{Address: 1, Baud: 9600}
	d := make([]byte, 32)
	if b.cp.Submit(osdp.CmdComSet, d[:c.Put(d)]) == 0 {
		t.Fatal("COMSET could not be submitted")
	}
	s := &leaving{b, true}
	for range 100 {
		b.now++
		b.ctl.Turn(b, s)
		for _, c := range b.up {
			b.act(b.cp.Feed(b.now, c))
		}
		b.up = nil
		b.act(b.cp.Tick(b.now))
	}
	if b.baud != 115200 {
		t.Fatalf("%d baud while the answer leaves", b.baud)
	}
	s.sending = false
	b.now++
	if b.ctl.Turn(b, s); b.baud != 9600 {
		t.Errorf("%d baud once it has left", b.baud)
	}
}

// TestNewChannelTellsInputs: a panel that comes learns what is not as it should
// be, though the one before had been told.
func TestNewChannelTellsInputs(t *testing.T) {
	b := open(t)
	for range 2 {
		b.inputs &^= lane.CoverClosed | lane.ClearA
		b.run(500)
		inputs, local := 0, 0
		for _, r := range b.replies {
			switch r.Code {
			case osdp.ReplyIStat:
				inputs++
			case osdp.ReplyLStat:
				local++
			}
		}
		if inputs != 1 || local != 1 {
			t.Errorf("told of the inputs %d times, of the cover %d times; want once each", inputs, local)
		}
		b.replies = nil
		b.panel(settings().Key)
	}
}
