package api_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/sale"
)

// small puts an event of two standing places on sale, with its own terms.
func (h *harness) small(id int, terms string) string {
	h.t.Helper()
	plan := strings.NewReplacer(
		`"id": 1001`, fmt.Sprintf(`"id": %d, "sale": %s`, id, terms), `"standing": 200`, `"standing": 2`,
	).Replace(samplePlan(h.t))
	h.call("POST", "/admin/v1/events", plan, admin()).want(http.StatusCreated)
	return fmt.Sprintf("/v1/events/%d", id)
}

// proof is the holder of what this account orders.
func (r *relative) proof() object {
	r.h.t.Helper()
	var ch struct{ Challenge string }
	r.h.call("POST", "/v1/challenges", "", r.h.as(r.session)...).want(http.StatusCreated).into(&ch)
	raw, err := base64.RawURLEncoding.DecodeString(ch.Challenge)
	if err != nil {
		r.h.t.Fatal(err)
	}
	a, err := r.phone.Assert(raw)
	if err != nil {
		r.h.t.Fatal(err)
	}
	return object{
		"public_key": r.phone.HolderKey(), "challenge": ch.Challenge, "authenticator_data": b64(a.AuthenticatorData),
		"client_data_json": b64(a.ClientDataJSON), "signature": b64(a.Signature),
	}
}

type offer struct {
	ID, State, Order string
	Event            struct{ ID int }
	Places           int
	Expires          time.Time
}

func (r *relative) offers() []offer {
	r.h.t.Helper()
	var v struct{ Offers []offer }
	r.get("/v1/wallet/offers", &v)
	return v.Offers
}

// offered makes somebody an offer of a place in an event of its own.
func (h *harness) offered(id int, to *relative) string {
	h.t.Helper()
	event := h.small(id, `{"method": "first_come"}`)
	o := h.call("POST", event+"/orders", `{"zone":3,"class":5,"paper":true,"count":2}`).want(http.StatusCreated).order()
	h.call("POST", "/v1/orders/"+o.ID+"/pay", payOK, bearer(o.Secret)).want(http.StatusOK)
	to.post(event+"/waiting", object{"zone": 3, "class": 3}).want(http.StatusOK)
	h.call("POST", "/admin/v1/orders/"+o.ID+"/refund", "", admin()).want(http.StatusOK)
	for _, o := range to.offers() {
		if o.Event.ID == id && o.State == "open" {
			return o.ID
		}
	}
	h.t.Fatalf("offers %+v, want one of event %d", to.offers(), id)
	return ""
}

func TestOrderOfSeveralPlaces(t *testing.T) {
	h := start(t).on()
	var o struct {
		order
		Items []struct {
			Seat                  string
			Amount                int64
			Accessible, Companion bool
		}
	}
	h.call("POST", orders, `{"zone":1,"class":5,"paper":true,"count":3,"accessible":1,"companions":1}`).want(http.StatusCreated).into(&o)
	if len(o.Items) != 3 || o.Items[0].Seat != "E-1" || !o.Items[0].Accessible || o.Items[1].Seat != "E-2" || !o.Items[1].Companion || o.Amount != 3*165000 {
		t.Errorf("order %+v, want E-1, E-2 and the best seat", o)
	}
	paid := h.call("POST", "/v1/orders/"+o.ID+"/pay", payOK, bearer(o.Secret)).want(http.StatusOK).order()
	if len(paid.Tickets) != 3 || paid.Tickets[0].Seat != "E-1" || paid.Tickets[2].Seat != o.Items[2].Seat {
		t.Errorf("tickets %+v, want one for each item in their order", paid.Tickets)
	}
	h.call("POST", orders, `{"zone":1,"class":5,"paper":true,"seats":["B-1","B-2"]}`).want(http.StatusCreated)
	h.call("POST", orders, `{"items":[{"zone":2,"class":5,"paper":true,"seat":"A-1"},{"zone":1,"class":5,"paper":true,"seat":"B-2"}]}`).problem(409, "seat_taken")
	h.call("POST", orders, `{"items":[{"zone":2,"class":5,"paper":true,"seat":"A-1"},{"zone":3,"class":5,"paper":true}],"adjacent":true}`).want(http.StatusCreated)
	h.call("POST", orders, `{"zone":1,"class":5,"paper":true,"seat":"E-22"}`).problem(409, "seat_kept")
}

func TestWaitingList(t *testing.T) {
	var till *sale.Sale
	h := start(t, func(c *api.Config) { till, _ = c.Till.(*sale.Sale) })
	event := h.small(1001, `{"method": "first_come", "max_per_person": 2, "refund_until": "2026-12-01T00:00:00+09:00", "offer_minutes": 30}`)
	mina, jun, eve := h.relative("mina"), h.relative("jun"), h.relative("eve")
	mina.post(event+"/waiting", object{"zone": 3, "class": 3}).problem(409, "places_free")
	h.call("POST", event+"/orders", `{"zone":3,"class":5,"paper":true}`).problem(401, "sign_in_required")
	first := mina.post(event+"/orders", object{"zone": 3, "class": 3, "count": 2, "holder": mina.proof()}).want(http.StatusCreated).order()
	mina.pays(first)
	mina.post(event+"/orders", object{"zone": 1, "class": 1, "holder": mina.proof()}).problem(409, "person_limit")
	mina.post(event+"/waiting", object{"zone": 3, "class": 3}).problem(409, "person_limit")

	for _, r := range []*relative{jun, eve, jun} {
		r.post(event+"/waiting", object{"zone": 3, "class": 3}).want(http.StatusOK)
	}
	var line struct {
		Waiting []struct {
			Number, Ahead int
			State         string
		}
	}
	eve.get(event+"/waiting", &line)
	if len(line.Waiting) != 1 || line.Waiting[0].Number != 2 || line.Waiting[0].Ahead != 1 || line.Waiting[0].State != "waiting" {
		t.Errorf("eve waits %+v, want behind one", line)
	}
	jun.post(event+"/waiting", object{"zone": 3, "class": 3, "places": 5}).problem(422, "too_many_places")

	jun.post("/v1/orders/"+first.ID+"/refund", nil).problem(404, "unknown_order")
	if got := mina.post("/v1/orders/"+first.ID+"/refund", nil).want(http.StatusOK).order(); got.State != "refunded" {
		t.Errorf("the returned order is %s", got.State)
	}
	mina.post(event+"/orders", object{"zone": 3, "class": 3, "holder": mina.proof()}).problem(409, "sold_out")
	offers := jun.offers()
	if len(offers) != 1 || offers[0].Places != 1 || offers[0].State != "open" {
		t.Fatalf("jun's offers %+v, want one", offers)
	}
	held := jun.post("/v1/wallet/offers/"+offers[0].ID+"/accept", object{"holder": jun.proof()}).want(http.StatusCreated).order()
	jun.post("/v1/wallet/offers/"+offers[0].ID+"/accept", object{"holder": jun.proof()}).problem(409, "offer_closed")
	jun.pays(held)
	h.call("DELETE", event+"/waiting?zone=3", "", h.as(eve.session)...).want(http.StatusNoContent)
	h.call("DELETE", event+"/waiting", "", h.as(eve.session)...).problem(404, "not_waiting")
	if got := eve.offers(); len(got) != 1 || got[0].State != "declined" {
		t.Errorf("eve's offers %+v, want it declined", got)
	}
	eve.post("/v1/wallet/offers/"+eve.offers()[0].ID+"/decline", nil).problem(409, "offer_closed")

	h.advance(40 * 24 * time.Hour)
	jun.session = h.call("POST", "/v1/account/sign-in", marshal(t, h.assertion("sign_in", jun.phone)), origin()).want(http.StatusOK).session().Value
	jun.post("/v1/orders/"+held.ID+"/refund", nil).problem(409, "not_returnable")
	var past struct {
		Orders []struct {
			ID, State string
			Show      struct{ Name string }
		}
		Next string
	}
	jun.get("/v1/wallet/orders?limit=1", &past)
	if len(past.Orders) != 1 || past.Orders[0].ID != held.ID || past.Orders[0].State != "paid" || past.Orders[0].Show.Name == "" || past.Next == "" {
		t.Errorf("history %+v", past)
	}
	jun.get("/v1/wallet/orders?limit=1&cursor="+past.Next, &past)
	if len(past.Orders) != 0 {
		t.Errorf("the page after the last %+v", past)
	}
	h.call("GET", "/v1/wallet/orders?cursor=eA", "", h.as(jun.session)...).problem(400, "invalid_cursor")

	var off struct{ Open int }
	h.call("POST", "/admin"+event+"/cancel", "", admin()).want(http.StatusOK).into(&off)
	if n, err := till.Cancellations(t.Context()); off.Open != 1 || n != 1 || err != nil {
		t.Errorf("called off: %d open, %d refunded, %v; want 1 and 1", off.Open, n, err)
	}
	h.call("POST", "/admin"+event+"/cancel", "", admin()).want(http.StatusOK).into(&off)
	jun.post(event+"/orders", object{"zone": 3, "class": 3, "holder": jun.proof()}).problem(409, "event_cancelled")
	jun.post(event+"/waiting", object{"zone": 3, "class": 3}).problem(409, "event_cancelled")
	if off.Open != 0 {
		t.Errorf("%d orders are still open", off.Open)
	}
	h.call("POST", "/admin/v1/events/77/cancel", "", admin()).problem(404, "unknown_event")
}
