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
