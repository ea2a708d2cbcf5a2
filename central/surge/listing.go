package surge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"github.com/con-ting/conting/sync/ticket"
)

// ErrNothingToBuy is wrapped if an event has no free place that the crowd could buy.
var ErrNothingToBuy = errors.New("nothing to buy")

// offer is a place that was free before the surge, and a class in which it is sold. Seat is empty where
// people stand.
type offer struct {
	Zone  uint16 `json:"zone"`
	Class uint8  `json:"class"`
	Seat  string `json:"seat,omitempty"`
}

// listing is what can be bought, in an order by lot.
type listing struct {
	rp     ticket.RelyingParty
	offers []offer
}

// shop reads what the public API says of an event.
type shop struct {
	client *http.Client
	base   string
}

func (s *shop) get(ctx context.Context, path string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(v); err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return nil
}

// list finds what is free in a zone, or in all if it is 0, in classes that go onto phones.
func (s *shop) list(ctx context.Context, event ticket.EventID, zone uint16, seed uint64) (*listing, error) {
	var e struct {
		RelyingParty ticket.RelyingParty `json:"relying_party"`
		Zones        []struct {
			ID   uint16 `json:"id"`
			Free int    `json:"free"`
		} `json:"zones"`
		Classes []struct {
			ID    uint8 `json:"id"`
			Paper bool  `json:"paper"`
			Staff bool  `json:"staff"`
		} `json:"classes"`
		Prices []struct {
			Zone  uint16 `json:"zone"`
			Class uint8  `json:"class"`
		} `json:"prices"`
	}
	path := "/v1/events/" + event.String()
	if err := s.get(ctx, path, &e); err != nil {
		return nil, fmt.Errorf("surge: %w", err)
	}
	bound := make(map[uint8]bool)
	for _, c := range e.Classes {
		bound[c.ID] = !c.Paper && !c.Staff
	}
	l := &listing{rp: e.RelyingParty}
	for _, z := range e.Zones {
		if zone != 0 && z.ID != zone || z.Free == 0 {
			continue
		}
		for _, p := range e.Prices {
			if p.Zone != z.ID || !bound[p.Class] {
				continue
			}
			if err := s.seats(ctx, path, offer{Zone: z.ID, Class: p.Class}, l); err != nil {
				return nil, fmt.Errorf("surge: %w", err)
			}
			break // a place is offered once, in the first class that fits
		}
	}
	if len(l.offers) == 0 {
		return nil, fmt.Errorf("surge: event %s, zone %d: %w", event, zone, ErrNothingToBuy)
	}
	lot := rand.New(rand.NewPCG(seed, 0x5345)) //nolint:gosec // no secret
	lot.Shuffle(len(l.offers), func(i, j int) { l.offers[i], l.offers[j] = l.offers[j], l.offers[i] })
	return l, l.rp.Check()
}

// seats adds the free places of a zone. The seats kept for people with disabilities are left alone.
func (s *shop) seats(ctx context.Context, path string, what offer, l *listing) error {
	query := path + "/seats?zone=" + strconv.Itoa(int(what.Zone)) + "&limit=500"
	for after := ""; ; {
		var page struct {
			Seats []struct {
				Seat       string `json:"seat"`
				State      string `json:"state"`
				Accessible bool   `json:"accessible"`
				Companion  bool   `json:"companion"`
			} `json:"seats"`
			Next string `json:"next"`
		}
		if err := s.get(ctx, query+after, &page); err != nil {
			return err
		}
		for _, seat := range page.Seats {
			if seat.State == "free" && !seat.Accessible && !seat.Companion {
				what.Seat = seat.Seat
				l.offers = append(l.offers, what)
			}
		}
		if page.Next == "" {
			return nil
		}
		after = "&cursor=" + page.Next
	}
}

// base is the address without what may follow the host.
func base(url string) string { return strings.TrimSuffix(url, "/") }
