package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/con-ting/conting/central/pay"
)

// intent is as much of a PaymentIntent as is read.
type intent struct {
	ID             string  `json:"id"`
	Object         string  `json:"object"`
	Status         string  `json:"status"`
	Amount         int64   `json:"amount"`
	AmountReceived int64   `json:"amount_received"`
	Currency       string  `json:"currency"`
	ClientSecret   string  `json:"client_secret"`
	LatestCharge   *charge `json:"latest_charge"`
}

// charge is as much of a Charge as is read. Where it is not expanded it is its id.
type charge struct {
	Refunded bool `json:"refunded"`
	Refunds  struct {
		Data []refund `json:"data"`
	} `json:"refunds"`
}

type refund struct {
	Status string `json:"status"`
}

// UnmarshalJSON reads a charge, or leaves it zero for a mere id.
func (c *charge) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return nil
	}
	type whole charge
	return unmarshal(data, (*whole)(c))
}

func (i *intent) refunds() int {
	if i.LatestCharge == nil {
		return 0
	}
	return len(i.LatestCharge.Refunds.Data)
}

// payment is a PaymentIntent as the shop knows it.
func (i *intent) payment() (pay.Payment, error) {
	if i.Object != "payment_intent" || !strings.HasPrefix(i.ID, intentPrefix) {
		return pay.Payment{}, errors.New("stripe: the answer is no PaymentIntent")
	}
	p := pay.Payment{Reference: i.ID, Currency: strings.ToUpper(i.Currency)}
	amount := i.Amount
	switch i.Status {
	case "requires_payment_method", "requires_confirmation", "requires_action", "processing":
		p.State = pay.Begun
	case "requires_capture":
		p.State = pay.Authorised
	case "canceled":
		p.State = pay.Failed
	case "succeeded":
		p.State, amount = pay.Succeeded, i.AmountReceived
		if i.LatestCharge != nil && i.LatestCharge.Refunded {
			p.State = pay.Refunded
		}
	default:
		return pay.Payment{}, fmt.Errorf("stripe: a PaymentIntent is %q", printable(i.Status))
	}
	var err error
	p.Amount, err = fromStripe(amount, p.Currency)
	return p, err
}

const intentPrefix = "pi_"

// intentPath is where a PaymentIntent is. A reference that is none of Stripe's is an
// unknown payment.
func intentPath(reference string) (string, error) {
	rest, ours := strings.CutPrefix(reference, intentPrefix)
	if !ours || rest == "" || len(reference) > 255 || strings.Trim(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return "", fmt.Errorf("stripe: %w", pay.ErrUnknownPayment)
	}
	return "/v1/payment_intents/" + reference, nil
}

func (s *Stripe) get(ctx context.Context, reference string) (intent, error) {
	path, err := intentPath(reference)
	if err != nil {
		return intent{}, err
	}
	var i intent
	err = s.call(ctx, "GET", path+"?"+url.Values{"expand[]": {"latest_charge.refunds"}}.Encode(), "", nil, &i)
	return i, err
}

// Stripe counts in the currency's smallest unit as ISO 4217 does, but for these.
// https://docs.stripe.com/currencies
func scale(currency string) (times, step int64, err error) {
	switch currency {
	case "ISK", "UGX": // without decimals, and written with two
		return 100, 1, nil
	case "BHD", "JOD", "KWD", "OMR", "TND": // three decimals, the last a zero
		return 1, 10, nil
	case "MGA", "MRU": // fifths
		return 0, 0, fmt.Errorf("%s: %w", currency, pay.ErrCurrency)
	}
	if len(currency) != 3 || strings.Trim(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return 0, 0, fmt.Errorf("%q: %w", currency, pay.ErrCurrency)
	}
	return 1, 1, nil
}

// maxAmount is the most that Stripe takes: eight digits, or twelve of some
// currencies. It refuses what is too much for the currency.
const maxAmount = 999_999_999_999

func toStripe(amount int64, currency string) (string, error) {
	times, step, err := scale(currency)
	if err != nil {
		return "", err
	}
	if amount < 1 || amount > maxAmount/times || amount%step != 0 {
		return "", fmt.Errorf("%d %s: %w", amount, currency, pay.ErrCurrency)
	}
	return strconv.FormatInt(amount*times, 10), nil
}

func fromStripe(amount int64, currency string) (int64, error) {
	times, _, err := scale(currency)
	if err != nil {
		return 0, err
	}
	if amount < 0 || amount%times != 0 {
		return 0, fmt.Errorf("stripe: %d %s is a part of the smallest unit", amount, currency)
	}
	return amount / times, nil
}
