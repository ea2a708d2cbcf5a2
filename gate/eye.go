package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/gate/camera"
	"github.com/con-ting/conting/gate/doctor"
	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/gate/panel"
	"github.com/con-ting/conting/sync/hint"
)

// How often a frame is looked at for its light and sharpness: by the lane, which
// has better to do, and by doctor, which wants an answer.
const (
	lookEvery = time.Second
	doctorEye = 50 * time.Millisecond
)

// How long doctor looks at a camera: long enough for a webcam that has just been
// opened to find its exposure, for one that is slow to show it, and for one that is
// stuck to be found out.
const (
	doctorLook   = 3 * time.Second
	doctorMost   = 5 * time.Second // from the first frame
	doctorFrames = 8

	doctorFirst   = 6 * time.Second  // before the first frame
	doctorProgram = 20 * time.Second // of a program: ffmpeg studies a stream before it shows any of it
)

// patience is how long the first frame may take.
func (c *cameraConfig) patience() time.Duration {
	if len(c.Command) > 0 {
		return doctorProgram
	}
	return doctorFirst
}

// remedy is what to do when no frame comes; nothing if the plug is to be checked.
func (c *cameraConfig) remedy() string {
	switch {
	case len(c.Command) > 0:
		return "run [camera] command by hand: it must write pictures to its standard output, and nothing else there"
	case strings.HasPrefix(c.URL, "http:"), strings.HasPrefix(c.URL, "https:"):
		return "open [camera] url in a browser on this machine: it must show the film itself, not a page about it"
	}
	return ""
}

// eye is the camera as a lane sees it. It looks at a frame now and then, and hands
// out a copy of one to who asks for it; it keeps none.
type eye struct {
	*camera.Camera
	meter *camera.Meter
	asked chan chan<- *image.Gray // who waits for a picture; each of capacity 1
}

func newEye(c *camera.Camera) *eye {
	return &eye{Camera: c, meter: camera.NewMeter(lookEvery), asked: make(chan chan<- *image.Gray)}
}

// Next waits for a frame.
func (e *eye) Next(ctx context.Context) (lane.Frame, error) {
	f, err := e.Camera.Next(ctx)
	if err != nil {
		return lane.Frame{}, err
	}
	e.meter.Add(f)
	select {
	case who := <-e.asked:
		who <- clone(f.Gray)
	default:
	}
	return lane.Frame{Gray: f.Gray, At: f.At, Seq: f.Seq}, nil
}

// snapshot is the next frame that the lane takes, as PNG.
func (e *eye) snapshot(ctx context.Context) ([]byte, error) {
	frame := make(chan *image.Gray, 1)
	select {
	case e.asked <- frame:
		return encodePNG(<-frame)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// view is what the camera shows, and whether it shows it still.
func (e *eye) view() camera.View {
	v, s := e.meter.View(), e.Stats()
	v.FPS, v.Stuck = s.Rate, s.Stuck.Seconds()
	return v
}

func clone(g *image.Gray) *image.Gray {
	out := image.NewGray(g.Rect)
	for y := g.Rect.Min.Y; y < g.Rect.Max.Y; y++ {
		o := g.PixOffset(g.Rect.Min.X, y)
		copy(out.Pix[out.PixOffset(g.Rect.Min.X, y):], g.Pix[o:o+g.Rect.Dx()])
	}
	return out
}

func encodePNG(g *image.Gray) ([]byte, error) {
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, g)
	return b.Bytes(), err
}

// health is what /healthz says of the camera. Light and sharpness are advice: a
// phone shines by itself, and a dark room says little of whether it can be read.
func (e *eye) health(now time.Time) panel.Check {
	return cameraHealth(e.view(), blind(e.Stats(), now))
}

func cameraHealth(v camera.View, blind bool) panel.Check {
	c := panel.Check{Name: "camera", State: panel.StateReady, Note: v.String(), Detail: v}
	if advice := v.Advice(); len(advice) > 0 {
		c.Hint = advice[0]
	}
	switch {
	case blind:
		c = panel.Check{Name: "camera", State: panel.StateDown, Hint: "check the camera's plug and [camera] url"}
	case v.Stuck > 0:
		c.State = panel.StateDegraded
	}
	return c
}

// blind reports whether the camera has shown nothing for a while. That it is
// connected says little: one that answers and sends no pictures, or none that can
// be used, is connected again and again.
func blind(s camera.Stats, now time.Time) bool { return now.Sub(s.LastFrame) > frameWarning }

// sight puts a view into the words of doctor.
func sight(v camera.View, held bool) doctor.Sight {
	s := doctor.Sight{Frames: v.Frames, Found: v.String(), Advice: v.Advice(), Detail: v}
	if held {
		s.Found += ", says the running gate"
	}
	if v.Frames > 0 {
		s.More = []string{"dark [" + v.Plot() + "] bright"}
	}
	return s
}

// watchCamera opens the camera that no gate holds, and looks at it for a while.
// last holds the last frame.
func (a *app) watchCamera(conf *config, last *atomic.Pointer[image.Gray]) func(context.Context) (doctor.Sight, error) {
	return func(ctx context.Context) (s doctor.Sight, err error) {
		cam, err := a.openCamera(ctx, &conf.Camera, conf.logger(io.Discard))
		if err != nil {
			return s, err
		}
		defer func() { err = errors.Join(err, cam.Close()) }()
		watch, enough := context.WithCancel(ctx)
		defer enough()
		limit := time.AfterFunc(conf.Camera.patience(), enough)
		defer limit.Stop()
		meter, came := camera.NewMeter(doctorEye), 0
		for start := a.now(); came < doctorFrames || a.now().Sub(start) < doctorLook; came++ {
			var frame camera.Frame
			if frame, err = cam.Next(watch); err != nil {
				break
			}
			if came == 0 {
				start = a.now()
				limit.Reset(doctorMost)
			}
			meter.Add(frame)
			last.Store(frame.Gray)
		}
		stats := cam.Stats()
		switch {
		case came > 0, errors.Is(err, io.EOF):
			err = nil
		case stats.LastError != nil:
			err = hint.Errorf(conf.Camera.remedy(), "%w", stats.LastError)
		case ctx.Err() == nil:
			err = hint.Errorf(conf.Camera.remedy(), "no frame comes within %s", conf.Camera.patience())
		}
		v := meter.View()
		v.Stuck = stats.Stuck.Seconds()
		s = sight(v, false)
		if s.Frames = came; came == 1 {
			s.Found += ", only one frame"
			s.Advice = append(s.Advice, "a camera should send at least 5 frames a second: check the cable and the USB hub")
		}
		return s, err
	}
}

// healthOfCamera is what askCamera reads of /healthz.
type healthOfCamera struct {
	Name   string      `json:"name"`
	State  panel.State `json:"state"`
	Hint   string      `json:"hint"`
	Detail camera.View `json:"detail"`
}

// askCamera asks the running gate about its camera, which nobody else can open
// meanwhile. A gate that has just opened its lane gets a moment.
func askCamera(address string) func(context.Context) (doctor.Sight, error) {
	return func(ctx context.Context) (doctor.Sight, error) {
		ctx, cancel := context.WithTimeout(ctx, doctorMost)
		defer cancel()
		tick := time.NewTicker(doctorEye)
		defer tick.Stop()
		for {
			var report struct {
				Checks []healthOfCamera `json:"checks"`
			}
			body, err := getPanel(ctx, address, "/healthz")
			if err == nil {
				err = json.Unmarshal(body, &report)
			}
			i := slices.IndexFunc(report.Checks, func(c healthOfCamera) bool { return c.Name == "camera" })
			switch {
			case err != nil || i < 0:
				return doctor.Sight{}, hint.Errorf("stop the gate and run doctor again", "the running gate holds it and does not say how it is: %w", doctor.ErrUnasked)
			case report.Checks[i].State == panel.StateDown:
				return doctor.Sight{}, hint.Errorf(report.Checks[i].Hint, "the running gate gets no frames")
			case report.Checks[i].Detail.Frames > 0:
				return sight(report.Checks[i].Detail, true), nil
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return doctor.Sight{}, hint.Errorf("look at its log", "the running gate has looked at no frame yet: %w", doctor.ErrUnasked)
			}
		}
	}
}
