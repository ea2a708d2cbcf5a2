//go:build !linux

package engine

import "fmt"

func wedgeSupported() error {
	return fmt.Errorf("%w: a wedge is read through evdev, which is of Linux", ErrUnsupported)
}

type wedgeSource struct {
	keyboard Keyboard
	sys, dev string
}

func (*wedgeSource) open() (device, parser, error) { return nil, nil, wedgeSupported() }
