package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/gate/panel"
	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/ticket"
)

// The values of lane.driver.
const (
	driverSoftware = "software"
	driverGPIO     = "gpio"
	driverModbus   = "modbus"
	driverOSDP     = "osdp"
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
	//
	// Of driver "osdp": /dev/serial/by-id/…, tcp://host:port of a serial server, or
	// unix:/path. Pins are outputs and contacts by number, and of no use for our own
	// controller, which knows what it is.
	URL    string        `toml:"url"`
	Unit   int           `toml:"unit"`   // slave address of driver "modbus", 1 to 247. Default 1.
	Baud   int           `toml:"baud"`   // of a serial line. Default 0: 19200 for modbus, 115200 for osdp.
	Parity string        `toml:"parity"` // of driver "modbus": none, even or odd. Default none.
	Poll   time.Duration `toml:"poll"`   // between looks at the inputs. Default 50ms.

	// Address is the device's of driver "osdp", 0 to 126. Default 0.
	Address int `toml:"address"`

	// SCBK is the file with the Secure Channel key of driver "osdp", which the device
	// has as well: 32 hex digits that only the gate's user can read. There is no other
	// way to talk to it. No default.
	SCBK string `toml:"scbk"`

	// FirmwareKey is the file with the public half of the key that signs images of our
	// controller, as its maker gives it: gate osdp update sends no others. No default.
	FirmwareKey string `toml:"firmware_key"`
}

// modbusBaud is the speed of a Modbus line where none is given.
const modbusBaud = 19200

func defaultTurnstile() turnstileConfig {
	return turnstileConfig{
		Mode: "pulse", Pulse: 200 * time.Millisecond, Chip: "gpiochip0", Debounce: 10 * time.Millisecond,
		Unit: 1, Parity: "none", Poll: 50 * time.Millisecond,
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
	baud := cmp.Or(c.Baud, modbusBaud)
	if c.Unit < 1 || c.Unit > 247 || baud < 1200 || baud > 115200 {
		return nil, blind, fmt.Errorf("unit %d at %d baud: want 1 to 247 at 1200 to 115200", c.Unit, baud)
	}
	open, err = turnstile.Modbus(turnstile.ModbusConfig{
		URL: c.URL, Unit: uint8(c.Unit), Baud: uint(baud), Parity: c.Parity, Poll: c.Poll, Wiring: w,
	})
	return open, w.Blind(), err
}

// checkTurnstile looks at what the driver needs.
func (c *config) checkTurnstile(bad func(key, format string, args ...any) error) error {
	if m := c.Turnstile.Mode; m != "pulse" && m != "level" {
		return bad("turnstile.mode", "%q, want pulse or level", m)
	}
	if k := c.Turnstile.FirmwareKey; k != "" && !filepath.IsAbs(k) {
		return bad("turnstile.firmware_key", "%q, want the path of a file", k)
	}
	switch c.Lane.Driver {
	case driverGPIO, driverModbus:
		if _, _, err := c.Turnstile.open(c.Lane.Driver); err != nil {
			return bad("turnstile", "%s", err)
		}
	case driverOSDP:
		if !filepath.IsAbs(c.Turnstile.SCBK) {
			return bad("turnstile.scbk", "%q, want the path of the key's file: gate osdp key makes one", c.Turnstile.SCBK)
		}
		o, err := c.Turnstile.osdp(nil)
		if err == nil {
			err = o.Check()
		}
		if err != nil {
			return bad("turnstile", "%s", err)
		}
	}
	return nil
}

// osdp is how a lane behind OSDP is opened; its key and log are left out.
func (c *turnstileConfig) osdp(now func() time.Time) (turnstile.OSDPConfig, error) {
	w, err := c.wiring()
	return turnstile.OSDPConfig{
		URL: c.URL, Baud: c.Baud, Address: c.Address, Poll: c.Poll, Wiring: w, Level: c.Mode == "level", Pulse: c.Pulse, Now: now,
	}, err
}

// driver is a turnstile that tells how it is.
type driver interface {
	turnstile.Lane
	Condition() turnstile.Condition
}

// buildTurnstile opens the lane. Hardware that is not there yet is no error.
func (g *appliance) buildTurnstile(ctx context.Context) error {
	d, err := openTurnstile(ctx, &g.conf, g.log.With(slog.String("lane", g.conf.Lane.Name)), g.now)
	if err == nil {
		g.turnstile = d
	}
	return err
}

func openTurnstile(ctx context.Context, conf *config, log *slog.Logger, now func() time.Time) (driver, error) {
	t := &conf.Turnstile
	switch conf.Lane.Driver {
	case driverSoftware:
		c := turnstile.Config{Now: now}
		if conf.Lane.Passage == "auto" {
			c.Script = turnstile.AutoPassage(conf.Lane.PassageDelay)
		}
		return turnstile.New(ctx, c)
	case driverOSDP:
		c, err := openOSDP(conf, log, now)
		if err != nil {
			return nil, err
		}
		return turnstile.NewOSDP(ctx, c)
	}
	open, blind, err := t.open(conf.Lane.Driver)
	if err != nil {
		return nil, err
	}
	return turnstile.NewWired(ctx, turnstile.WiresConfig{
		Open: open, Now: now, Logger: log, Level: t.Mode == "level", Pulse: t.Pulse, Blind: blind,
	})
}

// openOSDP is how the configuration's lane behind OSDP is opened, with its key.
func openOSDP(conf *config, log *slog.Logger, now func() time.Time) (turnstile.OSDPConfig, error) {
	c, err := conf.Turnstile.osdp(now)
	if err == nil {
		c.Key, err = readOSDPKey(conf.Turnstile.SCBK)
	}
	c.Logger = log
	return c, err
}

// turnstileHealth is what /healthz says of the turnstile.
func turnstileHealth(d driver) panel.Check {
	c := d.Condition()
	out := panel.Check{Name: "turnstile", State: panel.StateReady, Note: c.Word, Hint: c.Hint}
	if c.Note != "" {
		out.Note += ": " + c.Note
	}
	if !c.Serves() {
		out.State = panel.StateDown
	}
	if o, ok := d.(*turnstile.OSDP); ok {
		out.Detail = o.Stats()
	}
	return out
}

// lamp shows decisions at the lane itself, where the turnstile can.
type lamp struct {
	lane.Observer

	show func(turnstile.Signal)
}

// Decided shows a decision.
func (l lamp) Decided(r lane.Result) {
	l.Observer.Decided(r)
	switch r.Verdict.Outcome {
	case ticket.Admit:
		l.show(turnstile.Welcome)
	case ticket.Refuse:
		l.show(turnstile.Refused)
	case ticket.Refer:
		l.show(turnstile.Look)
	}
}

// tryLimit is how long a turnstile may take to say how it is.
const tryLimit = 4 * time.Second

// tryTurnstile opens the turnstile, waits until it serves or has had its time, and
// closes it again.
func (a *app) tryTurnstile(conf *config) func(context.Context) (found, hint string, err error) {
	return func(ctx context.Context) (string, string, error) {
		d, err := openTurnstile(ctx, conf, conf.logger(io.Discard), a.now)
		if err != nil {
			return "", "", err
		}
		c := settled(ctx, d)
		if err := closeTurnstile(d); err != nil {
			return "", "", err
		}
		found := c.Word
		if c.Note != "" {
			found += ": " + c.Note
		}
		return found, c.Hint, nil
	}
}

// settled is how a turnstile is once it serves, or after tryLimit.
func settled(ctx context.Context, d driver) turnstile.Condition {
	ctx, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		c := d.Condition()
		if c.Serves() {
			return c
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return c
		}
	}
}
