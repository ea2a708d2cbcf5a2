package api_test

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/central/queue/embedded"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/work"
	"github.com/con-ting/conting/testdata/wallet"
)

// waitingRooms are real ones, on files, whose line moves with the harness's clock.
func (h *harness) waitingRooms(db *store.Store, now func() time.Time, logger *slog.Logger) (*queue.Queue, *account.Access) {
	h.t.Helper()
	engine, err := embedded.New(h.t.Context(), embedded.Config{Folder: h.t.TempDir(), Marks: db.Queue(), Logger: logger})
	if err != nil {
		h.t.Fatal(err)
	}
	q, err := queue.New(h.t.Context(), queue.Config{
		Store: db.Queue(), Engine: engine, Secret: [32]byte{1}, Now: now, Logger: logger, Tick: 5 * time.Millisecond,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			h.t.Errorf("Run: %v", err)
		}
		q.Close()
		if err := engine.Close(); err != nil {
			h.t.Error(err)
		}
	})
	access, err := account.NewAccess([32]byte{1}, now)
	if err != nil {
		h.t.Fatal(err)
	}
	h.access = access
	return q, access
}

type placeView struct {
	State, Reason, Token, Receipt   string
	Number, Position, Ahead, People int
	RetryMS                         int `json:"retry_ms"`
	Admission                       *struct {
		Token   string
		Expires time.Time
	}
}

const (
	queuePath = "/v1/events/1001/queue"
	person1   = "000102030405060708090a0b0c0d0e0f"
	person2   = "f00102030405060708090a0b0c0d0e0f"
)

func (h *harness) asPerson(account string) header {
	token, _ := h.access.Mint(account)
	return header{"Authorization", "Bearer " + token}
}

func queueToken(token string) header { return header{"Queue-Token", token} }

// room makes a waiting room that opens in so long.
func (h *harness) room(in time.Duration, more string) {
	h.t.Helper()
	opens := time.UnixMilli(h.clock.Load()).Add(in).UTC().Format(time.RFC3339)
	h.call("PUT", "/admin/v1/events/1001/queue", `{"opens":"`+opens+`"`+more+`}`, admin()).want(http.StatusOK)
}

func (h *harness) enter(account, body string) (p placeView) {
	h.t.Helper()
	h.call("POST", queuePath, body, h.asPerson(account)).want(http.StatusOK).into(&p)
	return p
}

// until polls until the place is in the state.
func (h *harness) until(token, state string) (p placeView) {
	h.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		h.call("GET", queuePath, "", queueToken(token)).want(http.StatusOK).into(&p)
		if p.State == state {
			return p
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("the place is %+v, want %s", p, state)
		}
		h.clock.Add(100)
		time.Sleep(5 * time.Millisecond)
	}
}

// From the lobby through the line to an order, and nothing without.
func TestQueueToOrder(t *testing.T) {
	h := start(t).on()
	h.call("GET", queuePath+"/info", "").problem(http.StatusNotFound, "unknown_queue")
	h.call("POST", queuePath, "{}", h.asPerson(person1)).problem(http.StatusNotFound, "unknown_queue")
	h.room(time.Minute, "")
	first := h.enter(person1, "{}")
	if first.State != "lobby" || first.Number != 1 || first.Receipt == "" {
		t.Fatalf("the first place is %+v", first)
	}
	if again := h.enter(person1, `{"token":"`+first.Token+`"}`); again.Number != 1 {
		t.Fatalf("entering again gave %+v", again)
	}
	h.call("GET", queuePath+"/shuffle", "").problem(http.StatusConflict, "queue_not_sealed")
	h.clock.Add(61_000)
	p := h.until(first.Token, "admitted")
	if p.Admission == nil || p.Admission.Token == "" || !p.Admission.Expires.After(time.UnixMilli(h.clock.Load())) {
		t.Fatalf("admitted with %+v", p.Admission)
	}
	var info struct {
		Open       bool
		Commitment string
	}
	h.call("GET", queuePath+"/info", "").want(http.StatusOK).into(&info)
	if !info.Open || len(info.Commitment) != 64 {
		t.Errorf("info is %+v", info)
	}
	file := h.call("GET", queuePath+"/shuffle", "").want(http.StatusOK)
	v, err := queue.VerifyShuffle(strings.NewReader(string(file.body)))
	if err != nil {
		t.Fatal(err)
	}
	if r, rank, err := v.Rank(first.Receipt); err != nil || rank != 1 || r.Number != 1 || v.Commitment != info.Commitment {
		t.Errorf("the receipt has rank %d, %v", rank, err)
	}
	late := h.enter(person2, "{}")
	if late.Number != 2 {
		t.Errorf("the second has number %d", late.Number)
	}
	h.call("DELETE", queuePath, "", queueToken(late.Token)).want(http.StatusNoContent)
	if p := h.until(late.Token, "left"); p.Reason != "left" {
		t.Errorf("who left is told %+v", p)
	}
}

// Only who was admitted orders, and only for their own account.
func TestQueueGuardsTheSale(t *testing.T) {
	h := start(t).on()
	phone := h.phone("mina")
	mina, session := h.join("mina@example.org", phone)
	others := h.phone("jun")
	_, other := h.join("jun@example.org", others)
	h.room(-time.Minute, "")
	place := h.until(h.enter(mina.Account, "{}").Token, "admitted")
	admission := header{"Queue-Admission", place.Admission.Token}
	h.call("POST", orders, h.holdBody("A-1")).problem(http.StatusForbidden, "queue_required")
	h.call("POST", orders, h.holdBody("A-1"), admission).problem(http.StatusForbidden, "queue_required")
	h.wallet = &wallet.Wallet{Authenticator: others, Rand: h.wallet.Rand}
	h.call("POST", orders, h.holdBody("A-1"), append(h.as(other), admission)...).problem(http.StatusForbidden, "queue_required")
	h.wallet = &wallet.Wallet{Authenticator: phone, Rand: h.wallet.Rand}
	for i := 0; i < len(place.Admission.Token); i += 9 {
		forged := []byte(place.Admission.Token)
		if forged[i]++; forged[i] > 'z' {
			forged[i] = 'a'
		}
		h.call("POST", orders, h.holdBody("A-1"), append(h.as(session), header{"Queue-Admission", string(forged)})...).problem(http.StatusForbidden, "queue_required")
	}
	h.call("POST", orders, h.holdBody("A-1"), append(h.as(session), header{"Queue-Admission", place.Token})...).problem(http.StatusForbidden, "queue_required")
	h.call("POST", orders, h.holdBody("A-1"), append(h.as(session), admission)...).want(http.StatusCreated)
	h.advance(11 * time.Minute)
	h.call("POST", orders, h.holdBody("A-2"), append(h.as(session), admission)...).problem(http.StatusForbidden, "queue_required")
	text := string(h.call("GET", "/metrics", "", admin()).want(http.StatusOK).body)
	for _, line := range []string{`conting_central_queue_people{event="1001",what="entered"} 1`, `conting_central_queue_waiting{event="1001"} 0`} {
		if !strings.Contains(text, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

// Whoever asks must show who they are, and with what is theirs.
func TestQueueRefuses(t *testing.T) {
	h := start(t).on()
	h.room(time.Hour, `,"work_bits":8`)
	h.call("POST", queuePath, "{}").problem(http.StatusUnauthorized, "access_required")
	h.call("POST", queuePath, "{}", header{"Authorization", "Bearer " + strings.Repeat("A", 54)}).problem(http.StatusUnauthorized, "access_required")
	h.call("POST", queuePath, "{}", h.asPerson(person1)).problem(http.StatusForbidden, "work_required")
	proof, err := work.Solve(t.Context(), queue.WorkPurpose(1001), person1, 8, time.UnixMilli(h.clock.Load()))
	if err != nil {
		t.Fatal(err)
	}
	body := `{"work":"` + proof + `"}`
	if h.call("POST", queuePath, body, h.asPerson(person2)).status == http.StatusOK {
		t.Error("one person's work counted for another") // one in 256 by chance, always the same
	}
	mine := h.enter(person1, body)
	h.call("POST", queuePath, `{"token":"`+mine.Token+`"}`, h.asPerson(person2)).problem(http.StatusForbidden, "queue_token_invalid")
	h.call("GET", queuePath, "").problem(http.StatusForbidden, "queue_token_invalid")
	h.call("GET", queuePath, "", queueToken(mine.Token[:len(mine.Token)-1]+"_")).problem(http.StatusForbidden, "queue_token_invalid")
	h.call("GET", queuePath, "", queueToken(strings.Repeat("x", 8000))).problem(http.StatusForbidden, "queue_token_invalid")
	h.call("DELETE", queuePath, "", queueToken("x")).problem(http.StatusForbidden, "queue_token_invalid")
	h.call("GET", "/v1/events/7/queue", "", queueToken(mine.Token)).problem(http.StatusNotFound, "unknown_queue")
	h.call("GET", "/v1/events/x/queue", "", queueToken(mine.Token)).problem(http.StatusNotFound, "unknown_event")
	h.call("GET", queuePath+"/stream", "", queueToken(mine.Token)).problem(http.StatusConflict, "poll_instead")
	h.call("POST", queuePath, `{"work":"`+strings.Repeat("1", 2000)+`"}`, h.asPerson(person1)).problem(http.StatusRequestEntityTooLarge, "body_too_large")
	h.call("POST", queuePath, `{"account":"`+person2+`"}`, h.asPerson(person1)).problem(http.StatusBadRequest, "malformed_body")
	h.call("PUT", "/admin/v1/events/1001/queue", `{}`).problem(http.StatusUnauthorized, "unauthorized")
	h.call("GET", "/admin/v1/events/1001/queue", "").problem(http.StatusUnauthorized, "unauthorized")
	h.call("PUT", "/admin/v1/events/1001/queue", `{"rate_per_minute":0}`, admin()).problem(http.StatusUnprocessableEntity, "invalid_request")
	h.call("PUT", "/admin/v1/events/7/queue", `{}`, admin()).problem(http.StatusNotFound, "unknown_event")
	h.call("POST", "/admin/v1/events/1001/queue/beacon", `{"beacon":"1"}`, admin()).problem(http.StatusConflict, "queue_not_sealed")
	h.room(time.Hour, `,"closed":true`)
	h.call("POST", queuePath, body, h.asPerson(person2)).problem(http.StatusConflict, "queue_closed")
}

// pass lets time go by, and gives up after a while.
func (h *harness) pass(giveUp func() error) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline) && h.t.Context().Err() == nil; time.Sleep(5 * time.Millisecond) {
		h.clock.Add(100)
	}
	_ = giveUp()
}

// The front is told as the line moves.
func TestQueueStream(t *testing.T) {
	h := start(t).on()
	h.room(-time.Minute, `,"paused":true`)
	mine := h.enter(person1, "{}")
	p := h.until(mine.Token, "waiting")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+queuePath+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Queue-Token", p.Token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if kind := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("%d, %s", res.StatusCode, kind)
	}
	var told []string
	for in := bufio.NewScanner(res.Body); in.Scan(); {
		data, ok := strings.CutPrefix(in.Text(), "data: ")
		if !ok {
			continue
		}
		told = append(told, data)
		if len(told) == 1 {
			h.room(-time.Minute, `,"paused":false`)
			go h.pass(res.Body.Close)
		}
	}
	if len(told) < 2 || !strings.Contains(told[0], `"state":"waiting"`) || !strings.Contains(told[len(told)-1], `"state":"admitted"`) {
		t.Errorf("told %q", told)
	}
}

// The page needs nothing from elsewhere, and its policy forbids it.
func TestQueuePage(t *testing.T) {
	h := start(t).on()
	h.call("GET", "/queue/1001", "").problem(http.StatusNotFound, "unknown_queue")
	h.room(time.Hour, "")
	a := h.call("GET", "/queue/1001", "").want(http.StatusOK)
	policy := a.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src 'self'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	for _, file := range []string{"/queue.js", "/queue.css"} {
		h.call("GET", file, "").want(http.StatusOK)
		if !strings.Contains(string(a.body), file) {
			t.Errorf("the page does not load %s", file)
		}
	}
}

// Nothing of a crowd's requests is logged one by one.
func TestQueueLogsNoTokens(t *testing.T) {
	h := start(t).on()
	h.room(time.Hour, "")
	p := h.enter(person1, "{}")
	h.call("GET", queuePath, "", queueToken(p.Token)).want(http.StatusOK)
	for _, secret := range []string{p.Token, person1, p.Receipt} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

var _ api.Queue = (*queue.Queue)(nil)
