package surge

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// SaleConfig is a crowd that wants tickets.
type SaleConfig struct {
	URL    string
	Event  ticket.EventID
	People int
	Seed   uint64

	// Zone is the one in which they buy; 0 for all.
	Zone uint16

	// Fight is how many want the same seat first, 1 or more. Zero means 4.
	Fight int

	// Access makes an access token for an account, for the queue.
	Access func(account string) (token string, expires time.Time)

	// Client asks what there is to buy, before the surge.
	Client *http.Client
}

// Sale is that [Crowd]: everybody stands in the queue, if the event has one, chooses a seat, holds it for
// their passkey and pays with the sandbox. Whoever finds a seat taken tries another.
type Sale struct {
	cfg     SaleConfig
	write   writer
	listing *listing
	signUp  visitors
	buyers  []buyer
	gone    []atomic.Bool // offers that somebody is known to have
}

// OpenSale reads what there is to buy and makes the people, who still have to sign up: Run the surge of
// [Sale.SignUp] first.
func OpenSale(ctx context.Context, cfg SaleConfig) (*Sale, error) {
	if cfg.Fight == 0 {
		cfg.Fight = 4
	}
	if cfg.Access == nil || cfg.Client == nil || cfg.Fight < 1 || cfg.People < 1 || cfg.People > MaxPeople {
		return nil, errors.New("surge: access tokens, a client and people are required")
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("surge: %w", err)
	}
	s := &Sale{cfg: cfg, buyers: make([]buyer, cfg.People)}
	if s.listing, err = (&shop{client: cfg.Client, base: base(cfg.URL)}).list(ctx, cfg.Event, cfg.Zone, cfg.Seed); err != nil {
		return nil, err
	}
	s.gone = make([]atomic.Bool, len(s.listing.offers))
	s.write = writer{host: u.Host, origin: s.listing.rp.Origin}
	s.signUp = visitors{write: s.write, rp: s.listing.rp, prefix: rand.Text(), people: make([]visitor, cfg.People)}
	for i := range s.buyers {
		if s.signUp.people[i].key, err = newPasskey(); err != nil {
			return nil, err
		}
		b := &s.buyers[i]
		b.visitor = &s.signUp.people[i]
		b.at = i / cfg.Fight % len(s.listing.offers)
		if _, err := rand.Read(b.nonce[:]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// SignUp is the [Crowd] of the same people that makes their accounts.
func (s *Sale) SignUp() Crowd { return &s.signUp }

// ErrOtherParty is wrapped if an event takes passkeys that this central does not make.
var ErrOtherParty = errors.New("the event's relying party is not central's own")

// SignedUp is how many have an account. The error says why nobody could get one.
func (s *Sale) SignedUp() (n int, err error) {
	if other := s.signUp.other.Load(); other != nil {
		return 0, fmt.Errorf("surge: %s and %s: %w", s.listing.rp.ID, *other, ErrOtherParty)
	}
	for i := range s.signUp.people {
		if s.signUp.people[i].account != "" {
			n++
		}
	}
	return n, nil
}

// Counts implements [Counter]: how many were admitted and have paid; how often a seat was found taken; how
// many seats were paid for by two (double_sales); how many gave up, without an account or on the way; and
// how many were sold each second, from the first to the last.
func (s *Sale) Counts() map[string]int64 {
	signedUp, _ := s.SignedUp() // or nobody
	c := map[string]int64{"signed_up": int64(signedUp), "admitted": 0, "paid": 0, "seats_taken": 0, "double_sales": 0, "gave_up": 0, "unfinished": 0}
	sold := make(map[string]int)
	var first, last time.Duration
	for i := range s.buyers {
		b := &s.buyers[i]
		c["seats_taken"] += int64(b.taken)
		if b.admission != "" {
			c["admitted"]++
		}
		switch b.step {
		case stepPaid:
			if first == 0 || b.paid < first {
				first = b.paid
			}
			last = max(last, b.paid)
			c["paid"]++
			for _, place := range b.places {
				if sold[place]++; sold[place] == 2 {
					c["double_sales"]++
				}
			}
		case stepGone:
			c["gave_up"]++
		default:
			c["unfinished"]++
		}
	}
	if c["paid"] > 1 && last > first {
		c["paid_per_s"] = int64(float64(c["paid"]) / (last - first).Seconds())
	}
	return c
}

// key is the idempotency key of a buyer's attempt.
func (b *buyer) key(what string) string {
	return what + "-" + hex.EncodeToString(b.nonce[:]) + "-" + fmt.Sprint(b.taken)
}
