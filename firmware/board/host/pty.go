package host

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// pty is a serial line made of software. It holds both ends, so that a panel may
// go and come back.
type pty struct {
	*os.File

	terminal *os.File
	path     string
}

func openPTY() (*pty, error) {
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	p := &pty{File: f}
	if err := p.unlock(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

func (p *pty) unlock() (err error) {
	raw, err := p.SyscallConn()
	if err != nil {
		return err
	}
	number := 0
	cerr := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err = errors.Join(err, cerr); err != nil {
		return err
	}
	p.path = fmt.Sprintf("/dev/pts/%d", number)
	if p.terminal, err = os.OpenFile(p.path, os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return err
	}
	return raiseRaw(p.terminal)
}

// raiseRaw has the terminal change no byte and echo none, as a serial line does
// once a panel has set it up.
func raiseRaw(f *os.File) (err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) {
		var t *unix.Termios
		if t, err = unix.IoctlGetTermios(int(fd), unix.TCGETS); err != nil {
			return
		}
		t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
		t.Oflag &^= unix.OPOST
		t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
		t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
		err = unix.IoctlSetTermios(int(fd), unix.TCSETS, t)
	})
	return errors.Join(err, cerr)
}

// Close ends both ends.
func (p *pty) Close() error { return errors.Join(p.terminal.Close(), p.File.Close()) }
