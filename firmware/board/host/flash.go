package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/con-ting/conting/firmware/update"
)

// BoardID is what an image for this board names: update.BoardName calls it host.
const BoardID = 0x0001

// Sizes of the flash, in bytes.
const (
	flashPage = 1 << 10
	slotSize  = 128 << 10
	flashSize = 2 * slotSize
)

// Layout is where the images are in the flash.
func Layout() update.Layout {
	return update.Layout{Board: BoardID, Slot: [2]uint32{0, slotSize}, Size: slotSize, Page: flashPage}
}

// Flash is an update.Flash that behaves as a chip's: erasing sets a page's bits,
// writing clears bits. It is in a file, or ends with the process. One loop owns
// it.
//
// What the images in it hold is never run: this board's program is this process.
// They are told by their version, so that a panel sees which one was started.
type Flash struct {
	cells []byte
	file  *os.File // may be nil
	left  int      // bytes until the power is cut; below 0 for never
	off   bool
}

// NewFlash makes a flash that ends with the process, with an image of that
// version that has proved itself.
func NewFlash(version uint32) (*Flash, error) {
	f := &Flash{cells: bytes.Repeat([]byte{0xFF}, flashSize), left: -1}
	image := fmt.Appendf(nil, "controller-sim, version %d\n", version)
	return f, f.provision(version, image)
}

// OpenFlash opens the flash in a file; a new one is made as [NewFlash] does. What
// an existing one holds counts, not version.
func OpenFlash(path string, version uint32) (*Flash, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the user names it
	if err != nil {
		return nil, fmt.Errorf("open the flash: %w", err)
	}
	f, err := loadFlash(file, version)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the flash %s: %w", path, err), file.Close())
	}
	return f, nil
}

func loadFlash(file *os.File, version uint32) (*Flash, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() == 0 {
		f, err := NewFlash(version)
		if err != nil {
			return nil, err
		}
		f.file = file
		return f, f.save(0, flashSize)
	}
	if info.Size() != flashSize {
		return nil, fmt.Errorf("%d bytes, want %d: this is no flash", info.Size(), flashSize)
	}
	f := &Flash{cells: make([]byte, flashSize), file: file, left: -1}
	_, err = io.ReadFull(io.NewSectionReader(file, 0, flashSize), f.cells)
	return f, err
}

// provision stages an image as a controller does, and proves it.
func (f *Flash) provision(version uint32, image []byte) error {
	head := update.HeaderOf(image, BoardID, version)
	var s update.Slots
	s.Open(f, Layout())
	s.Run(1)
	a := s.Begin(uint32(len(head) + len(image))) //nolint:gosec // short
	if a == update.Accepted {
		a = s.Write(0, append(head, image...))
	}
	for a == update.Checking {
		a = s.Work()
	}
	if a != update.Complete {
		return fmt.Errorf("make image %d: %s", version, a)
	}
	if _, ok := s.Boot(); !ok || !s.Prove() {
		return fmt.Errorf("make image %d: it does not start", version)
	}
	return nil
}

// CutAfter has the power fail once that many more bytes were erased or written:
// what was under way is half done, and nothing answers until Restore. Below 0 it
// does not fail.
func (f *Flash) CutAfter(n int) { f.left = n }

// Off reports whether the power has failed.
func (f *Flash) Off() bool { return f.off }

// Restore brings the power back, for good.
func (f *Flash) Restore() { f.off, f.left = false, -1 }

// Read implements update.Flash.
func (f *Flash) Read(at uint32, dst []byte) bool {
	return !f.off && uint64(at)+uint64(len(dst)) <= flashSize && copy(dst, f.cells[at:]) == len(dst)
}

// Erase implements update.Flash.
func (f *Flash) Erase(page uint32) bool {
	return page%flashPage == 0 && f.change(page, flashPage, func(cell *byte, _ int) { *cell = 0xFF })
}

// Write implements update.Flash.
func (f *Flash) Write(at uint32, src []byte) bool {
	return at%update.Unit == 0 && len(src)%update.Unit == 0 &&
		f.change(at, len(src), func(cell *byte, i int) { *cell &= src[i] })
}

// change does something to cells, as far as the power lasts.
func (f *Flash) change(at uint32, n int, do func(cell *byte, i int)) bool {
	if f.off || uint64(at)+uint64(n) > flashSize { //nolint:gosec // not negative
		return false
	}
	for i := range n {
		cell := &f.cells[int(at)+i]
		if f.left == 0 {
			was := *cell
			do(cell, i)
			*cell ^= (*cell ^ was) & 0x55 // half of its bits
			f.off = true
			break
		}
		do(cell, i)
		if f.left > 0 {
			f.left--
		}
	}
	return f.save(at, n) == nil && !f.off
}

// save puts cells into the file: what is there when this process is killed. For a
// power cut of this machine there is CutAfter.
func (f *Flash) save(at uint32, n int) error {
	if f.file == nil {
		return nil
	}
	_, err := f.file.WriteAt(f.cells[at:int(at)+n], int64(at))
	return err
}

// Close closes the file.
func (f *Flash) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}
