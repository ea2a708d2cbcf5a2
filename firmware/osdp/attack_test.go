package osdp_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/con-ting/conting/firmware/osdp"
)

// device is a device alone, which the test speaks to byte by byte.
type device struct {
	t     *testing.T
	pd    osdp.PD
	now   uint32
	notes []osdp.Notice
	cmds  []byte // codes that reached the application
}

func newDevice(t *testing.T, edit func(*osdp.PDConfig)) *device {
	t.Helper()
	seed := counter(1 << 20)
	cfg := osdp.PDConfig{Address: 1, Key: testKey, Nonce: &seed}
	if edit != nil {
		edit(&cfg)
	}
	d := &device{t: t}
	if !d.pd.Init(&cfg) {
		t.Fatal("Init refused the configuration")
	}
	return d
}

// say gives the device a packet and returns what it answers, parsed; ok is false
// when it says nothing.
func (d *device) say(p []byte) (f osdp.Frame, raw []byte, ok bool) {
	d.t.Helper()
	for _, b := range p {
		d.now++
		a := d.pd.Feed(d.now, b)
		if a == osdp.Handle {
			d.cmds = append(d.cmds, d.pd.Command().Code)
			a = d.pd.Reply(osdp.ReplyAck, nil)
		}
		if a == osdp.Send {
			raw = append([]byte(nil), d.pd.Out()...)
		}
	}
	for {
		n, ok := d.pd.Notice()
		if !ok {
			break
		}
		d.notes = append(d.notes, n)
	}
	d.now += 30
	d.pd.Tick(d.now)
	if raw == nil {
		return f, nil, false
	}
	f, ok = osdp.Parse(bytes.TrimPrefix(raw, []byte{0xFF}))
	if !ok {
		d.t.Fatalf("the device said %x", raw)
	}
	return f, raw, true
}

// naks checks that p is refused for this reason, outside the channel.
func (d *device) naks(what string, p []byte, why osdp.Nak) {
	d.t.Helper()
	f, raw, ok := d.say(p)
	if !ok || f.Code != osdp.ReplyNak || len(f.Data) != 1 || osdp.Nak(f.Data[0]) != why {
		d.t.Errorf("%s: answered %x, want NAK %d", what, raw, why)
	}
}

// shake brings the channel up from the test's own panel.
func (d *device) shake(key [16]byte, nonce [8]byte) *osdp.Session {
	d.t.Helper()
	s, ok := d.tryShake(key, nonce)
	if !ok {
		d.t.Fatal("the handshake failed")
	}
	return s
}

func (d *device) tryShake(key [16]byte, nonce [8]byte) (*osdp.Session, bool) {
	d.t.Helper()
	d.say(osdp.Plain(1, 0, osdp.CmdPoll))
	f, _, ok := d.say(osdp.Framed(true, false, 1, 1, 0x11, 1, osdp.CmdChlng, nonce[:]...))
	if !ok || f.Code != osdp.ReplyCCrypt || len(f.Data) != 32 || f.Block != 0x12 || f.BlockKey != 1 {
		return nil, false
	}
	s := new(osdp.Session)
	s.Derive(key, nonce)
	other := [8]byte(f.Data[8:16])
	proof := s.Cryptogram(other, nonce)
	f, _, ok = d.say(osdp.Framed(true, false, 1, 2, 0x13, 1, osdp.CmdSCrypt, proof[:]...))
	if !ok || f.Code != osdp.ReplyRMacI || f.Block != 0x14 || f.BlockKey != 1 {
		return nil, false
	}
	if want := s.Start(proof); !bytes.Equal(f.Data, want[:]) {
		d.t.Fatalf("R-MAC-I %x, want %x", f.Data, want)
	}
	return s, true
}

var outData = []byte{0, byte(osdp.OutputOnTemporarily), 50, 0}

func TestDeviceRefusesPlainCommands(t *testing.T) {
	for code := range 256 {
		switch code {
		case osdp.CmdPoll, osdp.CmdID, osdp.CmdCap:
			continue
		}
		for _, data := range [][]byte{nil, {0}, outData, bytes.Repeat([]byte{1}, 18)} {
			d := newDevice(t, nil)
			d.naks("plain command", osdp.Plain(1, 0, byte(code), data...), osdp.NakConditions)
			if len(d.cmds) > 0 {
				t.Fatalf("command %#x reached the application in the clear", code)
			}
			if d.pd.Stats().Downgrades == 0 || told(d.notes, osdp.RefusedPlain) == 0 {
				t.Fatalf("command %#x was refused in silence: %v", code, d.notes)
			}
		}
	}
}

func TestDevicePlainAnswers(t *testing.T) {
	d := newDevice(t, func(c *osdp.PDConfig) { c.ID.Serial, c.CapsLen = 0xCAFE, 1 })
	for _, v := range []struct {
		code, want byte
		data       []byte
		size       int
	}{
		{osdp.CmdPoll, osdp.ReplyAck, nil, 0},
		{osdp.CmdID, osdp.ReplyPDID, []byte{0}, 12},
		{osdp.CmdCap, osdp.ReplyPDCap, []byte{0}, 3},
	} {
		f, raw, ok := d.say(osdp.Plain(1, 0, v.code, v.data...))
		if !ok || f.Code != v.want || len(f.Data) != v.size || !f.Reply || f.Address != 1 || f.Block != 0 {
			t.Errorf("%#x: answered %x", v.code, raw)
		}
	}
	if len(d.cmds) > 0 {
		t.Errorf("%x reached the application in the clear", d.cmds)
	}
	if d.pd.Online() {
		t.Error("a panel without the key counts as there")
	}
}

func TestDeviceRefusesDefaultKey(t *testing.T) {
	def := [16]byte{}
	for i := range def {
		def[i] = byte(0x30 + i)
	}
	nonce := counter(0)
	var pd osdp.PD
	if pd.Init(&osdp.PDConfig{Address: 1, Key: def, Nonce: &nonce}) {
		t.Error("a device took the default key")
	}
	var cp osdp.CP
	if cp.Init(&osdp.CPConfig{Address: 1, Key: def, Nonce: &nonce}) {
		t.Error("a panel took the default key")
	}

	d := newDevice(t, nil)
	a := [8]byte{1, 2, 3}
	d.naks("CHLNG for the default key", osdp.Framed(true, false, 1, 0, 0x11, 0, osdp.CmdChlng, a[:]...), osdp.NakConditions)
	mustTell(t, "device", d.notes, osdp.RefusedDefaultKey)
	d.naks("CHLNG without a key's number", osdp.Framed(true, false, 1, 0, 0x11, -1, osdp.CmdChlng, a[:]...), osdp.NakConditions)

	s := d.shake(testKey, [8]byte{7})
	p := s.Seal(false, true, 1, 3, osdp.CmdKeySet, append([]byte{1, 16}, def[:]...))
	f, ok := d.open(s, p)
	if !ok || f.Code != osdp.ReplyNak || f.Data[0] != byte(osdp.NakRecord) {
		t.Errorf("KEYSET with the default key: %+v", f)
	}
	mustTell(t, "device", d.notes, osdp.RefusedKey)
	if len(d.cmds) > 0 {
		t.Errorf("%x reached the application", d.cmds)
	}
}

// open says p inside the channel s and opens the answer.
func (d *device) open(s *osdp.Session, p []byte) (osdp.Frame, bool) {
	d.t.Helper()
	_, raw, ok := d.say(p)
	if !ok {
		return osdp.Frame{}, false
	}
	return s.Open(raw)
}

func TestDeviceWithoutKey(t *testing.T) {
	d := newDevice(t, func(c *osdp.PDConfig) { c.Key, c.Nonce = [16]byte{}, nil })
	for _, key := range []int{0, 1} {
		f, raw, ok := d.say(osdp.Framed(true, false, 1, 0, 0x11, key, osdp.CmdChlng, 1, 2, 3, 4, 5, 6, 7, 8))
		if !ok || f.Code != osdp.ReplyNak {
			t.Errorf("CHLNG to a device without a key: %x", raw)
		}
	}
	d.naks("KEYSET to a device without a key", osdp.Plain(1, 0, osdp.CmdKeySet, append([]byte{1, 16}, testKey[:]...)...), osdp.NakConditions)
	if len(d.cmds) > 0 {
		t.Errorf("%x reached the application", d.cmds)
	}
}

func TestDeviceRefusesRoguePanel(t *testing.T) {
	d := newDevice(t, nil)
	wrong := testKey
	wrong[15] ^= 1
	if _, ok := d.tryShake(wrong, [8]byte{1}); ok {
		t.Fatal("a panel with another key came in")
	}
	mustTell(t, "device", d.notes, osdp.BadProof)
	if d.pd.Secure() || d.pd.Online() {
		t.Error("the device believes the rogue panel")
	}
	// The proof is used up: not even the right one is taken now.
	d.naks("SCRYPT without CHLNG", osdp.Framed(true, false, 1, 3, 0x13, 1, osdp.CmdSCrypt, make([]byte, 16)...), osdp.NakConditions)
}

// A recorded session is worth nothing: the device's nonce is another.
func TestDeviceRefusesRecordedSession(t *testing.T) {
	d := newDevice(t, nil)
	var tape [][]byte
	say := func(p []byte) (osdp.Frame, bool) {
		tape = append(tape, p)
		f, _, ok := d.say(p)
		return f, ok
	}
	nonce := [8]byte{9, 9}
	say(osdp.Plain(1, 0, osdp.CmdPoll))
	f, _ := say(osdp.Framed(true, false, 1, 1, 0x11, 1, osdp.CmdChlng, nonce[:]...))
	s := new(osdp.Session)
	s.Derive(testKey, nonce)
	proof := s.Cryptogram([8]byte(f.Data[8:16]), nonce)
	say(osdp.Framed(true, false, 1, 2, 0x13, 1, osdp.CmdSCrypt, proof[:]...))
	s.Start(proof)
	p := s.Seal(false, true, 1, 3, osdp.CmdOut, outData)
	tape = append(tape, p)
	if f, ok := d.open(s, p); !ok || f.Code != osdp.ReplyAck {
		t.Fatalf("OUT was not taken: %+v", f)
	}
	if len(d.cmds) != 1 {
		t.Fatalf("%x reached the application, want one OUT", d.cmds)
	}
	for range 3 {
		for _, p := range tape {
			d.say(p)
		}
	}
	if len(d.cmds) != 1 || d.pd.Secure() {
		t.Errorf("the recording was taken: %x", d.cmds)
	}
}

func TestDeviceRefusesReplayAndReorder(t *testing.T) {
	for name, attack := range map[string]func(d *device, s *osdp.Session){
		"replayed, number due": func(d *device, s *osdp.Session) {
			first := s.Seal(false, true, 1, 3, osdp.CmdOut, outData)
			d.open(s, first)
			for _, n := range []byte{1, 2} {
				d.open(s, s.Seal(false, true, 1, n, osdp.CmdPoll, nil))
			}
			d.cmds = nil
			d.say(first) // its number is the next, its MAC is not
		},
		"replayed, number not due": func(d *device, s *osdp.Session) {
			first := s.Seal(false, true, 1, 3, osdp.CmdOut, outData)
			d.open(s, first)
			d.open(s, s.Seal(false, true, 1, 1, osdp.CmdPoll, nil))
			d.cmds = nil
			d.naks("replay", first, osdp.NakSequence)
		},
		"reordered": func(d *device, s *osdp.Session) {
			poll := s.Seal(false, true, 1, 3, osdp.CmdPoll, nil)
			out := s.Seal(false, true, 1, 1, osdp.CmdOut, outData)
			d.say(out)
			d.say(poll)
			d.cmds = without(d.cmds, osdp.CmdPoll)
		},
		"wrong MAC": func(d *device, s *osdp.Session) {
			p := s.Seal(false, true, 1, 3, osdp.CmdOut, outData)
			p[len(p)-3] ^= 1
			d.say(recheck(p))
			mustTell(d.t, "device", d.notes, osdp.BadMAC)
			if d.pd.Secure() {
				d.t.Error("the channel outlived a wrong MAC")
			}
			d.say(s.Seal(false, true, 1, 1, osdp.CmdOut, outData))
		},
		"another address": func(d *device, s *osdp.Session) {
			p := s.Seal(false, true, 2, 3, osdp.CmdOut, outData)
			if _, raw, ok := d.say(p); ok {
				d.t.Errorf("a packet to another device was answered: %x", raw)
			}
		},
		"moved to this address": func(d *device, s *osdp.Session) {
			p := s.Seal(false, true, 2, 3, osdp.CmdOut, outData)
			p[1] = 1
			d.say(recheck(p))
		},
		"reflected": func(d *device, s *osdp.Session) {
			_, raw, _ := d.say(s.Seal(false, true, 1, 3, osdp.CmdPoll, nil))
			d.cmds = nil
			raw[1] &= 0x7F
			d.say(recheck(raw))
		},
		"in the clear with a MAC": func(d *device, s *osdp.Session) {
			d.say(s.SealPlainly(false, 1, 3, osdp.CmdOut, outData))
			mustTell(d.t, "device", d.notes, osdp.RefusedUnencrypted)
			if d.pd.Secure() || d.pd.Stats().Downgrades == 0 {
				d.t.Error("the channel outlived a command in the clear, or nobody counted")
			}
		},
		"in the clear": func(d *device, s *osdp.Session) {
			d.naks("OUT", osdp.Plain(1, 3, osdp.CmdOut, outData...), osdp.NakConditions)
			mustTell(d.t, "device", d.notes, osdp.RefusedPlain)
		},
		"poll in the clear": func(d *device, s *osdp.Session) {
			d.naks("POLL", osdp.Plain(1, 3, osdp.CmdPoll), osdp.NakConditions)
			mustTell(d.t, "device", d.notes, osdp.RefusedPlain)
			if d.pd.Secure() {
				d.t.Error("the channel outlived a poll in the clear")
			}
		},
		"after sequence 0": func(d *device, s *osdp.Session) {
			d.say(osdp.Plain(1, 0, osdp.CmdPoll))
			if d.pd.Secure() {
				d.t.Error("the channel outlived a fresh start")
			}
			d.naks("old channel", s.Seal(false, true, 1, 1, osdp.CmdOut, outData), osdp.NakConditions)
		},
		"sequence 0 in the channel": func(d *device, s *osdp.Session) {
			d.naks("sequence 0", s.Seal(false, true, 1, 0, osdp.CmdOut, outData), osdp.NakConditions)
		},
		"without padding": func(d *device, s *osdp.Session) {
			d.say(s.SealBlocks(1, 3, osdp.CmdOut, bytes.Repeat([]byte{0x11}, 16)))
			d.say(s.SealBlocks(1, 3, osdp.CmdOut, make([]byte, 16)))
		},
		"two blocks of padding": func(d *device, s *osdp.Session) {
			d.say(s.SealBlocks(1, 3, osdp.CmdOut, append(append(outData[:4:4], 0x80), make([]byte, 27)...)))
		},
		"half a block": func(d *device, s *osdp.Session) {
			p := s.Seal(false, true, 1, 3, osdp.CmdOut, outData)
			p = append(p[:len(p)-7], p[len(p)-6:]...)
			p[2]--
			d.say(recheck(p))
		},
		"a reply's block": func(d *device, s *osdp.Session) {
			p := s.Seal(false, true, 1, 3, osdp.CmdOut, outData)
			p[6] = 0x18
			d.naks("SCS_18", recheck(p), osdp.NakSecurity)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, nil)
			s := d.shake(testKey, [8]byte{3, 1, 4})
			attack(d, s)
			if len(d.cmds) > 0 {
				t.Errorf("%x reached the application", d.cmds)
			}
			// Whatever it was, the true panel gets in again.
			s = d.shake(testKey, [8]byte{2, 7, 1})
			if f, ok := d.open(s, s.Seal(false, true, 1, 3, osdp.CmdOut, outData)); !ok || f.Code != osdp.ReplyAck {
				t.Errorf("OUT after the attack: %+v", f)
			}
		})
	}
}

func without(codes []byte, code byte) []byte {
	var out []byte
	for _, c := range codes {
		if c != code {
			out = append(out, c)
		}
	}
	return out
}

// recheck repairs a packet's CRC.
func recheck(p []byte) []byte {
	c := osdp.CRC(p[:len(p)-2])
	p[len(p)-2], p[len(p)-1] = byte(c), byte(c>>8)
	return p
}

// A repeat is answered from memory, byte for byte, and acted on once.
func TestDeviceAnswersRepeats(t *testing.T) {
	d := newDevice(t, nil)
	s := d.shake(testKey, [8]byte{1})
	p := s.Seal(false, true, 1, 3, osdp.CmdOut, outData)
	_, first, _ := d.say(p)
	d.naks("noise between", osdp.Plain(1, 2, osdp.CmdPoll), osdp.NakSequence)
	for range 5 {
		_, again, ok := d.say(p)
		if !ok || !bytes.Equal(again, first) {
			t.Fatalf("answered %x, want %x", again, first)
		}
	}
	if len(d.cmds) != 1 {
		t.Errorf("OUT was carried out %d times", len(d.cmds))
	}
	if d.pd.Stats().Repeats != 5 {
		t.Errorf("counted %d repeats", d.pd.Stats().Repeats)
	}
	if _, ok := s.Open(first); !ok {
		t.Fatal("the reply does not open")
	}
	if f, ok := d.open(s, s.Seal(false, true, 1, 1, osdp.CmdPoll, nil)); !ok || f.Code != osdp.ReplyAck {
		t.Errorf("the channel did not go on: %+v", f)
	}
}

// What the application said is confirmed by the next command of the same channel
// and by nothing else: not by a repeat, not by another channel's commands, even
// those that the state machine answers itself.
func TestConfirmed(t *testing.T) {
	d := newDevice(t, nil)
	var confirmed []bool
	say := func(s *osdp.Session, sequence, code byte, data ...byte) {
		t.Helper()
		p := s.Seal(false, true, 1, sequence, code, data)
		var reply []byte
		for range 2 { // the second is a repeat
			for _, b := range p {
				d.now++
				a := d.pd.Feed(d.now, b)
				if a == osdp.Handle {
					confirmed = append(confirmed, d.pd.Command().Confirmed)
					a = d.pd.Reply(osdp.ReplyMfg, []byte("event"))
				}
				if a == osdp.Send {
					reply = append([]byte(nil), d.pd.Out()...)
				}
			}
		}
		if _, ok := s.Open(reply); !ok {
			t.Fatalf("reply %x does not open", reply)
		}
	}
	s := d.shake(testKey, [8]byte{1})
	say(s, 3, osdp.CmdPoll)
	say(s, 1, osdp.CmdPoll)
	say(s, 2, osdp.CmdID, 0)
	say(s, 3, osdp.CmdPoll)
	s = d.shake(testKey, [8]byte{2})
	say(s, 3, osdp.CmdID, 0)
	say(s, 1, osdp.CmdACURxSize, 128, 0)
	say(s, 2, osdp.CmdPoll)
	say(s, 3, osdp.CmdPoll)
	if want := []bool{false, true, true, false, true}; !slices.Equal(confirmed, want) {
		t.Errorf("confirmed %v, want %v", confirmed, want)
	}
}

func TestDeviceWithoutNonce(t *testing.T) {
	d := newDevice(t, func(c *osdp.PDConfig) { c.Nonce = broken{} })
	if _, ok := d.tryShake(testKey, [8]byte{1}); ok {
		t.Fatal("a channel came up without a nonce")
	}
	mustTell(t, "device", d.notes, osdp.RefusedNonce)
}

func TestDeviceConfigAddress(t *testing.T) {
	d := newDevice(t, nil)
	if _, raw, ok := d.say(osdp.Plain(osdp.ConfigAddress, 0, osdp.CmdID, 0)); ok {
		t.Errorf("answered %x though it must not", raw)
	}
	d = newDevice(t, func(c *osdp.PDConfig) { c.ConfigAddress = true })
	f, raw, ok := d.say(osdp.Plain(osdp.ConfigAddress, 0, osdp.CmdID, 0))
	if !ok || f.Code != osdp.ReplyPDID || raw[1] != 0xFF {
		t.Errorf("answered %x", raw)
	}
	f, raw, ok = d.say(osdp.Plain(osdp.ConfigAddress, 0, osdp.CmdComSet, 5, 0, 0x25, 0, 0))
	if !ok || f.Code != osdp.ReplyNak || d.pd.Address() != 1 {
		t.Errorf("COMSET in the clear: answered %x, address %d", raw, d.pd.Address())
	}
}

func TestDeviceGoesOffline(t *testing.T) {
	d := newDevice(t, nil)
	s := d.shake(testKey, [8]byte{1})
	d.open(s, s.Seal(false, true, 1, 3, osdp.CmdPoll, nil))
	if !d.pd.Online() {
		t.Fatal("not online")
	}
	start := d.now
	for d.pd.Online() {
		d.now += 5
		d.pd.Tick(d.now)
		// Somebody without the key keeps talking; that is no panel.
		if d.now%100 == 0 {
			for _, b := range osdp.Plain(2, 1, osdp.CmdPoll) {
				d.pd.Feed(d.now, b)
			}
		}
		if d.now-start > 60_000 {
			t.Fatal("never offline")
		}
	}
	if gone := d.now - start; gone < 7900 || gone > 8200 {
		t.Errorf("offline after %d ms, want 8,000", gone)
	}
	if d.pd.Secure() {
		t.Error("the channel outlived the panel")
	}
}

// A packet whose check is wrong is refused in its own manner of checking; inside
// the channel only a panel of ours is told.
func TestDeviceGarbled(t *testing.T) {
	spoil := func(p []byte) []byte {
		p[len(p)-3] ^= 0x10
		return p
	}
	for _, crc := range []bool{true, false} {
		for _, marked := range []bool{true, false} {
			d := newDevice(t, nil)
			f, raw, ok := d.say(spoil(osdp.Framed(crc, marked, 1, 0, 0, -1, osdp.CmdID, 0)))
			if !ok || f.Code != osdp.ReplyNak || osdp.Nak(f.Data[0]) != osdp.NakCheck || f.CRC != crc || (raw[0] == 0xFF) != marked {
				t.Errorf("CRC %v, mark %v: answered %x", crc, marked, raw)
			}
		}
	}
	d := newDevice(t, nil)
	s := d.shake(testKey, [8]byte{1, 2, 3})
	copied := *s
	if _, raw, ok := d.say(spoil(copied.Seal(false, true, 1, 3, osdp.CmdPoll, nil))); ok {
		t.Errorf("in the channel, to a panel of anybody's: answered %x", raw)
	}
	if f, ok := d.open(s, s.Seal(false, true, 1, 3, osdp.CmdPoll, nil)); !ok || f.Code != osdp.ReplyAck {
		t.Errorf("the channel did not survive: %+v", f)
	}
	var ask [8]byte
	if f, ok := d.open(s, s.Seal(false, true, 1, 1, osdp.CmdMfg, ask[:osdp.PutAsk(ask[:])])); !ok || f.Code != osdp.ReplyAck {
		t.Errorf("vendor command: %+v", f)
	}
	copied = *s
	d.naks("in the channel, to a panel of ours", spoil(copied.Seal(false, true, 1, 2, osdp.CmdPoll, nil)), osdp.NakCheck)
	if f, ok := d.open(s, s.Seal(false, true, 1, 2, osdp.CmdPoll, nil)); !ok || f.Code != osdp.ReplyAck {
		t.Errorf("the channel did not survive the refusal: %+v", f)
	}
}
