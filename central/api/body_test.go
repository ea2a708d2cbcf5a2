package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/sale"
)

// Whatever comes, it is taken or refused as the sender's fault, never ours.
func FuzzHoldBody(f *testing.F) {
	f.Add([]byte(`{"zone":1,"class":5,"paper":true,"quantity":1}`))
	f.Add([]byte(`{"zone":1,"class":1,"seat":"A-1","holder":{"public_key":"A","challenge":"","client_data_json":"e30","authenticator_data":"AA","signature":"AA"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		status, err := api.DecodeHold(b)
		if err != nil && (status < 400 || status >= 500) {
			t.Errorf("DecodeHold(%q) = %d, %v; want a 4xx", b, status, err)
		}
		if err == nil && !json.Valid(b) {
			t.Errorf("DecodeHold(%q) took what is not JSON", b)
		}
	})
}

// flaky fails or panics at the first order.
type flaky struct {
	api.Till
	first func() error
}

func (f *flaky) Hold(ctx context.Context, r sale.HoldRequest) (sale.Order, string, error) {
	if f.first != nil {
		g := f.first
		f.first = nil
		return sale.Order{}, "", g()
	}
	return f.Till.Hold(ctx, r)
}

// An answer that says nothing about the request is not kept: the same request
// with the same key may be tried again.
func TestFailureIsNotReplayed(t *testing.T) {
	for name, first := range map[string]func() error{
		"error": func() error { return errors.New("database is gone") },
		"panic": func() error { var none []error; return none[len(none)] },
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, func(c *api.Config) { c.Till = &flaky{Till: c.Till, first: first} }).on()
			body, key := h.holdBody("A-1"), idempotent("0123456789abcdef")
			h.call("POST", orders, body, key).problem(http.StatusInternalServerError, "internal_error")
			h.call("POST", orders, body, key).want(http.StatusCreated)
			if a := h.call("POST", orders, body, key).want(http.StatusCreated); a.header.Get("Idempotency-Replayed") == "" {
				t.Errorf("%s: the third answer is not the second", a.asked)
			}
		})
	}
}

// stubborn replies forget no claim, for as long as it takes.
type stubborn struct {
	api.Replies
	away atomic.Bool
}

func (s *stubborn) DropReply(ctx context.Context, key [32]byte) error {
	if s.away.Load() {
		return errors.New("database is gone")
	}
	return s.Replies.DropReply(ctx, key)
}

// Who was told that the database is away, and repeats the request when it is back,
// need not wait until nobody can be working on it any more.
func TestRepeatedAfterAnOutage(t *testing.T) {
	replies := &stubborn{}
	fails := func() error { return errors.New("database is gone") }
	h := start(t, func(c *api.Config) {
		replies.Replies, c.Replies = c.Replies, replies
		c.Till = &flaky{Till: c.Till, first: fails}
	}).on()
	body, key := h.holdBody("A-1"), idempotent("0123456789abcdef")
	replies.away.Store(true)
	h.call("POST", orders, body, key).problem(http.StatusInternalServerError, "internal_error")
	h.call("POST", orders, body, key).problem(http.StatusConflict, "request_in_progress") // it is still away
	replies.away.Store(false)
	h.call("POST", orders, body, key).want(http.StatusCreated)

	// After a while the claim may be another central's.
	replies.away.Store(true)
	other := idempotent("fedcba9876543210")
	h = start(t, func(c *api.Config) {
		replies.Replies, c.Replies = c.Replies, replies
		c.Till = &flaky{Till: c.Till, first: fails}
	}).on()
	body = h.holdBody("A-1")
	h.call("POST", orders, body, other).problem(http.StatusInternalServerError, "internal_error")
	replies.away.Store(false)
	h.advance(api.DefaultTimeout + time.Second)
	h.call("POST", orders, body, other).problem(http.StatusConflict, "request_in_progress")
	h.advance(api.DefaultTimeout)
	h.call("POST", orders, body, other).want(http.StatusCreated)
}

// Order ids in a path are as untrusted as a body.
func TestOrderPathIsData(t *testing.T) {
	h := start(t).on()
	for _, id := range []string{"%27%20OR%201%3D1%20--", "%00", "%F0%9F%8E%AB", "..", "a%2Fb"} {
		if a := h.call("GET", "/v1/orders/"+id, "", bearer("x")); a.status != http.StatusNotFound {
			t.Errorf("%s: %d %s; want 404", a.asked, a.status, a.body)
		}
		if a := h.call("POST", "/admin/v1/orders/"+id+"/refund", "", admin()); a.status != http.StatusNotFound {
			t.Errorf("%s: %d %s; want 404", a.asked, a.status, a.body)
		}
	}
	h.call("POST", orders, `{"zone":1,"class":5,"paper":true,"seat":"A\u0000"}`).problem(http.StatusBadRequest, "malformed_body")
	h.call("POST", orders, `{"zone":1,"class":5,"paper":true,"seat":"A\\u0000"}`).problem(http.StatusUnprocessableEntity, "unknown_seat")
}

// slow is a till whose provider has not answered yet.
type slow struct {
	api.Till
	waiting atomic.Bool
}

func (s *slow) Pay(ctx context.Context, id, secret, provider, token string) (sale.Order, error) {
	if s.waiting.Load() {
		return sale.Order{}, sale.ErrPaymentPending
	}
	return s.Till.Pay(ctx, id, secret, provider, token)
}

// An answer that says "not yet" is not given again once there is a better one.
func TestPendingIsNotReplayed(t *testing.T) {
	till := &slow{}
	h := start(t, func(c *api.Config) { till.Till, c.Till = c.Till, till }).on()
	o := h.hold("A-1")
	till.waiting.Store(true)
	pay := func() *answer {
		return h.call("POST", "/v1/orders/"+o.ID+"/pay", payOK, bearer(o.Secret), idempotent("pending-pending-1"))
	}
	if a := pay().want(http.StatusAccepted); a.header.Get("Retry-After") == "" || a.order().State != "held" {
		t.Errorf("%s: %v %s; want the order and when to ask again", a.asked, a.header, a.body)
	}
	till.waiting.Store(false)
	if got := pay().want(http.StatusOK).order(); len(got.Tickets) != 1 {
		t.Errorf("paid order = %+v, want its ticket", got)
	}
}
