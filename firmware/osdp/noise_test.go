package osdp_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/con-ting/conting/firmware/osdp"
)

// unlocker is a device that counts what it opened for whom, and that reports a
// passage for each in answer to polls, as the controller does.
type unlocker struct {
	pd      *osdp.PD
	opened  map[uint32]int
	wrong   int      // commands that nobody sent
	waiting []uint32 // grants whose passage no panel has
	sent    bool     // the first of them is in the last reply
	number  uint32
}

func (u *unlocker) handle(c *osdp.Command) osdp.Action {
	if c.Confirmed && u.sent {
		u.waiting = u.waiting[1:]
		u.number++
		u.sent = false
	}
	u.sent = false
	switch c.Code {
	case osdp.CmdPoll:
		if len(u.waiting) == 0 {
			return u.pd.Reply(osdp.ReplyAck, nil)
		}
		u.sent = true
		p := osdp.Passage{Number: u.number + 1, Boot: 1, Kind: 3, Grant: u.waiting[0]}
		return u.pd.Reply(osdp.ReplyMfg, u.pd.Scratch()[:p.Put(u.pd.Scratch())])
	case osdp.CmdMfg:
		var o osdp.Order
		if !o.Take(c.Data) || o.Op != 1 {
			u.wrong++
			return u.pd.Nak(osdp.NakRecord)
		}
		u.opened[o.Grant]++
		u.waiting = append(u.waiting, o.Grant)
		out := osdp.Outcome{Op: o.Op, Grant: o.Grant}
		return u.pd.Reply(osdp.ReplyMfg, u.pd.Scratch()[:out.Put(u.pd.Scratch())])
	}
	u.wrong++
	return u.pd.Nak(osdp.NakUnknown)
}

// noisyLine runs a line for minutes of virtual time and checks what must hold on
// any line: nothing opens that was not asked for, nothing opens twice, no
// passage is lost or comes twice, and the link is back within two seconds.
func noisyLine(t *testing.T, seed uint64, minutes, rate int) {
	t.Helper()
	l := newLine(t, nil)
	rnd := rand.New(rand.NewPCG(seed, 7))
	l.toPD, l.toCP = noise(rnd, rate), noise(rnd, rate)
	u := &unlocker{pd: &l.pd, opened: map[uint32]int{}}
	l.app = u.handle
	var (
		asked    = map[uint16]uint32{} // grant by ticket
		outcomes = map[uint16][]reply{}
		events   osdp.Sequence
		passed   = map[uint32]int{}
		seen     int

		good, worst, exchanges, packets uint32
	)
	read := func() {
		for ; seen < len(l.replies); seen++ {
			r := l.replies[seen]
			var p osdp.Passage
			switch {
			case r.Ticket != 0:
				outcomes[r.Ticket] = append(outcomes[r.Ticket], r)
			case p.Take(r.data):
				fresh, missing, _ := events.Take(&p)
				if missing > 0 {
					t.Fatalf("seed %d: %d passages lost before %+v", seed, missing, p)
				}
				if fresh {
					passed[p.Grant]++
				}
			default:
				t.Fatalf("seed %d: a poll brought %+v %x", seed, r.Reply, r.data)
			}
		}
	}
	for ms := range minutes * 60_000 {
		if ms%400 == 0 && l.cp.Online() {
			grant := uint32(len(asked) + 1)
			o := osdp.Order{Op: 1, Grant: grant, MS: 5000}
			var d [32]byte
			if ticket := l.cp.Submit(osdp.CmdMfg, d[:o.Put(d[:])]); ticket != 0 {
				asked[ticket] = grant
			}
		}
		l.step()
		read()
		// Packets counts what is valid for the panel; while the channel is up that
		// is authentic or closes it.
		if s := l.cp.Stats(); l.cp.Online() && s.Packets != packets {
			packets = s.Packets
			if exchanges > 0 {
				worst = max(worst, l.now-good)
			}
			good = l.now
			exchanges++
		}
	}
	l.toPD, l.toCP = nil, nil
	l.run(5000)
	read()
	if u.wrong > 0 {
		t.Errorf("seed %d: %d commands came out of the noise", seed, u.wrong)
	}
	granted := map[uint32]bool{}
	for ticket, grant := range asked {
		granted[grant] = true
		r := outcomes[ticket]
		if len(r) != 1 {
			t.Errorf("seed %d: ticket %d has %d outcomes", seed, ticket, len(r))
			continue
		}
		n := u.opened[grant]
		switch r[0].Fault {
		case osdp.FaultNone:
			var o osdp.Outcome
			if n != 1 || !o.Take(r[0].data) || o.Grant != grant {
				t.Errorf("seed %d: grant %d was accepted (%x) and opened %d times", seed, grant, r[0].data, n)
			}
		case osdp.FaultUnsent:
			if n != 0 {
				t.Errorf("seed %d: grant %d was never sent and opened", seed, grant)
			}
		case osdp.FaultLost:
		}
	}
	for grant, n := range u.opened {
		if !granted[grant] || n != 1 || passed[grant] != 1 {
			t.Errorf("seed %d: grant %d (asked for: %v) opened %d times, passage told %d times", seed, grant, granted[grant], n, passed[grant])
		}
	}
	if worst >= 2000 {
		t.Errorf("seed %d: the link was gone for %d ms", seed, worst)
	}
	if want := uint32(minutes * 60 * 5); exchanges < want {
		t.Errorf("seed %d: only %d exchanges, want %d", seed, exchanges, want)
	}
	if l.cp.Stats().BadCheck == 0 || l.pd.Stats().BadCheck == 0 {
		t.Errorf("seed %d: the noise did nothing", seed)
	}
	t.Logf("seed %d: %d exchanges, %d grants, worst gap %d ms, panel %+v, device %+v", seed, exchanges, len(asked), worst, l.cp.Stats(), l.pd.Stats())
}

// One byte in a hundred is flipped, dropped or inserted for ten minutes.
func TestNoise(t *testing.T) {
	seeds := 3
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		noisyLine(t, uint64(seed), 10, 100)
	}
}

// A line that is mostly noise: nothing may open that was not asked for.
func TestNoiseOnly(t *testing.T) {
	l := newLine(t, nil)
	u := &unlocker{pd: &l.pd, opened: map[uint32]int{}}
	l.app = u.handle
	l.secured()
	rnd := rand.New(rand.NewPCG(9, 9))
	l.toPD = func([]byte) []byte { return nil }
	for range 60_000 {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], rnd.Uint64())
		if rnd.IntN(4) == 0 {
			b[0] = 0x53
		}
		l.down = append(l.down, b[:]...)
		l.step()
	}
	if len(u.opened) > 0 || u.wrong > 0 {
		t.Errorf("noise opened %v, and %d commands came out of it", u.opened, u.wrong)
	}
	if l.pd.Online() {
		t.Error("the device takes noise for a panel")
	}
	l.toPD = nil
	l.down = nil
	l.secured()
}
