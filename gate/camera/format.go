package camera

import (
	"fmt"
	"slices"
)

// Format says how a pipe or file holds pictures.
type Format struct {
	// Pixels is "y4m", "mjpeg" (JPEGs one after the other) or "" for either of the two, which is
	// found out; or raw frames without anything between them: "gray" (or grey, y8, y800), "yuyv"
	// (yuy2, yuyv422), "uyvy" (uyvy422), "nv12", "nv21", "yu12" (i420, yuv420, yuv420p) or "yv12",
	// of 8 bits a sample.
	Pixels string
	// Width and Height of raw frames in pixels. Not used for the others.
	Width, Height int
	// Stride is how many bytes of a raw frame there are from one row to the next: the length of a
	// row if zero. rpicam-vid pads rows to a multiple of 64. Rows of colour of yu12 and yv12 have
	// half as many.
	Stride int
}

// What Pixels may say besides the raw formats.
const (
	anyVideo = ""
	y4mVideo = "y4m"
	jpgVideo = "mjpeg"
)

// rawFormat is the raw format of a name.
func rawFormat(name string) (fourCC, bool) {
	switch name {
	case "gray", "grey", "y8", "y800":
		return grey, true
	case "yuyv", "yuy2", "yuyv422":
		return yuyv, true
	case "uyvy", "uyvy422":
		return uyvy, true
	case "nv12":
		return nv12, true
	case "nv21":
		return nv21, true
	case "yu12", "i420", "yuv420", "yuv420p":
		return yu12, true
	case "yv12":
		return yv12, true
	}
	return 0, false
}

// Check says whether pictures can be read so. Errors wrap ErrAddress.
func (f Format) Check() error {
	if slices.Contains([]string{anyVideo, y4mVideo, jpgVideo}, f.Pixels) {
		if f.Stride != 0 {
			return fmt.Errorf("%w: a stride is for raw frames; name their format", ErrAddress)
		}
		return nil
	}
	if _, ok := rawFormat(f.Pixels); !ok {
		return fmt.Errorf("%w: format %.20q: want y4m, mjpeg, gray, yuyv, uyvy, nv12, nv21, yu12 or yv12", ErrAddress, f.Pixels)
	}
	if err := checkSize(f.Width, f.Height); err != nil {
		return fmt.Errorf("%w: raw frames need width and height: %w", ErrAddress, err)
	}
	if row := f.layout().row; f.Stride != 0 && (f.Stride < row || f.Stride > 4*MaxSide) {
		return fmt.Errorf("%w: a stride of %d bytes; a row has %d, and the limit is %d", ErrAddress, f.Stride, row, 4*MaxSide)
	}
	return nil
}

// layout is where the brightness of a raw frame is.
type layout struct {
	step, first int // bytes from one brightness to the next in a row, and before the first
	row         int // bytes of a row that hold pixels
	stride      int // bytes from one row to the next
	rest        int // bytes of colour behind the last row
}

// layout works for a format that Check has nothing against, but for its stride.
func (f Format) layout() layout {
	half := func(n int) int { return (n + 1) / 2 }
	pixels, _ := rawFormat(f.Pixels)
	l := layout{step: 1, row: f.Width}
	switch pixels {
	case yuyv, uyvy:
		l.step, l.row = 2, 4*half(f.Width)
		if pixels == uyvy {
			l.first = 1
		}
	case grey, nv12, nv21, yu12, yv12, mjpg, jpg:
	}
	l.stride = max(f.Stride, l.row)
	switch pixels {
	case nv12, nv21:
		l.rest = max(l.stride, 2*half(f.Width)) * half(f.Height)
	case yu12, yv12:
		l.rest = 2 * half(l.stride) * half(f.Height)
	case grey, yuyv, uyvy, mjpg, jpg:
	}
	return l
}
