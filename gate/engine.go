package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/con-ting/conting/gate/doctor"
	"github.com/con-ting/conting/gate/engine"
	"github.com/con-ting/conting/gate/panel"
	"github.com/con-ting/conting/sync/hint"
)

// line is the serial line of the configuration.
func (c *engineConfig) line() engine.Line {
	return engine.Line{Baud: c.Baud, DataBits: c.DataBits, Parity: c.Parity, StopBits: c.StopBits, Framing: engine.Framing(c.Framing)}
}

// scanEngine reports whether passes come from a scan engine.
func (c *config) scanEngine() bool {
	return c.Lane.Input == inputSerial || c.Lane.Input == inputWedge
}

// openEngine opens the scan engine of the configuration.
func openEngine(ctx context.Context, conf *config, log *slog.Logger, now func() time.Time) (*engine.Engine, error) {
	c := engine.Config{Logger: log, Now: now, Pause: conf.Engine.Pause}
	if conf.Lane.Input == inputWedge {
		return engine.OpenWedge(ctx, engine.Keyboard(conf.Engine.Device), c)
	}
	return engine.OpenSerial(ctx, conf.Engine.Device, conf.Engine.line(), c)
}

// readEngine feeds the lane from the scan engine until the context ends. A text
// waits for room in the lane as its holder does, and no longer than it is fresh.
func (g *appliance) readEngine(ctx context.Context) {
	for {
		t, err := g.engine.Next(ctx)
		if err != nil {
			return
		}
		if t.Hint != "" {
			g.log.WarnContext(ctx, "scan engine is not set up as it should be", slog.String("hint", t.Hint))
		}
		wait, cancel := context.WithTimeout(ctx, engine.Fresh)
		g.scan(wait, t.Text)
		late := wait.Err() != nil && ctx.Err() == nil
		cancel()
		if late {
			g.log.WarnContext(ctx, "lane had no room for a code")
		}
	}
}

// engineHealth is what /healthz says of the scan engine.
func engineHealth(s engine.Stats, now time.Time) panel.Check {
	c := panel.Check{Name: "engine", State: panel.StateReady, Note: "no code since the gate started"}
	if !s.LastText.IsZero() {
		c.Note = fmt.Sprintf("last code %s ago, %d in all", now.Sub(s.LastText).Round(time.Second), s.Texts)
	}
	if odd := s.Halves + s.Noise + s.Lost + s.Dropped; odd > 0 {
		c.Note += fmt.Sprintf("; %d halves, %d noise, %d lost, %d not taken in time", s.Halves, s.Noise, s.Lost, s.Dropped)
	}
	switch {
	case !s.Connected:
		c.State, c.Hint = panel.StateDown, "check the engine's plug and [engine] device"
		if h := hint.Of(s.LastError); h != "" {
			c.Hint = h
		}
	case s.Hint != "":
		c.State, c.Hint = panel.StateDegraded, s.Hint
	}
	return c
}

// tryEngine opens the scan engine and closes it again. It returns why it cannot be
// opened.
func (a *app) tryEngine(conf *config) func(context.Context) error {
	return func(ctx context.Context) (err error) {
		e, err := openEngine(ctx, conf, conf.logger(io.Discard), a.now)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, e.Close()) }()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			switch s := e.Stats(); {
			case s.Connected:
				return nil
			case s.LastError != nil:
				return s.LastError
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// heldDevice asks the running gate about a device, its scan engine or its turnstile,
// which nobody else can open meanwhile.
type heldDevice struct{ name, address string }

// Name returns the check's name.
func (h heldDevice) Name() string { return h.name }

// Look reads the gate's own check.
func (h heldDevice) Look(ctx context.Context) doctor.Finding {
	var report struct {
		Checks []panel.Check `json:"checks"`
	}
	body, err := getPanel(ctx, h.address, "/healthz")
	if err == nil {
		err = json.Unmarshal(body, &report)
	}
	i := slices.IndexFunc(report.Checks, func(c panel.Check) bool { return c.Name == h.name })
	if err != nil || i < 0 {
		return doctor.Finding{Level: doctor.Warn, Found: "the running gate holds it and does not say how it is", Advice: "stop the gate and run doctor again"}
	}
	c := report.Checks[i]
	switch c.State {
	case panel.StateReady:
		return doctor.Finding{Found: "the running gate has it: " + c.Note}
	case panel.StateDegraded:
		return doctor.Finding{Level: doctor.Warn, Found: "the running gate has it: " + c.Note, Advice: c.Hint}
	case panel.StateDown:
	}
	return doctor.Finding{Level: doctor.Fail, Found: "the running gate does not reach it: " + c.Note, Advice: c.Hint}
}
