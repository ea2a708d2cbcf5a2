package osdp_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/con-ting/conting/firmware/osdp"
)

// counter is a source of nonces that never repeats and starts where it is told.
type counter uint64

func (c *counter) Fill(dst *[8]byte) bool {
	*c++
	binary.BigEndian.PutUint64(dst[:], uint64(*c)*0x9E3779B97F4A7C15)
	return true
}

type broken struct{}

func (broken) Fill(*[8]byte) bool { return false }

var testKey = [16]byte{0xA1, 0x52, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

// line joins a panel and a device in virtual time: one byte takes wire ms, and
// noise may do to it what it likes.
type line struct {
	t   *testing.T
	now uint32
	cp  osdp.CP
	pd  osdp.PD

	// app answers the device's commands; nil acknowledges.
	app func(c *osdp.Command) osdp.Action

	// toPD and toCP see each packet as it leaves, and return what arrives.
	toPD, toCP func(p []byte) []byte

	replies []reply
	cpNotes []osdp.Notice
	pdNotes []osdp.Notice
	down    []byte // on the way to the device
	up      []byte // on the way to the panel
}

type reply struct {
	osdp.Reply
	data []byte
	at   uint32
}

func newLine(t *testing.T, edit func(*osdp.CPConfig, *osdp.PDConfig)) *line {
	t.Helper()
	cc := osdp.CPConfig{Address: 1, Key: testKey, Nonce: new(counter)}
	seed := counter(1 << 40)
	pc := osdp.PDConfig{
		Address: 1, Key: testKey, Nonce: &seed,
		ID:      osdp.Identity{Vendor: [3]byte{2, 'C', 'T'}, Model: 7, Version: 2, Serial: 0x01020304, Firmware: [3]byte{1, 2, 3}},
		Caps:    [osdp.MaxCapabilities]osdp.Capability{{Function: 1, Level: 2, Items: 5}, {Function: 10, Level: 0, Items: 1}},
		CapsLen: 2,
	}
	if edit != nil {
		edit(&cc, &pc)
	}
	l := &line{t: t}
	if !l.cp.Init(&cc) || !l.pd.Init(&pc) {
		t.Fatal("Init refused the configuration")
	}
	return l
}

func (l *line) onCP(a osdp.Action) {
	switch a {
	case osdp.Send:
		p := append([]byte(nil), l.cp.Out()...)
		if l.toPD != nil {
			p = l.toPD(p)
		}
		l.down = append(l.down, p...)
	case osdp.Deliver:
		r := *l.cp.Reply()
		l.replies = append(l.replies, reply{r, append([]byte(nil), r.Data...), l.now})
	case osdp.Wait, osdp.Handle:
	}
}

func (l *line) onPD(a osdp.Action) {
	for a == osdp.Handle {
		if l.app == nil {
			a = l.pd.Reply(osdp.ReplyAck, nil)
			continue
		}
		a = l.app(l.pd.Command())
	}
	if a == osdp.Send {
		p := append([]byte(nil), l.pd.Out()...)
		if l.toCP != nil {
			p = l.toCP(p)
		}
		l.up = append(l.up, p...)
	}
}

// step moves up to 12 bytes each way (115,200 baud) in one ms.
func (l *line) step() {
	l.now++
	n := min(12, len(l.down))
	for _, b := range l.down[:n] {
		l.onPD(l.pd.Feed(l.now, b))
	}
	l.down = l.down[n:]
	l.onPD(l.pd.Tick(l.now))
	n = min(12, len(l.up))
	for _, b := range l.up[:n] {
		l.onCP(l.cp.Feed(l.now, b))
	}
	l.up = l.up[n:]
	l.onCP(l.cp.Tick(l.now))
	for {
		n, ok := l.cp.Notice()
		if !ok {
			break
		}
		l.cpNotes = append(l.cpNotes, n)
	}
	for {
		n, ok := l.pd.Notice()
		if !ok {
			break
		}
		l.pdNotes = append(l.pdNotes, n)
	}
}

// until steps until ok or for at most ms of virtual time.
func (l *line) until(ms int, what string, ok func() bool) {
	l.t.Helper()
	for range ms {
		if ok() {
			return
		}
		l.step()
	}
	if !ok() {
		l.t.Fatalf("%d ms and no %s; panel %v %+v, device %v %+v", ms, what, l.cpNotes, l.cp.Stats(), l.pdNotes, l.pd.Stats())
	}
}

func (l *line) secured() {
	l.t.Helper()
	l.until(2000, "secure channel", func() bool { return l.cp.Online() && l.pd.Secure() })
}

func (l *line) run(ms int) {
	for range ms {
		l.step()
	}
}

// do submits a command and waits for its outcome.
func (l *line) do(code byte, data ...byte) reply {
	l.t.Helper()
	ticket := l.cp.Submit(code, data)
	if ticket == 0 {
		l.t.Fatalf("Submit(%#x) refused", code)
	}
	return l.outcome(ticket)
}

func (l *line) outcome(ticket uint16) reply {
	l.t.Helper()
	var r reply
	l.until(20000, "outcome", func() bool {
		for _, r = range l.replies {
			if r.Ticket == ticket {
				return true
			}
		}
		return false
	})
	return r
}

func told(notes []osdp.Notice, k osdp.NoticeKind) int {
	n := 0
	for _, note := range notes {
		if note.Kind == k {
			n++
		}
	}
	return n
}

func mustTell(t *testing.T, who string, notes []osdp.Notice, k osdp.NoticeKind) {
	t.Helper()
	if told(notes, k) == 0 {
		t.Errorf("%s did not tell %d: %v", who, k, notes)
	}
}

// noise flips, drops and inserts, each of the three one time in 3·rate bytes.
func noise(rnd *rand.Rand, rate int) func([]byte) []byte {
	return func(p []byte) []byte {
		var out []byte
		for _, b := range p {
			switch rnd.IntN(3 * rate) {
			case 0:
				b ^= 1 << rnd.IntN(8)
			case 1:
				continue
			case 2:
				out = append(out, byte(rnd.Uint32()))
			}
			out = append(out, b)
		}
		return out
	}
}
