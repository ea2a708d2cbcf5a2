package osdp_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/con-ting/conting/firmware/osdp"
)

// message is what every fixed message can do.
type message interface {
	Put(dst []byte) int
	Take(d []byte) bool
}

// Each message's bytes, as written down beside its type, and back.
func TestMessages(t *testing.T) {
	for name, v := range map[string]struct {
		in, out message
		want    string
		longer  bool // data that are longer are taken too
	}{
		"PDID": {
			&osdp.Identity{Vendor: [3]byte{2, 'C', 'T'}, Model: 7, Version: 1, Serial: 0x01020304, Firmware: [3]byte{3, 2, 1}},
			new(osdp.Identity), "024354" + "07" + "01" + "04030201" + "030201", true,
		},
		"COMSET": {&osdp.Comm{Address: 5, Baud: 115200}, new(osdp.Comm), "05" + "00c20100", false},
		"BUZ":    {&osdp.Buzzer{Reader: 1, Tone: 2, On: 3, Off: 4, Count: 5}, new(osdp.Buzzer), "0102030405", false},
		"TEXT": {
			&osdp.Text{Command: osdp.TextTemporary, Seconds: 3, Row: 1, Column: 2, Bytes: []byte("HI")},
			new(osdp.Text), "00" + "03" + "03" + "01" + "02" + "02" + "4849", false,
		},
		"FILETRANSFER": {
			&osdp.FileChunk{Kind: 0x80, Total: 0x01020304, Offset: 0x0A0B, Data: []byte{0xAA, 0xBB}},
			new(osdp.FileChunk), "80" + "04030201" + "0b0a0000" + "0200" + "aabb", false,
		},
		"FTSTAT": {
			&osdp.FileStatus{Action: 1, DelayMS: 0x0203, Status: osdp.FileMalformed, Longest: 0x80},
			new(osdp.FileStatus), "01" + "0302" + "fdff" + "8000", true,
		},
		"passage": {
			&osdp.Passage{Number: 0x01020304, Boot: 0x0506, Kind: 7, Way: 1, Grant: 0x090A0B0C, MS: 0x0D0E0F10, Detail: 0x1112},
			new(osdp.Passage), "02435480" + "04030201" + "0605" + "07" + "01" + "0c0b0a09" + "100f0e0d" + "1211", true,
		},
		"confirm": {&osdp.Confirm{Boot: 0x0102, Number: 3}, new(osdp.Confirm), "02435402" + "0201" + "03000000", true},
		"order": {
			&osdp.Order{Op: 1, Way: 2, Mode: 3, Grant: 4, MS: 5000},
			new(osdp.Order), "02435401" + "010203" + "04000000" + "88130000", true,
		},
		"outcome": {&osdp.Outcome{Answer: 1, Op: 2, Grant: 3}, new(osdp.Outcome), "02435481" + "0102" + "03000000", true},
		"images": {
			&osdp.Images{Board: 0x0102, Flags: 3, Answer: 4, Runs: 5, Next: 6, Longest: 0x0708090A},
			new(osdp.Images), "02435484" + "0201" + "0304" + "05000000" + "06000000" + "0a090807", true,
		},
		"report": {
			&osdp.Report{
				State: 1, Inputs: 2, Outputs: 3, Flags: 4, Modes: [2]byte{5, 6}, Grants: 7, Armed: 8, Boot: 9,
				Newest: 10, Waiting: 11, Lost: 12, MS: 13, Passed: [2]uint32{14, 15}, FreePassed: [2]uint32{16, 17},
				Expired: 18, TurnedBack: 19, Revoked: 20, Forced: 21, Intruded: 22, Jammed: 23, Tailgated: 24,
				WrongWay: 25, Freed: 26, Granted: 27,
			},
			new(osdp.Report), "02435483" + "01020304050607" + "08000000" + "0900" + "0a0000000b0000000c000000" +
				"0d0000000e0000000f0000001000000011000000120000001300000014000000150000001600000017000000" +
				"18000000190000001a0000001b000000", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := unhex(t, v.want)
			buf := make([]byte, len(want)+1)
			if n := v.in.Put(buf); !bytes.Equal(buf[:n], want) {
				t.Errorf("wrote %x, want %x", buf[:n], want)
			}
			for short := range want {
				if n := v.in.Put(buf[:short]); n != 0 {
					t.Errorf("wrote %d bytes into %d", n, short)
				}
				if v.out.Take(want[:short]) {
					t.Errorf("took %x, which is cut short", want[:short])
				}
			}
			if !v.out.Take(want) || !reflect.DeepEqual(v.in, v.out) {
				t.Errorf("read %+v, want %+v", v.out, v.in)
			}
			if got := v.out.Take(append(want, 0)); got != v.longer {
				t.Errorf("longer data: took is %v, want %v", got, v.longer)
			}
		})
	}
}

func TestRecords(t *testing.T) {
	var d [64]byte
	a := osdp.Output{Number: 0, Code: osdp.OutputOnTemporarily, Time: 50}
	b := osdp.Output{Number: 1, Code: osdp.OutputOff, Time: 0x0102}
	n := a.Put(d[:])
	n += b.Put(d[n:])
	if want := unhex(t, "0005320001010201"); !bytes.Equal(d[:n], want) {
		t.Errorf("OUT is %x, want %x", d[:n], want)
	}
	for i, want := range []osdp.Output{a, b} {
		if got, ok := osdp.OutputAt(d[:n], i); !ok || got != want {
			t.Errorf("record %d: %+v %v, want %+v", i, got, ok, want)
		}
	}
	for _, bad := range []struct{ size, i int }{{8, 2}, {8, -1}, {7, 0}, {0, 0}, {3, 0}} {
		if got, ok := osdp.OutputAt(d[:bad.size], bad.i); ok {
			t.Errorf("record %d of %d bytes: %+v", bad.i, bad.size, got)
		}
	}

	led := osdp.LED{
		Reader: 0, Number: 1, Time: 0x0203,
		Temporary: osdp.Blink{Control: osdp.LEDStart, On: 1, Off: 2, OnColour: osdp.Green, OffColour: osdp.Black},
		Permanent: osdp.Blink{Control: osdp.LEDSet, On: 10, Off: 0, OnColour: osdp.Red, OffColour: osdp.Red},
	}
	n = led.Put(d[:])
	if want := unhex(t, "0001020102020003020"+"10a000101"); !bytes.Equal(d[:n], want) {
		t.Errorf("LED is %x, want %x", d[:n], want)
	}
	if got, ok := osdp.LEDAt(d[:n], 0); !ok || got != led {
		t.Errorf("LED: %+v %v", got, ok)
	}
	if _, ok := osdp.LEDAt(d[:n-1], 0); ok {
		t.Error("a record cut short was taken")
	}
	if led.Put(d[:13]) != 0 || a.Put(d[:3]) != 0 {
		t.Error("a record was written past the end")
	}
}

func TestVendorKind(t *testing.T) {
	for _, v := range []struct {
		data string
		kind byte
		ok   bool
	}{
		{"02435480", 0x80, true},
		{"024354", 0, false},
		{"024355" + "80", 0, false},
		{"", 0, false},
	} {
		if kind, ok := osdp.VendorKind(unhex(t, v.data)); kind != v.kind || ok != v.ok {
			t.Errorf("VendorKind(%s) = %#x, %v", v.data, kind, ok)
		}
	}
	// One of our messages is never taken for another.
	var d [128]byte
	for kind, put := range map[byte]func([]byte) int{
		osdp.MfgAsk: osdp.PutAsk, osdp.MfgImages: osdp.PutImages, osdp.MfgRestart: osdp.PutRestart,
	} {
		if got, ok := osdp.VendorKind(d[:put(d[:])]); !ok || got != kind || put(d[:3]) != 0 {
			t.Errorf("%#x: wrote % x", kind, d[:4])
		}
	}
	p := osdp.Passage{Number: 1}
	if new(osdp.Outcome).Take(d[:p.Put(d[:])]) {
		t.Error("a passage was taken for an outcome")
	}
}

func TestSequence(t *testing.T) {
	var s osdp.Sequence
	for i, v := range []struct {
		number    uint32
		boot      uint16
		fresh     bool
		missing   uint32
		restarted bool
	}{
		{1, 7, true, 0, false},
		{1, 7, false, 0, false}, // sent again
		{2, 7, true, 0, false},
		{5, 7, true, 2, false}, // 3 and 4 were overwritten
		{4, 7, false, 0, false},
		{1, 8, true, 0, true}, // the device started anew
		{4, 8, true, 2, false},
		{4, 7, true, 3, true},
	} {
		fresh, missing, restarted := s.Take(&osdp.Passage{Number: v.number, Boot: v.boot})
		if fresh != v.fresh || missing != v.missing || restarted != v.restarted {
			t.Errorf("%d: %d of boot %d gave %v, %d, %v", i, v.number, v.boot, fresh, missing, restarted)
		}
	}
	// The numbers come round.
	s.Resume(9, 1<<32-2)
	for i, n := range []uint32{1<<32 - 1, 0, 1} {
		if fresh, missing, _ := s.Take(&osdp.Passage{Number: n, Boot: 9}); !fresh || missing != 0 {
			t.Errorf("%d: %d gave %v, %d missing", i, n, fresh, missing)
		}
	}
	s.Resume(9, 65535)
	if fresh, missing, _ := s.Take(&osdp.Passage{Number: 65536, Boot: 9}); !fresh || missing != 0 {
		t.Error("2^16 is a gap")
	}
}

func TestMultipart(t *testing.T) {
	message := make([]byte, 1000)
	for i := range message {
		message[i] = byte(i * 7)
	}
	var (
		a     osdp.Assembly
		store [1024]byte
		d     [100]byte
	)
	a.Use(store[:])
	parts := 0
	for offset := 0; offset < len(message); parts++ {
		n, next := osdp.PutPart(d[:], message, offset)
		want := osdp.PartMore
		if next == len(message) {
			want = osdp.PartWhole
		}
		if got := a.Push(d[:n]); n == 0 || got != want {
			t.Fatalf("part at %d: %d bytes, verdict %d", offset, n, got)
		}
		offset = next
	}
	if !bytes.Equal(a.Message(), message) || parts != 11 {
		t.Errorf("%d parts made %d bytes", parts, len(a.Message()))
	}
	if n, _ := osdp.PutPart(d[:], message, len(message)); n != 0 {
		t.Error("a part past the end")
	}

	first := unhex(t, "0400"+"0000"+"0200"+"aabb")
	for name, v := range map[string]struct {
		part string
		want osdp.Part
	}{
		"in order":     {"0400" + "0200" + "0200" + "ccdd", osdp.PartWhole},
		"given up":     {"0400" + "0400" + "0000", osdp.PartEnded},
		"a gap":        {"0400" + "0300" + "0100" + "dd", osdp.PartBad},
		"an overlap":   {"0400" + "0100" + "0200" + "ccdd", osdp.PartBad},
		"past the end": {"0400" + "0200" + "0300" + "ccddee", osdp.PartBad},
		"cut short":    {"0400" + "0200" + "0200" + "cc", osdp.PartBad},
		"no header":    {"0400020002", osdp.PartBad},
		"another size": {"0500" + "0200" + "0200" + "ccdd", osdp.PartBad},
		"empty":        {"0400" + "0200" + "0000", osdp.PartBad},
		"all zero":     {"000000000000", osdp.PartBad},
		"too long":     {"ffff" + "0000" + "0100" + "cc", osdp.PartBad},
		"begun anew":   {"0200" + "0000" + "0200" + "ccdd", osdp.PartWhole},
	} {
		a.Push(first)
		if got := a.Push(unhex(t, v.part)); got != v.want {
			t.Errorf("%s: verdict %d, want %d", name, got, v.want)
		}
		if v.want == osdp.PartBad {
			if got := a.Push(unhex(t, "0400"+"0200"+"0200"+"ccdd")); got != osdp.PartBad {
				t.Errorf("%s: the message went on", name)
			}
		}
	}
}

func TestFirmwareVersion(t *testing.T) {
	var id osdp.Identity
	for v, want := range map[uint32][3]byte{1: {0, 0, 1}, 0x010203: {1, 2, 3}, 1<<24 - 1: {255, 255, 255}} {
		if id.PutVersion(v); id.Firmware != want || id.FirmwareVersion() != v {
			t.Errorf("%d: % x, read as %d", v, id.Firmware, id.FirmwareVersion())
		}
	}
}
