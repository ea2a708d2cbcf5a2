package turnstile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/con-ting/conting/firmware/osdp"
)

// contacts is an I/O module's outputs and contacts, as [Wires].
type contacts struct {
	bus *bus
	cfg *OSDPConfig

	// The bus owns these.
	next  time.Time // when the contacts are asked for again
	asked bool      // they are being asked for
	away  time.Time // since when the module is away; zero while it is not
	begin func()    // called once, when the contacts are known

	mu     sync.Mutex // guards all below
	in     Inputs
	known  bool
	cause  error         // why it is not
	change chan struct{} // closed at the next change
}

// look is how often a module is asked for its contacts, which it also tells in answer
// to polls where it is good at it.
const look = time.Second

// blink is for how long a module may be away before what its contacts did meanwhile
// counts as missed: a contact's pulse lasts no shorter than that.
const blink = 100 * time.Millisecond

var _ timed = (*contacts)(nil)

// meet is called when an I/O module is at the other end.
func (o *OSDP) meet() {
	if o.contacts == nil {
		o.contacts = &contacts{bus: o.bus, cfg: &o.cfg, cause: errAway, change: make(chan struct{})}
		o.contacts.begin = func() {
			o.ready()
			o.module.Store(newWired(context.Background(), WiresConfig{
				Open: o.contacts.open, Now: o.cfg.Now, Logger: o.cfg.Logger, Level: o.cfg.Level, Pulse: o.cfg.Pulse,
				Blind: o.cfg.Wiring.Blind(), Queue: o.cfg.Queue,
			}, o.feed))
		}
	}
	o.usable, o.link.lost = true, false
	o.contacts.asked = false
	o.contacts.next = time.Time{}
	if len(o.cfg.Wiring.inputs()) == 0 {
		o.contacts.take(Inputs{})
	}
}

// open is WiresConfig.Open.
func (c *contacts) open(context.Context) (Wires, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		return nil, c.cause
	}
	return c, nil
}

// polled takes what the module answered to a poll.
func (c *contacts) polled(r *osdp.Reply) {
	if r.Code != osdp.ReplyIStat {
		return
	}
	levels := r.Data
	c.take(c.cfg.Wiring.read(func(line int) bool { return line < len(levels) && levels[line] != 0 }))
}

func (c *contacts) take(in Inputs) {
	c.mu.Lock()
	if !c.known || c.in != in {
		c.in, c.known = in, true
		c.stirred()
	}
	c.mu.Unlock()
	if c.begin != nil {
		c.begin()
		c.begin = nil
	}
}

// fail ends who watches.
func (c *contacts) fail(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known {
		c.known, c.cause = false, why
		c.stirred()
	}
}

func (c *contacts) stirred() {
	close(c.change)
	c.change = make(chan struct{})
}

// pump asks for the contacts when that is due.
func (c *contacts) pump(usable bool) time.Duration {
	now := c.cfg.Now()
	switch {
	case usable:
		c.away = time.Time{}
	case c.away.IsZero():
		c.away = now
		return blink
	case now.Sub(c.away) >= blink:
		c.fail(errAway)
		return idleTurn
	default:
		return c.away.Add(blink).Sub(now)
	}
	if c.asked || len(c.cfg.Wiring.inputs()) == 0 {
		return idleTurn
	}
	if wait := c.next.Sub(now); wait > 0 {
		return wait
	}
	c.next = now.Add(look)
	c.asked = c.bus.submit(osdp.CmdIStat, nil, func(r *osdp.Reply) {
		c.asked = false
		switch {
		case r.Fault != osdp.FaultNone:
		case r.Code == osdp.ReplyNak:
			c.fail(errNoModule)
			c.cfg.Logger.WarnContext(context.Background(), "the module at the lane has no contacts to tell", slog.Int("code", int(r.Code)))
		default:
			c.polled(r)
		}
	})
	return look
}

// Watch tells the contacts; see [Wires].
func (c *contacts) Watch(ctx context.Context, see func(Inputs)) error {
	for told, last := false, (Inputs{}); ; {
		c.mu.Lock()
		in, known, cause, change := c.in, c.known, c.cause, c.change
		c.mu.Unlock()
		if !known {
			return cause
		}
		if !told || in != last {
			told, last = true, in
			see(in)
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// UnlockFor has the module energise an output for a time.
func (c *contacts) UnlockFor(ctx context.Context, d Direction, window time.Duration) error {
	code := [2]osdp.OutputCode{osdp.OutputOnTemporarily, osdp.OutputOffTemporarily}
	const tick = 100 * time.Millisecond
	return c.output(ctx, d, code, uint16((window+tick-1)/tick)) //nolint:gosec // at most 61 s
}

// Unlock switches an output; see [Wires].
func (c *contacts) Unlock(ctx context.Context, d Direction, on bool) error {
	code := [2]osdp.OutputCode{osdp.OutputOff, osdp.OutputOn}
	if on {
		code[0], code[1] = code[1], code[0]
	}
	if !on && !c.cfg.Wiring.Unlock[d].Wired {
		return nil // what is not wired is off
	}
	err := c.output(ctx, d, code, 0)
	if !on && err != nil && !errors.Is(err, errNoModule) {
		return nil // it was energised for a time: it is released without us, or was
	}
	return err
}

// output sends OUT with the first code, or the second for an inverted pin.
func (c *contacts) output(ctx context.Context, d Direction, code [2]osdp.OutputCode, time uint16) error {
	pin, err := c.cfg.Wiring.output(d)
	if err != nil {
		return err
	}
	cmd := osdp.Output{Number: byte(pin.Line), Code: code[0], Time: time} //nolint:gosec // checkModule's bound
	if pin.Inverted {
		cmd.Code = code[1]
	}
	answer := make(chan error, 1)
	ask := func() {
		var d [osdp.MaxData]byte
		if !c.bus.submit(osdp.CmdOut, d[:cmd.Put(d[:])], func(r *osdp.Reply) { answer <- outputOutcome(r) }) {
			answer <- errAway
		}
	}
	if !c.bus.post(ctx, ask) {
		return errAway
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrInDoubt, ctx.Err())
	case <-c.bus.gone:
		return ErrInDoubt
	}
}

// outputOutcome is what became of OUT.
func outputOutcome(r *osdp.Reply) error {
	switch {
	case r.Fault == osdp.FaultLost:
		return fmt.Errorf("%w: the link was lost", ErrInDoubt)
	case r.Fault != osdp.FaultNone:
		return errAway
	case r.Code == osdp.ReplyNak:
		return errNoModule
	}
	return nil
}

// Close does nothing: the line stays.
func (c *contacts) Close() error { return nil }
