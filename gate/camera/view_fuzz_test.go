package camera_test

import (
	"encoding/json"
	"image"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/camera"
)

// FuzzMeter shows frames of any pixels and sizes. What comes of them must be told as JSON, which
// knows no infinity, and stay within its bounds.
func FuzzMeter(f *testing.F) {
	f.Add(uint8(97), uint8(100), uint8(3), []byte{0, 255, 128})
	f.Add(uint8(16), uint8(16), uint8(0), []byte{200})
	f.Add(uint8(0), uint8(9), uint8(1), []byte{})
	f.Add(uint8(159), uint8(159), uint8(6), []byte("\x00\x00\x10\x60\xb0\xff\xff\xb0\x60\x10"))
	f.Fuzz(func(t *testing.T, w, h, shots uint8, pixels []byte) {
		m := camera.NewMeter(0)
		at := time.Unix(1_790_000_000, 0)
		for n := range int(shots%7) + 1 {
			g := image.NewGray(image.Rect(0, 0, int(w%160), int(h%160)))
			for i := range g.Pix {
				if len(pixels) > 0 {
					g.Pix[i] = pixels[(i+i/7*n)%len(pixels)]
				}
			}
			m.Add(camera.Frame{Gray: g, At: at, Seq: uint64(n)})
			at = at.Add(time.Duration(n%3) * time.Millisecond)
		}
		v := m.View()
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%+v: %v", v, err)
		}
		var back camera.View
		if err := json.Unmarshal(data, &back); err != nil || back != v {
			t.Errorf("%s is %+v (%v), want %+v", data, back, err, v)
		}
		if v.Edge < 0 || v.Edge > 256 || v.Flicker < 0 || v.Noise < 0 || v.White < 0 || v.White > 1 || v.Mean > 255 || len(v.Plot()) != camera.Bars {
			t.Errorf("%d×%d, %d frames: %+v", w, h, shots, v)
		}
		_ = v.Advice()
	})
}
