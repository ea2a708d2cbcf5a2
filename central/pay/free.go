package pay

import (
	"context"
	"net/http"
	"strings"
)

// FreeName is what [Free] is called where providers have names.
const FreeName = "free"

// Free is the provider for what costs nothing: real ones refuse to charge that. It
// keeps no book; a payment is what its reference says. It is allowed from the
// beginning and every Confirm succeeds.
type Free struct{}

const freePrefix = "free_"

// Begin implements [Provider].
func (Free) Begin(_ context.Context, r Request) (Payment, Action, error) {
	if r.Amount != 0 {
		return Payment{}, Action{}, ErrCurrency
	}
	p, err := free(freePrefix+r.Currency+"_"+r.Key, Authorised)
	return p, Action{Kind: ActionNone}, err
}

func free(reference string, state State) (Payment, error) {
	rest, ours := strings.CutPrefix(reference, freePrefix)
	currency, _, ok := strings.Cut(rest, "_")
	if !ours || !ok {
		return Payment{}, ErrUnknownPayment
	}
	return Payment{Reference: reference, State: state, Currency: currency}, nil
}

// Confirm implements [Provider].
func (Free) Confirm(_ context.Context, reference, _ string) (Payment, error) {
	return free(reference, Succeeded)
}

// Cancel implements [Provider].
func (Free) Cancel(_ context.Context, reference string) (Payment, error) {
	return free(reference, Failed)
}

// Refund implements [Provider].
func (Free) Refund(_ context.Context, reference string) (Payment, error) {
	return free(reference, Refunded)
}

// Get implements [Provider].
func (Free) Get(_ context.Context, reference string) (Payment, error) {
	return free(reference, Authorised)
}

// Webhook implements [Provider].
func (Free) Webhook(context.Context, http.Header, []byte) (Notice, error) {
	return Notice{}, ErrForged
}
