package turnstile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
)

const (
	opGrant  = byte(lane.GrantOne)
	opRevoke = byte(lane.RevokeOne)
)

// order is a grant on its way to the controller. All but answer belongs to the
// goroutine of the bus.
type order struct {
	grant  Grant
	wire   uint32     // its number on the line
	answer chan error // cap 1

	answered bool   // nobody waits any more: what may have been granted is taken back
	under    bool   // it is being sent
	left     bool   // it may have reached the controller
	boot     uint16 // the controller's life in which it did
}

// held is a grant that the controller has accepted.
type held struct {
	grant Grant
	wire  uint32
	until time.Time // when its end is no longer awaited
	armed bool      // told
}

// settle answers whoever waits, once.
func (a *order) settle(err error) {
	if !a.answered {
		a.answered = true
		a.answer <- err
	}
}

// refuse says that it did not and will not open, unless it may have.
func (a *order) refuse(err error, why string) {
	if a.left {
		err, why = ErrInDoubt, "no answer came"
	}
	if why != "" {
		why += ": "
	}
	a.settle(fmt.Errorf("grant %d: %s%w", a.grant.ID, why, err))
}

// Grant accepts a passage; see [Lane]. A command whose answer was lost is given
// again once Secure Channel is back: our controller knows the grant and opens
// once. When ctx ends before the answer is known, the grant is in doubt and will be
// taken back.
func (o *OSDP) Grant(ctx context.Context, g Grant) error {
	g, err := g.check()
	if err != nil {
		return err
	}
	if w := o.module.Load(); w != nil {
		return w.Grant(ctx, g)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("grant %d: %w", g.ID, err)
	}
	a := &order{grant: g, wire: uint32(g.ID) ^ o.salt, answer: make(chan error, 1)} //nolint:gosec // the low half: four thousand million grants are enough
	if a.wire == 0 {
		a.wire = ^a.wire // zero is anonymous
	}
	if !o.bus.post(ctx, func() { o.accept(a) }) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("grant %d: %w", g.ID, err)
		}
		return fmt.Errorf("grant %d: %w", g.ID, ErrClosed)
	}
	select {
	case err := <-a.answer:
		return err
	case <-ctx.Done():
		o.bus.post(context.WithoutCancel(ctx), func() { o.withdraw(a, ctx.Err()) })
		return <-a.answer // of withdraw, of what came before it, or of the lane's end
	}
}

// accept puts an order into the queue, or refuses it.
func (o *OSDP) accept(a *order) {
	same := func(id uint64) bool { return id == a.grant.ID }
	switch {
	case o.closing:
		a.refuse(ErrClosed, "")
	case o.stuck != 0:
		a.refuse(ErrFault, "the turnstile reports "+o.stuck.String())
	case o.link.lost || o.kind == unknownDevice:
		a.refuse(ErrFault, o.link.why())
	case o.kind == strangeDevice:
		a.refuse(ErrFault, "the device is none that we can drive")
	case o.kind == module:
		a.refuse(ErrFault, "the turnstile has only just said what it is")
	case len(o.waiting)+len(o.orders) > o.cfg.Queue:
		a.refuse(ErrBusy, fmt.Sprintf("%d are waiting", len(o.waiting)))
	case o.deaf || o.feed.full():
		a.refuse(ErrBusy, "nobody reads the lane's events")
	case slices.ContainsFunc(o.waiting, func(h held) bool { return same(h.grant.ID) }),
		slices.ContainsFunc(o.orders, func(b *order) bool { return same(b.grant.ID) }):
		a.refuse(ErrInvalid, "given twice")
	default:
		o.orders = append(o.orders, a)
	}
}

// withdraw ends an order that nobody waits for any more.
func (o *OSDP) withdraw(a *order, why error) {
	if a.answered {
		return
	}
	if a.left || a.under {
		a.settle(fmt.Errorf("grant %d: %w: %w", a.grant.ID, ErrInDoubt, why))
		return // it stays, to be taken back
	}
	a.settle(fmt.Errorf("grant %d: it was not sent: %w: %w", a.grant.ID, ErrFault, why))
	o.drop(a)
}

func (o *OSDP) drop(a *order) {
	o.orders = slices.DeleteFunc(o.orders, func(b *order) bool { return b == a })
}

// order submits an order; then is called once if it returns true.
func (o *OSDP) order(c osdp.Order, then outcome) bool {
	var d [osdp.MaxData]byte
	return o.bus.submit(osdp.CmdMfg, d[:c.Put(d[:])], then)
}

// sendOrder sends the first order, or takes back the grant of one that nobody
// waits for.
func (o *OSDP) sendOrder() {
	for o.usable && len(o.orders) > 0 && !o.orders[0].under {
		a := o.orders[0]
		if a.left && a.boot != o.boot {
			a.refuse(ErrInDoubt, "") // the controller that may have opened has restarted
			o.drop(a)
			continue
		}
		c := osdp.Order{Op: opGrant, Way: byte(a.grant.Direction), Grant: a.wire, MS: window(a.grant.Timeout)}
		if a.answered {
			c = osdp.Order{Op: opRevoke, Grant: a.wire}
		}
		before := a.left
		if !o.order(c, func(r *osdp.Reply) { o.ordered(a, c.Op, before, r) }) {
			return
		}
		a.under, a.left, a.boot = true, true, o.boot
	}
}

// window is a time-out as our controller takes it.
func window(d time.Duration) uint32 {
	return min(max(uint32(d.Milliseconds()), lane.MinGrantMS), lane.MaxGrantMS) //nolint:gosec // check's bound
}

// ordered takes what became of an order that was sent. before says that it may have
// been sent earlier, too.
func (o *OSDP) ordered(a *order, op byte, before bool, r *osdp.Reply) {
	a.under = false
	switch r.Fault {
	case osdp.FaultLost:
		return // it is sent again
	case osdp.FaultUnsent:
		a.left = before
		if a.answered && !before {
			o.drop(a)
		}
		return
	case osdp.FaultNone:
	}
	if !slices.Contains(o.orders, a) {
		return // an event was faster
	}
	if op == opRevoke {
		o.drop(a)
		return
	}
	var out osdp.Outcome
	switch {
	case r.Code == osdp.ReplyNak:
		a.left = before
		a.refuse(ErrFault, "the turnstile refuses the command")
	case r.Code != osdp.ReplyMfg || !out.Take(r.Data) || out.Op != op || out.Grant != a.wire:
		a.refuse(ErrInDoubt, "")
		return // to be taken back
	default:
		o.judged(a, lane.Answer(out.Answer), before)
		return
	}
	o.drop(a)
}

// judged takes the controller's answer to an order.
func (o *OSDP) judged(a *order, answer lane.Answer, before bool) {
	if answer == lane.Accepted || answer == lane.Duplicate && before {
		o.hold(a)
		return
	}
	a.left = false // the controller knows its last grants: it never took this one
	switch answer {
	case lane.Busy:
		a.refuse(ErrBusy, "the turnstile holds as many grants as it can")
	case lane.Invalid, lane.Duplicate:
		a.refuse(ErrInvalid, "the turnstile calls it "+answer.String())
	case lane.Refused, lane.Accepted:
		a.refuse(ErrFault, "the turnstile does not take grants now, it says")
	default:
		a.refuse(ErrFault, "the turnstile answers what we do not know")
	}
	o.drop(a)
}

// hold takes an order over as accepted. One that nobody waits for is taken back
// instead.
func (o *OSDP) hold(a *order) {
	if a.answered {
		return
	}
	until := o.cfg.Now().Add(a.grant.Timeout + jamTime + settling)
	for _, h := range o.waiting {
		until = until.Add(h.grant.Timeout + jamTime)
	}
	o.waiting = append(o.waiting, held{grant: a.grant, wire: a.wire, until: until})
	a.settle(nil)
	o.drop(a)
}
