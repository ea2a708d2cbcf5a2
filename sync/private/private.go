// Package private keeps the small files that belong to one user of a machine alone: keys, tokens,
// and what a command knows of itself.
//
// A file is written whole or not at all, is synced with its folder before anybody is told so, and is
// readable by its owner only; one that others can read is refused rather than used. The owner and
// root are trusted, nobody else on the machine is. It encrypts nothing, holds no database, and does
// not know what the files mean.
package private

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/con-ting/conting/sync/hint"
)

// MaxFile is the longest file that Read takes, in bytes.
const MaxFile = 1 << 20

var (
	// ErrExposed is a file or folder that others than its owner may touch.
	ErrExposed = errors.New("others may touch it")
	// ErrTooLong is a file of more than MaxFile bytes.
	ErrTooLong = errors.New("file is too long")
	// ErrHeld is a lock that another process holds.
	ErrHeld = errors.New("another process holds the lock")
)

// others are the permissions that a private file gives to nobody.
const others fs.FileMode = 0o077

// Create writes a file that must not exist yet.
func Create(name string, data []byte) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator's own folder
	if err != nil {
		return err
	}
	if err := write(f, data); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return SyncDir(filepath.Dir(name))
}

// Replace writes a file in one step: after a power cut it holds the old bytes or the new ones, and
// nobody ever reads a mixture. What a cut left behind beside it, NAME.new, the next call takes away.
// A file has one writer at a time: see Lock.
func Replace(name string, data []byte) error {
	next := name + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := Create(next, data); err != nil {
		return err
	}
	if err := os.Rename(next, name); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return SyncDir(filepath.Dir(name))
}

// write writes, syncs and closes.
func write(f *os.File, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// SyncDir makes the names in a folder durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator's own folder
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// Check refuses a file or folder that group or others may touch: the error wraps ErrExposed.
func Check(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&others != 0 {
		kept := "600"
		if info.IsDir() {
			kept = "700"
		}
		return hint.Errorf("chmod "+kept+" "+name+", and replace what it holds if somebody else uses this machine",
			"%s can be read by others (mode %04o): %w", name, mode, ErrExposed)
	}
	return nil
}

// Read reads a file that nobody but its owner may touch. Errors wrap ErrExposed, ErrTooLong or the
// system's.
func Read(name string) (data []byte, err error) {
	if err := Check(name); err != nil {
		return nil, err
	}
	f, err := os.Open(name) //nolint:gosec // the operator's own folder
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err = io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err == nil && len(data) > MaxFile {
		err = fmt.Errorf("%s: %w: more than %d bytes", name, ErrTooLong, MaxFile)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// ReadLine reads a file of one line, without its end.
func ReadLine(name string) (string, error) {
	b, err := Read(name)
	return strings.TrimSpace(string(b)), err
}

// Lock makes this process the only holder of a lock file until it is closed or the process ends,
// however it ends. If another holds it, Lock waits, or else returns an error wrapping ErrHeld.
func Lock(name string, wait bool) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator's own folder
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(f.Fd()), how)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrHeld
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), f.Close())
	}
	return f, nil
}
