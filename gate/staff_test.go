package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// steward is a lane with a steward, off the network.
const steward = "[uplink]\nenabled = false\n[log]\nlevel = \"error\"\n"

func withSteward(t *testing.T, conf string) {
	t.Helper()
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, []byte(strings.Replace(string(text), "[lane]", "[lane]\nstaff = true", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCheckExplainsPresentations(t *testing.T) {
	o := newOffice(t)
	a, out, conf := o.gateFor(steward)
	withSteward(t, conf)
	o.keepLists(a, conf, store.StatusList{URL: crewList, Issued: o.now.Add(-3 * time.Hour).Unix(), JWT: o.statusList(o.crew, crewList, o.now.Add(-3*time.Hour), 6)})
	n := pass.Nonce{Gate: "north-1", Value: [8]byte{9}, Issued: o.now.Unix()}
	parts := o.parts(o.present(o.rigger, n, o.staff(o.crew, nil), o.age(o.city, nil)))
	slices.Reverse(parts)
	file := filepath.Join(t.TempDir(), "parts")
	o.ok(os.WriteFile(file, []byte(strings.Join(parts, "\r\n")+"\n"+parts[0]+"\n"), 0o600))
	at := o.now.Add(2 * time.Second).Format(time.RFC3339)

	says := func(words []string, args ...string) {
		t.Helper()
		got := o.command(a, out, append([]string{"check", "--config", conf}, args...)...)
		for _, w := range words {
			if !regexp.MustCompile(w).MatchString(got) {
				t.Errorf("gate check %.60q: %q is missing in\n%s", args, w, got)
			}
		}
	}
	genuine := []string{
		`^admit: ok \(presentation\)`, `holder: did:key:zDn`, `staff credential: rigger, class 7 of events \[7\]`, `issuer: Crew office \(did:key:z6Mk`,
		`status list 3h0m2s old`, `age credential: 19 or older`, `its issuer cannot take it back`, `ok    credential `, `ok    accreditation `,
	}
	says(genuine, append([]string{"--at", at}, parts...)...)
	says(genuine, "--at", at, "--parts", file)
	says(genuine, "--at", at, "--nonce", n.Text(), "--parts", file)
	a.in = strings.NewReader(strings.Join(parts, "\n"))
	says(genuine, "--at", at, "--parts", "-")
	says([]string{`"outcome": "admit"`, `"issuer_name": "Crew office"`, `"form": "presentation"`}, "--at", at, "--json", "--parts", file)
	says([]string{`^refuse: nonce_unknown`}, "--at", o.now.Add(time.Minute).Format(time.RFC3339), "--parts", file)
	other := n
	other.Value[0]++
	says([]string{`^refuse: nonce_unknown`}, "--at", at, "--nonce", other.Text(), "--parts", file)

	revoked := o.parts(o.present(o.rigger, n, o.staff(o.crew, func(c *credential.Credential) { c.Status.Index = 6 })))
	says([]string{`^refuse: credential_revoked`, `entry 6`, `rigger`, `FAIL  credential`}, append([]string{"--at", at}, revoked...)...)
	foreign := n
	foreign.Gate = "south-1"
	says([]string{`^refuse: nonce_unknown`}, append([]string{"--at", at}, o.parts(o.present(o.rigger, foreign, o.staff(o.crew, nil)))...)...)

	// A challenge and an accredited pass are explained with the nonce that was shown.
	answer, err := o.wallet.Answer(o.tickets[0].ID, n, nil)
	o.ok(err)
	says([]string{`^admit: ok \(challenge pass of ticket 00000001\)`}, "--at", at, "--nonce", n.Text(), answer)
	says([]string{`^refuse: nonce_unknown`}, "--at", at, answer)
	says([]string{`^refuse: nonce_unknown`}, "--at", o.now.Add(10*time.Second).Format(time.RFC3339), "--nonce", n.Text(), answer)
	accredited, err := o.rigger.Answer(o.tickets[0].ID, n, nil)
	o.ok(err)
	says([]string{`^refuse: form_not_allowed \(accredited pass`, `FAIL  accreditation`}, "--at", at, "--nonce", n.Text(), accredited)

	// What is no whole presentation is no question.
	for name, args := range map[string][]string{
		"one missing":       parts[1:],
		"two presentations": append([]string{revoked[0]}, parts[1:]...),
		"a pass among them": append([]string{parts[0], answer}, parts[2:]...),
		"a bad nonce":       {"--nonce", "CTN1", answer},
		"two passes":        {answer, answer},
	} {
		out.Reset()
		if code := a.run(t.Context(), append([]string{"check", "--config", conf}, args...)); code == 0 || !strings.Contains(out.String(), "gate: ") {
			t.Errorf("%s: exit status %d\n%s", name, code, out)
		}
	}
	// It is all looking: nothing was written.
	if got := o.command(a, out, "status", "--config", conf); !strings.Contains(got, "journal: 0 entries") ||
		!regexp.MustCompile(`status list of Crew office: 3h\S+ old \(https://crew`).MatchString(got) || !strings.Contains(got, "status list of City: not here") {
		t.Errorf("gate status:\n%s", got)
	}
}

// A whole gate with a steward: parts come in, staff enter, a referral is confirmed
// with the button of its own page.
func TestStaffLane(t *testing.T) {
	o := newOffice(t)
	a, _, conf := o.gateFor(steward)
	withSteward(t, conf)
	o.keepLists(a, conf, store.StatusList{URL: crewList, Issued: o.now.Add(-time.Hour).Unix(), JWT: o.statusList(o.crew, crewList, o.now.Add(-time.Hour), 6)})
	c, err := loadConfig(conf)
	o.ok(err)
	input, feed := io.Pipe()
	lines, events := io.Pipe()
	var log bytes.Buffer
	a.in, a.err = input, &log
	g, err := a.build(t.Context(), c, events)
	o.ok(err)
	g.notify, err = newNotifier(a.getenv, a.pid)
	o.ok(err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.serve(ctx) }()
	stopped := false
	end := func() {
		if stopped {
			return
		}
		stopped = true
		stop()
		_ = feed.Close()
		go func() { _, _ = io.Copy(io.Discard, lines) }()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := g.close(); err != nil {
			t.Error(err)
		}
	}
	defer end()
	said := bufio.NewScanner(lines)
	next := func(kinds ...string) event {
		t.Helper()
		for said.Scan() {
			var e event
			if err := json.Unmarshal(said.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			if slices.Contains(kinds, e.Event) {
				return e
			}
		}
		t.Fatalf("no %v event: %v", kinds, said.Err())
		return event{}
	}
	panel := "http://" + next("ready").Panel
	scan := func(text string) {
		t.Helper()
		if _, err := io.WriteString(feed, text+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	nonce := func() pass.Nonce {
		t.Helper()
		n, err := g.book.Current()
		o.ok(err)
		return n
	}

	// The crew's presentation, read part by part.
	parts := o.parts(o.present(o.rigger, nonce(), o.staff(o.crew, nil)))
	for i, text := range parts {
		scan(text)
		if i < len(parts)-1 {
			if e := next("parts", "verdict"); e.Event != "parts" || e.Have != i+1 || e.Total != len(parts) {
				t.Fatalf("after part %d: %+v", i, e)
			}
		}
	}
	e := next("verdict")
	if e.Outcome != "admit" || !e.Presented {
		t.Fatalf("the crew: %+v", e)
	}
	crew := next("passage").Ticket

	// The same person with a ticket of their own: an accreditation in the set would
	// do the same. A visitor whose class asks for a document is referred.
	scan(o.pass(2, time.Now()))
	referral := next("verdict")
	if referral.Outcome != "refer" || referral.Reason != string(ticket.IDCheck) || !referral.Confirmable {
		t.Fatalf("a named ticket: %+v", referral)
	}
	page := fetch(t, panel+"/")
	token := regexp.MustCompile(`name="token" content="(\w+)"`).FindStringSubmatch(page)
	if token == nil {
		t.Fatalf("the page has no token:\n%s", page)
	}
	if got := order(t, panel, "wrong-token-wrong-token", referral.Seq); got != http.StatusForbidden {
		t.Errorf("an order with another token = %d", got)
	}
	if got := order(t, panel, token[1], referral.Seq); got != http.StatusNoContent {
		t.Fatalf("the order = %d", got)
	}
	e = next("verdict")
	if e.Outcome != "admit" || e.Reason != string(ticket.ConfirmedByStaff) {
		t.Errorf("confirmed: %+v", e)
	}
	if p := next("passage"); p.Seq != e.Seq || p.Kind != "passed" {
		t.Errorf("passage %+v", p)
	}
	if got := order(t, panel, token[1], referral.Seq); got != http.StatusGone {
		t.Errorf("the order again = %d", got)
	}
	end()

	// The journal says who was confirmed after which referral.
	st, err := store.OpenReadOnly(t.Context(), store.Config{Path: c.database(), Device: "north-1", Now: time.Now})
	o.ok(err)
	defer func() { _ = st.Close() }()
	for _, id := range []string{crew, referral.Ticket} {
		if id == "" {
			t.Error("a decision without a ticket")
		}
	}
	entries := journalOf(t, st)
	if len(entries) != 5 {
		t.Fatalf("%d entries, want 5: %+v", len(entries), entries)
	}
	if last := entries[3]; last.Reason != ticket.ConfirmedByStaff || last.Refers != referral.Seq || last.Outcome != ticket.Admit {
		t.Errorf("entry %+v, want the admission that refers to %d", last, referral.Seq)
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// order presses the panel's button.
func order(t *testing.T, panel, token string, seq uint64) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, panel+"/confirm", strings.NewReader(fmt.Sprintf(`{"seq":%d}`, seq)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", panel)
	req.Header.Set("X-Conting-Token", token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func journalOf(t *testing.T, st *store.Store) []journal.Entry {
	t.Helper()
	raw, err := st.Entries(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var out []journal.Entry
	for _, data := range raw {
		e, err := journal.ParseEntry(data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}
