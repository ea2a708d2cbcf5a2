package engine

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// said collects what a parser gives, as words: "whole:TEXT".
type said []string

func (s *said) take(p piece) {
	name := map[kind]string{whole: "whole", half: "half", noise: "noise", lost: "lost"}[p.kind]
	if p.kind == whole || p.kind == half {
		name += ":" + p.text
	}
	*s = append(*s, name)
}

func TestFrames(t *testing.T) {
	longest, long := strings.Repeat("A", MaxText), strings.Repeat("A", MaxText+1)
	for name, c := range map[string]struct {
		framing Framing
		in      string
		want    said
	}{
		"cr":                        {Lines, "CTP1A\r", said{"whole:CTP1A"}},
		"lf":                        {Lines, "CTP1A\n", said{"whole:CTP1A"}},
		"crlf, two at once":         {Lines, "CTP1A\r\nCTP1B\r\n", said{"whole:CTP1A", "whole:CTP1B"}},
		"spaces belong to a code":   {Lines, " CTP1 \r", said{"whole: CTP1 "}},
		"empty lines":               {Lines, "\r\n\n\r\r", nil},
		"half a code":               {Lines, "CTP1A", said{"half:CTP1A"}},
		"another's code":            {Lines, "https://example.org/표\r", said{"whole:https://example.org/표"}},
		"noise":                     {Lines, "\x00\xff\x80abc\rCTP1A\r", said{"noise", "whole:CTP1A"}},
		"a broken one of ours":      {Lines, "CTP1\xff\x01\r", said{"whole:CTP1\xff\x01"}},
		"the longest":               {Lines, longest + "\r", said{"whole:" + longest}},
		"too long":                  {Lines, long + "\rCTP1A\r", said{"noise", "whole:CTP1A"}},
		"too long without an end":   {Lines, long, said{"noise"}},
		"stx":                       {STX, "\x02CTP1A\x03\x02CTP1B\x03", said{"whole:CTP1A", "whole:CTP1B"}},
		"stx, noise between":        {STX, "xx\r\n\x02CTP1A\x03\x03yy\r", said{"whole:CTP1A"}},
		"stx, half before the next": {STX, "\x02CTP1A\x02CTP1B\x03", said{"half:CTP1A", "whole:CTP1B"}},
		"stx, half":                 {STX, "\x02CTP1A\r", said{"half:CTP1A\r"}},
		"stx, empty":                {STX, "\x02\x03\x02", nil},
		"stx, too long":             {STX, "\x02" + long + "\x03\x02CTP1A\x03", said{"noise", "whole:CTP1A"}},
		"stx frames read as lines":  {Lines, "\x02CTP1A\x03\r", said{"noise"}},
	} {
		for _, step := range []int{1, 2, 7, 1 << 20} { // cut anywhere
			f, err := newFrames(c.framing)
			if err != nil {
				t.Fatal(err)
			}
			var got said
			for part := range slices.Chunk([]byte(c.in), step) {
				f.feed(part, got.take)
			}
			f.silence(got.take)
			if !slices.Equal(got, c.want) || f.open() {
				t.Errorf("%s by %d: got %.80q, want %.80q", name, step, got, c.want)
			}
		}
	}
	if _, err := newFrames("cr"); err == nil {
		t.Error("an unknown framing is taken")
	}
}

// TestFramesSilence: after a silence the next code is read, and a rest of the one
// before is no part of it.
func TestFramesSilence(t *testing.T) {
	f, _ := newFrames(Lines)
	var got said
	f.feed([]byte("CTP1AB"), got.take)
	if !f.open() {
		t.Error("a code has begun and is not open")
	}
	f.silence(got.take)
	f.feed([]byte("CTP1CD\r"), got.take)
	f.silence(got.take)
	if want := (said{"half:CTP1AB", "whole:CTP1CD"}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFramesNoise: a megabyte of noise, with and without ends in it, costs no
// memory and not the code behind it.
func TestFramesNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 1<<20)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	for name, in := range map[string][]byte{
		"random": random, "of one byte": bytes.Repeat([]byte{'x'}, 1<<20), "zeros": make([]byte, 1<<20), "starts": bytes.Repeat([]byte{stx}, 1<<20),
	} {
		for _, framing := range []Framing{Lines, STX} {
			f, _ := newFrames(framing)
			var got said
			f.feed(in, got.take)
			f.silence(got.take)
			f.feed([]byte("\x02CTP1A\x03"), got.take)
			if framing == Lines {
				f.feed([]byte("\rCTP1A\r"), got.take)
			}
			if len(got) == 0 || got[len(got)-1] != "whole:CTP1A" || cap(f.text) > MaxText {
				t.Errorf("%s, %s: ends with %.80q, %d bytes kept", name, framing, got[max(len(got)-1, 0):], cap(f.text))
			}
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("CTP1A\r\nCTP1B\r\n"), uint8(3), false)
	f.Add([]byte("\x02CTP1A\x03\x02CTP1B"), uint8(1), true)
	f.Add(append(bytes.Repeat([]byte{'A'}, MaxText+2), '\r'), uint8(200), false)
	f.Fuzz(func(t *testing.T, data []byte, step uint8, framed bool) {
		framing := Lines
		if framed {
			framing = STX
		}
		var once, cut said
		check := func(p piece) {
			switch {
			case len(p.text) > MaxText, p.kind == whole && p.text == "", p.kind == lost:
				t.Errorf("%d of %d bytes", p.kind, len(p.text))
			case framing == Lines && strings.ContainsAny(p.text, "\r\n"), framing == STX && strings.ContainsAny(p.text, "\x02\x03"):
				t.Errorf("a frame's own bytes in %q", p.text)
			}
			_ = suspect(p)
		}
		a, _ := newFrames(framing)
		a.feed(data, func(p piece) { check(p); once.take(p) })
		b, _ := newFrames(framing)
		for part := range slices.Chunk(data, int(step)+1) {
			b.feed(part, cut.take)
		}
		if !slices.Equal(once, cut) || a.open() != b.open() {
			t.Errorf("in one piece %q, by %d %q", once, int(step)+1, cut)
		}
	})
}
