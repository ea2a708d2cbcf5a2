package qr_test

import (
	"errors"
	"image"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"

	"github.com/con-ting/conting/gate/qr"
	"github.com/con-ting/conting/testdata/frames"
)

// ordinary has the length and the alphabet of an id-only rotating pass.
const ordinary = "CTR1:6BFOXN%TSMAHN-H.L8*5EJ9I$PH.B4T:0SK7/V$ 2Q4Z9WNTI:OJ3XF%M8-C6AK2D1E0FGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ01234" +
	"56789 $%*+-.:ABCDEFGHIJKLMNOPQRST"

// flat draws text as a code of scale pixels a module with its corner at (x, y) of a frame.
func flat(t testing.TB, text, charset string, w, h, x, y, scale int) *image.Gray {
	t.Helper()
	hints := map[gozxing.EncodeHintType]any{}
	if charset != "" {
		hints[gozxing.EncodeHintType_CHARACTER_SET] = charset
	}
	code, err := encoder.Encoder_encode(text, decoder.ErrorCorrectionLevel_L, hints)
	if err != nil {
		t.Fatal(err)
	}
	m := code.GetMatrix()
	g := image.NewGray(image.Rect(0, 0, w, h))
	for i := range g.Pix {
		g.Pix[i] = 230
	}
	for my := range m.GetHeight() {
		for mx := range m.GetWidth() {
			if m.Get(mx, my) != 1 {
				continue
			}
			for dy := range scale {
				for dx := range scale {
					g.Pix[g.PixOffset(x+mx*scale+dx, y+my*scale+dy)] = 20
				}
			}
		}
	}
	return g
}

func negative(g *image.Gray) *image.Gray {
	n := image.NewGray(g.Rect)
	for i, v := range g.Pix {
		n.Pix[i] = 255 - v
	}
	return n
}

func TestDecodeGivesExactBytes(t *testing.T) {
	latin := make([]rune, 0, 128)
	exact := make([]byte, 0, 128)
	for r := rune(0x80); r < 0x100; r++ {
		latin, exact = append(latin, r), append(exact, byte(r))
	}
	for _, tt := range []struct{ name, text, charset, want string }{
		{"alphanumeric", "CTR1:ABC $%*+-./:0", "", "CTR1:ABC $%*+-./:0"},
		{"numeric", "0012345678900", "", "0012345678900"},
		{"bytes", "conting \x00\x01 ticket", "", "conting \x00\x01 ticket"},
		{"UTF-8", "입장권 ✓", "", "입장권 ✓"},
		{"not UTF-8", string(latin), "ISO-8859-1", string(exact)},
		{"an ordinary pass", ordinary, "", ordinary},
	} {
		t.Run(tt.name, func(t *testing.T) {
			codes, err := newDecoder(t, qr.Config{}).Decode(flat(t, tt.text, tt.charset, 400, 300, 60, 40, 4))
			if err != nil || len(codes) != 1 || codes[0].Text != tt.want {
				t.Errorf("Decode(%q) = %+v, %v; want %q", tt.text, codes, err, tt.want)
			}
		})
	}
}

func TestCornersAndVersion(t *testing.T) {
	const x, y, scale = 60, 40, 5
	codes, err := newDecoder(t, qr.Config{}).Decode(flat(t, ordinary, "", 640, 480, x, y, scale))
	if err != nil || len(codes) != 1 {
		t.Fatalf("Decode = %v, %v; want one code", codes, err)
	}
	code, err := frames.Encode(ordinary)
	if err != nil {
		t.Fatal(err)
	}
	if codes[0].Version != code.Version {
		t.Errorf("version: got %d want %d", codes[0].Version, code.Version)
	}
	side := float64(code.Side * scale)
	want := [4]qr.Point{{X: x, Y: y}, {X: x + side, Y: y}, {X: x + side, Y: y + side}, {X: x, Y: y + side}}
	for i, p := range codes[0].Corners {
		if math.Hypot(p.X-want[i].X, p.Y-want[i].Y) > scale {
			t.Errorf("corner %d: got %v want %v within a module", i, p, want[i])
		}
	}
}

func TestDecodeTakesPartOfPicture(t *testing.T) {
	whole := flat(t, ordinary, "", 640, 480, 200, 150, 4)
	part, ok := whole.SubImage(image.Rect(170, 120, 480, 400)).(*image.Gray)
	if !ok {
		t.Fatal("SubImage is not gray")
	}
	codes, err := newDecoder(t, qr.Config{}).Decode(part)
	if err != nil || len(codes) != 1 || codes[0].Text != ordinary {
		t.Errorf("Decode of a part with stride %d = %v, %v; want the code", part.Stride, codes, err)
	}
}

func TestDecodeRefusesUnusableFrames(t *testing.T) {
	d := newDecoder(t, qr.Config{})
	for name, g := range map[string]*image.Gray{
		"nil":           nil,
		"zero":          {},
		"narrow":        image.NewGray(image.Rect(0, 0, 28, 480)),
		"flat":          image.NewGray(image.Rect(0, 0, 640, 1)),
		"huge":          {Pix: make([]byte, 100), Stride: 1 << 30, Rect: image.Rect(0, 0, 1<<30, 1<<30)},
		"wide":          image.NewGray(image.Rect(0, 0, 4097, 64)),
		"few pixels":    {Pix: make([]byte, 640*479), Stride: 640, Rect: image.Rect(0, 0, 640, 480)},
		"short stride":  {Pix: make([]byte, 640*480), Stride: 320, Rect: image.Rect(0, 0, 640, 480)},
		"no stride":     {Pix: make([]byte, 640*480), Rect: image.Rect(0, 0, 640, 480)},
		"turned around": {Pix: make([]byte, 640*480), Stride: 640, Rect: image.Rectangle{image.Pt(640, 480), image.Pt(0, 0)}},
		"overflowing":   {Pix: make([]byte, 640*480), Stride: 640, Rect: image.Rectangle{image.Pt(math.MinInt, 0), image.Pt(math.MaxInt, 480)}},
	} {
		if codes, err := d.Decode(g); !errors.Is(err, qr.ErrFrame) {
			t.Errorf("%s: got %v, %v; want ErrFrame", name, codes, err)
		}
	}
	if codes, err := d.Decode(flat(t, ordinary, "", 640, 480, 100, 100, 4)); err != nil || len(codes) != 1 {
		t.Errorf("after bad frames: got %v, %v; want one code", codes, err)
	}
}

func TestDecodeFindsNothingInNothing(t *testing.T) {
	d := newDecoder(t, qr.Config{Exhaustive: true})
	for _, level := range []uint8{0, 1, 127, 255} {
		g := image.NewGray(image.Rect(0, 0, 321, 243))
		for i := range g.Pix {
			g.Pix[i] = level
		}
		if codes, err := d.Decode(g); err != nil || len(codes) != 0 {
			t.Errorf("level %d: got %v, %v; want nothing", level, codes, err)
		}
	}
}

func TestInvertedAtOnce(t *testing.T) {
	codes, err := newDecoder(t, qr.Config{}).Decode(negative(flat(t, ordinary, "", 640, 480, 100, 100, 4)))
	if err != nil || len(codes) != 1 || codes[0].Text != ordinary {
		t.Errorf("got %v, %v; want the inverted code", codes, err)
	}
}

func TestCostlyWaysTakeTurns(t *testing.T) {
	g := flat(t, ordinary, "", 640, 480, 100, 100, 5)
	for i, v := range g.Pix { // dark is 106, light 120
		g.Pix[i] = 105 + v/15
	}
	codes, err := newDecoder(t, qr.Config{Exhaustive: true}).Decode(g)
	if err != nil || len(codes) != 1 {
		t.Fatalf("exhaustive: got %v, %v on the first frame; want the faint code", codes, err)
	}
	d := newDecoder(t, qr.Config{})
	for range 3 { // a turn each for some of those that would read it
		if _, err := d.Decode(image.NewGray(g.Rect)); err != nil {
			t.Fatal(err)
		}
	}
	if codes, err := d.Decode(g); err != nil || len(codes) != 0 {
		t.Fatalf("got %v, %v out of turn; want a frame that the cheap ways do not read", codes, err)
	}
	frame := 2
	for ; ; frame++ {
		codes, err := d.Decode(g)
		if err != nil || frame > 20 {
			t.Fatalf("frame %d: got %v, %v; want the faint code by now", frame, codes, err)
		}
		if len(codes) == 1 {
			break
		}
	}
	t.Logf("read in frame %d", frame)
	if codes, err := d.Decode(g); err != nil || len(codes) != 1 {
		t.Errorf("the frame after: got %v, %v; want what helped to be tried first", codes, err)
	}
}

// TestBudget counts time by looks at the clock: every look is a millisecond later.
func TestBudget(t *testing.T) {
	busy, err := frames.Render(frames.Empty, 5, frames.VGA, "")
	if err != nil {
		t.Fatal(err)
	}
	looks := 0
	now := func() time.Time { looks++; return time.Unix(0, 0).Add(time.Duration(looks) * time.Millisecond) }
	d, err := qr.New(qr.Config{Now: now, Budget: 10 * time.Millisecond, Exhaustive: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		looks = 0
		if codes, err := d.Decode(busy); err != nil || len(codes) > 0 {
			t.Errorf("got %v, %v; want nothing", codes, err)
		}
		if looks > 14 { // one look each to leave the scan, the strategy and the frame
			t.Errorf("the decoder went on for %d looks at the clock with a budget of 10", looks)
		}
	}
}

func TestNewChecksConfig(t *testing.T) {
	for name, cfg := range map[string]qr.Config{
		"no clock":        {},
		"negative budget": {Now: time.Now, Budget: -1},
	} {
		if _, err := qr.New(cfg); err == nil {
			t.Errorf("New with %s: no error", name)
		}
	}
}

// TestProfiles holds the share of rendered frames that are read, each as a single picture, a little
// below what was measured, so that a change for the worse shows.
func TestProfiles(t *testing.T) {
	for _, tt := range []struct {
		profile frames.Profile
		n, want int
	}{
		{frames.Easy, 20, 20},
		{frames.Gate, 60, 56},
		{frames.Empty, 20, 0},
	} {
		n, want := tt.n, tt.want
		if qr.Racing || testing.Short() { // the arithmetic is the same, ten times as slow
			n, want = n/10, want/10-1
		}
		r, d := frames.NewRenderer(), newDecoder(t, qr.Config{Exhaustive: true})
		read := 0
		for seed := range uint64(n) {
			g, err := r.Gray(tt.profile.Scene(seed, frames.VGA, ordinary))
			if err != nil {
				t.Fatal(err)
			}
			codes, err := d.Decode(g)
			if err != nil {
				t.Errorf("%v %d: %v", tt.profile, seed, err)
			}
			if len(codes) > 0 {
				read++
				if codes[0].Text != ordinary || tt.profile == frames.Empty {
					t.Errorf("%v %d: false read %q", tt.profile, seed, codes[0].Text)
				}
			}
		}
		t.Logf("%v: read %d of %d", tt.profile, read, n)
		if read < want {
			t.Errorf("%v: read %d of %d frames; want at least %d", tt.profile, read, n, want)
		}
	}
}

func TestDenseCode(t *testing.T) {
	text := strings.Repeat("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", 12) // version 14
	codes, err := newDecoder(t, qr.Config{}).Decode(flat(t, text, "", 640, 480, 100, 100, 4))
	if err != nil || len(codes) != 1 || codes[0].Text != text {
		t.Errorf("got %+v, %v; want %q", codes, err, text)
	}
}
