package mint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/sync/ticket"
)

// Events says what an event is, for the text on its tickets' tokens.
type Events interface {
	Event(ctx context.Context, id ticket.EventID) (ticket.Event, error)
}

// Wallets says where people's tokens belong.
type Wallets interface {
	// Addresses returns where the tokens of some accounts go, in base58: the wallet that
	// an account has linked, else the one that is kept for it, which it gets here if it
	// has none yet. Accounts that do not exist are left out.
	Addresses(ctx context.Context, accounts []string) (map[string]string, error)

	// SignerFor returns the signer of the wallet that is kept for an account, also while
	// another is linked. If there is none, or its key cannot be had, the error wraps
	// [ErrNoWallet].
	SignerFor(ctx context.Context, account string) (WalletSigner, error)
}

// WalletSigner signs for a wallet that is kept here, with Ed25519.
type WalletSigner interface {
	Public() [32]byte
	Sign(ctx context.Context, message []byte) ([64]byte, error)
}

// Sets knows the roots of ticket sets.
type Sets interface {
	// Root returns the root of a version of an event's ticket set: that of an earlier
	// one, whose commitment is final, if no ticket has changed since. An error wrapping
	// [ErrUnknownSet] says that there is no such set any more, [ErrBadSet] that it
	// cannot be read, and never will be.
	Root(ctx context.Context, event ticket.EventID, version uint64) (Root, error)
}

// Errors of those whom a [Config] names.
var (
	ErrNoWallet   = errors.New("wallet is not kept here")
	ErrUnknownSet = errors.New("no such ticket set")
	ErrBadSet     = errors.New("ticket set cannot be read")
)

// Config is what a [Worker] needs. Fields without a default are required.
type Config struct {
	Store   Store
	Chain   *chain.Client
	Events  Events
	Wallets Wallets

	// Sets is needed in [Lazy] mode only.
	Sets Sets

	// Mode says when tickets get their tokens. [Eager].
	Mode Mode

	// Authority mints, freezes and is permanent delegate; addresses of tokens depend on
	// it. Payer pays.
	Authority, Payer chain.Signer

	// Secret makes the addresses of tokens, together with the authority: at least 32
	// bytes, for good. Who has it can find the token of a ticket.
	Secret []byte

	// Origin is where people reach central, as https://tickets.example: it is part of
	// what a token says, for good.
	Origin string

	// Collection makes one more token for each event, which wallets show its tickets'
	// tokens under. Each mint of the event writes to it.
	Collection bool

	// Poll is how often the worker looks at what is under way and what is new. 2 s.
	Poll time.Duration

	// Look is how long after a transaction was sent its fate is first asked after; the
	// further questions are further apart. 400 ms, a slot's time.
	Look time.Duration

	// ReconcileEvery is how often all tokens are compared with the chain; once at the
	// start of Run as well. Zero means never, also at the start.
	ReconcileEvery time.Duration

	// RecheckFor is for how long after it became final an effect is looked after. 1 h.
	RecheckFor time.Duration

	// MaxPrice bounds what is paid for a place in a block, in micro-lamports a compute
	// unit. Zero pays nothing.
	MaxPrice uint64

	// LowBalance is the payer's balance, in lamports, below which there is an alarm.
	LowBalance uint64

	// Attempts is how often an action is signed before it is given up. 12.
	Attempts int

	// Parallel is how many transactions are handed to nodes at once. 48.
	Parallel int

	// Batch is how many actions are worked on at once. 512.
	Batch int

	// Observe is told of figures as they arise; nil means nobody is interested.
	Observe Observer

	Logger *slog.Logger
	Now    func() time.Time
}

// Worker makes tokens what they shall be. Its methods are safe for concurrent use; all
// but Run may be used at a central where it does not run.
type Worker struct {
	cfg   Config
	roles token.Roles
	wake  chan struct{}

	// pause, if set, is called between the steps of the work: tests end it there.
	pause func(ctx context.Context, at string) error

	mu       sync.Mutex // guards those below
	status   Status
	troubles int // so far
}

// New checks a configuration. It asks neither the store nor a node.
func New(_ context.Context, cfg Config) (*Worker, error) {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&cfg.Poll, 2*time.Second)
	def(&cfg.Look, 400*time.Millisecond)
	def(&cfg.RecheckFor, time.Hour)
	most := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	most(&cfg.Attempts, 12)
	most(&cfg.Parallel, 48)
	most(&cfg.Batch, 512)
	if cfg.Mode == "" {
		cfg.Mode = Eager
	}
	if cfg.Observe == nil {
		cfg.Observe = nobody{}
	}
	switch {
	case cfg.Store == nil || cfg.Chain == nil || cfg.Events == nil || cfg.Wallets == nil || cfg.Logger == nil || cfg.Now == nil:
		return nil, errors.New("mint: store, chain, events, wallets, logger and now are required")
	case cfg.Authority == nil || cfg.Payer == nil:
		return nil, errors.New("mint: authority and payer are required")
	case cfg.Mode != Eager && cfg.Mode != Lazy:
		return nil, fmt.Errorf("mint: mode %q, want eager or lazy", cfg.Mode)
	case cfg.Mode == Lazy && cfg.Sets == nil:
		return nil, errors.New("mint: lazy mode needs sets")
	case len(cfg.Secret) < 32:
		return nil, fmt.Errorf("mint: secret of %d bytes, want at least 32", len(cfg.Secret))
	case cfg.Origin == "":
		return nil, errors.New("mint: origin is required")
	case cfg.Poll < 0 || cfg.Look < 0 || cfg.ReconcileEvery < 0 || cfg.RecheckFor < 0 || cfg.Attempts < 0 || cfg.Parallel < 0 || cfg.Batch < 0:
		return nil, errors.New("mint: negative figure")
	}
	w := &Worker{cfg: cfg, wake: make(chan struct{}, 1)}
	w.roles = token.Roles{Payer: cfg.Payer.Public(), Authority: cfg.Authority.Public()}
	return w, nil
}

// Wake says that there may be something to do. It never blocks.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
