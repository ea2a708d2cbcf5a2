package surge

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// visitor is somebody with an account.
type visitor struct {
	key       *passkey
	account   string
	cookie    []byte // of the session
	challenge string
}

// visitors is the [Crowd] that signs up: a challenge, then a passkey that answers it.
type visitors struct {
	write  writer
	rp     ticket.RelyingParty
	prefix string // of their addresses, so that two surges do not meet
	people []visitor
	other  atomic.Pointer[string] // whom central makes passkeys for, if it is not rp
}

const (
	stepChallenge = iota
	stepSignUp
)

func (v *visitors) Steps() []string { return []string{"challenge", "sign_up"} }

func (v *visitors) Ask(i int, b []byte) ([]byte, int) {
	p := &v.people[i]
	if p.challenge == "" {
		return v.write.post(b, "/v1/account/challenges", nil, "", []byte(`{"purpose":"register"}`)), stepChallenge
	}
	attestation, clientData := p.key.create(v.rp, p.challenge)
	body, err := json.Marshal(map[string]any{
		"email": "surge-" + v.prefix + "-" + strconv.Itoa(i) + "@surge.example", "challenge": p.challenge,
		"credential": map[string]any{"id": b64(p.key.id[:]), "attestation_object": b64(attestation), "client_data_json": b64(clientData)},
	})
	if err != nil {
		body = nil // never: it is all text; the server will refuse it
	}
	return v.write.post(b, "/v1/account/register", nil, "", body), stepSignUp
}

func (v *visitors) Hear(i int, a *Answer) (time.Duration, bool) {
	p := &v.people[i]
	switch {
	case passing(a):
		return max(a.RetryAfter, time.Second) + jitter(i, a.Done, time.Second), true
	case !a.OK():
		return 0, false
	case a.Step == stepChallenge:
		var got struct {
			Challenge string `json:"challenge"`
			RP        struct {
				ID string `json:"id"`
			} `json:"rp"`
		}
		if json.Unmarshal(a.Body, &got) != nil || got.Challenge == "" {
			return 0, false
		}
		if got.RP.ID != v.rp.ID {
			v.other.Store(&got.RP.ID)
			return 0, false
		}
		p.challenge = got.Challenge
		return 0, true
	}
	var got struct {
		Account string `json:"account"`
	}
	if json.Unmarshal(a.Body, &got) != nil || got.Account == "" || len(a.Cookie) == 0 {
		return 0, false
	}
	p.account, p.cookie = got.Account, append([]byte(nil), a.Cookie...)
	return 0, false
}

// passing reports whether what is the matter may be over soon.
func passing(a *Answer) bool {
	return a.Err != nil || a.Status >= 500 || a.Status == 408 || a.Status == 425 || a.Status == 429
}

// writer makes requests.
type writer struct{ host, origin string }

// post appends a request with a JSON body, as a session if there is a cookie. key is its idempotency key.
func (w writer) post(b []byte, path string, cookie []byte, key string, body []byte, fields ...string) []byte {
	b = w.begin(b, "POST", path, cookie, fields)
	if key != "" {
		b = fmt.Appendf(b, "Idempotency-Key: %s\r\n", key)
	}
	b = fmt.Appendf(b, "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body))
	return append(b, body...)
}

// get appends a request without one.
func (w writer) get(b []byte, path string, fields ...string) []byte {
	return append(w.begin(b, "GET", path, nil, fields), "\r\n"...)
}

func (w writer) begin(b []byte, method, path string, cookie []byte, fields []string) []byte {
	b = fmt.Appendf(b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, w.host)
	if cookie != nil {
		b = fmt.Appendf(b, "Cookie: %s\r\nOrigin: %s\r\n", cookie, w.origin)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		b = fmt.Appendf(b, "%s: %s\r\n", fields[i], fields[i+1])
	}
	return b
}
