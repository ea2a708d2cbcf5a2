package camera

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"
)

// buffers is how many frames the kernel may hold for us; the newest should not wait behind many.
const buffers = 3

// enough is the frame rate that we ask for where the device leaves the choice: faster frames cost
// light and time, and a pass is held still for longer.
const enough = 30

// library is what we use of *webcam.Webcam.
type library interface {
	GetSupportedFormats() map[webcam.PixelFormat]string
	GetSupportedFrameSizes(f webcam.PixelFormat) []webcam.FrameSize
	GetSupportedFramerates(f webcam.PixelFormat, width, height uint32) []webcam.FrameRate
	SetImageFormat(f webcam.PixelFormat, width, height uint32) (webcam.PixelFormat, uint32, uint32, error)
	SetFramerate(fps float32) error
	GetControls() map[webcam.ControlID]webcam.Control
	SetControl(id webcam.ControlID, value int32) error
	SetBufferCount(count uint32) error
	StartStreaming() error
	WaitForFrame(seconds uint32) error
	GetFrame() ([]byte, uint32, error)
	ReleaseFrame(index uint32) error
	Close() error
}

// v4l2 is a Video4Linux2 capture device.
type v4l2 struct{ cam library }

func openDevice(path string) (device, error) {
	cam, err := webcam.Open(path)
	if err != nil {
		return nil, err
	}
	return &v4l2{cam}, nil
}

// modes lists sizes and rates of the formats we read. A range of sizes gives its largest and, where
// they lie inside it on its grid, the wanted and the usual ones.
func (d *v4l2) modes(width, height int) ([]mode, error) {
	have := d.cam.GetSupportedFormats()
	wanted := [2]uint32{uint32(max(width, 0)), uint32(max(height, 0))} //nolint:gosec // not negative
	var out []mode
	for _, f := range formats {
		pixels := webcam.PixelFormat(f)
		if _, ok := have[pixels]; !ok {
			continue
		}
		for _, s := range d.cam.GetSupportedFrameSizes(pixels) {
			for _, size := range [][2]uint32{wanted, {1280, 720}, {640, 480}, {s.MaxWidth, s.MaxHeight}} {
				if !within(s, size[0], size[1]) {
					continue
				}
				out = append(out, mode{format: f, width: int(size[0]), height: int(size[1]), fps: d.fps(pixels, size[0], size[1])})
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: the device offers %s; want one of %v", ErrStream, offered(have), formats)
	}
	return out, nil
}

// offered names a device's formats, no more than fit on a line.
func offered(have map[webcam.PixelFormat]string) string {
	const most = 12
	codes := slices.Sorted(maps.Keys(have))
	names := make([]string, 0, most)
	for _, c := range codes[:min(len(codes), most)] {
		names = append(names, fourCC(c).String())
	}
	if more := len(codes) - len(names); more > 0 {
		return fmt.Sprintf("%q and %d more", names, more)
	}
	return fmt.Sprintf("%q", names)
}

// knobs leaves out the controls that we do not know.
func (d *v4l2) knobs() map[knob]span {
	have := d.cam.GetControls()
	out := map[knob]span{}
	for _, k := range []knob{knobMains, knobExposureAuto, knobExposureTime, knobSlowInDark, knobFocus, knobFocusAuto} {
		if c, ok := have[webcam.ControlID(k)]; ok && c.Min <= c.Max {
			out[k] = span{low: c.Min, high: c.Max}
		}
	}
	return out
}

func (d *v4l2) turn(k knob, value int32) error { return d.cam.SetControl(webcam.ControlID(k), value) }

func within(s webcam.FrameSize, w, h uint32) bool {
	on := func(v, low, high, step uint32) bool {
		return v >= low && v <= high && (step == 0 || (v-low)%step == 0)
	}
	return on(w, s.MinWidth, s.MaxWidth, s.StepWidth) && on(h, s.MinHeight, s.MaxHeight, s.StepHeight)
}

// fps is the frame rate to ask for of a format and size: the highest up to enough, else the lowest
// above it; 0 if the device does not say.
func (d *v4l2) fps(f webcam.PixelFormat, w, h uint32) float64 {
	best := 0.0
	for _, r := range d.cam.GetSupportedFramerates(f, w, h) {
		if r.MinNumerator == 0 || r.MaxNumerator == 0 {
			continue
		}
		// The shortest interval is the highest rate. A range has every rate between its ends.
		high := float64(r.MinDenominator) / float64(r.MinNumerator)
		low := float64(r.MaxDenominator) / float64(r.MaxNumerator)
		rate := min(high, max(low, enough))
		switch {
		case best == 0, rate <= enough && (best > enough || rate > best), rate > enough && rate < best:
			best = rate
		}
	}
	return best
}

// start sets the mode. The library returns the size it asked for rather than the one it got, so a
// driver that gives another shows by the length of its frames.
func (d *v4l2) start(m mode) error {
	got, _, _, err := d.cam.SetImageFormat(webcam.PixelFormat(m.format), uint32(m.width), uint32(m.height)) //nolint:gosec // checked sizes
	if err != nil {
		return fmt.Errorf("set %v %d×%d: %w", m.format, m.width, m.height, err)
	}
	if fourCC(got) != m.format {
		return fmt.Errorf("%w: asked for %v, the device set %v", ErrStream, m.format, fourCC(got))
	}
	if m.fps > 0 {
		// A format does not set the rate: without this a device keeps its own, often a slow one. One
		// that refuses keeps it too, and its frames will do.
		_ = d.cam.SetFramerate(float32(m.fps))
	}
	if err := d.cam.SetBufferCount(buffers); err != nil {
		return err
	}
	if err := d.cam.StartStreaming(); err != nil {
		return errors.Join(err, unmap(d.cam))
	}
	return nil
}

// unmap gives back the frame memory of a start that failed, as it does when the USB bus has no
// bandwidth left. The library forgets it (v0.6.1 unmaps only what streams), and while any is mapped
// the kernel holds the device busy, against us too, after it is closed.
func unmap(cam library) error {
	v := reflect.Indirect(reflect.ValueOf(cam))
	if v.Kind() != reflect.Struct {
		return nil
	}
	field := v.FieldByName("buffers")
	if !field.IsValid() || field.Type() != reflect.TypeFor[[][]byte]() {
		return nil
	}
	var errs []error
	for i := range field.Len() {
		if b := field.Index(i).Bytes(); len(b) > 0 {
			errs = append(errs, unix.Munmap(b))
		}
	}
	return errors.Join(errs...)
}

func (d *v4l2) wait() (bool, error) {
	err := d.cam.WaitForFrame(1) // second
	var timeout *webcam.Timeout
	if errors.As(err, &timeout) {
		return false, nil
	}
	return err == nil, err
}

func (d *v4l2) read(use func([]byte) error) (err error) {
	defer func() { // the library slices by lengths that the driver gives
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrStream, r)
		}
	}()
	data, index, err := d.cam.GetFrame()
	if err != nil {
		return fmt.Errorf("take frame: %w", err)
	}
	used := use(data)
	if err := d.cam.ReleaseFrame(index); err != nil {
		return fmt.Errorf("give frame back: %w", err)
	}
	return used
}

func (d *v4l2) close() error { return d.cam.Close() }
