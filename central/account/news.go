package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io"
	"time"
)

// What other rooms tell people about by letter.
const (
	LetterOffer    Topic = "offer"    // a place is kept for them, for a while
	LetterPaid     Topic = "paid"     // an order is paid
	LetterRefunded Topic = "refunded" // an order's money goes back
)

// News is something that a person is to be told.
type News struct {
	// Key names it among all that is ever told: the same key is the same letter,
	// however often it is told.
	Key string

	Topic   Topic  // LetterOffer, LetterPaid or LetterRefunded
	Account string // whom
	Event   string // its name
	Until   string // until when, as people there write the time; empty for no end

	// Ends is after when there is no sense in telling; zero means a day from now.
	Ends time.Time
}

// maxNews is how much news of one topic may be under way to one person.
const maxNews = 200

// Tell orders the letter, if the person is still known and has confirmed an address:
// else it does nothing. It may be called again.
func (a *Accounts) Tell(ctx context.Context, n News) error {
	if a.cfg.Mail == nil {
		return nil
	}
	acc, err := a.cfg.Store.ByID(ctx, n.Account)
	if errors.Is(err, ErrUnknown) || err == nil && !acc.Verified {
		return nil
	}
	if err != nil {
		return err
	}
	l, err := a.newLetter(n.Topic, acc.Email, acc.ID, acc.Language)
	if err != nil {
		return err
	}
	m := hmac.New(sha256.New, a.letters[:])
	_, _ = io.WriteString(m, "news\x00"+n.Key)
	l.ID = LetterID(m.Sum(nil)[:len(l.ID)])
	l.Facts = Facts{Event: n.Event, Until: n.Until}
	if !n.Ends.IsZero() {
		l.Expires = n.Ends
	}
	if !a.cfg.Now().Before(l.Expires) {
		return nil
	}
	if err := a.cfg.Store.AddLetter(ctx, l, maxNews); err != nil {
		return err
	}
	a.poke()
	return nil
}
