package api_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// openTo says why operations are for everybody.
func openTo() map[string]string {
	out := map[string]string{}
	for because, ids := range map[string][]string{
		"it describes central and its API":                 {"statusPage", "statusStyle", "health", "openapi", "problem", "paymentProviders"},
		"it is a page, or what one is made of":             {"walletRoot", "wallet", "walletHead", "queuePage", "queueScript", "queueStyle", "stripePage", "payScript", "payStyle"},
		"what is on sale, and what is taken, is no secret": {"events", "event", "seats", "queueInfo", "queueShuffle"},
		"a challenge is random, and nothing without a key": {"challenge", "accountChallenge"},
		"it is how people come in, by what they prove":     {"getJoining", "register", "signIn", "recover", "registerWithPassword", "confirmRegistration", "signInWithPassword", "resetPassword", "confirmReset"},
		"whoever is not signed in is signed out":           {"signOut"},
		"it says what is on chain, and not whose it is":    {"tokenFile"},
		"a webhook is only a reason to ask the provider":   {"paymentWebhook"},
	} {
		for _, id := range ids {
			out[id] = because
		}
	}
	return out
}

// somewhere fills the paths of operations that are not about anybody's things. The
// event is one of its own, for it will be called off.
func somewhere() map[string]string {
	return at("event", calledOff, "order", strings.Repeat("0", 32), "device", "gate-1", "incident", "1", "did", "did:key:z6Mk",
		"code", "not_found", "path", "x.js", "provider", "sandbox", "token", "x.json")
}

// attempt is one operation with what it is tried on.
type attempt struct {
	thing
	id, method, path string
}

func (a *attempt) url(t *testing.T) string {
	t.Helper()
	out := a.path
	for name, v := range a.at {
		out = strings.ReplaceAll(out, "{"+name+"}", url.PathEscape(v))
	}
	if strings.Contains(out, "{") {
		t.Fatalf("%s %s: nothing is known to put into its path; say what it is about in things_test.go", a.method, out)
	}
	return out + a.query
}

// walk calls f for each operation of the document, in order.
func walk(t *testing.T, f func(method, path string, op *openapi3.Operation)) {
	t.Helper()
	doc, err := description()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		ops := doc.Paths.Value(path).Operations()
		for _, method := range slices.Sorted(maps.Keys(ops)) {
			f(method, path, ops[method])
		}
	}
}

// schemeOf is the one way in which an operation knows whom it is asked by.
func schemeOf(t *testing.T, op *openapi3.Operation) string {
	t.Helper()
	if op.Security == nil || len(*op.Security) == 0 {
		return ""
	}
	if len(*op.Security) == 1 && len((*op.Security)[0]) == 1 {
		for name := range (*op.Security)[0] {
			return name
		}
	}
	t.Fatalf("%s: security %v; the walk knows one scheme an operation", op.OperationID, *op.Security)
	return ""
}

// things are all operations on somebody's things.
func (w *world) things() map[string]func() thing {
	out := map[string]func() thing{}
	for _, some := range []map[string]func() thing{w.personal(), w.accounts(), w.family(), w.tickets(), w.orders(), w.line(), w.tokens()} {
		maps.Copy(out, some)
	}
	return out
}

// intruder comes with credentials of one kind, which are good for something else.
type intruder struct {
	name, kind string
	headers    []header
}

func (w *world) intruders() []intruder {
	h := w.h
	order := h.call("POST", orders, `{"zone":2,"class":5,"paper":true}`).want(http.StatusCreated).order()
	access := h.asPerson(w.eve.account())
	old := h.call("POST", "/v1/account/sign-in", marshal(h.t, h.assertion("sign_in", w.mina.phone)), origin()).want(http.StatusOK).session().Value
	h.call("POST", "/v1/account/sign-out", "", h.as(old)...).want(http.StatusOK)

	place, receipt := w.place(waitedToo), w.place(waited).Receipt
	_, minas, _ := strings.Cut(h.asPerson(w.mina.account())[1], " ")

	return []intruder{
		{"nobody", "", []header{origin()}},
		{"nobody with empty credentials", "", []header{origin(), bearer(""), cookie(""), queueToken("")}},
		{"eve by her session", "session", h.as(w.eve.session)},
		{"eve by her session as a bearer's token", "", []header{origin(), bearer(w.eve.session)}},
		{"a session that mina has ended", "", h.as(old)},
		{"mina's session beside eve's", "", []header{origin(), {"Cookie", cookie(w.eve.session)[1] + "; " + cookie(w.mina.session)[1]}}},
		{"mina's account as a session", "", h.as(w.mina.account())},
		{"mina's access token as a session", "", h.as(minas)},
		{"whoever has another order's secret", "orderSecret", []header{origin(), bearer(order.Secret)}},
		{"whoever has another order's secret as a password", "", []header{origin(), {"Authorization", "Basic " + basic("admin", order.Secret)}}},
		{"eve by her access token", "accessToken", []header{origin(), access}},
		{"eve by all that she has", "session", append(h.as(w.eve.session), access, queueToken(place.Token))},
		{"mina's place in another line", "", []header{origin(), queueToken(place.Token)}},
		{"mina's receipt as a token", "", []header{origin(), queueToken(receipt), bearer(receipt)}},
		{"the organiser", "adminToken", []header{origin(), admin()}},
		{"the organiser's browser", "adminPage", []header{origin(), {"Authorization", "Basic " + basic("x", adminToken)}}},
		{"the organiser's token cut short", "", []header{origin(), bearer(adminToken[:len(adminToken)-1])}},
	}
}

// Every operation of the document, on somebody's things, by everybody whose they are
// not: a stranger who knows every name, somebody with credentials of another kind, the
// organiser. None gets at them, or learns anything of them, or changes them. Then
// whose they are does the same, and may.
func TestOthersThingsAreOutOfReach(t *testing.T) {
	t.Parallel()
	h := start(t).on()
	w := h.world()
	intruders, things, open := w.intruders(), w.things(), openTo()
	walk(t, func(method, path string, op *openapi3.Operation) {
		a := attempt{id: op.OperationID, method: method, path: path}
		known, some := things[a.id]
		delete(things, a.id)
		scheme := schemeOf(t, op)
		body := ""
		if op.RequestBody != nil {
			body = "{}"
		}
		switch {
		case some:
			a.thing = known()
			a.scheme = cmp.Or(a.scheme, scheme)
			w.trespass(t, &a, intruders)
		case strings.HasPrefix(scheme, "admin"):
			a.thing = thing{scheme: scheme, at: somewhere(), body: body, owner: intruders[len(intruders)-3].headers}
			if scheme == "adminPage" {
				a.owner = intruders[len(intruders)-2].headers
			}
			w.trespass(t, &a, intruders)
		case open[a.id] == "" || scheme != "":
			t.Errorf("%s %s (%s, %q) is neither for everybody nor known as somebody's: say which in others_test.go or things_test.go", method, path, a.id, scheme)
		default:
			a.thing = thing{at: somewhere(), body: body}
			w.harmless(t, &a, h.call(method, a.url(t), a.body, origin()), "everybody")
		}
		delete(open, a.id)
	})
	for id := range things {
		t.Errorf("%s is not in the document", id)
	}
	for id := range open {
		t.Errorf("%s is not in the document, or not for everybody", id)
	}
}

// harmless fails if an answer holds anything of mina's or jun's.
func (w *world) harmless(t *testing.T, a *attempt, got *answer, who string) {
	t.Helper()
	for _, m := range w.marks {
		if len(m) > 3 && strings.Contains(string(got.body), m) {
			t.Errorf("%s: %s gets %q: %s", a.id, who, m, got.body)
		}
	}
}

// trespass tries an operation as everybody, and then as whose the thing is.
func (w *world) trespass(t *testing.T, a *attempt, intruders []intruder) {
	t.Helper()
	before := w.state(a)
	for _, in := range intruders {
		body := a.body
		switch {
		case in.kind == a.scheme && (in.kind == "adminToken" || in.kind == "adminPage"):
			continue // it is theirs
		case in.kind == "session" && a.theirs != nil:
			body = a.theirs(w.eve)
		}
		got := w.h.call(a.method, a.url(t), body, in.headers...)
		w.harmless(t, a, got, in.name)
		code := got.code()
		switch {
		case slices.Contains([]int{401, 403, 404}, got.status) && (code != "" || a.scheme == "adminPage"):
		case in.kind == a.scheme && a.own && got.status < 300:
		case in.kind == a.scheme && a.code != "" && code == a.code:
		default:
			t.Errorf("%s %s (%s) by %s: %d %s; want 401, 403 or 404 %s", a.method, a.url(t), a.id, in.name, got.status, got.body, a.code)
		}
	}
	if after := w.state(a); after != before {
		t.Errorf("%s by others changed\n%s\nto\n%s", a.id, before, after)
	}
	got := w.h.call(a.method, a.url(t), a.body, a.owner...)
	allowed := got.status < 300 || got.code() == "poll_instead" || strings.HasPrefix(a.scheme, "admin") && got.status != 401 && got.status != 403
	if !allowed {
		t.Errorf("%s %s (%s) by whose it is: %d %s; so that others were refused shows nothing", a.method, a.url(t), a.id, got.status, got.body)
	}
}

func (a *answer) code() string {
	var p struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(a.body, &p) // none, if it is no problem
	return p.Code
}

// state is all that the owner of a thing is told of their things, if the operation
// changes any.
func (w *world) state(a *attempt) string {
	if a.person == nil || a.method == "GET" {
		return ""
	}
	var out []string
	for _, path := range []string{
		"/v1/account", "/v1/account/sessions", "/v1/wallet/tickets", "/v1/wallet/credentials", "/v1/wallet/family", "/v1/wallet/transfers",
		"/v1/wallet/asks", "/v1/wallet/offers", "/v1/wallet/orders", "/v1/events/1001/waiting", "/v1/wallet/chain",
	} {
		out = append(out, string(w.h.call("GET", path, "", w.h.as(a.person.session)...).want(http.StatusOK).body))
	}
	return strings.Join(out, "\n")
}
