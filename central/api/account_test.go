package api_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/wallet"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func origin() header                    { return header{"Origin", party.Origin} }
func cookie(token string) header        { return header{"Cookie", "__Host-conting_session=" + token} }
func (h *harness) as(t string) []header { return []header{cookie(t), origin()} }

// session is the session's cookie of an answer, which must be one.
func (a *answer) session() *http.Cookie {
	a.h.t.Helper()
	cookies := (&http.Response{Header: a.header}).Cookies()
	if len(cookies) != 1 || cookies[0].Name != map[bool]string{true: "__Host-conting_session", false: "conting_session"}[cookies[0].Secure] || cookies[0].Path != "/" || cookies[0].Domain != "" {
		a.h.t.Fatalf("%s: %d %s; cookies %v", a.asked, a.status, a.body, cookies)
	}
	return cookies[0]
}

func (h *harness) phone(name string) *wallet.Authenticator {
	h.t.Helper()
	a, err := wallet.NewAuthenticator(party, []byte(name))
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// ask gets a challenge of a purpose.
func (h *harness) ask(purpose string, headers ...header) (text string, raw []byte) {
	h.t.Helper()
	var c struct {
		Challenge, Expires string
		RP                 struct{ ID, Name string }
		UserID             string `json:"user_id"`
	}
	h.call("POST", "/v1/account/challenges", `{"purpose":"`+purpose+`"}`, headers...).want(http.StatusCreated).into(&c)
	if c.RP.ID != party.ID || c.RP.Name == "" || (c.UserID != "") != (purpose == "register" || purpose == "recover" || purpose == "add_passkey") {
		h.t.Errorf("challenge for %s = %+v", purpose, c)
	}
	raw, err := base64.RawURLEncoding.DecodeString(c.Challenge)
	if err != nil || len(raw) != 40 {
		h.t.Fatalf("challenge %q: %v", c.Challenge, err)
	}
	return c.Challenge, raw
}

type object = map[string]any

// registration is the body of a sign-up, or with a code of a recovery.
func (h *harness) registration(email, code string, a *wallet.Authenticator) object {
	h.t.Helper()
	purpose := "register"
	if code != "" {
		purpose = "recover"
	}
	text, raw := h.ask(purpose)
	r, err := a.Create(raw)
	if err != nil {
		h.t.Fatal(err)
	}
	b := object{"email": email, "challenge": text, "credential": object{
		"id": b64(r.CredentialID), "attestation_object": b64(r.AttestationObject), "client_data_json": b64(r.ClientDataJSON), "transports": []string{"internal"},
	}}
	if code != "" {
		b["recovery_code"] = code
	}
	return b
}

// assertion is the body of a sign-in, or of another confirmation.
func (h *harness) assertion(purpose string, a *wallet.Authenticator, headers ...header) object {
	h.t.Helper()
	text, raw := h.ask(purpose, headers...)
	s, err := a.Assert(raw)
	if err != nil {
		h.t.Fatal(err)
	}
	b := object{"challenge": text, "authenticator_data": b64(s.AuthenticatorData), "client_data_json": b64(s.ClientDataJSON), "signature": b64(s.Signature)}
	if purpose == "sign_in" {
		b["credential_id"] = b64(a.CredentialID())
	}
	return b
}

type entry struct {
	Account, Email string
	Passkey        struct {
		ID        string `json:"id"`
		PublicKey string `json:"public_key"`
	}
	RecoveryCode string `json:"recovery_code"`
}

// join signs somebody up and returns their session.
func (h *harness) join(email string, a *wallet.Authenticator) (entry, string) {
	h.t.Helper()
	var e entry
	got := h.call("POST", "/v1/account/register", marshal(h.t, h.registration(email, "", a)), origin()).want(http.StatusCreated)
	return e, got.into(&e).session().Value
}

func TestAccountLife(t *testing.T) {
	h := start(t).on()
	a := h.phone("a")
	var e entry
	got := h.call("POST", "/v1/account/register", marshal(t, h.registration("Kim@example.org", "", a)), origin()).want(http.StatusCreated).into(&e)
	if e.Email != "kim@example.org" || e.Passkey.PublicKey != a.HolderKey().String() || e.Passkey.ID != b64(a.CredentialID()) || len(e.RecoveryCode) != 23 {
		t.Errorf("registered %+v", e)
	}
	c := got.session()
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 30*24*3600 || len(c.Value) != 43 {
		t.Errorf("cookie %v", c)
	}
	var me struct {
		Account, Email, DID string
		Passkeys            []struct {
			ID        string `json:"id"`
			PublicKey string `json:"public_key"`
			Created   time.Time
			LastUsed  time.Time `json:"last_used"`
			Current   bool
		}
	}
	h.call("GET", "/v1/account", "", cookie(c.Value)).want(http.StatusOK).into(&me)
	if me.Account != e.Account || me.Email != e.Email || len(me.Passkeys) != 1 || !me.Passkeys[0].Current || me.Passkeys[0].PublicKey != e.Passkey.PublicKey || me.Passkeys[0].Created.IsZero() {
		t.Errorf("account = %+v", me)
	}

	// What the account orders belongs to it, and nobody else's key is taken.
	h.call("POST", orders, h.holdBody("A-1"), h.as(c.Value)...).problem(http.StatusUnprocessableEntity, "possession_not_proved")
	w := h.wallet
	h.wallet = &wallet.Wallet{Authenticator: a, Rand: w.Rand}
	h.call("POST", orders, h.holdBody("A-1"), h.as(c.Value)...).want(http.StatusCreated)
	h.wallet = w

	// A second sign-in ends the session that it comes with.
	in := h.call("POST", "/v1/account/sign-in", marshal(t, h.assertion("sign_in", a)), h.as(c.Value)...).want(http.StatusOK)
	second := in.session().Value
	if second == c.Value || strings.Contains(string(in.body), "recovery_code") {
		t.Errorf("signed in again: %s", in.body)
	}
	gone := h.call("GET", "/v1/account", "", cookie(c.Value)).problem(http.StatusUnauthorized, "sign_in_required")
	if got := gone.session(); got.MaxAge >= 0 || got.Value != "" {
		t.Errorf("an ended session's cookie stays: %v", got)
	}

	var fresh struct {
		RecoveryCode string `json:"recovery_code"`
	}
	h.call("POST", "/v1/account/recovery-code", marshal(t, h.assertion("recovery_code", a, h.as(second)...)), h.as(second)...).want(http.StatusCreated).into(&fresh)
	b := h.phone("b")
	h.call("POST", "/v1/account/recover", marshal(t, h.registration("kim@example.org", e.RecoveryCode, b)), origin()).problem(http.StatusUnprocessableEntity, "recovery_refused")
	var after entry
	third := h.call("POST", "/v1/account/recover", marshal(t, h.registration("kim@example.org", strings.ToLower(fresh.RecoveryCode), b)), origin()).want(http.StatusOK).into(&after).session().Value
	if after.Account != e.Account || after.Passkey.PublicKey != b.HolderKey().String() || after.RecoveryCode == "" {
		t.Errorf("recovered %+v", after)
	}
	h.call("GET", "/v1/account", "", cookie(second)).problem(http.StatusUnauthorized, "sign_in_required")
	h.call("POST", "/v1/account/sign-in", marshal(t, h.assertion("sign_in", a)), origin()).problem(http.StatusUnprocessableEntity, "passkey_refused")

	if got := h.call("POST", "/v1/account/sign-out", "", h.as(third)...).want(http.StatusOK).session(); got.MaxAge >= 0 {
		t.Errorf("signed out with cookie %v", got)
	}
	h.call("GET", "/v1/account", "", cookie(third)).problem(http.StatusUnauthorized, "sign_in_required")
	h.call("POST", "/v1/account/sign-out", "").want(http.StatusOK)

	for _, secret := range []string{"kim@", "Kim@", c.Value, second, third, e.RecoveryCode, fresh.RecoveryCode, after.RecoveryCode} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("the log contains %q", secret)
		}
	}
}

func TestAccountRefusals(t *testing.T) {
	h := start(t)
	a := h.phone("a")
	_, session := h.join("kim@example.org", a)
	used := h.assertion("sign_in", a)
	h.call("POST", "/v1/account/sign-in", marshal(t, used), origin()).want(http.StatusOK)
	with := func(b object, key string, v any) string { b[key] = v; return marshal(t, b) }
	evil := h.phone("evil")
	evil.RelyingParty = ticket.RelyingParty{ID: "evil.example", Origin: "https://evil.example"}
	unverified := h.phone("a")
	unverified.Flags = wallet.UserPresent
	copied := h.phone("copied")
	copied.Counter = 7
	h.join("copied@example.org", copied)

	const register, signIn, recoverPath, challenges = "/v1/account/register", "/v1/account/sign-in", "/v1/account/recover", "/v1/account/challenges"
	for name, c := range map[string]struct {
		path, body string
		headers    []header
		status     int
		code       string
	}{
		"e-mail taken":        {register, marshal(t, h.registration("kim@example.org", "", h.phone("b"))), nil, 409, "account_exists"},
		"e-mail is none":      {register, marshal(t, h.registration("kim", "", h.phone("b"))), nil, 422, "email_invalid"},
		"passkey known":       {register, marshal(t, h.registration("new@example.org", "", a)), nil, 409, "passkey_known"},
		"another site":        {register, marshal(t, h.registration("new@example.org", "", evil)), nil, 422, "passkey_invalid"},
		"user not verified":   {register, marshal(t, h.registration("new@example.org", "", unverified)), nil, 422, "passkey_invalid"},
		"challenge made up":   {register, with(h.registration("new@example.org", "", h.phone("b")), "challenge", b64(make([]byte, 40))), nil, 422, "challenge_invalid"},
		"challenge no base64": {register, with(h.registration("new@example.org", "", h.phone("b")), "challenge", "=="), nil, 422, "invalid_request"},
		"no credential":       {register, with(h.registration("new@example.org", "", h.phone("b")), "credential", nil), nil, 422, "passkey_invalid"},
		"a number as e-mail":  {register, with(h.registration("new@example.org", "", h.phone("b")), "email", 1), nil, 400, "malformed_body"},
		"unknown key":         {register, with(h.registration("new@example.org", "", h.phone("b")), "admin", true), nil, 400, "malformed_body"},
		"nothing":             {register, "", nil, 415, "unsupported_media_type"},
		"an empty object":     {register, "{}", nil, 422, "email_invalid"},
		"huge body":           {register, `{"email":"` + strings.Repeat("a", 70<<10) + `"}`, nil, 413, "body_too_large"},
		"huge attestation":    {register, with(h.registration("new@example.org", "", h.phone("b")), "credential", object{"id": "AAAA", "attestation_object": strings.Repeat("A", 60<<10), "client_data_json": "e30", "transports": []string{}}), nil, 422, "passkey_invalid"},

		"sign-in again":          {signIn, marshal(t, used), nil, 422, "challenge_invalid"},
		"sign-in, unverified":    {signIn, marshal(t, h.assertion("sign_in", unverified)), nil, 422, "passkey_refused"},
		"sign-in, another site":  {signIn, marshal(t, h.assertion("sign_in", evil)), nil, 422, "passkey_refused"},
		"sign-in, a stranger":    {signIn, marshal(t, h.assertion("sign_in", h.phone("nobody"))), nil, 422, "passkey_refused"},
		"sign-in, another's id":  {signIn, with(h.assertion("sign_in", a), "credential_id", b64(copied.CredentialID())), nil, 422, "passkey_refused"},
		"sign-in, counter back":  {signIn, marshal(t, h.assertion("sign_in", copied)), nil, 409, "passkey_copied"},
		"sign-in, an endless id": {signIn, with(h.assertion("sign_in", a), "credential_id", strings.Repeat("A", 40<<10)), nil, 422, "passkey_refused"},

		"recover with nothing":    {recoverPath, "{}", nil, 422, "email_invalid"},
		"recover nobody":          {recoverPath, marshal(t, h.registration("nobody@example.org", "AAAAA-AAAAA-AAAAA-AAAAA", h.phone("b"))), nil, 422, "recovery_refused"},
		"recover, a wrong code":   {recoverPath, marshal(t, h.registration("kim@example.org", "AAAAA-AAAAA-AAAAA-AAAAA", h.phone("b"))), nil, 422, "recovery_refused"},
		"recover, sign-up's":      {recoverPath, with(h.registration("kim@example.org", "", h.phone("b")), "recovery_code", "AAAAA-AAAAA-AAAAA-AAAAA"), nil, 422, "challenge_invalid"},
		"recover, no JSON":        {recoverPath, "{", nil, 400, "malformed_body"},
		"new code, nobody":        {"/v1/account/recovery-code", "{}", nil, 401, "sign_in_required"},
		"new code, no proof":      {"/v1/account/recovery-code", "{}", h.as(session), 422, "challenge_invalid"},
		"new code, another's":     {"/v1/account/recovery-code", marshal(t, h.assertion("recovery_code", copied, h.as(session)...)), h.as(session), 422, "passkey_refused"},
		"no purpose":              {challenges, "{}", nil, 422, "purpose_unknown"},
		"a purpose that is none":  {challenges, `{"purpose":"take_over"}`, nil, 422, "purpose_unknown"},
		"a purpose of its own":    {challenges, `{"purpose":"transfer"}`, nil, 401, "sign_in_required"},
		"a purpose, old session":  {challenges, `{"purpose":"transfer"}`, h.as(strings.Repeat("A", 43)), 401, "sign_in_required"},
		"an order, old session":   {orders, `{"zone":1,"class":5,"paper":true}`, h.as(strings.Repeat("A", 43)), 401, "sign_in_required"},
		"who I am, as admin":      {"/v1/account", "", []header{admin()}, 405, "method_not_allowed"},
		"sign-in, fixed session":  {signIn, marshal(t, h.assertion("sign_in", h.phone("nobody"))), h.as(strings.Repeat("A", 43)), 422, "passkey_refused"},
		"sign-in, garbled cookie": {signIn, marshal(t, h.assertion("sign_in", h.phone("nobody"))), h.as("..%00"), 422, "passkey_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			h.call("POST", c.path, c.body, c.headers...).problem(c.status, c.code)
		})
	}
	h.t = t
	if got := h.call("GET", "/v1/account", "", cookie(session)).want(http.StatusOK); !strings.Contains(string(got.body), "kim@example.org") {
		t.Errorf("after all that the account is %s", got.body)
	}
	h.call("GET", "/v1/account", "").problem(http.StatusUnauthorized, "sign_in_required")
	h.call("GET", "/v1/account", "", bearer(session)).problem(http.StatusUnauthorized, "sign_in_required")
	h.call("GET", "/v1/account", "", admin()).problem(http.StatusUnauthorized, "sign_in_required")
}

// A browser sends the cookie along with whatever a page makes it send. What changes
// something must come from our own pages.
func TestCookieNeedsOrigin(t *testing.T) {
	h := start(t).on()
	a := h.phone("a")
	_, session := h.join("kim@example.org", a)
	foreign := [][]header{
		{cookie(session)}, // no Origin at all
		{cookie(session), {"Origin", "https://evil.example"}},
		{cookie(session), {"Origin", "null"}},
		{cookie(session), {"Origin", ""}},
		{cookie(session), {"Origin", "http://tickets.example"}},
		{cookie(session), {"Origin", party.Origin + ":8443"}},
		{cookie(session), {"Origin", party.Origin + ".evil.example"}},
		{cookie(session), {"Origin", party.Origin + "/"}},
		{cookie(session), {"Origin", strings.ToUpper(party.Origin)}},
		{cookie(session), {"Origin", party.Origin + " https://evil.example"}},
		{cookie("x"), {"Referer", party.Origin + "/wallet/"}},
		{{"Cookie", "__Host-conting_session=a; __Host-conting_session=b"}},
	}
	routes := 0
	for _, r := range h.api.Routes() {
		method, path, _ := strings.Cut(r, " ")
		if slices.Contains([]string{"GET", "HEAD"}, method) || strings.HasPrefix(path, "/admin") {
			continue
		}
		routes++
		path = strings.NewReplacer(":event", "1001", ":order", "00").Replace(path)
		for _, hs := range foreign {
			h.call(method, path, "{}", hs...).problem(http.StatusForbidden, "cross_origin")
		}
	}
	if routes < 9 {
		t.Errorf("%d routes that change something, want all", routes)
	}
	h.call("GET", "/v1/account", "", cookie(session)).want(http.StatusOK)                                           // still signed in
	h.call("GET", "/v1/account", "", cookie(session), header{"Origin", "https://evil.example"}).want(http.StatusOK) // reads change nothing; no other page may see the answer
	if got := h.call("GET", "/v1/account", "", cookie(session)).header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("answers may be read by %q", got)
	}
	// Signing somebody in from elsewhere, without a cookie, is no better.
	for _, path := range []string{"register", "sign-in", "recover", "sign-out", "challenges"} {
		h.call("POST", "/v1/account/"+path, "{}", header{"Origin", "https://evil.example"}).problem(http.StatusForbidden, "cross_origin")
	}
	// Programs have neither cookie nor Origin.
	h.call("POST", orders, `{"zone":1,"class":5,"paper":true}`).want(http.StatusCreated)
	h.call("POST", "/v1/account/sign-in", marshal(t, h.assertion("sign_in", a))).want(http.StatusOK)
}

// A session that somebody planted never becomes anybody's.
func TestSessionFixation(t *testing.T) {
	h := start(t)
	a, mallory := h.phone("a"), h.phone("m")
	_, planted := h.join("mallory@example.org", mallory)
	got := h.call("POST", "/v1/account/register", marshal(t, h.registration("kim@example.org", "", a)), h.as(planted)...).want(http.StatusCreated).session().Value
	if got == planted {
		t.Error("the planted session was taken over")
	}
	h.call("GET", "/v1/account", "", cookie(planted)).problem(http.StatusUnauthorized, "sign_in_required")
	// With two cookies of the name, one of them planted, nobody is anybody.
	_, planted = h.join("mallory2@example.org", h.phone("m2"))
	h.call("GET", "/v1/account", "", header{"Cookie", "__Host-conting_session=" + planted + "; __Host-conting_session=" + got}).problem(http.StatusUnauthorized, "sign_in_required")
	h.call("GET", "/v1/account", "", cookie(got)).want(http.StatusOK)
	// One that a neighbouring site can plant, without the prefix, is none.
	h.call("GET", "/v1/account", "", header{"Cookie", "conting_session=" + planted}).problem(http.StatusUnauthorized, "sign_in_required")
}

func TestSessionExpires(t *testing.T) {
	h := start(t).on()
	_, session := h.join("kim@example.org", h.phone("a"))
	h.advance(account.SessionLifetime - time.Minute)
	moved := h.call("GET", "/v1/account", "", cookie(session)).want(http.StatusOK).session()
	if moved.Value != session || moved.MaxAge != int(account.SessionLifetime.Seconds()) {
		t.Errorf("the cookie was renewed as %v", moved)
	}
	if h.call("GET", "/v1/account", "", cookie(session)).want(http.StatusOK).header.Get("Set-Cookie") != "" {
		t.Error("the cookie is renewed at every request")
	}
	h.advance(account.SessionLifetime)
	h.call("GET", "/v1/account", "", cookie(session)).problem(http.StatusUnauthorized, "sign_in_required")
	h.call("POST", orders, `{"zone":1,"class":5,"paper":true}`, h.as(session)...).problem(http.StatusUnauthorized, "sign_in_required")
}

func TestRecoveryIsHeldBack(t *testing.T) {
	h := start(t)
	h.join("kim@example.org", h.phone("a"))
	for range 5 {
		h.call("POST", "/v1/account/recover", marshal(t, h.registration("kim@example.org", "AAAAA-AAAAA-AAAAA-AAAAA", h.phone("b")))).problem(http.StatusUnprocessableEntity, "recovery_refused")
	}
	a := h.call("POST", "/v1/account/recover", marshal(t, h.registration("kim@example.org", "AAAAA-AAAAA-AAAAA-AAAAA", h.phone("b")))).problem(http.StatusTooManyRequests, "too_many_tries")
	if after := a.header.Get("Retry-After"); after != "60" {
		t.Errorf("Retry-After %q, want 60", after)
	}
	// Another word for where the request comes from changes nothing.
	h.call("POST", "/v1/account/recover", marshal(t, h.registration("kim@example.org", "AAAAA-AAAAA-AAAAA-AAAAA", h.phone("b"))), header{"X-Forwarded-For", "203.0.113.9"}).problem(http.StatusTooManyRequests, "too_many_tries")
}

// An answer that is repeated goes to the account that it was made for.
func TestReplayIsPersonal(t *testing.T) {
	h := start(t).on()
	_, kim := h.join("kim@example.org", h.phone("a"))
	_, lee := h.join("lee@example.org", h.phone("b"))
	const body = `{"zone":1,"class":5,"paper":true}`
	key := idempotent("0123456789abcdef")
	first := h.call("POST", orders, body, append(h.as(kim), key)...).want(http.StatusCreated).order()
	if again := h.call("POST", orders, body, append(h.as(kim), key)...).want(http.StatusCreated).order(); again.ID != first.ID {
		t.Errorf("the same person gets order %s, then %s", first.ID, again.ID)
	}
	h.call("POST", orders, body, append(h.as(lee), key)...).problem(http.StatusConflict, "idempotency_key_reused")
	h.call("POST", orders, body, key).problem(http.StatusConflict, "idempotency_key_reused")
}

func TestCookieOnLoopback(t *testing.T) {
	local := ticket.RelyingParty{ID: "localhost", Origin: "http://localhost:8440"}
	h := start(t, func(c *api.Config) { c.Accounts = &elsewhere{Accounts: c.Accounts, party: local} })
	a := h.phone("a")
	a.RelyingParty = party // the accounts behind are the same
	got := h.call("POST", "/v1/account/register", marshal(t, h.registrationAt(local, a)), header{"Origin", local.Origin}).want(http.StatusCreated).session()
	if got.Secure || !got.HttpOnly {
		t.Errorf("cookie of a plain origin: %v", got)
	}
	plain := header{"Cookie", "conting_session=" + got.Value}
	h.call("POST", "/v1/account/sign-out", "", plain, origin()).problem(http.StatusForbidden, "cross_origin")
	h.call("GET", "/v1/account", "", plain).want(http.StatusOK)
}

// elsewhere says that it has another relying party.
type elsewhere struct {
	api.Accounts
	party ticket.RelyingParty
}

func (e *elsewhere) RelyingParty() ticket.RelyingParty { return e.party }

// registrationAt is registration where challenges name another relying party.
func (h *harness) registrationAt(rp ticket.RelyingParty, a *wallet.Authenticator) object {
	h.t.Helper()
	var c struct {
		Challenge string
		RP        struct{ ID string }
	}
	h.call("POST", "/v1/account/challenges", `{"purpose":"register"}`).want(http.StatusCreated).into(&c)
	raw, err := base64.RawURLEncoding.DecodeString(c.Challenge)
	if err != nil || c.RP.ID != rp.ID {
		h.t.Fatalf("challenge %+v, %v", c, err)
	}
	r, err := a.Create(raw)
	if err != nil {
		h.t.Fatal(err)
	}
	return object{"email": "kim@example.org", "challenge": c.Challenge, "credential": object{
		"id": b64(r.CredentialID), "attestation_object": b64(r.AttestationObject), "client_data_json": b64(r.ClientDataJSON),
	}}
}

func TestWallet(t *testing.T) {
	h := start(t)
	for _, path := range []string{"/wallet", "/wallet/", "/wallet/assets/a.js", "/wallet/tickets/1"} {
		a := h.call("GET", path, "").want(http.StatusOK)
		if string(a.body) != "wallet at "+path || a.header.Get("Cache-Control") != "no-cache" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: %s %v", path, a.body, a.header)
		}
	}
	h.call("HEAD", "/wallet/", "").want(http.StatusOK)
	h.call("POST", "/wallet/", "{}").problem(http.StatusMethodNotAllowed, "method_not_allowed")
	if strings.Contains(h.log.String(), "/wallet/tickets/1") {
		t.Error("the log names pages")
	}
	local := start(t, func(c *api.Config) {
		c.Accounts = &elsewhere{Accounts: c.Accounts, party: ticket.RelyingParty{ID: "localhost", Origin: "http://localhost:8440"}}
	})
	for host, want := range map[string]string{
		"127.0.0.1:8440": "http://localhost:8440/wallet/a%20b", "[::1]:8440": "http://localhost:8440/wallet/a%20b", "localhost:8440": "", "localhost": "", "": "",
	} {
		r := httptest.NewRequest(http.MethodGet, "/wallet/a%20b", nil)
		r.Host = host
		w := httptest.NewRecorder()
		local.api.ServeHTTP(w, r)
		if got := w.Header().Get("Location"); got != want || (want != "") != (w.Code == http.StatusTemporaryRedirect) {
			t.Errorf("the wallet at %q: %d to %q, want %q", host, w.Code, got, want)
		}
	}
	none := start(t, func(c *api.Config) { c.Web = nil })
	none.call("GET", "/wallet/", "").problem(http.StatusNotFound, "not_found")
}

// A plan without a relying party gets central's own.
func TestImportFillsRelyingParty(t *testing.T) {
	h := start(t)
	const named = `"relying_party": {"id": "tickets.example", "origin": "https://tickets.example"},`
	plan := strings.Replace(samplePlan(t), named, "", 1)
	h.call("POST", "/admin/v1/events", plan, admin()).want(http.StatusCreated)
	var event struct {
		RelyingParty ticket.RelyingParty `json:"relying_party"`
	}
	h.call("GET", "/v1/events/1001", "").want(http.StatusOK).into(&event)
	if event.RelyingParty != party || plan == samplePlan(t) {
		t.Errorf("relying party %+v, want %+v", event.RelyingParty, party)
	}
	h.buy("A-1")
}
