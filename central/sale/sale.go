// Package sale sells tickets: one to eight places are held for a while, paid for
// at once, and become tickets bound to their holders' keys (or paper tickets where
// the class allows them); a sold ticket can be refunded, or bound to another key. Tickets
// that nobody buys, accreditations, are issued here as well.
//
// It holds no SQL and talks to no gate. The [Store] is the authority: each step
// is one conditional statement there, so a place is never sold twice however
// many processes try, and each change that gates must learn of stands in the
// outbox of the same transaction. Nothing is charged for a hold that has run
// out, and whatever was charged but could not become a ticket goes back by
// itself ([Sale.Reconcile]).
//
// Buyers are not trusted: an order answers only to its secret, of which the
// store has the SHA-256, and a ticket is bound only to a key whose possession
// was proved over a fresh challenge. The payment provider is trusted to say what
// was charged. There is no queue here ([Door] is asked) and no lottery.
package sale

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/ticket"
)

// Errors that callers branch on.
var (
	ErrUnknownEvent    = errors.New("unknown event")
	ErrEventExists     = errors.New("another plan was imported for this event")
	ErrSaleClosed      = errors.New("the event is over")
	ErrNotSold         = errors.New("this class is not sold in this zone")
	ErrUnknownSeat     = errors.New("unknown seat")
	ErrSeatTaken       = errors.New("seat is taken")
	ErrSoldOut         = errors.New("no place is free in this zone")
	ErrPaper           = errors.New("this class is not sold on paper")
	ErrHolder          = errors.New("an order names either a holder or paper")
	ErrChallenge       = errors.New("challenge is forged, too old or used")
	ErrPossession      = errors.New("possession of the holder key is not proved")
	ErrUnknownOrder    = errors.New("unknown order or wrong secret")
	ErrHoldExpired     = errors.New("hold has expired")
	ErrPaymentPending  = errors.New("a payment for this order is in progress")
	ErrUnknownProvider = errors.New("unknown payment provider")
	ErrUnknownPayment  = errors.New("unknown payment")
	ErrTooManyPayments = errors.New("too many payments were begun for this order")
	ErrAlreadyPaid     = errors.New("order is paid already")
	ErrPaidTooLate     = errors.New("paid after the hold had expired; the money goes back")
	ErrOrderRefunded   = errors.New("order was refunded")
	ErrNotPaid         = errors.New("order is not paid")
	ErrAge             = errors.New("the event asks for an age that is not proved")
	ErrAsk             = errors.New("what was asked for is something else, used, withdrawn or too old")
	ErrUnknownTicket   = errors.New("unknown ticket")
	ErrMoved           = errors.New("the ticket has moved in the meantime")
	ErrTicketUsed      = errors.New("the ticket was used")
	ErrTicketDead      = errors.New("the ticket is not in force")
	ErrCancelled       = errors.New("the event was called off")
	ErrKept            = errors.New("the seat is kept for people who need it, and for who comes with them")
	ErrNotTogether     = errors.New("there are not so many free seats side by side in this zone")
	ErrLimit           = errors.New("the person has as many places of this event as anybody may have")
	ErrAccountNeeded   = errors.New("this event is sold to accounts only")
	ErrOthersWait      = errors.New("others wait for places of this zone")
	ErrOfferClosed     = errors.New("the offer is another's, or no longer open")
	ErrTooMany         = errors.New("too many places for one order")
	ErrNotTransferable = errors.New("such a ticket cannot be bound to another key")
)

// Issuer signs tickets with the event's key.
type Issuer interface {
	// Issue returns the signed form that the holder's device carries.
	Issue(ctx context.Context, t ticket.Ticket) ([]byte, error)
}

// Assertion is what navigator.credentials.get returned for a challenge.
type Assertion struct {
	AuthenticatorData []byte
	ClientDataJSON    []byte
	Signature         []byte // DER
}

// Verifier checks WebAuthn assertions (Level 3, section 7.2).
type Verifier interface {
	// VerifyAssertion returns nil only if a was made by key, with its user
	// verified, for challenge and the relying party.
	VerifyAssertion(rp ticket.RelyingParty, key ticket.HolderKey, challenge []byte, a Assertion) error
}

// Limits on how long a place may be held.
const (
	MinHold     = 10 * time.Second
	MaxHold     = time.Hour
	DefaultHold = 5 * time.Minute
)

// Config is what a sale needs. Everything but Hold, Rand, Door and Changed is required.
type Config struct {
	Store     Store
	Providers map[string]pay.Provider // by the name that buyers choose
	Issuer    Issuer
	Verifier  Verifier
	Now       func() time.Time
	Logger    *slog.Logger

	// ChallengeKey authenticates challenges, so that none need be remembered.
	// All central processes of one organiser share it; it must be random.
	ChallengeKey [32]byte

	// Hold is how long a place stays held for payment; zero means DefaultHold.
	Hold time.Duration

	// Rand makes order ids, secrets and ticket ids; nil means crypto/rand.
	Rand io.Reader

	// Door is asked before places are held. Nil lets everybody in.
	Door Door

	// Changed is called after each transaction that wrote to the outbox. It
	// must not block. It may be nil.
	Changed func()
}

// Sale is the till. It is safe for concurrent use and starts no goroutine.
type Sale struct {
	cfg    Config
	board  *board
	recall *recall

	mu     sync.Mutex                   // guards events
	events map[ticket.EventID]*Offering // as they were imported; never changed
}

// New checks the configuration.
func New(_ context.Context, cfg Config) (*Sale, error) {
	if cfg.Hold == 0 {
		cfg.Hold = DefaultHold
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Changed == nil {
		cfg.Changed = func() {}
	}
	switch {
	case cfg.Store == nil || cfg.Issuer == nil || cfg.Verifier == nil || cfg.Now == nil || cfg.Logger == nil:
		return nil, errors.New("sale: store, issuer, verifier, now and logger are required")
	case len(cfg.Providers) == 0:
		return nil, errors.New("sale: no payment provider")
	case cfg.ChallengeKey == [32]byte{}:
		return nil, errors.New("sale: the challenge key is zero")
	case cfg.Hold < MinHold || cfg.Hold > MaxHold:
		return nil, fmt.Errorf("sale: hold of %s, want %s to %s", cfg.Hold, MinHold, MaxHold)
	}
	return &Sale{cfg: cfg, board: newBoard(), recall: newRecall(), events: make(map[ticket.EventID]*Offering)}, nil
}

// Import puts the event of a plan on sale. The same plan again changes nothing
// and reports false; another plan for the same event is [ErrEventExists].
func (s *Sale) Import(ctx context.Context, p *seatmap.Plan) (added bool, err error) {
	return s.cfg.Store.AddPlan(ctx, p)
}

// maxEvents bounds how many events are remembered.
const maxEvents = 1000

// offering returns an event from memory once it was read: a plan never changes. That
// an event was called off is for the store to find.
func (s *Sale) offering(ctx context.Context, event ticket.EventID) (*Offering, error) {
	s.mu.Lock()
	known := s.events[event]
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	o, err := s.cfg.Store.Offering(ctx, event)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) >= maxEvents {
		clear(s.events)
	}
	s.events[event] = &o
	return &o, nil
}

// Rules returns one event as gates see it, for reading only.
func (s *Sale) Rules(ctx context.Context, event ticket.EventID) (ticket.Event, error) {
	on, err := s.offering(ctx, event)
	if err != nil {
		return ticket.Event{}, err
	}
	return on.Event, nil
}

// Listing returns one event with its prices and how full it is.
func (s *Sale) Listing(ctx context.Context, event ticket.EventID) (Listing, error) {
	return s.cfg.Store.Listing(ctx, event)
}

// Listings returns at most limit events whose id is greater than after, by id.
func (s *Sale) Listings(ctx context.Context, after ticket.EventID, limit int) ([]Listing, error) {
	return s.cfg.Store.Listings(ctx, after, limit)
}

// Places returns at most limit places of a zone whose number is greater than
// after, by number. A zone that does not exist has none.
func (s *Sale) Places(ctx context.Context, event ticket.EventID, zone uint16, after int32, limit int) ([]PlaceState, error) {
	return s.cfg.Store.Places(ctx, event, zone, after, limit)
}
