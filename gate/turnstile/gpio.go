package turnstile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// GPIOConfig is a lane at the pins of this machine, through the Linux GPIO
// character device (uAPI v2, Linux 5.10 and later).
type GPIOConfig struct {
	Chip string // gpiochip0, or its path; required

	// Debounce is how long an input must stand before it counts: zero means 10 ms,
	// at most 500 ms.
	Debounce time.Duration

	// Bias of the inputs: "" as the board has it, "pull_up", "pull_down" or "off".
	Bias string

	Wiring Wiring
}

const (
	gpioDebounce = 10 * time.Millisecond
	gpioEdges    = 64          // edges that may wait to be looked at
	gpioLook     = time.Second // between looks at the levels, for edges that were lost
)

func (c GPIOConfig) check() (GPIOConfig, error) {
	if err := c.Wiring.check(); err != nil {
		return c, err
	}
	switch {
	case c.Chip == "":
		return c, errors.New("gpio without a chip")
	case c.Debounce < 0 || c.Debounce > 500*time.Millisecond:
		return c, fmt.Errorf("gpio debounce of %s, want at most 500 ms", c.Debounce)
	case !slices.Contains([]string{"", "pull_up", "pull_down", "off"}, c.Bias):
		return c, fmt.Errorf("gpio bias %q, want pull_up, pull_down, off or nothing", c.Bias)
	}
	if c.Debounce == 0 {
		c.Debounce = gpioDebounce
	}
	outputs := []Pin{c.Wiring.Unlock[In], c.Wiring.Unlock[Out]}
	for _, line := range c.Wiring.inputs() {
		if slices.ContainsFunc(outputs, func(p Pin) bool { return p.Wired && p.Line == line }) {
			return c, fmt.Errorf("%w: line %d is an input and an output", ErrWiring, line)
		}
	}
	return c, nil
}

// lines is what we use of a GPIO chip.
type lines interface {
	set(line int, high bool) error
	// levels reads the inputs, in the order in which they were asked for.
	levels() ([]bool, error)
	close() error
}

// edge is a change of an input.
type edge struct {
	line int
	high bool
}

// chip opens the lines: outputs at the given levels, and inputs whose edges are told.
type chip func(cfg GPIOConfig, outputs map[int]bool, inputs []int, tell func(edge)) (lines, error)

// GPIO returns how to open the pins, for [WiresConfig]. A kernel without the
// character device is an error of the returned function.
func GPIO(cfg GPIOConfig) (func(context.Context) (Wires, error), error) { return gpio(cfg, openChip) }

func gpio(cfg GPIOConfig, open chip) (func(context.Context) (Wires, error), error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	return func(context.Context) (Wires, error) {
		p := &pins{cfg: cfg, inputs: cfg.Wiring.inputs(), edges: make(chan edge, gpioEdges)}
		outputs := map[int]bool{}
		for _, o := range cfg.Wiring.Unlock {
			if o.Wired {
				outputs[o.Line] = o.level(false)
			}
		}
		l, err := open(cfg, outputs, p.inputs, p.tell)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", cfg.Chip, err)
		}
		p.lines = l
		return p, nil
	}, nil
}

// pins are open lines.
type pins struct {
	cfg    GPIOConfig
	lines  lines
	inputs []int
	edges  chan edge
	once   sync.Once
}

// tell takes an edge from the kernel's reader. One for which there is no room is
// found by the next look at the levels.
func (p *pins) tell(e edge) {
	select {
	case p.edges <- e:
	default:
	}
}

// Unlock sets an output; see [Wires]. A line that the kernel refuses to set has not moved.
func (p *pins) Unlock(_ context.Context, d Direction, on bool) error {
	pin, err := p.cfg.Wiring.output(d)
	if err != nil {
		if !on {
			return nil // what is not wired is off
		}
		return err
	}
	if err := p.lines.set(pin.Line, pin.level(on)); err != nil {
		return fmt.Errorf("line %d: %w", pin.Line, err)
	}
	return nil
}

// Watch tells each edge, and looks at the levels besides; see [Wires].
func (p *pins) Watch(ctx context.Context, see func(Inputs)) error {
	high := make(map[int]bool, len(p.inputs))
	last, told := Inputs{}, false
	tell := func() {
		if in := p.cfg.Wiring.read(func(line int) bool { return high[line] }); !told || in != last {
			last, told = in, true
			see(in)
		}
	}
	look := func() error {
		levels, err := p.lines.levels()
		if err != nil {
			return fmt.Errorf("levels: %w", err)
		}
		for i, line := range p.inputs {
			high[line] = levels[i]
		}
		tell()
		return nil
	}
	if err := look(); err != nil {
		return err
	}
	tick := time.NewTicker(gpioLook)
	defer tick.Stop()
	for {
		select {
		case e := <-p.edges:
			high[e.line] = e.high
			tell()
			continue
		default:
		}
		select {
		case e := <-p.edges:
			high[e.line] = e.high
			tell()
		case <-tick.C: // only with no edge waiting: levels are newer than edges
			if err := look(); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *pins) Close() (err error) {
	p.once.Do(func() {
		for _, d := range []Direction{In, Out} {
			err = errors.Join(err, p.Unlock(context.Background(), d, false))
		}
		err = errors.Join(err, p.lines.close())
	})
	return err
}
