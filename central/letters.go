package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// letters turns what became true of orders and offers into letters. A letter is
// stored by the key of its row, so a row that comes again orders none again.
func (s *server) letters() outbox.Consumer {
	return outbox.Consumer{
		Name: "mail", Kinds: []outbox.Kind{outbox.OfferMade, outbox.OrderPaid, outbox.OrderRefunded},
		Handle: func(ctx context.Context, rows []outbox.Row) error {
			for _, r := range rows {
				if err := s.tell(ctx, r); err != nil {
					return fmt.Errorf("letter for row %d: %w", r.Seq, err)
				}
			}
			return nil
		},
	}
}

// tell orders the letter of one row, if it is to be one.
func (s *server) tell(ctx context.Context, r outbox.Row) error {
	if r.Account == "" {
		return nil
	}
	event, err := s.sale.Rules(ctx, r.Event)
	if errors.Is(err, sale.ErrUnknownEvent) {
		return nil
	}
	if err != nil {
		return err
	}
	n := account.News{Key: fmt.Sprintf("%s/%d", r.Kind, r.Seq), Account: r.Account, Event: event.Name}
	switch r.Kind { //nolint:exhaustive // those of the consumer
	case outbox.OrderPaid:
		n.Topic = account.LetterPaid
	case outbox.OrderRefunded:
		n.Topic = account.LetterRefunded
	case outbox.OfferMade:
		var offer struct {
			Expires time.Time `json:"expires"`
		}
		if err := json.Unmarshal(r.Body, &offer); err != nil {
			return err
		}
		n.Topic, n.Ends, n.Until = account.LetterOffer, offer.Expires, local(offer.Expires, &event)
	default:
		return nil
	}
	return s.accounts.Tell(ctx, n)
}

// local is a time as it is written where an event takes place.
func local(at time.Time, e *ticket.Event) string {
	zone, err := time.LoadLocation(e.Timezone)
	if err != nil {
		zone = time.UTC
	}
	return at.In(zone).Format("2006-01-02 15:04 (MST)")
}
