package pay

import (
	"fmt"
	"strings"
	"time"
)

// Tokens that the sandbox understands. Each always ends the same way. The first
// group answers at once; the second takes the money without Confirm saying so,
// which is what webhooks are for.
const (
	TokenOK            = "ok"              // taken at once
	TokenDeclined      = "declined"        // refused
	TokenCaptureFails  = "capture-fails"   // the buyer's bank allows it, and Confirm is refused all the same
	TokenTimeout       = "timeout"         // Confirm never answers and takes nothing
	TokenTimeoutThenOK = "timeout-then-ok" // #nosec G101 -- the first Confirm's answer is lost though the money is taken
	TokenRefundTimeout = "refund-timeout"  // #nosec G101 -- taken at once; the first Refund's answer is lost and nothing went back

	TokenWebhookLate  = "webhook-late"  // taken after [SandboxConfig.Late]; then a webhook says so
	TokenWebhookTwice = "webhook-twice" // taken at once; two webhooks say so
	TokenWebhookNever = "webhook-never" // taken at once; nobody is told
)

// Tokens lists what the sandbox understands, for people to choose from.
func Tokens() []string {
	return []string{
		TokenOK, TokenDeclined, TokenCaptureFails, TokenTimeout, TokenTimeoutThenOK, TokenRefundTimeout,
		TokenWebhookLate, TokenWebhookTwice, TokenWebhookNever,
	}
}

// checkToken returns an error wrapping [ErrBadToken] for what is no token of the
// sandbox.
func checkToken(token string) error {
	for _, t := range Tokens() {
		if t == token {
			return nil
		}
	}
	return fmt.Errorf("the sandbox knows %s: %w", strings.Join(Tokens(), ", "), ErrBadToken)
}

// attempt is one payment in the sandbox's book.
type attempt struct {
	Reference string `json:"reference"`
	State     State  `json:"state"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Token     string `json:"token,omitempty"`

	Takes    int64 `json:"takes,omitempty"`    // Unix milliseconds when the money is taken without Confirm; 0 for never
	Notices  int   `json:"notices,omitempty"`  // webhooks that are owed from Takes on
	Charges  int   `json:"charges,omitempty"`  // times that money was taken; never above one
	Returned int   `json:"returned,omitempty"` // times that money was returned; never above one
	Refunds  int   `json:"refunds,omitempty"`  // times that a refund was asked for
}

func (a *attempt) payment() Payment {
	return Payment{Reference: a.Reference, State: a.State, Amount: a.Amount, Currency: a.Currency}
}

// allow notes the buyer's token, as the provider's form would.
func (a *attempt) allow(token string) error {
	if a.Token == token || token == "" {
		return nil
	}
	if a.Token != "" {
		return ErrKeyReused
	}
	if err := checkToken(token); err != nil {
		return err
	}
	if a.Token = token; a.State == Begun && token != TokenDeclined {
		a.State = Authorised
	}
	return nil
}

// pass is what time alone does to a payment.
func (a *attempt) pass(now time.Time) {
	if a.Takes != 0 && a.State == Begun && now.UnixMilli() >= a.Takes {
		a.take()
	}
}

func (a *attempt) take() { a.State, a.Charges = Succeeded, a.Charges+1 }

// confirm takes the money as the token says.
func (a *attempt) confirm(now time.Time, late time.Duration) error {
	switch {
	case a.State == Failed:
		return ErrDeclined
	case a.State == Succeeded, a.State == Refunded, a.Takes != 0:
		return nil // confirmed before
	case a.Token == "":
		return ErrNotAuthorised
	}
	switch a.Token {
	case TokenDeclined, TokenCaptureFails:
		a.State = Failed
		return ErrDeclined
	case TokenTimeout:
		return ErrTimeout
	case TokenTimeoutThenOK:
		a.take()
		return ErrTimeout
	case TokenWebhookLate:
		a.State, a.Takes, a.Notices = Begun, now.Add(late).UnixMilli(), 1
	case TokenWebhookTwice:
		a.State, a.Takes, a.Notices = Begun, now.UnixMilli(), 2
	case TokenWebhookNever:
		a.State, a.Takes = Begun, now.UnixMilli()
	default:
		a.take()
	}
	return nil
}

func (a *attempt) cancel() {
	if a.State == Begun || a.State == Authorised {
		a.State, a.Notices = Failed, 0
	}
}

func (a *attempt) refund() error {
	switch a.State {
	case Refunded:
		return nil
	case Begun, Authorised, Failed:
		return fmt.Errorf("refund of a payment that is %s", a.State)
	case Succeeded:
	}
	if a.Refunds++; a.Token == TokenRefundTimeout && a.Refunds == 1 {
		return ErrTimeout
	}
	a.State, a.Returned = Refunded, a.Returned+1
	return nil
}
