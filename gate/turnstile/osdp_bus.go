package turnstile

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/firmware/osdp"
)

// errAway is why a command was not sent: the device is not there.
var errAway = errors.New("the device does not answer")

// bus runs the panel's end of one line, over a port that comes and goes. Its
// hooks, and what is posted, run in the goroutine of run, which owns all that is
// not said to be shared.
type bus struct {
	open  opener
	now   func() time.Time
	start time.Time
	cp    osdp.CP

	in   chan heard         // shared: from the carrier
	out  chan []byte        // shared: packets to the carrier
	do   chan func()        // shared: see post
	wake chan struct{}      // shared, cap 1: take a turn
	gone chan struct{}      // shared: closed when run has returned
	up   bool               // the port is open
	err  error              // why the port is not
	shot map[uint16]outcome // what waits for an answer, by ticket
	hand uint32             // handshakes that were told

	// The hooks. secured is called when Secure Channel has come up, polled with what
	// the device answered to a poll, noticed with each notice, pump in each turn: it
	// submits what is due, and returns how long it may be left alone. ended is called
	// last.
	secured func()
	polled  func(*osdp.Reply)
	noticed func(osdp.Notice)
	pump    func() time.Duration
	ended   func()
}

// outcome takes the answer to a command. Its data are valid until it returns.
type outcome func(*osdp.Reply)

// heard is what the carrier brings: bytes, or that the port has come or gone.
type heard struct {
	bytes []byte
	up    bool
	err   error
}

const (
	packetsOut = 4 // packets that may wait for a port; more are lost, as on a wire
	chunk      = 512
	idleTurn   = time.Second // most that a turn waits

	// deadAir is how long a port may bring nothing before it is opened anew: a serial
	// server's connection whose other end is gone says nothing for a quarter of an hour.
	deadAir = 15 * time.Second
)

// nonces are from the system.
type nonces struct{}

// Fill makes a nonce.
func (nonces) Fill(dst *[8]byte) bool {
	_, err := rand.Read(dst[:])
	return err == nil
}

// newBus returns nil when no panel can be like that.
func newBus(open opener, cfg *osdp.CPConfig, now func() time.Time) *bus {
	b := &bus{
		open: open, now: now, start: now(), in: make(chan heard), out: make(chan []byte, packetsOut), do: make(chan func()),
		wake: make(chan struct{}, 1), gone: make(chan struct{}), shot: map[uint16]outcome{},
		secured: func() {}, polled: func(*osdp.Reply) {}, noticed: func(osdp.Notice) {}, ended: func() {},
		pump: func() time.Duration { return idleTurn },
	}
	cfg.Nonce = nonces{}
	if !b.cp.Init(cfg) {
		return nil
	}
	return b
}

// ms is the panel's clock.
func (b *bus) ms() uint32 { return uint32(b.now().Sub(b.start).Milliseconds()) } //nolint:gosec // it wraps, and may

// post has f run by the bus. It returns false when it never will.
func (b *bus) post(ctx context.Context, f func()) bool {
	select {
	case b.do <- f:
		return true
	case <-ctx.Done():
	case <-b.gone:
	}
	return false
}

// stir has the bus take a turn.
func (b *bus) stir() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// submit sends a command through Secure Channel; then is called exactly once, if
// it returns true.
func (b *bus) submit(code byte, data []byte, then outcome) bool {
	return b.await(b.cp.Submit(code, data), then)
}

// await has then take the answer that comes for a ticket.
func (b *bus) await(ticket uint16, then outcome) bool {
	if ticket != 0 {
		b.shot[ticket] = then
	}
	return ticket != 0
}

// run works until ctx ends.
func (b *bus) run(ctx context.Context) {
	carried := make(chan struct{})
	go func() {
		defer close(carried)
		b.carry(ctx)
	}()
	timer := time.NewTimer(0)
	defer func() {
		timer.Stop()
		<-carried
		b.ended()
		close(b.gone)
	}()
	for {
		select {
		case h := <-b.in:
			b.hear(h)
		case f := <-b.do:
			f()
		case <-b.wake:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		timer.Reset(b.turn())
	}
}

func (b *bus) hear(h heard) {
	if h.bytes == nil {
		b.up, b.err = h.up, h.err
		b.cp.Restart(b.ms())
		return
	}
	for _, c := range h.bytes {
		b.act(b.cp.Feed(b.ms(), c))
	}
}

// turn does what is due and returns when to look again.
func (b *bus) turn() time.Duration {
	for {
		wait := min(b.pump(), idleTurn)
		if a := b.cp.Tick(b.ms()); a != osdp.Wait {
			b.act(a)
			continue
		}
		b.tell()
		due := time.Duration(b.cp.Due(b.ms())) * time.Millisecond
		return max(min(wait, due), time.Millisecond)
	}
}

func (b *bus) act(a osdp.Action) {
	switch a {
	case osdp.Send:
		select {
		case b.out <- slices.Clone(b.cp.Out()):
		default:
		}
	case osdp.Deliver:
		r := b.cp.Reply()
		if r.Ticket == 0 {
			b.polled(r)
		} else if then := b.shot[r.Ticket]; then != nil {
			delete(b.shot, r.Ticket)
			then(r)
		}
	case osdp.Wait, osdp.Handle:
	}
	b.tell()
}

// tell passes on what the panel has noticed.
func (b *bus) tell() {
	for {
		n, ok := b.cp.Notice()
		if !ok {
			break
		}
		b.noticed(n)
	}
	if h := b.cp.Stats().Handshakes; b.cp.Online() && h != b.hand {
		b.hand = h
		b.secured()
	}
}

// carry keeps the port open until ctx ends.
func (b *bus) carry(ctx context.Context) {
	for pause := firstReturn; ctx.Err() == nil; pause = min(2*pause, lastReturn) {
		p, err := b.open(ctx)
		if err == nil {
			var some bool
			if some, err = b.transport(ctx, p); some {
				pause = firstReturn
			}
		}
		b.bring(ctx, heard{err: err})
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
	}
}

func (b *bus) bring(ctx context.Context, h heard) {
	select {
	case b.in <- h:
	case <-ctx.Done():
	}
}

// transport moves bytes until the port fails or ctx ends, and closes the port. some
// says that anything came.
func (b *bus) transport(ctx context.Context, p port) (some bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		p.interrupt()
	})
	var silent atomic.Bool
	dead := time.AfterFunc(deadAir, func() {
		silent.Store(true)
		cancel()
	})
	wrote := make(chan error, 1)
	defer func() {
		dead.Stop()
		cancel()
		werr := <-wrote
		if !stop() {
			<-interrupted // who closes a descriptor is the last to use it
		}
		cerr := p.Close()
		if err = errors.Join(err, werr, cerr); silent.Load() {
			err = cerr // it was us
		}
	}()
	for len(b.out) > 0 { // meant for the port before
		<-b.out
	}
	go func() { wrote <- b.write(ctx, p, cancel) }()
	b.bring(ctx, heard{up: true})
	buf := make([]byte, chunk)
	for ctx.Err() == nil {
		n, err := p.Read(buf)
		if n > 0 {
			some = true
			dead.Reset(deadAir)
			b.bring(ctx, heard{bytes: slices.Clone(buf[:n])})
		}
		if err != nil {
			return some, err
		}
	}
	return some, nil
}

// write ends with ctx, or ends it when the port takes nothing more.
func (b *bus) write(ctx context.Context, p port, cancel context.CancelFunc) error {
	defer cancel()
	for {
		select {
		case packet := <-b.out:
			if _, err := p.Write(packet); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}
