package turnstile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"slices"
	"time"

	"github.com/simonvetter/modbus"
)

// ModbusConfig is a relay board that speaks Modbus: outputs are coils (functions 1
// and 5), inputs discrete inputs (function 2), counted from 0 as on the wire.
type ModbusConfig struct {
	// URL is rtu:///dev/ttyUSB0 for a serial line, tcp://host:502 for Modbus TCP, or
	// rtuovertcp://host:port for a serial server that passes frames on as they are.
	URL string

	Unit   uint8         // slave address, 1 to 247; zero means 1
	Baud   uint          // of a serial line; zero means 19,200
	Parity string        // "none" (default, with two stop bits), "even" or "odd" (with one)
	Poll   time.Duration // between looks at the inputs; 10 ms to 1 s, zero means 50 ms

	Wiring Wiring
}

const (
	modbusPoll    = 50 * time.Millisecond
	modbusTimeout = 300 * time.Millisecond
	modbusMisses  = 3   // unanswered looks in a row, after which the board counts as lost
	modbusSpan    = 256 // most inputs that are read at once
)

// check fills in defaults.
func (c ModbusConfig) check() (ModbusConfig, error) {
	if err := c.Wiring.check(); err != nil {
		return c, err
	}
	switch {
	case c.Unit > 247:
		return c, fmt.Errorf("modbus unit %d, want 1 to 247", c.Unit)
	case c.Poll != 0 && (c.Poll < 10*time.Millisecond || c.Poll > time.Second):
		return c, fmt.Errorf("modbus poll of %s, want 10 ms to 1 s", c.Poll)
	case !slices.Contains([]string{"", "none", "even", "odd"}, c.Parity):
		return c, fmt.Errorf("modbus parity %q, want none, even or odd", c.Parity)
	}
	if lines := c.Wiring.inputs(); len(lines) > 0 && slices.Max(lines)-slices.Min(lines) >= modbusSpan {
		return c, fmt.Errorf("%w: inputs %d to %d are more than %d apart", ErrWiring, slices.Min(lines), slices.Max(lines), modbusSpan)
	}
	if c.Unit == 0 {
		c.Unit = 1
	}
	if c.Poll == 0 {
		c.Poll = modbusPoll
	}
	return c, nil
}

// Modbus returns how to open the board, for [WiresConfig]. The board is not trusted
// with more than its contacts, and whoever can write to its line can open the
// turnstile: Modbus knows no secrets.
func Modbus(cfg ModbusConfig) (func(context.Context) (Wires, error), error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	parity := map[string]uint{"": modbus.PARITY_NONE, "none": modbus.PARITY_NONE, "even": modbus.PARITY_EVEN, "odd": modbus.PARITY_ODD}[cfg.Parity]
	client := func() (*modbus.ModbusClient, error) {
		c, err := modbus.NewClient(&modbus.ClientConfiguration{
			URL: cfg.URL, Speed: cfg.Baud, Parity: parity, Timeout: modbusTimeout, Logger: log.New(io.Discard, "", 0),
		})
		if err == nil {
			err = c.SetUnitId(cfg.Unit)
		}
		if err != nil {
			return nil, fmt.Errorf("modbus %s: %w", cfg.URL, err)
		}
		return c, nil
	}
	if _, err := client(); err != nil { // the address makes sense
		return nil, err
	}
	return func(context.Context) (Wires, error) {
		c, err := client()
		if err == nil {
			err = c.Open()
		}
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", cfg.URL, err)
		}
		return &relays{cfg: cfg, client: c}, nil
	}, nil
}

// relays is an open Modbus board. The client lets one request out at a time.
type relays struct {
	cfg    ModbusConfig
	client *modbus.ModbusClient
}

// exceptions are answers of a board that did not do what it was asked.
var exceptions = []error{modbus.ErrIllegalFunction, modbus.ErrIllegalDataAddress, modbus.ErrIllegalDataValue}

// Unlock switches a coil; see [Wires].
func (r *relays) Unlock(_ context.Context, d Direction, on bool) error {
	pin, err := r.cfg.Wiring.output(d)
	if err != nil {
		if !on {
			return nil // what is not wired is off
		}
		return err
	}
	err = r.client.WriteCoil(uint16(pin.Line), pin.level(on)) //nolint:gosec // ParsePin's bound
	if err == nil {
		return nil
	}
	err = fmt.Errorf("coil %d: %w", pin.Line, err)
	for _, refused := range exceptions {
		if errors.Is(err, refused) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrInDoubt, err) // the answer may be what was lost
}

// Watch polls the inputs; see [Wires].
func (r *relays) Watch(ctx context.Context, see func(Inputs)) error {
	lines := r.cfg.Wiring.inputs()
	tick := time.NewTicker(r.cfg.Poll)
	defer tick.Stop()
	var last Inputs
	for misses, told := 0, false; ; {
		in, err := r.look(lines)
		switch {
		case err != nil:
			if misses++; misses >= modbusMisses {
				return err
			}
		case !told || in != last:
			misses, told, last = 0, true, in
			see(in)
		default:
			misses = 0
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look reads the inputs once. Without inputs it reads a coil, to hear whether the
// board is there.
func (r *relays) look(lines []int) (Inputs, error) {
	if len(lines) == 0 {
		for _, p := range r.cfg.Wiring.Unlock {
			if p.Wired {
				_, err := r.client.ReadCoil(uint16(p.Line)) //nolint:gosec // ParsePin's bound
				return Inputs{}, err
			}
		}
	}
	first := slices.Min(lines)
	levels, err := r.client.ReadDiscreteInputs(uint16(first), uint16(slices.Max(lines)-first+1)) //nolint:gosec // check's bound
	if err != nil {
		return Inputs{}, fmt.Errorf("discrete inputs from %d: %w", first, err)
	}
	return r.cfg.Wiring.read(func(line int) bool { return line-first < len(levels) && levels[line-first] }), nil
}

func (r *relays) Close() error { return r.client.Close() }
