package camera

import (
	"bytes"
	"fmt"
)

// JPEG markers, ITU-T T.81 table B.1.
const (
	markerSOI = 0xD8
	markerEOI = 0xD9
	markerSOS = 0xDA
	markerDHT = 0xC4
	markerTEM = 0x01
)

// jpegHeader is what stands before the pixels of a JPEG.
type jpegHeader struct {
	width, height int
	tables        bool // there are Huffman tables
	scan          int  // where the first scan's marker stands
}

// maxScans is how often a JPEG may go over its pixels. Progressive ones do about ten times; each time
// costs 6 ms for the largest pictures, whatever few bytes it takes in the file.
const maxScans = 64

// inspect walks the segments of a JPEG up to its first scan. Errors wrap ErrFrame.
func inspect(data []byte) (jpegHeader, error) {
	var h jpegHeader
	if len(data) < 4 || data[0] != 0xFF || data[1] != markerSOI {
		return h, fmt.Errorf("%w: %d bytes that are no JPEG or PNG", ErrFrame, len(data))
	}
	for at := 2; ; {
		for at < len(data) && data[at] == 0xFF && at+1 < len(data) && data[at+1] == 0xFF {
			at++ // fill bytes
		}
		if at+4 > len(data) || data[at] != 0xFF {
			return h, fmt.Errorf("%w: JPEG ends or breaks at byte %d before its pixels", ErrFrame, at)
		}
		marker := data[at+1]
		switch {
		case marker == markerTEM || marker >= 0xD0 && marker <= 0xD7: // no length follows
			at += 2
			continue
		case marker == markerEOI || marker == markerSOI:
			return h, fmt.Errorf("%w: JPEG without pixels", ErrFrame)
		case marker == markerSOS:
			h.scan = at
			if h.width == 0 || h.height == 0 {
				return h, fmt.Errorf("%w: JPEG without a size", ErrFrame)
			}
			if n := countScans(data[at:]); n > maxScans {
				return h, fmt.Errorf("%w: JPEG of %d scans; the limit is %d", ErrFrame, n, maxScans)
			}
			return h, nil
		}
		length := int(data[at+2])<<8 | int(data[at+3])
		if length < 2 || at+2+length > len(data) {
			return h, fmt.Errorf("%w: JPEG segment of %d bytes at byte %d of %d", ErrFrame, length, at, len(data))
		}
		if marker == markerDHT {
			h.tables = true
		} else if marker >= 0xC0 && marker <= 0xCF && marker != 0xC8 && marker != 0xCC { // a frame header
			if length < 8 {
				return h, fmt.Errorf("%w: JPEG frame header of %d bytes", ErrFrame, length)
			}
			h.height = int(data[at+5])<<8 | int(data[at+6])
			h.width = int(data[at+7])<<8 | int(data[at+8])
		}
		at += 2 + length
	}
}

// countScans counts the scans of a JPEG that begins with the marker of the first, up to its end: what
// a phone appends to a picture may be anything.
func countScans(data []byte) (n int) {
	for len(data) >= 4 {
		length := 2 // of the marker
		switch marker := data[1]; {
		case marker == markerEOI:
			return n
		case marker == 0xFF: // a fill byte
			length = 1
		case marker == 0 || marker == markerTEM || marker >= 0xD0 && marker <= 0xD7: // nothing follows
		default:
			if marker == markerSOS {
				n++
			}
			length += int(data[2])<<8 | int(data[3])
		}
		data = data[min(length, len(data)):]
		next := bytes.IndexByte(data, 0xFF)
		if next < 0 {
			return n
		}
		data = data[next:]
	}
	return n
}
