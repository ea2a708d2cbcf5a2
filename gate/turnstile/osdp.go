package turnstile

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/sync/hint"
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

// OSDP is a lane behind an OSDP device. It is safe for concurrent use. The line is
// not trusted: nothing is believed, and nothing asked for, outside Secure Channel.
//
// Of our controller it believes every event, in its order, and confirms it once the
// lane's reader has it: what happened while the line was cut is told when it is
// back. A link that is silent for eight seconds is lost: outstanding grants end
// with [Fault] then, because nobody can tell whether somebody went through, and none
// is accepted until [Ready]. A grant is refused with [ErrFault] at once while the
// link is lost.
//
// An I/O module is driven as [Wired]: output code 5 (on, for a time) opens, so that
// it locks again by itself, and contacts tell what happened.
type OSDP struct {
	cfg    OSDPConfig
	feed   *feed
	bus    *bus
	stop   context.CancelFunc
	once   sync.Once
	module atomic.Pointer[Wired] // set for good when the device is an I/O module

	shown chan Signal // cap 1: to be shown

	mu    sync.Mutex // guards stats
	stats OSDPStats

	// The rest belongs to the goroutine of the bus.
	reports reports
	kind    deviceKind
	serial  uint32
	usable  bool // it is known what the device is and how it is
	link    link

	// of our controller
	salt     uint32 // of the numbers of grants on the line
	boot     uint16
	begun    bool // boot and sequence are known
	sequence osdp.Sequence
	newest   uint32 // number of the last event that was taken
	reportMS uint32 // the controller's clock in its last report
	reportAt time.Time
	marks    []mark // events that are not confirmed
	confirms bool   // a Confirm is under way
	deaf     bool   // an event found no room: it will be asked for again
	audit    *audit
	orders   []*order // not answered; the first may be under way
	waiting  []held   // accepted
	stuck    Kind     // Fault, Jam or Free while the lane cannot serve, else 0
	forced   bool
	closing  bool

	contacts *contacts // of an I/O module
	signals  []frame
	showing  bool // one of them is under way
}

var _ Lane = (*OSDP)(nil)

// NewOSDP starts a lane. A device that does not answer yet is no error. The context
// bounds nothing but the start; Close ends the lane. Errors wrap [ErrLine],
// [ErrWiring] or [ErrKey].
//
// A device that says it is ours (vendor 02 43 54, model 1) is driven by
// firmware/osdp's vendor commands; any other by output and contact numbers, and
// only when Wiring names them. Which it is stays so until the lane is closed.
func NewOSDP(ctx context.Context, cfg OSDPConfig) (*OSDP, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	if cfg.Address > osdpAddress {
		return nil, fmt.Errorf("%w: address %d is no one device's", ErrLine, cfg.Address)
	}
	if !cfg.Key.usable() {
		return nil, hint.Errorf("gate osdp key --new FILE makes one, and the device must have the same", "osdp lane: %w", ErrKey)
	}
	o := &OSDP{cfg: cfg, shown: make(chan Signal, 1)}
	var salt [4]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return nil, err
	}
	o.salt = binary.BigEndian.Uint32(salt[:])
	if o.bus = newBus(cfg.open, cfg.panel(), cfg.Now); o.bus == nil {
		return nil, fmt.Errorf("%w: no panel can be like that", ErrLine)
	}
	o.feed = newToldFeed(cfg.Now, o.bus.stir)
	o.reports = reports{now: cfg.Now, last: map[string]said{}}
	o.bus.secured, o.bus.polled, o.bus.noticed, o.bus.pump, o.bus.ended = o.secured, o.polled, o.noticed, o.pump, o.ended
	ctx, o.stop = context.WithCancel(context.WithoutCancel(ctx))
	go o.bus.run(ctx)
	return o, nil
}

// Events returns the lane's events.
func (o *OSDP) Events() <-chan Event { return o.feed.events }

// Close takes back what nobody has used, ends outstanding grants with [Fault] and
// closes the event channel once the reader has taken what was left, or has gone.
func (o *OSDP) Close() error {
	o.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), wireTimeout)
		defer cancel()
		back := make(chan struct{})
		if o.bus.post(ctx, func() { o.takeBack(func() { close(back) }) }) {
			select {
			case <-back:
			case <-ctx.Done():
			}
		}
		if w := o.module.Load(); w != nil {
			w.end()
		}
		o.stop()
		<-o.bus.gone
		if w := o.module.Load(); w != nil {
			w.end() // one that told its contacts in the last moment
		}
		o.feed.close()
	})
	return nil
}

// takeBack revokes everything that the device still holds, and calls done.
func (o *OSDP) takeBack(done func()) {
	o.closing = true
	if o.kind != controller || !o.usable || len(o.waiting) == 0 && len(o.orders) == 0 {
		done()
		return
	}
	if !o.order(osdp.Order{Op: opRevoke}, func(*osdp.Reply) { done() }) {
		done()
	}
}

// ended is the last that the bus does.
func (o *OSDP) ended() {
	for _, a := range o.orders {
		a.refuse(ErrClosed, "")
	}
	o.orders = nil
	for _, h := range o.waiting {
		o.feed.emit(h.grant.ID, Fault)
	}
	o.waiting = nil
	if o.contacts != nil {
		o.contacts.fail(ErrClosed)
	}
}
