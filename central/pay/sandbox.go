package pay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// ErrTimeout is the sandbox's lost answer: the outcome is unknown to the caller.
var ErrTimeout = errors.New("payment service did not answer in time")

// maxSandbox bounds the sandbox's memory: some 250 bytes a payment.
const maxSandbox = 1 << 20

// DefaultLate is how late the sandbox takes the money of [TokenWebhookLate].
const DefaultLate = 3 * time.Second

// SandboxConfig is what a sandbox that outlives its process needs.
type SandboxConfig struct {
	// Path is the file of its book, made with mode 0600 if there is none. Several
	// processes of one machine may share it. It survives the end of the process,
	// however sudden, and not a power cut: no money is in it. Empty keeps the book
	// in memory.
	Path string

	// Deliver gets what the sandbox would post to the shop's webhook; an error has
	// it delivered again. Nil delivers nothing. See [Sandbox.Run].
	Deliver func(ctx context.Context, header http.Header, body []byte) error

	// Late is how late the money of [TokenWebhookLate] is taken; zero means
	// DefaultLate.
	Late time.Duration

	Now    func() time.Time // required
	Logger *slog.Logger     // required
}

// Sandbox is a provider that moves no money: it keeps a book of payments whose
// outcome the buyer chooses by the token. It is safe for concurrent use.
type Sandbox struct {
	cfg SandboxConfig

	mu       sync.Mutex
	payments map[string]*attempt // by reference; guarded by mu
	owed     map[string]int64    // when to deliver the next webhook of a payment, Unix milliseconds; guarded by mu
	book     *book               // nil in memory; guarded by mu
	key      []byte              // authenticates webhooks; set once
}

// NewSandbox returns an empty sandbox that forgets everything when the process
// ends, has no clock and delivers no webhooks.
func NewSandbox() *Sandbox {
	return &Sandbox{
		cfg: SandboxConfig{Now: func() time.Time { return time.UnixMilli(1) }, Logger: slog.New(slog.DiscardHandler)},
		key: []byte("in memory"), payments: make(map[string]*attempt), owed: make(map[string]int64),
	}
}

// OpenSandbox reads the book, if there is one.
func OpenSandbox(_ context.Context, cfg SandboxConfig) (*Sandbox, error) {
	if cfg.Now == nil || cfg.Logger == nil {
		return nil, errors.New("pay: now and logger are required")
	}
	if cfg.Late == 0 {
		cfg.Late = DefaultLate
	}
	s := &Sandbox{cfg: cfg, payments: make(map[string]*attempt), owed: make(map[string]int64)}
	if cfg.Path == "" {
		key, err := newKey()
		s.key = key
		return s, err
	}
	var err error
	if s.book, err = openBook(cfg.Path); err != nil {
		return nil, err
	}
	if err := s.locked(func() error { return nil }); err != nil {
		return nil, errors.Join(err, s.book.close())
	}
	s.key = s.book.key
	return s, nil
}

// Close closes the book.
func (s *Sandbox) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.book == nil {
		return nil
	}
	return s.book.close()
}

// locked runs f while nobody else, in this process or another, changes the book.
func (s *Sandbox) locked(f func() error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.book == nil {
		return f()
	}
	if err := s.book.lock(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.book.unlock()) }()
	if err := s.book.follow(s.keep); err != nil {
		return err
	}
	return f()
}

// keep puts a payment as the book has it into memory.
func (s *Sandbox) keep(a *attempt) error {
	if _, known := s.payments[a.Reference]; !known && len(s.payments) >= maxSandbox {
		return s.full()
	}
	s.payments[a.Reference] = a
	if delete(s.owed, a.Reference); a.Notices > 0 {
		s.owed[a.Reference] = a.Takes
	}
	return nil
}

func (s *Sandbox) full() error {
	what := "restart central"
	if s.cfg.Path != "" {
		what = "stop central and remove " + s.cfg.Path
	}
	return fmt.Errorf("the sandbox holds %d payments: %s", maxSandbox, what)
}

// write makes a changed payment outlive the process, then known.
func (s *Sandbox) write(a *attempt) error {
	if s.book != nil {
		if err := s.book.append(a); err != nil {
			return err
		}
	}
	return s.keep(a)
}

// Begin implements [Provider]. The reference derives from the key alone.
func (s *Sandbox) Begin(ctx context.Context, r Request) (p Payment, what Action, err error) {
	if err := ctx.Err(); err != nil {
		return Payment{}, Action{}, err
	}
	if r.Token != "" {
		if err := checkToken(r.Token); err != nil {
			return Payment{}, Action{}, err
		}
	}
	sum := sha256.Sum256([]byte(r.Key))
	reference := "sandbox_" + hex.EncodeToString(sum[:12])
	err = s.locked(func() error {
		if old, ok := s.payments[reference]; ok {
			if old.Amount != r.Amount || old.Currency != r.Currency || r.Token != "" && old.Token != r.Token {
				return ErrKeyReused
			}
			p, what = old.payment(), old.action()
			return nil
		}
		if len(s.payments) >= maxSandbox {
			return s.full()
		}
		a := &attempt{Reference: reference, State: Begun, Amount: r.Amount, Currency: r.Currency}
		if err := a.allow(r.Token); err != nil {
			return err
		}
		p, what = a.payment(), a.action()
		return s.write(a)
	})
	if err != nil {
		return Payment{}, Action{}, err
	}
	return p, what, nil
}

func (a *attempt) action() Action {
	if a.Token != "" {
		return Action{Kind: ActionNone}
	}
	return Action{Kind: ActionToken, Fields: map[string]string{"tokens": strings.Join(Tokens(), " ")}}
}

// Confirm implements [Provider].
func (s *Sandbox) Confirm(ctx context.Context, reference, token string) (Payment, error) {
	return s.change(ctx, reference, func(a *attempt) error {
		if err := a.allow(token); err != nil {
			return err
		}
		return a.confirm(s.cfg.Now(), s.cfg.Late)
	})
}

// Cancel implements [Provider].
func (s *Sandbox) Cancel(ctx context.Context, reference string) (Payment, error) {
	return s.change(ctx, reference, func(a *attempt) error { a.cancel(); return nil })
}

// Refund implements [Provider].
func (s *Sandbox) Refund(ctx context.Context, reference string) (Payment, error) {
	return s.change(ctx, reference, (*attempt).refund)
}

// Get implements [Provider].
func (s *Sandbox) Get(ctx context.Context, reference string) (Payment, error) {
	return s.change(ctx, reference, func(*attempt) error { return nil })
}

// change applies f to a copy, which takes the payment's place if it differs. What f
// did counts even if it returns an error: an answer can be lost.
func (s *Sandbox) change(ctx context.Context, reference string, f func(*attempt) error) (p Payment, err error) {
	if err := ctx.Err(); err != nil {
		return Payment{}, err
	}
	err = s.locked(func() error {
		old, ok := s.payments[reference]
		if !ok {
			return fmt.Errorf("%q: %w", reference, ErrUnknownPayment)
		}
		a := *old
		a.pass(s.cfg.Now())
		err := f(&a)
		a.pass(s.cfg.Now())
		p = a.payment()
		if a != *old {
			err = errors.Join(err, s.write(&a))
		}
		return err
	})
	if err != nil {
		return Payment{}, err
	}
	return p, nil
}

// Moved says how often money was taken and returned, over all payments that this
// process knows of.
func (s *Sandbox) Moved() (taken, returned int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.payments {
		taken += a.Charges
		returned += a.Returned
	}
	return taken, returned
}
