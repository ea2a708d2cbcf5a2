package turnstile

import (
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/con-ting/conting/firmware/osdp"
)

// ErrKey is wrapped by errors about a Secure Channel base key.
var ErrKey = errors.New("not a Secure Channel key that may be used")

// OSDPKey is a Secure Channel base key (SCBK).
type OSDPKey [16]byte

// ParseOSDPKey reads 32 hex digits. The default key that every manual prints, and
// one of zeros, are refused. Errors wrap [ErrKey] and never hold the text.
func ParseOSDPKey(text string) (k OSDPKey, err error) {
	raw, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != len(k) {
		return k, fmt.Errorf("%w: want 32 hex digits", ErrKey)
	}
	copy(k[:], raw)
	if !k.usable() {
		return OSDPKey{}, fmt.Errorf("%w: it is the default key, or zero", ErrKey)
	}
	return k, nil
}

func (k OSDPKey) usable() bool {
	cfg := osdp.CPConfig{Key: k, Nonce: nonces{}}
	return k != OSDPKey{} && new(osdp.CP).Init(&cfg)
}

// String hides the key.
func (OSDPKey) String() string { return "(a key)" }

// OSDPConfig is a lane behind an OSDP device (IEC 60839-11-5): our controller, or
// any I/O module with outputs and contacts. Which of them it is, it says itself,
// inside Secure Channel; see [NewOSDP].
type OSDPConfig struct {
	// URL is where the line is: /dev/serial/by-id/… for a serial line (8N1),
	// tcp://host:port for a serial server, unix:PATH for a socket. Required.
	URL string

	Baud    int           // of the line, 9,600 to 230,400; zero means 115,200
	Address int           // of the device, 0 to 126; [ProbeOSDP] takes 127, for any
	Key     OSDPKey       // required, but for [ProbeOSDP]
	Poll    time.Duration // between polls, 10 ms to 1 s; zero means 50 ms

	Now    func() time.Time // stamps events, and measures time. Required.
	Logger *slog.Logger     // Required.

	// Queue is how many accepted grants may wait behind the armed one: 0 to 3, as
	// our controller holds four. Zero means 2.
	Queue int

	// The rest is for an I/O module. Pins are its outputs and contacts, by number;
	// Level and Pulse are as in [WiresConfig].
	Wiring Wiring
	Level  bool
	Pulse  time.Duration

	open opener // in place of URL
}

// Bounds of OSDP.
const (
	osdpBaud    = 115200
	osdpPoll    = 50 * time.Millisecond
	osdpPause   = 50 // ms of silence inside a packet: a serial server's network stutters
	osdpQueue   = 3
	osdpAddress = 126
	osdpAnyone  = 127 // whoever is there: for a line with one device, and only to ask who it is

	// osdpLost is for how long nothing authentic may come before the link counts as
	// lost, in ms. Our controller revokes what nobody used after the same time, so that
	// both ends give a grant up together.
	osdpLost = 8000

	// jamTime is how long somebody may stand in our controller's rotor, and settling
	// how much longer the end of their grant may take.
	jamTime  = 30 * time.Second
	settling = 5 * time.Second
)

// Check reports what no lane can be like, but for the key, the clock and the log.
func (c OSDPConfig) Check() error {
	c.Logger, c.Now = slog.New(slog.DiscardHandler), func() time.Time { return time.Time{} }
	c, err := c.check()
	if err == nil && c.Address > osdpAddress {
		err = fmt.Errorf("%w: address %d is no one device's", ErrLine, c.Address)
	}
	return err
}

// check fills in defaults.
func (c OSDPConfig) check() (OSDPConfig, error) {
	if c.Baud == 0 {
		c.Baud = osdpBaud
	}
	if c.Poll == 0 {
		c.Poll = osdpPoll
	}
	if c.Queue == 0 {
		c.Queue = 2
	}
	if c.Pulse == 0 {
		c.Pulse = defaultPulse
	}
	switch {
	case c.Now == nil || c.Logger == nil:
		return c, errors.New("osdp lane needs Now and Logger")
	case c.Baud < 9600 || c.Baud > 230400:
		return c, fmt.Errorf("%w: %d baud, want 9600 to 230400", ErrLine, c.Baud)
	case c.Address < 0 || c.Address > osdpAnyone:
		return c, fmt.Errorf("%w: address %d, want 0 to %d", ErrLine, c.Address, osdpAddress)
	case c.Poll < 10*time.Millisecond || c.Poll > time.Second:
		return c, fmt.Errorf("%w: poll of %s, want 10 ms to 1 s", ErrLine, c.Poll)
	case c.Queue < 0 || c.Queue > osdpQueue:
		return c, fmt.Errorf("osdp lane: the queue holds 0 to %d", osdpQueue)
	}
	if c.wired() {
		if err := c.checkModule(); err != nil {
			return c, err
		}
	}
	if c.open == nil {
		var err error
		if c.open, err = parseLine(c.URL, c.Baud, c.Now); err != nil {
			return c, err
		}
	}
	return c, nil
}

// checkModule looks at the pins of an I/O module.
func (c OSDPConfig) checkModule() error {
	if err := c.Wiring.check(); err != nil {
		return err
	}
	if c.Pulse != 0 && (c.Pulse < minPulse || c.Pulse > maxPulse) {
		return errors.New("osdp lane: a pulse lasts 100 ms to 2 s")
	}
	for _, p := range []Pin{c.Wiring.Unlock[In], c.Wiring.Unlock[Out], c.Wiring.Passed[In], c.Wiring.Passed[Out], c.Wiring.Ready, c.Wiring.Alarm, c.Wiring.Fire} {
		if p.Line > 0xFF {
			return fmt.Errorf("%w: a device has no output or contact %d", ErrWiring, p.Line)
		}
	}
	return nil
}

// wired reports whether any pin of an I/O module is named.
func (c OSDPConfig) wired() bool { return c.Wiring != Wiring{} }

// panel is how the panel talks to the device.
func (c OSDPConfig) panel() *osdp.CPConfig {
	return &osdp.CPConfig{
		Address: byte(c.Address), Key: c.Key, Baud: uint32(c.Baud), //nolint:gosec // check's bounds
		PollMS: uint32(c.Poll.Milliseconds()), CharMS: osdpPause, OfflineMS: osdpLost, //nolint:gosec // check's bounds
	}
}
