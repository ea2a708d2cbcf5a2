package host

import (
	"errors"
	"fmt"
	"os"

	"github.com/con-ting/conting/firmware/keep"
)

// File is a keep.Memory in a file, so that a key that a panel set is there the
// next time.
type File struct {
	f *os.File
}

// OpenFile opens the memory at path; a new one is provisioned with s and can be
// read by its owner only. What an existing one holds counts, not s.
func OpenFile(path string, s keep.Settings) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the user names it
	if err != nil {
		return nil, fmt.Errorf("open the memory: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() == 0 {
		image := keep.Image(s)
		_, err = f.WriteAt(image[:], 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the memory: %w", err), f.Close())
	}
	return &File{f}, nil
}

// Read implements keep.Memory.
func (m *File) Read(at uint16, dst []byte) bool {
	n, err := m.f.ReadAt(dst, int64(at))
	return err == nil && n == len(dst)
}

// Write implements keep.Memory. It is on the disk when it returns true.
func (m *File) Write(at uint16, src []byte) bool {
	if _, err := m.f.WriteAt(src, int64(at)); err != nil {
		return false
	}
	return m.f.Sync() == nil
}

// Close closes the file.
func (m *File) Close() error { return m.f.Close() }
