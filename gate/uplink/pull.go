package uplink

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/con-ting/conting/sync/link"
)

// puller asks for retained objects: it subscribes to an object's own topic until
// the object has come, a few at a time. Its methods are called by Run only.
type puller struct {
	link    Link
	tasks   *sync.WaitGroup
	window  int
	timeout time.Duration

	active map[string]*pull
	ended  chan struct{} // capacity 1: look at active again
}

// pull is one object being asked for.
type pull struct {
	keep   bool          // stay subscribed afterwards: it is a standing subscription
	bad    chan struct{} // capacity 1: what came was refused
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended
}

func newPuller(l Link, tasks *sync.WaitGroup, window int, timeout time.Duration) *puller {
	return &puller{link: l, tasks: tasks, window: window, timeout: timeout, active: map[string]*pull{}, ended: make(chan struct{}, 1)}
}

// wish is an object that is needed.
type wish struct {
	topic string
	keep  bool
}

// want makes the wishes, most urgent first, come true: it starts asking for as
// many as the window allows, and stops asking for what is not wished any more.
func (p *puller) want(ctx context.Context, wishes []wish) {
	wished := make(map[string]bool, len(wishes))
	for _, w := range wishes {
		wished[w.topic] = true
	}
	for name, a := range p.active {
		if !wished[name] {
			a.cancel()
		}
		select {
		case <-a.done:
			delete(p.active, name)
		default:
		}
	}
	for _, w := range wishes {
		if len(p.active) >= p.window {
			return
		}
		if p.active[w.topic] == nil {
			p.start(ctx, w)
		}
	}
}

func (p *puller) start(ctx context.Context, w wish) {
	ctx, cancel := context.WithCancel(ctx)
	a := &pull{keep: w.keep, bad: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
	p.active[w.topic] = a
	p.tasks.Go(func() {
		defer kick(p.ended)
		defer close(a.done)
		defer cancel()
		p.run(ctx, w.topic, a)
	})
}

// run subscribes again and again until it is cancelled, which Run does when it
// has the object or does not want it any more.
func (p *puller) run(ctx context.Context, name string, a *pull) {
	for wait := p.timeout; ; wait = min(2*wait, 6*p.timeout) {
		err := p.link.Subscribe(ctx, name)
		if errors.Is(err, link.ErrRefused) {
			wait = 6 * p.timeout // the broker will hardly change its mind
		}
		select {
		case <-ctx.Done():
			if !a.keep {
				// The link must forget the filter even while Run is ending.
				end, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.timeout)
				_ = p.link.Unsubscribe(end, name) // at worst the object comes once more
				cancel()
			}
			return
		case <-time.After(wait):
		case <-a.bad: // asked again, but not in a tight loop
			select {
			case <-ctx.Done():
			case <-time.After(wait / 10):
			}
		}
	}
}

// got ends the pull of an object that was accepted.
func (p *puller) got(name string) {
	if a := p.active[name]; a != nil {
		a.cancel()
	}
}

// refused makes the pull ask again soon.
func (p *puller) refused(name string) {
	if a := p.active[name]; a != nil {
		kick(a.bad)
	}
}
