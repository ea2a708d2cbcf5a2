package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

// press is an event of a key.
func press(code uint16, value uint32) []byte {
	out := make([]byte, eventSize-eventTail, eventSize)
	out = binary.NativeEndian.AppendUint16(out, evKey)
	out = binary.NativeEndian.AppendUint16(out, code)
	return binary.NativeEndian.AppendUint32(out, value)
}

func syn(code uint16) []byte {
	out := make([]byte, eventSize-eventTail, eventSize)
	out = binary.NativeEndian.AppendUint16(out, evSyn)
	return append(binary.NativeEndian.AppendUint16(out, code), 0, 0, 0, 0)
}

// tap presses a key and lets go of it, as a real device does.
func tap(code uint16) []byte {
	return slices.Concat(press(code, pressed), syn(synReport), press(code, released), syn(synReport))
}

func shifted(code uint16) []byte {
	return slices.Concat(press(keyLeftShift, pressed), syn(synReport), tap(code), press(keyLeftShift, released), syn(synReport))
}

// typed are the events of a text on the US layout, and Enter.
func typed(text string) []byte {
	us := newLayoutUS()
	var out []byte
	for i := range len(text) {
		for code := range us {
			if us[code][0] == text[i] {
				out = append(out, tap(uint16(code))...)
				break
			}
			if us[code][1] == text[i] {
				out = append(out, shifted(uint16(code))...)
				break
			}
		}
	}
	return append(out, tap(keyEnter)...)
}

func nobodyHeld() (down [keysHeld]byte, err error) { return down, nil }

func TestKeys(t *testing.T) {
	all := alphabet + "abcdefghijklmnopqrstuvwxyz!@#^&()_=[]{}\\|;'\",<>?`~"
	long := strings.Repeat("A", MaxText+1)
	caps := slices.Concat(tap(keyCapsLock), typed("ctp1a")[:len(typed("ctp1a"))-len(tap(keyEnter))], tap(keyEnter), tap(keyCapsLock))
	for name, c := range map[string]struct {
		in   []byte
		want said
	}{
		"the whole alphabet":      {typed(all), said{"whole:" + all}},
		"two codes at once":       {slices.Concat(typed("CTP1A"), typed("CTP1B")), said{"whole:CTP1A", "whole:CTP1B"}},
		"tab ends":                {slices.Concat(tap(keyA), tap(keyTab)), said{"whole:a"}},
		"the pad's enter ends":    {slices.Concat(tap(keyA), tap(keyKPEnter)), said{"whole:a"}},
		"control-j ends":          {slices.Concat(tap(keyA), press(keyLeftCtrl, pressed), tap(keyJ), press(keyLeftCtrl, released), tap(keyA), tap(keyEnter)), said{"whole:a", "whole:a"}},
		"number pad":              {slices.Concat(tap(71), tap(82), tap(83), tap(98), tap(55), tap(74), tap(78), tap(keyEnter)), said{"whole:70./*-+"}},
		"nothing but enter":       {slices.Concat(tap(keyEnter), tap(keyEnter)), nil},
		"right shift":             {slices.Concat(press(keyRightShift, pressed), tap(keyA), press(keyRightShift, released), tap(keyA), tap(keyEnter)), said{"whole:Aa"}},
		"both shifts, one let go": {slices.Concat(press(keyRightShift, pressed), press(keyLeftShift, pressed), press(keyLeftShift, released), tap(keyA), tap(keyEnter)), said{"whole:A"}},
		"a key repeats":           {slices.Concat(press(keyA, 1), press(keyA, 2), press(keyA, 2), press(keyA, 0), tap(keyEnter)), said{"whole:a"}},
		"capslock around it":      {slices.Concat(caps, caps), said{"whole:CTP1A", "whole:CTP1A"}},
		"control and alt":         {slices.Concat(press(keyRightAlt, pressed), tap(keyA), press(keyRightAlt, released), tap(keyEnter)), said{"whole:?"}},
		"other keys":              {slices.Concat(tap(1), tap(59), tap(keyNumLock), tap(103), tap(200), tap(0x2ff), tap(keyA), tap(keyEnter)), said{"whole:a"}},
		"half a code":             {typed("CTP1A")[:5*eventSize*4], said{"half:CTP"}},
		"too long":                {slices.Concat(typed(long), typed("CTP1A")), said{"noise", "whole:CTP1A"}},
		"half an event":           {append(typed("CTP1A"), 1, 2, 3), said{"whole:CTP1A"}},
		"lost, then the rest": {
			slices.Concat(tap(keyA), syn(synDropped), tap(keyA)[:eventSize], syn(synReport), typed("REST"), typed("CTP1A")),
			said{"lost", "whole:CTP1A"},
		},
		"lost with its end, then silence": {slices.Concat(tap(keyA), syn(synDropped), syn(synReport)), said{"lost"}},
		"lost twice": {
			slices.Concat(syn(synDropped), syn(synDropped), syn(synReport), syn(synDropped), syn(synReport), tap(keyEnter), typed("CTP1A")),
			said{"lost", "lost", "whole:CTP1A"},
		},
	} {
		for _, step := range []int{1, eventSize, 64 * eventSize, 1 << 20} {
			k := newKeys(nobodyHeld)
			var got said
			for part := range slices.Chunk(c.in, step) {
				k.feed(part, got.take)
			}
			k.silence(got.take)
			if !slices.Equal(got, c.want) || k.open() || cap(k.text) > MaxText {
				t.Errorf("%s by %d: got %.200q, want %.200q", name, step, got, c.want)
			}
		}
	}
}

// TestKeysAfterLoss: what the kernel says is held counts after a loss, and a
// silence ends the search for the lost code's end.
func TestKeysAfterLoss(t *testing.T) {
	asked := 0
	var err error
	k := newKeys(func() (down [keysHeld]byte, _ error) {
		asked++
		down[keyRightShift/8] |= 1 << (keyRightShift % 8)
		return down, err
	})
	var got said
	k.feed(slices.Concat(syn(synDropped), syn(synReport)), got.take)
	if !k.open() {
		t.Error("after a loss there is nothing to wait for")
	}
	k.silence(got.take)
	k.feed(slices.Concat(tap(keyA), tap(keyEnter)), got.take)
	err = errors.New("gone")
	k.feed(slices.Concat(syn(synDropped), syn(synReport), tap(keyEnter), tap(keyA), tap(keyEnter)), got.take)
	if want := (said{"lost", "whole:A", "lost", "whole:a"}); asked != 2 || !slices.Equal(got, want) {
		t.Errorf("asked %d times, got %q, want %q", asked, got, want)
	}
}

func TestSuspect(t *testing.T) {
	const code = "CTR1ZY-/:+* .$%09QWAM"
	// The same code as engines type it for other layouts, read as US: made by hand
	// from the layouts' drawings.
	for name, c := range map[string]struct {
		piece piece
		want  string
	}{
		"ours":             {piece{whole, code}, ""},
		"another's":        {piece{whole, "https://example.org/a"}, ""},
		"another's, short": {piece{whole, "CT"}, ""},
		"german":           {piece{whole, "CTR1YZ/&>]} .$%09QWAM"}, "German"},
		"french":           {piece{whole, `CTR!WY6>.+\ <]")(AZQ:`}, "French"},
		"italian":          {piece{whole, "CTR1ZY/&>]} .$%09QWAM"}, "Italian"},
		"paper, german":    {piece{whole, "CTP1ABC/DEF>GHI]"}, "German"},
		"capslock":         {piece{whole, strings.ToLower(code)}, "CapsLock"},
		"lower case half":  {piece{whole, "CTR1zy-/:+* .$%09qwam"}, "alters"},
		"a prefix":         {piece{whole, "]Q1" + code}, ""},
		"stx":              {piece{noise, "\x02" + code + "\x03"}, "stx"},
		"noise":            {piece{noise, "\x00\xfe"}, "baud"},
		"half":             {piece{half, code}, ""},
		"lost":             {piece{lost, ""}, "faster"},
	} {
		if got := suspect(c.piece); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	for _, l := range layouts() {
		if len(l.read) != len(l.meant) {
			t.Errorf("%s: %d characters for %d", l.name, len(l.read), len(l.meant))
		}
	}
}

func FuzzKeys(f *testing.F) {
	f.Add(typed("CTP1A:/$"), uint8(23))
	f.Add(slices.Concat(tap(keyA), syn(synDropped), syn(synReport), typed("B")), uint8(0))
	f.Add(bytes.Repeat(tap(keyA), 300), uint8(255))
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		var once, cut said
		a := newKeys(nobodyHeld)
		a.feed(data, func(p piece) {
			if len(p.text) > MaxText || p.kind == whole && p.text == "" {
				t.Errorf("%d of %d bytes", p.kind, len(p.text))
			}
			for _, r := range p.text {
				if r < ' ' || r > '~' {
					t.Errorf("no key types %q", r)
				}
			}
			_ = suspect(p)
			once.take(p)
		})
		b := newKeys(nobodyHeld)
		for part := range slices.Chunk(data, int(step)+1) {
			b.feed(part, cut.take)
		}
		if !slices.Equal(once, cut) || a.open() != b.open() {
			t.Errorf("in one piece %q, by %d %q", once, int(step)+1, cut)
		}
	})
}
