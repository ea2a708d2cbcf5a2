package api

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/central/lease"
	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
)

// Problem is an error as people and programs see it (RFC 9457). Code never
// changes its meaning; Hint says what to do next.
type Problem struct {
	Type      string `json:"type"` // /v1/problems/CODE, which describes it
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Detail    string `json:"detail,omitempty"` // about this one occurrence
	Hint      string `json:"hint"`
	RequestID string `json:"request_id,omitempty"` // to be found in the log
}

// codeError is a problem by its code alone.
type codeError string

// Error implements error.
func (e codeError) Error() string { return string(e) }

// detailError is a problem with something to say about this occurrence.
type detailError struct {
	code, detail, hint string // an empty hint is the catalogue's
}

// Error implements error.
func (e *detailError) Error() string { return e.code + ": " + e.detail }

// sentinels are the errors of other rooms that callers may see, first match wins.
func sentinels() []struct {
	err  error
	code string
} {
	return []struct {
		err  error
		code string
	}{
		{sale.ErrUnknownEvent, "unknown_event"},
		{sale.ErrEventExists, "event_exists"},
		{sale.ErrSaleClosed, "sale_closed"},
		{sale.ErrCancelled, "event_cancelled"},
		{sale.ErrKept, "seat_kept"},
		{sale.ErrNotTogether, "not_together"},
		{sale.ErrTooMany, "too_many_places"},
		{sale.ErrLimit, "person_limit"},
		{sale.ErrAccountNeeded, "sign_in_required"},
		{sale.ErrOthersWait, "others_wait"},
		{sale.ErrPlacesFree, "places_free"},
		{sale.ErrWaitPlaces, "too_many_places"},
		{sale.ErrNotWaiting, "not_waiting"},
		{sale.ErrUnknownOffer, "unknown_offer"},
		{sale.ErrOfferClosed, "offer_closed"},
		{sale.ErrNotReturnable, "not_returnable"},
		{sale.ErrNotSold, "not_sold"},
		{sale.ErrUnknownSeat, "unknown_seat"},
		{sale.ErrSeatTaken, "seat_taken"},
		{sale.ErrSoldOut, "sold_out"},
		{sale.ErrPaper, "paper_not_allowed"},
		{sale.ErrHolder, "holder_required"},
		{sale.ErrChallenge, "challenge_invalid"},
		{sale.ErrPossession, "possession_not_proved"},
		{sale.ErrUnknownOrder, "unknown_order"},
		{sale.ErrHoldExpired, "hold_expired"},
		{sale.ErrUnknownProvider, "unknown_provider"},
		{sale.ErrPaidTooLate, "paid_too_late"},
		{sale.ErrOrderRefunded, "order_refunded"},
		{sale.ErrNotPaid, "not_paid"},
		{sale.ErrUnknownTicket, "unknown_ticket"},
		{sale.ErrTicketDead, "ticket_dead"},
		{sale.ErrUnknownPayment, "unknown_payment"},
		{sale.ErrTooManyPayments, "too_many_payments"},
		{sale.ErrAlreadyPaid, "already_paid"},
		{pay.ErrDeclined, "payment_declined"},
		{pay.ErrNotAuthorised, "payment_not_authorised"},
		{pay.ErrCurrency, "amount_not_payable"},
		{pay.ErrForged, "webhook_refused"},
		{pay.ErrUnavailable, "payment_unavailable"},
		{sale.ErrPaymentPending, "payment_pending"},
		{pay.ErrBadToken, "payment_token_invalid"},
		{account.ErrEmail, "email_invalid"},
		{account.ErrExists, "account_exists"},
		{account.ErrPurpose, "purpose_unknown"},
		{account.ErrChallenge, "challenge_invalid"},
		{account.ErrPasskey, "passkey_invalid"},
		{account.ErrKnownPasskey, "passkey_known"},
		{account.ErrAssertion, "passkey_refused"},
		{account.ErrCounter, "passkey_copied"},
		{account.ErrRecovery, "recovery_refused"},
		{account.ErrPassword, "password_refused"},
		{account.ErrBusy, "busy"},
		{account.ErrLetter, "link_invalid"},
		{account.ErrNoMail, "mail_off"},
		{account.ErrWork, "work_required"},
		{account.ErrNoPasskey, "passkey_required"},
		{account.ErrHasPasskey, "passkey_exists"},
		{account.ErrUnknownSession, "unknown_session"},
		{account.ErrTicketsLeft, "tickets_left"},
		{account.ErrMoneyDue, "money_due"},
		{account.ErrTokensLeft, "tokens_left"},
		{account.ErrRole, "role_unknown"},
		{lease.ErrNotOwner, "unknown_ticket"},
		{lease.ErrUnusable, "ticket_not_showable"},
		{lease.ErrOff, "leases_off"},
		{lease.ErrTooMany, "lease_limit"},
		{lease.ErrFull, "leases_full"},
		{lease.ErrLapsed, "lease_lapsed"},
		{ErrNoReceipt, "no_receipt"},
		{ErrNoLeader, "no_leader"},
		{queue.ErrNoRoom, "unknown_queue"},
		{queue.ErrClosed, "queue_closed"},
		{queue.ErrToken, "queue_token_invalid"},
		{queue.ErrWork, "work_required"},
		{queue.ErrNotAdmitted, "queue_required"},
		{queue.ErrSealed, "queue_sealed"},
		{queue.ErrNotSealed, "queue_not_sealed"},
		{queue.ErrFar, "poll_instead"},
		{queue.ErrWatchers, "poll_instead"},
		{queue.ErrFull, "queue_full"},
		{queue.ErrUnavailable, "queue_unavailable"},
		{account.ErrAccess, "access_required"},
		{account.ErrSignedOut, "sign_in_required"},
		{account.ErrUnknown, "sign_in_required"},
		{sale.ErrAge, "age_required"},
		{sale.ErrAsk, "ask_closed"},
		{sale.ErrMoved, "ticket_moved"},
		{sale.ErrTicketUsed, "ticket_used"},
		{sale.ErrNotTransferable, "not_transferable"},
		{identity.ErrNoDID, "did_required"},
		{identity.ErrDID, "did_not_proved"},
		{identity.ErrDIDTaken, "did_taken"},
		{identity.ErrNotRelated, "relation_missing"},
		{identity.ErrUnknownTransfer, "unknown_transfer"},
		{identity.ErrTransferClosed, "transfer_closed"},
		{identity.ErrUnknownAsk, "unknown_ask"},
		{identity.ErrAskClosed, "ask_closed"},
		{identity.ErrTooMany, "too_many_open"},
		{identity.ErrUnknownCredential, "unknown_credential"},
		{identity.ErrUnknownIssuer, "unknown_issuer"},
		{identity.ErrTooManyIssuers, "too_many_issuers"},
		{identity.ErrStatusURL, "status_list_misplaced"},
		{identity.ErrOlderStatus, "status_list_older"},
		{credential.ErrIssuer, "issuer_unknown"},
		{credential.ErrSubject, "credential_subject"},
		{credential.ErrRevoked, "credential_revoked"},
		{credential.ErrExpired, "credential_expired"},
		{credential.ErrStatusUnknown, "credential_status_unknown"},
		{credential.ErrMalformed, "credential_invalid"},
		{credential.ErrBadSignature, "credential_invalid"},
		{ErrUnknownDevice, "unknown_device"},
		{ErrUnknownIncident, "unknown_incident"},
		{mint.ErrUnknownToken, "unknown_token"},
		{mint.ErrHeld, "token_held"},
		{mint.ErrUnderWay, "token_busy"},
		{mint.ErrNoWallet, "token_elsewhere"},
		{mint.ErrAddress, "address_invalid"},
		{wallet.ErrAddress, "address_invalid"},
		{wallet.ErrReserved, "address_reserved"},
		{wallet.ErrTaken, "wallet_taken"},
		{wallet.ErrChallenge, "challenge_invalid"},
		{wallet.ErrSignature, "wallet_not_proved"},
		{wallet.ErrNotLinked, "wallet_not_linked"},
		{wallet.ErrUnknown, "sign_in_required"},
		{ErrNoProof, "no_proof"},
		{context.DeadlineExceeded, "timeout"},
		{context.Canceled, "timeout"},
	}
}

// describe turns any error into a problem. Only errors that were made to be seen
// say more than their code.
func describe(err error) Problem {
	var (
		code   codeError
		detail *detailError
		plan   *seatmap.Error
		large  *http.MaxBytesError
		later  interface{ Unavailable() bool }
		many   *account.TooManyError
		weak   *account.WeakError
	)
	switch {
	case errors.As(err, &code):
		return problemOf(string(code))
	case errors.As(err, &detail):
		p := problemOf(detail.code)
		if p.Detail = detail.detail; detail.hint != "" {
			p.Hint = detail.hint
		}
		return p
	case errors.As(err, &plan):
		p := problemOf("invalid_plan")
		p.Detail, p.Hint = plan.Error(), plan.Hint
		return p
	case errors.As(err, &later) && later.Unavailable(): // before what it was caused by
		return problemOf("unavailable")
	case errors.As(err, &large):
		return problemOf("body_too_large")
	case errors.As(err, &many):
		return problemOf("too_many_tries")
	case errors.As(err, &weak):
		p := problemOf("password_weak")
		p.Detail = weak.Reason
		return p
	}
	for _, s := range sentinels() {
		if errors.Is(err, s.err) {
			return problemOf(s.code)
		}
	}
	if errors.Is(err, ticket.ErrInvalid) {
		p := problemOf("invalid_request")
		p.Detail = err.Error()
		return p
	}
	return problemOf("internal_error")
}

func problemOf(code string) Problem {
	p, ok := catalogue()[code]
	if !ok {
		code = "internal_error"
		p = catalogue()[code]
	}
	return Problem{Type: "/v1/problems/" + code, Title: p.title, Status: p.status, Code: code, Hint: p.hint}
}

// fail writes the problem that an error is, and logs the error when it is ours.
func (a *API) fail(c *gin.Context, err error) {
	p := describe(err)
	p.RequestID = requestID(c)
	if p.Status >= http.StatusInternalServerError {
		a.cfg.Logger.ErrorContext(c.Request.Context(), "request failed", slog.String("request_id", p.RequestID), slog.String("route", c.FullPath()), slog.String("error", err.Error()))
	}
	switch p.Status {
	case http.StatusUnauthorized:
		c.Header("WWW-Authenticate", challengeOf(c))
	case http.StatusServiceUnavailable:
		c.Header("Retry-After", "2")
	case http.StatusTooManyRequests:
		c.Header("Retry-After", retryAfter(err))
	}
	c.Abort()
	writeProblem(c, p)
}

// retryAfter is in whole seconds, rounded up.
func retryAfter(err error) string {
	var many *account.TooManyError
	if !errors.As(err, &many) {
		return "60"
	}
	return strconv.Itoa(int(math.Ceil(many.After.Seconds())))
}

func writeProblem(c *gin.Context, p Problem) {
	c.Header("Content-Type", problemType)
	c.JSON(p.Status, p)
}

const problemType = "application/problem+json"

// problem describes a code: what the "type" of a problem leads to.
func (a *API) problem(_ context.Context, c *gin.Context) (int, any, error) {
	code := c.Param("code")
	if _, ok := catalogue()[code]; !ok {
		return 0, nil, codeError("not_found")
	}
	return http.StatusOK, problemOf(code), nil
}
