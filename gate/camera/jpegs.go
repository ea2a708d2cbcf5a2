package camera

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
)

// jpegs reads JPEGs that follow each other, as rpicam-vid --codec mjpeg and ffmpeg -f mjpeg write
// them. What stands between them is skipped.
type jpegs struct {
	r    *bufio.Reader
	data bytes.Buffer // the picture so far
	at   bool         // the start of the next picture has already been read
}

// next reads a picture from its first marker to its last. A picture that breaks off where another
// begins wraps ErrFrame.
func (v *jpegs) next() error {
	if err := v.seek(); err != nil {
		return err
	}
	v.data.Reset()
	v.data.Write([]byte{0xFF, markerSOI})
	marker, err := v.marker()
	for err == nil && marker != markerEOI {
		switch {
		case marker == markerSOI:
			v.at = true
			return fmt.Errorf("%w: a JPEG breaks off after %d bytes", ErrFrame, v.data.Len())
		case marker == markerTEM || marker >= 0xD0 && marker <= 0xD7: // nothing follows
		default:
			err = v.segment()
		}
		if err != nil {
			break
		}
		if marker == markerSOS {
			marker, err = v.scan()
		} else {
			marker, err = v.marker()
		}
	}
	return torn(err)
}

// seek reads past the marker with which a picture begins.
func (v *jpegs) seek() error {
	if v.at {
		v.at = false
		return nil
	}
	for skipped, last := 0, byte(0); skipped <= MaxPart; skipped++ {
		c, err := v.r.ReadByte()
		if err != nil {
			return err
		}
		if last == 0xFF && c == markerSOI {
			return nil
		}
		last = c
	}
	return fmt.Errorf("%w: no JPEG in %d bytes", ErrStream, MaxPart)
}

// marker reads a marker, and the fill bytes that may stand before it.
func (v *jpegs) marker() (byte, error) {
	c, err := v.byte()
	if err != nil {
		return 0, err
	}
	if c != 0xFF {
		return 0, fmt.Errorf("%w: byte %d of a JPEG is no marker", ErrFrame, v.data.Len())
	}
	for c == 0xFF {
		if c, err = v.byte(); err != nil {
			return 0, err
		}
	}
	if c == 0 {
		return 0, fmt.Errorf("%w: byte %d of a JPEG is no marker", ErrFrame, v.data.Len())
	}
	return c, nil
}

// segment reads what follows a marker.
func (v *jpegs) segment() error {
	high, err := v.byte()
	if err != nil {
		return err
	}
	low, err := v.byte()
	if err != nil {
		return err
	}
	n := int(high)<<8 | int(low)
	if n < 2 {
		return fmt.Errorf("%w: a JPEG segment of %d bytes", ErrFrame, n)
	}
	if v.data.Len()+n > MaxPart {
		return v.tooLong()
	}
	_, err = io.CopyN(&v.data, v.r, int64(n-2))
	return err
}

// scan reads pixels and the marker behind them.
func (v *jpegs) scan() (byte, error) {
	for {
		chunk, err := v.r.ReadSlice(0xFF)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return 0, err
		}
		if v.data.Len()+len(chunk) > MaxPart {
			return 0, v.tooLong()
		}
		if v.data.Write(chunk); err != nil {
			continue
		}
		c := byte(0xFF)
		for c == 0xFF {
			if c, err = v.byte(); err != nil {
				return 0, err
			}
		}
		if c != 0 && (c < 0xD0 || c > 0xD7) {
			return c, nil
		}
	}
}

func (v *jpegs) byte() (byte, error) {
	if v.data.Len() >= MaxPart {
		return 0, v.tooLong()
	}
	c, err := v.r.ReadByte()
	if err == nil {
		v.data.WriteByte(c)
	}
	return c, err
}

func (v *jpegs) tooLong() error {
	return fmt.Errorf("%w: a JPEG of more than %d bytes", ErrFrame, MaxPart)
}

func (v *jpegs) picture() (*image.Gray, error) { return decode(v.data.Bytes()) }
