package osdp_test

import (
	"bytes"
	"testing"

	"github.com/con-ting/conting/firmware/osdp"
)

// A channel that is down has keys that everybody knows: none.
func TestDeviceRefusesWipedKeys(t *testing.T) {
	for name, before := range map[string]func(*device){
		"never up":    func(*device) {},
		"down again":  func(d *device) { d.shake(testKey, [8]byte{1}); d.say(osdp.Plain(1, 0, osdp.CmdPoll)) },
		"gone silent": func(d *device) { d.shake(testKey, [8]byte{1}); d.now += 9000; d.pd.Tick(d.now) },
		"half way":    func(d *device) { d.say(osdp.Framed(true, false, 1, 0, 0x11, 1, osdp.CmdChlng, 1, 2, 3, 4, 5, 6, 7, 8)) },
		"wrong proof": func(d *device) { d.tryShake([16]byte{9}, [8]byte{1}) },
		"forged packet": func(d *device) {
			s := d.shake(testKey, [8]byte{1})
			s.Start([16]byte{})
			d.say(s.Seal(false, true, 1, 3, osdp.CmdPoll, nil))
		},
	} {
		for sequence := range byte(4) {
			d := newDevice(t, nil)
			before(d)
			var wiped osdp.Session
			if f, _, ok := d.say(wiped.Seal(false, true, 1, sequence, osdp.CmdOut, outData)); !ok || f.Code != osdp.ReplyNak {
				t.Errorf("%s, sequence %d: %+v", name, sequence, f)
			}
			if len(d.cmds) > 0 || d.pd.Online() {
				t.Errorf("%s, sequence %d: %x reached the application", name, sequence, d.cmds)
			}
		}
	}
}

// A nonce that comes back proves nothing.
func TestDeviceRefusesItsOwnNonce(t *testing.T) {
	d := newDevice(t, func(c *osdp.PDConfig) { c.Nonce = fixed("abcdefgh") })
	d.naks("its own nonce", osdp.Framed(true, false, 1, 0, 0x11, 1, osdp.CmdChlng, []byte("abcdefgh")...), osdp.NakConditions)
	mustTell(t, "device", d.notes, osdp.RefusedNonce)
}

// The right proof under the default key's number is none.
func TestDeviceRefusesOtherKeysNumber(t *testing.T) {
	for _, number := range []int{0, 2, -1} {
		d := newDevice(t, nil)
		nonce := [8]byte{1}
		f, _, _ := d.say(osdp.Framed(true, false, 1, 0, 0x11, 1, osdp.CmdChlng, nonce[:]...))
		s := new(osdp.Session)
		s.Derive(testKey, nonce)
		proof := s.Cryptogram([8]byte(f.Data[8:16]), nonce)
		f, _, _ = d.say(osdp.Framed(true, false, 1, 1, 0x13, number, osdp.CmdSCrypt, proof[:]...))
		if f.BlockKey == 1 || d.pd.Secure() || !bytes.Equal(f.Data, make([]byte, 16)) {
			t.Errorf("key %d: %+v", number, f)
		}
	}
}

// Somebody with the key sends less than whole blocks: refused, not read past.
func TestDeviceRefusesHalfBlocks(t *testing.T) {
	for n := 1; n < 48; n++ {
		d := newDevice(t, nil)
		s := d.shake(testKey, [8]byte{1})
		d.say(s.SealBlocks(1, 3, osdp.CmdOut, bytes.Repeat([]byte{0x80}, n)))
		if len(d.cmds) > 0 && n%16 != 0 {
			t.Errorf("%d bytes: %x reached the application", n, d.cmds)
		}
	}
}

// What a panel said it takes is forgotten with its channel.
func TestDeviceForgetsSize(t *testing.T) {
	d := newDevice(t, nil)
	s := d.shake(testKey, [8]byte{1})
	if f, ok := d.open(s, s.Seal(false, true, 1, 3, osdp.CmdACURxSize, []byte{0, 1})); !ok || f.Code != osdp.ReplyAck {
		t.Fatalf("ACURXSIZE: %+v", f)
	}
	s = d.shake(testKey, [8]byte{2})
	poll := s.Seal(false, true, 1, 3, osdp.CmdPoll, nil)
	var raw []byte
	for _, b := range poll {
		if a := d.pd.Feed(d.now, b); a == osdp.Handle {
			d.pd.Reply(osdp.ReplyMfg, make([]byte, osdp.MaxData))
			raw = bytes.Clone(d.pd.Out())
		}
	}
	if f, ok := s.Open(raw); !ok || f.Code != osdp.ReplyNak || len(raw) > osdp.MinFrame {
		t.Errorf("a panel that said nothing is sent %d bytes: %+v", len(raw), f)
	}
}

// Only the panel's own line is quiet after a bad packet: here others speak.
func TestDeviceSilentBetweenOthers(t *testing.T) {
	inner := osdp.Plain(1, 0, osdp.CmdPoll)
	inner[5] ^= 1
	outer := append([]byte{0x53, 2, 30, 0, 4, osdp.CmdText}, inner...)
	outer = append(outer, make([]byte, 40-len(outer))...)
	d := newDevice(t, nil)
	if f, raw, ok := d.say(outer); ok {
		t.Errorf("the device spoke up: %+v (%x)", f, raw)
	}
	if d.pd.Stats().BadCheck == 0 {
		t.Error("nothing was wrong")
	}
}

// A packet that was begun and given up does not swallow the next, though nobody
// ticked in between.
func TestDeviceGivesUpBeginnings(t *testing.T) {
	d := newDevice(t, nil)
	poll := osdp.Plain(1, 0, osdp.CmdPoll)
	for _, b := range poll[:6] {
		d.pd.Feed(d.now, b)
	}
	d.now += 100
	if f, raw, ok := d.say(poll); !ok || f.Code != osdp.ReplyAck {
		t.Errorf("after half a packet: %x", raw)
	}
}

// A second new key waits until the first has its answer.
func TestRekeyTwice(t *testing.T) {
	l := newLine(t, nil)
	l.secured()
	l.run(500)
	one, two := [16]byte{1}, [16]byte{2}
	ticket := l.cp.Rekey(&one)
	l.step() // it leaves
	if ticket == 0 || l.cp.Rekey(&two) != 0 {
		t.Fatal("Rekey while another is under way")
	}
	if r := l.outcome(ticket); r.Code != osdp.ReplyAck {
		t.Fatalf("%+v", r.Reply)
	}
	l.secured()
}

// A device that takes more than the panel can send is not sent more.
func TestFileWindow(t *testing.T) {
	var s osdp.FileSender
	if !s.Start(0, osdp.FileFirmware, 1000, 100, 1000) {
		t.Fatal("Start")
	}
	for _, v := range []struct {
		longest uint16
		want    int
	}{{0, 89}, {500, 89}, {11, 89}, {60, 49}, {100, 49}} {
		if _, _, ok := s.Next(1); !ok {
			t.Fatal("nothing due")
		}
		st := osdp.FileStatus{Longest: v.longest}
		var d [8]byte
		s.Took(1, d[:st.Put(d[:])])
		if _, n, ok := s.Next(1); !ok || n != v.want {
			t.Errorf("after %d the next chunk has %d bytes, want %d", v.longest, n, v.want)
		}
	}
}
