package panel_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/panel"
	"github.com/con-ting/conting/sync/ticket"
)

// rig is a panel that serves on a free port, with a status that a test changes.
type rig struct {
	*testing.T
	*panel.Panel
	url string

	mu     sync.Mutex
	status panel.Status
	checks []panel.Check
	nonce  string
	drawn  int
}

func (r *rig) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

func newRig(t *testing.T, options ...func(*panel.Config)) *rig {
	t.Helper()
	r := &rig{T: t, nonce: "CTN1ABC", status: panel.Status{Mode: admit.ModeCentral}}
	cfg := panel.Config{
		Gate: "north", Lane: "1", Language: "en", Version: "test",
		Status: func() panel.Status { r.mu.Lock(); defer r.mu.Unlock(); return r.status },
		Health: func(context.Context) []panel.Check { r.mu.Lock(); defer r.mu.Unlock(); return r.checks },
		Nonce:  func() (string, error) { r.mu.Lock(); defer r.mu.Unlock(); return r.nonce, nil },
		QR: func(text string) []byte {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.drawn++
			return []byte("<svg>" + text + "</svg>")
		},
		Logger: slog.New(slog.DiscardHandler),
		Now:    time.Now,
	}
	for _, o := range options {
		o(&cfg)
	}
	p, err := panel.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.Panel, r.url = p, "http://"+p.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run() = %v", err)
		}
	})
	return r
}

// reply is a response that has been read.
type reply struct {
	StatusCode int
	Status     string
	Header     http.Header
}

func (r *rig) get(path string) (reply, string) {
	r.Helper()
	resp, err := http.Get(r.url + path)
	if err != nil {
		r.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		r.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Status, resp.Header}, string(body)
}

// view is what a page reads of the stream.
type view struct {
	Face   string   `json:"face"`
	Number uint64   `json:"number"`
	Reason string   `json:"reason"`
	Next   string   `json:"next"`
	Zone   string   `json:"zone"`
	Class  string   `json:"class"`
	Seat   string   `json:"seat"`
	Flags  []string `json:"flags"`
	Where  string   `json:"where"`
	At     string   `json:"at"`
	Ago    int64    `json:"ago"`
	Gates  []string `json:"gates"`
	Until  string   `json:"until"`
	Nonce  string   `json:"nonce"`
	Offer  bool     `json:"offer"`

	Shown   []credential `json:"shown"`
	Confirm uint64       `json:"confirm"`
	Parts   *struct {
		Have  int `json:"have"`
		Total int `json:"total"`
	} `json:"parts"`

	Bar *struct {
		Mode    string `json:"mode"`
		Behind  int64  `json:"behind"`
		Unseen  int    `json:"unseen"`
		AtRisk  int    `json:"at_risk"`
		Unacked uint64 `json:"unacked"`
	} `json:"bar"`
}

type credential struct {
	Type   string `json:"type"`
	Issuer string `json:"issuer"`
	What   string `json:"what"`
	Over   uint8  `json:"over"`
	Status string `json:"status"`
	Age    int64  `json:"age"`
}

// page follows the stream as a screen does.
type page struct {
	*testing.T
	lines *bufio.Scanner
	close func() error
}

func (r *rig) open() *page {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	r.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/events", nil)
	if err != nil {
		r.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		r.Fatalf("stream answers %s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	r.Cleanup(func() { _ = resp.Body.Close() })
	return &page{T: r.T, lines: bufio.NewScanner(resp.Body), close: resp.Body.Close}
}

// until reads views until one fits. The stream ends by the request's deadline.
func (p *page) until(what string, fits func(view) bool) view {
	p.Helper()
	var last string
	for p.lines.Scan() {
		data, ok := strings.CutPrefix(p.lines.Text(), "data: {\"face\"")
		if !ok {
			continue
		}
		last = `{"face"` + data
		var v view
		if err := json.Unmarshal([]byte(last), &v); err != nil {
			p.Fatalf("view %s: %v", last, err)
		}
		if fits(v) {
			return v
		}
	}
	p.Fatalf("no view with %s; the last was %s; %v", what, last, p.lines.Err())
	return view{}
}

func (p *page) face(face string) view {
	p.Helper()
	return p.until("face "+face, func(v view) bool { return v.Face == face })
}

func admitted() panel.Scan {
	return panel.Scan{
		Seq: 5, Verdict: admit.Verdict{Outcome: ticket.Admit, Reason: ticket.OK}, Form: "rotating",
		Zone: "Floor", Class: "Plain", Seat: "A-1", Flags: ticket.FlagAccessible,
		Total: 80 * time.Millisecond, Judged: 2 * time.Millisecond, Durable: 9 * time.Millisecond,
	}
}

func TestAnswers(t *testing.T) {
	r := newRig(t)
	p := r.open()
	p.face("idle")
	r.Decided(admitted())
	if v := p.face("admit"); v.Zone != "Floor" || v.Seat != "A-1" || v.Class != "Plain" || !slices.Equal(v.Flags, []string{"accessible"}) {
		t.Errorf("admission shown as %+v", v)
	}
	// The passage clears the screen for the next person, long before its time.
	r.Settled(5, "passed")
	p.face("idle")

	already := panel.Scan{Verdict: admit.Already(admit.Use{Where: "south-2", At: time.Now().Add(-12 * time.Minute)}), Zone: "Floor"}
	r.Decided(already)
	v := p.face("refuse")
	if v.Reason != "already_admitted" || v.Where != "south-2" || v.At == "" || v.Ago != 720 || v.Next != "staff" {
		t.Errorf("refusal shown as %+v", v)
	}
	r.Decided(already)
	if again := p.until("a new number", func(w view) bool { return w.Number != v.Number }); again.Face != "refuse" {
		t.Errorf("the same refusal again is shown as %+v", again)
	}
	r.Decided(panel.Scan{Verdict: admit.Fail(ticket.Refer, ticket.Attention, "attention")})
	p.face("look")
	r.Decided(panel.Scan{Verdict: admit.Verdict{}})
	if v := p.face("refuse"); v.Face == "admit" {
		t.Errorf("a verdict without an outcome is shown as %+v", v)
	}
}

// A page that comes back sees what stands, without waiting for the next person.
func TestReconnect(t *testing.T) {
	r := newRig(t)
	p := r.open()
	p.face("idle")
	r.Decided(panel.Scan{Verdict: admit.Fail(ticket.Refuse, ticket.StalePass, "proof")})
	p.face("refuse")
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
	again := r.open()
	first := again.until("any", func(view) bool { return true })
	if first.Face != "refuse" || first.Reason != "stale_pass" {
		t.Errorf("the first view after coming back is %+v", first)
	}
}

func TestOfflineBar(t *testing.T) {
	r := newRig(t)
	p := r.open()
	if v := p.face("idle"); v.Bar != nil {
		t.Errorf("a bar while online: %+v", v.Bar)
	}
	r.set(func() {
		r.status = panel.Status{Mode: admit.ModeAlone, Behind: 754 * time.Second, Unseen: 3, AtRisk: 40, Unacked: 128}
	})
	v := p.until("a bar", func(v view) bool { return v.Bar != nil })
	if b := *v.Bar; b.Mode != "alone" || b.Behind != 720 || b.Unseen != 3 || b.AtRisk != 40 || b.Unacked != 128 {
		t.Errorf("bar %+v", b)
	}
	r.Decided(admitted())
	if v := p.face("admit"); v.Bar == nil {
		t.Error("the bar gives way to an answer; it must stay")
	}
	r.set(func() { r.status.Mode = 0 })
	r.set(func() { r.status.Behind = time.Hour })
	p.until("an unknown mode as alone", func(v view) bool { return v.Bar != nil && v.Bar.Behind == 3600 && v.Bar.Mode == "alone" })
	r.set(func() { r.status.Mode = admit.ModeHub })
	p.until("no bar", func(v view) bool { return v.Bar == nil })
}

func TestNonce(t *testing.T) {
	r := newRig(t)
	p := r.open()
	if v := p.face("idle"); v.Nonce != "" {
		t.Errorf("a nonce that nobody asked for: %q", v.Nonce)
	}
	// One who must answer sees it with the answer …
	r.Decided(panel.Scan{Verdict: admit.Fail(ticket.Refuse, ticket.ChallengeRequired, "challenge")})
	v := p.until("a nonce", func(v view) bool { return v.Nonce != "" })
	if v.Face != "look" || v.Next != "answer" {
		t.Errorf("challenge shown as %+v", v)
	}
	resp, body := r.get("/nonce/" + v.Nonce + ".svg")
	if resp.StatusCode != http.StatusOK || body != "<svg>CTN1ABC</svg>" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("picture: %s %q %v", resp.Status, body, resp.Header)
	}
	// … the next person does not.
	r.Decided(admitted())
	p.until("no nonce", func(v view) bool { return v.Face == "admit" && v.Nonce == "" })
	if resp, _ := r.get("/nonce/" + v.Nonce + ".svg"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("picture of a nonce that is not shown: %s", resp.Status)
	}
	// Where everybody must, it stands on the idle screen and changes with the book.
	r.set(func() { r.status.Challenge = true })
	first := p.until("a nonce", func(v view) bool { return v.Nonce != "" })
	r.set(func() { r.nonce = "CTN1DEF" })
	p.until("the next nonce", func(v view) bool { return v.Nonce != "" && v.Nonce != first.Nonce })
	if r.drawn > 4 {
		t.Errorf("three nonces were drawn %d times", r.drawn)
	}
}

func TestClosedWhileDown(t *testing.T) {
	r := newRig(t)
	r.set(func() { r.checks = []panel.Check{{Name: "storage", State: panel.StateDown, Hint: "free the disk"}} })
	p := r.open()
	p.face("closed")
	r.set(func() { r.checks = nil })
	p.face("idle")
}

func TestHealth(t *testing.T) {
	for name, tc := range map[string]struct {
		mode   admit.Mode
		checks []panel.Check
		code   int
		state  string
	}{
		"ready":    {admit.ModeCentral, []panel.Check{{Name: "disk", State: panel.StateReady}}, 200, "ready"},
		"degraded": {admit.ModeCentral, []panel.Check{{Name: "clock", State: panel.StateDegraded, Hint: "start chrony"}}, 200, "degraded"},
		"offline":  {admit.ModeAlone, nil, 200, "degraded"},
		"down":     {admit.ModeCentral, []panel.Check{{Name: "disk", State: panel.StateDown}, {Name: "clock", State: panel.StateDegraded}}, 503, "down"},
		"nonsense": {admit.ModeCentral, []panel.Check{{Name: "disk", State: "fine"}}, 503, "down"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.set(func() { r.status.Mode, r.checks = tc.mode, tc.checks })
			resp, body := r.get("/healthz")
			var got struct {
				State  string        `json:"state"`
				Gate   string        `json:"gate"`
				Lane   string        `json:"lane"`
				Checks []panel.Check `json:"checks"`
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if resp.StatusCode != tc.code || got.State != tc.state || got.Gate != "north" || got.Lane != "1" || got.Checks == nil {
				t.Errorf("%s %s, want %d %s", resp.Status, body, tc.code, tc.state)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	r := newRig(t)
	r.Decided(admitted())
	r.Decided(panel.Scan{Verdict: admit.Fail(ticket.Refuse, "novel", "x")})
	r.Settled(5, "passed")
	r.Looked(30*time.Millisecond, 1, nil)
	r.Looked(20*time.Millisecond, 0, nil)
	r.Looked(20*time.Millisecond, 0, errors.New("bad frame"))
	r.set(func() { r.status.Unacked, r.status.SetAge = 17, 90*time.Second })
	_, body := r.get("/metrics")
	for _, want := range []string{
		`conting_gate_scans_total{form="rotating",outcome="admit",reason="ok"} 1`,
		`conting_gate_scans_total{form="none",outcome="refuse",reason="other"} 1`,
		`conting_gate_passages_total{kind="passed"} 1`,
		`conting_gate_camera_frames_total{found="code"} 1`,
		`conting_gate_camera_frames_total{found="none"} 1`,
		`conting_gate_camera_frames_total{found="error"} 1`,
		`conting_gate_decision_seconds_count 1`,
		`conting_gate_durable_seconds_bucket{le="0.01"} 1`,
		`conting_gate_journal_unacked 17`,
		`conting_gate_set_age_seconds 90`,
		`conting_gate_online 1`,
		`conting_gate_build_info{gate="north",lane="1",version="test"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}

func TestSecurityHeaders(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/", "/panel.js", "/panel.css", "/healthz", "/metrics", "/catalogue/ko.json", "/nope", "/nonce/x.svg"} {
		resp, body := r.get(path)
		csp := resp.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") ||
			resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: headers %v", path, resp.Header)
		}
		if path == "/" {
			for _, inline := range []string{"<script>", "<style", " style=", " onclick", " onload"} {
				if strings.Contains(body, inline) {
					t.Errorf("the page holds %q, which its own policy forbids", inline)
				}
			}
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		req, _ := http.NewRequest(method, r.url+"/", strings.NewReader("x"))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s / = %s", method, resp.Status)
		}
	}
}

// A page elsewhere whose name resolves to this machine must not read the lane.
func TestForeignHost(t *testing.T) {
	r := newRig(t)
	for host, want := range map[string]int{
		"evil.example": 421, "evil.example:80": 421, "10.0.0.1": 421, "": 200,
		"localhost:1": 200, "LOCALHOST": 200, "127.0.0.1": 200, "[::1]:80": 200,
	} {
		req, _ := http.NewRequest(http.MethodGet, r.url+"/healthz", nil)
		if host != "" {
			req.Host = host
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host %q: %s, want %d", host, resp.Status, want)
		}
	}
}

func TestLanguages(t *testing.T) {
	r := newRig(t)
	for path, want := range map[string]string{"/": "en", "/?lang=ko": "ko", "/?lang=en": "en", "/?lang=../x": "en"} {
		if _, body := r.get(path); !strings.Contains(body, fmt.Sprintf("<html lang=%q>", want)) {
			t.Errorf("%s is not in %s:\n%.200s", path, want, body)
		}
	}
	escaped := newRig(t, func(c *panel.Config) { c.Gate = `<script>alert(1)</script>` })
	if _, body := escaped.get("/"); strings.Contains(body, "<script>alert") {
		t.Error("the gate's name is not escaped")
	}
}

func TestTooManyPages(t *testing.T) {
	r := newRig(t)
	for range 16 {
		r.open()
	}
	resp, _ := r.get("/events")
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("page 17: %s, want 503", resp.Status)
	}
}

// A page that stops reading must not hold up the lane, nor the other pages.
func TestSlowPage(t *testing.T) {
	r := newRig(t)
	conn, err := net.Dial("tcp", r.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	p := r.open()
	p.face("idle")
	big := admitted()
	big.Zone = strings.Repeat("x", 10_000)
	for range 2000 { // 20 MB, far more than any socket holds
		r.Decided(big)
	}
	r.Decided(panel.Scan{Verdict: admit.Fail(ticket.Refuse, ticket.Revoked, "status")})
	p.until("the newest answer", func(v view) bool { return v.Reason == "revoked" })
}

func TestNewChecksConfig(t *testing.T) {
	good := panel.Config{
		Gate: "g", Lane: "l", Status: func() panel.Status { return panel.Status{} },
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	for name, change := range map[string]func(*panel.Config){
		"no gate":       func(c *panel.Config) { c.Gate = "" },
		"no status":     func(c *panel.Config) { c.Status = nil },
		"no clock":      func(c *panel.Config) { c.Now = nil },
		"half a nonce":  func(c *panel.Config) { c.Nonce = func() (string, error) { return "", nil } },
		"no language":   func(c *panel.Config) { c.Language = "fr" },
		"no address":    func(c *panel.Config) { c.Listen = "nowhere" },
		"no logger":     func(c *panel.Config) { c.Logger = nil },
		"a name server": func(c *panel.Config) { c.Listen = "127.0.0.1:99999" },
	} {
		cfg := good
		change(&cfg)
		if _, err := panel.New(t.Context(), cfg); err == nil {
			t.Errorf("%s: New passed", name)
		}
	}
	p, err := panel.New(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	if host, _, _ := net.SplitHostPort(p.Addr().String()); host != "127.0.0.1" {
		t.Errorf("bound to %s by default", host)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := p.Run(ctx); err != nil {
		t.Errorf("Run() = %v", err)
	}
}
