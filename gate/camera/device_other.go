//go:build !linux

package camera

import "fmt"

// openDevice knows no capture devices on this system.
func openDevice(path string) (device, error) {
	return nil, fmt.Errorf("%w: camera %s: v4l2 is of Linux", ErrUnsupported, path)
}
