package engine

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/con-ting/conting/sync/hint"
)

// Where the kernel lists its keyboards.
const (
	inputSys = "/sys/class/input"
	inputDev = "/dev/input"
)

// Keyboard names a keyboard: by its path, by the name it goes by (name:…), or by
// vendor and product (usb:0c2e:0b61, as lsusb prints them).
type Keyboard string

// Check reports a name that is of none of these forms; the error wraps ErrDevice.
func (k Keyboard) Check() error {
	s := string(k)
	name, byName := strings.CutPrefix(s, "name:")
	id, byID := strings.CutPrefix(s, "usb:")
	switch {
	case strings.HasPrefix(s, "/"), byName && name != "":
		return nil
	case byID && len(id) == 9 && id[4] == ':' && strings.Trim(id[:4]+id[5:], "0123456789abcdef") == "":
		return nil
	}
	return fmt.Errorf("%w: %q, want /dev/input/by-id/…, name:NAME or usb:VVVV:PPPP", ErrDevice, s)
}

// paths returns the device files that the name may mean, in the kernel's order: a
// device may have several, of which one types.
func (k Keyboard) paths(sys, dev string) ([]string, error) {
	if strings.HasPrefix(string(k), "/") {
		return []string{string(k)}, nil
	}
	nodes, err := filepath.Glob(filepath.Join(sys, "event*"))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, node := range nodes {
		if k.is(node) {
			out = append(out, filepath.Join(dev, filepath.Base(node)))
		}
	}
	if len(out) == 0 {
		return nil, hint.Errorf("is it plugged in? grep -A1 -i bus /proc/bus/input/devices shows what is there", "%s: %w", k, fs.ErrNotExist)
	}
	return out, nil
}

// is reports whether the device of a node goes by the name.
func (k Keyboard) is(node string) bool {
	read := func(file string) string {
		text, err := os.ReadFile(filepath.Join(node, "device", file)) //nolint:gosec // the kernel's own list
		if err != nil {
			return "" // it has just gone
		}
		return strings.TrimSpace(string(text))
	}
	if name, ok := strings.CutPrefix(string(k), "name:"); ok {
		return read("name") == name
	}
	return "usb:"+read("id/vendor")+":"+read("id/product") == string(k)
}

// OpenWedge starts to read what a keyboard types, and keeps it from everybody
// else, until ctx ends or Close is called. A code ends with Enter or Tab. A
// keyboard that is not there yet is no error: it is tried again, and Stats tells.
// Errors wrap ErrDevice or ErrUnsupported.
func OpenWedge(ctx context.Context, k Keyboard, cfg Config) (*Engine, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	if err := wedgeSupported(); err != nil {
		return nil, err
	}
	return start(ctx, &wedgeSource{keyboard: k, sys: inputSys, dev: inputDev}, string(k), cfg)
}
