// Package link is one device's MQTT session with the best broker in reach: it
// connects, falls back and returns, announces the device and its last will,
// re-subscribes, and keeps sending what the device's outbox holds until the
// application at the other end has acknowledged it.
//
// It keeps nothing: the outbox is the owner's (on a gate, the journal in SQLite)
// and only the owner frees an item, when an acknowledgement of the application
// arrives. MQTT itself is taken for an unordered, lossy hint. A PUBACK frees
// nothing, messages may come twice, late, in any order or not at all, and the
// receiver finds gaps by the sequence numbers and hashes inside the messages.
// That is why deliveries are asked for at QoS 0: with a clean session QoS 1 would
// resend nothing, but would cost every broker memory and packet identifiers.
//
// The broker is authenticated (mutual TLS) but not trusted: packets that are too
// large or malformed end the connection, and what a payload says is for the
// package that signed it to verify. This is the only package that knows paho.
package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/sync/topic"
)

// Errors that callers branch on.
var (
	ErrOffline = errors.New("no broker is connected")
	ErrRefused = errors.New("broker refused the subscription")
	ErrClosed  = errors.New("link is closed")
	ErrConfig  = errors.New("link configuration")
)

// Link is a session that outlives its connections. Its methods are safe for
// concurrent use.
type Link struct {
	cfg  Config
	in   *inbox
	wake chan struct{} // capacity 1: the outbox should be looked at

	waiting atomic.Bool // outbox items are in flight: an inbound message may free them

	mu      sync.Mutex
	session *session            // guarded by mu; nil when not connected
	filters map[string]struct{} // guarded by mu; what Subscribe asked for
	state   State               // guarded by mu
	epoch   uint64              // guarded by mu
	running bool                // guarded by mu
	closed  bool                // guarded by mu
	cancel  context.CancelFunc  // guarded by mu; ends Run
	done    chan struct{}       // closed when Run has returned
}

// New checks the configuration and returns a link that does nothing until
// [Link.Run]. The error wraps [ErrConfig].
func New(_ context.Context, cfg Config) (*Link, error) {
	cfg.defaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	l := &Link{
		cfg: cfg, in: newInbox(cfg.InboxLength, cfg.InboxBytes), wake: make(chan struct{}, 1),
		filters: make(map[string]struct{}), done: make(chan struct{}),
	}
	l.state.Since = cfg.Now()
	return l, nil
}

// State returns what the link is doing.
func (l *Link) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state
	s.Dropped = l.in.dropped.Load()
	return s
}

// Wake says that the outbox has something new or that items have been freed.
func (l *Link) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Publish sends a message once, at QoS 1, and waits until the broker has it. That
// is no proof of delivery; what must arrive belongs into the outbox. It returns
// [ErrOffline] if there is no connection or it is lost meanwhile.
func (l *Link) Publish(ctx context.Context, name string, payload []byte, retained bool) error {
	if len(payload) > topic.MaxPayload {
		return fmt.Errorf("publish %s: %d bytes: %w", name, len(payload), topic.ErrTooLarge)
	}
	s := l.current()
	if s == nil {
		return ErrOffline
	}
	return s.publish(ctx, Message{Topic: name, Payload: payload, Retained: retained})
}

// Subscribe asks for a filter on this and every later connection, until
// [Link.Unsubscribe]. It is a wish: without a connection, or when the connection
// is lost while it waits, it returns nil and the next connection fulfils it.
// Subscribing again makes the broker send retained messages again. A broker that
// says no makes it return [ErrRefused], and forget the filter.
func (l *Link) Subscribe(ctx context.Context, filter string) error {
	if l.cfg.OnMessage == nil {
		return fmt.Errorf("%w: nobody listens to the subscriptions", ErrConfig)
	}
	l.mu.Lock()
	l.filters[filter] = struct{}{}
	s := l.session
	l.mu.Unlock()
	if s == nil {
		return nil
	}
	err := s.subscribe(ctx, filter)
	if errors.Is(err, ErrOffline) {
		return nil
	}
	if errors.Is(err, ErrRefused) {
		l.forget(filter)
	}
	return err
}

// Unsubscribe forgets a filter. Messages that are on their way may still come.
func (l *Link) Unsubscribe(ctx context.Context, filter string) error {
	l.forget(filter)
	s := l.current()
	if s == nil {
		return nil
	}
	if err := s.unsubscribe(ctx, filter); !errors.Is(err, ErrOffline) {
		return err
	}
	return nil
}

func (l *Link) forget(filter string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.filters, filter)
}

func (l *Link) current() *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session
}

// Close ends Run and waits for it and every goroutine of the link. It must not be
// called from a callback.
func (l *Link) Close() error {
	l.mu.Lock()
	l.closed = true
	cancel, running := l.cancel, l.running
	l.mu.Unlock()
	if !running {
		return nil
	}
	cancel()
	<-l.done
	return nil
}

// Run connects and keeps connected until the context ends or Close is called;
// then it says goodbye, waits for all its goroutines and returns nil. It may be
// called once. The error, [ErrClosed], is only about being called wrongly:
// whatever the network does is a state and not an error.
func (l *Link) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.mu.Lock()
	if l.closed || l.running {
		l.mu.Unlock()
		return ErrClosed
	}
	l.running, l.cancel = true, cancel
	l.mu.Unlock()
	defer close(l.done)

	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { l.consume(ctx) })

	r := newRoster(len(l.cfg.Endpoints), l.cfg.BackoffMin, l.cfg.BackoffMax)
	for ctx.Err() == nil {
		i, wait := r.next(l.cfg.Now())
		if i < 0 {
			pause(ctx, wait)
			continue
		}
		l.visit(ctx, r, i)
	}
	return nil
}

// visit connects to endpoint i and stays until the connection ends.
func (l *Link) visit(ctx context.Context, r *roster, i int) {
	ep := l.cfg.Endpoints[i]
	s, err := l.connect(ctx, ep)
	if err != nil {
		r.failed(i, l.cfg.Now())
		if ctx.Err() == nil {
			l.cfg.Logger.WarnContext(ctx, "broker not reached", slog.String("endpoint", ep.Name), slog.Any("error", err))
		}
		return
	}
	filters := l.enter(s)
	var began time.Time // of usefulness
	better := -1
	if err = s.announce(ctx, filters); err == nil {
		began = l.cfg.Now()
		l.tell(State{Endpoint: ep.Name, Connected: true, Since: began, Epoch: s.epoch})
		l.cfg.Logger.InfoContext(ctx, "broker connected", slog.String("endpoint", ep.Name), slog.Uint64("epoch", s.epoch))
		better, err = s.serve(ctx, r, i)
	}
	l.leave()
	s.end(ctx, err == nil)
	now := l.cfg.Now()
	if !began.IsZero() {
		l.tell(State{Since: now, Epoch: s.epoch})
	}
	if ctx.Err() != nil {
		return
	}
	switch {
	case err == nil && better >= 0:
		r.good(better)
		l.cfg.Logger.InfoContext(ctx, "returning to a preferred broker", slog.String("endpoint", l.cfg.Endpoints[better].Name))
	case err == nil:
	case !began.IsZero() && now.Sub(began) >= l.cfg.StableAfter:
		r.good(i)
		l.cfg.Logger.WarnContext(ctx, "broker lost", slog.String("endpoint", ep.Name), slog.Any("error", err))
		pause(ctx, r.jitter(l.cfg.BackoffMin)) // not everybody at once
	default:
		r.failed(i, now)
		l.cfg.Logger.WarnContext(ctx, "broker lost soon after connecting", slog.String("endpoint", ep.Name), slog.Any("error", err))
	}
}

// enter makes s the session that the link's methods use, and returns every filter
// that it must subscribe to. Filters that come later Subscribe sends itself.
func (l *Link) enter(s *session) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session = s
	all := maps.Clone(l.filters)
	for _, f := range l.cfg.Subscriptions {
		all[f] = struct{}{}
	}
	return slices.Sorted(maps.Keys(all))
}

func (l *Link) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session = nil
}

func (l *Link) tell(s State) {
	l.mu.Lock()
	l.state = s
	l.mu.Unlock()
	if l.cfg.OnState != nil {
		l.cfg.OnState(l.State())
	}
}

// nextEpoch returns a number greater than all before it, also across restarts as
// long as the clock does not go back.
func (l *Link) nextEpoch() uint64 {
	now := uint64(max(0, l.cfg.Now().UnixMilli()))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch = max(l.epoch+1, now)
	return l.epoch
}

// pause waits for d or the context's end.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
