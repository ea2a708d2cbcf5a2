package stripe_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/con-ting/conting/central/pay/stripe"
)

// fake is Stripe as far as its documentation says how PaymentIntents behave: states,
// idempotency keys and refusals. stripe-mock knows none of these.
type fake struct {
	t   testing.TB
	url string

	mu       sync.Mutex
	intents  map[string]*fakeIntent // guarded by mu, as is all below
	answers  map[string]fakeAnswer  // by idempotency key
	calls    []string
	break5xx map[string]int // calls of this path fail so often, before anything is done
	lose     map[string]int // calls of this path are done and their answer is lost
	redirect string
}

type fakeIntent struct {
	id, status, currency, secret string
	amount, received             int64
	refunds                      []string // their states
	metadata                     map[string]string
	captures                     int
}

type fakeAnswer struct {
	form   string
	status int
	body   string
}

func newFake(t testing.TB) *fake {
	f := &fake{
		t: t, intents: map[string]*fakeIntent{}, answers: map[string]fakeAnswer{},
		break5xx: map[string]int{}, lose: map[string]int{},
	}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	f.url = srv.URL
	return f
}

// authorise is what the buyer does in the browser.
func (f *fake) authorise(id string) { f.set(id, "requires_capture") }

func (f *fake) set(id, status string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.intents[id].status = status
}

func (f *fake) one(id string) fakeIntent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return *f.intents[id]
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.redirect != "" {
		http.Redirect(w, r, f.redirect, http.StatusTemporaryRedirect)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	f.calls = append(f.calls, r.Method+" "+r.URL.Path)
	if r.Header.Get("Authorization") != "Bearer "+secretKey || r.Header.Get("Stripe-Version") != stripe.Version {
		f.answer(w, http.StatusUnauthorized, `{"error":{"type":"invalid_request_error","message":"Invalid API Key provided: sk_test_****"}}`)
		return
	}
	last := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	w.Header().Set("Request-Id", "req_1")
	key := r.Header.Get("Idempotency-Key")
	if old, ok := f.answers[key]; ok && key != "" {
		w.Header().Set("Idempotent-Replayed", "true")
		if old.form != r.URL.Path+string(body) {
			f.answer(w, http.StatusBadRequest, `{"error":{"type":"idempotency_error"}}`)
			return
		}
		f.answer(w, old.status, old.body)
		return
	}
	status, text := f.do(r, body)
	if f.break5xx[last] > 0 {
		f.break5xx[last]--
		status, text = http.StatusInternalServerError, `{"error":{"type":"api_error","message":"sorry"}}`
	}
	if key != "" {
		f.answers[key] = fakeAnswer{r.URL.Path + string(body), status, text}
	}
	if f.lose[last] > 0 {
		f.lose[last]--
		panic(http.ErrAbortHandler)
	}
	f.answer(w, status, text)
}

func (f *fake) answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := io.WriteString(w, body); err != nil {
		f.t.Error(err)
	}
}

func refuse(status int, kind, code string) (int, string) {
	return status, fmt.Sprintf(`{"error":{"type":%q,"code":%q,"message":"Kim Min-su's card"}}`, kind, code)
}

func (f *fake) do(r *http.Request, body []byte) (int, string) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		f.t.Error(err)
	}
	rest, intents := strings.CutPrefix(r.URL.Path, "/v1/payment_intents")
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/v1/refunds":
		return f.refund(form)
	case !intents:
		return refuse(http.StatusNotFound, "invalid_request_error", "")
	case r.Method == http.MethodPost && rest == "":
		return f.create(form)
	}
	id, what, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	i, ok := f.intents[id]
	if !ok {
		return refuse(http.StatusNotFound, "invalid_request_error", "resource_missing")
	}
	if f.break5xx[what] > 0 {
		return 0, ""
	}
	switch {
	case r.Method == http.MethodGet && what == "":
		return http.StatusOK, f.json(i)
	case what == "capture" && i.status == "requires_capture":
		i.status, i.received, i.captures = "succeeded", i.amount, i.captures+1
		return http.StatusOK, f.json(i)
	case what == "cancel" && slices.Contains([]string{"requires_payment_method", "requires_capture", "requires_action"}, i.status):
		i.status = "canceled"
		return http.StatusOK, f.json(i)
	}
	return refuse(http.StatusBadRequest, "invalid_request_error", "payment_intent_unexpected_state")
}

func (f *fake) create(form url.Values) (int, string) {
	amount, err := strconv.ParseInt(form.Get("amount"), 10, 64)
	if err != nil || form.Get("capture_method") != "manual" || form.Get("automatic_payment_methods[enabled]") != "true" {
		return refuse(http.StatusBadRequest, "invalid_request_error", "parameter_invalid")
	}
	if amount < 500 {
		return refuse(http.StatusBadRequest, "invalid_request_error", "amount_too_small")
	}
	id := fmt.Sprintf("pi_%d", len(f.intents)+1)
	f.intents[id] = &fakeIntent{
		id: id, status: "requires_payment_method", currency: form.Get("currency"), secret: id + "_secret_x", amount: amount,
		metadata: map[string]string{"order": form.Get("metadata[order]"), "payment": form.Get("metadata[payment]")},
	}
	return http.StatusOK, f.json(f.intents[id])
}

func (f *fake) refund(form url.Values) (int, string) {
	i, ok := f.intents[form.Get("payment_intent")]
	switch {
	case !ok:
		return refuse(http.StatusNotFound, "invalid_request_error", "resource_missing")
	case i.status != "succeeded" || i.refunded():
		return refuse(http.StatusBadRequest, "invalid_request_error", "charge_already_refunded")
	}
	i.refunds = append(i.refunds, "pending")
	return http.StatusOK, `{"object":"refund","status":"pending"}`
}

func (i *fakeIntent) refunded() bool {
	return slices.ContainsFunc(i.refunds, func(s string) bool { return s != "failed" })
}

func (f *fake) json(i *fakeIntent) string {
	refunds := make([]map[string]string, 0, len(i.refunds))
	for _, s := range i.refunds {
		refunds = append(refunds, map[string]string{"status": s})
	}
	v := map[string]any{
		"id": i.id, "object": "payment_intent", "status": i.status, "amount": i.amount, "amount_received": i.received,
		"currency": i.currency, "client_secret": i.secret, "latest_charge": nil,
	}
	if i.received > 0 {
		v["latest_charge"] = map[string]any{"refunded": i.refunded(), "refunds": map[string]any{"data": refunds}}
	}
	b, err := json.Marshal(v)
	if err != nil {
		f.t.Error(err)
	}
	return string(b)
}
