package api_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/store/storetest"
)

func TestBuyAndRefund(t *testing.T) {
	h := start(t).on()
	held := h.hold("B-7")
	if held.State != "held" || held.Amount != 165000 || held.Seat != "B-7" || held.Secret == "" || len(held.Tickets) != 0 {
		t.Errorf("hold = %+v", held)
	}
	paid := h.call("POST", "/v1/orders/"+held.ID+"/pay", payOK, bearer(held.Secret)).want(http.StatusOK).order()
	if paid.State != "paid" || paid.Secret != "" || len(paid.Tickets) != 1 {
		t.Fatalf("pay = %+v, want one ticket and no secret", paid)
	}
	got := paid.Tickets[0]
	signed, err := base64.RawURLEncoding.DecodeString(got.Signed)
	if err != nil || len(signed) < 64 || got.Seat != "B-7" || got.Status != "valid" || got.Holder != h.wallet.HolderKey().String() {
		t.Errorf("ticket = %+v, %v", got, err)
	}
	again := h.call("GET", "/v1/orders/"+held.ID, "", bearer(held.Secret)).want(http.StatusOK).order()
	if len(again.Tickets) != 1 || again.Tickets[0] != got {
		t.Errorf("order = %+v, want the same ticket", again)
	}
	refund := "/admin/v1/orders/" + held.ID + "/refund"
	for range 2 {
		if back := h.call("POST", refund, "", admin()).want(http.StatusOK).order(); back.State != "refunded" || back.Tickets[0].Status != "refunded" {
			t.Errorf("refund = %+v", back)
		}
	}
	h.call("POST", "/v1/orders/"+held.ID+"/pay", payOK, bearer(held.Secret)).problem(http.StatusConflict, "order_refunded")
}

func TestPaperOrder(t *testing.T) {
	h := start(t).on()
	o := h.call("POST", orders, `{"zone":3,"class":5,"paper":true,"quantity":1}`).want(http.StatusCreated).order()
	paid := h.call("POST", "/v1/orders/"+o.ID+"/pay", payOK, bearer(o.Secret)).want(http.StatusOK).order()
	if len(paid.Tickets) != 1 || paid.Tickets[0].Holder != "" || paid.Tickets[0].Seat != "" {
		t.Errorf("paper ticket = %+v", paid.Tickets)
	}
}

func TestOrderRefusals(t *testing.T) {
	h := start(t).on()
	taken := h.hold("A-1")
	stale := h.holdBody("A-2")
	expired := h.hold("A-3")
	h.advance(6 * time.Minute)
	h.hold("A-1")
	wrongKey := strings.Replace(h.holdBody("A-2"), h.wallet.HolderKey().String(), "A"+strings.Repeat("g", 43), 1)
	used := h.holdBody("A-4")
	h.call("POST", orders, used).want(http.StatusCreated)
	broken := h.holdBody("A-5")
	at := strings.Index(broken, `"signature":"`) + len(`"signature":"`) + 40
	other := "A"
	if broken[at] == 'A' {
		other = "B"
	}
	broken = broken[:at] + other + broken[at+1:]
	valid := h.holdBody("A-6")

	for name, c := range map[string]struct {
		path, body string
		headers    []header
		status     int
		code       string
	}{
		"two orders for one seat": {orders, h.holdBody("A-1"), nil, 409, "seat_taken"},
		"unknown event":           {"/v1/events/7/orders", valid, nil, 404, "unknown_event"},
		"event is no number":      {"/v1/events/x/orders", valid, nil, 404, "unknown_event"},
		"event by injection":      {"/v1/events/1001%20OR%201=1/orders", valid, nil, 404, "unknown_event"},
		"unknown seat":            {orders, h.holdBody("Z-1"), nil, 422, "unknown_seat"},
		"endless seat":            {orders, h.holdBody(strings.Repeat("A", 9000)), nil, 422, "unknown_seat"},
		"class of another zone":   {orders, strings.Replace(h.holdBody("A-6"), `"class":1`, `"class":3`, 1), nil, 422, "not_sold"},
		"paper in a key class":    {orders, `{"zone":1,"class":1,"paper":true}`, nil, 422, "paper_not_allowed"},
		"nobody":                  {orders, `{"zone":1,"class":5}`, nil, 422, "holder_required"},
		"nine tickets":            {orders, `{"zone":1,"class":5,"paper":true,"quantity":9}`, nil, 422, "too_many_places"},
		"no ticket":               {orders, `{"zone":1,"class":5,"paper":true,"count":0}`, nil, 422, "invalid_request"},
		"one seat for two":        {orders, `{"zone":1,"class":5,"paper":true,"count":2,"seat":"A-1"}`, nil, 422, "invalid_request"},
		"seats and a count":       {orders, `{"zone":1,"class":5,"paper":true,"count":2,"seats":["A-1","A-2"]}`, nil, 422, "invalid_request"},
		"items and a zone":        {orders, `{"zone":1,"items":[{"zone":1,"class":5,"paper":true}]}`, nil, 422, "invalid_request"},
		"more kept than places":   {orders, `{"zone":1,"class":5,"paper":true,"count":2,"accessible":1,"companions":2}`, nil, 422, "invalid_request"},
		"stale challenge":         {orders, stale, nil, 422, "challenge_invalid"},
		"used challenge":          {orders, strings.Replace(used, "A-4", "A-5", 1), nil, 422, "challenge_invalid"},
		"another's key":           {orders, wrongKey, nil, 422, "possession_not_proved"},
		"broken signature":        {orders, broken, nil, 422, "possession_not_proved"},
		"key is no key":           {orders, `{"zone":1,"class":1,"holder":{"public_key":"AAAA"}}`, nil, 422, "invalid_request"},
		"padded base64":           {orders, `{"zone":1,"class":1,"holder":{"challenge":"AA=="}}`, nil, 422, "invalid_request"},

		"no body":        {orders, ``, []header{{"Content-Type", "application/json"}}, 400, "malformed_body"},
		"broken body":    {orders, `{"zone":1,`, nil, 400, "malformed_body"},
		"unknown key":    {orders, `{"zone":1,"class":5,"paper":true,"price":1}`, nil, 400, "malformed_body"},
		"two values":     {orders, `{"zone":1,"class":5,"paper":true}{}`, nil, 400, "malformed_body"},
		"wrong type":     {orders, `{"zone":"1"}`, nil, 400, "malformed_body"},
		"zone too high":  {orders, `{"zone":70000}`, nil, 400, "malformed_body"},
		"not utf-8":      {orders, "{\"seat\":\"\xff\"}", nil, 400, "malformed_body"},
		"huge body":      {orders, `{"seat":"` + strings.Repeat("A", 70<<10) + `"}`, nil, 413, "body_too_large"},
		"huge body, key": {orders, strings.Repeat(" ", 70<<10), []header{idempotent("0123456789abcdef")}, 413, "body_too_large"},
		"a form":         {orders, `zone=1`, []header{{"Content-Type", "application/x-www-form-urlencoded"}}, 415, "unsupported_media_type"},
		"bad key":        {orders, valid, []header{idempotent("short")}, 400, "idempotency_key_invalid"},

		"pay without secret":    {"/v1/orders/" + taken.ID + "/pay", payOK, nil, 401, "unauthorized"},
		"pay with wrong secret": {"/v1/orders/" + taken.ID + "/pay", payOK, []header{bearer("x" + taken.Secret)}, 404, "unknown_order"},
		"pay another's order":   {"/v1/orders/" + taken.ID + "/pay", payOK, []header{bearer(expired.Secret)}, 404, "unknown_order"},
		"pay as admin":          {"/v1/orders/" + taken.ID + "/pay", payOK, []header{admin()}, 404, "unknown_order"},
		"pay with basic auth":   {"/v1/orders/" + taken.ID + "/pay", payOK, []header{{"Authorization", "Basic " + taken.Secret}}, 401, "unauthorized"},
		"pay an unknown order":  {"/v1/orders/00/pay", payOK, []header{bearer(taken.Secret)}, 404, "unknown_order"},
		"pay an expired hold":   {"/v1/orders/" + expired.ID + "/pay", payOK, []header{bearer(expired.Secret)}, 409, "hold_expired"},
		"unknown provider":      {"/v1/orders/" + taken.ID + "/pay", `{"provider":"gold","token":"ok"}`, []header{bearer(taken.Secret)}, 422, "unknown_provider"},
		"endless token":         {"/v1/orders/" + taken.ID + "/pay", `{"provider":"sandbox","token":"` + strings.Repeat("x", 300) + `"}`, []header{bearer(taken.Secret)}, 422, "payment_token_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			h.call("POST", c.path, c.body, c.headers...).problem(c.status, c.code)
		})
	}
	h.t = t
	if got := h.call("GET", "/v1/orders/"+expired.ID, "", bearer(expired.Secret)).want(http.StatusOK).order(); got.State != "expired" {
		t.Errorf("state of an expired hold is %q", got.State)
	}
	for _, s := range []header{{"X-None", ""}, bearer("")} {
		h.call("GET", "/v1/orders/"+expired.ID, "", s).problem(http.StatusUnauthorized, "unauthorized")
	}
	h.call("GET", "/v1/orders/"+expired.ID, "", bearer(taken.Secret)).problem(http.StatusNotFound, "unknown_order")
}

func TestPaymentOutcomes(t *testing.T) {
	h := start(t).on()
	o := h.hold("A-1")
	pay := func(token string) *answer {
		return h.call("POST", "/v1/orders/"+o.ID+"/pay", `{"provider":"sandbox","token":"`+token+`"}`, bearer(o.Secret))
	}
	pay("declined").problem(http.StatusPaymentRequired, "payment_declined")
	pay("visa").problem(http.StatusUnprocessableEntity, "payment_token_invalid")
	if got := pay("timeout-then-ok").want(http.StatusOK).order(); got.State != "paid" {
		t.Errorf("after a lost answer: %+v, want paid", got)
	}
}

func TestIdempotencyKey(t *testing.T) {
	h := start(t).on()
	const key = "9f0c1f4e-8a86-4b9c-9d2e-3a1b5c7d9e0f"
	body := h.holdBody("A-1")
	first := h.call("POST", orders, body, idempotent(key)).want(http.StatusCreated)
	again := h.call("POST", orders, body, idempotent(key)).want(http.StatusCreated)
	if !bytes.Equal(first.body, again.body) || again.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("replay = %s (%v)\nwant     %s", again.body, again.header, first.body)
	}
	h.call("POST", orders, h.holdBody("A-2"), idempotent(key)).problem(http.StatusConflict, "idempotency_key_reused")

	o := first.order()
	payPath := "/v1/orders/" + o.ID + "/pay"
	// The same key at another address is another request.
	declined := `{"provider":"sandbox","token":"declined"}`
	h.call("POST", payPath, declined, idempotent(key), bearer(o.Secret)).problem(http.StatusPaymentRequired, "payment_declined")
	replay := h.call("POST", payPath, declined, idempotent(key), bearer(o.Secret)).want(http.StatusPaymentRequired)
	if replay.header.Get("Idempotency-Replayed") != "true" || !strings.HasPrefix(replay.header.Get("Content-Type"), "application/problem+json") {
		t.Errorf("replayed problem has headers %v", replay.header)
	}
	// Who does not have the secret gets nothing by repeating a request.
	h.call("POST", payPath, declined, idempotent(key), bearer("guess")).problem(http.StatusConflict, "idempotency_key_reused")
	h.call("POST", payPath, payOK, idempotent(key+"-2"), bearer(o.Secret)).want(http.StatusOK)

	if b := storetest.Contents(t, h.path); bytes.Contains(b, []byte(o.Secret)) || bytes.Contains(b, []byte(key)) {
		t.Error("the database holds the order's secret or the key")
	}
	h.advance(25 * time.Hour)
	h.call("POST", orders, h.holdBody("A-3"), idempotent(key)).want(http.StatusCreated) // forgotten
}

// The same request from many connections at once takes effect once.
func TestIdempotencyKeyAtOnce(t *testing.T) {
	h := start(t).on()
	body := `{"zone":3,"class":5,"paper":true}`
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]int{}
	for range 16 {
		wg.Go(func() {
			a := h.call("POST", orders, body, idempotent("0123456789abcdef"))
			mu.Lock()
			defer mu.Unlock()
			switch a.status {
			case http.StatusCreated:
				ids[a.order().ID]++
			case http.StatusConflict:
				a.problem(http.StatusConflict, "request_in_progress")
			default:
				t.Errorf("%s: %d %s", a.asked, a.status, a.body)
			}
		})
	}
	wg.Wait()
	if len(ids) != 1 {
		t.Errorf("one key made orders %v, want one order", ids)
	}
}

func TestSeatsFill(t *testing.T) {
	h := start(t).on()
	h.buy("C-3")
	h.hold("C-4")
	states := map[string]string{}
	cursor, pages := "", 0
	for {
		var page struct {
			Seats []struct {
				Number      int
				Seat, State string
				Accessible  bool
			}
			Next string
		}
		h.call("GET", fmt.Sprintf("/v1/events/1001/seats?zone=1&limit=50&cursor=%s", cursor), "").want(http.StatusOK).into(&page)
		for _, s := range page.Seats {
			states[s.Seat] = s.State
			if s.Accessible != (s.Seat == "E-1" || s.Seat == "E-22") {
				t.Errorf("seat %+v: accessible?", s)
			}
		}
		if pages++; page.Next == "" {
			break
		}
		cursor = page.Next
	}
	if len(states) != 104 || pages != 3 || states["C-3"] != "sold" || states["C-4"] != "held" || states["C-5"] != "free" {
		t.Errorf("%d seats on %d pages, C-3 %s, C-4 %s, C-5 %s", len(states), pages, states["C-3"], states["C-4"], states["C-5"])
	}
	for _, q := range []string{"", "?zone=9", "?zone=-1", "?zone=x"} {
		h.call("GET", "/v1/events/1001/seats"+q, "").problem(http.StatusUnprocessableEntity, "invalid_request")
	}
	for _, q := range []string{"&limit=0", "&limit=501", "&limit=x", "&cursor=%25", "&cursor=YWJj", "&cursor=" + strings.Repeat("A", 200)} {
		h.call("GET", "/v1/events/1001/seats?zone=1"+q, "").problem(http.StatusBadRequest, "invalid_cursor")
	}
	var event struct {
		Free, Sold, Places int
		Zones              []struct{ Held, Sold int }
	}
	h.call("GET", "/v1/events/1001", "").want(http.StatusOK).into(&event)
	if event.Places != 352 || event.Sold != 1 || event.Free != 350 || event.Zones[0].Held != 1 {
		t.Errorf("event = %+v", event)
	}
	h.call("GET", "/v1/events/7", "").problem(http.StatusNotFound, "unknown_event")
	h.call("GET", "/v1/events/7/seats?zone=1", "").problem(http.StatusNotFound, "unknown_event")
}

// A paper ticket can be printed by whoever has the order, and by nobody else; a
// ticket that is bound to a phone is never printed.
func TestPaperSheet(t *testing.T) {
	h := start(t).on()
	o := h.call("POST", orders, `{"zone":3,"class":5,"paper":true,"quantity":1}`).want(http.StatusCreated).order()
	paid := h.call("POST", "/v1/orders/"+o.ID+"/pay", payOK, bearer(o.Secret)).want(http.StatusOK).order()
	sheet := "/v1/orders/" + o.ID + "/tickets/" + paid.Tickets[0].ID + "/paper."
	for ext, begins := range map[string]string{"pdf": "%PDF-1.", "png": "\x89PNG\r\n"} {
		a := h.call("GET", sheet+ext+"?lang=en", "", bearer(o.Secret)).want(http.StatusOK)
		if !bytes.HasPrefix(a.body, []byte(begins)) || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %.10q, %v", ext, a.body, a.header)
		}
	}
	h.call("GET", sheet+"pdf", "").problem(http.StatusUnauthorized, "unauthorized")
	h.call("GET", sheet+"pdf", "", bearer(strings.Repeat("x", 43))).problem(http.StatusNotFound, "unknown_order")
	h.call("GET", sheet+"pdf?lang=xx", "", bearer(o.Secret)).problem(http.StatusUnprocessableEntity, "invalid_request")
	h.call("GET", "/v1/orders/"+o.ID+"/tickets/"+strings.Repeat("0", 32)+"/paper.pdf", "", bearer(o.Secret)).problem(http.StatusNotFound, "unknown_ticket")
	h.call("GET", "/v1/wallet/tickets/"+paid.Tickets[0].ID+"/paper.pdf", "").problem(http.StatusUnauthorized, "sign_in_required")

	held := h.hold("B-8")
	bound := h.call("POST", "/v1/orders/"+held.ID+"/pay", payOK, bearer(held.Secret)).want(http.StatusOK).order()
	h.call("GET", "/v1/orders/"+held.ID+"/tickets/"+bound.Tickets[0].ID+"/paper.pdf", "", bearer(held.Secret)).problem(http.StatusConflict, "ticket_not_paper")

	h.call("POST", "/admin/v1/orders/"+o.ID+"/refund", "", admin()).want(http.StatusOK)
	h.call("GET", sheet+"pdf", "", bearer(o.Secret)).problem(http.StatusConflict, "ticket_dead")
}
