package api_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/lease"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/wallet"
)

// holders is what main wires.
type holders struct{ till *sale.Sale }

func (o holders) Showable(ctx context.Context, account string, id ticket.ID) (ticket.EventID, ticket.LeasePolicy, error) {
	t, err := o.till.Ticket(ctx, id)
	switch {
	case err != nil || t.Owner == "" || t.Owner != account:
		return 0, 0, fmt.Errorf("%w: %w", lease.ErrNotOwner, err)
	case t.State != sale.TicketReady || t.Ticket.Paper():
		return 0, 0, lease.ErrUnusable
	}
	return t.Ticket.Event, t.Event.Leases, nil
}

// silence is a broker that nobody listens to.
type silence struct{}

func (silence) Publish(context.Context, string, []byte, bool) error { return nil }

// receipts are those of an account's tickets.
type receipts map[string]api.Receipt

func (r receipts) Receipt(_ context.Context, account string, id ticket.ID) (api.Receipt, error) {
	got, ok := r[account+"/"+id.String()]
	if !ok {
		return got, api.ErrNoReceipt
	}
	return got, nil
}

// owned signs somebody up and sells them a ticket.
func (h *harness) owned(email, seat string) (e entry, session, ticket string) {
	h.t.Helper()
	phone := h.phone(email)
	e, session = h.join(email, phone)
	w := h.wallet
	h.wallet = &wallet.Wallet{Authenticator: phone, Rand: w.Rand}
	o := h.call("POST", orders, h.holdBody(seat), h.as(session)...).want(http.StatusCreated).order()
	h.wallet = w
	paid := h.call("POST", "/v1/orders/"+o.ID+"/pay", payOK, bearer(o.Secret)).want(http.StatusOK).order()
	return e, session, paid.Tickets[0].ID
}

const leases = "/v1/wallet/leases"

type begun struct {
	Lease   string
	Every   int `json:"every_ms"`
	Expires int `json:"expires_ms"`
}

func (h *harness) lease(session, ticket string) (b begun) {
	h.t.Helper()
	h.call("POST", leases, `{"ticket":"`+ticket+`"}`, h.as(session)...).want(http.StatusCreated).into(&b)
	return b
}

func TestLeaseLife(t *testing.T) {
	h := start(t).on()
	_, me, id := h.owned("kim@example.org", "A-1")
	b := h.lease(me, id)
	if raw, err := base64.RawURLEncoding.DecodeString(b.Lease); err != nil || len(raw) != 8 || b.Every != 5000 || b.Expires != 15000 {
		t.Errorf("lease %+v, want 8 bytes, 5,000 and 15,000 ms", b)
	}
	for range 10 {
		h.advance(time.Duration(b.Every) * time.Millisecond)
		if a := h.call("POST", leases+"/"+b.Lease+"/beat", "", h.as(me)...).want(http.StatusNoContent); len(a.body) != 0 {
			t.Errorf("beat answered %q", a.body)
		}
	}
	h.advance(time.Duration(b.Expires) * time.Millisecond)
	h.call("POST", leases+"/"+b.Lease+"/beat", "", h.as(me)...).problem(http.StatusGone, "lease_lapsed")
	h.call("DELETE", leases+"/"+b.Lease, "", h.as(me)...).problem(http.StatusGone, "lease_lapsed")

	b = h.lease(me, id) // the ticket is as good as ever
	h.call("DELETE", leases+"/"+b.Lease, "", h.as(me)...).want(http.StatusNoContent)
	h.call("POST", leases+"/"+b.Lease+"/beat", "", h.as(me)...).problem(http.StatusGone, "lease_lapsed")
}

func TestLeaseRefuses(t *testing.T) {
	h := start(t).on()
	_, me, id := h.owned("kim@example.org", "A-1")
	_, you, yours := h.owned("lee@example.org", "A-2")
	anybodys := h.buy("A-3").Tickets[0].ID
	b := h.lease(me, id)
	body := `{"ticket":"` + id + `"}`
	for name, tc := range map[string]struct {
		method, path, body string
		headers            []header
		status             int
		code               string
	}{
		"nobody":               {"POST", leases, body, []header{origin()}, 401, "sign_in_required"},
		"another site":         {"POST", leases, body, []header{cookie(me), {"Origin", "https://evil.example"}}, 403, "cross_origin"},
		"another's ticket":     {"POST", leases, `{"ticket":"` + yours + `"}`, h.as(me), 404, "unknown_ticket"},
		"nobody's ticket":      {"POST", leases, `{"ticket":"` + anybodys + `"}`, h.as(me), 404, "unknown_ticket"},
		"no such ticket":       {"POST", leases, `{"ticket":"` + strings.Repeat("0", 32) + `"}`, h.as(me), 404, "unknown_ticket"},
		"no ticket at all":     {"POST", leases, `{"ticket":"x"}`, h.as(me), 422, "invalid_request"},
		"an unknown key":       {"POST", leases, `{"ticket":"` + id + `","lease":"AAAAAAAAAAA"}`, h.as(me), 400, "malformed_body"},
		"beat of another":      {"POST", leases + "/" + b.Lease + "/beat", "", h.as(you), 410, "lease_lapsed"},
		"beat of nobody":       {"POST", leases + "/" + b.Lease + "/beat", "", []header{origin()}, 401, "sign_in_required"},
		"end by another":       {"DELETE", leases + "/" + b.Lease, "", h.as(you), 410, "lease_lapsed"},
		"beat of nothing":      {"POST", leases + "/AAAAAAAAAAA/beat", "", h.as(me), 410, "lease_lapsed"},
		"an id of any length":  {"POST", leases + "/AAAA/beat", "", h.as(me), 410, "lease_lapsed"},
		"an id with loose end": {"POST", leases + "/AAAAAAAAAAB/beat", "", h.as(me), 410, "lease_lapsed"},
		"a receipt of another": {"GET", "/v1/wallet/tickets/" + yours + "/receipt", "", h.as(me), 404, "no_receipt"},
		"a receipt for nobody": {"GET", "/v1/wallet/tickets/" + id + "/receipt", "", nil, 401, "sign_in_required"},
		"a receipt of nothing": {"GET", "/v1/wallet/tickets/x/receipt", "", h.as(me), 404, "unknown_ticket"},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			h.call(tc.method, tc.path, tc.body, tc.headers...).problem(tc.status, tc.code)
		})
	}
	h.t = t
	h.call("POST", leases+"/"+b.Lease+"/beat", "", h.as(me)...).want(http.StatusNoContent) // none of that ended it
}

func TestLeaseLimit(t *testing.T) {
	h := start(t).on()
	_, me, id := h.owned("kim@example.org", "A-1")
	for range lease.MaxListed {
		h.lease(me, id)
	}
	h.call("POST", leases, `{"ticket":"`+id+`"}`, h.as(me)...).problem(http.StatusTooManyRequests, "lease_limit")
}

func TestReceipt(t *testing.T) {
	h := start(t).on()
	e, me, id := h.owned("kim@example.org", "A-1")
	path := "/v1/wallet/tickets/" + id + "/receipt"
	h.call("GET", path, "", h.as(me)...).problem(http.StatusNotFound, "no_receipt")
	at := time.Date(2026, 12, 12, 9, 0, 0, 5e6, time.UTC)
	h.receipts[e.Account+"/"+id] = api.Receipt{Signed: []byte{1, 2}, Certificate: []byte{3}, Gate: "North", Lane: "north-1", At: at}
	var got struct {
		Receipt, Certificate, Gate, Lane string
		At                               time.Time
	}
	h.call("GET", path, "", cookie(me)).want(http.StatusOK).into(&got)
	if got.Receipt != b64([]byte{1, 2}) || got.Certificate != b64([]byte{3}) || got.Gate != "North" || got.Lane != "north-1" || !got.At.Equal(at) {
		t.Errorf("receipt %+v", got)
	}
}
