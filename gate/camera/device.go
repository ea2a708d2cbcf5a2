package camera

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"log/slog"
	"math"
	"slices"
	"time"
)

// device is a capture device as the operating system offers it. It is used by one goroutine.
type device interface {
	// modes are the ways to set the device; those of a size in pixels, if it can have it, among them.
	modes(width, height int) ([]mode, error)
	// knobs are the controls that the device has.
	knobs() map[knob]span
	turn(k knob, value int32) error
	// start begins to stream in a mode that modes returned.
	start(mode) error
	// wait returns whether a frame is there, after at most about a second.
	wait() (bool, error)
	// read lends the oldest waiting frame to use and takes it back.
	read(use func(data []byte) error) error
	close() error
}

// mode is one way a device can be set.
type mode struct {
	format        fourCC
	width, height int
	fps           float64 // 0 if the device does not say
}

// fourCC is a V4L2 pixel format.
type fourCC uint32

// The pixel formats we read, best first: brightness ready to take, then JPEG, which costs 22 ms of
// a core per 720p frame.
var formats = []fourCC{grey, yuyv, uyvy, nv12, nv21, yu12, yv12, mjpg, jpg}

const (
	grey fourCC = 'G' | 'R'<<8 | 'E'<<16 | 'Y'<<24
	yuyv fourCC = 'Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24
	uyvy fourCC = 'U' | 'Y'<<8 | 'V'<<16 | 'Y'<<24
	nv12 fourCC = 'N' | 'V'<<8 | '1'<<16 | '2'<<24
	nv21 fourCC = 'N' | 'V'<<8 | '2'<<16 | '1'<<24
	yu12 fourCC = 'Y' | 'U'<<8 | '1'<<16 | '2'<<24
	yv12 fourCC = 'Y' | 'V'<<8 | '1'<<16 | '2'<<24
	mjpg fourCC = 'M' | 'J'<<8 | 'P'<<16 | 'G'<<24
	jpg  fourCC = 'J' | 'P'<<8 | 'E'<<16 | 'G'<<24
)

func (f fourCC) String() string {
	return string([]byte{byte(f), byte(f >> 8), byte(f >> 16), byte(f >> 24)}) //nolint:gosec // four bytes of a number
}

// slow is the frame rate below which a mode is taken only if there is no other.
const slow = 10

// choose picks the mode for a reader of codes: fast enough, near the wanted size, cheap to unpack.
// only, if not empty, is the format that somebody asked for.
func choose(modes []mode, only string, width, height int) (mode, error) {
	type ranked struct {
		mode
		slow int
		off  float64 // how far from the wanted size, as a ratio
		rank int
	}
	var fit []ranked
	for _, m := range modes {
		rank := slices.Index(formats, m.format)
		if rank < 0 || checkSize(m.width, m.height) != nil || only != "" && m.format.String() != only {
			continue
		}
		r := ranked{mode: m, rank: rank, off: math.Abs(math.Log(float64(m.width*m.height) / float64(width*height)))}
		if m.fps > 0 && m.fps < slow {
			r.slow = 1
		}
		fit = append(fit, r)
	}
	if len(fit) == 0 && only != "" {
		return mode{}, fmt.Errorf("%w: the camera has no %s", ErrStream, only)
	}
	if len(fit) == 0 {
		return mode{}, fmt.Errorf("%w: the camera has none of the formats %v", ErrStream, formats)
	}
	return slices.MinFunc(fit, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.slow, b.slow), cmp.Compare(a.off, b.off), cmp.Compare(a.rank, b.rank), cmp.Compare(b.fps, a.fps))
	}).mode, nil
}

// luma copies the brightness out of a raw frame. Rows may be padded; by how much follows from the
// length. Errors wrap ErrFrame.
func luma(m mode, data []byte) (*image.Gray, error) {
	if m.format == mjpg || m.format == jpg {
		if len(data) > MaxPart {
			return nil, fmt.Errorf("%w: JPEG of %d bytes", ErrFrame, len(data))
		}
		return decode(data)
	}
	step, first, rows := 1, 0, m.height // bytes from one brightness to the next; of rows in all
	switch m.format {
	case yuyv:
		step = 2
	case uyvy:
		step, first = 2, 1
	case nv12, nv21, yu12, yv12:
		rows += (m.height + 1) / 2
	case grey, mjpg, jpg:
	}
	stride := m.width * step
	if padded := len(data) / rows; padded > stride && len(data)%rows == 0 {
		stride = padded
	}
	if need := stride*(m.height-1) + m.width*step; len(data) < need {
		return nil, fmt.Errorf("%w: %d bytes of %v, want %d for %d×%d", ErrFrame, len(data), m.format, need, m.width, m.height)
	}
	out := image.NewGray(image.Rect(0, 0, m.width, m.height))
	for y := range m.height {
		src, dst := data[y*stride:y*stride+m.width*step], out.Pix[y*out.Stride:(y+1)*out.Stride]
		if step == 1 {
			copy(dst, src)
			continue
		}
		for x := range dst {
			dst[x] = src[2*x+first]
		}
	}
	return out, nil
}

// deviceSource is a camera of this machine.
type deviceSource struct {
	path  string
	cfg   Config
	start func(path string) (device, error)
	said  string // what the log last heard of the controls; owned by whoever opens
}

func (s *deviceSource) lasting() bool { return true }
func (s *deviceSource) paced() bool   { return true }

func (s *deviceSource) open(ctx context.Context) (stream, error) {
	dev, err := s.start(s.path)
	if err != nil {
		return nil, fmt.Errorf("open camera %s: %w", s.path, err)
	}
	s.set(ctx, dev)
	st := &deviceStream{dev: dev, cfg: s.cfg, last: s.cfg.Now()}
	if err := st.begin(); err != nil {
		_ = dev.close()
		return nil, fmt.Errorf("set up camera %s: %w", s.path, err)
	}
	return st, nil
}

// set sets the controls, and logs what came of it unless that is what came of it last time.
func (s *deviceSource) set(ctx context.Context, dev device) {
	done, refused := s.cfg.Device.set(dev)
	said := fmt.Sprint(done, refused)
	if said == s.said {
		return
	}
	s.said = said
	if len(done) > 0 {
		s.cfg.Logger.InfoContext(ctx, "camera controls are set", slog.String("camera", s.path), slog.Any("controls", done))
	}
	if len(refused) > 0 {
		s.cfg.Logger.WarnContext(ctx, "camera controls are not as asked", slog.String("camera", s.path), slog.Any("controls", refused))
	}
}

// deviceStream is an open device that streams.
type deviceStream struct {
	dev  device
	cfg  Config
	mode mode
	last time.Time // when a frame last came
}

func (s *deviceStream) begin() error {
	modes, err := s.dev.modes(s.cfg.Width, s.cfg.Height)
	if err != nil {
		return err
	}
	if s.mode, err = choose(modes, s.cfg.Device.Format, s.cfg.Width, s.cfg.Height); err != nil {
		return err
	}
	return s.dev.start(s.mode)
}

func (s *deviceStream) read(ctx context.Context) (gray *image.Gray, at time.Time, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, at, err
		}
		ready, err := s.dev.wait()
		if err != nil {
			return nil, at, err
		}
		if ready {
			break
		}
		if quiet := s.cfg.Now().Sub(s.last); quiet >= s.cfg.StallAfter {
			return nil, at, fmt.Errorf("%w: no frame for %v", ErrStream, quiet)
		}
	}
	s.last = s.cfg.Now()
	err = s.dev.read(func(data []byte) (err error) {
		gray, err = luma(s.mode, data)
		return err
	})
	return gray, s.last, err
}

func (s *deviceStream) close() error { return s.dev.close() }
