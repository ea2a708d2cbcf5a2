package camera

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"strings"
)

// Limits on the envelope of a part in a multipart stream.
const (
	maxHeader  = 8 << 10 // bytes of one part's header, and of what may stand between parts
	maxFields  = 32      // lines of one part's header
	maxBoundry = 70      // characters of a boundary, RFC 2046 section 5.1.1
)

// parts reads the pictures out of a multipart/x-mixed-replace stream. The stream is not trusted.
// The standard library's reader is not used because cameras are careless with boundaries and
// lengths, and because its limits are far above ours.
type parts struct {
	r         *bufio.Reader
	delimiter []byte // "--boundary"
	at        bool   // the line with the delimiter has already been read
	body      bytes.Buffer
}

// newParts takes the boundary as the Content-Type header names it. Many cameras put the two
// leading dashes of the delimiter into it; that is understood.
func newParts(r io.Reader, boundary string) (*parts, error) {
	boundary = strings.TrimPrefix(boundary, "--")
	if boundary == "" || len(boundary) > maxBoundry || strings.ContainsAny(boundary, "\r\n") {
		return nil, fmt.Errorf("%w: boundary %q", ErrStream, boundary)
	}
	return &parts{r: bufio.NewReaderSize(r, 64<<10), delimiter: []byte("--" + boundary)}, nil
}

// next returns the body of the next part. It is valid until the call after. Errors wrap ErrStream
// or come from the reader; after one the stream is lost. An end between parts is io.EOF.
func (p *parts) next() ([]byte, error) {
	if err := p.seek(); err != nil {
		return nil, err
	}
	length, err := p.header()
	if err != nil {
		return nil, err
	}
	p.body.Reset()
	if length >= 0 {
		_, err = io.CopyN(&p.body, p.r, length) // grows with what comes, not with what is announced
	} else {
		err = p.until()
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return p.body.Bytes(), err
}

// seek reads up to and including the next delimiter's line.
func (p *parts) seek() error {
	if p.at {
		p.at = false
		return nil
	}
	for skipped := 0; skipped <= maxHeader; {
		line, err := p.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		skipped += len(line)
		switch delimits, last := p.delimits(line); {
		case last:
			return io.EOF
		case delimits:
			return nil
		}
	}
	return fmt.Errorf("%w: no line %q in %d bytes", ErrStream, p.delimiter, maxHeader)
}

// delimits says whether a line is the delimiter, and whether it is the last of the stream.
func (p *parts) delimits(line []byte) (is, last bool) {
	rest, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r\n \t"), p.delimiter)
	return ok && len(rest) == 0, ok && string(rest) == "--"
}

// header reads a part's header and returns the length it announces, -1 for none.
func (p *parts) header() (int64, error) {
	length := int64(-1)
	for size, fields := 0, 0; ; fields++ {
		line, err := p.r.ReadSlice('\n')
		if size += len(line); size > maxHeader || fields > maxFields || errors.Is(err, bufio.ErrBufferFull) {
			return 0, fmt.Errorf("%w: a part's header is longer than %d bytes or %d lines", ErrStream, maxHeader, maxFields)
		}
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return length, nil
		}
		key, value, ok := strings.Cut(string(line), ":")
		value = strings.TrimSpace(value)
		if !ok {
			return 0, fmt.Errorf("%w: %q in a part's header", ErrStream, key)
		}
		switch textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(key)) {
		case "Content-Length":
			n, err := strconv.ParseUint(value, 10, 32)
			if err != nil || n > MaxPart {
				return 0, fmt.Errorf("%w: a part of %q bytes; the limit is %d", ErrStream, value, MaxPart)
			}
			length = int64(n)
		case "Content-Type":
			if t := strings.ToLower(value); !strings.HasPrefix(t, "image/jpeg") && !strings.HasPrefix(t, "image/jpg") {
				return 0, fmt.Errorf("%w: parts of type %q; want image/jpeg", ErrStream, value)
			}
		}
	}
}

// until reads a body without an announced length, up to the delimiter.
func (p *parts) until() error {
	start := true // of a line
	for {
		line, err := p.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if start && bytes.HasPrefix(line, p.delimiter) {
			if is, last := p.delimits(line); is || last {
				p.at = is
				b := p.body.Bytes()
				p.body.Truncate(len(bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))))
				return nil
			}
		}
		start = err == nil
		if p.body.Len()+len(line) > MaxPart {
			return fmt.Errorf("%w: a part of more than %d bytes", ErrStream, MaxPart)
		}
		p.body.Write(line)
	}
}
