package turnstile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/sync/hint"
)

// ErrNoSecure means that Secure Channel did not come up.
var ErrNoSecure = errors.New("no Secure Channel")

// refusal is why a device that answers gets no Secure Channel.
type refusal struct{ word, note string }

func (r *refusal) Error() string { return fmt.Sprintf("%v: %s", ErrNoSecure, r.note) }

// Unwrap returns ErrNoSecure.
func (r *refusal) Unwrap() error { return ErrNoSecure }

// inquiry is a bus that somebody asks things of, one after the other.
type inquiry struct {
	*bus

	stop    context.CancelFunc
	changed chan struct{} // cap 1
	refused []string
	trouble osdp.NoticeKind
}

// inquire opens the line. Its end is close.
func inquire(ctx context.Context, cfg OSDPConfig) (*inquiry, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	if cfg.Key != (OSDPKey{}) && !cfg.Key.usable() {
		return nil, ErrKey
	}
	q := &inquiry{bus: newBus(cfg.open, cfg.panel(), cfg.Now), changed: make(chan struct{}, 1)}
	if q.bus == nil {
		return nil, ErrLine
	}
	stir := func() {
		select {
		case q.changed <- struct{}{}:
		default:
		}
	}
	q.noticed = func(n osdp.Notice) {
		if message, grave := notice(n.Kind); grave && n.Kind != osdp.Offline && !slices.Contains(q.refused, message) {
			q.refused = append(q.refused, message)
		}
		switch n.Kind { //nolint:exhaustive // the rest is no refusal
		case osdp.BadProof, osdp.RefusedDefaultKey, osdp.RefusedPlain, osdp.RefusedUnencrypted, osdp.RefusedNonce, osdp.Refused:
			q.trouble = n.Kind
		}
		stir()
	}
	q.pump = func() time.Duration { stir(); return idleTurn }
	ctx, q.stop = context.WithCancel(ctx)
	go q.run(ctx)
	return q, nil
}

func (q *inquiry) close() {
	q.stop()
	<-q.gone
}

// look runs f in the bus and waits for it.
func (q *inquiry) look(ctx context.Context, f func()) error {
	done := make(chan struct{})
	if !q.post(ctx, func() { f(); close(done) }) {
		return cmpErr(ctx.Err(), ErrClosed)
	}
	select {
	case <-done:
		return nil
	case <-q.gone:
		return cmpErr(ctx.Err(), ErrClosed)
	}
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// until waits for fits, which runs in the bus. After each change it is asked again.
func (q *inquiry) until(ctx context.Context, fits func() bool) error {
	for {
		ok := false
		if err := q.look(ctx, func() { ok = fits() }); err != nil || ok {
			return err
		}
		select {
		case <-q.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ask sends a command through Secure Channel and returns its answer, with data of
// its own.
func (q *inquiry) ask(ctx context.Context, code byte, data []byte) (r osdp.Reply, err error) {
	got := make(chan osdp.Reply, 1)
	sent := false
	err = q.look(ctx, func() {
		sent = q.submit(code, data, func(r *osdp.Reply) {
			own := *r
			own.Data = slices.Clone(r.Data)
			got <- own
		})
	})
	if err != nil {
		return r, err
	}
	if !sent {
		return r, errAway
	}
	select {
	case r = <-got:
	case <-ctx.Done():
		return r, ctx.Err()
	}
	if r.Fault != osdp.FaultNone {
		return r, errAway
	}
	return r, nil
}

// secure waits for Secure Channel, or for the reason that there will be none.
func (q *inquiry) secure(ctx context.Context) error {
	var trouble osdp.NoticeKind
	var down error
	online := false
	err := q.until(ctx, func() bool {
		online, trouble, down = q.cp.Online(), q.trouble, q.err
		return online || trouble != osdp.NoNotice
	})
	switch {
	case online:
		return nil
	case trouble != osdp.NoNotice:
		c := link{trouble: trouble}.condition()
		return hint.Errorf(c.Hint, "%w", &refusal{c.Word, c.Note})
	case down != nil:
		return fmt.Errorf("%w: %w", ErrNoSecure, down)
	}
	return fmt.Errorf("%w: nothing comes from the device: %w", ErrNoSecure, err)
}
