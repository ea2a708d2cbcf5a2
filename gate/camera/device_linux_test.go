package camera

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"
)

// fakeLibrary stands in for *webcam.Webcam. Its field buffers has the name and type of the real one.
type fakeLibrary struct {
	library
	formats map[webcam.PixelFormat]string
	rates   []webcam.FrameRate
	calls   []string
	fps     float32
	sizes   []webcam.FrameSize // VGA if nil
	refuses error              // what StartStreaming returns
	maps    int                // buffers that StartStreaming maps
	buffers [][]byte
}

func (l *fakeLibrary) GetSupportedFormats() map[webcam.PixelFormat]string { return l.formats }

func (l *fakeLibrary) GetSupportedFrameSizes(webcam.PixelFormat) []webcam.FrameSize {
	if l.sizes != nil {
		return l.sizes
	}
	return []webcam.FrameSize{{MinWidth: 640, MaxWidth: 640, MinHeight: 480, MaxHeight: 480}}
}

func (l *fakeLibrary) GetSupportedFramerates(webcam.PixelFormat, uint32, uint32) []webcam.FrameRate {
	return l.rates
}

func (l *fakeLibrary) SetImageFormat(f webcam.PixelFormat, w, h uint32) (webcam.PixelFormat, uint32, uint32, error) {
	l.calls = append(l.calls, "format")
	return f, w, h, nil
}

func (l *fakeLibrary) SetFramerate(fps float32) error {
	l.calls = append(l.calls, "rate")
	l.fps = fps
	return syscall.ENOTTY // as a driver without rates says
}

func (l *fakeLibrary) SetBufferCount(uint32) error { return nil }

func (l *fakeLibrary) StartStreaming() error {
	l.calls = append(l.calls, "stream")
	l.buffers = make([][]byte, buffers)
	for i := range l.maps {
		b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ, unix.MAP_ANON|unix.MAP_PRIVATE)
		if err != nil {
			return err
		}
		l.buffers[i] = b
	}
	return l.refuses
}

func every(num, den uint32) webcam.FrameRate {
	return webcam.FrameRate{MinNumerator: num, MaxNumerator: num, MinDenominator: den, MaxDenominator: den}
}

// TestFrameRate asks for a rate that the device offers, after the format and before the stream. The
// first rates are those of the kernel's vivid driver at 640×480, whose own choice is 5 a second.
func TestFrameRate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rates []webcam.FrameRate
		want  float32
	}{
		{"vivid", []webcam.FrameRate{every(1, 1), every(1, 5), every(2, 25), every(1, 25)}, 25},
		{"no more than enough", []webcam.FrameRate{every(1, 60), every(1, 15), every(1, 30), every(1, 50)}, 30},
		{"the lowest if all are more", []webcam.FrameRate{every(1, 120), every(1, 60), every(1, 90)}, 60},
		{"a range around it", []webcam.FrameRate{{MinNumerator: 1, MinDenominator: 60, MaxNumerator: 1, MaxDenominator: 1}}, 30},
		{"a slow range", []webcam.FrameRate{{MinNumerator: 1, MinDenominator: 15, MaxNumerator: 1, MaxDenominator: 1}}, 15},
		{"nonsense", []webcam.FrameRate{every(0, 30)}, 0},
		{"none told", nil, 0},
	} {
		lib := &fakeLibrary{formats: map[webcam.PixelFormat]string{webcam.PixelFormat(yuyv): "YUYV 4:2:2"}, rates: tt.rates}
		dev := &v4l2{lib}
		modes, err := dev.modes(640, 480)
		if err != nil || len(modes) == 0 {
			t.Errorf("%s: modes() = %v, %v", tt.name, modes, err)
			continue
		}
		if err := dev.start(modes[0]); err != nil {
			t.Errorf("%s: start(%v): %v", tt.name, modes[0], err)
		}
		calls := []string{"format", "rate", "stream"}
		if tt.want == 0 {
			calls = []string{"format", "stream"}
		}
		if lib.fps != tt.want || !slices.Equal(lib.calls, calls) {
			t.Errorf("%s: rates %v: got %v a second, calls %v; want %v, %v", tt.name, tt.rates, lib.fps, lib.calls, tt.want, calls)
		}
	}
}

// TestRefusedStart has a bus without bandwidth. Frame memory that stays mapped would hold the device
// busy for ever.
func TestRefusedStart(t *testing.T) {
	lib := &fakeLibrary{refuses: syscall.ENOSPC, maps: buffers - 1} // the last was not mapped
	err := (&v4l2{lib}).start(mode{format: yuyv, width: 640, height: 480})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("start: %v, want ENOSPC", err)
	}
	for i, b := range lib.buffers[:lib.maps] {
		if err := unix.Munmap(b); !errors.Is(err, unix.EINVAL) {
			t.Errorf("buffer %d was still mapped (%v)", i, err)
		}
	}
	field, ok := reflect.TypeFor[webcam.Webcam]().FieldByName("buffers")
	if !ok || field.Type != reflect.TypeFor[[][]byte]() {
		t.Errorf("the library keeps its buffers elsewhere: %v", field)
	}
}

func TestNoUsableFormat(t *testing.T) {
	have := map[webcam.PixelFormat]string{'H' | '2'<<8 | '6'<<16 | '4'<<24: "H.264"}
	if _, err := (&v4l2{&fakeLibrary{formats: have}}).modes(640, 480); !errors.Is(err, ErrStream) || !strings.Contains(err.Error(), `the device offers ["H264"]`) {
		t.Errorf("modes: %v; want ErrStream and H264 by name", err)
	}
	for n := range webcam.PixelFormat(80) { // vivid has 87
		have['A'|'B'<<8|'C'<<16|('0'+n)<<24] = strings.Repeat("x", 31)
	}
	if _, err := (&v4l2{&fakeLibrary{formats: have}}).modes(640, 480); !errors.Is(err, ErrStream) || len(err.Error()) > 300 || !strings.Contains(err.Error(), "and 69 more") {
		t.Errorf("modes: %v; want ErrStream in no more than a few lines", err)
	}
}

// TestSizeOfARange asks a device that has any size on a grid, as those of sensors without a
// processor of their own do, and one that has not.
func TestSizeOfARange(t *testing.T) {
	grid := webcam.FrameSize{MinWidth: 32, MaxWidth: 3280, StepWidth: 2, MinHeight: 32, MaxHeight: 2464, StepHeight: 2}
	for _, tt := range []struct{ width, height, wantWidth, wantHeight int }{
		{1920, 1080, 1920, 1080},
		{800, 600, 800, 600},
		{1280, 720, 1280, 720},
		{641, 481, 640, 480},
		{4000, 2400, 3280, 2464},
	} {
		dev := &v4l2{&fakeLibrary{formats: map[webcam.PixelFormat]string{webcam.PixelFormat(yuyv): ""}, sizes: []webcam.FrameSize{grid}}}
		modes, err := dev.modes(tt.width, tt.height)
		if err != nil {
			t.Fatal(err)
		}
		m, err := choose(modes, "", tt.width, tt.height)
		if err != nil || m.width != tt.wantWidth || m.height != tt.wantHeight {
			t.Errorf("want %d×%d: got %d×%d, %v", tt.width, tt.height, m.width, m.height, err)
		}
	}
}
