//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The requests of linux/videodev2.h that make vivid film its own output.
const (
	vidiocSetFormat      = 0xc0d05605
	vidiocRequestBuffers = 0xc0145608
	vidiocQueryBuffer    = 0xc0585609
	vidiocQueue          = 0xc058560f
	vidiocDequeue        = 0xc0585611
	vidiocStreamOn       = 0x40045612
	vidiocQueryCtrl      = 0xc0445624
	vidiocSetCtrl        = 0xc008561c
	nextControl          = 0x80000000
	typeVideoOutput      = 2
	fieldNone            = 1
	pictureW             = 1280
	pictureH             = 720
	cameraIn, filmOut    = "/dev/video0", "/dev/video1"
)

func ioctl(fd int, request uintptr, data []byte) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&data[0]))); errno != 0 {
		return errno
	}
	return nil
}

// The pixel formats of vivid that the gate is made to take, one after the other:
// brightness alone, in pairs with colour, and in a plane of its own.
var films = []struct {
	name   string
	pixels uint32
	pack   func(gray []byte) []byte
}{
	{"GREY", 'G' | 'R'<<8 | 'E'<<16 | 'Y'<<24, func(gray []byte) []byte { return gray }},
	{"YUYV", 'Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24, func(gray []byte) []byte {
		out := bytes.Repeat([]byte{noColour}, 2*len(gray))
		for i, y := range gray {
			out[2*i] = y
		}
		return out
	}},
	{"NV12", 'N' | 'V'<<8 | '1'<<16 | '2'<<24, func(gray []byte) []byte {
		return append(bytes.Clone(gray), bytes.Repeat([]byte{noColour}, len(gray)/2)...)
	}},
}

const noColour = 128

// camera plays pictures of codes to vivid's output and has the gate film them, in
// each format; takes the camera away while it films; and asks doctor.
func camera() error {
	code, err := codes("camera")
	if err != nil {
		return err
	}
	if len(code) <= len(films) {
		return fmt.Errorf("%d codes for %d formats and a return", len(code), len(films))
	}
	for i, f := range films {
		if err := filming(f.name, func() error {
			film, err := play(f.pixels, f.pack, i)
			if err != nil {
				return err
			}
			defer film.end() //nolint:errcheck // only what the gate saw counts
			g, err := run("/camera-" + f.name + ".toml")
			if err != nil {
				return err
			}
			start := time.Now()
			err = g.await(admits(code[i][0]))
			if err == nil {
				say("camera", fmt.Sprintf("a code was admitted from %s in %s, %s after the start", cameraIn, f.name, time.Since(start).Round(time.Millisecond)))
			}
			if err == nil && i == 0 {
				err = errors.Join(asked(g), replug(g, film, len(films), code[len(films)][0]))
			}
			return errors.Join(err, g.stop())
		}); err != nil {
			return err
		}
	}
	return alone()
}

func filming(format string, act func() error) error {
	if err := act(); err != nil {
		return fmt.Errorf("%s: %w", format, err)
	}
	return nil
}

// doctor is what doctor says of the camera, and of what else it was asked.
func doctor(format string, flags ...string) (string, error) {
	out, _ := exec.Command("/gate", append([]string{"doctor", "--config", "/camera-" + format + ".toml"}, flags...)...).CombinedOutput()
	_, found, ok := strings.Cut(string(out), " camera ")
	if !ok || !strings.Contains(found, "1280×720") || !strings.Contains(found, "dark [") {
		return "", fmt.Errorf("doctor on the camera: %q", out)
	}
	line, rest, _ := strings.Cut(found, "\n")
	plot, _, _ := strings.Cut(rest, "\n")
	say("camera", "doctor: "+strings.TrimSpace(line)+"; "+strings.TrimSpace(plot))
	return string(out), nil
}

// asked asks doctor beside the running gate, which holds the device, and takes a
// picture from it.
func asked(g *gate) error {
	const name = "/tmp/running.png"
	if _, err := doctor("GREY", "--snapshot", name); err != nil {
		return err
	}
	return errors.Join(snapshot(name), g.await("a picture of the camera was given out"))
}

// alone asks doctor while no gate runs.
func alone() error {
	film, err := play(films[1].pixels, films[1].pack, 1)
	if err != nil {
		return err
	}
	defer film.end() //nolint:errcheck // only what doctor saw counts
	const name = "/tmp/alone.png"
	if _, err := doctor(films[1].name, "--snapshot", name); err != nil {
		return err
	}
	return snapshot(name)
}

// snapshot checks a picture that doctor has written.
func snapshot(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	picture, err := png.DecodeConfig(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if info.Mode() != 0o600 || picture.Width != pictureW || picture.Height != pictureH {
		return fmt.Errorf("%s is %d×%d, mode %v", name, picture.Width, picture.Height, info.Mode())
	}
	say("camera", fmt.Sprintf("snapshot of %d×%d, %d bytes, mode %v", picture.Width, picture.Height, info.Size(), info.Mode()))
	return nil
}

// driver is where a device can be taken from its driver, and given back: for the
// gate that is a plug pulled in the middle of a frame.
const driver = "/sys/bus/platform/drivers/vivid/"

// replug takes the camera away while the gate films, and brings it back with
// another code before it.
func replug(g *gate, old *film, picture int, ticket string) error {
	if err := os.WriteFile(driver+"unbind", []byte("vivid.0"), 0); err != nil {
		return err
	}
	if err := g.await("camera lost"); err != nil {
		return err
	}
	say("camera", "unplugged while it filmed")
	_ = old.end() // its output has gone as well
	if _, err := os.Stat(cameraIn); err == nil {
		return fmt.Errorf("%s is still there", cameraIn)
	}
	if err := os.WriteFile(driver+"bind", []byte("vivid.0"), 0); err != nil {
		return err
	}
	start := time.Now()
	if err := until(func() error {
		_, err := os.Stat(filmOut)
		return err
	}); err != nil {
		there, _ := filepath.Glob("/dev/video*")
		return fmt.Errorf("after its return there is %q: %w", there, err)
	}
	film, err := play(films[0].pixels, films[0].pack, picture)
	if err != nil {
		return err
	}
	defer film.end() //nolint:errcheck // only what the gate saw counts
	if err := g.await(admits(ticket)); err != nil {
		return err
	}
	say("camera", fmt.Sprintf("a code was admitted %s after the camera's return", time.Since(start).Round(time.Millisecond)))
	return nil
}

// film is a picture that is being played.
type film struct {
	stop    chan struct{}
	stopped chan error
	ended   bool
}

// play begins to play a picture, by its number, and has the camera film it.
func play(pixels uint32, pack func([]byte) []byte, picture int) (*film, error) {
	gray, err := os.ReadFile(fmt.Sprintf("/pictures/%d.grey", picture))
	if err != nil {
		return nil, err
	}
	for _, set := range []struct {
		name  string
		value uint32
	}{{"Loop Video", 1}, {"OSD Text Mode", 2}} {
		if err := errors.Join(control(cameraIn, set.name, set.value), control(filmOut, set.name, set.value)); err != nil && !found(err) {
			return nil, err
		}
	}
	// Not through package os, whose poller would make the kernel begin to play.
	fd, err := unix.Open(filmOut, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	frame := pack(gray)
	if err := format(fd, pixels, len(frame)); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	f := &film{stop: make(chan struct{}), stopped: make(chan error, 1)}
	go func() { f.stopped <- errors.Join(roll(fd, frame, f.stop), unix.Close(fd)) }()
	return f, nil
}

// end stops playing. It may be called twice.
func (f *film) end() error {
	if f.ended {
		return nil
	}
	f.ended = true
	close(f.stop)
	return <-f.stopped
}

// format sets the output to pictures of 720 lines.
func format(fd int, pixels uint32, length int) error {
	f := make([]byte, 208) // struct v4l2_format
	binary.NativeEndian.PutUint32(f, typeVideoOutput)
	for i, v := range []uint32{pictureW, pictureH, pixels, fieldNone} {
		binary.NativeEndian.PutUint32(f[8+4*i:], v)
	}
	if err := ioctl(fd, vidiocSetFormat, f); err != nil {
		return fmt.Errorf("format of the film: %w", err)
	}
	w, h, got := binary.NativeEndian.Uint32(f[8:]), binary.NativeEndian.Uint32(f[12:]), binary.NativeEndian.Uint32(f[16:])
	if size := binary.NativeEndian.Uint32(f[28:]); w != pictureW || h != pictureH || got != pixels || int(size) != length {
		return fmt.Errorf("the film is %d×%d of %x, %d bytes; the picture has %d of %x", w, h, got, size, length, pixels)
	}
	return nil
}

// roll plays the picture over and over. It lends the kernel buffers, because what
// is written to vivid as to a file is refused (Linux 6.1: "payload is too small").
func roll(fd int, picture []byte, stop <-chan struct{}) error {
	const buffers, mapped = 4, 1
	request := make([]byte, 20) // struct v4l2_requestbuffers
	for i, v := range []uint32{buffers, typeVideoOutput, mapped} {
		binary.NativeEndian.PutUint32(request[4*i:], v)
	}
	if err := ioctl(fd, vidiocRequestBuffers, request); err != nil {
		return fmt.Errorf("film: %w", err)
	}
	b := make([]byte, 88) // struct v4l2_buffer
	queue := func() error {
		binary.NativeEndian.PutUint32(b[8:], uint32(len(picture)))
		binary.NativeEndian.PutUint32(b[16:], fieldNone)
		return ioctl(fd, vidiocQueue, b)
	}
	for i := range binary.NativeEndian.Uint32(request) {
		clear(b)
		binary.NativeEndian.PutUint32(b, i)
		binary.NativeEndian.PutUint32(b[4:], typeVideoOutput)
		binary.NativeEndian.PutUint32(b[60:], mapped)
		if err := ioctl(fd, vidiocQueryBuffer, b); err != nil {
			return fmt.Errorf("film: %w", err)
		}
		memory, err := unix.Mmap(fd, int64(binary.NativeEndian.Uint32(b[64:])), int(binary.NativeEndian.Uint32(b[72:])), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return fmt.Errorf("film: %w", err)
		}
		defer unix.Munmap(memory) //nolint:errcheck // while it is mapped the kernel keeps the device and its name
		copy(memory, picture)
		if err := queue(); err != nil {
			return fmt.Errorf("film: %w", err)
		}
	}
	kind := make([]byte, 4)
	binary.NativeEndian.PutUint32(kind, typeVideoOutput)
	if err := ioctl(fd, vidiocStreamOn, kind); err != nil {
		return fmt.Errorf("film: %w", err)
	}
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		if err := errors.Join(ioctl(fd, vidiocDequeue, b), queue()); err != nil {
			return fmt.Errorf("film: %w", err)
		}
	}
}

var errNoControl = errors.New("no such control")

// found reports whether one of two devices had the control.
func found(err error) bool { return strings.Count(err.Error(), errNoControl.Error()) < 2 }

// control sets a control of a device, found by its name.
func control(device, name string, value uint32) error {
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", device, err)
	}
	defer unix.Close(fd) //nolint:errcheck // read only
	for id := uint32(nextControl); ; {
		q := make([]byte, 68) // struct v4l2_queryctrl
		binary.NativeEndian.PutUint32(q, id)
		if err := ioctl(fd, vidiocQueryCtrl, q); err != nil {
			return fmt.Errorf("%s, %q: %w", device, name, errNoControl)
		}
		id = binary.NativeEndian.Uint32(q)
		if label, _, _ := strings.Cut(string(q[8:40]), "\x00"); label == name {
			set := make([]byte, 8)
			binary.NativeEndian.PutUint32(set, id)
			binary.NativeEndian.PutUint32(set[4:], value)
			return ioctl(fd, vidiocSetCtrl, set)
		}
		id |= nextControl
	}
}
