package api_test

import (
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

// mark stands in everything hostile, so that it can be found where it must not be.
const mark = "zqx"

// hostile are texts that have broken servers, or broken out of what they were put
// into.
func hostile() []string {
	return []string{
		mark + `' OR '1'='1'; DROP TABLE orders; --"||pg_sleep(30)||`, "\xff\xfe" + mark, "<script>" + mark + "</script>${jndi:ldap://x}{{7*7}}%n%s",
		mark + "\x00", mark + "\r\nSet-Cookie: " + mark + "=1\u2028\u202e\ufeff",
		"../../../" + mark, "-1", "99999999999999999999", strings.Repeat(mark, 1000), " ",
	}
}

// inHeaders are those of them that a header may have.
func inHeaders() []string { return hostile()[:3] }

// values are what a value of JSON is replaced by.
func values() []string {
	out := []string{"null", "-1", "1e999", `["` + mark + `"]`, `{"` + mark + `":{}}`, `""`, "\"\xff" + mark + "\"", `"\ud800` + mark + `"`}
	for _, s := range hostile()[3:] {
		b, err := json.Marshal(s)
		if err == nil {
			out = append(out, string(b))
		}
	}
	return out
}

// junk are bodies that are not what any operation takes.
func junk() []string {
	return []string{
		" ", "{", "null", "[]", `"` + mark + `"`, "{}{}", `{"` + mark + `":1}`, "\xff\xfe", "{\"a\":\"\x00\"}", `{"":""}`,
		strings.Repeat("[", 20000), strings.Repeat(`{"a":`, 10000),
	}
}

// siege tries one operation, whose answers must be sound.
type siege struct {
	*world
	t     *testing.T
	asked map[string]bool // problem codes that were seen
	taken map[string]bool // operations that succeeded
}

// sound fails unless an answer is one that somebody hostile may get: never ours to
// blame, a problem if it is none of success, and with nothing of theirs in it that
// could do harm.
func (s *siege) sound(a *attempt, what string, got *answer) {
	s.t.Helper()
	if got.status >= 500 {
		s.t.Errorf("%s with %.200q: %d %s", a.id, what, got.status, got.body)
		return
	}
	for name, all := range got.header {
		if strings.Contains(strings.Join(all, " "), mark) && name != "X-Request-Id" {
			s.t.Errorf("%s with %.200q: header %s: %q", a.id, what, name, all)
		}
	}
	kind, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	if kind == "text/html" && strings.Contains(string(got.body), "<script>"+mark) {
		s.t.Errorf("%s with %.200q: a page with %s", a.id, what, got.body)
	}
	if got.status < 400 || a.method == http.MethodHead {
		s.taken[a.id] = true
		return
	}
	var p api.Problem
	if err := json.Unmarshal(got.body, &p); err != nil || kind != "application/problem+json" || p.Type != "/v1/problems/"+p.Code || p.Status != got.status || api.Codes()[p.Code] != got.status {
		s.t.Errorf("%s with %.200q: %d %s %.300q is no problem", a.id, what, got.status, kind, got.body)
	}
	s.asked[p.Code] = true
}

func (s *siege) try(a *attempt, what, method, path, body string, headers ...header) {
	s.t.Helper()
	s.sound(a, what, s.h.call(method, path, body, headers...))
}

// Every operation with what people send who mean no good, or whose program is broken:
// by whose the thing is, so that it gets as far as it can.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	h := start(t).on()
	h.nulls = true // null for what is left out is taken, though the document does not say so
	s := &siege{world: h.world(), t: t, asked: map[string]bool{}, taken: map[string]bool{}}
	things := s.things()
	walk(t, func(method, path string, op *openapi3.Operation) {
		a := attempt{id: op.OperationID, method: method, path: path}
		if known, some := things[a.id]; some {
			a.thing = known()
		} else {
			a.thing = thing{at: somewhere(), owner: s.everybody(schemeOf(t, op)), body: s.plain(a.id)}
		}
		if a.id == "streamQueue" {
			a.at = at("event", "1001") // where nobody waits; a stream that begins does not end
		}
		s.paths(&a)
		s.queriesOf(&a, op)
		s.headers(&a)
		s.bodies(&a, op)
		if a.body != "" && !s.taken[a.id] && !slices.Contains(beyond(), a.id) {
			t.Errorf("%s was never taken, so nothing was tried on what it does", a.id)
		}
	})
	s.methods()
	if strings.Contains(h.log.String(), mark) {
		t.Errorf("the log has what they wrote: %s", h.log.String())
	}
	for _, code := range []string{"malformed_body", "body_too_large", "unsupported_media_type", "method_not_allowed", "invalid_cursor", "idempotency_key_invalid", "unknown_order", "queue_token_invalid"} {
		if !s.asked[code] {
			t.Errorf("nothing was answered %s; the walk does not get far", code)
		}
	}
	h.call("GET", "/v1/events/1001", "").want(http.StatusOK) // all is well
	h.call("GET", "/healthz", "").want(http.StatusOK)
}

// beyond are operations that take what only a letter, a seed or another's key gives.
func beyond() []string {
	return []string{"announceBeacon", "saveStatusList", "giveRole", "confirmRegistration", "confirmReset", "signInWithPassword", "recover"}
}

func (s *siege) everybody(scheme string) []header {
	switch scheme {
	case "adminToken":
		return []header{admin()}
	case "adminPage":
		return []header{{"Authorization", "Basic " + basic("x", adminToken)}}
	}
	return []header{origin()}
}

// plain are bodies of operations that are about nobody's thing, and would be taken.
func (s *siege) plain(id string) string {
	h := s.h
	switch id {
	case "register":
		return marshal(h.t, h.registration("new@x.kr", "", h.phone("new")))
	case "recover":
		return marshal(h.t, h.registration("x0@x.kr", "AAAAA-AAAAA-AAAAA-AAAAA", h.phone("newer")))
	case "signIn":
		return marshal(h.t, h.assertion("sign_in", s.mina.phone))
	case "accountChallenge":
		return `{"purpose":"sign_in"}`
	case "registerWithPassword", "resetPassword":
		return `{"email":"new@x.kr","language":"ko"}`
	case "confirmRegistration", "confirmReset":
		return `{"token":"` + strings.Repeat("A", 43) + `","password":"` + goodPassword + `"}`
	case "signInWithPassword":
		return `{"email":"mina@x.kr","password":"` + goodPassword + `"}`
	case "importEvent":
		return `{"format": "conting-plan/1", "venue": {"name": "x", "timezone": "Asia/Seoul", "zones": [{"id": 1, "name": "x", "rows": [{"row": "A", "first": 1, "last": 2}]}],
			"gates": [{"name": "north", "zones": [1]}]}, "event": {"id": 7, "name": "x", "doors": "2026-12-12T17:00:00+09:00", "starts": "2026-12-12T19:00:00+09:00",
			"ends": "2026-12-12T22:30:00+09:00", "currency": "KRW", "classes": [{"id": 1, "name": "x"}], "prices": [{"zone": 1, "class": 1, "amount": 1}],
			"sale": {"method": "first_come"}, "relying_party": {"id": "tickets.example", "origin": "https://tickets.example"}}}`
	case "enrolCode":
		return `{"role":"gate","name":"gate-7","gate":"north","events":[1001]}`
	case "giveRole":
		return `{"email":"mina@x.kr","role":"attendee"}`
	case "saveIssuer":
		other, err := trust.NewSigner(ed25519.NewKeyFromSeed([]byte("another registrar's seed of 32 b")))
		if err != nil {
			h.t.Fatal(err)
		}
		did, err := credential.KeyDID(other.Public())
		if err != nil {
			h.t.Fatal(err)
		}
		return marshal(h.t, object{"did": did, "name": "x", "accepts": []string{"age"}, "status_urls": []string{"https://x.example/1.jwt"}})
	case "saveStatusList":
		return `{"url":"` + statusURL + `","jwt":"a.b.c"}`
	case "putQueue":
		return `{"opens":"2026-12-01T00:00:00Z","rate_per_minute":60,"beacon_source":"x"}`
	case "mintRetry":
		return `{"all":true}`
	case "announceBeacon":
		return `{"beacon":"1"}`
	}
	return ""
}

func (s *siege) paths(a *attempt) {
	s.t.Helper()
	for name := range a.at {
		if !strings.Contains(a.path, "{"+name+"}") || a.id == "streamQueue" && name != "event" {
			continue
		}
		for _, bad := range hostile() {
			b := *a
			b.at = maps.Clone(a.at)
			b.at[name] = bad
			s.try(a, name+"="+bad, a.method, b.url(s.t), a.body, a.owner...)
		}
	}
}

// queriesOf tries what the document names, and cursors that decode to something hostile.
func (s *siege) queriesOf(a *attempt, op *openapi3.Operation) {
	s.t.Helper()
	for _, p := range op.Parameters {
		if p.Value.In != "query" {
			continue
		}
		for _, bad := range hostile() {
			for _, v := range []string{bad, base64.RawURLEncoding.EncodeToString([]byte(bad)), base64.RawURLEncoding.EncodeToString([]byte("1-" + bad))} {
				q := url.Values{p.Value.Name: {v}}
				if a.id == "seats" && p.Value.Name != "zone" {
					q.Set("zone", "1")
				}
				s.try(a, p.Value.Name+"="+v, a.method, a.url(s.t)+"?"+q.Encode(), a.body, a.owner...)
			}
		}
	}
	s.try(a, "a query that is none", a.method, a.url(s.t)+"?%zz&=&;&"+mark, a.body, a.owner...)
}

func (s *siege) headers(a *attempt) {
	s.t.Helper()
	if strings.Contains(a.id, "Paper") {
		return // they are slow to draw
	}
	for _, bad := range inHeaders() {
		all := slices.Clone(a.owner)
		for _, name := range []string{"User-Agent", "X-Request-Id", "X-Forwarded-For", "Accept", "Accept-Language", "If-None-Match", "Range", "Referer", "Queue-Admission"} {
			all = append(all, header{name, bad})
		}
		s.try(a, "headers "+bad, a.method, a.url(s.t), a.body, all...)
	}
	for _, h := range []header{
		idempotent(inHeaders()[0]), idempotent(inHeaders()[1]), bearer(inHeaders()[0]), bearer(inHeaders()[1]), cookie(inHeaders()[0]), cookie(inHeaders()[1]),
		queueToken(inHeaders()[0]), queueToken(inHeaders()[1]),
		{"Origin", inHeaders()[0]},
		{"Content-Type", inHeaders()[0]},
	} {
		s.try(a, h[0]+": "+h[1], a.method, a.url(s.t), a.body, append(slices.Clone(a.owner), h)...)
	}
}

// bodies tries junk, other types, a flood, and the right body with each of its values
// replaced in turn.
func (s *siege) bodies(a *attempt, op *openapi3.Operation) {
	s.t.Helper()
	if op.RequestBody == nil {
		return
	}
	at := a.url(s.t)
	for _, body := range junk() {
		s.try(a, body, a.method, at, body, a.owner...)
	}
	for _, kind := range []string{"text/plain", "multipart/form-data; boundary=x", ";"} {
		s.try(a, kind, a.method, at, cmp.Or(a.body, "{}"), append(slices.Clone(a.owner), header{"Content-Type", kind})...)
	}
	flood := `{"a":"` + strings.Repeat("a", 1<<20) + `"}`
	s.try(a, "a flood", a.method, at, flood, a.owner...)
	s.try(a, "a flood with a key", a.method, at, flood, append(slices.Clone(a.owner), idempotent("0123456789abcdef"))...)
	var whole any
	if json.Unmarshal([]byte(a.body), &whole) != nil {
		return
	}
	for _, body := range mutants(whole) {
		s.try(a, body, a.method, at, body, a.owner...)
	}
}

// mutants are a value of JSON with each of its leaves replaced by each of values, and
// with each of its keys left out.
func mutants(v any) (out []string) {
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			return "{}"
		}
		return string(b)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			less := maps.Clone(v)
			delete(less, key)
			out = append(out, text(less))
			for _, sub := range mutants(v[key]) {
				rest := strings.TrimPrefix(text(less), "{")
				if len(less) > 0 {
					rest = "," + rest
				}
				out = append(out, fmt.Sprintf("{%q:%s%s", key, sub, rest))
			}
		}
		return out
	case []any:
		for i := range v {
			for _, sub := range mutants(v[i]) {
				out = append(out, "["+sub+"]")
			}
		}
	}
	return append(out, values()...)
}

// methods tries every path with the methods that it does not have.
func (s *siege) methods() {
	s.t.Helper()
	doc, err := description()
	if err != nil {
		s.t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", strings.ToUpper(mark)} {
			if item.Operations()[method] != nil {
				continue
			}
			a := attempt{id: method + " " + path, method: method, path: path, thing: thing{at: somewhere()}}
			for _, name := range []string{"ticket", "payment", "offer", "transfer", "ask", "credential", "lease", "session"} {
				a.at[name] = "0"
			}
			got := s.h.call(method, a.url(s.t), "{}", origin(), admin())
			s.sound(&a, "", got)
			if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") == "" {
				s.t.Errorf("%s: %d, Allow %q", a.id, got.status, got.header.Get("Allow"))
			}
		}
	}
}
