package sale

import (
	"context"
	"time"
)

// PaymentState is how far a payment has come in our own books.
type PaymentState string

// The states of a payment. An order keeps its places for a payment only while
// that is begun, and has at most one such.
const (
	PaymentOpened    PaymentState = "opened"     // the buyer is asked to allow it; the order is held, and its hold runs
	PaymentBegun     PaymentState = "begun"      // its money is being taken; the order's places are kept until that has ended
	PaymentSucceeded PaymentState = "succeeded"  // taken
	PaymentFailed    PaymentState = "failed"     // nothing was taken
	PaymentRefundDue PaymentState = "refund_due" // taken, and must go back
	PaymentRefunded  PaymentState = "refunded"   // went back
)

// MaxPayments is how many payments one order may have, one after another: whoever
// tries out stolen cards needs many.
const MaxPayments = 16

// Payment is one attempt to pay an order.
type Payment struct {
	ID        string // ours, 32 hexadecimal digits, and the provider's idempotency key
	Order     string
	Provider  string
	Reference string // the provider's
	Amount    int64
	Currency  string
	State     PaymentState
	Pinned    time.Time // since when the order's places are kept for it; zero before
	Tries     int       // how often Unsettled returned it
}

// Sold says whether a payment that was charged bought its order.
type Sold int

// What [Payments.Sell] answers.
const (
	NotSold    Sold = iota // the money goes back
	SoldNow                // the tickets are those of the call
	SoldBefore             // the tickets are those of an earlier call
)

// Payments keeps what was charged.
type Payments interface {
	// OpenPayment stores a payment that the buyer is asked to allow, of a held order
	// whose hold has not run out. An order has one such of each provider: if there
	// is another it is returned instead. Other orders get [ErrHoldExpired], and
	// those with [MaxPayments] already [ErrTooManyPayments]. Unsettled returns it
	// from due on.
	OpenPayment(ctx context.Context, p Payment, due time.Time) (Payment, error)

	// BeginPayment moves a held order whose hold has not run out to paying, keeps
	// its places until the payment has ended, and stores p, or moves it on if it was
	// opened before. It reports false, and changes nothing, when the order is not
	// such a one or the payment has ended; [ErrTooManyPayments] if it has
	// [MaxPayments] already.
	BeginPayment(ctx context.Context, p Payment) (bool, error)

	// FailPayment ends a payment that took nothing and never will; if its order is
	// paying with it, that is held again.
	FailPayment(ctx context.Context, id string) error

	// Sell ends a payment that was charged. If its order is paying with it and
	// still has its places, the places are sold, the order paid, the tickets stored,
	// one for each item in their order, with a line in the outbox for each. If not,
	// the payment is due to go back. A second call changes nothing: it finds the order
	// [SoldBefore], with the tickets of the first, or [NotSold].
	Sell(ctx context.Context, id string, tickets []Issued) (Sold, error)

	// EndRefund notes that a payment's money went back, and OweRefund that it came
	// back to us after all and is due again.
	EndRefund(ctx context.Context, id string) error
	OweRefund(ctx context.Context, id string) error

	// Payment returns one payment, and PaymentOf the one that a provider knows by
	// that reference; an error wraps [ErrUnknownPayment] if there is none.
	Payment(ctx context.Context, id string) (Payment, error)
	PaymentOf(ctx context.Context, provider, reference string) (Payment, error)

	// OpenedPayment returns the payment of an order and provider that is opened; an
	// error wraps [ErrUnknownPayment] if there is none.
	OpenedPayment(ctx context.Context, order, provider string) (Payment, error)

	// Unsettled returns payments that are opened, begun, or due to go back, and are
	// due now. It puts each off, for longer the more often it was returned, so that
	// nobody else gets it too.
	Unsettled(ctx context.Context, limit int) ([]Payment, error)
}
