package host

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/con-ting/conting/firmware/keep"
)

// Config says what the board is made of.
type Config struct {
	Names Names
	Rest  uint16 // the inputs' levels at the start, by bit

	// Walk and Back are what a person does at the pins, by way: in, out.
	Walk, Back [2][]Move

	Now func() time.Time
}

// Names are what the control line calls the pins, by bit.
type Names struct {
	Inputs, Outputs []string
}

// Move is one change of an input in a person's way through the lane.
type Move struct {
	Input int
	High  bool
}

// outSize is how much may wait to be sent: more than a controller ever sends
// before it is asked again.
const outSize = 1024

// Board is the board. The controller's loop calls its Pins and Line methods; the
// others are safe for concurrent use.
type Board struct {
	config Config
	start  time.Time
	wake   chan struct{} // a pin moved or bytes came

	mu       sync.Mutex // guards what follows
	inputs   uint16
	outputs  uint8
	in       []byte
	peer     func([]byte) error // nil while nobody is on the line
	watchers map[chan<- uint8]struct{}
}

// New makes a board.
func New(_ context.Context, c Config) (*Board, error) {
	if c.Now == nil || len(c.Names.Inputs) == 0 || len(c.Names.Inputs) > 16 || len(c.Names.Outputs) > 8 {
		return nil, fmt.Errorf("host board: a clock, 1 to 16 inputs and at most 8 outputs are needed")
	}
	return &Board{
		config: c, start: c.Now(), wake: make(chan struct{}, 1), inputs: c.Rest,
		watchers: map[chan<- uint8]struct{}{},
	}, nil
}

// Now is milliseconds since New.
func (b *Board) Now() uint32 {
	return uint32(b.config.Now().Sub(b.start).Milliseconds()) //nolint:gosec // wraps, as its reader expects
}

// Inputs are the levels of the inputs.
func (b *Board) Inputs() uint16 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.inputs
}

// Drive sets the levels of the outputs.
func (b *Board) Drive(outputs uint8) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if outputs == b.outputs {
		return
	}
	b.outputs = outputs
	for w := range b.watchers {
		select {
		case w <- outputs:
		default: // it reads too slowly; the next change tells it
		}
	}
}

// Receive takes the next byte that has come.
func (b *Board) Receive() (byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.in) == 0 {
		return 0, false
	}
	c := b.in[0]
	b.in = b.in[1:]
	return c, true
}

// Send gives a packet to whoever is on the line; nobody there, it is lost.
func (b *Board) Send(packet []byte) bool {
	b.mu.Lock()
	peer := b.peer
	b.mu.Unlock()
	return peer != nil && len(packet) <= outSize && peer(packet) == nil
}

// Sending is false: a socket takes a packet whole.
func (b *Board) Sending() bool { return false }

// SetBaud changes nothing: a socket has no speed.
func (b *Board) SetBaud(uint32) {}

// Wait returns when a pin has moved, bytes have come, d is over or ctx ends.
func (b *Board) Wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-b.wake:
	case <-t.C:
	case <-ctx.Done():
	}
}

func (b *Board) stir() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Set drives an input.
func (b *Board) Set(input int, high bool) {
	b.mu.Lock()
	if high {
		b.inputs |= 1 << input
	} else {
		b.inputs &^= 1 << input
	}
	b.mu.Unlock()
	b.stir()
}

// Reset releases every output and forgets what came over the line, as a restart of
// a chip does.
func (b *Board) Reset() {
	b.Drive(0)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.in = nil
}

// levels returns inputs and outputs as of one moment.
func (b *Board) levels() (inputs uint16, outputs uint8) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.inputs, b.outputs
}

// watch has w get the outputs at each change, until done is called.
func (b *Board) watch(w chan<- uint8) (done func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watchers[w] = struct{}{}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watchers, w)
	}
}

// Memory is a keep.Memory that ends with the process.
type Memory struct {
	cells [keep.Size]byte
}

// Provision makes a memory that holds s.
func Provision(s keep.Settings) *Memory { return &Memory{cells: keep.Image(s)} }

// Read implements keep.Memory.
func (m *Memory) Read(at uint16, dst []byte) bool {
	return int(at)+len(dst) <= len(m.cells) && copy(dst, m.cells[at:]) == len(dst)
}

// Write implements keep.Memory.
func (m *Memory) Write(at uint16, src []byte) bool {
	return int(at)+len(src) <= len(m.cells) && copy(m.cells[at:], src) == len(src)
}
