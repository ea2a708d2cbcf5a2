package turnstile

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/sync/hint"
)

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
