package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/con-ting/conting/sync/hint"
)

// lock holds the data folder for one running gate: a second one would take the
// first one's people in the lane for those of an earlier life. The kernel gives
// it back when the process ends, however it ends.
type lock struct{ f *os.File }

const lockName = "gate.lock"

func takeLock(dataDir string) (*lock, error) {
	name := filepath.Join(dataDir, lockName)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // a fixed name in the operator's own data folder
	if err != nil {
		return nil, hint.Errorf("create the data folder and make this user its owner", "lock the data folder: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, errors.Join(hint.Errorf("stop it first (systemctl stop conting-gate), or give this one its own data_dir",
			"another gate runs with %s", dataDir), f.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the data folder: %w", err), f.Close())
	}
	return &lock{f: f}, nil
}

func (l *lock) release() error { return l.f.Close() }

// holdLane keeps a gate with this data folder from running, or says that one does.
// A folder that no gate ever used needs no holding.
func holdLane(dataDir string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(dataDir, lockName), os.O_RDWR, 0) //nolint:gosec // a fixed name in the operator's own data folder
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, hint.Errorf("run this as the gate's user", "see whether a gate runs: %w", err)
	}
	release = func() { _ = f.Close() }
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		release()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, hint.Errorf("stop it first: systemctl stop conting-gate", "the gate runs, and uses this line")
		}
		return nil, fmt.Errorf("see whether a gate runs: %w", err)
	}
	return release, nil
}

// holdLine is holdLane for a command that speaks on a line, if the line is that of the
// configured gate: two panels on one line disturb each other.
func holdLine(c *call, url string) (release func(), err error) {
	conf, err := c.load()
	if err != nil || conf.Lane.Driver != driverOSDP || conf.Turnstile.URL != url {
		return func() {}, nil //nolint:nilerr // without a configuration there is no gate to disturb
	}
	return holdLane(conf.DataDir)
}
