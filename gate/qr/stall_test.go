package qr_test

import (
	"image"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/qr"
)

// A machine that stands still for a moment makes whatever was being done seem to cost
// more than a frame may. When it is over, codes are read again.
func TestReadsAgainAfterStalls(t *testing.T) {
	empty, code := image.NewGray(image.Rect(0, 0, 640, 480)), flat(t, ordinary, "", 640, 480, 100, 100, 4)
	now, asked, stall := time.Unix(1_800_000_000, 0), 0, 0
	d, err := qr.New(qr.Config{Now: func() time.Time {
		if asked++; asked == stall {
			now = now.Add(time.Second)
		}
		return now
	}})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 400 { // whatever a frame's search was doing
		asked, stall = 0, 2+rng.IntN(10)
		if _, err := d.Decode(empty); err != nil {
			t.Fatal(err)
		}
	}
	stall = 0
	const frames = 64 // some seconds of a stream
	for n := 1; ; n++ {
		codes, err := d.Decode(code)
		if err != nil || n > frames {
			t.Fatalf("frame %d after the stalls: got %v, %v; want the code by now", n, codes, err)
		}
		if len(codes) == 1 {
			return
		}
	}
}
