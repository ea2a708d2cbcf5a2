// Package rig puts a panel and a person around a controller, for the tests and
// benches of the image: it submits commands and waits for their outcome, keeps
// the events, and walks through the lane by moving pins.
//
// It is no driver for a product: it keeps nothing, acknowledges what it has not
// stored, and gives up rather than recovers.
package rig

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/con-ting/conting/firmware/osdp"
)

// ErrClosed means that the line has ended.
var ErrClosed = errors.New("line closed")

// Panel is an OSDP panel on one line. Its methods are safe for concurrent use.
type Panel struct {
	conn  net.Conn
	start time.Time
	in    chan []byte
	ask   chan request
	end   chan struct{}
	once  sync.Once

	mu      sync.Mutex // guards what follows
	events  []osdp.Passage
	replies []osdp.Reply // to polls, but the events; the data are theirs
	notices []osdp.Notice
	secure  bool
	changed chan struct{} // closed and replaced at each change
}

type request struct {
	code  byte
	data  []byte
	key   *[16]byte // set: KEYSET with it
	reply chan osdp.Reply
}

// Attach starts a panel on conn, which is then the panel's. A key of zeros makes
// one that only identifies.
func Attach(conn net.Conn, cfg osdp.CPConfig) (*Panel, error) {
	p := &Panel{
		conn: conn, start: time.Now(),
		in: make(chan []byte, 64), ask: make(chan request), end: make(chan struct{}),
		changed: make(chan struct{}),
	}
	if cfg.Nonce == nil {
		cfg.Nonce = random{}
	}
	cp := new(osdp.CP)
	if !cp.Init(&cfg) {
		return nil, errors.New("no panel can be like that")
	}
	go p.listen()
	go p.run(cp)
	return p, nil
}

type random struct{}

func (random) Fill(dst *[8]byte) bool {
	_, err := rand.Read(dst[:])
	return err == nil
}

func (p *Panel) listen() {
	defer close(p.in)
	for {
		chunk := make([]byte, 512)
		n, err := p.conn.Read(chunk)
		if n > 0 {
			select {
			case p.in <- chunk[:n]:
			case <-p.end:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *Panel) now() uint32 {
	return uint32(time.Since(p.start).Milliseconds())
}

func (p *Panel) run(cp *osdp.CP) {
	defer func() { _ = p.Close() }()
	waiting := map[uint16]chan osdp.Reply{}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var chunk []byte
		ok := true
		select {
		case chunk, ok = <-p.in:
		case r := <-p.ask:
			ticket := uint16(0)
			if r.key != nil {
				ticket = cp.Rekey(r.key)
			} else {
				ticket = cp.Submit(r.code, r.data)
			}
			if ticket != 0 {
				waiting[ticket] = r.reply
			} else {
				r.reply <- osdp.Reply{Fault: osdp.FaultUnsent}
			}
		case <-timer.C:
		case <-p.end:
			return
		}
		if !ok {
			return
		}
		for _, b := range chunk {
			if !p.act(cp, cp.Feed(p.now(), b), waiting) {
				return
			}
		}
		for a := cp.Tick(p.now()); a != osdp.Wait; a = cp.Tick(p.now()) {
			if !p.act(cp, a, waiting) {
				return
			}
		}
		p.learn(cp)
		timer.Reset(time.Duration(cp.Due(p.now())) * time.Millisecond)
	}
}

// act does what cp asks for; false when the line has ended.
func (p *Panel) act(cp *osdp.CP, a osdp.Action, waiting map[uint16]chan osdp.Reply) bool {
	switch a {
	case osdp.Send:
		_, err := p.conn.Write(cp.Out())
		return err == nil
	case osdp.Deliver:
		r := *cp.Reply()
		r.Data = append([]byte(nil), r.Data...)
		if to, ok := waiting[r.Ticket]; ok {
			delete(waiting, r.Ticket)
			to <- r
			return true
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		var e osdp.Passage
		if r.Code == osdp.ReplyMfg && e.Take(r.Data) {
			p.events = append(p.events, e)
		} else {
			p.replies = append(p.replies, r)
		}
		p.stir()
	case osdp.Wait, osdp.Handle:
	}
	return true
}

func (p *Panel) learn(cp *osdp.CP) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		n, ok := cp.Notice()
		if !ok {
			break
		}
		p.notices = append(p.notices, n)
		p.stir()
	}
	if cp.Online() != p.secure {
		p.secure = !p.secure
		p.stir()
	}
}

// stir must be called with mu held.
func (p *Panel) stir() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Do submits a command and returns its outcome. Only one that was never sent is
// tried again.
func (p *Panel) Do(ctx context.Context, code byte, data []byte) (osdp.Reply, error) {
	return p.submit(ctx, request{code: code, data: data})
}

// Rekey gives the controller a new key, which is the panel's from then on.
func (p *Panel) Rekey(ctx context.Context, key [16]byte) error {
	p.mu.Lock()
	before := p.count(osdp.Secured)
	p.mu.Unlock()
	r, err := p.submit(ctx, request{code: osdp.CmdKeySet, key: &key})
	if err == nil && r.Code != osdp.ReplyAck {
		err = fmt.Errorf("new key: reply %#x", r.Code)
	}
	if err != nil {
		return err
	}
	return p.until(ctx, "Secure Channel with the new key", func() bool { return p.count(osdp.Secured) > before })
}

// count must be called with mu held.
func (p *Panel) count(kind osdp.NoticeKind) (n int) {
	for _, got := range p.notices {
		if got.Kind == kind {
			n++
		}
	}
	return n
}

func (p *Panel) submit(ctx context.Context, r request) (osdp.Reply, error) {
	r.reply = make(chan osdp.Reply, 1)
	code := r.code
	select {
	case p.ask <- r:
	case <-p.end:
		return osdp.Reply{}, ErrClosed
	case <-ctx.Done():
		return osdp.Reply{}, ctx.Err()
	}
	select {
	case got := <-r.reply:
		if got.Fault != osdp.FaultNone {
			return got, fmt.Errorf("command %#x: fault %d", code, got.Fault)
		}
		return got, nil
	case <-p.end:
		return osdp.Reply{}, ErrClosed
	case <-ctx.Done():
		return osdp.Reply{}, fmt.Errorf("command %#x: %w", code, ctx.Err())
	}
}

// until waits for fits, which is called with mu held.
func (p *Panel) until(ctx context.Context, what string, fits func() bool) error {
	for {
		p.mu.Lock()
		done, changed := fits(), p.changed
		p.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-p.end:
			return fmt.Errorf("wait for %s: %w", what, ErrClosed)
		case <-ctx.Done():
			p.mu.Lock()
			defer p.mu.Unlock()
			return fmt.Errorf("wait for %s: %w; events %v, notices %v", what, ctx.Err(), p.events, p.notices)
		}
	}
}

// Secured waits until Secure Channel is up.
func (p *Panel) Secured(ctx context.Context) error {
	return p.until(ctx, "Secure Channel", func() bool { return p.secure })
}

// Noticed waits for a notice of a kind.
func (p *Panel) Noticed(ctx context.Context, kind osdp.NoticeKind) error {
	return p.until(ctx, fmt.Sprintf("notice %d", kind), func() bool { return p.count(kind) > 0 })
}

// Mark is how many events have come: see Event.
func (p *Panel) Mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.events)
}

// Event returns the first event after mark for which fits is true.
func (p *Panel) Event(ctx context.Context, mark int, what string, fits func(osdp.Passage) bool) (e osdp.Passage, err error) {
	err = p.until(ctx, what, func() bool {
		for ; mark < len(p.events); mark++ {
			if fits(p.events[mark]) {
				e = p.events[mark]
				return true
			}
		}
		return false
	})
	return e, err
}

// Replied waits for an answer to a poll with that code.
func (p *Panel) Replied(ctx context.Context, code byte) (r osdp.Reply, err error) {
	err = p.until(ctx, fmt.Sprintf("reply %#x", code), func() bool {
		for _, r = range p.replies {
			if r.Code == code {
				return true
			}
		}
		return false
	})
	return r, err
}

// Events returns what has come.
func (p *Panel) Events() []osdp.Passage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]osdp.Passage(nil), p.events...)
}

// Close ends the panel and the line: to the controller it fell silent.
func (p *Panel) Close() error {
	p.once.Do(func() { close(p.end) })
	if err := p.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	return nil
}
