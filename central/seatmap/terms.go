package seatmap

import (
	"fmt"
	"time"
)

// FirstCome is the one way of selling that there is: whoever asks first for a
// place that is free gets it.
const FirstCome = "first_come"

// The most that terms may say.
const (
	MaxPerPerson    = 50
	MinOfferMinutes = 1
	MaxOfferMinutes = 7 * 24 * 60

	defaultOfferMinutes = 60
)

// Terms say how an event is sold, as opposed to who may enter it.
type Terms struct {
	// Method is how places are given out: [FirstCome].
	Method string `json:"method"`

	// MaxPerPerson is how many places one account may have, held or sold; zero for
	// any number. An event with such a limit is sold to accounts only.
	MaxPerPerson int `json:"max_per_person,omitempty"`

	// RefundUntil is until when who ordered may give all of an order back, in Unix
	// seconds; zero for never, which leaves it to the organiser.
	RefundUntil int64 `json:"refund_until,omitempty"`

	// OfferMinutes is how long a place is kept for the one who waited for it.
	OfferMinutes int `json:"offer_minutes,omitempty"`
}

// OfferLifetime is OfferMinutes as a duration, or what stands for it where the plan
// says nothing.
func (t Terms) OfferLifetime() time.Duration {
	if t.OfferMinutes == 0 {
		return defaultOfferMinutes * time.Minute
	}
	return time.Duration(t.OfferMinutes) * time.Minute
}

// Refundable reports whether who ordered may still give an order back.
func (t Terms) Refundable(now time.Time) bool { return now.Unix() < t.RefundUntil }

// fileTerms are the terms as the plan writes them.
type fileTerms struct {
	Method       string    `json:"method"`
	MaxPerPerson int       `json:"max_per_person"`
	RefundUntil  time.Time `json:"refund_until"`
	OfferMinutes int       `json:"offer_minutes"`
}

func (f *fileTerms) terms(ends int64) (Terms, error) {
	t := Terms{Method: f.Method, MaxPerPerson: f.MaxPerPerson, RefundUntil: unix(f.RefundUntil), OfferMinutes: f.OfferMinutes}
	if t.Method == "" {
		t.Method = FirstCome
	}
	switch {
	case t.Method != FirstCome:
		return t, &Error{"event.sale.method", fmt.Sprintf("%q is not a way of selling that this program knows", t.Method), fmt.Sprintf("use %q", FirstCome)}
	case t.MaxPerPerson < 0 || t.MaxPerPerson > MaxPerPerson:
		return t, &Error{"event.sale.max_per_person", fmt.Sprintf("%d places", t.MaxPerPerson), fmt.Sprintf("use 1 to %d, or leave it out", MaxPerPerson)}
	case t.RefundUntil < 0 || t.RefundUntil > ends:
		return t, &Error{"event.sale.refund_until", "after the event's end", "use a time before it"}
	case t.OfferMinutes != 0 && (t.OfferMinutes < MinOfferMinutes || t.OfferMinutes > MaxOfferMinutes):
		return t, &Error{"event.sale.offer_minutes", fmt.Sprintf("%d minutes", t.OfferMinutes), fmt.Sprintf("use %d to %d, or leave it out", MinOfferMinutes, MaxOfferMinutes)}
	}
	return t, nil
}
