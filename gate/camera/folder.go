package camera

import (
	"context"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// folder gives the pictures of a folder, or one file, in the order of their names.
type folder struct {
	path   string
	single bool
	loop   bool
	every  time.Duration // between frames; zero: when the last was taken
	now    func() time.Time
	files  []string // found by list, never changed after
}

// list finds the pictures. It fails if there are none.
func (f *folder) list() error {
	if f.single {
		info, err := os.Stat(f.path)
		if err != nil {
			return fmt.Errorf("camera file: %w", err)
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%w: %s is not a file; use dir: for a folder", ErrAddress, f.path)
		}
		f.files = []string{f.path}
		return nil
	}
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return fmt.Errorf("camera folder: %w", err)
	}
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".jpg", ".jpeg", ".png":
			f.files = append(f.files, filepath.Join(f.path, e.Name()))
		}
	}
	slices.Sort(f.files)
	if len(f.files) == 0 {
		return fmt.Errorf("%w: no .jpg, .jpeg or .png in %s", ErrAddress, f.path)
	}
	return nil
}

func (f *folder) open(context.Context) (stream, error) {
	return &folderStream{folder: f, pacer: pacer{every: f.every}}, nil
}

// lasting is false: a folder is the same after a failure.
func (f *folder) lasting() bool { return false }

func (f *folder) paced() bool { return f.every > 0 }

func (f *folder) live() bool { return false }

// folderStream walks the files once, or round and round.
type folderStream struct {
	*folder
	pacer
	next int
	any  bool // whether this round gave a picture
}

func (s *folderStream) read(ctx context.Context) (*image.Gray, time.Time, error) {
	if s.next == len(s.files) {
		if !s.loop || !s.any {
			return nil, time.Time{}, io.EOF
		}
		s.next, s.any = 0, false
	}
	if err := s.wait(ctx); err != nil {
		return nil, time.Time{}, err
	}
	path := s.files[s.next]
	s.next++
	at := s.now()
	gray, err := ReadImage(path)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	s.any = true
	return gray, at, nil
}

func (s *folderStream) close() error {
	s.stop()
	return nil
}
