package emulator_test

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"go.bug.st/serial"

	"github.com/con-ting/conting/firmware/emulator"
	"github.com/con-ting/conting/firmware/emulator/rig"
	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
)

func TestSize(t *testing.T) {
	flash, ram, err := emulator.Size(image(t))
	must(t, err)
	t.Logf("flash %d, RAM %d", flash, ram)
	if flash == 0 || flash > 32<<10 || ram == 0 || ram > 8<<10 {
		t.Errorf("flash %d bytes, RAM %d; at most 32 and 8 KiB", flash, ram)
	}
}

func TestWalk(t *testing.T) {
	t.Parallel()
	l := ready(t)
	ctx := within(t)
	for id, test := range []struct {
		name  string
		way   lane.Direction
		steps []rig.Step
		want  lane.Kind
	}{
		{"in", lane.In, rig.Through(lane.In), lane.Passed},
		{"out", lane.Out, rig.Through(lane.Out), lane.Passed},
		{"turned back", lane.In, rig.Back(lane.In), lane.TurnedBack},
		{"nobody", lane.Out, nil, lane.Expired},
	} {
		mark := l.Panel.Mark()
		must(t, l.Grant(ctx, uint32(id+1), test.way))
		must(t, l.Walk(ctx, test.steps))
		e, err := l.Happened(ctx, mark, test.want)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if e.Grant != uint32(id+1) || lane.Direction(e.Way) != test.way {
			t.Errorf("%s: event %+v", test.name, e)
		}
	}
	n, err := l.StackUsed(ctx)
	must(t, err)
	t.Logf("stack used: %d bytes", n)
}

// TestLines: the serial line comes out where it was asked for, and a panel may go
// and come back.
func TestLines(t *testing.T) {
	elf := image(t)
	for name, where := range map[string]string{
		"unix": "unix:" + filepath.Join(t.TempDir(), "line"), "pty": "pty",
	} {
		t.Run(name, func(t *testing.T) {
			ctx := within(t)
			memory := filepath.Join(t.TempDir(), "eeprom")
			must(t, rig.Provision(memory, rig.Settings()))
			b, err := emulator.Boot(ctx, emulator.Config{
				Image: elf, EEPROM: memory, Line: where, Levels: uint16(lane.AllWell),
			})
			must(t, err)
			t.Cleanup(func() { _ = b.Close() })
			if where != "pty" && b.Line() != where {
				t.Errorf("the line is at %s", b.Line())
			}
			for range 2 {
				p, err := rig.Attach(dial(t, b), osdp.CPConfig{Address: 1, Key: rig.Settings().Key})
				must(t, err)
				must(t, p.Secured(ctx))
				must(t, p.Close())
			}
		})
	}
}

func dial(t *testing.T, b *emulator.Board) net.Conn {
	t.Helper()
	path, ok := strings.CutPrefix(b.Line(), "pty:")
	if !ok {
		conn, err := b.Dial(within(t))
		must(t, err)
		return conn
	}
	port, err := serial.Open(path, &serial.Mode{BaudRate: 115200})
	must(t, err)
	return terminal{port: port}
}

// terminal is a serial port as the rig wants it.
type terminal struct {
	net.Conn

	port serial.Port
}

func (p terminal) Read(b []byte) (int, error)  { return p.port.Read(b) }
func (p terminal) Write(b []byte) (int, error) { return p.port.Write(b) }
func (p terminal) Close() error                { return p.port.Close() }

// TestWrongConfig: what QEMU would misread is refused before it runs.
func TestWrongConfig(t *testing.T) {
	elf := image(t)
	for name, c := range map[string]emulator.Config{
		"line":     {Image: elf, Line: "/dev/ttyS0"},
		"comma":    {Image: elf, Line: "unix:/tmp/a,b"},
		"no image": {Image: filepath.Join(t.TempDir(), "none")},
	} {
		b, err := emulator.Boot(within(t), c)
		if err == nil {
			_ = b.Close()
			t.Errorf("%s: booted", name)
		}
		t.Logf("%s: %v", name, err)
	}
}

// TestMissing: without QEMU the error says what is missing, so that tests can
// skip and a demo fall back.
func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := emulator.Boot(within(t), emulator.Config{}); !errors.Is(err, emulator.ErrMissing) {
		t.Errorf("got %v", err)
	}
}
