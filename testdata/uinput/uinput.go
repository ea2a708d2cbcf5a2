//go:build linux

// Package uinput is a keyboard made of software, for tests of what reads
// keyboards. It types the US layout, through Linux' uinput; it
// needs /dev/uinput and the right to write to it.
package uinput

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

// Path is where the kernel offers it.
const Path = "/dev/uinput"

// The requests of linux/uinput.h, and the events that typing is made of.
const (
	uiCreate, uiDestroy = 0x5501, 0x5502
	uiSetup             = 0x405c5503
	uiSetEvent          = 0x40045564
	uiSetKey            = 0x40045565

	evSyn, evKey = 0, 1
	shift        = 42
	// Enter ends a code.
	Enter = 28
)

// Keyboard is one such device.
type Keyboard struct {
	file *os.File

	// Pace is how long a key stays down, and up; New sets 4 ms, as an
	// engine does. The kernel keeps some ten keys for a reader who is late, and loses
	// more.
	Pace time.Duration
}

// New makes a keyboard that goes by a name and a USB vendor and product.
func New(name string, vendor, product uint16) (*Keyboard, error) {
	file, err := os.OpenFile(Path, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	k := &Keyboard{file: file, Pace: 4 * time.Millisecond}
	if err := k.create(name, vendor, product); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return k, nil
}

func (k *Keyboard) create(name string, vendor, product uint16) error {
	fd := int(k.file.Fd())
	if err := unix.IoctlSetInt(fd, uiSetEvent, evKey); err != nil {
		return err
	}
	for code := 1; code < 120; code++ {
		if err := unix.IoctlSetInt(fd, uiSetKey, code); err != nil {
			return err
		}
	}
	var setup [92]byte // struct uinput_setup: bus, vendor, product, version, name, effects
	binary.NativeEndian.PutUint16(setup[0:], 3)
	binary.NativeEndian.PutUint16(setup[2:], vendor)
	binary.NativeEndian.PutUint16(setup[4:], product)
	copy(setup[8:8+79], name)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uiSetup, uintptr(unsafe.Pointer(&setup))); errno != 0 {
		return errno
	}
	return unix.IoctlSetInt(fd, uiCreate, 0)
}

// Type types a text.
func (k *Keyboard) Type(text string) error {
	for i := range len(text) {
		code, shifted, ok := find(text[i])
		if !ok {
			return fmt.Errorf("no key types %q", text[i])
		}
		if shifted {
			if err := k.Press(shift, true); err != nil {
				return err
			}
		}
		if err := k.Tap(code); err != nil {
			return err
		}
		if shifted {
			if err := k.Press(shift, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// Tap presses a key and lets go of it.
func (k *Keyboard) Tap(code uint16) error {
	if err := k.Press(code, true); err != nil {
		return err
	}
	time.Sleep(k.Pace)
	err := k.Press(code, false)
	time.Sleep(k.Pace)
	return err
}

// Press presses a key, or lets go of it.
func (k *Keyboard) Press(code uint16, down bool) error {
	value := uint32(0)
	if down {
		value = 1
	}
	if err := k.send(evKey, code, value); err != nil {
		return err
	}
	return k.send(evSyn, 0, 0)
}

func (k *Keyboard) send(kind, code uint16, value uint32) error {
	event := make([]byte, unsafe.Sizeof(unix.Timeval{}), 24)
	event = binary.NativeEndian.AppendUint16(event, kind)
	event = binary.NativeEndian.AppendUint16(event, code)
	event = binary.NativeEndian.AppendUint32(event, value)
	_, err := k.file.Write(event)
	return err
}

// Close takes the keyboard away, as pulling its plug does.
func (k *Keyboard) Close() error {
	return errors.Join(unix.IoctlSetInt(int(k.file.Fd()), uiDestroy, 0), k.file.Close())
}

// find returns the key of a character.
func find(c byte) (code uint16, shifted, ok bool) {
	for _, row := range []struct {
		first          uint16
		plain, shifted string
	}{
		{2, "1234567890-=", "!@#$%^&*()_+"},
		{16, "qwertyuiop[]", "QWERTYUIOP{}"},
		{30, "asdfghjkl;'`", `ASDFGHJKL:"~`},
		{43, `\zxcvbnm,./`, "|ZXCVBNM<>?"},
		{57, " ", " "},
	} {
		if i := strings.IndexByte(row.plain, c); i >= 0 {
			return row.first + uint16(i), false, true
		}
		if i := strings.IndexByte(row.shifted, c); i >= 0 {
			return row.first + uint16(i), true, true
		}
	}
	return 0, false, false
}
