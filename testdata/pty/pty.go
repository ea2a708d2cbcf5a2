//go:build linux

// Package pty is a serial line made of software: a pair of terminals, for tests of
// what reads serial engines.
package pty

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Line is one such line. What is written to Engine is read at the path; when it is
// closed, whoever reads there has lost the device.
type Line struct {
	Engine *os.File
	path   string
}

// Plug makes a line and has path, a new symbolic link, lead to it, as
// /dev/serial/by-id does.
func Plug(path string) (*Line, error) {
	engine, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	terminal, err := unlock(engine)
	if err == nil {
		err = os.Symlink(terminal, path)
	}
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	return &Line{Engine: engine, path: path}, nil
}

func unlock(engine *os.File) (terminal string, err error) {
	raw, err := engine.SyscallConn()
	if err != nil {
		return "", err
	}
	cerr := raw.Control(func(fd uintptr) {
		number := 0
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
		terminal = fmt.Sprintf("/dev/pts/%d", number)
	})
	return terminal, errors.Join(err, cerr)
}

// Unplug takes the line away under whoever reads it.
func (l *Line) Unplug() error { return errors.Join(os.Remove(l.path), l.Engine.Close()) }
