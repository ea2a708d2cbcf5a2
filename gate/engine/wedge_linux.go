package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/con-ting/conting/sync/hint"
)

// The requests of linux/input.h.
const (
	eviocGrab = 0x40044590 // _IOW('E', 0x90, int)
	eviocKey  = 0x80004518 // _IOR('E', 0x18, size): which keys are held
	eviocBit  = 0x80004520 // _IOR('E', 0x20+type, size): which keys there are
)

func wedgeSupported() error { return nil }

// wedgeSource is a keyboard of this machine.
type wedgeSource struct {
	keyboard Keyboard
	sys, dev string
}

// open takes the first device of the name that types.
func (s *wedgeSource) open() (device, parser, error) {
	paths, err := s.keyboard.paths(s.sys, s.dev)
	if err != nil {
		return nil, nil, err
	}
	var why error
	for _, path := range paths {
		d, err := openKeyboard(path)
		if err == nil {
			return d, newKeys(d.held), nil
		}
		why = errors.Join(why, err)
	}
	return nil, nil, why
}

// keyboard is an open and grabbed evdev device. It is read without the runtime's
// poller, whose deadlines pass unread what waits behind them.
type keyboard struct{ fd int }

func openKeyboard(path string) (*keyboard, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		what := "look at the kernel log (dmesg)"
		switch {
		case errors.Is(err, fs.ErrPermission):
			what = "add the gate's user to the group input"
		case errors.Is(err, fs.ErrNotExist):
			what = "is it plugged in? ls -l /dev/input/by-id shows what is there"
		}
		return nil, hint.Errorf(what, "open %s: %w", path, err)
	}
	k := &keyboard{fd: fd}
	if err := k.take(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), k.close())
	}
	return k, nil
}

// take makes sure that the device types, and keeps it from everybody else.
func (k *keyboard) take() error {
	have, err := k.ask(eviocBit + evKey)
	if err != nil {
		return hint.Errorf("want a keyboard; ls -l /dev/input/by-id shows what is there", "%w: %w", ErrDevice, err)
	}
	all := keys{down: have}
	for _, code := range []uint16{keyEnter, keyA, keyZ, key1} {
		if !all.is(code) {
			return hint.Errorf("want a keyboard; ls -l /dev/input/by-id shows what is there", "%w: it does not type", ErrDevice)
		}
	}
	err = unix.IoctlSetInt(k.fd, eviocGrab, 1)
	if errors.Is(err, unix.EBUSY) {
		return hint.Errorf("stop the other program; fuser -v on the device shows it", "%w: %w", ErrBusy, err)
	}
	return err
}

// held asks the kernel which keys are down.
func (k *keyboard) held() ([keysHeld]byte, error) { return k.ask(eviocKey) }

// ask reads one of the kernel's maps of keys.
func (k *keyboard) ask(request uintptr) (out [keysHeld]byte, err error) {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(k.fd), request|keysHeld<<16, uintptr(unsafe.Pointer(&out))) //nolint:gosec // as ioctl wants it
	if errno != 0 {
		return out, errno
	}
	return out, nil
}

func (k *keyboard) read(buf []byte, wait time.Duration) (int, error) {
	// Rounded up, so that a rest of less than a millisecond is not waited for in a circle.
	ms := int((wait + time.Millisecond - 1) / time.Millisecond)
	ready, err := unix.Poll([]unix.PollFd{{Fd: int32(k.fd), Events: unix.POLLIN}}, ms) //nolint:gosec // a descriptor
	switch {
	case errors.Is(err, unix.EINTR), err == nil && ready == 0:
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("wait: %w", err)
	}
	n, err := unix.Read(k.fd, buf)
	switch {
	case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("read: %w", err)
	case n == 0:
		return 0, fmt.Errorf("read: %w", io.ErrUnexpectedEOF)
	}
	return n, nil
}

// close lets go of the keyboard: what it types is everybody's again.
func (k *keyboard) close() error { return unix.Close(k.fd) }
