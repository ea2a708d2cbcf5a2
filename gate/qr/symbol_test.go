package qr

import (
	"fmt"
	"hash/crc32"
	"image"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"
)

// summed is a text that carries a checksum of itself.
func summed(body string) string {
	return fmt.Sprintf("%s:%08X", body, crc32.ChecksumIEEE([]byte(body)))
}

// sound says whether the checksum of a text is right.
func sound(text string) bool {
	at := strings.LastIndexByte(text, ':')
	return at >= 0 && summed(text[:at]) == text
}

// drawn is text as modules: 1 for dark, -1 for light.
func drawn(t testing.TB, s *symbols, text string, level decoder.ErrorCorrectionLevel) (*blueprint, []float32) {
	t.Helper()
	code, err := encoder.Encoder_encode(text, level, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := s.blueprint(code.GetVersion().GetVersionNumber())
	soft := make([]float32, b.side*b.side)
	for i := range soft {
		soft[i] = 2*float32(code.GetMatrix().Get(i%b.side, i/b.side)) - 1
	}
	return b, soft
}

// TestUnsureModules reads symbols of which far more codewords are wrong than can be corrected at
// unknown places, because the wrong ones are the least sure.
func TestUnsureModules(t *testing.T) {
	s := newSymbols()
	rng := rand.New(rand.NewPCG(1, 2))
	want := summed(strings.Repeat("CONTING 0123456789 ", 7))
	b, clean := drawn(t, s, want, decoder.ErrorCorrectionLevel_L)
	p := &b.plans[1]
	for try := range 10 {
		soft := slices.Clone(clean)
		for block := range p.blocks {
			for _, k := range rng.Perm(p.length(block) + p.parity)[:p.parity*3/4] {
				at := b.order[8*p.index(block, k)+rng.IntN(8)]
				soft[at] *= -0.1 // one module has the wrong colour, just about
			}
		}
		if got, ok := s.read(b, soft); !ok || got != want {
			t.Errorf("try %d, %d of %d check symbols' worth of unsure codewords wrong: got %q, %v", try, p.parity*3/4, p.parity, got, ok)
		}
	}
}

// TestNeverWrong damages symbols up to and beyond what can be corrected, sure of itself or not: they
// are read as they were, or not at all.
func TestNeverWrong(t *testing.T) {
	s := newSymbols()
	rng := rand.New(rand.NewPCG(5, 6))
	read, lost := 0, 0
	n, many := 600, 60
	if Racing || testing.Short() {
		n, many = 120, 10
	}
	for i := range n {
		text := summed(strings.Repeat("0123456789ABCDEF", 1+rng.IntN(16))[rng.IntN(8):])
		b, soft := drawn(t, s, text, decoder.ErrorCorrectionLevel(rng.IntN(4)))
		share := rng.Float64() * 0.2
		for k := range soft {
			soft[k] *= float32(0.2 + rng.Float64())
			if rng.Float64() < share {
				soft[k] *= -float32(rng.Float64())
			}
		}
		got, ok := s.read(b, soft)
		switch {
		case ok && got != text:
			t.Fatalf("symbol %d: read %q for %q", i, got, text)
		case ok:
			read++
		default:
			lost++
		}
	}
	if read < many || lost < many {
		t.Errorf("read %d and lost %d: want many of both, or nothing is shown", read, lost)
	}
}

// TestEqualiser mixes each module with its neighbours, differently on each side, until many have the
// wrong colour, and expects nearly all of them right again.
func TestEqualiser(t *testing.T) {
	s, q := newSymbols(), newEqualiser()
	b, clean := drawn(t, s, strings.Repeat("CONTING 0123456789 ", 12), decoder.ErrorCorrectionLevel_L)
	n := b.side
	raw := make([]float32, n*n)
	at := func(x, y int) float32 {
		if x < 0 || y < 0 || x >= n || y >= n {
			return outside
		}
		return clean[y*n+x]
	}
	for y := range n {
		for x := range n {
			raw[y*n+x] = 0.48*at(x, y) + 0.22*at(x-1, y-1) + 0.16*at(x+1, y+1) + 0.07*at(x, y-1) + 0.07*at(x+1, y)
		}
	}
	wrong := func(soft []float32) (count int) {
		for i, v := range soft {
			if v > 0 != (clean[i] > 0) {
				count++
			}
		}
		return count
	}
	before := wrong(raw)
	soft := slices.Clone(raw)
	for range 4 {
		q.teach(b, soft)
		if !q.run(raw, soft, n) {
			t.Fatal("nothing learnt")
		}
	}
	after := wrong(soft)
	t.Logf("%d of %d modules wrong, then %d", before, n*n, after)
	if before < n*n/50 || after > before/5 {
		t.Errorf("%d of %d modules are wrong after equalising, %d before; want a fifth at most", after, n*n, before)
	}
	for i := range raw { // a symbol without any contrast teaches nothing, and must do no harm
		raw[i] = 0
	}
	q.teach(b, raw)
	q.run(raw, soft, n)
	for _, v := range soft {
		if !(v >= -mostSoft && v <= mostSoft) {
			t.Fatalf("level %v of a flat symbol", v)
		}
	}
}

// pool lends decoders, one to each worker of a fuzz test.
var pool = sync.Pool{New: func() any {
	d, err := New(Config{Now: time.Now, Exhaustive: true, Budget: time.Minute})
	if err != nil {
		return err
	}
	return d
}}

func borrow(t *testing.T) *Decoder {
	t.Helper()
	d, ok := pool.Get().(*Decoder)
	if !ok {
		t.Fatal("no decoder")
	}
	t.Cleanup(func() { pool.Put(d) })
	return d
}

// FuzzSymbol draws a code that carries a checksum, bends the grid, turns over modules and pixels,
// and expects the text or nothing.
func FuzzSymbol(f *testing.F) {
	f.Add(uint8(20), int8(0), int8(0), int8(0), uint8(220), []byte{})
	f.Add(uint8(60), int8(12), int8(-9), int8(5), uint8(90), []byte{1, 7, 200, 3, 50, 60})
	f.Add(uint8(3), int8(-100), int8(90), int8(30), uint8(40), []byte{9, 9, 9, 250, 250, 250})
	f.Fuzz(func(t *testing.T, length uint8, shearX, shearY, lean int8, light uint8, damage []byte) {
		if len(damage) > 512 {
			t.Skip()
		}
		want := summed(strings.Repeat("CONTING*7", 12)[:int(length)%100])
		code, err := encoder.Encoder_encode(want, decoder.ErrorCorrectionLevel_L, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := code.GetMatrix()
		n := m.GetWidth()
		for i := 0; i+1 < len(damage)/2; i += 2 {
			x, y := int(damage[i])%n, int(damage[i+1])%n
			m.Set(x, y, 1-m.Get(x, y))
		}
		const w, h = 200, 160
		g := image.NewGray(image.Rect(0, 0, w, h))
		scale := float64(h-30) / float64(n)
		for y := range h {
			for x := range w {
				fx, fy := float64(x-30), float64(y-15)
				d := scale * (1 + float64(lean)*fy/128/h)
				u, v := (fx+float64(shearX)*fy/256)/d, (fy+float64(shearY)*fx/256)/d
				g.Pix[y*w+x] = light
				if u >= 0 && v >= 0 && int(u) < n && int(v) < n && m.Get(int(u), int(v)) == 1 {
					g.Pix[y*w+x] = light / 8
				}
			}
		}
		for i := len(damage) / 2; i+2 < len(damage); i += 3 {
			g.Pix[(int(damage[i])+int(damage[i+1])*128)%len(g.Pix)] = damage[i+2]
		}
		codes, failed := borrow(t).Decode(g)
		if failed != nil {
			t.Error(failed)
		}
		for _, c := range codes {
			if c.Text != want && !sound(c.Text) {
				t.Errorf("read %q, want %q or nothing", c.Text, want)
			}
		}
	})
}
