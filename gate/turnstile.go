package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/con-ting/conting/gate/turnstile"
)

// The values of lane.driver.
const (
	driverSoftware = "software"
	driverGPIO     = "gpio"
	driverModbus   = "modbus"
)

// turnstileConfig is used with any lane.driver but "software". A pin is a number,
// with ! before it if it is inverted: an output that is energised while locked, an
// input that is active while it is low or open, as a fire loop is. "" is not wired.
type turnstileConfig struct {
	// Mode of an output: "pulse" energises it for Pulse and leaves the window to the
	// turnstile, "level" for as long as the lane is open. Default pulse.
	Mode  string        `toml:"mode"`
	Pulse time.Duration `toml:"pulse"` // 100 ms to 2 s. Default 200ms.

	// The outputs that unlock the way in and the way out. At least one is needed.
	UnlockIn  string `toml:"unlock_in"`
	UnlockOut string `toml:"unlock_out"`

	// The inputs: somebody has gone in, or out; the turnstile is in service; staff
	// must look; the fire loop. Without passed_in nobody can tell whether a person
	// went in: an admission counts as used then.
	PassedIn  string `toml:"passed_in"`
	PassedOut string `toml:"passed_out"`
	Ready     string `toml:"ready"`
	Alarm     string `toml:"alarm"`
	Fire      string `toml:"fire"`

	// Chip is whose lines the pins of driver "gpio" are. Default gpiochip0.
	Chip     string        `toml:"chip"`
	Debounce time.Duration `toml:"debounce"` // of its inputs. Default 10ms.
	Bias     string        `toml:"bias"`     // pull_up, pull_down, off, or "" as the board has it.

	// URL of driver "modbus": rtu:///dev/serial/by-id/…, tcp://host:502 or
	// rtuovertcp://host:port. Pins are coils and discrete inputs, from 0.
	URL    string        `toml:"url"`
	Unit   int           `toml:"unit"`   // slave address, 1 to 247. Default 1.
	Baud   int           `toml:"baud"`   // of a serial line. Default 19200.
	Parity string        `toml:"parity"` // none, even or odd. Default none.
	Poll   time.Duration `toml:"poll"`   // between looks at the inputs. Default 50ms.
}

func defaultTurnstile() turnstileConfig {
	return turnstileConfig{
		Mode: "pulse", Pulse: 200 * time.Millisecond, Chip: "gpiochip0", Debounce: 10 * time.Millisecond,
		Unit: 1, Baud: 19200, Parity: "none", Poll: 50 * time.Millisecond,
	}
}

// wiring reads the pins.
func (c *turnstileConfig) wiring() (w turnstile.Wiring, err error) {
	for _, pin := range []struct {
		key, text string
		to        *turnstile.Pin
	}{
		{"unlock_in", c.UnlockIn, &w.Unlock[turnstile.In]},
		{"unlock_out", c.UnlockOut, &w.Unlock[turnstile.Out]},
		{"passed_in", c.PassedIn, &w.Passed[turnstile.In]},
		{"passed_out", c.PassedOut, &w.Passed[turnstile.Out]},
		{"ready", c.Ready, &w.Ready},
		{"alarm", c.Alarm, &w.Alarm},
		{"fire", c.Fire, &w.Fire},
	} {
		if *pin.to, err = turnstile.ParsePin(pin.text); err != nil {
			return w, fmt.Errorf("%s: %w", pin.key, err)
		}
	}
	return w, nil
}

// open returns how a lane with contacts is opened.
func (c *turnstileConfig) open(driver string) (open func(context.Context) (turnstile.Wires, error), blind [2]bool, err error) {
	w, err := c.wiring()
	if err != nil {
		return nil, blind, err
	}
	if driver == driverGPIO {
		open, err = turnstile.GPIO(turnstile.GPIOConfig{Chip: c.Chip, Debounce: c.Debounce, Bias: c.Bias, Wiring: w})
		return open, w.Blind(), err
	}
	if c.Unit < 1 || c.Unit > 247 || c.Baud < 1200 || c.Baud > 115200 {
		return nil, blind, fmt.Errorf("unit %d at %d baud: want 1 to 247 at 1200 to 115200", c.Unit, c.Baud)
	}
	open, err = turnstile.Modbus(turnstile.ModbusConfig{
		URL: c.URL, Unit: uint8(c.Unit), Baud: uint(c.Baud), Parity: c.Parity, Poll: c.Poll, Wiring: w,
	})
	return open, w.Blind(), err
}

// checkTurnstile looks at what the driver needs.
func (c *config) checkTurnstile(bad func(key, format string, args ...any) error) error {
	if m := c.Turnstile.Mode; m != "pulse" && m != "level" {
		return bad("turnstile.mode", "%q, want pulse or level", m)
	}
	if c.Lane.Driver != driverGPIO && c.Lane.Driver != driverModbus {
		return nil
	}
	if _, _, err := c.Turnstile.open(c.Lane.Driver); err != nil {
		return bad("turnstile", "%s", err)
	}
	return nil
}

// buildTurnstile opens the lane. Hardware that is not there yet is no error.
func (g *appliance) buildTurnstile(ctx context.Context) (err error) {
	if g.conf.Lane.Driver == driverSoftware {
		c := turnstile.Config{Now: g.now}
		if g.conf.Lane.Passage == "auto" {
			c.Script = turnstile.AutoPassage(g.conf.Lane.PassageDelay)
		}
		g.turnstile, err = turnstile.New(ctx, c)
		return err
	}
	t := &g.conf.Turnstile
	open, blind, err := t.open(g.conf.Lane.Driver)
	if err != nil {
		return err
	}
	g.turnstile, err = turnstile.NewWired(ctx, turnstile.WiresConfig{
		Open: open, Now: g.now, Logger: g.log.With(slog.String("lane", g.conf.Lane.Name)), Level: t.Mode == "level", Pulse: t.Pulse, Blind: blind,
	})
	return err
}
