package engine

import "fmt"

// Framing is how a serial engine marks where a code begins and ends.
type Framing string

const (
	// Lines end with CR, LF or both. Empty ones are nothing.
	Lines Framing = "line"
	// STX stands before a code and ETX behind it. What is between two is nothing;
	// a CR or LF inside belongs to the code.
	STX Framing = "stx"
)

const (
	stx = 0x02
	etx = 0x03
)

// frames is the parser of a serial line.
type frames struct {
	framing Framing
	text    []byte
	begun   bool // inside a frame
	long    bool // inside one that is too long
}

func newFrames(f Framing) (*frames, error) {
	if f != Lines && f != STX {
		return nil, fmt.Errorf("%w: framing %q", ErrDevice, f)
	}
	return &frames{framing: f, text: make([]byte, 0, MaxText)}, nil
}

func (f *frames) open() bool { return f.begun }

func (f *frames) feed(data []byte, take func(piece)) {
	for _, b := range data {
		switch {
		case f.framing == STX && b == stx:
			f.silence(take) // the one before never ended
			f.begun = true
		case f.framing == STX && !f.begun:
		case f.framing == STX && b == etx, f.framing == Lines && (b == '\r' || b == '\n'):
			f.end(take)
		case len(f.text) == MaxText:
			f.begun, f.long = true, true
		default:
			f.begun = true
			f.text = append(f.text, b)
		}
	}
}

// end closes a frame.
func (f *frames) end(take func(piece)) {
	text, long := string(f.text), f.long
	f.reset()
	switch {
	case long || !printable(text):
		take(piece{kind: noise, text: text})
	case text != "":
		take(piece{kind: whole, text: text})
	}
}

// silence closes a frame that did not end.
func (f *frames) silence(take func(piece)) {
	text, long := string(f.text), f.long
	f.reset()
	switch {
	case long || !printable(text):
		take(piece{kind: noise, text: text})
	case text != "":
		take(piece{kind: half, text: text})
	}
}

func (f *frames) reset() { f.text, f.begun, f.long = f.text[:0], false, false }
