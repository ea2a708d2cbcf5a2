package osdp_test

import (
	"bytes"
	"testing"

	"github.com/con-ting/conting/firmware/osdp"
)

// inputs answers as a device with contacts does.
func inputs(l *line) func(c *osdp.Command) osdp.Action {
	return func(c *osdp.Command) osdp.Action {
		if c.Code == osdp.CmdIStat {
			return l.pd.Reply(osdp.ReplyIStat, []byte{1, 0, 1, 1, 1})
		}
		return l.pd.Reply(osdp.ReplyAck, nil)
	}
}

// channel is the reply's place in the test: what the device would have said, and
// a copy of its channel as it was before it said it.
func forge(l *line, code byte, make func(s *osdp.Session, sequence byte) []byte) {
	l.toCP = func(p []byte) []byte {
		if !l.pd.Secure() || l.pd.Command().Code != code {
			return p
		}
		l.toCP = nil
		return make(l.pd.Channel(), p[4]&3)
	}
}

func TestPanelRefusesForgedReplies(t *testing.T) {
	for name, v := range map[string]struct {
		forge func(s *osdp.Session, sequence byte) []byte
		tells osdp.NoticeKind
	}{
		// What the specification calls SCS_16 with data: authentic, but readable.
		"ISTATR with a MAC, in the clear": {func(s *osdp.Session, n byte) []byte {
			return s.SealPlainly(true, 1, n, osdp.ReplyIStat, []byte{1, 0, 1, 1, 1})
		}, osdp.RefusedUnencrypted},
		"ISTATR in the clear": {func(_ *osdp.Session, n byte) []byte {
			return osdp.Framed(true, false, 0x81, n, 0, -1, osdp.ReplyIStat, 1, 1, 1, 1, 1)
		}, osdp.RefusedPlain},
		"ACK in the clear": {func(_ *osdp.Session, n byte) []byte {
			return osdp.Framed(true, false, 0x81, n, 0, -1, osdp.ReplyAck)
		}, osdp.RefusedPlain},
		"wrong MAC": {func(s *osdp.Session, n byte) []byte {
			p := s.Seal(true, true, 1, n, osdp.ReplyIStat, []byte{1, 1, 1, 1, 1})
			p[len(p)-3] ^= 0x80
			return recheck(p)
		}, osdp.BadMAC},
		"a command's block": {func(s *osdp.Session, n byte) []byte {
			p := s.Seal(true, true, 1, n, osdp.ReplyIStat, []byte{1, 1, 1, 1, 1})
			p[6] = 0x17
			return recheck(p)
		}, osdp.RefusedPlain},
		"refused in the clear": {func(_ *osdp.Session, n byte) []byte {
			return osdp.Framed(true, false, 0x81, n, 0, -1, osdp.ReplyNak, byte(osdp.NakConditions))
		}, osdp.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, nil)
			l.app = inputs(l)
			l.secured()
			l.run(100)
			if r := l.do(osdp.CmdIStat); r.Code != osdp.ReplyIStat || !bytes.Equal(r.data, []byte{1, 0, 1, 1, 1}) {
				t.Fatalf("an honest answer came as %+v %x", r.Reply, r.data)
			}
			l.cpNotes = nil
			forge(l, osdp.CmdIStat, v.forge)
			r := l.do(osdp.CmdIStat)
			if r.Fault != osdp.FaultLost || r.Code != 0 {
				t.Errorf("the panel took %+v %x", r.Reply, r.data)
			}
			mustTell(t, "panel", l.cpNotes, v.tells)
			mustTell(t, "panel", l.cpNotes, osdp.Closed)
			l.secured()
		})
	}
}

// Noise in the shape of packets must not end a good channel.
func TestPanelIgnoresStrangers(t *testing.T) {
	l := newLine(t, nil)
	l.app = inputs(l)
	l.secured()
	for name, p := range map[string][]byte{
		"another device":          osdp.Framed(true, false, 0x82, 1, 0, -1, osdp.ReplyNak, 6),
		"a command":               osdp.Plain(1, 1, osdp.CmdPoll),
		"a late reply":            osdp.Framed(true, false, 0x81, 0, 0, -1, osdp.ReplyAck),
		"a wrong check":           {0x53, 0x81, 0x08, 0, 0x04, 0x40, 0, 0},
		"the beginning of one":    {0x53, 0x81},
		"garbage":                 {0xFF, 0x53, 0x53, 0xFF, 0, 1, 2, 3},
		"a length that is absurd": {0x53, 0x81, 0xFF, 0xFF, 4},
	} {
		l.toCP = func(q []byte) []byte { return append(append([]byte(nil), p...), q...) }
		l.run(300)
		l.toCP = nil
		l.run(300)
		if s := l.cp.Stats(); s.Handshakes != 1 {
			t.Fatalf("%s ended the channel: %+v %v", name, s, l.cpNotes)
		}
	}
	if r := l.do(osdp.CmdIStat); r.Code != osdp.ReplyIStat {
		t.Errorf("ISTAT: %+v", r.Reply)
	}
}

func TestPanelRefusesRogueDevice(t *testing.T) {
	for name, v := range map[string]struct {
		edit  func(*osdp.CPConfig, *osdp.PDConfig)
		spoil func(p []byte) []byte // of the device's packets
		tells osdp.NoticeKind
	}{
		"another key": {edit: func(_ *osdp.CPConfig, c *osdp.PDConfig) { c.Key[3] ^= 1 }, tells: osdp.BadProof},
		"no key":      {edit: func(_ *osdp.CPConfig, c *osdp.PDConfig) { c.Key = [16]byte{} }, tells: osdp.Refused},
		"offers the default key": {spoil: func(p []byte) []byte {
			if p[4]&8 != 0 && p[6] == 0x12 {
				p[7] = 0
				return recheck(p)
			}
			return p
		}, tells: osdp.RefusedDefaultKey},
		"CCRYPT in the clear": {spoil: func(p []byte) []byte {
			if p[4]&8 != 0 && p[6] == 0x12 {
				f, _ := osdp.Parse(p)
				return osdp.Framed(true, false, 0x81, f.Sequence, 0, -1, osdp.ReplyCCrypt, f.Data...)
			}
			return p
		}, tells: osdp.RefusedPlain},
		"says ACK to CHLNG": {spoil: func(p []byte) []byte {
			if p[4]&8 != 0 && p[6] == 0x12 {
				return osdp.Framed(true, false, 0x81, p[4]&3, 0, -1, osdp.ReplyAck)
			}
			return p
		}, tells: osdp.RefusedPlain},
		"its own nonce back": {spoil: func(p []byte) []byte {
			if p[4]&8 != 0 && p[6] == 0x12 {
				var n [8]byte
				again := counter(0)
				again.Fill(&n)
				copy(p[17:], n[:])
				return recheck(p)
			}
			return p
		}, tells: osdp.RefusedNonce},
		"refuses SCRYPT": {spoil: func(p []byte) []byte {
			if p[4]&8 != 0 && p[6] == 0x14 {
				p[7] = 0xFF
				return recheck(p)
			}
			return p
		}, tells: osdp.BadProof},
		"another R-MAC": {spoil: func(p []byte) []byte {
			if p[4]&8 != 0 && p[6] == 0x14 {
				p[9] ^= 1
				return recheck(p)
			}
			return p
		}, tells: osdp.BadProof},
	} {
		t.Run(name, func(t *testing.T) {
			first := true
			l := newLine(t, func(c *osdp.CPConfig, p *osdp.PDConfig) {
				if v.edit != nil {
					v.edit(c, p)
				}
			})
			l.toCP = func(p []byte) []byte {
				if v.spoil == nil || name == "its own nonce back" && !first {
					return p
				}
				q := v.spoil(append([]byte(nil), p...))
				if !bytes.Equal(p, q) {
					first = false
				}
				return q
			}
			l.toPD = func(p []byte) []byte {
				// Nothing but the handshake may ever leave a panel that has no channel.
				f, ok := osdp.Parse(p)
				if !ok || f.Code != osdp.CmdID && f.Code != osdp.CmdChlng && f.Code != osdp.CmdSCrypt {
					if !l.cp.Online() {
						t.Errorf("the panel sent %x", p)
					}
				}
				if ok && f.Code == osdp.CmdSCrypt && v.tells != osdp.BadProof {
					t.Errorf("the panel proved itself to %q", name)
				}
				if ok && f.Code == osdp.CmdSCrypt && v.edit != nil {
					t.Errorf("the panel proved itself to a device with %s", name)
				}
				return p
			}
			for range 900 {
				l.step()
				if l.cp.Online() {
					t.Fatal("the panel calls it secure")
				}
				if l.cp.Submit(osdp.CmdOut, outData) != 0 {
					t.Fatal("the panel took a command without a channel")
				}
			}
			mustTell(t, "panel", l.cpNotes, v.tells)
		})
	}
}

// Without a key a panel identifies and polls, and can do nothing else.
func TestPanelWithoutKey(t *testing.T) {
	l := newLine(t, func(c *osdp.CPConfig, _ *osdp.PDConfig) { c.Key, c.Nonce = [16]byte{}, nil })
	l.toPD = func(p []byte) []byte {
		f, ok := osdp.Parse(p)
		if !ok || f.Block != 0 || f.Code != osdp.CmdID && f.Code != osdp.CmdCap && f.Code != osdp.CmdPoll {
			t.Errorf("the panel sent %x", p)
		}
		return p
	}
	l.run(500)
	if id, ok := l.cp.Identity(); !ok || id.Model != 7 || len(l.cp.Capabilities()) != 2 {
		t.Errorf("identity %+v %v, capabilities %v", id, ok, l.cp.Capabilities())
	}
	if l.cp.Online() || l.cp.Submit(osdp.CmdOut, outData) != 0 || l.cp.Rekey(&testKey) != 0 {
		t.Error("a panel without a key did something")
	}
	if l.pd.Online() {
		t.Error("the device counts it as a panel")
	}
}

func TestPanelWithoutNonce(t *testing.T) {
	l := newLine(t, func(c *osdp.CPConfig, _ *osdp.PDConfig) { c.Nonce = broken{} })
	l.run(3000)
	mustTell(t, "panel", l.cpNotes, osdp.RefusedNonce)
	if l.cp.Online() || l.pd.Secure() {
		t.Error("a channel came up without a nonce")
	}
}

// A busy device is asked again with the same packet, and does the thing once.
func TestBusy(t *testing.T) {
	l := newLine(t, nil)
	busy, done := 5, 0
	l.app = func(c *osdp.Command) osdp.Action {
		if c.Code != osdp.CmdOut {
			return l.pd.Reply(osdp.ReplyAck, nil)
		}
		if busy <= 5 && c.Again != (busy < 5) {
			t.Errorf("Again is %v with %d to go", c.Again, busy)
		}
		if !bytes.Equal(c.Data, outData) {
			t.Errorf("the command's data are %x", c.Data)
		}
		if busy > 0 {
			busy--
			return l.pd.Reply(osdp.Deferred, nil)
		}
		done++
		return l.pd.Reply(osdp.ReplyOStat, []byte{1})
	}
	l.secured()
	if r := l.do(osdp.CmdOut, outData...); r.Code != osdp.ReplyOStat || done != 1 {
		t.Errorf("got %+v, done %d times", r.Reply, done)
	}
	l.run(500)
	if s := l.cp.Stats(); s.Handshakes != 1 {
		t.Errorf("the channel did not outlive BUSY: %+v %v", s, l.cpNotes)
	}

	busy = 1 << 30 // for ever
	r := l.do(osdp.CmdOut, outData...)
	if r.Fault != osdp.FaultLost {
		t.Errorf("a device busy for ever: %+v", r.Reply)
	}
}

// A device that dies is told as lost, each command's fate is known, and when it
// comes back so does the channel.
func TestDeviceDiesAndReturns(t *testing.T) {
	l := newLine(t, nil)
	l.secured()
	l.run(200)
	l.toPD = func([]byte) []byte { return nil }
	var tickets []uint16
	for range osdp.QueueSize {
		ticket := l.cp.Submit(osdp.CmdOut, outData)
		if ticket == 0 {
			t.Fatal("Submit refused")
		}
		tickets = append(tickets, ticket)
	}
	if l.cp.Submit(osdp.CmdOut, outData) != 0 {
		t.Error("the queue has no bound")
	}
	for i, ticket := range tickets {
		want := osdp.FaultUnsent
		r := l.outcome(ticket)
		if i == 0 && r.Fault == osdp.FaultLost {
			continue
		}
		if r.Fault != want {
			t.Errorf("ticket %d of %d: %+v", i, len(tickets), r.Reply)
		}
	}
	if l.cp.Online() || l.cp.Submit(osdp.CmdOut, outData) != 0 {
		t.Error("the panel does not know that the device is gone")
	}
	l.run(9000)
	mustTell(t, "panel", l.cpNotes, osdp.Offline)
	mustTell(t, "device", l.pdNotes, osdp.Offline)
	if n := told(l.cpNotes, osdp.Offline); n != 1 {
		t.Errorf("told Offline %d times", n)
	}
	l.toPD = nil
	back := l.now
	l.until(2000, "return", l.cp.Online)
	t.Logf("back after %d ms", l.now-back)
	count := map[uint16]int{}
	for _, r := range l.replies {
		if r.Ticket != 0 {
			count[r.Ticket]++
		}
	}
	for _, ticket := range tickets {
		if count[ticket] != 1 {
			t.Errorf("ticket %d has %d outcomes", ticket, count[ticket])
		}
	}
}

// A device that restarts has forgotten the channel; the panel notices at its
// first word.
func TestDeviceRestarts(t *testing.T) {
	l := newLine(t, nil)
	l.secured()
	l.run(500)
	seed := counter(1 << 50)
	if !l.pd.Init(&osdp.PDConfig{Address: 1, Key: testKey, Nonce: &seed}) {
		t.Fatal("Init")
	}
	start := l.now
	l.until(2000, "second channel", func() bool { return l.cp.Online() && l.pd.Secure() })
	if l.now-start > 500 {
		t.Errorf("the channel took %d ms to return", l.now-start)
	}
}

func TestRekey(t *testing.T) {
	l := newLine(t, nil)
	next := [16]byte{0xB0, 1, 2}
	var stored [16]byte
	l.app = func(c *osdp.Command) osdp.Action {
		if key, ok := c.KeyIn(); ok {
			stored = key
		}
		return l.pd.Reply(osdp.ReplyAck, nil)
	}
	l.secured()
	def := [16]byte{}
	for i := range def {
		def[i] = byte(0x30 + i)
	}
	if l.cp.Rekey(&def) != 0 || l.cp.Rekey(new([16]byte)) != 0 {
		t.Error("the panel would give away a key that must not be used")
	}
	if l.cp.Submit(osdp.CmdKeySet, make([]byte, 18)) != 0 {
		t.Error("KEYSET can be submitted past Rekey")
	}
	ticket := l.cp.Rekey(&next)
	if ticket == 0 || l.cp.Rekey(&next) != 0 {
		t.Fatal("Rekey")
	}
	if r := l.outcome(ticket); r.Code != osdp.ReplyAck || stored != next {
		t.Fatalf("got %+v, stored %x", r.Reply, stored)
	}
	l.until(2000, "channel with the new key", func() bool {
		return told(l.cpNotes, osdp.Secured) == 2 && l.cp.Online() && l.pd.Secure()
	})
	mustTell(t, "panel", l.cpNotes, osdp.KeyChanged)
	mustTell(t, "device", l.pdNotes, osdp.KeyChanged)

	// The old key is out.
	d := &device{t: t, pd: l.pd, now: l.now + 1000}
	if _, ok := d.tryShake(testKey, [8]byte{1}); ok {
		t.Error("the old key still opens")
	}
	if _, ok := d.tryShake(next, [8]byte{2}); !ok {
		t.Error("the new key does not open")
	}
}

// A device that cannot store the key keeps the old one.
func TestRekeyRefused(t *testing.T) {
	l := newLine(t, nil)
	l.app = func(c *osdp.Command) osdp.Action {
		if c.Code == osdp.CmdKeySet {
			return l.pd.Nak(osdp.NakRecord)
		}
		return l.pd.Reply(osdp.ReplyAck, nil)
	}
	l.secured()
	next := [16]byte{0xB0, 1, 2}
	if r := l.outcome(l.cp.Rekey(&next)); r.Code != osdp.ReplyNak {
		t.Errorf("got %+v", r.Reply)
	}
	l.run(500)
	if l.cp.Stats().Handshakes != 1 || !l.cp.Online() {
		t.Error("a refused key ended the channel")
	}
	l.cp.Restart(l.now)
	l.secured()
}

func TestComSet(t *testing.T) {
	l := newLine(t, nil)
	l.app = func(c *osdp.Command) osdp.Action {
		var comm osdp.Comm
		if c.Code == osdp.CmdComSet && comm.Take(c.Data) {
			comm.Baud = 115200 // it may choose another speed, and says so
			return l.pd.Reply(osdp.ReplyCom, l.pd.Scratch()[:comm.Put(l.pd.Scratch())])
		}
		return l.pd.Reply(osdp.ReplyAck, nil)
	}
	l.secured()
	want := osdp.Comm{Address: 9, Baud: 230400}
	var d [8]byte
	r := l.do(osdp.CmdComSet, d[:want.Put(d[:])]...)
	var got osdp.Comm
	if !got.Take(r.data) || got.Address != 9 || got.Baud != 115200 || l.pd.Address() != 9 {
		t.Errorf("got %+v, the device is at %d", got, l.pd.Address())
	}
	mustTell(t, "device", l.pdNotes, osdp.AddressChanged)
	nonce := counter(1 << 55)
	l.cp.Init(&osdp.CPConfig{Address: 9, Key: testKey, Nonce: &nonce})
	l.run(1)
	l.replies = nil
	l.until(2000, "channel at the new address", func() bool { return l.cp.Online() && l.pd.Secure() })

	for name, bad := range map[string][]byte{"0x7F": {0x7F, 0, 0x25, 0, 0}, "short": {9, 0, 0}} {
		if r := l.do(osdp.CmdComSet, bad...); r.Code != osdp.ReplyNak || l.pd.Address() != 9 {
			t.Errorf("%s: %+v, the device is at %d", name, r.Reply, l.pd.Address())
		}
	}
}

// A device with a small buffer is never sent more, and one with a small reply
// buffer on the other side never says more.
func TestSizes(t *testing.T) {
	l := newLine(t, func(c *osdp.CPConfig, p *osdp.PDConfig) {
		c.RxSize = 128
		p.Caps[1] = osdp.Capability{Function: osdp.CapReceiveBuffer, Level: 128}
	})
	longest := 0
	l.toPD = func(p []byte) []byte { longest = max(longest, len(p)); return p }
	l.toCP = func(p []byte) []byte {
		if len(p) > 128 {
			t.Errorf("a reply of %d bytes", len(p))
		}
		return p
	}
	size := 0
	l.app = func(c *osdp.Command) osdp.Action {
		if c.Code == osdp.CmdMfg {
			return l.pd.Reply(osdp.ReplyMfg, make([]byte, size))
		}
		return l.pd.Reply(osdp.ReplyAck, nil)
	}
	l.secured()
	l.run(200)
	if l.cp.Submit(osdp.CmdMfg, make([]byte, l.cp.Room()+1)) != 0 {
		t.Error("more than the device takes was taken")
	}
	if r := l.do(osdp.CmdMfg, make([]byte, l.cp.Room())...); r.Code != osdp.ReplyMfg && len(r.data) != 0 {
		t.Errorf("got %+v", r.Reply)
	}
	if longest != 126 { // 14 of frame and 112 in blocks: another block would be 142
		t.Errorf("the longest command had %d bytes", longest)
	}
	size = 112
	if r := l.do(osdp.CmdMfg); r.Code != osdp.ReplyNak || r.data[0] != byte(osdp.NakRecord) {
		t.Errorf("too long a reply became %+v", r.Reply)
	}
	size = 111
	if r := l.do(osdp.CmdMfg); r.Code != osdp.ReplyMfg || len(r.data) != 111 {
		t.Errorf("the longest reply became %+v", r.Reply)
	}
}

// Two devices share a line; each panel waits until the other's exchange is over.
func TestTwoDevicesOnOneLine(t *testing.T) {
	a := newLine(t, nil)
	b := newLine(t, func(c *osdp.CPConfig, p *osdp.PDConfig) { c.Address, p.Address = 2, 2; p.Key[0], c.Key[0] = 1, 1 })
	lines := []*line{a, b}
	turn := 0
	for now := uint32(1); now < 5000; now++ {
		l := lines[turn]
		for _, x := range lines {
			x.now = now
		}
		before := l.cp.Idle()
		l.onCP(l.cp.Tick(now))
		// Everybody hears the command, and everybody hears the reply.
		for _, c := range l.down {
			for _, x := range lines {
				x.onPD(x.pd.Feed(now, c))
			}
		}
		l.down = nil
		for _, x := range lines {
			reply := x.up
			x.up = nil
			for _, c := range reply {
				l.onCP(l.cp.Feed(now, c))
				for _, y := range lines {
					if y != x {
						y.onPD(y.pd.Feed(now, c))
					}
				}
			}
		}
		if l.cp.Idle() && (!before || l.cp.Due(now) > 0) {
			turn = 1 - turn
		}
	}
	for i, l := range lines {
		if s := l.cp.Stats(); !l.cp.Online() || s.Handshakes != 1 || s.Packets < 50 || l.pd.Stats().BadMAC > 0 {
			t.Errorf("device %d: online %v, panel %+v, device %+v", i, l.cp.Online(), s, l.pd.Stats())
		}
	}
}

// The clock is 32 bits of ms and comes round every 49 days.
func TestClockWraps(t *testing.T) {
	l := newLine(t, nil)
	l.now = 1<<32 - 10_000
	l.app = inputs(l)
	l.secured()
	for range 200 {
		if r := l.do(osdp.CmdIStat); r.Code != osdp.ReplyIStat {
			t.Fatalf("got %+v", r.Reply)
		}
		l.run(100)
	}
	if l.now > 1<<31 {
		t.Fatal("the clock did not come round")
	}
	if s := l.cp.Stats(); s.Handshakes != 1 || s.Repeats != 0 || !l.pd.Online() {
		t.Errorf("panel %+v, device online %v", s, l.pd.Online())
	}
}

// At 9,600 baud a long command takes longer to leave than a reply may take to
// begin.
func TestSlowLine(t *testing.T) {
	l := newLine(t, func(c *osdp.CPConfig, _ *osdp.PDConfig) { c.Baud = 9600 })
	l.app = func(c *osdp.Command) osdp.Action { return l.pd.Reply(osdp.ReplyAck, nil) }
	l.secured()
	l.run(100)
	// The line of the test is fast, so hold the reply back for as long as the
	// command would have taken to leave, and some.
	var held []byte
	l.toCP = func(p []byte) []byte {
		if l.pd.Command().Code != osdp.CmdMfg {
			return p
		}
		held = p
		return nil
	}
	ticket := l.cp.Submit(osdp.CmdMfg, make([]byte, l.cp.Room()))
	l.run(420)
	l.toCP = nil
	l.up = append(l.up, held...)
	if r := l.outcome(ticket); r.Code != osdp.ReplyAck {
		t.Errorf("got %+v", r.Reply)
	}
	if n := l.cp.Stats().Repeats; n != 0 {
		t.Errorf("the command was sent %d times more", n)
	}
}
