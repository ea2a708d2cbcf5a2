package controller_test

import (
	"bytes"
	"crypto/ed25519"
	"math/rand/v2"
	"testing"

	"github.com/con-ting/conting/firmware/board/host"
	"github.com/con-ting/conting/firmware/controller"
	"github.com/con-ting/conting/firmware/keep"
	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/firmware/update"
)

// flashed is a bench whose board has a flash with two slots.
type flashed struct {
	*bench

	flash *host.Flash
	slots update.Slots
	noise func() // before each millisecond, may be nil
}

func flashing(t *testing.T) *flashed {
	t.Helper()
	f, err := host.NewFlash(1)
	if err != nil {
		t.Fatal(err)
	}
	b := &flashed{
		bench: &bench{t: t, inputs: lane.AllWell, cells: keep.Image(settings()), results: map[uint16]osdp.Reply{}},
		flash: f,
	}
	b.boot(lane.PowerOn)
	b.secure()
	return b
}

// boot starts what the flash holds.
func (b *flashed) boot(why lane.Reason) {
	b.t.Helper()
	b.down, b.up = nil, nil
	if !b.slots.Open(b.flash, host.Layout()) {
		b.t.Fatal("the layout does not work")
	}
	i, ok := b.slots.Boot()
	if !ok {
		b.t.Fatal("there is nothing to start")
	}
	b.ctl.StartImage(b.now, b, why, controller.Image{Version: b.slots.Version(i), Images: &b.slots})
}

func (b *flashed) secure() {
	b.t.Helper()
	clear(b.results) // the tickets begin anew
	b.panel(settings().Key)
	if b.run(200); !b.cp.Online() {
		b.t.Fatal("Secure Channel did not come up")
	}
}

func (b *flashed) run(ms int) {
	for range ms {
		if b.noise != nil {
			b.noise()
		}
		if b.bench.run(1); b.ctl.Leaving() {
			b.boot(lane.Software)
		}
		if b.flash.Off() {
			return
		}
	}
}

func (b *flashed) images() (m osdp.Images) {
	b.t.Helper()
	d := make([]byte, osdp.MaxData)
	if r := b.do(osdp.CmdMfg, d[:osdp.PutImages(d)]...); !m.Take(r.Data) {
		b.t.Fatalf("images: %#x % x", r.Code, r.Data)
	}
	return m
}

func (b *flashed) startStaged() osdp.Reply {
	b.t.Helper()
	d := make([]byte, osdp.MaxData)
	return b.do(osdp.CmdMfg, d[:osdp.PutRestart(d)]...)
}

// runs is the version that ID tells, inside a new channel.
func (b *flashed) runs() uint32 {
	b.t.Helper()
	b.cp.Restart(b.now)
	b.run(100)
	id, ok := b.cp.Identity()
	if !ok || !b.cp.Online() {
		b.t.Fatal("no identity")
	}
	return id.FirmwareVersion()
}

// send sends a file until it is taken or refused, or step says that it is enough.
// A lost link starts it again.
func (b *flashed) send(data []byte, step func(sent uint32) bool) osdp.FileSender {
	b.t.Helper()
	var (
		s      osdp.FileSender
		ticket uint16
		d      [osdp.MaxData]byte
	)
	for range 400_000 {
		if s.Phase() == osdp.FileIdle && b.cp.Online() {
			s.Start(b.now, osdp.FileFirmware, uint32(len(data)), b.cp.Room(), 10_000)
		}
		if offset, n, ok := s.Next(b.now); ok && ticket == 0 {
			c := s.Chunk(data[offset:][:n])
			if ticket = b.cp.Submit(osdp.CmdFileTransfer, d[:c.Put(d[:])]); ticket == 0 {
				s = osdp.FileSender{}
			}
		}
		if b.run(1); b.flash.Off() || step != nil && !step(s.Sent()) {
			return s
		}
		if r, ok := b.results[ticket]; ok && ticket != 0 {
			ticket = 0
			if r.Fault != osdp.FaultNone {
				s = osdp.FileSender{}
				continue
			}
			if s.Took(b.now, r.Data); s.Phase() > osdp.FileWorking {
				return s
			}
		}
	}
	b.t.Fatalf("the transfer does not end: phase %d, %d sent", s.Phase(), s.Sent())
	return s
}

// update sends an image and has it start.
func (b *flashed) update(version uint32) {
	b.t.Helper()
	if s := b.send(transfer(b.t, version), nil); s.Phase() != osdp.FileDone {
		b.t.Fatalf("phase %d, status %d, %s", s.Phase(), s.Status(), update.Answer(b.images().Answer))
	}
	if r := b.startStaged(); !ack(r) {
		b.t.Fatalf("restart: %+v", r)
	}
	b.run(50)
	if b.secure(); b.runs() != version {
		b.t.Fatalf("version %d runs", b.runs())
	}
}

func (b *flashed) enough() {
	b.t.Helper()
	b.run(int(controller.HealthyMS))
	if m := b.images(); m.Flags&osdp.ImageProved == 0 {
		b.t.Fatalf("a healthy minute proves nothing: %+v", m)
	}
}

func image(version uint32) []byte {
	b := make([]byte, 1500)
	r := rand.New(rand.NewPCG(uint64(version), 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// transferOf is what a panel sends for an image, as the gate makes it.
func transferOf(t *testing.T, image []byte, board uint16, version uint32) []byte {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	file, err := update.Pack(image, board, version, key)
	if err != nil {
		t.Fatal(err)
	}
	v, err := update.Verify(file, ed25519.PublicKey(key[32:]))
	if err != nil {
		t.Fatal(err)
	}
	return v.Transfer
}

func transfer(t *testing.T, version uint32) []byte {
	t.Helper()
	return transferOf(t, image(version), host.BoardID, version)
}

func TestUpdate(t *testing.T) {
	b := flashing(t)
	if m := b.images(); m.Board != host.BoardID || m.Runs != 1 || m.Next != 0 || m.Flags != osdp.ImageProved|osdp.ImageRest || m.Longest == 0 {
		t.Fatalf("at rest: %+v", m)
	}
	boot := b.status().Boot
	if r := b.startStaged(); !nak(r, osdp.NakRecord) {
		t.Errorf("restart with nothing staged: %+v", r)
	}
	if s := b.send(transfer(t, 2), nil); s.Phase() != osdp.FileDone || s.Status() != osdp.FileProcessed {
		t.Fatalf("phase %d, status %d", s.Phase(), s.Status())
	}
	if m := b.images(); m.Runs != 1 || m.Next != 2 || update.Answer(m.Answer) != update.Complete || m.Flags&osdp.ImageComing != 0 {
		t.Errorf("staged: %+v", m)
	}
	if b.run(5000); b.status().Boot != boot || b.runs() != 1 {
		t.Fatal("it started though nobody asked for it")
	}
	if r := b.startStaged(); !ack(r) {
		t.Fatalf("restart: %+v", r)
	}
	b.run(50)
	if b.status().Boot == boot {
		t.Fatal("it did not start")
	}
	b.secure()
	if v := b.runs(); v != 2 {
		t.Errorf("version %d runs", v)
	}
	b.run(int(controller.HealthyMS) - 5000)
	if m := b.images(); m.Flags&osdp.ImageProved != 0 {
		t.Error("proved before the minute was over")
	}
	if s := b.send(transfer(t, 3), nil); s.Phase() != osdp.FileRefused || update.Answer(b.images().Answer) != update.OnTrial {
		t.Errorf("another image during the trial: phase %d, %s", s.Phase(), update.Answer(b.images().Answer))
	}
	b.enough()
	b.update(3)
}

// TestTrialWithoutPanel: an image that no panel reaches does not prove itself, and
// the one before returns.
func TestTrialWithoutPanel(t *testing.T) {
	b := flashing(t)
	b.update(2)
	for range update.Trials - 1 {
		b.boot(lane.Watchdog)
		b.cp = osdp.CP{}
		if b.run(2 * int(controller.HealthyMS)); b.slots.State().Proved || b.slots.State().Runs != 2 {
			t.Fatalf("%+v", b.slots.State())
		}
	}
	b.boot(lane.Watchdog)
	if b.secure(); b.runs() != 1 {
		t.Errorf("version %d runs after the trials", b.runs())
	}
	b.update(2) // the same may be tried again
}

func TestUpdateRefused(t *testing.T) {
	good := transfer(t, 3)
	flip := func(at int) []byte {
		d := bytes.Clone(good)
		d[at] ^= 1
		return d
	}
	for name, test := range map[string]struct {
		data []byte
		want update.Answer
	}{
		"the same version": {transfer(t, 2), update.Downgrade},
		"an older one":     {transfer(t, 1), update.Downgrade},
		"another board":    {transferOf(t, image(3), host.BoardID+1, 3), update.WrongBoard},
		"corrupt":          {flip(700), update.Damaged},
		"corrupt header":   {flip(20), update.Malformed},
		"truncated":        {good[:len(good)-9], update.Malformed},
		"oversized":        {transferOf(t, make([]byte, 128<<10), host.BoardID, 3), update.TooLarge},
		"no image":         {[]byte("hello"), update.Malformed},
	} {
		b := flashing(t)
		b.update(2)
		b.enough()
		if s := b.send(test.data, nil); s.Phase() != osdp.FileRefused {
			t.Errorf("%s: phase %d", name, s.Phase())
		}
		m := b.images()
		if update.Answer(m.Answer) != test.want || m.Next != 0 || m.Flags&osdp.ImageComing != 0 {
			t.Errorf("%s: %s, %+v", name, update.Answer(m.Answer), m)
		}
		if r := b.startStaged(); !nak(r, osdp.NakRecord) {
			t.Errorf("%s: restart: %+v", name, r)
		}
		b.boot(lane.PowerOn)
		if b.secure(); b.runs() != 2 {
			t.Errorf("%s: version %d runs", name, b.runs())
		}
		b.update(3)
	}
}

// TestOtherFiles: what is no image, or no piece, stages nothing.
func TestOtherFiles(t *testing.T) {
	b := flashing(t)
	for name, test := range map[string]struct {
		data []byte
		code byte
		word int16
	}{
		"another kind": {put(osdp.FileChunk{Kind: 1, Total: 100, Data: make([]byte, 50)}), osdp.ReplyFTStat, osdp.FileUnknown},
		"no beginning": {put(osdp.FileChunk{Kind: osdp.FileFirmware, Total: 100, Offset: 50, Data: make([]byte, 50)}), osdp.ReplyFTStat, osdp.FileAbort},
		"cut short":    {[]byte{osdp.FileFirmware, 0, 0}, osdp.ReplyNak, 0},
	} {
		r := b.do(osdp.CmdFileTransfer, test.data...)
		var s osdp.FileStatus
		if r.Code != test.code || r.Code == osdp.ReplyFTStat && (!s.Take(r.Data) || s.Status != test.word) {
			t.Errorf("%s: %#x % x", name, r.Code, r.Data)
		}
	}
}

func put(c osdp.FileChunk) []byte {
	d := make([]byte, osdp.MaxData)
	return d[:c.Put(d)]
}

// TestDisturbed: whatever needs the lane ends the transfer at once, also in the
// middle and while the image is checked, and the lane acts as if there were none.
func TestDisturbed(t *testing.T) {
	for name, test := range map[string]struct {
		disturb func(b *flashed)
		state   lane.State
		calm    func(b *flashed)
	}{
		"fire": {
			func(b *flashed) { b.inputs &^= lane.LoopClosed }, lane.Free,
			func(b *flashed) { b.inputs |= lane.LoopClosed },
		},
		"supply": {
			func(b *flashed) { b.inputs &^= lane.PowerGood }, lane.Locked,
			func(b *flashed) { b.inputs |= lane.PowerGood },
		},
		"forced": {
			func(b *flashed) { b.inputs &^= lane.Home }, lane.Forced,
			func(b *flashed) { b.inputs |= lane.Home },
		},
		"grant": {
			func(b *flashed) {
				o := osdp.Order{Op: byte(lane.GrantOne), Grant: 1, MS: 5000}
				d := make([]byte, osdp.MaxData)
				b.cp.Submit(osdp.CmdMfg, d[:o.Put(d)])
			}, lane.Armed,
			func(b *flashed) { b.run(6000) },
		},
	} {
		data := transferOf(t, make([]byte, 60_000), host.BoardID, 2) // long enough to be disturbed while it is checked
		for _, after := range []uint32{1, 700, uint32(len(data))} {
			b := flashing(t)
			b.send(data, func(sent uint32) bool { return sent < after })
			test.disturb(b)
			if b.run(1); name == "fire" && b.outputs&lane.Hold != 0 {
				t.Errorf("fire after %d: held", after)
			}
			if b.run(100); b.status().State != test.state {
				t.Errorf("%s after %d: %s", name, after, b.status().State)
			}
			if m := b.images(); update.Answer(m.Answer) != update.Disturbed || m.Next != 0 || m.Flags != osdp.ImageProved {
				t.Errorf("%s after %d: %s, %+v", name, after, update.Answer(m.Answer), m)
			}
			if s := b.send(data, nil); s.Phase() != osdp.FileRefused || s.Status() != osdp.FileAbort {
				t.Errorf("%s after %d: a transfer meanwhile: phase %d, status %d", name, after, s.Phase(), s.Status())
			}
			test.calm(b)
			b.run(3000)
			b.update(2)
		}
	}
}

// TestRestartWaitsForNobody: a lane that is in use when the panel asks is not left.
func TestRestartWaitsForNobody(t *testing.T) {
	b := flashing(t)
	b.send(transfer(t, 2), nil)
	boot := b.status().Boot
	b.order(lane.Command{Op: lane.GrantOne, Grant: 1, MS: 5000})
	if r := b.startStaged(); !nak(r, osdp.NakRecord) {
		t.Errorf("restart with a grant: %+v", r)
	}
	b.run(6000)
	b.inputs &^= lane.LoopClosed
	b.run(100)
	if r := b.startStaged(); !nak(r, osdp.NakRecord) {
		t.Errorf("restart in an alarm: %+v", r)
	}
	if b.inputs |= lane.LoopClosed; b.status().Boot != boot {
		t.Error("it restarted")
	}
}

// unsent is a line whose last packet has not left yet.
type unsent struct{ *bench }

func (unsent) Sending() bool { return true }

// TestRestartAfterAnswer: the panel hears that the device will go before it goes, and
// one that sends something else meanwhile has thought better of it.
func TestRestartAfterAnswer(t *testing.T) {
	b := flashing(t)
	data := transfer(t, 2)
	b.send(data, nil)
	if r := b.startStaged(); !ack(r) || !b.ctl.Leaving() {
		t.Fatalf("restart: %+v", r)
	}
	if b.ctl.Turn(b.bench, unsent{b.bench}); b.ctl.Leaving() {
		t.Error("it leaves before its answer has left")
	}
	c := osdp.FileChunk{Kind: osdp.FileFirmware, Total: uint32(len(data)), Data: data[:100]}
	if b.do(osdp.CmdFileTransfer, put(c)...); b.ctl.Leaving() {
		t.Error("it leaves in the middle of another transfer")
	}
}

// TestOutOfService: a lane that takes nobody takes an image.
func TestOutOfService(t *testing.T) {
	b := flashing(t)
	b.order(lane.Command{Op: lane.StopService})
	b.run(100)
	if b.status().State != lane.OutOfService {
		t.Fatal(b.status().State)
	}
	b.update(2)
}

// TestUpdateOnBadLine: noise costs time, never an image.
func TestUpdateOnBadLine(t *testing.T) {
	b := flashing(t)
	r := rand.New(rand.NewPCG(5, 5))
	b.noise = func() {
		for _, line := range [][]byte{b.down, b.up} {
			for i := range line {
				if r.IntN(1500) == 0 {
					line[i] ^= 1 << r.IntN(8)
				}
			}
		}
	}
	s := b.send(transfer(t, 2), nil)
	b.noise = nil
	b.run(3000)
	if m := b.images(); s.Phase() != osdp.FileDone || m.Next != 2 {
		t.Fatalf("phase %d, %+v", s.Phase(), m)
	}
	b.startStaged()
	b.run(50)
	if b.secure(); b.runs() != 2 {
		t.Errorf("version %d runs", b.runs())
	}
}

// TestInterrupted: a panel that went in the middle leaves what runs, and the next
// begins from the start.
func TestInterrupted(t *testing.T) {
	b := flashing(t)
	data := transfer(t, 2)
	b.send(data, func(sent uint32) bool { return sent < 700 })
	b.secure()
	if m := b.images(); m.Flags&osdp.ImageComing != 0 || m.Next != 0 {
		t.Errorf("the transfer of the panel before goes on: %+v", m)
	}
	c := osdp.FileChunk{Kind: osdp.FileFirmware, Total: uint32(len(data)), Offset: 800, Data: data[800:900]}
	var s osdp.FileStatus
	if r := b.do(osdp.CmdFileTransfer, put(c)...); !s.Take(r.Data) || s.Status != osdp.FileAbort {
		t.Errorf("a piece in the middle: %+v", r)
	}
	b.update(2)
}

// TestPowerCut cuts the power at any byte that the flash erases or writes while a
// controller takes an image. What starts after is the old image or the new one, and
// the update can be done.
func TestPowerCut(t *testing.T) {
	data := transfer(t, 2)
	cuts := 0
	for cut := 0; ; cut += cutStep {
		b := flashing(t)
		b.flash.CutAfter(cut)
		s := b.send(data, nil)
		if !b.flash.Off() {
			if s.Phase() != osdp.FileDone || cuts < 10 {
				t.Fatalf("%d cuts, then phase %d", cuts, s.Phase())
			}
			break
		}
		cuts++
		b.flash.Restore()
		b.boot(lane.PowerOn)
		b.secure()
		switch v := b.runs(); v {
		case 1:
			b.update(2)
		case 2:
		default:
			t.Fatalf("cut at byte %d: version %d runs", cut, v)
		}
	}
	t.Logf("%d cuts", cuts)
}

// TestUpdateWithoutHeap: a controller has none.
func TestUpdateWithoutHeap(t *testing.T) {
	b := flashing(t)
	d, piece := make([]byte, osdp.MaxData), transfer(t, 2)[:200]
	c := osdp.FileChunk{Kind: osdp.FileFirmware, Total: 1556, Data: piece}
	n := testing.AllocsPerRun(50, func() {
		b.slots.Begin(c.Total)
		b.slots.Write(0, c.Data)
		b.slots.Work()
		c.Put(d)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzFile: whatever a panel with the key sends as a file, what runs goes on, and
// nothing starts that was not whole.
func FuzzFile(f *testing.F) {
	f.Add([]byte{11 + 56, osdp.FileFirmware, 0x14, 6, 0, 0, 0, 0, 0, 0, 56, 0, 'C', 'T', 'F', '1'}, uint16(0))
	f.Add([]byte{}, uint16(1556))
	f.Add([]byte{11, osdp.FileFirmware, 0x14, 6, 0, 0, 0x14, 6, 0, 0, 0, 0}, uint16(700))
	f.Fuzz(func(t *testing.T, commands []byte, good uint16) {
		if len(commands) > 2048 {
			return
		}
		b := flashing(t)
		data := transfer(t, 2)
		for at := 0; at < min(int(good), len(data)); at += 200 { // begins well, so that the rest is reached
			c := osdp.FileChunk{
				Kind: osdp.FileFirmware, Total: uint32(len(data)), Offset: uint32(at),
				Data: data[at:min(at+200, int(good), len(data))],
			}
			b.do(osdp.CmdFileTransfer, put(c)...)
		}
		for len(commands) > 1 {
			n := min(int(commands[0]), len(commands)-1, b.cp.Room())
			b.do(osdp.CmdFileTransfer, commands[1:1+n]...)
			commands = commands[1+n:]
		}
		if s := b.status(); s.State != lane.Locked || b.outputs&lane.Hold != lane.Hold {
			t.Fatalf("the lane is %s", s.State)
		}
		b.run(100)
		b.boot(lane.PowerOn)
		if b.secure(); b.runs() != 1 && (b.runs() != 2 || int(good) < len(data)-200) {
			t.Fatalf("version %d starts", b.runs())
		}
	})
}
