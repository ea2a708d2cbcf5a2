package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/ticket"
)

func TestAdminIsShut(t *testing.T) {
	h := start(t).on()
	closed := start(t, func(c *api.Config) { c.AdminToken = "" })
	var doc document
	h.call("GET", "/v1/openapi.json", "").want(http.StatusOK).into(&doc)
	tried := 0
	for path, ops := range doc.Paths {
		if !strings.HasPrefix(path, "/admin/v1/") && path != "/metrics" {
			continue
		}
		path = strings.NewReplacer("{event}", "1001", "{order}", "00", "{device}", "north-1", "{incident}", "1").Replace(path)
		for method := range ops {
			tried++
			method = strings.ToUpper(method)
			for _, x := range []header{{"X-None", ""}, bearer(""), bearer("wrong"), bearer(adminToken + "x"), bearer(adminToken[1:]), {"Authorization", adminToken}} {
				h.call(method, path, "{}", x).problem(http.StatusUnauthorized, "unauthorized")
			}
			for _, x := range []header{{"X-None", ""}, bearer(""), {"Authorization", "Bearer "}, admin()} {
				closed.call(method, path, "{}", x).problem(http.StatusUnauthorized, "unauthorized")
			}
		}
	}
	if tried < 11 {
		t.Errorf("tried %d admin operations, want all", tried)
	}
	for _, x := range []header{{"X-None", ""}, admin(), {"Authorization", "Basic YWRtaW46"}} {
		for _, page := range []string{"/admin/conflicts", "/admin/incidents"} {
			if a := h.call("GET", page, "", x); a.status != http.StatusUnauthorized || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s with %v: %d %v", a.asked, x, a.status, a.header)
			}
			if a := closed.call("GET", page, "", x); a.status != http.StatusUnauthorized {
				t.Errorf("%s with %v, admin shut: %d", a.asked, x, a.status)
			}
		}
	}
}

func TestShortAdminTokenIsRefused(t *testing.T) {
	if _, err := api.New(t.Context(), api.Config{
		Till: new(sale.Sale), Fleet: &fleet{}, Publisher: &ledger{}, Replies: noReplies{}, Accounts: &account.Accounts{}, Identity: &identity.Identity{}, Now: time.Now, Logger: discard(), AdminToken: "secret",
	}); err == nil || !strings.Contains(err.Error(), "admin token") {
		t.Errorf("New with a short admin token: %v", err)
	}
	if _, err := api.New(t.Context(), api.Config{}); err == nil {
		t.Error("New without anything passed")
	}
}

func TestImport(t *testing.T) {
	h := start(t).on()
	plan := samplePlan(t)
	h.call("POST", "/admin/v1/events", plan, admin()).want(http.StatusOK) // the same again
	h.call("POST", "/admin/v1/events", strings.Replace(plan, "165000", "1", 1), admin()).problem(http.StatusConflict, "event_exists")
	a := h.call("POST", "/admin/v1/events", strings.Replace(plan, `"standing"`, `"standin"`, 1), admin()).problem(http.StatusUnprocessableEntity, "invalid_plan")
	var p api.Problem
	a.into(&p)
	if !strings.Contains(p.Detail, `"standin"`) || !strings.Contains(p.Hint, `"standing"`) {
		t.Errorf("problem = %+v, want the key and the nearest one", p)
	}
	h.call("POST", "/admin/v1/events", strings.Repeat(" ", 2<<20), admin()).problem(http.StatusRequestEntityTooLarge, "body_too_large")
	h.call("POST", "/admin/v1/events", `{}`, admin()).problem(http.StatusUnprocessableEntity, "invalid_plan")

	h.call("POST", "/admin/v1/events", strings.Replace(plan, `"id": 1001`, `"id": 1002`, 1), admin()).want(http.StatusCreated)
	var page struct {
		Events []struct{ ID int }
		Next   string
	}
	h.call("GET", "/v1/events?limit=1", "").want(http.StatusOK).into(&page)
	if len(page.Events) != 1 || page.Events[0].ID != 1001 || page.Next == "" {
		t.Fatalf("first page = %+v", page)
	}
	h.call("GET", "/v1/events?limit=1&cursor="+page.Next, "").want(http.StatusOK).into(&page)
	if len(page.Events) != 1 || page.Events[0].ID != 1002 {
		t.Errorf("second page = %+v", page)
	}
}

func TestEnrolCode(t *testing.T) {
	h := start(t).on()
	const path = "/admin/v1/enrol-codes"
	var code struct{ Code, Device, Expires string }
	h.call("POST", path, `{"role":"gate","name":"north-1","gate":"north","events":[1001]}`, admin()).want(http.StatusCreated).into(&code)
	if code.Code == "" || code.Device != "north-1" || len(h.fleet.asked) != 1 || h.fleet.asked[0].Gate != "north" {
		t.Errorf("code = %+v, fleet was asked for %+v", code, h.fleet.asked)
	}
	for body, want := range map[string]struct {
		status int
		code   string
	}{
		`{"role":"root","name":"a","events":[1001]}`:                              {422, "invalid_request"},
		`{"role":"gate","name":"a","events":[1001]}`:                              {422, "invalid_request"},
		`{"role":"gate","name":"a","gate":"west","events":[1001]}`:                {422, "invalid_request"},
		`{"role":"gate","name":"a","gate":"north","events":[]}`:                   {422, "invalid_request"},
		`{"role":"gate","name":"a","gate":"north","events":[1001,9]}`:             {404, "unknown_event"},
		`{"role":"gate","name":"a/#","gate":"north","events":[1001]}`:             {422, "invalid_request"},
		`{"role":"gate","name":"","gate":"north","events":[1001]}`:                {422, "invalid_request"},
		`{"role":"gate","name":"a","gate":"north","events":[-1]}`:                 {400, "malformed_body"},
		`{"role":"gate","name":"a","gate":"north","event":1001}`:                  {400, "malformed_body"},
		`{"role":"hub","name":"` + strings.Repeat("a", 33) + `","events":[1001]}`: {422, "invalid_request"},
	} {
		h.call("POST", path, body, admin()).problem(want.status, want.code)
	}
	if len(h.fleet.asked) != 1 {
		t.Errorf("refused requests reached the fleet: %+v", h.fleet.asked)
	}
}

func TestAdminLists(t *testing.T) {
	h := start(t).on()
	at := time.Date(2026, 12, 12, 9, 30, 0, 123e6, time.UTC)
	for i := range 5 {
		h.ledger.entries = append(h.ledger.entries, api.Admission{Seq: uint64(i + 1), Ticket: ticket.ID{byte(i)}, Device: "north-1", Gate: "north", Kind: "enter", Time: at})
	}
	h.ledger.clashes = []api.Conflict{clash(at)}
	h.fleet.devices = []api.Device{{ID: "north-1", Role: "gate", Gate: "north", Online: true}, {ID: "south-1", Role: "gate", Gate: "south"}}

	var seqs []uint64
	cursor := ""
	for {
		var page struct {
			Admissions []struct{ Seq uint64 }
			Next       string
		}
		h.call("GET", "/admin/v1/events/1001/ledger?limit=2&cursor="+cursor, "", admin()).want(http.StatusOK).into(&page)
		for _, e := range page.Admissions {
			seqs = append(seqs, e.Seq)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(seqs) != 5 || seqs[4] != 5 {
		t.Errorf("ledger = %v, want 1 to 5", seqs)
	}
	var conflicts struct {
		Conflicts []struct {
			Winner struct{ Gate, Time string }
			Others []struct{ Gate, Time string }
		}
	}
	h.call("GET", "/admin/v1/events/1001/conflicts", "", admin()).want(http.StatusOK).into(&conflicts)
	if c := conflicts.Conflicts; len(c) != 1 || c[0].Winner.Gate != "north" || c[0].Others[0].Gate != "south" || c[0].Winner.Time != "2026-12-12T09:30:00.123Z" {
		t.Errorf("conflicts = %+v", conflicts)
	}
	var devices struct{ Devices []struct{ ID string } }
	h.call("GET", "/admin/v1/devices?limit=1", "", admin()).want(http.StatusOK).into(&devices)
	if len(devices.Devices) != 1 || devices.Devices[0].ID != "north-1" {
		t.Errorf("devices = %+v", devices)
	}
	h.call("POST", "/admin/v1/events/1001/publish", "", admin()).want(http.StatusOK)
	if len(h.ledger.published) != 1 || h.ledger.published[0] != 1001 {
		t.Errorf("published = %v", h.ledger.published)
	}
	for _, what := range []string{"ledger", "conflicts"} {
		h.call("GET", "/admin/v1/events/7/"+what, "", admin()).problem(http.StatusNotFound, "unknown_event")
	}
	h.call("POST", "/admin/v1/events/7/publish", "", admin()).problem(http.StatusNotFound, "unknown_event")
	h.call("POST", "/admin/v1/orders/00/refund", "", admin()).problem(http.StatusNotFound, "unknown_order")
	o := h.hold("A-1")
	h.call("POST", "/admin/v1/orders/"+o.ID+"/refund", "", admin()).problem(http.StatusConflict, "not_paid")
}

func clash(at time.Time) api.Conflict {
	return api.Conflict{
		Seq: 1, Ticket: ticket.ID{0xab, 0xcd},
		Winner: api.Claim{Device: "north-1", Gate: "north", Lane: "1", Time: at, Uncertainty: 40 * time.Millisecond, Mode: "alone"},
		Others: []api.Claim{{Device: "south-1", Gate: "south", Lane: "2", Time: at.Add(12 * time.Second), Uncertainty: 65 * time.Millisecond, Mode: "alone"}},
	}
}

// What goes wrong inside is not told outside, and is in the log once.
func TestInternalErrorsStayInside(t *testing.T) {
	h := start(t).on()
	h.ledger.err = errors.New("disk on fire at /secret/path")
	a := h.call("POST", "/admin/v1/events/1001/publish", "", admin(), header{"X-Request-Id", "my-request"}).problem(http.StatusInternalServerError, "internal_error")
	if strings.Contains(string(a.body), "fire") || a.header.Get("X-Request-Id") != "my-request" {
		t.Errorf("%s: %s", a.asked, a.body)
	}
	if !strings.Contains(h.log.String(), "disk on fire") || !strings.Contains(h.log.String(), `"my-request"`) {
		t.Errorf("the log lacks the error: %s", h.log)
	}
	h.ledger.err = context.DeadlineExceeded
	h.call("POST", "/admin/v1/events/1001/publish", "", admin()).problem(http.StatusServiceUnavailable, "timeout")
	h.ledger.err = fmt.Errorf("begin: %w: %w", store.ErrUnavailable, context.DeadlineExceeded)
	a = h.call("POST", "/admin/v1/events/1001/publish", "", admin()).problem(http.StatusServiceUnavailable, "unavailable")
	if a.header.Get("Retry-After") == "" || strings.Contains(string(a.body), "begin") {
		t.Errorf("%s: %v, %s", a.asked, a.header, a.body)
	}
}

type panics struct{ api.Publisher }

func (panics) Publish(context.Context, ticket.EventID) (uint64, error) {
	var none []uint64
	return none[len(none)], nil // a programming error
}

func TestPanicIsAnswered(t *testing.T) {
	h := start(t, func(c *api.Config) { c.Publisher = panics{} }).on()
	h.call("POST", "/admin/v1/events/1001/publish", "", admin()).problem(http.StatusInternalServerError, "internal_error")
	h.call("GET", "/healthz", "").want(http.StatusOK)
}

type waits struct{ api.Publisher }

func (waits) Publish(ctx context.Context, _ ticket.EventID) (uint64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestDeadline(t *testing.T) {
	h := start(t, func(c *api.Config) { c.Publisher, c.Timeout = waits{}, 200*time.Millisecond }).on()
	a := h.call("POST", "/admin/v1/events/1001/publish", "", admin()).problem(http.StatusServiceUnavailable, "timeout")
	if a.header.Get("Retry-After") == "" {
		t.Errorf("%s: no Retry-After", a.asked)
	}
}

// The log names routes and outcomes, and nothing that a person brought along.
func TestLogHasNoPersonalData(t *testing.T) {
	h := start(t).on()
	o := h.buy("D-4")
	h.call("GET", "/v1/orders/"+o.ID+"?note=alice%40example.org", "", bearer(o.Secret), header{"User-Agent", "alice"}, header{"X-Request-Id", "bob@example.org"}).want(http.StatusOK)
	h.call("GET", "/nowhere/alice@example.org", "").problem(http.StatusNotFound, "not_found")
	log := h.log.String()
	for _, secret := range []string{o.ID, o.Secret, o.Tickets[0].ID, h.wallet.HolderKey().String(), "alice", "bob", "127.0.0.1", "D-4", adminToken} {
		if strings.Contains(log, secret) {
			t.Errorf("the log contains %q", secret)
		}
	}
	var line struct {
		Route  string `json:"route"`
		Status int    `json:"status"`
	}
	lines := strings.Split(strings.TrimSpace(log), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-2]), &line); err != nil || line.Route != "/v1/orders/:order" || line.Status != 200 {
		t.Errorf("log line %s = %+v, %v", lines[len(lines)-2], line, err)
	}
}

func TestHeaders(t *testing.T) {
	h := start(t).on()
	for _, path := range []string{"/", "/v1/events", "/nowhere", "/admin/v1/devices"} {
		a := h.call("GET", path, "")
		csp := a.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") ||
			a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Request-Id") == "" ||
			a.header.Get("Strict-Transport-Security") == "" { // a proxy speaks TLS for us
			t.Errorf("GET %s: headers %v", path, a.header)
		}
	}
	h.call("PUT", "/v1/events", "{}").problem(http.StatusMethodNotAllowed, "method_not_allowed")
	h.call("GET", "/v1/events/", "").problem(http.StatusNotFound, "not_found")
	h.call("GET", "/v1/../admin/v1/devices", "").problem(http.StatusNotFound, "not_found")
	h.call("GET", "/v1/problems/nonsense", "").problem(http.StatusNotFound, "not_found")
}

func TestPages(t *testing.T) {
	h := start(t)
	if a := h.call("GET", "/", "").want(http.StatusOK); !strings.Contains(string(a.body), "No event is on sale") {
		t.Errorf("empty status page: %s", a.body)
	}
	h.on()
	h.buy("A-1")
	h.ledger.clashes = []api.Conflict{clash(time.Date(2026, 12, 12, 9, 30, 0, 0, time.UTC))}
	h.fleet.devices = []api.Device{{ID: "north-1", Online: true}, {ID: "south-1"}}
	page := string(h.call("GET", "/", "").want(http.StatusOK).body)
	for _, want := range []string{"겨울밤 콘서트", "Sold 1 of 352", "of 2</small>", "/admin/conflicts"} {
		if !strings.Contains(page, want) {
			t.Errorf("the status page lacks %q", want)
		}
	}
	for _, secret := range []string{"north-1", "abcd"} {
		if strings.Contains(page, secret) {
			t.Errorf("the public page shows %q", secret)
		}
	}
	r := header{"Authorization", "Basic " + basic("any", adminToken)}
	page = string(h.call("GET", "/admin/conflicts", "", r).want(http.StatusOK).body)
	for _, want := range []string{"abcd0000", "north-1", "south-1", "2026-12-12 09:30:00.000 UTC", "2026-12-12 09:30:12.000 UTC", "± 65 ms", "nobody"} {
		if !strings.Contains(page, want) {
			t.Errorf("the conflicts page lacks %q", want)
		}
	}
	h.call("GET", "/status.css", "").want(http.StatusOK)
}

// A name from a plan is text, never markup.
func TestPagesEscape(t *testing.T) {
	h := start(t)
	h.call("POST", "/admin/v1/events", strings.Replace(samplePlan(t), "겨울밤 콘서트", `<script>alert(1)</script>`, 1), admin()).want(http.StatusCreated)
	if page := string(h.call("GET", "/", "").want(http.StatusOK).body); strings.Contains(page, "<script") {
		t.Errorf("the page contains a script: %s", page)
	}
}
