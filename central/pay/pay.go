// Package pay is how central takes and returns money: one interface that
// providers fill, and the sandbox that moves none.
//
// It keeps no record of orders and decides nothing about seats; the sale does.
// A provider's answer is trusted as far as its state, reference and amount go.
// No card number ever passes here: the token is what the provider's own form in
// the buyer's browser returned.
//
// Every call carries a key. A provider must make one payment, one charge and one
// refund of each key however often it is asked, so that a caller who lost the
// answer simply asks again.
package pay

import (
	"context"
	"errors"
)

// Errors that a [Provider] returns. Any other error means that the outcome is
// not known: the money may have moved, and only Get can tell.
var (
	// ErrDeclined means that the provider refused for good and took nothing.
	ErrDeclined = errors.New("payment declined")

	// ErrUnknownPayment means that the provider has no payment of that
	// reference, so none was charged.
	ErrUnknownPayment = errors.New("unknown payment")

	// ErrKeyReused means that a key came again with another amount or currency.
	ErrKeyReused = errors.New("payment key reused for another request")

	// ErrBadToken means that the token is none of this provider's.
	ErrBadToken = errors.New("payment token is not valid")
)

// State is how far a payment has come.
type State string

// The states of a payment, in order.
const (
	Begun     State = "begun"     // known to the provider, nothing taken
	Succeeded State = "succeeded" // the money is taken
	Failed    State = "failed"    // nothing was or will be taken
	Refunded  State = "refunded"  // the money went back
)

// Request is what to take from whom.
type Request struct {
	Key      string // names this attempt for ever; at most 64 bytes
	Order    string // for the buyer's statement
	Amount   int64  // in the currency's smallest unit
	Currency string // ISO 4217
	Token    string // from the provider's form; at most [MaxToken] bytes
}

// MaxToken is the longest token, in bytes.
const MaxToken = 256

// Payment is the provider's view of one attempt.
type Payment struct {
	Reference string // the provider's name for it
	State     State
	Amount    int64
	Currency  string
}

// Provider is a payment service. Calls end when their context does; then the
// outcome is unknown. Confirm-style services (the buyer approves first, the shop
// confirms) and charge-at-once services both fit: the latter charge in Confirm.
type Provider interface {
	// Begin announces a payment and takes nothing.
	Begin(ctx context.Context, r Request) (Payment, error)

	// Confirm takes the money. It must return an error wrapping [ErrDeclined]
	// only if nothing was or will be taken.
	Confirm(ctx context.Context, reference string) (Payment, error)

	// Refund returns the whole amount. Refunding twice is one refund.
	Refund(ctx context.Context, reference string) (Payment, error)

	// Get tells the present state. It must return an error wrapping
	// [ErrUnknownPayment] if there is no such payment.
	Get(ctx context.Context, reference string) (Payment, error)
}
