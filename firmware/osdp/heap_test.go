package osdp_test

import (
	"testing"

	"github.com/con-ting/conting/firmware/osdp"
)

// Neither end allocates, in a handshake or after it. The controller's link
// without an allocator is the other proof.
func TestNoHeap(t *testing.T) {
	var (
		cp    osdp.CP
		pd    osdp.PD
		one   = counter(1)
		other = counter(1 << 40)
		now   uint32
		cc    = osdp.CPConfig{Address: 1, Key: testKey, Nonce: &one}
		pc    = osdp.PDConfig{Address: 1, Key: testKey, Nonce: &other}
		data  [32]byte
		got   int
	)
	if !cp.Init(&cc) || !pd.Init(&pc) {
		t.Fatal("Init")
	}
	step := func() {
		now++
		if cp.Tick(now) != osdp.Send {
			return
		}
		for _, b := range cp.Out() {
			a := pd.Feed(now, b)
			if a == osdp.Handle {
				p := osdp.Passage{Number: now}
				a = pd.Reply(osdp.ReplyMfg, pd.Scratch()[:p.Put(pd.Scratch())])
			}
			if a == osdp.Send {
				for _, b := range pd.Out() {
					var p osdp.Passage
					if cp.Feed(now, b) == osdp.Deliver && p.Take(cp.Reply().Data) {
						got++
					}
				}
			}
		}
		pd.Tick(now)
	}
	n := testing.AllocsPerRun(100, func() {
		cp.Restart(now)
		for range 200 {
			step()
			if cp.Online() && now%20 == 0 {
				o := osdp.Order{Op: 1, Grant: now}
				cp.Submit(osdp.CmdMfg, data[:o.Put(data[:])])
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
	if got < 1000 || cp.Stats().Handshakes < 100 {
		t.Errorf("only %d replies and %d handshakes", got, cp.Stats().Handshakes)
	}
}

func BenchmarkSecuredPoll(b *testing.B) {
	var (
		cp    osdp.CP
		pd    osdp.PD
		one   = counter(1)
		other = counter(1 << 40)
		now   uint32
	)
	if !cp.Init(&osdp.CPConfig{Address: 1, Key: testKey, Nonce: &one, PollMS: 1}) ||
		!pd.Init(&osdp.PDConfig{Address: 1, Key: testKey, Nonce: &other}) {
		b.Fatal("Init")
	}
	b.ReportAllocs()
	for b.Loop() {
		now++
		if cp.Tick(now) != osdp.Send {
			continue
		}
		for _, c := range cp.Out() {
			a := pd.Feed(now, c)
			if a == osdp.Handle {
				a = pd.Reply(osdp.ReplyAck, nil)
			}
			if a == osdp.Send {
				for _, c := range pd.Out() {
					cp.Feed(now, c)
				}
			}
		}
	}
}
