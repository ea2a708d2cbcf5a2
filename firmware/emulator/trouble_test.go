package emulator_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/con-ting/conting/firmware/emulator"
	"github.com/con-ting/conting/firmware/emulator/rig"
	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
)

// rose fits an edge after which all of the outputs are high.
func rose(o lane.Outputs) func(emulator.Edge) bool {
	return func(e emulator.Edge) bool { return !e.Reset && lane.Outputs(e.Outputs)&o == o }
}

func reset(e emulator.Edge) bool { return e.Reset }

// boot numbers the controller's present start.
func boot(t *testing.T, l *rig.Lane) uint16 {
	t.Helper()
	r, err := l.Report(within(t))
	must(t, err)
	return r.Boot
}

// restarted waits for the lane to be back after mark, its panel too, and returns
// why the controller says it started.
func restarted(t *testing.T, l *rig.Lane, mark int, before uint16) lane.Reason {
	t.Helper()
	ctx := within(t)
	if _, err := l.Await(ctx, mark, reset); err != nil {
		t.Fatal(err)
	}
	e, err := l.Event(ctx, 0, "another start", func(e osdp.Passage) bool {
		return lane.Kind(e.Kind) == lane.Booted && e.Boot != before
	})
	if err != nil {
		t.Fatal(err)
	}
	must(t, l.AwaitLevel(ctx, uint8(lane.Hold|lane.Ready), uint8(lane.Hold|lane.Ready)))
	return lane.Reason(e.Detail)
}

func TestWatchdogEndsHang(t *testing.T) {
	t.Parallel()
	l := ready(t, func(c *emulator.Config) { c.Patient = false })
	ctx := within(t)
	must(t, l.Grant(ctx, 1, lane.In))
	must(t, l.AwaitLevel(ctx, uint8(lane.HoldA), 0))
	before := boot(t, l)
	mark := l.Board.Mark()
	start := time.Now()
	must(t, l.Hang(ctx))
	e, err := l.Await(ctx, mark, reset)
	must(t, err)
	t.Logf("reset after %s", e.At.Sub(start))
	if why := restarted(t, l, mark, before); why != lane.Watchdog {
		t.Errorf("the controller says that it started because of %d, want the watchdog", why)
	}
	if n := l.Resets(); n != 1 {
		t.Errorf("%d resets, want 1", n)
	}
	r, err := l.Report(ctx)
	must(t, err)
	if r.Grants != 0 || lane.State(r.State) != lane.Locked {
		t.Errorf("after the reset: %+v; the grant must not outlive it", r)
	}
}

func TestFaultRestarts(t *testing.T) {
	l := ready(t)
	before := boot(t, l)
	mark := l.Board.Mark()
	must(t, l.Crash(within(t)))
	if why := restarted(t, l, mark, before); why != lane.Watchdog {
		t.Errorf("the controller says that it started because of %d, want the watchdog", why)
	}
}

func TestBrownOut(t *testing.T) {
	l := ready(t)
	before := boot(t, l)
	mark := l.Board.Mark()
	must(t, l.BrownOut(within(t)))
	if why := restarted(t, l, mark, before); why != lane.BrownOut {
		t.Errorf("the controller says that it started because of %d, want a brown-out", why)
	}
}

// TestPowerCut: what was set over the line is there after the power was, and no
// nonce comes again.
func TestPowerCut(t *testing.T) {
	l := ready(t)
	ctx := within(t)
	key := [16]byte{9, 8, 7, 6, 5, 4, 3, 2, 1}
	must(t, l.Rekey(ctx, key))
	before, err := l.Report(ctx)
	must(t, err)
	for range 3 {
		must(t, l.PowerCut())
		must(t, l.Boot(ctx))
		must(t, l.Attach(ctx, func(c *osdp.CPConfig) { c.Key = key }))
		must(t, l.Secured(ctx))
		after, err := l.Report(ctx)
		must(t, err)
		if after.Boot == before.Boot {
			t.Errorf("boot %d again", after.Boot)
		}
		before = after
	}
}

// TestFire cuts the loop in every state that a person can bring about.
func TestFire(t *testing.T) {
	t.Parallel()
	open := []rig.Step{{Pin: lane.LoopClosed, High: false}}
	for name, bring := range map[string]func(*testing.T, *rig.Lane) lane.State{
		"locked": func(*testing.T, *rig.Lane) lane.State { return lane.Locked },
		"armed": func(t *testing.T, l *rig.Lane) lane.State {
			must(t, l.Grant(within(t), 1, lane.In))
			return lane.Armed
		},
		"passing": func(t *testing.T, l *rig.Lane) lane.State {
			must(t, l.Grant(within(t), 1, lane.In))
			must(t, l.Walk(within(t), rig.Through(lane.In)[:3]))
			return lane.Passing
		},
		"forced": func(t *testing.T, l *rig.Lane) lane.State {
			must(t, l.Move(within(t), lane.Home, false))
			return lane.Forced
		},
		"out of service": func(t *testing.T, l *rig.Lane) lane.State {
			_, err := l.Order(within(t), lane.Command{Op: lane.StopService})
			must(t, err)
			return lane.OutOfService
		},
		"both ways closed": func(t *testing.T, l *rig.Lane) lane.State {
			_, err := l.Order(within(t), lane.Command{Op: lane.SetMode, Way: lane.NoWay, Mode: lane.Closed})
			must(t, err)
			return lane.Locked
		},
		"alarm": func(t *testing.T, l *rig.Lane) lane.State {
			must(t, l.Walk(within(t), open))
			return lane.Free
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := ready(t)
			ctx := within(t)
			want := bring(t, l)
			r, err := l.Report(ctx)
			must(t, err)
			if lane.State(r.State) != want {
				t.Fatalf("the lane is %s, want %s", lane.State(r.State), want)
			}
			must(t, l.Walk(ctx, open))
			must(t, l.AwaitLevel(ctx, uint8(lane.Hold|lane.GreenA|lane.GreenB|lane.RedA|lane.RedB), uint8(lane.GreenA|lane.GreenB)))
			got, err := l.Order(ctx, lane.Command{Op: lane.GrantOne, Grant: 99})
			must(t, err)
			if got != lane.Refused {
				t.Errorf("a grant in an alarm is %s", got)
			}
			_, err = l.Order(ctx, lane.Command{Op: lane.SetMode, Way: lane.NoWay, Mode: lane.Closed})
			must(t, err)
			if out, err := l.Outputs(ctx); err != nil || lane.Outputs(out)&lane.Hold != 0 {
				t.Errorf("closing holds people in an alarm: %08b, %v", out, err)
			}
			_, err = l.Happened(ctx, 0, lane.Freed)
			must(t, err)
		})
	}
}

// TestFireWithoutPanel: the loop frees the lane with nobody on the line, with a
// blank memory, and while the line is full of rubbish.
func TestFireWithoutPanel(t *testing.T) {
	t.Parallel()
	for name, disturb := range map[string]func(*testing.T, *rig.Lane){
		"no panel": func(*testing.T, *rig.Lane) {},
		"noise": func(t *testing.T, l *rig.Lane) {
			conn, err := l.Dial(within(t))
			must(t, err)
			t.Cleanup(func() { _ = conn.Close() })
			go func() { _, _ = io.Copy(io.Discard, conn) }() // a line that nobody reads stops QEMU
			go func() {
				rubbish := []byte{0x53, 0x01, 0xFF, 0x00, 0x07, 0x53, 0x53, 0x01, 0x08, 0x00, 0x04, 0x60}
				for {
					if _, err := conn.Write(rubbish); err != nil {
						return
					}
				}
			}()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			ctx := within(t)
			must(t, l.AwaitLevel(ctx, uint8(lane.Hold), uint8(lane.Hold)))
			disturb(t, l)
			for range 5 {
				must(t, l.Move(ctx, lane.LoopClosed, false))
				must(t, l.AwaitLevel(ctx, uint8(lane.Hold), 0))
				must(t, l.Move(ctx, lane.LoopClosed, true))
				must(t, l.AwaitLevel(ctx, uint8(lane.Hold), uint8(lane.Hold)))
			}
		})
	}
}

// TestStorm: more comes than there is room for while the software is busy, and
// the line works again when that ends.
func TestStorm(t *testing.T) {
	t.Parallel()
	l := ready(t)
	ctx := within(t)
	must(t, l.Panel.Close())
	conn, err := l.Dial(ctx)
	must(t, err)
	go func() { _, _ = io.Copy(io.Discard, conn) }() // a line that nobody reads stops QEMU
	mark := l.Board.Mark()
	must(t, l.Stall(ctx, func() error {
		if err := conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			return err
		}
		_, _ = conn.Write(make([]byte, 1<<20)) // it does not take as much as that
		return nil
	}))
	must(t, conn.Close())
	must(t, l.Attach(ctx))
	must(t, l.Secured(ctx))
	for _, e := range l.Edges(mark) {
		if e.Reset {
			t.Log("the stall took so long that the watchdog ended it")
		}
	}
}

// TestPanelDies: a grant that nobody used is taken back once its panel is gone,
// and the next panel learns of it.
func TestPanelDies(t *testing.T) {
	t.Parallel()
	l := ready(t)
	ctx := within(t)
	got, err := l.Order(ctx, lane.Command{Op: lane.GrantOne, Way: lane.In, Grant: 7, MS: lane.MaxGrantMS})
	must(t, err)
	if got != lane.Accepted {
		t.Fatal(got)
	}
	must(t, l.AwaitLevel(ctx, uint8(lane.HoldA), 0))
	mark, start := l.Board.Mark(), time.Now()
	must(t, l.Panel.Close())
	e, err := l.Await(ctx, mark, rose(lane.HoldA))
	must(t, err)
	t.Logf("taken back after %s", e.At.Sub(start))
	must(t, l.Attach(ctx))
	revoked, err := l.Happened(ctx, 0, lane.Revoked)
	must(t, err)
	if revoked.Grant != 7 {
		t.Errorf("revoked: %+v", revoked)
	}
	for i, e := range l.Events() {
		if e.Number != uint32(i+1) {
			t.Errorf("event %d has number %d: a new panel gets all that none has stored", i, e.Number)
		}
	}
}

// TestRoguePanel: without the key nobody moves the lane or learns more than who
// it is, and its own panel is served afterwards.
func TestRoguePanel(t *testing.T) {
	l := open(t)
	ctx := within(t)
	must(t, l.AwaitLevel(ctx, uint8(lane.Hold), uint8(lane.Hold)))
	mark := l.Board.Mark()
	must(t, l.Attach(ctx, func(c *osdp.CPConfig) { c.Key[0] ^= 1 }))
	must(t, l.Noticed(ctx, osdp.BadProof))
	if _, err := l.Do(ctx, osdp.CmdOut, []byte{0, 5, 50, 0}); err == nil {
		t.Error("a panel without the key could submit")
	}
	must(t, l.Panel.Close())

	conn, err := l.Dial(ctx)
	must(t, err)
	for _, code := range []byte{osdp.CmdOut, osdp.CmdIStat, osdp.CmdComSet, osdp.CmdKeySet, osdp.CmdMfg} {
		// Outside Secure Channel, with a right checksum.
		packet := []byte{0x53, 1, 12, 0, 0x00, code, 0, 5, 50, 0, 0, 0}
		packet[len(packet)-1] = osdp.Checksum(packet[:len(packet)-1])
		_, err := conn.Write(packet)
		must(t, err)
		if f := answer(t, conn); f.Code != osdp.ReplyNak || len(f.Data) != 1 || osdp.Nak(f.Data[0]) != osdp.NakConditions {
			t.Errorf("plain %#x is answered %+v", code, f)
		}
	}
	must(t, conn.Close())
	if e, err := l.Outputs(ctx); err != nil || lane.Outputs(e)&lane.Hold != lane.Hold {
		t.Errorf("outputs %08b, %v", e, err)
	}
	for _, e := range l.Edges(mark) {
		if lane.Outputs(e.Outputs)&lane.Hold != lane.Hold {
			t.Errorf("a lock was released: %+v", e)
		}
	}
	must(t, l.Attach(ctx))
	must(t, l.Secured(ctx))
}

// answer reads one packet.
func answer(t *testing.T, conn net.Conn) osdp.Frame {
	t.Helper()
	must(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
	var got []byte
	for b := make([]byte, 1); ; {
		_, err := conn.Read(b)
		must(t, err)
		got = append(got, b[0])
		if f, ok := osdp.Parse(got); ok {
			return f
		}
	}
}
