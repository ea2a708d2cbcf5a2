package camera

import (
	"fmt"
	"image"
	"slices"
	"strings"
	"sync"
	"time"
)

// View says what the frames of a camera are like, of late; not what they show. It names no person
// and holds no picture.
type View struct {
	Width  int `json:"width"` // of what is read of a frame, in pixels
	Height int `json:"height"`
	Frames int `json:"frames"` // that were looked at; the rest is zero if none were

	// FrameWidth and FrameHeight are those of the whole frame, which is larger than what is read
	// where there is a [Region].
	FrameWidth  int `json:"frame_width"`
	FrameHeight int `json:"frame_height"`

	Light

	// FPS is how many frames come in a second, taken or not; 0 if that is not known.
	FPS float64 `json:"fps"`

	// Noise is the standard deviation of the grain, in gray levels.
	Noise float64 `json:"noise"`

	// Edge is how many pixels the sharpest edges are wide, from 1; 0 if there are too few to tell.
	Edge float64 `json:"edge_px"`

	// Flicker is how deep the bands are that lamps draw through the picture, as a share of the light.
	Flicker float64 `json:"flicker"`

	// Stuck is for how many seconds the same picture has come; 0 if it has not.
	Stuck float64 `json:"stuck_s,omitempty"`
}

// Bounds of what will do for reading codes.
const (
	blurredAt  = 90.0 // as many times the shorter side of a frame is the width of an edge that is too soft
	flickering = 0.04 // share of the light
	fewFrames  = 5    // frames a second
	noisy      = 12   // gray levels
)

// Advice says what to do about the camera, the most urgent first; nothing if all will do.
func (v View) Advice() []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if v.Stuck > 0 {
		say("the camera shows the same frame for %.0f s; unplug it and plug it in again, on another port if it comes back", v.Stuck)
	}
	if v.Frames == 0 {
		return out
	}
	light := v.Light.Advice()
	if light != "" {
		out = append(out, light)
	}
	if most := float64(min(v.whole())) / blurredAt; v.Edge > most {
		say("blurred: the sharpest edges are %.0f px wide, want %.0f or less; hold a phone where people will, clean the lens and turn its ring, or set [camera] focus",
			v.Edge, most)
	}
	if v.Flicker > flickering {
		say(`flicker: dark bands take %.0f %% of the light; set [camera] mains to "50Hz" or "60Hz" as the lamps have it`, 100*v.Flicker)
	}
	if v.Noise > noisy && light == "" {
		say("grainy: %.0f levels of noise; light the reading place", v.Noise)
	}
	if v.FPS > 0 && v.FPS < fewFrames {
		say("few frames: %.1f a second, want %d or more; light shortens the exposure; a USB 2 hub may be full; see [camera] width and height", v.FPS, fewFrames)
	}
	return out
}

// whole is the size of the whole frame; a view that does not say is of all of it.
func (v View) whole() (width, height int) {
	if v.FrameWidth == 0 || v.FrameHeight == 0 {
		return v.Width, v.Height
	}
	return v.FrameWidth, v.FrameHeight
}

// String is the view in figures, on one line.
func (v View) String() string {
	if v.Frames == 0 {
		return "no frame was looked at"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d×%d", v.Width, v.Height)
	if w, h := v.whole(); w != v.Width || h != v.Height {
		fmt.Fprintf(&b, " of %d×%d", w, h)
	}
	if v.FPS > 0 {
		fmt.Fprintf(&b, ", %.3g frames/s", v.FPS)
	}
	fmt.Fprintf(&b, ", brightness %d of 255 (mostly %d to %d), %.0f %% white", v.Mean, v.Dark, v.Bright, 100*v.White)
	if v.Edge > 0 {
		fmt.Fprintf(&b, ", edges %.1f px", v.Edge)
	}
	return b.String()
}

// Meter looks at a frame now and then and remembers figures of the last few. It keeps no picture.
// Add is for one goroutine at a time, View for any.
type Meter struct {
	every time.Duration
	sharp sharpness // owned by Add
	last  time.Time // when a frame was last looked at; owned by Add

	mu   sync.Mutex // guards ring and next
	ring []glance   // at most remembered
	next int        // where the next glance goes
}

// remembered is how many frames a view is made of. A person before the lens, or a device that is
// still finding its exposure, is outvoted.
const remembered = 16

// glance is what one frame was like.
type glance struct {
	width, height int
	whole         image.Point
	at            time.Time
	seq           uint64
	counts        counts
	edge, noise   float64
	rows          profile
	lit           bool // rows is good
}

// forgetAfter is the gap between two frames after which older ones say nothing any more.
const forgetAfter = 5 * time.Second

// NewMeter makes a meter that looks at one frame, and then at none until as much time has passed.
func NewMeter(every time.Duration) *Meter {
	return &Meter{every: every, ring: make([]glance, 0, remembered)}
}

// Add looks at a frame if it is time: 2 to 3 ms of a core for 1280×720. It only reads the frame.
func (m *Meter) Add(f Frame) {
	if f.Gray == nil || !m.last.IsZero() && f.At.Sub(m.last) < m.every && !f.At.Before(m.last) {
		return
	}
	g := glance{width: f.Gray.Rect.Dx(), height: f.Gray.Rect.Dy(), whole: f.Size, at: f.At, seq: f.Seq}
	if g.whole == (image.Point{}) {
		g.whole = f.Gray.Rect.Size()
	}
	g.counts.add(f.Gray)
	g.edge, g.noise = m.sharp.measure(f.Gray)
	g.rows, g.lit = profileOf(f.Gray)

	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.last.IsZero() && f.At.Sub(m.last) > max(forgetAfter, 2*m.every) || f.At.Before(m.last) {
		m.ring, m.next = m.ring[:0], 0
	}
	m.last = f.At
	if len(m.ring) < remembered {
		m.ring = append(m.ring, g)
		return
	}
	m.ring[m.next] = g
	m.next = (m.next + 1) % remembered
}

// View returns what the last frames were like.
func (m *Meter) View() View {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.ring)
	if n == 0 {
		return View{}
	}
	newest := &m.ring[(m.next+n-1)%n]
	var all counts
	var rows []profile
	var edges, noises []float64
	for i := range n {
		g := &m.ring[(m.next+i)%n] // oldest first
		if g.width != newest.width || g.height != newest.height || g.whole != newest.whole {
			continue
		}
		all.sum(&g.counts)
		noises = append(noises, g.noise)
		if g.edge > 0 {
			edges = append(edges, g.edge)
		}
		if g.lit {
			rows = append(rows, g.rows)
		}
	}
	v := View{Width: newest.width, Height: newest.height, FrameWidth: newest.whole.X, FrameHeight: newest.whole.Y, Frames: len(noises), Light: all.light(), Flicker: flicker(rows)}
	oldest := &m.ring[m.next%n]
	if took := newest.at.Sub(oldest.at).Seconds(); took > 0 && newest.seq > oldest.seq {
		v.FPS = float64(newest.seq-oldest.seq) / took
	}
	slices.Sort(noises)
	v.Noise = noises[len(noises)/2]
	if slices.Sort(edges); len(edges) > 0 {
		v.Edge = edges[len(edges)/4]
	}
	return v
}
