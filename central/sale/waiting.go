package sale

import (
	"context"
	"errors"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// MaxWaitPlaces is how many places one may wait for at once.
const MaxWaitPlaces = 4

// maxListed is how many offers, or places in line, of one account are listed: the newest.
const maxListed = 100

// Errors of those who wait.
var (
	ErrPlacesFree   = errors.New("places of this zone are free: nobody need wait")
	ErrWaitPlaces   = errors.New("one may wait for 1 to 4 places")
	ErrNotWaiting   = errors.New("the account does not wait here")
	ErrUnknownOffer = errors.New("unknown offer")
)

// WaitState is what became of somebody who waits.
type WaitState string

// The states of a place in line. Only the first two are still to come to something.
const (
	WaitWaiting  WaitState = "waiting"
	WaitOffered  WaitState = "offered"  // places are kept for them
	WaitAccepted WaitState = "accepted" // they ordered
	WaitDeclined WaitState = "declined"
	WaitMissed   WaitState = "missed" // their offer ran out
	WaitLeft     WaitState = "left"
	WaitEnded    WaitState = "ended" // the event was called off
)

// Wait is a place in the line for a zone that is full. While anybody stands in it,
// whatever becomes free in the zone is theirs: in the order of their numbers, each
// as soon as there are as many places as they wait for. Places that are too few for
// all who wait are sold to nobody else, but not kept from anybody either: who joins
// the line for no more than those is offered them at once.
type Wait struct {
	Event   ticket.EventID
	Number  uint64 // 1, 2, 3 … within the event
	Zone    uint16
	Class   uint8
	Account string
	Places  int // 1 to [MaxWaitPlaces]
	State   WaitState
	Ahead   int // how many wait for the zone with smaller numbers
	Created time.Time
}

// OfferState is what became of an offer.
type OfferState string

// The states of an offer.
const (
	OfferOpen     OfferState = "open" // until Expires
	OfferAccepted OfferState = "accepted"
	OfferDeclined OfferState = "declined"
	OfferMissed   OfferState = "missed"
	OfferEnded    OfferState = "ended" // the event was called off
)

// Offer is places that are kept for the one whose turn it is, and for nobody else.
type Offer struct {
	ID      string // 32 hexadecimal digits
	Event   ticket.EventID
	Number  uint64 // of the place in line
	Zone    uint16
	Class   uint8
	Account string
	Places  int
	Seats   []string // while it is open; empty where people stand
	State   OfferState
	Created time.Time
	Expires time.Time
	Order   string // that accepted it
}

// ZoneKey names a zone of an event.
type ZoneKey struct {
	Event ticket.EventID
	Zone  uint16
}

// Waiting keeps who waits and what they were offered. A place that is set free by
// [Orders.RefundOrder], or by any method here, is offered to the next in the same
// transaction; for what the end of a hold sets free there is OfferFree.
type Waiting interface {
	// Wait puts an account in line, and offers what is free to the first for whom it
	// is enough. Whoever is there already stays. [ErrPlacesFree] while places are free and nobody waits, [ErrLimit] if more than limit places
	// would be the account's (zero is none), [ErrNotSold] and [ErrCancelled].
	Wait(ctx context.Context, w Wait, limit int) (Wait, error)

	// Waits lists an account's places in line, newest first, of one event or of all.
	Waits(ctx context.Context, account string, event ticket.EventID, limit int) ([]Wait, error)

	// Leave takes an account out of the line of a zone, or of all zones of the event,
	// and declines what it was offered there. It returns how many it left.
	Leave(ctx context.Context, account string, event ticket.EventID, zone uint16) (int, error)

	// Offer returns an account's offer, or [ErrUnknownOffer]; Offers lists the newest.
	Offer(ctx context.Context, account, id string) (Offer, error)
	Offers(ctx context.Context, account string, limit int) ([]Offer, error)

	// DeclineOffer ends an open offer of the account, or returns [ErrOfferClosed].
	DeclineOffer(ctx context.Context, account, id string) error

	// EndOffers ends at most limit offers that have run out, and says how many.
	EndOffers(ctx context.Context, limit int) (int, error)

	// WaitedZones lists zones for which somebody waits.
	WaitedZones(ctx context.Context, limit int) ([]ZoneKey, error)

	// OfferFree offers what is free in a zone to those who wait, and says how many
	// offers it made.
	OfferFree(ctx context.Context, z ZoneKey) (int, error)
}

// WaitFor puts an account in line for places of a zone.
func (s *Sale) WaitFor(ctx context.Context, w Wait) (Wait, error) {
	on, err := s.offering(ctx, w.Event)
	if err != nil {
		return Wait{}, err
	}
	switch class, ok := on.Event.Class(w.Class); {
	case s.cfg.Now().Unix() >= on.Event.Ends:
		return Wait{}, ErrSaleClosed
	case !ok || class.Staff:
		return Wait{}, ErrNotSold
	case w.Account == "":
		return Wait{}, ErrAccountNeeded
	case w.Places < 1 || w.Places > MaxWaitPlaces:
		return Wait{}, ErrWaitPlaces
	}
	w, err = s.cfg.Store.Wait(ctx, w, on.Terms.MaxPerPerson)
	if err == nil && w.State == WaitOffered {
		s.cfg.Changed()
	}
	return w, err
}

// Waits lists an account's places in line, newest first; event zero is all events.
func (s *Sale) Waits(ctx context.Context, account string, event ticket.EventID) ([]Wait, error) {
	return s.cfg.Store.Waits(ctx, account, event, maxListed)
}

// Leave takes an account out of the line for a zone; zone zero is all of the event's.
func (s *Sale) Leave(ctx context.Context, account string, event ticket.EventID, zone uint16) error {
	n, err := s.cfg.Store.Leave(ctx, account, event, zone)
	if err == nil && n == 0 {
		err = ErrNotWaiting
	}
	s.cfg.Changed()
	return err
}

// Offered lists what an account was offered, newest first.
func (s *Sale) Offered(ctx context.Context, account string) ([]Offer, error) {
	return s.cfg.Store.Offers(ctx, account, maxListed)
}

// Offer returns one of the account's offers. It is accepted by an order that names
// it ([HoldRequest.Offer]).
func (s *Sale) Offer(ctx context.Context, account, id string) (Offer, error) {
	if !isID(id) {
		return Offer{}, ErrUnknownOffer
	}
	return s.cfg.Store.Offer(ctx, account, id)
}

// Decline gives an offer up; its places go to the next at once.
func (s *Sale) Decline(ctx context.Context, account, id string) error {
	if _, err := s.Offer(ctx, account, id); err != nil {
		return err
	}
	err := s.cfg.Store.DeclineOffer(ctx, account, id)
	s.cfg.Changed()
	return err
}

const (
	offersBatch = 100
	zonesBatch  = 1000
)

// Offers is one step of the work that goes on by itself: it ends the offers that
// have run out and offers what has become free to those who wait. It returns how
// many offers it ended or made; call it again at once if that is not zero. It is
// safe to run in several processes; one is enough.
func (s *Sale) Offers(ctx context.Context) (done int, err error) {
	if done, err = s.cfg.Store.EndOffers(ctx, offersBatch); err != nil {
		return done, err
	}
	zones, err := s.cfg.Store.WaitedZones(ctx, zonesBatch)
	if err != nil {
		return done, err
	}
	for _, z := range zones {
		n, err := s.cfg.Store.OfferFree(ctx, z)
		if done += n; err != nil {
			return done, err
		}
	}
	if done > 0 {
		s.cfg.Changed()
	}
	return done, nil
}
