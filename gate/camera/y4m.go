package camera

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"io"
	"strconv"
	"strings"
	"time"
)

// y4mMagic begins a Y4M video (yuv4mpeg(5) of mjpegtools).
const y4mMagic = "YUV4MPEG2 "

// maxY4MLine is the longest header of a video or frame in bytes; those of ffmpeg have about 100.
const maxY4MLine = 1024

// y4m reads a Y4M video.
type y4m struct {
	r             *bufio.Reader
	width, height int
	rest          int           // bytes behind the brightness of a frame
	every         time.Duration // between frames; zero if the header does not say
	gray          *image.Gray
}

// newY4M reads the header of a video. Errors wrap ErrStream or come from the reader.
func newY4M(r *bufio.Reader) (*y4m, error) {
	line, err := y4mLine(r)
	if err != nil {
		return nil, err
	}
	rest, ok := strings.CutPrefix(line, y4mMagic)
	if !ok {
		return nil, fmt.Errorf("%w: %.20q begins no Y4M video", ErrStream, line)
	}
	v, chroma := &y4m{r: r}, "420"
	for field := range strings.FieldsSeq(rest) {
		value := field[1:]
		switch field[0] {
		case 'W':
			v.width, err = strconv.Atoi(value)
		case 'H':
			v.height, err = strconv.Atoi(value)
		case 'F':
			v.every, err = y4mInterval(value)
		case 'C':
			chroma = value
		}
		if err != nil {
			return nil, fmt.Errorf("%w: Y4M header %.40q", ErrStream, field)
		}
	}
	if err := checkSize(v.width, v.height); err != nil {
		return nil, fmt.Errorf("%w: Y4M header: %s", ErrStream, err.Error()) // not one frame alone
	}
	v.rest, ok = y4mColour(chroma, v.width, v.height)
	if !ok {
		return nil, fmt.Errorf("%w: Y4M with pixels C%.20s; write 8 bit gray (ffmpeg: -pix_fmt gray)", ErrStream, chroma)
	}
	return v, nil
}

// y4mLine reads one header line without its end.
func y4mLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		c, err := r.ReadByte()
		if errors.Is(err, io.EOF) && len(line) > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return "", err
		}
		if c == '\n' {
			return string(line), nil
		}
		if line = append(line, c); len(line) > maxY4MLine {
			return "", fmt.Errorf("%w: a Y4M header of more than %d bytes", ErrStream, maxY4MLine)
		}
	}
}

// y4mInterval turns a rate like 30000:1001 into the time between frames, within reason.
func y4mInterval(rate string) (time.Duration, error) {
	over, under, ok := strings.Cut(rate, ":")
	n, err := strconv.ParseUint(over, 10, 31)
	d, err2 := strconv.ParseUint(under, 10, 31)
	if !ok || err != nil || err2 != nil {
		return 0, strconv.ErrSyntax
	}
	if n == 0 || d == 0 { // unknown
		return 0, nil
	}
	every := time.Duration(float64(time.Second) * float64(d) / float64(n))
	return min(max(every, time.Millisecond), 100*time.Second), nil
}

// y4mColour is how many bytes of a frame stand behind its brightness.
func y4mColour(chroma string, w, h int) (int, bool) {
	switch chroma {
	case "mono":
		return 0, true
	case "420", "420jpeg", "420mpeg2", "420paldv":
		return 2 * ((w + 1) / 2) * ((h + 1) / 2), true
	case "422":
		return 2 * ((w + 1) / 2) * h, true
	case "411":
		return 2 * ((w + 3) / 4) * h, true
	case "444":
		return 2 * w * h, true
	case "444alpha":
		return 3 * w * h, true
	}
	return 0, false // among them those of more than 8 bits
}

// next reads a frame. One that does not begin as it must makes the video unusable: there is no way
// to find the next.
func (v *y4m) next() error {
	line, err := y4mLine(v.r)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return torn(err)
	}
	if err != nil {
		return err
	}
	if line != "FRAME" && !strings.HasPrefix(line, "FRAME ") {
		return fmt.Errorf("%w: %.20q where a Y4M frame should begin", ErrStream, line)
	}
	v.gray = image.NewGray(image.Rect(0, 0, v.width, v.height))
	if _, err := io.ReadFull(v.r, v.gray.Pix); err != nil {
		return torn(err)
	}
	return torn(discard(v.r, v.rest))
}

func (v *y4m) picture() (*image.Gray, error) { return v.gray, nil }
