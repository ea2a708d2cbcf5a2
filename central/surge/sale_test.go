package surge_test

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/central/surge"
	"github.com/con-ting/conting/sync/ticket"
)

const origin = "https://tickets.example"

// market is a central in memory that sells seats in one zone. Its fields may be set before it serves.
type market struct {
	seats   int
	double  bool // sells every seat to whoever comes
	noQueue bool
	pending bool // answers a payment later
	party   string

	mu       sync.Mutex
	accounts map[string]string // by cookie; guarded by mu
	sold     map[string]string // order by seat; guarded by mu
	orders   map[string]string // seat by order; guarded by mu
	polls    map[string]int    // by token; guarded by mu
	wrong    []string          // what a real central would have refused; guarded by mu
}

func (m *market) handler() http.Handler {
	m.accounts, m.sold, m.orders, m.polls = map[string]string{}, map[string]string{}, map[string]string{}, map[string]int{}
	mux := http.NewServeMux()
	for route, h := range map[string]func(w http.ResponseWriter, r *http.Request, body map[string]any) (int, any){
		"GET /v1/events/1001":         m.event,
		"GET /v1/events/1001/seats":   m.places,
		"POST /v1/account/challenges": m.challenge,
		"POST /v1/challenges":         m.challenge,
		"POST /v1/account/register":   m.register,
		"POST /v1/events/1001/queue":  m.enter,
		"GET /v1/events/1001/queue":   m.poll,
		"POST /v1/events/1001/orders": m.hold,
		"POST /v1/orders/{order}/pay": m.pay,
		"GET /v1/orders/{order}":      m.order,
	} {
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			var body map[string]any
			if len(text) > 0 && json.Unmarshal(text, &body) != nil {
				m.note("body of %s: %s", route, text)
			}
			m.mu.Lock()
			status, out := h(w, r, body)
			m.mu.Unlock()
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(out)
		})
	}
	return mux
}

func (m *market) note(format string, args ...any) {
	m.wrong = append(m.wrong, fmt.Sprintf(format, args...))
}

func (m *market) event(http.ResponseWriter, *http.Request, map[string]any) (int, any) {
	return 200, map[string]any{
		"relying_party": map[string]any{"id": "tickets.example", "origin": origin},
		"zones":         []any{map[string]any{"id": 1, "free": m.seats}, map[string]any{"id": 2, "free": 5}, map[string]any{"id": 3, "free": 0}},
		"classes":       []any{map[string]any{"id": 1}, map[string]any{"id": 2, "paper": true}, map[string]any{"id": 3, "staff": true}},
		"prices": []any{
			map[string]any{"zone": 1, "class": 2}, map[string]any{"zone": 1, "class": 1}, map[string]any{"zone": 2, "class": 3}, map[string]any{"zone": 3, "class": 1},
		},
	}
}

func (m *market) places(_ http.ResponseWriter, r *http.Request, _ map[string]any) (int, any) {
	if r.URL.Query().Get("zone") != "1" {
		m.note("asked for zone %s, of which nothing is on sale", r.URL.Query().Get("zone"))
	}
	const page = 7
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	var seats []any
	for i := from; i < min(from+page, m.seats+2); i++ {
		state := "free"
		if i == m.seats {
			state = "sold"
		}
		seats = append(seats, map[string]any{"seat": "A-" + strconv.Itoa(i), "state": state, "accessible": i == m.seats+1})
	}
	next := ""
	if from+page < m.seats+2 {
		next = strconv.Itoa(from + page)
	}
	return 200, map[string]any{"seats": seats, "next": next}
}

func (m *market) challenge(_ http.ResponseWriter, r *http.Request, body map[string]any) (int, any) {
	if strings.Contains(r.URL.Path, "account") && body["purpose"] != "register" {
		m.note("a challenge for %v", body["purpose"])
	}
	return 201, map[string]any{
		"challenge": base64.RawURLEncoding.EncodeToString([]byte("challenge of the market")),
		"rp":        map[string]any{"id": cmp.Or(m.party, "tickets.example")},
	}
}

func (m *market) register(w http.ResponseWriter, _ *http.Request, body map[string]any) (int, any) {
	credential, _ := body["credential"].(map[string]any)
	clientData, _ := credential["client_data_json"].(string)
	m.clientData(clientData, "webauthn.create")
	id := fmt.Sprintf("%032x", len(m.accounts)+1)
	m.accounts["conting_session="+id] = id
	http.SetCookie(w, &http.Cookie{Name: "conting_session", Value: id, Path: "/", HttpOnly: true})
	return 201, map[string]any{"account": id}
}

func (m *market) clientData(text, kind string) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	var c struct {
		Type        string `json:"type"`
		Challenge   string `json:"challenge"`
		Origin      string `json:"origin"`
		CrossOrigin *bool  `json:"crossOrigin"`
	}
	if err != nil || json.Unmarshal(raw, &c) != nil || c.Type != kind || c.Origin != origin || c.CrossOrigin == nil || c.Challenge != "Y2hhbGxlbmdlIG9mIHRoZSBtYXJrZXQ" {
		m.note("client data %s", raw)
	}
}

func (m *market) enter(_ http.ResponseWriter, r *http.Request, _ map[string]any) (int, any) {
	if m.noQueue {
		return 404, map[string]any{"code": "unknown_queue"}
	}
	return 200, map[string]any{"token": strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "state": "waiting", "number": 1, "position": 3, "retry_ms": 500}
}

// poll admits who has asked twice.
func (m *market) poll(_ http.ResponseWriter, r *http.Request, _ map[string]any) (int, any) {
	token := r.Header.Get("Queue-Token")
	if m.polls[token]++; m.polls[token] < 2 {
		return 200, map[string]any{"token": token, "state": "waiting", "position": 1, "retry_ms": 500}
	}
	return 200, map[string]any{"token": token, "state": "admitted", "admission": map[string]any{"token": "in-" + token}}
}

func (m *market) hold(_ http.ResponseWriter, r *http.Request, body map[string]any) (int, any) {
	who, ok := m.accounts[r.Header.Get("Cookie")]
	switch {
	case !ok || r.Header.Get("Origin") != origin || r.Header.Get("Idempotency-Key") == "":
		m.note("an order of nobody: %v", r.Header)
	case !m.noQueue && r.Header.Get("Queue-Admission") != "in-"+who:
		m.note("account %s was not admitted: %s", who, r.Header.Get("Queue-Admission"))
	case body["class"] != 1.0 || body["zone"] != 1.0:
		m.note("zone %v, class %v are not on sale", body["zone"], body["class"])
	}
	holder, _ := body["holder"].(map[string]any)
	m.signed(holder)
	seat, _ := body["seat"].(string)
	if m.sold[seat] != "" && !m.double {
		return 409, map[string]any{"code": "seat_taken"}
	}
	order := "o" + strconv.Itoa(len(m.orders)+1)
	m.sold[seat], m.orders[order] = order, seat
	return 201, map[string]any{"id": order, "secret": "s-" + order}
}

// signed notes an assertion that is not by the key that it names.
func (m *market) signed(h map[string]any) {
	text := func(name string) []byte {
		s, _ := h[name].(string)
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			m.note("%s: %q", name, s)
		}
		return b
	}
	named, _ := h["public_key"].(string)
	key, err := ticket.ParseHolderKey(named)
	if err != nil {
		m.note("holder %s: %v", named, err)
		return
	}
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), key[:])
	if x == nil {
		m.note("holder %s is no point", named)
		return
	}
	point := append(x.FillBytes(make([]byte, 32)), y.FillBytes(make([]byte, 32))...)
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, point...))
	hash := sha256.Sum256(text("client_data_json"))
	digest := sha256.Sum256(append(text("authenticator_data"), hash[:]...))
	if err != nil || !ecdsa.VerifyASN1(public, digest[:], text("signature")) {
		m.note("holder %s: bad signature, %v", named, err)
	}
	clientData, _ := h["client_data_json"].(string)
	m.clientData(clientData, "webauthn.get")
}

func (m *market) pay(_ http.ResponseWriter, r *http.Request, body map[string]any) (int, any) {
	order := r.PathValue("order")
	if r.Header.Get("Authorization") != "Bearer s-"+order || body["provider"] != "sandbox" || r.Header.Get("Idempotency-Key") == "" {
		m.note("payment of %s: %v %v", order, r.Header, body)
	}
	if m.pending {
		return 202, map[string]any{"state": "paying"}
	}
	return m.order(nil, r, nil)
}

func (m *market) order(_ http.ResponseWriter, r *http.Request, _ map[string]any) (int, any) {
	order := r.PathValue("order")
	if r.Header.Get("Authorization") != "Bearer s-"+order {
		m.note("order %s without its secret", order)
	}
	return 200, map[string]any{"state": "paid", "tickets": []any{map[string]any{"id": "t-" + order, "zone": 1, "seat": m.orders[order]}}}
}

// trade has people sign up and buy, and returns what came of it.
func trade(t *testing.T, m *market, people int, check func(t *testing.T, res *surge.Result)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := listen()
		server := &http.Server{Handler: m.handler()}
		var served sync.WaitGroup
		served.Go(func() { _ = server.Serve(l) })
		defer served.Wait()
		defer func() { _ = server.Close() }()
		client := &http.Client{Transport: &http.Transport{DialContext: l.dialContext}}
		defer client.CloseIdleConnections()
		s, err := surge.OpenSale(t.Context(), surge.SaleConfig{
			URL: "http://central.example", Event: 1001, People: people, Client: client,
			Access: func(account string) (string, time.Time) { return account, time.Time{} },
		})
		if err != nil {
			t.Fatal(err)
		}
		cfg := surge.Config{
			URL: "http://central.example", Dial: l.dial, Now: time.Now,
			People: people, Ramp: time.Second, Duration: 10 * time.Minute, Connections: 8,
		}
		if _, err := surge.Run(t.Context(), cfg, s.SignUp()); err != nil {
			t.Fatal(err)
		}
		if n, err := s.SignedUp(); m.party != "" {
			if !errors.Is(err, surge.ErrOtherParty) {
				t.Errorf("%d signed up: %v, want %v", n, err, surge.ErrOtherParty)
			}
			return
		} else if err != nil || n != people {
			t.Fatalf("%d of %d signed up: %v", n, people, err)
		}
		res, err := surge.Run(t.Context(), cfg, s)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range m.wrong {
			t.Errorf("a real central would refuse: %s", w)
			if i == 5 {
				break
			}
		}
		check(t, res)
	})
}

func TestSale(t *testing.T) {
	for name, m := range map[string]*market{
		"queue": {seats: 30}, "no queue": {seats: 30, noQueue: true}, "pending": {seats: 30, pending: true},
	} {
		t.Run(name, func(t *testing.T) {
			trade(t, m, 24, func(t *testing.T, res *surge.Result) {
				want := map[string]int64{"signed_up": 24, "paid": 24, "double_sales": 0, "gave_up": 0, "unfinished": 0}
				for what, n := range want {
					if res.Counts[what] != n {
						t.Errorf("%s = %d, want %d (%v)", what, res.Counts[what], n, res.Counts)
					}
				}
				if res.Errors != 0 || res.Counts["seats_taken"] == 0 {
					t.Errorf("errors %v, %d seats were taken; want no error, and four who fight for each", res.Failures, res.Counts["seats_taken"])
				}
				if !m.noQueue && step(t, res, "poll").Requests != 48 {
					t.Errorf("%d polls, want 48", step(t, res, "poll").Requests)
				}
			})
		})
	}
}

// More come than there are seats: all are sold, the others give up.
func TestSoldOut(t *testing.T) {
	trade(t, &market{seats: 10}, 15, func(t *testing.T, res *surge.Result) {
		if res.Counts["paid"] != 10 || res.Counts["gave_up"] != 5 {
			t.Errorf("counts %v, want 10 paid and 5 who gave up", res.Counts)
		}
	})
}

// A central that sells a seat twice is found out.
func TestDoubleSalesAreFound(t *testing.T) {
	trade(t, &market{seats: 10, double: true}, 20, func(t *testing.T, res *surge.Result) {
		if res.Counts["double_sales"] < 5 {
			t.Errorf("%d double sales, want 5: four people each", res.Counts["double_sales"])
		}
	})
}

func TestOtherParty(t *testing.T) {
	trade(t, &market{seats: 10, party: "localhost"}, 5, nil)
}

func TestNothingToBuy(t *testing.T) {
	m := &market{seats: 3}
	synctest.Test(t, func(t *testing.T) {
		l := listen()
		server := &http.Server{Handler: m.handler()}
		var served sync.WaitGroup
		served.Go(func() { _ = server.Serve(l) })
		defer served.Wait()
		defer func() { _ = server.Close() }()
		client := &http.Client{Transport: &http.Transport{DialContext: l.dialContext}}
		defer client.CloseIdleConnections()
		_, err := surge.OpenSale(t.Context(), surge.SaleConfig{
			URL: "http://central.example", Event: 1001, People: 1, Client: client, Zone: 3,
			Access: func(account string) (string, time.Time) { return account, time.Time{} },
		})
		if !errors.Is(err, surge.ErrNothingToBuy) {
			t.Errorf("a zone without free places: %v, want %v", err, surge.ErrNothingToBuy)
		}
	})
}
