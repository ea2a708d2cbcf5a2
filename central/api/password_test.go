package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/mail"
	"github.com/con-ting/conting/testdata/wallet"
)

// postbox keeps what is sent.
type postbox struct {
	mu   sync.Mutex
	sent []mail.Message // guarded by mu
}

func (p *postbox) Send(_ context.Context, m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, m)
	return nil
}

// emptyRoom is a room that knows nothing.
type emptyRoom struct{}

func (emptyRoom) Export(context.Context, string) (any, error) { return []string{}, nil }

var letterLink = regexp.MustCompile(`#/confirm/([a-z]+)/([A-Za-z0-9_-]+)`)

// letter is the token of the only letter of a topic that is sent now.
func (h *harness) letter(topic string) string {
	h.t.Helper()
	h.people.Post(h.t.Context())
	h.mail.mu.Lock()
	defer h.mail.mu.Unlock()
	all := h.mail.sent
	h.mail.sent = nil
	if len(all) == 1 {
		if m := letterLink.FindStringSubmatch(all[0].Text); m != nil && m[1] == topic {
			return m[2]
		}
	}
	h.t.Fatalf("letters %v, want one about %s", all, topic)
	return ""
}

const goodPassword = "violet tram at noon"

// joinByLetter signs somebody up with a password and returns their session.
func (h *harness) joinByLetter(email string) (entry, string) {
	h.t.Helper()
	h.call("POST", "/v1/account/password/register", marshal(h.t, object{"email": email, "language": "ko"}), origin()).want(http.StatusAccepted)
	var e entry
	got := h.call("POST", "/v1/account/password/register/confirm", marshal(h.t, object{"token": h.letter("join"), "password": goodPassword}), origin()).want(http.StatusCreated)
	return e, got.into(&e).session().Value
}

func TestPasswordAccount(t *testing.T) {
	h := start(t).on()
	var joining struct {
		Password    bool
		MinPassword int `json:"min_password"`
	}
	h.call("GET", "/v1/account/joining", "").want(http.StatusOK).into(&joining)
	if !joining.Password || joining.MinPassword != account.MinPassword {
		t.Errorf("joining %+v", joining)
	}
	e, session := h.joinByLetter("kim@example.org")
	if e.Passkey.ID != "" || len(e.Account) != 32 {
		t.Errorf("joined %+v", e)
	}
	h.call("POST", "/v1/account/password/sign-in", `{"email":"kim@example.org","password":"wrong"}`, origin()).problem(http.StatusUnprocessableEntity, "password_refused")
	h.call("POST", "/v1/account/password/sign-in", `{"email":"lee@example.org","password":"wrong"}`, origin()).problem(http.StatusUnprocessableEntity, "password_refused")
	h.call("POST", "/v1/account/password/sign-in", `{"email":"kim","password":"wrong"}`, origin()).problem(http.StatusUnprocessableEntity, "email_invalid")
	in := h.call("POST", "/v1/account/password/sign-in", marshal(t, object{"email": "kim@example.org", "password": goodPassword}), h.as(session)...).want(http.StatusOK)
	second := in.session().Value
	h.call("GET", "/v1/account", "", cookie(session)).problem(http.StatusUnauthorized, "sign_in_required")

	var me struct {
		EmailConfirmed bool `json:"email_confirmed"`
		Password       bool
		Role           string
		Passkeys       []struct{}
	}
	h.call("GET", "/v1/account", "", cookie(second)).want(http.StatusOK).into(&me)
	if !me.EmailConfirmed || !me.Password || me.Role != "attendee" || len(me.Passkeys) != 0 {
		t.Errorf("account %+v", me)
	}

	// What needs a passkey says so.
	h.call("POST", orders, h.holdBody("A-1"), h.as(second)...).problem(http.StatusConflict, "passkey_required")

	phone := h.phone("new")
	text, raw := h.ask("add_passkey", h.as(second)...)
	made, err := phone.Create(raw)
	if err != nil {
		t.Fatal(err)
	}
	adding := object{"challenge": text, "password": goodPassword, "credential": object{
		"id": b64(made.CredentialID), "attestation_object": b64(made.AttestationObject), "client_data_json": b64(made.ClientDataJSON), "transports": []string{"internal"},
	}}
	h.call("POST", "/v1/account/passkeys", marshal(t, adding), origin()).problem(http.StatusUnauthorized, "sign_in_required")
	third := h.call("POST", "/v1/account/passkeys", marshal(t, adding), h.as(second)...).want(http.StatusCreated).into(&e).session().Value
	if e.RecoveryCode == "" || e.Passkey.PublicKey != phone.HolderKey().String() {
		t.Errorf("added %+v", e)
	}
	w := h.wallet
	h.wallet = &wallet.Wallet{Authenticator: phone, Rand: w.Rand}
	h.call("POST", orders, h.holdBody("A-1"), h.as(third)...).want(http.StatusCreated)
	h.wallet = w

	// A letter sets a new password, once, and every session ends.
	h.people.Post(t.Context())
	h.mail.sent = nil // that a passkey was added
	for range 2 {
		h.call("POST", "/v1/account/password/reset", `{"email":"nobody@example.org"}`, origin()).want(http.StatusAccepted)
	}
	h.call("POST", "/v1/account/password/reset", `{"email":"kim@example.org"}`, origin()).want(http.StatusAccepted)
	reset := object{"token": h.letter("reset"), "password": "password123"}
	h.call("POST", "/v1/account/password/reset/confirm", marshal(t, reset), origin()).problem(http.StatusUnprocessableEntity, "password_weak")
	reset["password"] = "seven green umbrellas"
	fourth := h.call("POST", "/v1/account/password/reset/confirm", marshal(t, reset), origin()).want(http.StatusOK).session().Value
	h.call("POST", "/v1/account/password/reset/confirm", marshal(t, reset), origin()).problem(http.StatusUnprocessableEntity, "link_invalid")
	h.call("GET", "/v1/account", "", cookie(third)).problem(http.StatusUnauthorized, "sign_in_required")

	change := object{"new_password": goodPassword, "proof": object{"password": "wrong"}}
	h.call("POST", "/v1/account/password/change", marshal(t, change), h.as(fourth)...).problem(http.StatusUnprocessableEntity, "password_refused")
	change["proof"] = object{"password": "seven green umbrellas"}
	h.call("POST", "/v1/account/password/change", marshal(t, change), h.as(fourth)...).want(http.StatusOK)
	h.call("POST", "/v1/account/password/change", marshal(t, object{"new_password": goodPassword, "proof": object{"assertion": object{
		"challenge": b64(make([]byte, 40)), "authenticator_data": "", "client_data_json": "", "signature": "",
	}}}), h.as(fourth)...).problem(http.StatusUnprocessableEntity, "challenge_invalid")

	token, _ := reset["token"].(string)
	for _, secret := range []string{"kim@", goodPassword, "umbrellas", fourth, token} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("the log contains %q", secret)
		}
	}
}

func TestPasswordLockOut(t *testing.T) {
	h := start(t, func(c *api.Config) { c.Proxies = []string{"127.0.0.1"} })
	h.joinByLetter("kim@example.org")
	wrong := `{"email":"kim@example.org","password":"wrong"}`
	for range 5 {
		h.call("POST", "/v1/account/password/sign-in", wrong, origin()).problem(http.StatusUnprocessableEntity, "password_refused")
	}
	a := h.call("POST", "/v1/account/password/sign-in", wrong, origin()).problem(http.StatusTooManyRequests, "too_many_tries")
	if a.header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	// Sources are told apart behind a proxy that is configured, and only there.
	from := func(h *harness, n int, address string) *answer {
		return h.call("POST", "/v1/account/password/register", marshal(t, object{"email": "n" + string(rune('a'+n%26)) + "@example.org"}), origin(), header{"X-Forwarded-For", address})
	}
	for n := range 60 {
		from(h, n, "192.0.2.1").want(http.StatusAccepted)
	}
	from(h, 60, "192.0.2.1").problem(http.StatusTooManyRequests, "too_many_tries")
	from(h, 61, "192.0.2.2").want(http.StatusAccepted)
	from(h, 62, "192.0.2.3, 192.0.2.1").problem(http.StatusTooManyRequests, "too_many_tries") // what the proxy wrote counts
	plain := start(t)
	for n := range 80 {
		from(plain, n, "192.0.2.1").want(http.StatusAccepted)
	}
}

func TestEmailIsConfirmed(t *testing.T) {
	h := start(t)
	_, session := h.join("kim@example.org", h.phone("a"))
	_, other := h.joinByLetter("lee@example.org")
	h.call("POST", "/v1/account/email/verify", `{}`, origin()).problem(http.StatusUnauthorized, "sign_in_required")
	h.call("POST", "/v1/account/email/verify", `{"language":"ko"}`, h.as(session)...).want(http.StatusAccepted)
	token := marshal(t, object{"token": h.letter("verify")})
	h.call("POST", "/v1/account/email/confirm", token, h.as(other)...).problem(http.StatusUnprocessableEntity, "link_invalid")
	h.call("POST", "/v1/account/email/confirm", token, h.as(session)...).want(http.StatusOK)
	h.call("POST", "/v1/account/email/confirm", token, h.as(session)...).problem(http.StatusUnprocessableEntity, "link_invalid")
}

func TestSessionsOverHTTP(t *testing.T) {
	h := start(t)
	a := h.phone("a")
	_, first := h.join("kim@example.org", a)
	_, other := h.joinByLetter("lee@example.org")
	second := h.call("POST", "/v1/account/sign-in", marshal(t, h.assertion("sign_in", a)), origin(), header{"User-Agent", "a phone"}).want(http.StatusOK).session().Value
	type list struct {
		Sessions []struct {
			ID, Method, Agent string
			Created, Expires  time.Time
			Current           bool
		}
	}
	var mine, theirs list
	h.call("GET", "/v1/account/sessions", "", cookie(second)).want(http.StatusOK).into(&mine)
	h.call("GET", "/v1/account/sessions", "", cookie(other)).want(http.StatusOK).into(&theirs)
	if len(mine.Sessions) != 2 || len(theirs.Sessions) != 1 || theirs.Sessions[0].Method != "password" {
		t.Fatalf("sessions %+v, %+v", mine, theirs)
	}
	h.call("DELETE", "/v1/account/sessions/"+theirs.Sessions[0].ID, "", h.as(second)...).problem(http.StatusNotFound, "unknown_session")
	for _, s := range mine.Sessions {
		if s.Method != "passkey" || s.Current != (s.Agent == "a phone") {
			t.Errorf("session %+v", s)
		}
		if !s.Current {
			h.call("DELETE", "/v1/account/sessions/"+s.ID, "", cookie(second)).problem(http.StatusForbidden, "cross_origin")
			h.call("DELETE", "/v1/account/sessions/"+s.ID, "", h.as(second)...).want(http.StatusOK)
		}
	}
	h.call("GET", "/v1/account", "", cookie(first)).problem(http.StatusUnauthorized, "sign_in_required")
	h.call("POST", "/v1/account/sign-in", marshal(t, h.assertion("sign_in", a)), origin()).want(http.StatusOK)
	h.call("DELETE", "/v1/account/sessions", "", h.as(second)...).want(http.StatusOK)
	h.call("GET", "/v1/account/sessions", "", cookie(second)).want(http.StatusOK).into(&mine)
	if len(mine.Sessions) != 1 {
		t.Errorf("left %+v", mine)
	}
}

func TestAccessOverHTTP(t *testing.T) {
	h := start(t)
	e, session := h.join("kim@example.org", h.phone("a"))
	h.call("POST", "/v1/account/access", "", origin()).problem(http.StatusUnauthorized, "sign_in_required")
	h.call("POST", "/v1/account/access", "", cookie(session)).problem(http.StatusForbidden, "cross_origin")
	var got struct {
		Token   string
		Expires time.Time
	}
	h.call("POST", "/v1/account/access", "", h.as(session)...).want(http.StatusCreated).into(&got)
	checks, err := account.NewAccess([32]byte{1}, func() time.Time { return time.UnixMilli(h.clock.Load()) })
	if err != nil {
		t.Fatal(err)
	}
	if who, err := checks.Check(got.Token); err != nil || who != e.Account || got.Expires.Sub(time.UnixMilli(h.clock.Load())) != account.AccessLifetime {
		t.Errorf("token of %q until %s, %v", who, got.Expires, err)
	}
	// It opens nothing else.
	h.call("GET", "/v1/account", "", bearer(got.Token)).problem(http.StatusUnauthorized, "sign_in_required")
}

func TestExportAndDeletion(t *testing.T) {
	h := start(t).on()
	a := h.phone("a")
	e, session := h.join("kim@example.org", a)
	h.joinByLetter("lee@example.org")
	got := h.call("GET", "/v1/account/export", "", cookie(session)).want(http.StatusOK)
	var all map[string]json.RawMessage
	if got.into(&all); len(all) != 2 || !strings.Contains(string(all["account"]), "kim@example.org") || strings.Contains(string(got.body), "lee@") {
		t.Errorf("export %s", got.body)
	}
	w := h.wallet
	h.wallet = &wallet.Wallet{Authenticator: a, Rand: w.Rand}
	held := h.call("POST", orders, h.holdBody("A-1"), h.as(session)...).want(http.StatusCreated).order()
	h.wallet = w
	bye := func() string {
		b := h.assertion("delete_account", a, h.as(session)...)
		return marshal(t, object{"assertion": b})
	}
	h.call("DELETE", "/v1/account", `{}`, h.as(session)...).problem(http.StatusUnprocessableEntity, "password_refused")
	h.call("DELETE", "/v1/account", bye(), cookie(session)).problem(http.StatusForbidden, "cross_origin")
	h.call("DELETE", "/v1/account", bye(), h.as(session)...).problem(http.StatusConflict, "money_due")
	h.call("POST", "/v1/orders/"+held.ID+"/pay", payOK, bearer(held.Secret)).want(http.StatusOK)
	h.call("DELETE", "/v1/account", bye(), h.as(session)...).problem(http.StatusConflict, "tickets_left")
	h.call("POST", "/admin/v1/orders/"+held.ID+"/refund", "", admin()).want(http.StatusOK)
	if c := h.call("DELETE", "/v1/account", bye(), h.as(session)...).want(http.StatusOK).session(); c.MaxAge >= 0 {
		t.Errorf("the cookie stays: %v", c)
	}
	h.call("GET", "/v1/account", "", cookie(session)).problem(http.StatusUnauthorized, "sign_in_required")
	h.call("POST", "/v1/account/sign-in", marshal(t, h.assertion("sign_in", a)), origin()).problem(http.StatusUnprocessableEntity, "passkey_refused")
	if again, _ := h.join("kim@example.org", h.phone("b")); again.Account == e.Account {
		t.Error("a new account is the old one")
	}
}

func TestRolesOverHTTP(t *testing.T) {
	h := start(t)
	h.joinByLetter("kim@example.org")
	give := `{"email":"kim@example.org","role":"admin"}`
	h.call("POST", "/admin/v1/roles", give).problem(http.StatusUnauthorized, "unauthorized")
	h.call("POST", "/admin/v1/roles", `{"email":"kim@example.org","role":"root"}`, admin()).problem(http.StatusUnprocessableEntity, "role_unknown")
	h.call("POST", "/admin/v1/roles", `{"email":"lee@example.org","role":"admin"}`, admin()).problem(http.StatusNotFound, "unknown_account")
	h.call("POST", "/admin/v1/roles", give, admin()).want(http.StatusOK)
	// A role without a passkey opens nothing, and none opens what takes the admin token.
	in := h.call("POST", "/v1/account/password/sign-in", marshal(t, object{"email": "kim@example.org", "password": goodPassword}), origin()).want(http.StatusOK)
	if !strings.Contains(string(in.body), `"role":"attendee"`) {
		t.Errorf("signed in: %s", in.body)
	}
	h.call("GET", "/admin/v1/devices", "", cookie(in.session().Value)).problem(http.StatusUnauthorized, "unauthorized")
}
