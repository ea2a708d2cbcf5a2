package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
)

type started struct {
	ID, Provider, Currency string
	Amount                 int64
	Action                 struct {
		Kind, Secret, URL string
		Fields            map[string]string
	}
}

func (a *answer) started() (s started) {
	a.h.t.Helper()
	a.want(http.StatusOK).into(&s)
	return s
}

// A payment in steps: start, allow, confirm.
func TestPayInSteps(t *testing.T) {
	h := start(t).on()
	var names struct{ Providers []string }
	h.call("GET", "/v1/payments", "").want(http.StatusOK).into(&names)
	if !slices.Equal(names.Providers, []string{"sandbox"}) {
		t.Errorf("providers %q", names.Providers)
	}
	o, other := h.hold("A-1"), h.hold("A-2")
	at := "/v1/orders/" + o.ID + "/payments"
	begin := func() *answer { return h.call("POST", at, `{"provider":"sandbox"}`, bearer(o.Secret)) }
	p := begin().started()
	if p.Provider != "sandbox" || p.Amount != o.Amount || p.Currency != "KRW" || p.Action.Kind != "token" || !strings.Contains(p.Action.Fields["tokens"], "webhook-never") {
		t.Errorf("started %+v", p)
	}
	if again := begin().started(); again.ID != p.ID {
		t.Errorf("a second click started %s beside %s", again.ID, p.ID)
	}
	confirm := func(body string) *answer { return h.call("POST", at+"/"+p.ID+"/confirm", body, bearer(o.Secret)) }
	confirm(`{}`).problem(http.StatusConflict, "payment_not_authorised")
	confirm(`{"token":"`+strings.Repeat("x", 300)+`"}`).problem(http.StatusUnprocessableEntity, "payment_token_invalid")
	confirm(`{"tokens":"ok"}`).problem(http.StatusBadRequest, "malformed_body")
	// Neither another's payment nor another's order can be reached.
	h.call("POST", "/v1/orders/"+other.ID+"/payments/"+p.ID+"/confirm", `{"token":"ok"}`, bearer(other.Secret)).problem(http.StatusNotFound, "unknown_payment")
	h.call("POST", "/v1/orders/"+other.ID+"/payments/"+p.ID+"/cancel", "", bearer(other.Secret)).problem(http.StatusNotFound, "unknown_payment")
	h.call("POST", at+"/"+p.ID+"/confirm", `{"token":"ok"}`, bearer(other.Secret)).problem(http.StatusNotFound, "unknown_order")
	h.call("POST", at+"/"+p.ID+"/cancel", "", bearer("x")).problem(http.StatusNotFound, "unknown_order")
	h.call("POST", at, `{"provider":"sandbox"}`).problem(http.StatusUnauthorized, "unauthorized")
	if got := confirm(`{"token":"ok"}`).want(http.StatusOK).order(); got.State != "paid" || len(got.Tickets) != 1 {
		t.Errorf("confirmed %+v, want paid", got)
	}
	confirm(`{"token":"ok"}`).want(http.StatusOK)
	begin().problem(http.StatusConflict, "already_paid")
	h.call("POST", at+"/"+p.ID+"/cancel", "", bearer(o.Secret)).want(http.StatusOK)
	if got := h.call("GET", "/v1/orders/"+o.ID, "", bearer(o.Secret)).want(http.StatusOK).order(); got.State != "paid" {
		t.Errorf("after giving up a payment that was taken the order is %s", got.State)
	}
}

func TestStepsEndWithTheHold(t *testing.T) {
	h := start(t).on()
	o := h.hold("A-1")
	at := "/v1/orders/" + o.ID + "/payments"
	h.call("POST", at, `{"provider":"visa"}`, bearer(o.Secret)).problem(http.StatusUnprocessableEntity, "unknown_provider")
	h.call("POST", "/v1/orders/"+o.ID+"/pay", `{"provider":"sandbox","token":""}`, bearer(o.Secret)).problem(http.StatusConflict, "payment_not_authorised")
	given := h.call("POST", at, `{"provider":"sandbox"}`, bearer(o.Secret)).started()
	h.call("POST", at+"/"+given.ID+"/cancel", "", bearer(o.Secret)).want(http.StatusOK)
	h.call("POST", at+"/"+given.ID+"/confirm", `{"token":"ok"}`, bearer(o.Secret)).problem(http.StatusPaymentRequired, "payment_declined")
	p := h.call("POST", at, `{"provider":"sandbox"}`, bearer(o.Secret)).started()
	if p.ID == given.ID {
		t.Error("a payment that was given up was started again")
	}
	h.advance(sale.DefaultHold)
	h.call("POST", at+"/"+p.ID+"/confirm", `{"token":"ok"}`, bearer(o.Secret)).problem(http.StatusConflict, "hold_expired")
	h.call("POST", at, `{"provider":"sandbox"}`, bearer(o.Secret)).problem(http.StatusConflict, "hold_expired")
}

// posted is a till that notes webhooks.
type posted struct {
	api.Till
	err  error
	body string
}

func (p *posted) Webhook(_ context.Context, provider string, header http.Header, body []byte) error {
	if provider != "stripe" {
		return sale.ErrUnknownProvider
	}
	p.body = header.Get("Stripe-Signature") + string(body)
	return p.err
}

func TestWebhookRoute(t *testing.T) {
	till := &posted{}
	h := start(t, func(c *api.Config) { till.Till, c.Till = c.Till, till })
	const body = ` {"object": "event"} `
	post := func(provider, body string) *answer {
		return h.call("POST", "/v1/payments/"+provider+"/webhook", body, header{"Stripe-Signature", "t=1"})
	}
	if post("stripe", body).want(http.StatusNoContent); till.body != "t=1"+body {
		t.Errorf("the provider got %q, want the bytes as they came", till.body)
	}
	post("visa", body).problem(http.StatusNotFound, "not_found")
	post("stripe", `"`+strings.Repeat("x", pay.MaxWebhook)+`"`).problem(http.StatusRequestEntityTooLarge, "body_too_large")
	for err, want := range map[error]struct {
		status int
		code   string
	}{
		pay.ErrForged:           {http.StatusBadRequest, "webhook_refused"},
		sale.ErrHoldExpired:     {http.StatusConflict, "hold_expired"}, // it asked whether it may charge
		errors.New("no answer"): {http.StatusInternalServerError, "internal_error"},
	} {
		till.err = err
		post("stripe", body).problem(want.status, want.code)
	}
}

func TestDeadProvider(t *testing.T) {
	dead := &starter{err: pay.ErrUnavailable}
	h := start(t, func(c *api.Config) { dead.Till, c.Till = c.Till, dead }).on()
	o := h.hold("A-1")
	a := h.call("POST", "/v1/orders/"+o.ID+"/payments", `{"provider":"stripe"}`, bearer(o.Secret))
	a.problem(http.StatusServiceUnavailable, "payment_unavailable")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	dead.err, dead.secret = nil, "pi_1_secret_2"
	a = h.call("POST", "/v1/orders/"+o.ID+"/payments", `{"provider":"stripe"}`, bearer(o.Secret)).want(http.StatusOK)
	if !json.Valid(a.body) || !strings.Contains(string(a.body), dead.secret) {
		t.Errorf("answer %s", a.body)
	}
	if strings.Contains(h.log.String(), dead.secret) {
		t.Error("the provider's secret is in the log")
	}
}

type starter struct {
	api.Till
	err    error
	secret string
}

func (s *starter) StartPayment(context.Context, string, string, string) (sale.Started, error) {
	return sale.Started{Action: pay.Action{Kind: pay.ActionScript, Secret: s.secret}}, s.err
}
