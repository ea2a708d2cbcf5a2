// Package pay is how central takes and returns money: one interface that
// providers fill, and a sandbox that moves none. Stripe is in a package below it.
//
// It keeps no record of orders and decides nothing about seats; the sale does.
// A provider's answer is trusted as far as its state, reference and amount go;
// what somebody posts to a webhook only as far as that it names a payment to ask
// about. No card number ever passes here: a token is what the provider's own form
// in the buyer's browser returned.
//
// The interface has the steps of all kinds of providers. One that authorises and
// then captures (Stripe) has the buyer allow the charge between Begin and
// Confirm, which captures. One whose form returns a token that the shop confirms
// (Toss, PortOne) gets that token in Confirm. One that needs nothing of the buyer
// (the sandbox, if it is told the token at once) is confirmed after Begin. One
// that asks the shop before it charges has Webhook return a [Notice] that Asks.
//
// Every payment has a key. A provider must make one payment, one charge and one
// refund of each however often it is asked, so that a caller who lost the answer
// simply asks again.
package pay

import (
	"context"
	"errors"
	"net/http"
)

// Errors that a [Provider] returns. Any other error means that the outcome is
// not known: the money may have moved, and only Get can tell.
var (
	// ErrDeclined means that the provider refused for good and took nothing.
	ErrDeclined = errors.New("payment declined")

	// ErrNotAuthorised means that the buyer has not allowed the charge yet.
	// Nothing was taken; it can be confirmed once the buyer has.
	ErrNotAuthorised = errors.New("the buyer has not authorised the payment")

	// ErrUnknownPayment means that the provider has no payment of that
	// reference, so none was charged.
	ErrUnknownPayment = errors.New("unknown payment")

	// ErrKeyReused means that a key came again with another amount or currency.
	ErrKeyReused = errors.New("payment key reused for another request")

	// ErrBadToken means that the token is none of this provider's. Nothing was
	// taken.
	ErrBadToken = errors.New("payment token is not valid")

	// ErrCurrency means that the provider cannot take this amount of this
	// currency.
	ErrCurrency = errors.New("the provider does not take this amount and currency")

	// ErrUnavailable is for callers that lost the answer to a Begin, after which
	// nothing is taken whatever became of it.
	ErrUnavailable = errors.New("the payment provider does not answer")

	// ErrForged means that a webhook is not the provider's, or too old.
	ErrForged = errors.New("webhook is not the provider's")
)

// State is how far a payment has come.
type State string

// The states of a payment, in order.
const (
	Begun      State = "begun"      // known to the provider; the buyer has not allowed it, or it is under way
	Authorised State = "authorised" // the buyer has allowed it; nothing is taken until Confirm
	Succeeded  State = "succeeded"  // the money is taken
	Failed     State = "failed"     // nothing was or ever will be taken
	Refunded   State = "refunded"   // all of the money went back
)

// Request is what to take from whom.
type Request struct {
	Key      string // names this attempt for ever; at most 64 bytes
	Order    string // for the buyer's statement
	Amount   int64  // in the currency's smallest unit; more than zero
	Currency string // ISO 4217, three capitals

	// Token is what the provider's form returned, where that came before Begin;
	// at most [MaxToken] bytes. Else it is empty.
	Token string
}

// MaxToken is the longest token, in bytes.
const MaxToken = 256

// MaxWebhook is the longest body of a webhook, in bytes.
const MaxWebhook = 64 << 10

// Payment is the provider's view of one attempt.
type Payment struct {
	Reference string // the provider's name for it, at most 255 bytes
	State     State
	Amount    int64
	Currency  string
}

// ActionKind says what the buyer's browser has to do.
type ActionKind string

// What a browser has to do between Begin and Confirm.
const (
	ActionNone     ActionKind = "none"     // nothing
	ActionToken    ActionKind = "token"    // show the provider's form with Fields, and hand on the token that it returns
	ActionScript   ActionKind = "script"   // give Secret and Fields to the provider's script, which lets the buyer allow the charge
	ActionRedirect ActionKind = "redirect" // go to URL
)

// Action is what the buyer's browser has to do before Confirm.
type Action struct {
	Kind   ActionKind
	Secret string            // for this buyer alone; never logged or stored
	URL    string            // https
	Fields map[string]string // may be seen by anybody
}

// Notice is what a webhook was about. The zero Notice is about nothing that
// matters here.
type Notice struct {
	Reference string // of the payment whose state may have changed

	// Asks is set when the provider asks whether it may take the money now, and
	// takes it only if the webhook is answered with success.
	Asks bool
}

// Provider is a payment service. Calls end when their context does; then the
// outcome is unknown. It must be safe for concurrent use.
type Provider interface {
	// Begin announces a payment, takes nothing, and says what the buyer's browser
	// has to do. The same key is the same payment and the same action.
	Begin(ctx context.Context, r Request) (Payment, Action, error)

	// Confirm takes the money. Token is empty unless the buyer's browser has just
	// returned one; without it the provider goes by what it knows. It must return
	// an error wrapping [ErrDeclined] only if nothing was or ever will be taken,
	// and [ErrNotAuthorised] or [ErrBadToken] only if this call takes nothing.
	// Confirming twice is confirming once.
	Confirm(ctx context.Context, reference, token string) (Payment, error)

	// Cancel gives up a payment that took nothing. Only if it returns one that is
	// [Failed] is it certain that nothing ever will be taken, also not by a Confirm
	// that is still on its way. One that was charged already is returned as it is.
	Cancel(ctx context.Context, reference string) (Payment, error)

	// Refund returns the whole amount. Refunding twice is one refund.
	Refund(ctx context.Context, reference string) (Payment, error)

	// Get tells the present state. It must return an error wrapping
	// [ErrUnknownPayment] only if there is no such payment.
	Get(ctx context.Context, reference string) (Payment, error)

	// Webhook tells which payment a message is about, that somebody who says to be
	// the provider has posted. It believes nothing else in it. The body has at most
	// [MaxWebhook] bytes. An error wraps [ErrForged] if the provider signs its
	// messages and this one it did not.
	Webhook(ctx context.Context, header http.Header, body []byte) (Notice, error)
}
