package emulator

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Edge is a change of the outputs: their levels after it, by bit.
type Edge struct {
	Outputs uint8
	At      time.Time
	Reset   bool // the chip was reset just before
}

// maxEdges bounds what is remembered; the oldest half goes.
const maxEdges = 1 << 16

// pins is what is known of the wires.
type pins struct {
	mu      sync.Mutex // guards what follows
	inputs  uint16     // as last driven
	outputs uint8
	blind   uint8 // outputs whose next rise QEMU will not tell: see wasReset
	resets  int
	edges   []Edge
	dropped int           // edges that are remembered no more
	changed chan struct{} // closed and replaced at each edge
}

func (p *pins) edge(pin int, high bool, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blind &^= 1 << pin
	if high {
		p.outputs |= 1 << pin
	} else {
		p.outputs &^= 1 << pin
	}
	p.note(Edge{Outputs: p.outputs, At: at})
}

// note must be called with mu held.
func (p *pins) note(e Edge) {
	if len(p.edges) == maxEdges {
		p.edges = append(p.edges[:0], p.edges[maxEdges/2:]...)
		p.dropped += maxEdges / 2
	}
	p.edges = append(p.edges, e)
	close(p.changed)
	p.changed = make(chan struct{})
}

// wasReset puts right what QEMU forgets when the chip is reset: the levels of the
// inputs, and that outputs fell. An output that was high before and rises again
// is no change to QEMU, so those are looked at until they have risen.
func (b *Board) wasReset() {
	at := time.Now()
	b.pins.mu.Lock()
	b.pins.resets++
	turn := b.pins.resets
	b.pins.blind |= b.pins.outputs
	b.pins.outputs = 0
	b.pins.note(Edge{At: at, Reset: true})
	b.pins.mu.Unlock()
	go b.afterReset(turn) // not here: the answers come over the line that calls this
}

func (b *Board) afterReset(turn int) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if b.assert(ctx) != nil {
		return // only a dead board refuses
	}
	wait := time.NewTicker(time.Millisecond)
	defer wait.Stop()
	for {
		select {
		case <-wait.C:
		case <-b.done:
			return
		}
		now, err := b.Outputs(ctx)
		if err != nil || !b.pins.look(now, turn) {
			return
		}
	}
}

// look takes the blind outputs off the chip; false when none is left, or another
// reset has come.
func (p *pins) look(now uint8, turn int) bool {
	at := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.resets != turn {
		return false
	}
	if risen := now & p.blind; risen != 0 {
		p.blind &^= risen
		p.outputs |= risen
		p.note(Edge{Outputs: p.outputs, At: at})
	}
	return p.blind != 0
}

// assert drives every input to its level.
func (b *Board) assert(ctx context.Context) error {
	b.pins.mu.Lock()
	levels := b.pins.inputs
	b.pins.mu.Unlock()
	for pin := range Inputs {
		if err := b.drive(ctx, pin, levels>>pin&1 != 0); err != nil {
			return err
		}
	}
	return nil
}

func (b *Board) drive(ctx context.Context, pin int, high bool) error {
	port, line := portA, pin+2
	if pin >= 6 {
		port, line = portC, pin-2
	}
	level := 0
	if high {
		level = 1
	}
	_, err := b.qtest.do(ctx, fmt.Sprintf("set_irq_in %s unnamed-gpio-in %d %d", port, line, level))
	return err
}

// Inputs is how many inputs the board has; outputs are eight.
const Inputs = 10

// EEPROMSize is the size of the board's memory, in bytes.
const EEPROMSize = 4096

// Set drives one input. It returns when the pin has moved; what the firmware
// makes of it comes later.
func (b *Board) Set(ctx context.Context, pin int, high bool) error {
	if pin < 0 || pin >= Inputs {
		return fmt.Errorf("the board has no input %d", pin)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	b.pins.mu.Lock()
	if high {
		b.pins.inputs |= 1 << pin
	} else {
		b.pins.inputs &^= 1 << pin
	}
	b.pins.mu.Unlock()
	return b.drive(ctx, pin, high)
}

// Outputs reads the levels of the outputs off the chip.
func (b *Board) Outputs(ctx context.Context) (uint8, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	v, err := b.qtest.read(ctx, levelsD)
	return uint8(v), err
}

// Mark is a place in the stream of edges: what comes later is after it.
func (b *Board) Mark() int {
	b.pins.mu.Lock()
	defer b.pins.mu.Unlock()
	return b.pins.dropped + len(b.pins.edges)
}

// Edges returns what happened after mark and is remembered.
func (b *Board) Edges(mark int) []Edge {
	b.pins.mu.Lock()
	defer b.pins.mu.Unlock()
	return slices.Clone(b.pins.edges[min(max(0, mark-b.pins.dropped), len(b.pins.edges)):])
}

// Resets is how often the chip was reset since Boot, the start not counted.
func (b *Board) Resets() int {
	b.pins.mu.Lock()
	defer b.pins.mu.Unlock()
	return b.pins.resets
}

// Await returns the first edge after mark for which fits is true, waiting for it
// until ctx ends.
func (b *Board) Await(ctx context.Context, mark int, fits func(Edge) bool) (Edge, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	p := &b.pins
	for {
		p.mu.Lock()
		for i := max(0, mark-p.dropped); i < len(p.edges); i++ {
			if e := p.edges[i]; fits(e) {
				p.mu.Unlock()
				return e, nil
			}
		}
		mark = p.dropped + len(p.edges)
		changed, now := p.changed, p.outputs
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return Edge{}, fmt.Errorf("wait for outputs, they are %08b: %w", now, ctx.Err())
		case <-b.done:
			return Edge{}, fmt.Errorf("wait for outputs: %w", ErrStopped)
		}
	}
}

// AwaitLevel waits until the outputs under mask read want: at once where they do
// already.
func (b *Board) AwaitLevel(ctx context.Context, mask, want uint8) error {
	mark := b.Mark()
	if now, err := b.Outputs(ctx); err != nil || now&mask == want {
		return err
	}
	_, err := b.Await(ctx, mark, func(e Edge) bool { return !e.Reset && e.Outputs&mask == want })
	return err
}
