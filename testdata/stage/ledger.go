package stage

import (
	"context"
	"net/url"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// Admission is one line of central's ledger.
type Admission struct {
	Seq    uint64    `json:"seq"`
	Ticket ticket.ID `json:"ticket"`
	Device string    `json:"device"`
	Gate   string    `json:"gate"`
	Kind   string    `json:"kind"` // enter or leave
	Time   time.Time `json:"time"`
}

// Ledger lists who went in and out at an event.
func (s *Stage) Ledger(ctx context.Context, event ticket.EventID) (all []Admission, err error) {
	for cursor := ""; ; {
		var page struct {
			Admissions []Admission `json:"admissions"`
			Next       string      `json:"next"`
		}
		path := "/admin/v1/events/" + event.String() + "/ledger?limit=500&cursor=" + url.QueryEscape(cursor)
		if err := s.call(ctx, "GET", path, s.token, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Admissions...)
		if page.Next == "" {
			return all, nil
		}
		cursor = page.Next
	}
}

// AwaitInside waits until the ledger says of a ticket that its holder is in, or
// with false that they are not, so often as it was told that they went in.
func (s *Stage) AwaitInside(ctx context.Context, event ticket.EventID, id ticket.ID, inside bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		all, err := s.Ledger(ctx, event)
		if err != nil {
			return err
		}
		now := false
		for _, a := range all {
			if a.Ticket == id {
				now = a.Kind == "enter"
			}
		}
		if now == inside {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
