package panel_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/panel"
	"github.com/con-ting/conting/sync/ticket"
)

const token = "0123456789abcdef"

// steward notes the words that a panel passes on.
type steward struct {
	mu   sync.Mutex
	said []uint64
	err  error
}

func (s *steward) confirm(_ context.Context, seq uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, seq)
	return s.err
}

// staffed is a panel where a steward stands.
func staffed(s *steward) func(*panel.Config) {
	return func(c *panel.Config) { c.Confirm, c.Token = s.confirm, token }
}

// order posts as the panel's own page does, but for what change does to it.
func (r *rig) order(body string, change func(*http.Request)) int {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, r.url+"/confirm", strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", r.url)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("X-Conting-Token", token)
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestConfirm(t *testing.T) {
	s := &steward{}
	r := newRig(t, staffed(s))
	if _, body := r.get("/"); !strings.Contains(body, `<meta name="token" content="`+token+`">`) {
		t.Error("the page does not know its token")
	}
	p := r.open()
	referral := panel.Scan{Seq: 41, Verdict: admit.Fail(ticket.Refer, ticket.IDCheck, "id_check"), Form: "rotating", Confirm: true}
	r.Decided(referral)
	if v := p.face("look"); v.Confirm != 41 {
		t.Errorf("view %+v, want it to offer referral 41", v)
	}
	if got := r.order(`{"seq":41}`, nil); got != http.StatusNoContent {
		t.Errorf("order = %d", got)
	}
	for err, want := range map[error]int{
		fmt.Errorf("x: %w", panel.ErrGone): http.StatusGone,
		fmt.Errorf("x: %w", panel.ErrBusy): http.StatusServiceUnavailable,
		errors.New("disk"):                 http.StatusInternalServerError,
	} {
		s.mu.Lock()
		s.err = err
		s.mu.Unlock()
		if got := r.order(`{"seq":41}`, nil); got != want {
			t.Errorf("order with %v = %d, want %d", err, got, want)
		}
	}
	// The next answer takes the offer away.
	r.Decided(admitted())
	if v := p.face("admit"); v.Confirm != 0 {
		t.Errorf("view %+v still offers a referral", v)
	}
}

// Whatever did not come from this panel's own page reaches nobody.
func TestConfirmRefuses(t *testing.T) {
	s := &steward{}
	r := newRig(t, staffed(s))
	for name, c := range map[string]struct {
		body   string
		change func(*http.Request)
		want   int
	}{
		"no origin":         {`{"seq":1}`, func(q *http.Request) { q.Header.Del("Origin") }, http.StatusForbidden},
		"another origin":    {`{"seq":1}`, func(q *http.Request) { q.Header.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		"opaque origin":     {`{"seq":1}`, func(q *http.Request) { q.Header.Set("Origin", "null") }, http.StatusForbidden},
		"another port":      {`{"seq":1}`, func(q *http.Request) { q.Header.Set("Origin", "http://127.0.0.1:1") }, http.StatusForbidden},
		"another site":      {`{"seq":1}`, func(q *http.Request) { q.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		"no token":          {`{"seq":1}`, func(q *http.Request) { q.Header.Del("X-Conting-Token") }, http.StatusForbidden},
		"another token":     {`{"seq":1}`, func(q *http.Request) { q.Header.Set("X-Conting-Token", "0123456789abcdeF") }, http.StatusForbidden},
		"another name":      {`{"seq":1}`, func(q *http.Request) { q.Host = "evil.example"; q.Header.Set("Origin", "http://evil.example") }, http.StatusMisdirectedRequest},
		"a form":            {`seq=1`, func(q *http.Request) { q.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, http.StatusUnsupportedMediaType},
		"no body":           {``, nil, http.StatusBadRequest},
		"no number":         {`{}`, nil, http.StatusBadRequest},
		"a word":            {`{"seq":"1"}`, nil, http.StatusBadRequest},
		"a negative number": {`{"seq":-1}`, nil, http.StatusBadRequest},
		"more members":      {`{"seq":1,"admit":true}`, nil, http.StatusBadRequest},
		"two orders":        {`{"seq":1}{"seq":2}`, nil, http.StatusBadRequest},
		"too long":          {`{"seq":1` + strings.Repeat(" ", 300) + `}`, nil, http.StatusBadRequest},
	} {
		if got := r.order(c.body, c.change); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if got := r.order(`{"seq":1}`, func(q *http.Request) { q.Method = http.MethodGet }); got != http.StatusMethodNotAllowed {
		t.Errorf("GET /confirm = %d", got)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.said) != 0 {
		t.Errorf("the lane heard %v", s.said)
	}
}

// Where nobody stands there is no button, no token and nobody to ask.
func TestNobodyConfirms(t *testing.T) {
	r := newRig(t)
	p := r.open()
	r.Decided(panel.Scan{Seq: 41, Verdict: admit.Fail(ticket.Refer, ticket.IDCheck, "id_check"), Confirm: true})
	if v := p.face("look"); v.Confirm != 0 {
		t.Errorf("view %+v offers a referral", v)
	}
	if _, body := r.get("/"); strings.Contains(body, `name="token"`) {
		t.Error("the page holds a token")
	}
	if got := r.order(`{"seq":41}`, nil); got != http.StatusMethodNotAllowed && got != http.StatusNotFound {
		t.Errorf("POST /confirm = %d", got)
	}
}

// The button belongs to the person on the screen: a tap that was meant for the one
// before does not fall on the next.
func TestButtonSleepsForTheNext(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED: no node to run the page's script with")
	}
	if out, err := exec.CommandContext(t.Context(), node, "testdata/steward.mjs", "web/panel.js").CombinedOutput(); err != nil { // #nosec G204 -- a fixed command
		t.Errorf("%v\n%s", err, out)
	}
}

func TestOrdersOnlyOnLoopback(t *testing.T) {
	s := &steward{}
	cfg := panel.Config{
		Gate: "g", Lane: "l", Status: func() panel.Status { return panel.Status{} }, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		Confirm: s.confirm, Token: token,
	}
	for name, change := range map[string]func(*panel.Config){
		"whole network": func(c *panel.Config) { c.Listen = "0.0.0.0:0" },
		"short token":   func(c *panel.Config) { c.Token = "short" },
		"no token":      func(c *panel.Config) { c.Token = "" },
	} {
		other := cfg
		change(&other)
		if _, err := panel.New(t.Context(), other); err == nil {
			t.Errorf("%s: New passed", name)
		}
	}
}

func TestParts(t *testing.T) {
	r := newRig(t)
	p := r.open()
	p.face("idle")
	r.Gathered(2, 5)
	if v := p.until("parts", func(v view) bool { return v.Parts != nil }); v.Parts.Have != 2 || v.Parts.Total != 5 {
		t.Errorf("parts %+v", v.Parts)
	}
	r.Gathered(0, 0)
	p.until("no parts", func(v view) bool { return v.Parts == nil })
	r.Gathered(3, 5)
	r.Decided(admitted())
	p.until("the answer instead", func(v view) bool { return v.Face == "admit" && v.Parts == nil })
}

func TestShownCredentials(t *testing.T) {
	r := newRig(t)
	p := r.open()
	r.Decided(panel.Scan{Seq: 9, Verdict: admit.Fail(ticket.Refer, ticket.CredentialShown, "shown"), Form: "accredited", Shown: []panel.Shown{
		{Type: "age", Issuer: "City", Over: 19, Revocable: true, StatusKnown: true, StatusAge: 90 * time.Minute},
		{Type: "staff", Issuer: "Office", What: "rigger", Revocable: true},
		{Type: "family", Issuer: "City", What: "parent"},
	}})
	v := p.face("look")
	want := []credential{
		{Type: "age", Issuer: "City", Over: 19, Status: "known", Age: 5400},
		{Type: "staff", Issuer: "Office", What: "rigger", Status: "unknown"},
		{Type: "family", Issuer: "City", What: "parent", Status: "none"},
	}
	if !slices.Equal(v.Shown, want) {
		t.Errorf("shown %+v, want %+v", v.Shown, want)
	}
}

// A nonce that is only offered stands beside the idle screen.
func TestOfferedNonce(t *testing.T) {
	r := newRig(t)
	r.set(func() { r.status.Offer = true })
	p := r.open()
	p.until("an offer", func(v view) bool { return v.Face == "idle" && v.Nonce != "" && v.Offer })
	r.Decided(panel.Scan{Verdict: admit.Fail(ticket.Refuse, ticket.ChallengeRequired, "challenge")})
	p.until("a demand", func(v view) bool { return v.Next == "answer" && v.Nonce != "" && !v.Offer })
	r.set(func() { r.status.Challenge = true })
	r.Decided(admitted())
	p.until("a demand of everybody", func(v view) bool { return v.Face == "admit" && v.Nonce != "" && !v.Offer })
}
