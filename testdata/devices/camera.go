//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
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
	grey                 = 'G' | 'R'<<8 | 'E'<<16 | 'Y'<<24
	cameraIn, filmOut    = "/dev/video0", "/dev/video1"
)

func ioctl(fd int, request uintptr, data []byte) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&data[0]))); errno != 0 {
		return errno
	}
	return nil
}

// camera plays a picture of a code to vivid's output, and has the gate film it.
func camera() (err error) {
	code, err := codes("camera")
	if err != nil {
		return err
	}
	picture, err := os.ReadFile("/code.grey")
	if err != nil {
		return err
	}
	for _, set := range []struct {
		name  string
		value uint32
	}{{"Loop Video", 1}, {"OSD Text Mode", 2}} {
		if err := errors.Join(control(cameraIn, set.name, set.value), control(filmOut, set.name, set.value)); err != nil && !found(err) {
			return err
		}
	}
	// Not through package os, whose poller would make the kernel begin to play.
	film, err := unix.Open(filmOut, unix.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := format(film, len(picture)); err != nil {
		return err
	}
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() { stopped <- errors.Join(roll(film, picture, stop), unix.Close(film)) }()
	defer func() {
		close(stop)
		err = errors.Join(err, <-stopped)
	}()
	g, err := run("/camera.toml")
	if err != nil {
		return err
	}
	start := time.Now()
	err = g.await(admits(code[0][0]))
	if err == nil {
		say("camera", fmt.Sprintf("a code was admitted from %s %s after the start", cameraIn, time.Since(start).Round(time.Millisecond)))
	}
	return errors.Join(err, g.stop())
}

// format sets the output to gray pictures of 720 lines.
func format(fd, length int) error {
	f := make([]byte, 208) // struct v4l2_format
	binary.NativeEndian.PutUint32(f, typeVideoOutput)
	for i, v := range []uint32{pictureW, pictureH, grey, fieldNone} {
		binary.NativeEndian.PutUint32(f[8+4*i:], v)
	}
	if err := ioctl(fd, vidiocSetFormat, f); err != nil {
		return fmt.Errorf("format of the film: %w", err)
	}
	w, h, pixels := binary.NativeEndian.Uint32(f[8:]), binary.NativeEndian.Uint32(f[12:]), binary.NativeEndian.Uint32(f[16:])
	if size := binary.NativeEndian.Uint32(f[28:]); w != pictureW || h != pictureH || pixels != grey || int(size) != length {
		return fmt.Errorf("the film is %d×%d of %x, %d bytes; the picture has %d", w, h, pixels, size, length)
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
	fd, err := unix.Open(device, unix.O_RDWR, 0)
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
