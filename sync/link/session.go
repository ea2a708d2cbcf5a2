package link

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

const (
	qosPublish   = 1
	qosSubscribe = 0 // see the package comment
	refused      = 0x80
	goodbye      = 1000 // milliseconds for the will, and for the DISCONNECT of an orderly end
)

// session is one connection. A paho client is never used for a second one.
type session struct {
	link     *Link
	endpoint Endpoint
	epoch    uint64
	conn     net.Conn
	client   mqtt.Client
	state    string // the topic of will and birth; empty without

	once sync.Once
	lost chan struct{} // closed when the connection is gone
	why  error         // set before lost is closed

	mu    sync.Mutex
	mine  map[[32]byte]bool // guarded by mu; hashes of what this connection published on state
	last  Message           // guarded by mu; the newest of those
	stale bool              // guarded by mu; somebody else's message stands on state
}

// connect dials, authenticates and opens an MQTT session.
func (l *Link) connect(ctx context.Context, ep Endpoint) (*session, error) {
	raw, err := dial(ctx, ep, l.cfg.TLS(), l.cfg.Timeout)
	if err != nil {
		return nil, err
	}
	s := &session{
		link: l, endpoint: ep, epoch: l.nextEpoch(), lost: make(chan struct{}), mine: make(map[[32]byte]bool),
		conn: &guarded{Conn: raw, now: l.cfg.Now, timeout: l.cfg.Timeout},
	}
	s.client = mqtt.NewClient(s.options(context.WithoutCancel(ctx)))
	t := s.client.Connect()
	select {
	case <-t.Done():
		err = t.Error()
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		_ = raw.Close()
		<-t.Done() // soon, since the connection is closed
		s.client.Disconnect(0)
		return nil, fmt.Errorf("connect to %s: %w", ep.Name, err)
	}
	return s, nil
}

func (s *session) options(ctx context.Context) *mqtt.ClientOptions {
	cfg := &s.link.cfg
	o := mqtt.NewClientOptions().
		AddBroker(s.endpoint.URL).
		SetClientID(string(cfg.ClientID)).
		SetProtocolVersion(4).
		SetCleanSession(true).
		SetAutoReconnect(false).
		SetConnectRetry(false).
		SetOrderMatters(true). // the handler never blocks
		SetConnectTimeout(cfg.Timeout).
		SetWriteTimeout(cfg.Timeout).
		SetKeepAlive(cfg.KeepAlive).
		SetPingTimeout(cfg.PingTimeout).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return s.conn, nil }).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { s.fail(err) }).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			if s.state != "" && m.Topic() == s.state {
				s.observe(m.Payload())
				return
			}
			s.link.receive(ctx, Message{Topic: m.Topic(), Payload: m.Payload()})
		})
	if cfg.Will != nil {
		w := cfg.Will(s.epoch)
		s.state = w.Topic
		o.SetBinaryWill(w.Topic, w.Payload, qosPublish, w.Retained)
	}
	return o
}

// fail marks the connection as gone.
func (s *session) fail(err error) {
	s.once.Do(func() {
		s.why = err
		close(s.lost)
	})
}

// serve sends the outbox until the connection is lost (an error), the context ends
// (-1, nil), or a preferred endpoint proved reachable (its index, nil).
func (s *session) serve(ctx context.Context, r *roster, at int) (better int, err error) {
	probing, cancel := context.WithCancel(ctx)
	found := make(chan int, 1)
	var wg sync.WaitGroup
	if at > 0 {
		need := make([]int, at)
		for i := range need {
			need[i] = s.link.cfg.ProbeCount << min(r.slots[i].failures, 4)
		}
		wg.Go(func() { s.link.probe(probing, need, found) })
	}
	defer wg.Wait()
	defer cancel()
	return s.pump(ctx, found)
}

// announce publishes the birth and subscribes. A filter that the broker refuses is
// logged and left out: the others are still worth the connection.
func (s *session) announce(ctx context.Context, filters []string) error {
	cfg := &s.link.cfg
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	if cfg.Birth != nil {
		if err := s.publish(ctx, cfg.Birth(s.epoch)); err != nil {
			return fmt.Errorf("publish birth: %w", err)
		}
		filters = append([]string{s.state}, filters...)
	}
	tokens := make([]mqtt.Token, len(filters))
	for i, f := range filters {
		tokens[i] = s.client.Subscribe(f, qosSubscribe, nil)
	}
	for i, f := range filters {
		err := s.subscribed(ctx, f, tokens[i])
		if errors.Is(err, ErrRefused) {
			cfg.Logger.ErrorContext(ctx, "broker refused a subscription", slog.String("filter", f), slog.String("endpoint", s.endpoint.Name))
			continue
		}
		if err != nil {
			return fmt.Errorf("subscribe %s: %w", f, err)
		}
	}
	return nil
}

func (s *session) publish(ctx context.Context, m Message) error {
	s.remember(m)
	return s.wait(ctx, s.client.Publish(m.Topic, qosPublish, m.Retained, m.Payload))
}

func (s *session) subscribe(ctx context.Context, filter string) error {
	return s.subscribed(ctx, filter, s.client.Subscribe(filter, qosSubscribe, nil))
}

// subscribed waits for a SUBACK and reads it: paho reports a refusal as success.
func (s *session) subscribed(ctx context.Context, filter string, t mqtt.Token) error {
	if err := s.wait(ctx, t); err != nil {
		return err
	}
	if st, ok := t.(*mqtt.SubscribeToken); ok {
		if code, ok := st.Result()[filter]; !ok || code >= refused {
			return fmt.Errorf("%s: %w", filter, ErrRefused)
		}
	}
	return nil
}

func (s *session) unsubscribe(ctx context.Context, filter string) error {
	return s.wait(ctx, s.client.Unsubscribe(filter))
}

// wait waits for a token, which may never complete when the connection ends.
func (s *session) wait(ctx context.Context, t mqtt.Token) error {
	select {
	case <-t.Done():
		if t.Error() != nil {
			return fmt.Errorf("%w: %w", ErrOffline, t.Error())
		}
		return nil
	case <-s.lost:
		return ErrOffline
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end closes the connection. An orderly end publishes the will itself, because a
// DISCONNECT makes the broker forget it.
func (s *session) end(ctx context.Context, orderly bool) {
	if orderly {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye*time.Millisecond)
		if s.link.cfg.Will != nil {
			_ = s.publish(ctx, s.link.cfg.Will(s.epoch)) // best effort: the broker may be gone
		}
		cancel()
		s.client.Disconnect(goodbye)
	}
	_ = s.conn.Close()
	if !orderly {
		s.client.Disconnect(0)
	}
	s.fail(ErrOffline)
}

// maxMine bounds what a connection remembers of its own state messages.
const maxMine = 256

// remember takes note of what this connection publishes on its state topic.
func (s *session) remember(m Message) {
	if s.state == "" || m.Topic != s.state {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mine) >= maxMine {
		clear(s.mine)
		s.mine[sha256.Sum256(s.last.Payload)] = true
	}
	s.mine[sha256.Sum256(m.Payload)] = true
	s.last = m
}

// observe sees what stands on the state topic. Anything that this connection did
// not publish is the last will of an earlier one that came late.
func (s *session) observe(payload []byte) {
	s.mu.Lock()
	stale := !s.mine[sha256.Sum256(payload)]
	s.stale = s.stale || stale
	s.mu.Unlock()
	if stale {
		s.link.Wake()
	}
}

// correct publishes the newest state again if a stale one was seen.
func (s *session) correct(ctx context.Context) {
	s.mu.Lock()
	stale, m := s.stale, s.last
	s.stale = false
	s.mu.Unlock()
	if !stale {
		return
	}
	s.link.cfg.Logger.InfoContext(ctx, "a stale last will came after the birth", slog.Uint64("epoch", s.epoch))
	ctx, cancel := context.WithTimeout(ctx, s.link.cfg.Timeout)
	defer cancel()
	if err := s.publish(ctx, m); err != nil {
		s.mu.Lock()
		s.stale = true
		s.mu.Unlock()
	}
}
