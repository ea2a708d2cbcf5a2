package doctor

import (
	"context"
	"fmt"
	"image"
	"time"
)

// Camera checks that frames arrive and that one can see something on them.
type Camera struct {
	// Watch opens the camera and calls see for each frame until see returns
	// false or ctx ends; then it closes the camera.
	Watch func(ctx context.Context, see func(*image.Gray) bool) error
	Now   func() time.Time
}

const (
	cameraFrames = 10
	tooDark      = 25  // mean of 0 to 255
	tooBright    = 235 //
	tooFlat      = 4   // mean distance from the mean: a covered lens
	slowFrames   = 5   // a second
)

// Name returns "camera".
func (Camera) Name() string { return "camera" }

// Look watches a few frames.
func (c Camera) Look(ctx context.Context) Finding {
	var n int
	var last *image.Gray
	var first, end time.Time
	err := c.Watch(ctx, func(g *image.Gray) bool {
		end = c.Now()
		if n == 0 {
			first = end
		}
		n++
		last = g
		return n < cameraFrames
	})
	if n == 0 {
		found := "no frame arrives"
		if err != nil {
			found = err.Error()
		}
		return Finding{Level: Fail, Found: found, Advice: adviceOf(err, "check the plug and the camera's url in the config; `v4l2-ctl --list-devices` shows what is there")}
	}
	mean, spread := brightness(last)
	b := last.Bounds()
	f := Finding{Found: fmt.Sprintf("%d×%d, brightness %d of 255, contrast %d", b.Dx(), b.Dy(), mean, spread)}
	rate := 0.0
	if took := end.Sub(first).Seconds(); n > 1 && took > 0 {
		rate = float64(n-1) / took
		f.Found += fmt.Sprintf(", %.0f frames/s", rate)
	}
	switch {
	case n < 2:
		f.Level, f.Found, f.Advice = Warn, f.Found+", only one frame", "a camera should send at least 5 frames a second: check the cable and the USB hub"
	case spread < tooFlat:
		f.Level, f.Advice = Warn, "the picture is uniform: is the lens covered?"
	case mean < tooDark:
		f.Level, f.Advice = Warn, "too dark: light the reading place, or raise the exposure"
	case mean > tooBright:
		f.Level, f.Advice = Warn, "too bright: shade the camera from the sun, or lower the exposure"
	case rate > 0 && rate < slowFrames:
		f.Level, f.Advice = Warn, "few frames: more light shortens the exposure; a USB 2 hub may be full"
	}
	return f
}

// brightness returns the mean of the picture and the mean distance from it.
func brightness(g *image.Gray) (mean, spread int) {
	b := g.Bounds()
	var hist [256]int
	n := 0
	for y := b.Min.Y; y < b.Max.Y; y++ {
		row := g.Pix[g.PixOffset(b.Min.X, y) : g.PixOffset(b.Max.X-1, y)+1]
		for _, v := range row {
			hist[v]++
		}
		n += len(row)
	}
	if n == 0 {
		return 0, 0
	}
	sum := 0
	for v, k := range hist {
		sum += v * k
	}
	mean = sum / n
	away := 0
	for v, k := range hist {
		away += max(v-mean, mean-v) * k
	}
	return mean, away / n
}
