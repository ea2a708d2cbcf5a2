package api_test

import (
	"crypto/ed25519"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/merkle"
	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

type tokenOfHolder struct {
	State, Step, Reason, Address, Link, Metadata, Owner, Wallet string
	Claimable, Sendable                                         bool
	Fee, Rent                                                   int64
	History                                                     []struct{ Kind, State, Signature, Link, To string }
}

// What a holder is told of their token, from before it was made until it is sent away.
func TestTokenOfHolder(t *testing.T) {
	h := start(t).on()
	mina, eve := h.relative("mina"), h.relative("eve")
	id := mina.pays(mina.orders("A-1"))
	path, account := "/v1/wallet/tickets/"+id.String()+"/token", mina.account()
	see := func(state string) (v tokenOfHolder) {
		t.Helper()
		mina.get(path, &v)
		if v.State != state {
			t.Fatalf("token is %+v, want it %s", v, state)
		}
		return v
	}
	h.call("GET", path, "", h.as(eve.session)...).problem(http.StatusNotFound, "unknown_ticket")
	if v := see("unclaimed"); !v.Claimable || v.Address != "" || v.Link != "" || v.Sendable {
		t.Errorf("an unclaimed token: %+v", v)
	}
	mina.post(path+"/claim", nil).problem(http.StatusNotFound, "unknown_token") // the mint has not heard of the ticket
	if _, err := h.miner.wish(t.Context(), mint.Desire{Ticket: id, Event: 1001, Account: account}); err != nil {
		t.Fatal(err)
	}
	h.mint.Mode = mint.Eager
	if v := see("unclaimed"); !v.Claimable { // its event was over before it was made
		t.Errorf("a token that was not made in time: %+v", v)
	}
	h.mint.Mode = mint.Lazy
	eve.post(path+"/claim", nil).problem(http.StatusNotFound, "unknown_ticket")
	mina.post(path+"/claim", nil).want(http.StatusOK)
	v := see("minting")
	if v.Claimable || v.Address != tokenAddress(id) || v.Link != "" {
		t.Errorf("a token that was claimed: %+v", v)
	}
	h.call("GET", v.Metadata, "").want(http.StatusOK)

	w, err := h.wallets.Wallet(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	held := mint.Desire{Ticket: id, Event: 1001, Account: account, Form: mint.Held, Owner: w.Kept}
	if _, err := h.miner.wish(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	a := h.begin(mint.Action{Kind: mint.Mint, Event: 1001, Ticket: id, Form: mint.Held, To: w.Kept})
	a.State, a.Signature, a.Reason = mint.Confirmed, strings.Repeat("4", 87), mint.NoFunds
	a = h.save(a)
	if v = see("minting"); v.Step != "confirmed" || v.Reason != "no_funds" || v.Link != "https://explorer.example/address/"+v.Address+"?cluster=x" || len(v.History) != 1 || v.Fee != 0 {
		t.Errorf("a token that is confirmed: %+v", v)
	}
	a.State, a.Reason, a.Fee, a.Rent = mint.Finalized, mint.NoReason, 10_000, 3_000_000
	h.save(a)
	if v = see("held"); v.Owner != w.Kept || v.Wallet != "custodial" || v.Fee != 10_000 || v.Rent != 3_000_000 || v.History[0].Link != "https://explorer.example/tx/"+strings.Repeat("4", 87) {
		t.Errorf("a token that is held: %+v", v)
	}

	to, _ := outside("a wallet")
	send := func(to string) *answer { return mina.post(path+"/send", object{"to": to}) }
	send(to).problem(http.StatusConflict, "token_held")
	h.becomes(account, id, mint.Free, mint.Release)
	if v = see("free"); !v.Sendable || v.Fee != 15_000 {
		t.Errorf("a token that is free: %+v", v)
	}
	eve.post(path+"/send", object{"to": to}).problem(http.StatusNotFound, "unknown_ticket")
	for _, bad := range []string{"", "x", to[1:], to + "1", strings.ToLower(to), " " + to} {
		send(bad).problem(http.StatusUnprocessableEntity, "address_invalid")
	}
	send(keptOf("the payer")).problem(http.StatusUnprocessableEntity, "address_reserved")
	send("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb").problem(http.StatusUnprocessableEntity, "address_reserved")
	send(w.Kept).problem(http.StatusUnprocessableEntity, "address_reserved")
	send(to).want(http.StatusAccepted)
	send(to).want(http.StatusAccepted)
	other, _ := outside("another")
	send(other).problem(http.StatusConflict, "token_busy")
	if v = see("sending"); v.Sendable || len(v.History) != 3 || v.History[0].To != to || v.History[1].To != "" {
		t.Errorf("a token that is being sent: %+v", v)
	}
	for i := range v.History {
		if strings.Contains(fmt.Sprint(v.History[1+i%2]), w.Kept) {
			t.Errorf("the history names a wallet: %+v", v.History)
		}
	}
}

// Whose wallet a token lies in is told to its holder if it is theirs, or if they have sent
// it there; not while it is on its way from whoever gave the ticket.
func TestTokenOnItsWay(t *testing.T) {
	h := start(t).on()
	mina, eve := h.relative("mina"), h.relative("eve")
	id := mina.pays(mina.orders("A-1"))
	of := h.becomes(eve.account(), id, mint.Held, mint.Mint) // the ticket was eve's
	w, err := h.wallets.Wallet(t.Context(), mina.account())
	if err != nil {
		t.Fatal(err)
	}
	for _, heard := range []bool{false, true} { // by the mint, that it is hers
		if heard {
			if _, err := h.miner.wish(t.Context(), mint.Desire{Ticket: id, Event: 1001, Account: mina.account(), Form: mint.Held, Owner: w.Kept}); err != nil {
				t.Fatal(err)
			}
		}
		a := h.call("GET", "/v1/wallet/tickets/"+id.String()+"/token", "", h.as(mina.session)...).want(http.StatusOK)
		var v tokenOfHolder
		if a.into(&v); v.State != "moving" || v.Owner != "" || v.Wallet != "" || strings.Contains(string(a.body), of.Owner) {
			t.Errorf("a token on its way, heard of: %t: %s", heard, a.body)
		}
	}
}

// Accreditations have no tokens, and none are announced.
func TestNoTokenOfAccreditation(t *testing.T) {
	var till api.Till
	h := start(t, func(c *api.Config) { till = c.Till })
	plan := strings.Replace(samplePlan(t), `"classes": [`, `"classes": [{"id": 9, "name": "staff", "staff": true},`, 1)
	h.call("POST", "/admin/v1/events", plan, admin()).want(http.StatusCreated)
	mina := h.relative("mina")
	seller, ok := till.(*sale.Sale)
	if !ok {
		t.Fatalf("the till is a %T", till)
	}
	is, err := seller.Accredit(t.Context(), sale.AccreditRequest{
		ID: ticket.ID{7}, Event: 1001, Class: 9, Holder: mina.phone.HolderKey(), Owner: mina.account(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, h.mint.Mode = range []mint.Mode{mint.Lazy, mint.Eager} {
		var v tokenOfHolder
		if mina.get("/v1/wallet/tickets/"+is.Ticket.ID.String()+"/token", &v); v.State != "none" || v.Claimable {
			t.Errorf("%s: %+v", h.mint.Mode, v)
		}
	}
}

// A collection's mint points to files that there are.
func TestCollectionFiles(t *testing.T) {
	h := start(t).on()
	var m struct {
		Name, Image string
		Attributes  []struct {
			Trait string `json:"trait_type"`
			Value string
		}
	}
	h.call("GET", "/v1/tokens/"+mint.CollectionName(1001)+".json", "").want(http.StatusOK).into(&m)
	if m.Name != eventName(t) || m.Image != party.Origin+"/v1/tokens/event-1001.svg" || len(m.Attributes) != 3 {
		t.Errorf("metadata %+v", m)
	}
	h.call("GET", "/v1/tokens/event-1001.svg", "").want(http.StatusOK)
	for _, name := range []string{"event-1002.json", "event-1002.svg", "event-01001.json", "event-.json", "event-x.svg", "event-1001"} {
		h.call("GET", "/v1/tokens/"+name, "").problem(http.StatusNotFound, "unknown_token")
	}
}

// A ticket that was refunded has no token to be asked for, and one that is burned says
// so.
func TestTokenOfDeadTicket(t *testing.T) {
	h := start(t).on()
	mina := h.relative("mina")
	order := mina.orders("A-1")
	id := mina.pays(order)
	path := "/v1/wallet/tickets/" + id.String() + "/token"
	made := h.becomes(mina.account(), id, mint.Held, mint.Mint)
	h.call("POST", "/admin/v1/orders/"+order.ID+"/refund", "", admin()).want(http.StatusOK)
	mina.post(path+"/claim", nil).problem(http.StatusConflict, "ticket_dead")
	h.becomes(mina.account(), id, mint.Burned, mint.Burn)
	var v tokenOfHolder
	mina.get(path, &v)
	if v.State != "burned" || v.Owner != "" || v.Sendable || v.Claimable {
		t.Errorf("a burned token: %+v", v)
	}
	a := h.call("GET", "/v1/tokens/"+made.Address+".json", "").want(http.StatusOK)
	if !strings.Contains(string(a.body), `"burned"`) {
		t.Errorf("its file: %s", a.body)
	}
}

// What everybody may read of a token is what is on chain as well, whatever the event
// is called.
func TestTokenFiles(t *testing.T) {
	h := start(t)
	plan := strings.ReplaceAll(samplePlan(t), `"name": "`+eventName(t)+`"`, `"name": "<script>\"&'겨울 콘서트 ]]> in the very large hall of the city"`)
	h.call("POST", "/admin/v1/events", plan, admin()).want(http.StatusCreated)
	mina := h.relative("mina")
	id := mina.pays(mina.orders("A-1"))
	made := h.becomes(mina.account(), id, mint.Held, mint.Mint)
	a := h.call("GET", "/v1/tokens/"+made.Address+".json", "").want(http.StatusOK)
	var m struct {
		Name, Symbol, Image string
		External            string `json:"external_url"`
		Attributes          []struct {
			Trait string `json:"trait_type"`
			Value string
		}
	}
	a.into(&m)
	if !strings.Contains(m.Name, "겨울 콘서트") || m.Symbol != "TICKET" || m.Image != party.Origin+"/v1/tokens/"+made.Address+".svg" || len(m.Attributes) != 7 {
		t.Errorf("metadata %+v", m)
	}
	svg := h.call("GET", "/v1/tokens/"+made.Address+".svg", "").want(http.StatusOK)
	if strings.Contains(string(svg.body), "<script") || svg.header.Get("Content-Type") != "image/svg+xml; charset=utf-8" {
		t.Errorf("picture %s", svg.body)
	}
	d := xml.NewDecoder(strings.NewReader(string(svg.body)))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("picture %s: %v", svg.body, err)
		}
	}
	for _, got := range []*answer{a, svg} {
		for key, want := range map[string]string{
			"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin", "X-Content-Type-Options": "nosniff",
		} {
			if got.header.Get(key) != want {
				t.Errorf("%s: %s: %q, want %q", got.asked, key, got.header.Get(key), want)
			}
		}
		for _, secret := range []string{id.String(), mina.account(), made.Owner, mina.phone.HolderKey().String()} {
			if strings.Contains(string(got.body), secret) {
				t.Errorf("%s tells %q: %s", got.asked, secret, got.body)
			}
		}
	}
	for _, name := range []string{made.Address, made.Address + ".png", ".json", "x.json", tokenAddress(ticket.ID{1}) + ".json", made.Address + ".json.svg"} {
		h.call("GET", "/v1/tokens/"+name, "").problem(http.StatusNotFound, "unknown_token")
	}
	other := mina.pays(mina.orders("A-2"))
	if _, err := h.miner.wish(t.Context(), mint.Desire{Ticket: other, Event: 1001, Account: mina.account()}); err != nil {
		t.Fatal(err)
	}
	h.call("GET", "/v1/tokens/"+tokenAddress(other)+".json", "").problem(http.StatusNotFound, "unknown_token") // nobody has claimed it
}

func eventName(t *testing.T) string {
	t.Helper()
	var plan struct {
		Event struct {
			Name string `json:"name"`
		} `json:"event"`
	}
	if err := json.Unmarshal([]byte(samplePlan(t)), &plan); err != nil || plan.Event.Name == "" {
		t.Fatal("sample has no name", err)
	}
	return plan.Event.Name
}

// A person's wallet is kept here until they have shown another to be theirs.
func TestChainWallet(t *testing.T) {
	h := start(t).on()
	mina, eve := h.relative("mina"), h.relative("eve")
	var first, v struct{ Address, Kind, Kept, Link string }
	mina.get("/v1/wallet/chain", &first)
	if first.Kind != "custodial" || first.Address != first.Kept || first.Link != "https://explorer.example/address/"+first.Kept+"?cluster=x" {
		t.Fatalf("wallet %+v", first)
	}
	link := func(r *relative, body string) *answer {
		return h.call("POST", "/v1/wallet/chain/link", body, h.as(r.session)...)
	}
	begin := func(r *relative, address, lang string) *answer {
		return r.post("/v1/wallet/chain/challenge", object{"address": address, "language": lang})
	}
	address, key := outside("mina's own")
	sixty4 := marshal(t, object{"signature": b64(make([]byte, 64))})
	link(mina, sixty4).problem(http.StatusUnprocessableEntity, "challenge_invalid") // there is none
	begin(mina, address, "fr").problem(http.StatusUnprocessableEntity, "invalid_request")
	begin(mina, first.Kept, "ko").problem(http.StatusUnprocessableEntity, "address_reserved")
	begin(mina, address[2:], "ko").problem(http.StatusUnprocessableEntity, "address_invalid")
	var c struct {
		Message string
		Expires time.Time
	}
	begin(mina, address, "ko").want(http.StatusCreated).into(&c)
	if !strings.HasPrefix(c.Message, "tickets.example wants you to sign in with your Solana account:\n"+address+"\n") {
		t.Errorf("message %q", c.Message)
	}
	signed := marshal(t, object{"signature": b64(ed25519.Sign(key, []byte(c.Message)))})
	link(mina, sixty4).problem(http.StatusUnprocessableEntity, "wallet_not_proved")
	link(eve, signed).problem(http.StatusUnprocessableEntity, "challenge_invalid")
	before := h.miner.changed
	link(mina, signed).want(http.StatusOK).into(&v)
	if v.Address != address || v.Kind != "outside" || v.Kept != first.Kept || h.miner.changed == before {
		t.Errorf("linked %+v, the mint told %d times", v, h.miner.changed-before)
	}
	link(mina, signed).problem(http.StatusUnprocessableEntity, "challenge_invalid") // it was used
	link(eve, eve.links("mina's own")).problem(http.StatusConflict, "wallet_taken")
	if got := h.call("DELETE", "/v1/wallet/chain/link", "", h.as(mina.session)...).want(http.StatusOK); !strings.Contains(string(got.body), `"custodial"`) {
		t.Errorf("unlinked: %s", got.body)
	}
	h.call("DELETE", "/v1/wallet/chain/link", "", h.as(mina.session)...).problem(http.StatusConflict, "wallet_not_linked")
	begin(mina, address, "ko").want(http.StatusCreated).into(&c)
	h.advance(wallet.ChallengeLifetime)
	link(mina, marshal(t, object{"signature": b64(ed25519.Sign(key, []byte(c.Message)))})).problem(http.StatusUnprocessableEntity, "challenge_invalid")
}

// The proof of a ticket is a file that anybody can verify.
func TestTokenProof(t *testing.T) {
	h := start(t).on()
	mina, eve := h.relative("mina"), h.relative("eve")
	id := mina.pays(mina.orders("A-1"))
	path := "/v1/wallet/tickets/" + id.String() + "/token/proof"
	h.call("GET", path, "", h.as(eve.session)...).problem(http.StatusNotFound, "unknown_ticket")
	got := h.call("GET", path, "", h.as(mina.session)...).want(http.StatusOK)
	p, err := merkle.ParseProof(got.body)
	if err != nil || p.Record.Ticket.ID != id {
		t.Errorf("proof %s: %v", got.body, err)
	}
	if _, err := h.miner.wish(t.Context(), mint.Desire{Ticket: id, Event: 1001, Account: mina.account()}); err != nil {
		t.Fatal(err)
	}
	mina.post("/v1/wallet/tickets/"+id.String()+"/token/claim", nil).want(http.StatusOK)
	h.call("GET", path, "", h.as(mina.session)...).problem(http.StatusNotFound, "no_proof")
}

// Where there are no tokens, nothing is said of any.
func TestMintOff(t *testing.T) {
	h := start(t, func(c *api.Config) { c.Mint = nil }).on()
	mina := h.relative("mina")
	id := mina.pays(mina.orders("A-1"))
	path := "/v1/wallet/tickets/" + id.String() + "/token"
	for _, what := range []string{
		"GET " + path, "GET " + path + "/proof", "POST " + path + "/claim", "POST " + path + "/send",
		"GET /v1/wallet/chain", "POST /v1/wallet/chain/challenge", "POST /v1/wallet/chain/link", "DELETE /v1/wallet/chain/link",
	} {
		method, path, _ := strings.Cut(what, " ")
		h.call(method, path, "", origin()).problem(http.StatusUnauthorized, "sign_in_required")
		h.call(method, path, "", h.as(mina.session)...).problem(http.StatusNotFound, "mint_off")
	}
	h.call("GET", "/v1/tokens/x.json", "").problem(http.StatusNotFound, "mint_off")
	for _, what := range []string{"GET ", "GET /failed", "GET /differences", "POST /retry", "POST /reconcile"} {
		method, path, _ := strings.Cut(what, " ")
		h.call(method, "/admin/v1/mint"+path, "", origin()).problem(http.StatusUnauthorized, "unauthorized")
		h.call(method, "/admin/v1/mint"+path, "", admin()).problem(http.StatusNotFound, "mint_off")
	}
}

// What the organiser sees of the mint, and can have tried again.
func TestMintAdmin(t *testing.T) {
	h := start(t).on()
	mina := h.relative("mina")
	id, other := mina.pays(mina.orders("A-1")), mina.pays(mina.orders("A-2"))
	h.becomes(mina.account(), id, mint.Held, mint.Mint)
	h.miner.status.Running, h.miner.status.Balance, h.miner.status.Low = true, 12_345, true
	h.miner.status.Reconciled, h.miner.status.Checked, h.miner.status.Different = time.UnixMilli(h.clock.Load()), 7, 1
	owner := keptOf(mina.account())
	if _, err := h.miner.wish(t.Context(), mint.Desire{Ticket: other, Event: 1001, Account: mina.account(), Form: mint.Held, Owner: owner}); err != nil {
		t.Fatal(err)
	}
	a := h.begin(mint.Action{Kind: mint.Mint, Event: 1001, Ticket: other, Form: mint.Held, To: owner})
	a.State, a.Reason, a.Attempt = mint.Failed, mint.Conflict, 3
	h.save(a)

	var s struct {
		Running bool
		Payer   struct {
			Address string
			Balance int64
			Low     bool
		}
		Tokens, Actions map[string]int
		Stuck           int
		Fees, Rent      int64
		Reconciled      struct{ Checked, Different int }
		Nodes           []struct{ Name, Problem string }
	}
	h.call("GET", "/admin/v1/mint", "", admin()).want(http.StatusOK).into(&s)
	if !s.Running || s.Payer.Balance != 12_345 || !s.Payer.Low || s.Tokens["held"] != 1 || s.Tokens["none"] != 1 || s.Actions["failed"] != 1 || s.Stuck != 1 ||
		s.Fees != 5000 || s.Rent != 2_000_000 || s.Reconciled.Different != 1 || len(s.Nodes) != 1 || s.Nodes[0].Problem != "busy" {
		t.Errorf("status %+v", s)
	}
	var f struct {
		Failed []struct {
			Ticket, Reason string
			Attempts       int
		}
	}
	h.call("GET", "/admin/v1/mint/failed", "", admin()).want(http.StatusOK).into(&f)
	if len(f.Failed) != 1 || f.Failed[0].Ticket != other.String() || f.Failed[0].Reason != "conflict" || f.Failed[0].Attempts != 3 {
		t.Errorf("failed %+v", f)
	}
	var v tokenOfHolder
	mina.get("/v1/wallet/tickets/"+other.String()+"/token", &v)
	if v.State != "delayed" || v.Reason != "conflict" {
		t.Errorf("a stuck token: %+v", v)
	}
	for _, bad := range []string{`{}`, `{"all":true,"ticket":"` + other.String() + `"}`, `{"all":false}`} {
		h.call("POST", "/admin/v1/mint/retry", bad, admin()).problem(http.StatusUnprocessableEntity, "invalid_request")
	}
	retried := func(body string, want int) {
		t.Helper()
		var n struct{ Retried int }
		h.call("POST", "/admin/v1/mint/retry", body, admin()).want(http.StatusOK).into(&n)
		if n.Retried != want {
			t.Errorf("retried %d, want %d", n.Retried, want)
		}
	}
	retried(`{"ticket":"`+id.String()+`"}`, 0)
	retried(`{"ticket":"`+other.String()+`"}`, 1)
	retried(`{"all":true}`, 0)

	h.call("POST", "/admin/v1/mint/reconcile", "", admin()).want(http.StatusAccepted)
	if h.miner.walks != 1 {
		t.Errorf("%d comparisons were begun, want 1", h.miner.walks)
	}
	h.miner.away = true
	h.call("POST", "/admin/v1/mint/reconcile", "", admin()).problem(http.StatusServiceUnavailable, "no_leader")
	at := time.UnixMilli(h.clock.Load())
	if err := h.miner.tokens.NoteDifferences(t.Context(), []ticket.ID{id, other}, []mint.Difference{
		{Ticket: id, Event: 1001, Address: tokenAddress(id), What: mint.OtherOwner, Want: "held by a", Got: "held by b", Found: at},
		{Ticket: other, Event: 1001, Address: tokenAddress(other), What: mint.Missing, Want: "held", Got: "", Found: at},
		{Ticket: other, Event: 1001, Address: tokenAddress(other), What: mint.OtherForm, Want: "held", Got: "free", Found: at},
		{Event: 1001, Address: strings.Repeat("4", 88), What: mint.Undone, Want: "commit", Got: "none", Found: at}, // the root of a set
		{Event: 1001, Address: strings.Repeat("5", 88), What: mint.Undone, Want: "commit", Got: "none", Found: at},
	}); err != nil {
		t.Fatal(err)
	}
	var all []string
	for path := "/admin/v1/mint/differences?limit=1"; path != "" && len(all) < 10; {
		var d struct {
			Differences []struct{ Ticket, What string }
			Next        string
		}
		h.call("GET", path, "", admin()).want(http.StatusOK).into(&d)
		for _, x := range d.Differences {
			all = append(all, x.Ticket+x.What)
		}
		if path = ""; d.Next != "" {
			path = "/admin/v1/mint/differences?limit=1&cursor=" + d.Next
		}
	}
	want := []string{id.String() + "owner", other.String() + "form", other.String() + "missing"}
	slices.Sort(want)
	want = append([]string{"undone", "undone"}, want...) // what has no ticket comes first
	if !slices.Equal(all, want) {
		t.Errorf("differences %q, want %q", all, want)
	}
}

func TestMintMetrics(t *testing.T) {
	m, err := api.NewMetrics("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	h := start(t, func(c *api.Config) { c.Metrics = m }).on()
	mina := h.relative("mina")
	h.becomes(mina.account(), mina.pays(mina.orders("A-1")), mint.Held, mint.Mint)
	h.miner.status = mint.Status{Running: true, Balance: 12_345, Low: true, Asked: time.UnixMilli(h.clock.Load())}
	var o mint.Observer = m
	o.Ended(mint.Mint, mint.Finalized, 3*time.Second, 2)
	o.Backlog(4, time.Minute)
	o.Trouble("nodes")
	o.Differences(1)
	m.NodeAsked("getSlot", "rpc.example:443", time.Millisecond, nil)
	m.NodeAsked("getSlot", "rpc.example:443", time.Millisecond, errors.New("busy"))
	lacks := func(wanted ...string) {
		t.Helper()
		a := h.call("GET", "/metrics", "", admin()).want(http.StatusOK)
		for _, want := range wanted {
			not := strings.HasPrefix(want, "!")
			if strings.Contains(string(a.body), "conting_central_mint_"+strings.TrimPrefix(want, "!")) == not {
				t.Errorf("/metrics: %q", want)
			}
		}
	}
	lacks(
		"tokens{form=\"held\"} 1\n", "tokens{form=\"burned\"} 0\n", "actions{state=\"finalized\"} 1\n", "unsettled 0\n", "stuck 0\n",
		"lamports{what=\"fee\"} 5000\n", "lamports{what=\"rent\"} 2e+06\n", "payer_lamports 12345\n", "payer_low 1\n",
		"actions_ended_total{kind=\"mint\",state=\"finalized\"} 1\n", "signings_total{kind=\"mint\"} 2\n", "action_seconds_bucket{kind=\"mint\",le=\"5\"} 1\n",
		"backlog 4\n", "oldest_seconds 60\n", "trouble_total{what=\"nodes\"} 1\n", "differences 1\n",
		"node_requests_total{method=\"getSlot\",node=\"rpc.example:443\",result=\"ok\"} 1\n", "node_requests_total{method=\"getSlot\",node=\"rpc.example:443\",result=\"useless\"} 1\n",
	)
	m.Rested() // and another leads
	h.miner.status = mint.Status{}
	lacks("backlog 0\n", "oldest_seconds 0\n", "differences 0\n", "!payer_lamports ", "!payer_low ", "tokens{form=\"held\"} 1\n")
}

// A name of any script stays within the picture.
func TestWrap(t *testing.T) {
	for _, tc := range []struct {
		text string
		want string
	}{
		{"", ""},
		{"Show", "Show"},
		{"a very long name of a show", "a very long|name of a|show"},
		{"겨울 콘서트의 아주 긴 이름", "겨울 콘서트|의 아주 긴|이름"},
		{"abcdefghijklmnopqrstuvwxyzabcdefghijklmnop", "abcdefghijkl|mnopqrstuvwx|yzabcdefghi…"},
		{"  spaces \n and  more ", "spaces and|more"},
		{"\xff\xfe", "\xff\xfe"},
	} {
		got := api.Wrap(tc.text, 12, 3)
		if strings.Join(got, "|") != tc.want {
			t.Errorf("wrap %q: %q, want %q", tc.text, got, tc.want)
		}
	}
}
