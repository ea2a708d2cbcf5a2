package camera

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// fakeDevice stands in for a V4L2 camera, which no build machine has.
type fakeDevice struct {
	have    []mode
	set     mode
	frames  chan []byte // closed: unplugged
	closed  bool
	waiting []byte
	has     map[knob]span
	refuses map[knob]error
	turned  []string
}

func (d *fakeDevice) modes(int, int) ([]mode, error) { return d.have, nil }

func (d *fakeDevice) start(m mode) error { d.set = m; return nil }

func (d *fakeDevice) knobs() map[knob]span { return d.has }

func (d *fakeDevice) turn(k knob, v int32) error {
	if err := d.refuses[k]; err != nil {
		return err
	}
	d.turned = append(d.turned, fmt.Sprintf("%v=%d", k, v))
	return nil
}

func (d *fakeDevice) wait() (bool, error) {
	select {
	case f, ok := <-d.frames:
		if !ok {
			return false, syscall.ENODEV
		}
		d.waiting = f
		return true, nil
	case <-time.After(time.Second):
		return false, nil
	}
}

func (d *fakeDevice) read(use func([]byte) error) error { return use(d.waiting) }

func (d *fakeDevice) close() error { d.closed = true; return nil }

func TestChooseMode(t *testing.T) {
	for _, tt := range []struct {
		name string
		have []mode
		want mode
	}{
		{"raw before JPEG at the same size", []mode{{mjpg, 1280, 720, 30}, {yuyv, 1280, 720, 10}}, mode{yuyv, 1280, 720, 10}},
		{"JPEG where raw crawls", []mode{{yuyv, 1280, 720, 5}, {mjpg, 1280, 720, 30}}, mode{mjpg, 1280, 720, 30}},
		{"gray before colour", []mode{{nv12, 1280, 720, 0}, {grey, 1280, 720, 0}, {yuyv, 1280, 720, 0}}, mode{grey, 1280, 720, 0}},
		{"the nearest size", []mode{{yuyv, 640, 480, 30}, {yuyv, 1920, 1080, 30}, {yuyv, 320, 240, 30}}, mode{yuyv, 1920, 1080, 30}},
		{"the faster of two", []mode{{grey, 640, 480, 15}, {grey, 640, 480, 60}}, mode{grey, 640, 480, 60}},
		{"slow if there is no other", []mode{{yuyv, 640, 480, 1}}, mode{yuyv, 640, 480, 1}},
		{"nothing beyond the limits", []mode{{grey, 8000, 6000, 30}, {grey, 640, 480, 30}}, mode{grey, 640, 480, 30}},
	} {
		if got, err := choose(tt.have, "", 1280, 720); err != nil || got != tt.want {
			t.Errorf("%s: choose(%v) = %v, %v; want %v", tt.name, tt.have, got, err, tt.want)
		}
	}
	for _, have := range [][]mode{nil, {{'H' | '2'<<8 | '6'<<16 | '4'<<24, 1280, 720, 30}}, {{grey, 0, 0, 30}}} {
		if got, err := choose(have, "", 1280, 720); !errors.Is(err, ErrStream) {
			t.Errorf("choose(%v) = %v, %v; want ErrStream", have, got, err)
		}
	}
}

func TestLuma(t *testing.T) {
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, shade(200), nil); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		format fourCC
		data   []byte
		want   []byte // 4×2 pixels; nil for refused
	}{
		{"GREY", grey, []byte{1, 2, 3, 4, 5, 6, 7, 8}, []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		{"GREY with padded rows", grey, []byte{1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 0, 0}, []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		{"GREY cut", grey, []byte{1, 2, 3, 4, 5, 6, 7}, nil},
		{"YUYV", yuyv, []byte{1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0}, []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		{"YUYV cut", yuyv, []byte{1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}, nil},
		{"UYVY", uyvy, []byte{0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}, []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		{"NV12", nv12, []byte{1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0}, []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		{"NV12 with padded rows", nv12, []byte{1, 2, 3, 4, 0, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0}, []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		{"nothing", grey, nil, nil},
		{"JPEG that is none", mjpg, []byte("\xff\xd8 not really"), nil},
		{"JPEG too long", mjpg, make([]byte, MaxPart+1), nil},
	} {
		g, err := luma(mode{format: tt.format, width: 4, height: 2}, tt.data)
		if tt.want == nil {
			if !errors.Is(err, ErrFrame) {
				t.Errorf("%s: got %v, %v; want ErrFrame", tt.name, g, err)
			}
			continue
		}
		if err != nil || !bytes.Equal(g.Pix, tt.want) || g.Rect != image.Rect(0, 0, 4, 2) {
			t.Errorf("%s: luma(%v) = %v, %v; want %v", tt.name, tt.data, g, err, tt.want)
		}
	}
	if g, err := luma(mode{format: mjpg, width: 8, height: 8}, photo.Bytes()); err != nil || g.Pix[0] != 200 {
		t.Errorf("MJPG: %v, %v", g, err)
	}
}

// TestUnplugged pulls the plug of a camera, leaves it out for a while and puts it in again.
func TestUnplugged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := make(chan *fakeDevice, 10)
		tries := 0
		src := &deviceSource{path: "/dev/video0", cfg: quietConfig(), start: func(string) (device, error) {
			tries++
			if tries > 1 && tries < 4 {
				return nil, syscall.ENOENT
			}
			d := &fakeDevice{have: []mode{{grey, 4, 2, 30}}, frames: make(chan []byte)}
			opened <- d
			return d, nil
		}}
		c := start(t.Context(), src, "/dev/video0", quietConfig())
		first := <-opened
		first.frames <- []byte{1, 2, 3, 4, 5, 6, 7, 8}
		if f, err := c.Next(t.Context()); err != nil || f.Gray.Pix[7] != 8 {
			t.Errorf("got %v, %v; want the first frame", f, err)
		}
		first.frames <- []byte{1, 2, 3} // torn by a bad cable
		close(first.frames)
		second := <-opened
		second.frames <- []byte{9, 9, 9, 9, 9, 9, 9, 9}
		if f, err := c.Next(t.Context()); err != nil || f.Gray.Pix[0] != 9 {
			t.Errorf("got %v, %v; want the frame after it came back", f, err)
		}
		if !first.closed {
			t.Error("the unplugged device was not closed")
		}
		if got := c.Stats(); got.Connects != 4 || got.Errors != 4 { // torn, unplugged, two failed opens
			t.Errorf("stats %+v; want 4 connects, 4 errors", got)
		}
		if err := c.Close(); err != nil || !second.closed {
			t.Errorf("Close: %v, device closed: %v", err, second.closed)
		}
	})
}

// TestStuckDevice has a device that stays open but gives nothing more.
func TestStuckDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := make(chan *fakeDevice, 10)
		src := &deviceSource{path: "/dev/video0", cfg: quietConfig(), start: func(string) (device, error) {
			d := &fakeDevice{have: []mode{{grey, 4, 2, 30}}, frames: make(chan []byte)}
			opened <- d
			return d, nil
		}}
		c := start(t.Context(), src, "/dev/video0", quietConfig())
		defer c.Close() //nolint:errcheck // never fails
		began := time.Now()
		first := <-opened
		<-opened
		if d := time.Since(began); d < 5*time.Second || d > 7*time.Second {
			t.Errorf("opened again after %v, want about 5 s", d)
		}
		if !first.closed {
			t.Error("the stuck device was not closed")
		}
	})
}
