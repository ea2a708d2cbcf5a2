package pass_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

func secondsOf(n int) time.Duration { return time.Duration(n) * time.Second }

func splitTexts(t testing.TB, packed []byte) []string {
	t.Helper()
	texts, err := pass.Split(packed)
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// forgePart opens the text of a part, lets change spoil it, and closes it again.
func forgePart(t testing.TB, text string, change func(*pass.WirePart)) string {
	t.Helper()
	var w pass.WirePart
	if err := pass.Open(text, &w); err != nil {
		t.Fatal(err)
	}
	change(&w)
	out, err := pass.Close(text, w)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func parsePart(t testing.TB, text string) pass.Part {
	t.Helper()
	p, err := pass.ParsePart(text)
	if err != nil {
		t.Fatalf("ParsePart(%q): %v", text, err)
	}
	return p
}

// Every length comes back whole, in any order, in as few parts as there can be,
// each of which a camera reads easily.
func TestSplit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for size := 1; size <= pass.MaxPacked; size++ {
		packed := sampleBytes(size)
		texts := splitTexts(t, packed)
		if want := (size + pass.MaxPartData - 1) / pass.MaxPartData; len(texts) != want || len(texts) > pass.MaxParts {
			t.Fatalf("%d bytes: %d parts, want %d", size, len(texts), want)
		}
		var a pass.Assembler
		var whole []byte
		for n, i := range random.Perm(len(texts)) {
			if v := pass.QRVersion(texts[i]); v == 0 || v > 8 {
				t.Fatalf("%d bytes, part %d: %d characters, QR version %d", size, i, len(texts[i]), v)
			}
			p := parsePart(t, texts[i])
			var err error
			if whole, err = a.Add(p, doors); err != nil || (whole != nil) != (n == len(texts)-1) {
				t.Fatalf("%d bytes, part %d after %d others: whole %t, %v", size, i, n, whole != nil, err)
			}
		}
		if !bytes.Equal(whole, packed) {
			t.Fatalf("%d bytes come back as %x", size, whole)
		}
		if have, total := a.Progress(doors); have != 0 || total != 0 {
			t.Fatalf("%d bytes: %d of %d parts are left", size, have, total)
		}
	}
	for _, size := range []int{0, pass.MaxPacked + 1} {
		if texts, err := pass.Split(make([]byte, size)); !errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("Split of %d bytes = %d texts, %v, want ErrInvalid", size, len(texts), err)
		}
	}
}

func TestParsePartRefuses(t *testing.T) {
	good := splitTexts(t, sampleBytes(620))[1]
	closed := func(change func(*pass.WirePart)) string { return forgePart(t, good, change) }
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":            {"", pass.ErrForeign},
		"a pass":           {"CTR1" + good[4:], pass.ErrForeign},
		"later version":    {"CTV2" + good[4:], pass.ErrForeign},
		"prefix alone":     {"CTV1", pass.ErrMalformed},
		"cut":              {good[:len(good)-3], pass.ErrMalformed},
		"more":             {good + "00", pass.ErrMalformed},
		"not base45":       {good[:6] + "_" + good[7:], pass.ErrMalformed},
		"too long":         {"CTV1" + string(bytes.Repeat([]byte("0"), pass.MaxText)), pass.ErrMalformed},
		"no parts":         {closed(func(w *pass.WirePart) { w.Total, w.Index = 0, 0 }), pass.ErrMalformed},
		"beyond the total": {closed(func(w *pass.WirePart) { w.Index = w.Total }), pass.ErrMalformed},
		"17 parts":         {closed(func(w *pass.WirePart) { w.Total = pass.MaxParts + 1 }), pass.ErrMalformed},
		"no data":          {closed(func(w *pass.WirePart) { w.Data = []byte{} }), pass.ErrMalformed},
		"null data":        {closed(func(w *pass.WirePart) { w.Data = nil }), pass.ErrMalformed},
		"too much data":    {closed(func(w *pass.WirePart) { w.Data = make([]byte, pass.MaxPartData+1) }), pass.ErrMalformed},
	} {
		if p, err := pass.ParsePart(c.text); !errors.Is(err, c.want) || p.Data != nil {
			t.Errorf("%s: ParsePart(%.40q) = %+v, %v, want %v", name, c.text, p, err, c.want)
		}
	}
	// A pass's reader says what it sees instead.
	if _, err := pass.Parse(good); !errors.Is(err, pass.ErrMalformed) {
		t.Errorf("Parse of a part = %v, want ErrMalformed", err)
	}
}

// No two presentations are ever mixed, whatever a reader sees of them.
func TestAssemblerMixes(t *testing.T) {
	one, two := sampleBytes(620), bytes.Repeat([]byte{7}, 620)
	var a pass.Assembler
	random := rand.New(rand.NewPCG(3, 4))
	var parts []pass.Part
	for _, packed := range [][]byte{one, two} {
		for _, text := range splitTexts(t, packed) {
			p := parsePart(t, text)
			parts = append(parts, p)
			p.Data = append([]byte{p.Data[0] + 1}, p.Data[1:]...) // misread
			parts = append(parts, p)
			p.Total++
			parts = append(parts, p)
		}
	}
	wholes := 0
	for i := range 200_000 {
		// Now and then a run of one presentation, so that some come out whole.
		p := parts[random.IntN(len(parts))]
		if i%50 > 20 {
			p = parts[3*((i%50)%5)+15*(i/50%2)]
		}
		whole, err := a.Add(p, doors)
		if err != nil && !errors.Is(err, pass.ErrParts) {
			t.Fatalf("Add: %v", err)
		}
		if whole != nil {
			wholes++
			if !bytes.Equal(whole, one) && !bytes.Equal(whole, two) {
				t.Fatalf("the whole %x was never split", whole)
			}
		}
	}
	if wholes < 1000 {
		t.Errorf("only %d presentations came out whole: the test tests little", wholes)
	}
}

func TestAssemblerForgets(t *testing.T) {
	texts := splitTexts(t, sampleBytes(620))
	for name, c := range map[string]struct {
		between time.Duration
		want    string
	}{
		"at once":           {0, "2 of 5"},
		"just in time":      {pass.PartsLife - 1, "2 of 5"},
		"too late":          {pass.PartsLife, "1 of 5"},
		"clock set back":    {-1, "1 of 5"},
		"clock set forward": {time.Hour, "1 of 5"},
	} {
		var a pass.Assembler
		for i, at := range []time.Time{doors, doors.Add(c.between)} {
			if _, err := a.Add(parsePart(t, texts[i]), at); err != nil {
				t.Fatalf("%s: Add: %v", name, err)
			}
		}
		have, total := a.Progress(doors.Add(c.between))
		if got := fmt.Sprintf("%d of %d", have, total); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if have, total := a.Progress(doors.Add(c.between + pass.PartsLife)); have != 0 || total != 0 {
			t.Errorf("%s: %d of %d are there after their life", name, have, total)
		}
	}
	// A part seen again does not prolong the life: nothing new was learnt.
	var a pass.Assembler
	for _, after := range []time.Duration{0, 20 * time.Second, 31 * time.Second} {
		if _, err := a.Add(parsePart(t, texts[0]), doors.Add(after)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Add(parsePart(t, texts[1]), doors.Add(40*time.Second)); err != nil {
		t.Fatal(err)
	}
	if have, _ := a.Progress(doors.Add(60 * time.Second)); have != 2 {
		t.Errorf("%d parts, want the one of 31 s and the one of 40 s", have)
	}
}

// More than the most bytes never come together, although each part is small enough.
func TestAssemblerBound(t *testing.T) {
	var a pass.Assembler
	var err error
	for i := range pass.MaxParts {
		p := pass.Part{Set: [4]byte{1}, Index: uint8(i), Total: pass.MaxParts, Data: make([]byte, pass.MaxPartData)}
		var whole []byte
		if whole, err = a.Add(p, doors); whole != nil {
			t.Fatalf("a whole of %d bytes", len(whole))
		}
		if err != nil {
			break
		}
	}
	if !errors.Is(err, pass.ErrParts) {
		t.Errorf("%d parts of %d bytes: %v, want ErrParts", pass.MaxParts, pass.MaxPartData, err)
	}
	for _, p := range []pass.Part{{}, {Total: 1, Index: 1, Data: []byte{1}}, {Total: 1}, {Total: 17, Data: []byte{1}}, {Total: 255, Index: 254, Data: []byte{1}}} {
		if whole, err := a.Add(p, doors); !errors.Is(err, pass.ErrParts) {
			t.Errorf("Add(%+v) = %x, %v, want ErrParts", p, whole, err)
		}
	}
}

// What the caller does to a part afterwards changes nothing.
func TestAssemblerOwnsItsBytes(t *testing.T) {
	packed := sampleBytes(300)
	texts := splitTexts(t, packed)
	var a pass.Assembler
	p := parsePart(t, texts[0])
	if _, err := a.Add(p, doors); err != nil {
		t.Fatal(err)
	}
	clear(p.Data)
	whole, err := a.Add(parsePart(t, texts[1]), doors)
	if err != nil || sha256.Sum256(whole) != sha256.Sum256(packed) {
		t.Errorf("whole = %x, %v", whole, err)
	}
}

// No bit of a part is free: it is refused, or kept out of the presentation.
func TestEveryBitOfAPart(t *testing.T) {
	packed := sampleBytes(400)
	texts := splitTexts(t, packed)
	body, err := pass.Body(texts[1])
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		for bit := range 8 {
			body[i] ^= 1 << bit
			var a pass.Assembler
			for _, text := range []string{texts[0], pass.Text(texts[1], body), texts[2]} {
				p, err := pass.ParsePart(text)
				if err != nil {
					continue
				}
				if whole, err := a.Add(p, doors); whole != nil {
					t.Errorf("whole with bit %d of byte %d flipped: %x, %v", bit, i, whole, err)
				}
			}
			body[i] ^= 1 << bit
		}
	}
}
