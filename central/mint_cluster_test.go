package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/localnet"
	"github.com/con-ting/conting/testdata/servers"
	"github.com/con-ting/conting/testdata/stage"
	"github.com/con-ting/conting/testdata/wallet"
)

// house is whom the passkeys of the sample's visitors are made for.
const house = "https://tickets.example"

// visitor is somebody with an account and a passkey.
type visitor struct {
	key     *wallet.Authenticator
	session string
}

// dress sends a request from the wallet's pages, as the visitor.
func (v *visitor) dress(req *http.Request) {
	req.Header.Set("Origin", house)
	if v.session != "" {
		req.Header.Set("Cookie", v.session)
	}
}

// get asks as the visitor, and returns the status.
func (v *visitor) get(t *testing.T, url string, out any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	v.dress(req)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	if resp.StatusCode == http.StatusOK {
		must(t, json.Unmarshal(text, out))
	}
	return resp.StatusCode
}

// signUp makes an account at one of the centrals.
func signUp(t *testing.T, s *sibling, email string) *visitor {
	t.Helper()
	key, err := wallet.NewAuthenticator(ticket.RelyingParty{ID: strings.TrimPrefix(house, "https://"), Origin: house}, []byte(email))
	must(t, err)
	v := &visitor{key: key}
	ask := &scramble{t: t, urls: []string{s.api()}, as: v}
	var asked struct {
		Challenge string `json:"challenge"`
	}
	if got := ask.post(0, "/v1/account/challenges", "", map[string]any{"purpose": "register"}, &asked); got != yes {
		t.Fatal("no challenge to sign up with")
	}
	challenge, err := base64.RawURLEncoding.DecodeString(asked.Challenge)
	must(t, err)
	made, err := key.Create(challenge)
	must(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	body, err := json.Marshal(map[string]any{"email": email, "challenge": asked.Challenge, "credential": map[string]any{
		"id": encode(made.CredentialID), "attestation_object": encode(made.AttestationObject), "client_data_json": encode(made.ClientDataJSON),
	}})
	must(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.api()+"/v1/account/register", strings.NewReader(string(body)))
	must(t, err)
	v.dress(req)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	if len(resp.Cookies()) != 1 {
		text, err := io.ReadAll(resp.Body)
		t.Fatalf("sign up: %s %s %v", resp.Status, text, err)
	}
	v.session = resp.Cookies()[0].Name + "=" + resp.Cookies()[0].Value
	return v
}

// hold makes an order's body one of the visitor's, who shows their passkey for it.
func (s *scramble) hold(n int, body map[string]any) answer {
	var asked struct {
		Challenge string `json:"challenge"`
	}
	if got := s.post(n, "/v1/challenges", "", map[string]any{}, &asked); got != yes {
		return got
	}
	challenge, err := base64.RawURLEncoding.DecodeString(asked.Challenge)
	if err != nil {
		s.t.Error(err)
		return unknown
	}
	proof, err := s.as.key.Assert(challenge)
	if err != nil {
		s.t.Error(err)
		return unknown
	}
	encode := base64.RawURLEncoding.EncodeToString
	delete(body, "paper")
	body["class"] = 1
	body["holder"] = map[string]any{
		"public_key": s.as.key.HolderKey(), "challenge": asked.Challenge, "client_data_json": encode(proof.ClientDataJSON),
		"authenticator_data": encode(proof.AuthenticatorData), "signature": encode(proof.Signature),
	}
	return yes
}

// mints gives both centrals the same mint on a cluster, and returns who pays for it.
func mints(t *testing.T, both [2]*sibling, net *localnet.Net, lamports uint64) (payer string) {
	t.Helper()
	for i, s := range both {
		if i == 1 { // it joined before there was a mint
			for _, name := range mintFiles {
				key, err := os.ReadFile(folder(both[0].dir).path(name))
				must(t, err)
				must(t, os.WriteFile(folder(s.dir).path(name), key, 0o600))
			}
		}
		text, err := os.ReadFile(s.config())
		must(t, err)
		write(t, s.config(), string(text)+fmt.Sprintf("\n[wallet]\nrelying_party = %q\norigin = %q\n\n[mint]\nrpc = [%q, %q]\npoll = \"100ms\"\n",
			strings.TrimPrefix(house, "https://"), house, net.URL, net.Second.URL))
		var keys struct {
			Made  bool   `json:"made"`
			Payer string `json:"payer"`
		}
		must(t, json.Unmarshal([]byte(run(t, "mint", "init", "--config", s.config(), "--json")), &keys))
		if keys.Made != (i == 0) || i == 1 && keys.Payer != payer {
			t.Fatalf("the keys of central %d: %+v", i, keys)
		}
		payer = keys.Payer
	}
	must(t, net.Airdrop(t.Context(), payer, lamports))
	return payer
}

// minted is how the mint fares, asked through a central that may not lead.
func (s *sibling) minted() (r mintReport, ok bool) {
	s.t.Helper()
	token, err := folder(s.dir).text(tokenFile)
	must(s.t, err)
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.api()+mintPath, nil)
	must(s.t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	must(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	return r, resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(&r) == nil
}

// TestTwoMints: two built centrals share a database and a mint, on a cluster that
// loses transactions. The leader is killed in mid-mint, and the one that took over is
// frozen beyond its lease in mid-mint and wakes up while another mints. Every ticket
// has its token in the end, and nothing was paid for twice.
func TestTwoMints(t *testing.T) {
	t.Parallel()
	net := localnet.Test(t, localnet.Options{Slot: 25 * time.Millisecond})
	both := siblings(t, servers.Postgres(t))
	const lamports = 10_000_000_000
	payer := mints(t, both, net, lamports)
	both[0].start()
	both[1].start()
	leads, follows := leaderOfTwo(t, both)
	furnish(t, follows)
	mina := signUp(t, follows, "mina@example.org")
	faults := func(f localnet.Faults) {
		t.Helper()
		must(t, net.Faults(t.Context(), f))
		must(t, net.Second.Faults(t.Context(), f))
	}
	bad := localnet.Faults{Busy: 0.05, Drop: 0.1, Late: 0.1, LateSlots: 10}
	worse := localnet.Faults{Drop: 0.8, Late: 0.2, LateSlots: 100} // some land when who signed them is gone
	faults(bad)

	// inside waits until transactions are signed that have not landed, which is long so
	// where nearly all are lost.
	inside := func(ask *sibling) {
		t.Helper()
		eventually(t, "the mint is at work", func() bool {
			r, ok := ask.minted()
			return ok && r.Actions["prepared"]+r.Actions["sent"] > 0
		})
	}
	s := &scramble{t: t, urls: []string{leads.api(), follows.api()}, as: mina}
	s.run(seats(18), 1)
	eventually(t, "something is minted", func() bool {
		r, ok := follows.minted()
		return ok && r.Tokens["held"] > 0
	})
	faults(worse)
	s.half = func() {
		inside(follows)
		leads.end(syscall.SIGKILL)
		faults(bad)
		eventually(t, "the other leads", follows.leads)
	}
	s.run(seats(0, 12), 1)
	leads, follows = follows, leads
	follows.start()

	faults(worse)
	s.urls, s.half = []string{follows.api()}, func() {
		inside(follows)
		must(t, leads.cmd.Process.Signal(syscall.SIGSTOP))
		eventually(t, "the one that was killed leads again", follows.leads)
		inside(follows)
		faults(bad)
		must(t, leads.cmd.Process.Signal(syscall.SIGCONT)) // it believes that it leads
	}
	s.run(seats(0, 0, 10), 1)
	ask, _ := leaderOfTwo(t, both)

	var own struct {
		Tickets []struct {
			ID string `json:"id"`
		} `json:"tickets"`
	}
	if status := mina.get(t, ask.api()+"/v1/wallet/tickets", &own); status != http.StatusOK {
		t.Fatalf("tickets: %d", status)
	}
	if n := len(own.Tickets); n < len(s.paid) || n > len(s.paid)+s.unknown {
		t.Errorf("%d tickets, of %d that were paid for, and %d more perhaps", n, len(s.paid), s.unknown)
	}
	var r mintReport
	eventually(t, "every ticket has its token", func() (ok bool) {
		r, ok = ask.minted()
		return ok && r.Tokens["held"] == int64(len(own.Tickets)) && r.Unsettled == 0
	})
	if r.Stuck != 0 || r.Actions["failed"] != 0 || r.Actions["finalized"] != int64(len(own.Tickets)) {
		t.Errorf("the mint is %+v", r)
	}

	// What the cluster itself says.
	chain := stage.Chain{URL: net.URL}
	faults(localnet.Faults{})
	at := make(map[string]bool)
	for _, k := range own.Tickets {
		var v struct{ State, Address, Owner string }
		if status := mina.get(t, ask.api()+"/v1/wallet/tickets/"+k.ID+"/token", &v); status != http.StatusOK || v.State != "held" || at[v.Address] {
			t.Errorf("token of ticket %s: %d %+v", k.ID, status, v)
		}
		at[v.Address] = true
		on, err := chain.Token(t.Context(), v.Address)
		if err != nil || on.Supply != 1 || on.Owner != v.Owner || !on.Frozen {
			t.Errorf("token %s is on chain %+v, %v", v.Address, on, err)
		}
	}
	left, err := chain.Balance(t.Context(), payer)
	must(t, err)
	if spent := lamports - int64(left); spent != r.Fees+r.Rent { // #nosec G115 -- of ten SOL
		t.Errorf("%d lamports were spent, want the fees of %d and the rent of %d", spent, r.Fees, r.Rent)
	}
	stats, err := net.Stats(t.Context())
	must(t, err)
	t.Logf("%d tickets, %d buyers lost, %d do not know; %d transactions landed and %d failed", len(own.Tickets), s.lost, s.unknown, stats.Landed, stats.Failed)
	if out := run(t, "mint", "reconcile", "--config", ask.config()); !strings.Contains(out, fmt.Sprintf("%d tokens were compared with the chain, 0 differences", len(own.Tickets))) {
		t.Errorf("mint reconcile: %s", out)
	}
}
