package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/con-ting/conting/sync/private"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/wallet"
)

// TestPeople drives the built command with a browser's part played here.
func TestPeople(t *testing.T) {
	t.Parallel()
	sample, err := os.ReadFile("../testdata/venue/sample.json")
	if err != nil {
		t.Fatal(err)
	}
	year := time.Now().AddDate(1, 0, 0).Format("2006")
	sample = bytes.ReplaceAll(sample, []byte(`"2026-12-12T`), []byte(`"`+year+`-12-12T`))
	testscript.Run(t, testscript.Params{
		Dir: "testdata/people", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			name := filepath.Join(env.WorkDir, "sample.json")
			env.Setenv("SAMPLE", name)
			return os.WriteFile(name, sample, 0o600)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"ready": ready, "person": person, "door": door, "letters": letters},
	})
}

// browser is somebody at the wallet's origin.
type browser struct {
	ts     *testscript.TestScript
	api    string
	origin string
	cookie string
}

// call returns the status and the answer; it keeps the session's cookie.
func (b *browser) call(method, path string, in any, headers ...string) (int, map[string]any) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		check(b.ts, err)
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, b.api+path, body)
	check(b.ts, err)
	req.Header.Set("Origin", b.origin)
	req.Header.Set("Idempotency-Key", rand.Text())
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if b.cookie != "" {
		req.Header.Set("Cookie", b.cookie)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	check(b.ts, err)
	defer func() { _ = resp.Body.Close() }()
	for _, c := range resp.Cookies() {
		b.cookie = c.Name + "=" + c.Value
	}
	var out map[string]any
	check(b.ts, json.NewDecoder(resp.Body).Decode(&out))
	return resp.StatusCode, out
}

// must is call that must succeed.
func (b *browser) must(method, path string, in any, headers ...string) map[string]any {
	status, out := b.call(method, path, in, headers...)
	if status/100 != 2 {
		b.ts.Fatalf("%s %s: %d %v", method, path, status, out)
	}
	return out
}

// text is a value of an answer that must be a text.
func text(answer map[string]any, key string) string {
	s, _ := answer[key].(string)
	return s
}

// letter waits for a letter to somebody whose text matches, and returns what does.
func letter(ts *testscript.TestScript, dir, to string, want *regexp.Regexp) []string {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		all, err := filepath.Glob(filepath.Join(dir, "*.eml"))
		check(ts, err)
		for _, name := range all {
			raw, err := private.Read(name)
			check(ts, err)
			m, err := mail.ReadMessage(bytes.NewReader(raw))
			check(ts, err)
			body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
			check(ts, err)
			if got := want.FindStringSubmatch(string(body)); got != nil && strings.Contains(m.Header.Get("To"), "<"+to+">") {
				return got
			}
		}
	}
	ts.Fatalf("no letter to %s matches %s", to, want)
	return nil
}

// person DIR EMAIL signs up at the central of that folder, and buys a ticket.
func person(ts *testscript.TestScript, _ bool, args []string) {
	dir, email := ts.MkAbs(args[0]), args[1]
	const password = "violet tram at noon"
	var ad addresses
	check(ts, json.Unmarshal([]byte(ts.ReadFile(filepath.Join(args[0], addressesFile))), &ad))
	page, err := url.Parse(ad.Wallet)
	check(ts, err)
	b := &browser{ts: ts, api: ad.API, origin: page.Scheme + "://" + page.Host}
	folder := filepath.Join(dir, mailFolder)

	b.must("POST", "/v1/account/password/register", map[string]any{"email": email, "language": "ko"})
	link := letter(ts, folder, email, regexp.MustCompile(regexp.QuoteMeta(ad.Wallet)+`#/confirm/join/([A-Za-z0-9_-]+)`))
	b.must("POST", "/v1/account/password/register/confirm", map[string]any{"token": link[1], "password": password})

	// The first passkey.
	encode := base64.RawURLEncoding.EncodeToString
	key, err := wallet.NewAuthenticator(ticket.RelyingParty{ID: page.Hostname(), Origin: b.origin}, []byte(email))
	check(ts, err)
	asked := b.must("POST", "/v1/account/challenges", map[string]any{"purpose": "add_passkey"})
	challenge, err := base64.RawURLEncoding.DecodeString(text(asked, "challenge"))
	check(ts, err)
	made, err := key.Create(challenge)
	check(ts, err)
	b.must("POST", "/v1/account/passkeys", map[string]any{"challenge": asked["challenge"], "password": password, "credential": map[string]any{
		"id": encode(made.CredentialID), "attestation_object": encode(made.AttestationObject), "client_data_json": encode(made.ClientDataJSON),
	}})

	// A ticket, of which a letter tells.
	key.RelyingParty = ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"} // the event's
	asked = b.must("POST", "/v1/challenges", map[string]any{})
	challenge, err = base64.RawURLEncoding.DecodeString(text(asked, "challenge"))
	check(ts, err)
	proof, err := key.Assert(challenge)
	check(ts, err)
	order := b.must("POST", "/v1/events/1001/orders", map[string]any{"zone": 1, "class": 1, "holder": map[string]any{
		"public_key": key.HolderKey(), "challenge": asked["challenge"], "client_data_json": encode(proof.ClientDataJSON),
		"authenticator_data": encode(proof.AuthenticatorData), "signature": encode(proof.Signature),
	}})
	b.must("POST", "/v1/orders/"+text(order, "id")+"/pay", map[string]any{"provider": "sandbox", "token": "ok"}, "Authorization", "Bearer "+text(order, "secret"))
	letter(ts, folder, email, regexp.MustCompile(`결제가 끝났습니다`))

	all := b.must("GET", "/v1/account/export", nil)
	for _, room := range []string{"account", "tickets", "orders", "waiting", "identity", "tokens"} {
		if all[room] == nil {
			ts.Fatalf("the export lacks %s: %v", room, all)
		}
	}
	tickets, _ := all["tickets"].([]any)
	orders, _ := all["orders"].([]any)
	if len(tickets) != 1 || len(orders) != 1 {
		ts.Fatalf("the export has %d tickets and %d orders, want one each: %v", len(tickets), len(orders), all)
	}
	if status, got := b.call("DELETE", "/v1/account", map[string]any{"password": password}); status != http.StatusConflict || got["code"] != "tickets_left" {
		ts.Fatalf("leaving with a ticket: %d %v", status, got)
	}
}

// door DIR EMAIL, somebody who has signed up, orders paper at the central of that
// folder, whose event has a waiting room: only with an admission, which is for them.
func door(ts *testscript.TestScript, _ bool, args []string) {
	var ad addresses
	check(ts, json.Unmarshal([]byte(ts.ReadFile(filepath.Join(args[0], addressesFile))), &ad))
	page, err := url.Parse(ad.Wallet)
	check(ts, err)
	b := &browser{ts: ts, api: ad.API, origin: page.Scheme + "://" + page.Host}
	order := func(want int, code string, headers ...string) {
		status, got := b.call("POST", "/v1/events/1001/orders", map[string]any{"zone": 3, "class": 5, "paper": true}, headers...)
		if status != want || text(got, "code") != code {
			ts.Fatalf("an order with %v: %d %v, want %d %s", headers, status, got, want, code)
		}
	}
	order(http.StatusForbidden, "queue_required")
	b.must("POST", "/v1/account/password/sign-in", map[string]any{"email": args[1], "password": "violet tram at noon"})
	order(http.StatusForbidden, "queue_required")
	access := "Bearer " + text(b.must("POST", "/v1/account/access", nil), "token")
	place := b.must("POST", "/v1/events/1001/queue", map[string]any{}, "Authorization", access)
	token := text(place, "token")
	order(http.StatusForbidden, "queue_required", "Queue-Admission", token)
	for deadline := time.Now().Add(patience); text(place, "state") != "admitted"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("not admitted: %v", place)
		}
		place = b.must("GET", "/v1/events/1001/queue", nil, "Queue-Token", token)
	}
	admission, _ := place["admission"].(map[string]any)
	order(http.StatusCreated, "", "Queue-Admission", text(admission, "token"))
	b.cookie = ""
	order(http.StatusForbidden, "queue_required", "Queue-Admission", text(admission, "token"))
}

// letters DIR fails unless there are letters, and nobody else can read them.
func letters(ts *testscript.TestScript, _ bool, args []string) {
	isPrivate(ts, false, args)
	if all, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*.eml")); err != nil || len(all) < 3 {
		ts.Fatalf("letters %v, %v", all, err)
	}
}
