package camera

import (
	"bufio"
	"image"
	"io"
)

// raw reads frames that follow each other without anything between them. Nothing in them shows
// where one begins: whoever writes must write whole frames.
type raw struct {
	r             *bufio.Reader
	width, height int
	layout        layout
	row           []byte
	gray          *image.Gray
}

func (v *raw) next() error {
	if _, err := v.r.Peek(1); err != nil {
		return err
	}
	v.gray = image.NewGray(image.Rect(0, 0, v.width, v.height))
	return torn(v.fill())
}

// fill reads one frame.
func (v *raw) fill() error {
	l := v.layout
	if l.step == 1 && l.stride == v.width {
		if _, err := io.ReadFull(v.r, v.gray.Pix); err != nil {
			return err
		}
		return discard(v.r, l.rest)
	}
	if v.row == nil {
		v.row = make([]byte, l.stride)
	}
	for y := range v.height {
		if _, err := io.ReadFull(v.r, v.row); err != nil {
			return err
		}
		out := v.gray.Pix[y*v.gray.Stride : y*v.gray.Stride+v.width]
		if l.step == 1 {
			copy(out, v.row)
			continue
		}
		for x := range out {
			out[x] = v.row[l.step*x+l.first]
		}
	}
	return discard(v.r, l.rest)
}

func (v *raw) picture() (*image.Gray, error) { return v.gray, nil }
