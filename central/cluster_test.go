package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/identity"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/servers"
)

// sibling is one of several built centrals on one database.
type sibling struct {
	t    *testing.T
	dir  string
	mqtt string // address of its broker
	cmd  *exec.Cmd
	log  *os.File
}

// siblings makes two centrals on one PostgreSQL database, whose devices know both. A
// leader that a busy machine keeps from its beat for the lease gives its seat up; that
// is no fault, and no test may take it for one.
func siblings(t *testing.T, database string) [2]*sibling {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	work := t.TempDir()
	at := filepath.Join(work, "database.url")
	write(t, at, database)
	var both [2]*sibling
	for i, args := range [][]string{{}, {"--join", filepath.Join(work, "0")}} {
		s := &sibling{t: t, dir: filepath.Join(work, strconv.Itoa(i))}
		run(t, append([]string{"init", "--dir", s.dir, "--host", "127.0.0.1"}, args...)...)
		both[i] = s
		cfg, err := loadConfig(s.config())
		must(t, err)
		s.mqtt = cfg.MQTT.Listen
	}
	for _, s := range both {
		text, err := os.ReadFile(s.config())
		must(t, err)
		endpoints := fmt.Sprintf("[mqtt]\nendpoints = [\"tls://%s\", \"tls://%s\"]\n", both[0].mqtt, both[1].mqtt)
		write(t, s.config(), strings.Replace(string(text), "[mqtt]\n", endpoints, 1)+
			fmt.Sprintf("\n[database]\nurl_file = %q\n\n[cluster]\nlease = \"3s\"\n", at))
	}
	return both
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	must(t, os.WriteFile(name, []byte(text), 0o600))
}

// run runs a command of central to its end.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "central", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("central %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (s *sibling) config() string { return filepath.Join(s.dir, configFile) }

// start starts it and waits until it is ready.
func (s *sibling) start() {
	s.t.Helper()
	if err := os.Remove(folder(s.dir).path(addressesFile)); err != nil && !errors.Is(err, fs.ErrNotExist) { // of one that was killed
		s.t.Fatal(err)
	}
	var err error
	s.log, err = os.OpenFile(s.dir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(s.t, err)
	s.cmd = exec.CommandContext(context.WithoutCancel(s.t.Context()), "central", "run", "--config", s.config())
	s.cmd.Stderr = s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(s.t, s.cmd.Start())
	s.t.Cleanup(func() { s.end(syscall.SIGKILL) })
	s.t.Cleanup(func() {
		if text, err := os.ReadFile(s.dir + ".log"); err == nil && s.t.Failed() {
			s.t.Logf("log of %s:\n%s", filepath.Base(s.dir), text[max(0, len(text)-4000):])
		}
	})
	eventually(s.t, s.dir+" is ready", func() bool {
		_, err := folder(s.dir).addresses()
		return err == nil
	})
}

// end ends it and waits until it has ended.
func (s *sibling) end(how os.Signal) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(how)
	_ = s.cmd.Wait() // of a signal
	_ = s.log.Close()
	s.cmd = nil
}

// leads reports whether its broker listens.
func (s *sibling) leads() bool {
	c, err := net.DialTimeout("tcp", s.mqtt, time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func (s *sibling) api() string {
	ad, err := folder(s.dir).addresses()
	must(s.t, err)
	return ad.API
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// leader returns the one that leads, and the other.
func leaderOfTwo(t *testing.T, both [2]*sibling) (leads, follows *sibling) {
	t.Helper()
	eventually(t, "one leads", func() bool { return both[0].leads() != both[1].leads() })
	if both[0].leads() {
		return both[0], both[1]
	}
	return both[1], both[0]
}

// furnish imports the sample's event, enrols a gate that follows it, and publishes it;
// all by way of the one that does not lead.
func furnish(t *testing.T, s *sibling) *gateLink {
	t.Helper()
	sample, err := os.ReadFile("../testdata/venue/sample.json")
	must(t, err)
	plan := filepath.Join(t.TempDir(), "plan.json")
	write(t, plan, strings.ReplaceAll(string(sample), `"2026-12-12T`, `"`+strconv.Itoa(time.Now().Year()+1)+`-12-12T`))
	run(t, "import", "--config", s.config(), plan)
	g := newListener(t, run(t, "enrol-code", "--config", s.config(), "--role", "gate", "--gate", "north", "--event", "1001", "--json"))
	eventually(t, "the event is published", func() bool {
		status, body := s.admin("/admin/v1/events/1001/publish")
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Fatalf("publish through the central that does not lead: %d %s", status, body)
		}
		return status == http.StatusOK
	})
	return g
}

// TestTwoCentrals: two built centrals share a database. What only the leader can do
// reaches it through the other. The leader is killed in mid-sale: the other takes
// over, no seat is sold twice, none that was paid for is lost, and gates follow
// without a gap or a fork.
func TestTwoCentrals(t *testing.T) {
	t.Parallel()
	both := siblings(t, servers.Postgres(t))
	both[0].start()
	both[1].start()
	leads, follows := leaderOfTwo(t, both)
	g := furnish(t, follows)

	s := &scramble{t: t, urls: []string{leads.api(), follows.api()}}
	s.half = func() {
		began := time.Now()
		leads.end(syscall.SIGKILL)
		eventually(t, "the other leads", follows.leads)
		t.Logf("the other central led %s after the leader was killed", time.Since(began).Round(10*time.Millisecond))
	}
	s.run(seats(18, 20, 22, 22), 3)
	t.Logf("%d seats sold, %d buyers lost, %d do not know", len(s.paid), s.lost, s.unknown)
	if len(s.paid) < 40 {
		t.Errorf("%d seats were sold of 82", len(s.paid))
	}
	g.waitFor(s.paid)

	// The one that was killed comes back; when the other stops in good order it takes
	// over at once, and the story goes on.
	leads.start()
	follows.end(syscall.SIGTERM)
	eventually(t, "the first leads again", leads.leads)
	s.urls, s.half = []string{leads.api()}, nil
	s.run([]string{"E-5", "E-6", "E-7"}, 2)
	g.waitFor(s.paid)
	leads.end(syscall.SIGTERM)
}

func seats(rows ...int) (out []string) {
	for r, n := range rows {
		for i := range n {
			out = append(out, fmt.Sprintf("%c-%d", 'A'+r, i+1))
		}
	}
	return out
}

// admin posts an empty object with the admin token.
func (s *sibling) admin(path string) (status int, body string) {
	s.t.Helper()
	token, err := folder(s.dir).text(tokenFile)
	must(s.t, err)
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.api()+path, strings.NewReader("{}"))
	must(s.t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	must(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	must(s.t, err)
	return resp.StatusCode, string(text)
}

// scramble is a crowd that wants the same seats, and asks one central or another.
type scramble struct {
	t    *testing.T
	urls []string
	half func()   // called once, when a third is sold
	as   *visitor // who buys; nil for paper, of nobody

	mu      sync.Mutex
	paid    map[string]bool // seats whose buyer was told so; guarded by mu
	lost    int             // guarded by mu
	unknown int             // guarded by mu
}

// run has each seat wanted by a number of buyers.
func (s *scramble) run(seats []string, each int) {
	s.t.Helper()
	if s.paid == nil {
		s.paid = make(map[string]bool)
	}
	wanted := make(chan string, len(seats)*each)
	for range each {
		for _, seat := range seats {
			wanted <- seat
		}
	}
	close(wanted)
	var wg sync.WaitGroup
	var once sync.Once
	killed := make(chan struct{})
	if s.half == nil {
		close(killed)
	}
	for n := range 8 {
		wg.Go(func() {
			for seat := range wanted {
				s.buy(n, seat)
				s.mu.Lock()
				third := len(s.paid) >= len(seats)/3
				s.mu.Unlock()
				if third && s.half != nil {
					once.Do(func() { close(killed) })
				}
			}
		})
	}
	if s.half != nil {
		<-killed
		s.half()
	}
	wg.Wait()
}

// answer is what became of a request.
type answer int

const (
	no answer = iota
	yes
	unknown
)

// buy tries to get one seat.
func (s *scramble) buy(n int, seat string) {
	var order struct {
		ID      string            `json:"id"`
		Secret  string            `json:"secret"`
		State   string            `json:"state"`
		Tickets []json.RawMessage `json:"tickets"`
	}
	want := map[string]any{"zone": 1, "class": 5, "seat": seat, "paper": true}
	got := yes
	if s.as != nil {
		got = s.hold(n, want)
	}
	if got == yes {
		got = s.post(n, "/v1/events/1001/orders", "", want, &order)
	}
	if got == yes {
		got = s.post(n, "/v1/orders/"+order.ID+"/pay", order.Secret, map[string]any{"provider": "sandbox", "token": "ok"}, &order)
	}
	if got == yes && order.State == "paying" { // what became of the money is found out later
		got = unknown
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case got == yes && len(order.Tickets) != 1:
		s.t.Errorf("seat %s: the paid order has %d tickets", seat, len(order.Tickets))
	case got == yes && s.paid[seat]:
		s.t.Errorf("seat %s was sold twice", seat)
	case got == yes:
		s.paid[seat] = true
	case got == no:
		s.lost++
	default:
		s.unknown++
	}
}

// post asks one central, and the other if it does not answer, always with the same
// Idempotency-Key.
func (s *scramble) post(n int, path, bearer string, in, out any) answer {
	body, err := json.Marshal(in)
	if err != nil {
		s.t.Error(err)
		return unknown
	}
	key := rand.Text()
	deadline := time.Now().Add(patience)
	working := 0
	for try := 0; time.Now().Before(deadline); try++ {
		if try > 1 {
			time.Sleep(50 * time.Millisecond) // as a browser would
		}
		req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.urls[(n+try)%len(s.urls)]+path, bytes.NewReader(body))
		if err != nil {
			s.t.Error(err)
			return unknown
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", key)
		if bearer != "" {
			req.Header.Set("Authorization", "Bearer "+bearer)
		}
		if s.as != nil {
			s.as.dress(req)
		}
		resp, err := http.DefaultClient.Do(req)
		var gone *url.Error
		if errors.As(err, &gone) { // killed
			continue
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		switch {
		case err != nil: // killed while it answered
			continue
		case resp.StatusCode/100 == 2:
			if err := json.Unmarshal(text, out); err != nil {
				s.t.Errorf("%s: %v", path, err)
			}
			return yes
		case strings.Contains(string(text), "in_progress"): // or it was, when the central that worked on it was killed
			if working++; working > 40 {
				return unknown
			}
		case resp.StatusCode == http.StatusServiceUnavailable:
		case resp.StatusCode == http.StatusConflict, resp.StatusCode == http.StatusGone:
			return no
		default:
			s.t.Errorf("%s: %s %s", path, resp.Status, text)
			return unknown
		}
	}
	return unknown
}

// gateLink is a gate that keeps what it hears of the set.
type gateLink struct {
	t     *testing.T
	ring  *trust.Keyring
	heard chan heardMessage

	manifest *ticketset.Manifest
	raw      map[string][]byte // deltas by topic
	deltas   map[uint64]*ticketset.Delta
}

// newListener enrols a gate with a code and connects it to whichever broker there is.
func newListener(t *testing.T, code string) *gateLink {
	t.Helper()
	var got struct {
		Text string `json:"text"`
	}
	must(t, json.Unmarshal([]byte(code), &got))
	inv, err := identity.ParseInvitation(got.Text)
	must(t, err)
	id, err := identity.Enrol(t.Context(), identity.EnrolConfig{Dir: filepath.Join(t.TempDir(), "gate"), Invitation: inv, Now: time.Now})
	must(t, err)
	if n := len(id.Endpoints()); n != 2 {
		t.Fatalf("the gate was told of %d brokers, want 2", n)
	}
	list, err := id.Anchor().Open(id.TrustList(), time.Now())
	must(t, err)
	g := &gateLink{t: t, heard: make(chan heardMessage, 4096), raw: make(map[string][]byte), deltas: make(map[uint64]*ticketset.Delta)}
	g.ring, err = trust.NewKeyring(list)
	must(t, err)
	var endpoints []link.Endpoint
	for _, e := range id.Endpoints() {
		endpoints = append(endpoints, link.Endpoint(e))
	}
	l, err := link.New(t.Context(), link.Config{
		Endpoints: endpoints, TLS: id.TLS, ClientID: id.Device(), Subscriptions: []string{topic.Manifest(show), topic.AllDeltas(show)},
		BackoffMin: 50 * time.Millisecond, BackoffMax: 500 * time.Millisecond,
		OnMessage: func(name string, data []byte) { g.heard <- heardMessage{name, bytes.Clone(data)} },
		Logger:    slog.New(slog.DiscardHandler), Now: time.Now,
	})
	must(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); _ = l.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return g
}

// waitFor waits until deltas without a gap name a ticket for each of the seats. The
// same number must always be the same bytes, and no seat may have two tickets.
func (g *gateLink) waitFor(seats map[string]bool) {
	g.t.Helper()
	deadline := time.After(patience)
	for {
		missing := len(seats)
		of := make(map[string]ticket.ID)
		for seq := uint64(1); g.deltas[seq] != nil; seq++ {
			if seq > 1 && g.deltas[seq].Previous != ticketset.Hash(g.raw[topic.DeltaAt(show, seq-1)]) {
				g.t.Fatalf("delta %d does not follow the one before it", seq)
			}
			for _, op := range g.deltas[seq].Ops {
				if op.Kind != ticketset.OpNew {
					continue
				}
				seat := op.Ticket.Seat
				if before, is := of[seat]; is && before != op.Ticket.ID {
					g.t.Fatalf("gates are told of two tickets for seat %s", seat)
				}
				if of[seat] = op.Ticket.ID; seats[seat] {
					missing--
				}
			}
		}
		if missing == 0 {
			return
		}
		select {
		case m := <-g.heard:
			g.take(m)
		case <-deadline:
			g.t.Fatalf("gates do not know of %d of %d tickets after %s", missing, len(seats), patience)
		}
	}
}

func (g *gateLink) take(m heardMessage) {
	g.t.Helper()
	n, err := topic.Parse(m.name)
	must(g.t, err)
	if n.Kind == topic.SetManifest {
		next, err := ticketset.OpenManifest(g.ring, show, m.data, time.Now())
		must(g.t, err)
		if g.manifest != nil && next.Version < g.manifest.Version {
			g.t.Errorf("set %d after %d", next.Version, g.manifest.Version)
		}
		g.manifest = next
		return
	}
	d, err := ticketset.OpenDelta(g.ring, show, m.data, time.Now())
	must(g.t, err)
	if before, is := g.raw[m.name]; is && !bytes.Equal(before, m.data) {
		g.t.Fatalf("there are two deltas of number %d", d.Seq)
	}
	g.raw[m.name], g.deltas[d.Seq] = m.data, d
}
