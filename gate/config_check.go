package main

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/con-ting/conting/gate/engine"
	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/settings"
)

// check reports the first value that no gate could work with.
func (c *config) check() error {
	bad := func(key, format string, args ...any) error {
		return hint.Errorf("", "%s: %s: %w", key, fmt.Sprintf(format, args...), settings.ErrBad)
	}
	one := func(key, got string, of ...string) error {
		if !slices.Contains(of, got) {
			return bad(key, "%q, want %s", got, strings.Join(of, " or "))
		}
		return nil
	}
	between := func(key string, got, least, most time.Duration) error {
		if got < least || got > most {
			return bad(key, "%s, want %s to %s", got, least, most)
		}
		return nil
	}
	if !filepath.IsAbs(c.DataDir) {
		return bad("data_dir", "%q is not an absolute path", c.DataDir)
	}
	if c.Lane.Name == "" || len(c.Lane.Name) > 32 {
		return bad("lane.name", "want 1 to 32 bytes")
	}
	if err := c.Camera.check(bad); err != nil {
		return err
	}
	if _, _, err := net.SplitHostPort(c.Panel.Listen); err != nil {
		return bad("panel.listen", "%s", err)
	}
	if c.Lane.Staff && !c.Lane.Challenge {
		return bad("lane.staff", "a presentation answers a nonce: want lane.challenge = true")
	}
	if c.Lane.Staff && !loopback(c.Panel.Listen) {
		return bad("panel.listen", "%q; the panel of a staff lane takes orders: want 127.0.0.1 or [::1]", c.Panel.Listen)
	}
	if err := c.checkEngine(bad); err != nil {
		return err
	}
	if err := c.checkTurnstile(bad); err != nil {
		return err
	}
	if len(c.Uplink.Brokers) > 4 {
		return bad("uplink.broker", "%d of them, want at most 4", len(c.Uplink.Brokers))
	}
	for _, b := range c.Uplink.Brokers {
		if err := one("uplink.broker.name", b.Name, "hub", "central"); err != nil {
			return err
		}
		if u, err := url.Parse(b.URL); err != nil || u.Scheme != "tls" || u.Hostname() == "" || u.Port() == "" {
			return bad("uplink.broker.url", "%q is not tls://host:port", b.URL)
		}
	}
	if c.Uplink.KeepAlive%time.Second != 0 {
		return bad("uplink.keep_alive", "%s, want whole seconds", c.Uplink.KeepAlive)
	}
	return firstError(
		one("log.level", c.Log.Level, "debug", "info", "warn", "error"),
		one("log.format", c.Log.Format, "text", "json"),
		one("lane.input", c.Lane.Input, inputCamera, inputSerial, inputWedge, inputStdin),
		one("lane.driver", c.Lane.Driver, driverSoftware, driverGPIO, driverModbus, driverOSDP),
		one("lane.passage", c.Lane.Passage, "auto", "none"),
		one("panel.language", c.Panel.Language, "ko", "en"),
		between("camera.decode_budget", c.Camera.DecodeBudget, time.Millisecond, 10*time.Second),
		between("engine.pause", c.Engine.Pause, time.Millisecond, 10*time.Second),
		between("lane.passage_delay", c.Lane.PassageDelay, 0, turnstile.MaxTimeout),
		between("lane.grant_timeout", c.Lane.GrantTimeout, 100*time.Millisecond, turnstile.MaxTimeout),
		between("clock.uncertainty", c.Clock.Uncertainty, time.Millisecond, 24*time.Hour),
		between("uplink.keep_alive", c.Uplink.KeepAlive, time.Second, 5*time.Minute),
		between("uplink.degrade_after", c.Uplink.DegradeAfter, 10*time.Millisecond, 5*time.Minute),
		between("uplink.restore_after", c.Uplink.RestoreAfter, 10*time.Millisecond, 5*time.Minute),
		between("uplink.stale_after", c.Uplink.StaleAfter, time.Second, 24*time.Hour),
	)
}

// checkEngine looks at the scan engine's keys, whether or not there is one.
func (c *config) checkEngine(bad func(key, format string, args ...any) error) error {
	if err := c.Engine.line().Check(); err != nil {
		return bad("engine", "%s", err)
	}
	switch {
	case !c.scanEngine():
		return nil
	case c.Engine.Device == "":
		return bad("engine.device", "lane.input = %q needs one", c.Lane.Input)
	case c.Lane.Input == inputSerial && !strings.HasPrefix(c.Engine.Device, "/"):
		return bad("engine.device", "%q, want a path like /dev/serial/by-id/…", c.Engine.Device)
	case c.Lane.Input == inputWedge:
		if err := engine.Keyboard(c.Engine.Device).Check(); err != nil {
			return bad("engine.device", "%s", err)
		}
	}
	return nil
}

// loopback reports whether an address is reached from this machine only.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
