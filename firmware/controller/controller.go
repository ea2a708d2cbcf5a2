package controller

import (
	"github.com/con-ting/conting/firmware/keep"
	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/firmware/update"
)

// Pins are a board's clock and wires.
type Pins interface {
	// Now is milliseconds of a clock that wraps and never runs backwards.
	Now() uint32

	// Inputs are the levels of the inputs, by bit.
	Inputs() uint16

	// Drive sets the levels of the outputs, by bit.
	Drive(outputs uint8)
}

// Line is a board's serial line.
type Line interface {
	// Receive takes the next byte that has come; ok is false when none has.
	Receive() (b byte, ok bool)

	// Send takes a packet and returns at once; what does not fit is not sent.
	Send(packet []byte) bool

	// Sending is true until the last bit of what was sent has left.
	Sending() bool

	// SetBaud sets the speed; only called while nothing is being sent.
	SetBaud(baud uint32)
}

// What ID tells.
const (
	model, revision = 1, 1

	// BuiltIn is the version of an image that no slot of flash knows: 0.1.0.
	BuiltIn = 0x000100
)

// DefaultBaud is the line's speed where the settings name none that works.
const DefaultBaud = 115200

// Controller is one lane's controller. Its zero value holds nobody and answers
// nobody; call Start first.
type Controller struct {
	lane  lane.Lane
	pd    osdp.PD
	store keep.Store

	sent     uint32      // the newest event that this channel brought for sure
	offered  uint32      // the event in the last reply
	offering bool        // there was one
	told     lane.Inputs // what the panel knows of the inputs
	baud     uint32      // to be set once the line is quiet; 0 for none
	images   images
}

// Start reads the settings and sets everything up, as after a reset. It returns
// the speed of the line.
func (c *Controller) Start(now uint32, m keep.Memory, why lane.Reason) (baud uint32) {
	return c.StartImage(now, m, why, Image{})
}

// StartImage is Start for a board that can replace its image, or says which
// version it runs.
func (c *Controller) StartImage(now uint32, m keep.Memory, why lane.Reason, image Image) (baud uint32) {
	*c = Controller{told: lane.AllWell}
	c.images = images{Images: image.Images, since: now}
	ok := c.store.Open(m)
	s := &c.store.Settings
	c.lane.Start(now, lane.Config{
		Modes:         [2]lane.Mode{lane.Mode(s.Modes[0]), lane.Mode(s.Modes[1])},
		Boot:          c.store.Boot(),
		Reason:        why,
		ManualRestore: s.ManualRestore, FreeOnPowerFail: s.FreeOnPowerFail,
	})
	if !ok {
		return DefaultBaud
	}
	cfg := osdp.PDConfig{
		Address: s.Address, Key: s.Key, Nonce: &c.store,
		ID: osdp.Identity{
			Vendor: [3]byte{osdp.Vendor[0], osdp.Vendor[1], osdp.Vendor[2]}, Model: model, Version: revision,
			Serial: s.Serial,
		},
	}
	if image.Version == 0 {
		image.Version = BuiltIn
	}
	cfg.ID.PutVersion(image.Version)
	for _, r := range [...]osdp.Capability{
		{Function: osdp.CapInputs, Level: 1, Items: contacts},
		{Function: osdp.CapOutputs, Level: 3, Items: ways},
		{Function: osdp.CapLED, Level: 2, Items: 1},
		{Function: osdp.CapAudible, Level: 2, Items: 1},
		{Function: osdp.CapCheck, Level: 1},
		{Function: osdp.CapSecurity, Level: 1},
		{Function: osdp.CapReceiveBuffer, Level: osdp.MaxFrame & 0xFF, Items: osdp.MaxFrame >> 8},
		{Function: osdp.CapReaders, Items: ways},
		{Function: osdp.CapVersion, Level: 2},
	} {
		cfg.Caps[cfg.CapsLen] = r
		cfg.CapsLen++
	}
	c.pd.Init(&cfg) // false: it stays mute
	if !speed(s.Baud) {
		return DefaultBaud
	}
	return s.Baud
}

// Turn is one turn of the main loop: the lane first, then at most one packet. It
// reports whether there is more to do at once; otherwise the loop may sleep
// until a pin moves, a byte comes or 2 ms are over.
func (c *Controller) Turn(p Pins, l Line) (busy bool) {
	now := p.Now()
	p.Drive(uint8(c.lane.Step(now, lane.Inputs(p.Inputs()&inputMask)))) // #nosec G115 -- masked
	if c.baud != 0 && !l.Sending() {
		l.SetBaud(c.baud)
		c.baud = 0
	}
	a, more := osdp.Wait, true
	for range maxBytes {
		var b byte
		if b, more = l.Receive(); !more {
			break
		}
		if a = c.pd.Feed(now, b); a != osdp.Wait {
			break
		}
	}
	if a == osdp.Wait {
		a = c.pd.Tick(now)
	}
	if a == osdp.Handle {
		a = c.handle(now)
	}
	if a == osdp.Send {
		l.Send(c.pd.Out())
	}
	for {
		n, ok := c.pd.Notice()
		if !ok {
			break
		}
		if n.Kind == osdp.Secured { // another channel, perhaps another panel
			c.sent, c.offering, c.told = 0, false, lane.AllWell
			if c.images.coming && c.images.answer != update.Checking {
				c.images.drop()
			}
		}
	}
	c.upkeep(now, l)
	return more || a != osdp.Wait || l.Sending()
}

// Lane is the lane, for a board that shows or tests it.
func (c *Controller) Lane() *lane.Lane { return &c.lane }

const (
	inputMask = 0x7F

	// maxBytes is what one turn takes off the line at most: a line that never
	// falls silent must not keep the lane waiting.
	maxBytes = 64
)

// speed reports whether a line can run at that speed.
func speed(baud uint32) bool {
	switch baud {
	case 9600, 19200, 38400, 57600, 115200, 230400:
		return true
	}
	return false
}
