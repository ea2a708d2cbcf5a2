package stage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/localnet"
	"github.com/con-ting/conting/testdata/stage"
)

// minted is a venue whose central mints on a chain of this machine.
type minted struct {
	t   *testing.T
	ctx context.Context
	*stage.Stage
	net   *localnet.Net
	chain stage.Chain
	payer string
}

// onChain gives a venue's central a mint.
func onChain(ctx context.Context, t *testing.T, s *stage.Stage, net *localnet.Net, more string) *minted {
	t.Helper()
	m := &minted{t: t, ctx: ctx, Stage: s, net: net, chain: stage.Chain{URL: net.URL}}
	lines := fmt.Sprintf("rpc = [%q, %q]\npoll = \"100ms\"\nlink = \"http://explorer.example/address/{address}\"\ntx_link = \"http://explorer.example/tx/{signature}\"\n%s",
		m.net.URL, m.net.Second.URL, more)
	var err error
	m.payer, err = s.OpenMint(ctx, lines, func(ctx context.Context, payer string) error { return net.Airdrop(ctx, payer, 1_000_000_000) })
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *minted) config() string { return filepath.Join(m.Dir, "central", "central.toml") }

// central runs one of its commands.
func (m *minted) central(args ...string) []byte {
	m.t.Helper()
	out, err := m.Central(m.ctx, args...)
	if err != nil {
		m.t.Fatalf("central %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// await asks for a person's token until it is in a state, and somewhere else than with
// an owner.
func (m *minted) await(p *stage.Person, id ticket.ID, state, elsewhere string) stage.Minted {
	m.t.Helper()
	v, err := p.AwaitToken(m.ctx, id, func(v *stage.Minted) bool { return v.State == state && v.Owner != elsewhere })
	if err != nil {
		m.t.Fatalf("want it %s: %v", state, err)
	}
	return v
}

// is checks what the cluster itself says of a token.
func (m *minted) is(v *stage.Minted, want stage.Token) {
	m.t.Helper()
	if got, err := m.chain.Token(m.ctx, v.Address); err != nil || got != want {
		m.t.Errorf("token %s: the chain says %+v, %v, want %+v", v.Address, got, err, want)
	}
}

// kinds are what was done with a token, oldest first, all of it final.
func (m *minted) kinds(v stage.Minted) string {
	m.t.Helper()
	var out []string
	for _, a := range slices.Backward(v.History) {
		if a.State != "finalized" || a.Link != "http://explorer.example/tx/"+a.Signature {
			m.t.Errorf("%s is %s, at %q", a.Kind, a.State, a.Link)
		}
		out = append(out, a.Kind)
	}
	return strings.Join(out, " ")
}

// The tokens of the built central, on a chain: minted with the sale, moved with a
// ticket that is given on, burned with a refund, and free once its holder has been in,
// who then sends it wherever they like. None of it is waited for.
func TestTokensLife(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 4*time.Minute)
	t.Cleanup(cancel)
	net := localnet.Test(t, localnet.Options{Slot: 20 * time.Millisecond})
	s, event, gate := venue(ctx, t)
	_, mina, jun := family(ctx, t, s)
	early, err := mina.Buy(ctx, event, stage.Seat{Zone: 1, Class: 1, Seat: "A-1"}) // before there is a mint
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "a token where there are none", mina.Call(ctx, "GET", "/v1/wallet/tickets/"+early.ID.String()+"/token", nil, nil), "mint_off")
	m := onChain(ctx, t, s, net, "")
	late, err := mina.Buy(ctx, event, stage.Seat{Zone: 1, Class: 1, Seat: "A-2"})
	if err != nil {
		t.Fatal(err)
	}
	first, second := m.await(mina, early.ID, "held", ""), m.await(mina, late.ID, "held", "")
	if first.Address == second.Address || first.Owner != second.Owner || first.Wallet != "custodial" {
		t.Errorf("tokens %+v and %+v", first, second)
	}
	m.is(&first, stage.Token{Supply: 1, Owner: first.Owner, Frozen: true})
	m.is(&second, stage.Token{Supply: 1, Owner: first.Owner, Frozen: true})
	var meta struct{ Name, Image string }
	if err := mina.Call(ctx, "GET", first.Metadata, nil, &meta); err != nil || meta.Name == "" {
		t.Errorf("metadata %+v, %v", meta, err)
	}

	tr, err := mina.Give(ctx, early.ID, 1, jun)
	if err != nil {
		t.Fatal(err)
	}
	if err := jun.Accept(ctx, tr); err != nil {
		t.Fatal(err)
	}
	refused(t, "the token of a ticket that was given on", mina.Call(ctx, "GET", "/v1/wallet/tickets/"+early.ID.String()+"/token", nil, nil), "unknown_ticket")
	moved := m.await(jun, early.ID, "held", first.Owner)
	if moved.Address != first.Address || moved.Wallet != "custodial" || m.kinds(moved) != "mint move" {
		t.Errorf("moved token %+v", moved)
	}
	m.is(&moved, stage.Token{Supply: 1, Owner: moved.Owner, Frozen: true})

	if err := s.Refund(ctx, late); err != nil {
		t.Fatal(err)
	}
	burned := m.await(mina, late.ID, "burned", "nobody")
	if m.kinds(burned) != "mint burn" || burned.Owner != "" {
		t.Errorf("burned token %+v", burned)
	}
	m.is(&burned, stage.Token{})

	const outside, somebody = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin", "GDDMwNyyx8uB6zrqwBFHjLLG3TBYk2F8Az4yrQC5RzMp"
	send := func(to string) error { return jun.SendToken(ctx, early.ID, to) }
	refused(t, "sending a token that is held", send(outside), "token_held")
	shows(ctx, t, gate, func() (string, error) { return early.As(jun).Text(time.Now()) }, "admit ok")
	free := m.await(jun, early.ID, "free", "")
	if !free.Sendable || m.kinds(free) != "mint move release" {
		t.Errorf("free token %+v", free)
	}
	m.is(&free, stage.Token{Supply: 1, Owner: moved.Owner})
	if err := send(outside); err != nil {
		t.Fatal(err)
	}
	sent := m.await(jun, early.ID, "free", free.Owner)
	if sent.Owner != outside || sent.Wallet != "other" || sent.Sendable || m.kinds(sent) != "mint move release send" {
		t.Errorf("sent token %+v", sent)
	}
	m.is(&sent, stage.Token{Supply: 1, Owner: outside})
	refused(t, "sending what was sent", send(somebody), "token_elsewhere")

	// What it all came to.
	status := string(m.central("mint", "status"))
	for _, want := range []string{"eager, at work", m.payer, "0 held, 1 free, 1 burned, 0 never minted", "0 not yet what they shall be, 0 need a person", "6 final, 0 failed"} {
		if !strings.Contains(status, want) {
			t.Errorf("mint status lacks %q: %s", want, status)
		}
	}
	var sum struct {
		Fees int64 `json:"fees"`
		Rent int64 `json:"rent"`
	}
	if err := json.Unmarshal(m.central("mint", "status", "--json"), &sum); err != nil {
		t.Fatal(err)
	}
	if left, err := m.chain.Balance(ctx, m.payer); err != nil || int64(left) != 1_000_000_000-sum.Fees-sum.Rent {
		t.Errorf("the fee payer has %d lamports, %v, want %d: fees %d, rent %d", left, err, 1_000_000_000-sum.Fees-sum.Rent, sum.Fees, sum.Rent)
	}
	if out := string(m.central("mint", "reconcile")); !strings.Contains(out, "2 tokens were compared with the chain, 0 differences") {
		t.Errorf("mint reconcile: %s", out)
	}
	if out := string(m.central("mint", "failed")); out != "nothing has failed\n" {
		t.Errorf("mint failed: %s", out)
	}
}

// Where tokens are made when their holders ask, a root on chain stands for all tickets
// until then: a holder has a file that proves theirs to be among them, to anybody.
func TestTokensWhenAsked(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 4*time.Minute)
	t.Cleanup(cancel)
	net := localnet.Test(t, localnet.Options{Slot: 20 * time.Millisecond})
	s, event, _ := venue(ctx, t)
	m := onChain(ctx, t, s, net, "mode = \"lazy\"\n")
	kim, tickets := visitor(ctx, t, s, event, "kim@example.org", "A-1", "A-2")
	path := "/v1/wallet/tickets/" + tickets[0].ID.String() + "/token"
	if v := m.await(kim, tickets[0].ID, "unclaimed", "nobody"); !v.Claimable || v.Address != "" {
		t.Errorf("unclaimed token %+v", v)
	}
	if err := s.Publish(ctx, event); err != nil {
		t.Fatal(err)
	}
	var proof json.RawMessage
	for proof == nil {
		err := kim.Call(ctx, "GET", path+"/proof", nil, &proof)
		if err != nil {
			refused(t, "a proof before its root is final", err, "no_proof")
		}
		if ctx.Err() != nil || t.Failed() {
			t.FailNow()
		}
		<-time.After(50 * time.Millisecond)
	}
	verify := func(text []byte, more ...string) (string, error) {
		file := filepath.Join(t.TempDir(), "proof.json")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := stage.Run(ctx, filepath.Join(s.Bin, "central"), append([]string{"mint", "verify", file}, more...)...)
		return string(out), err
	}
	var p struct {
		Transaction string `json:"transaction"`
	}
	if err := json.Unmarshal(proof, &p); err != nil {
		t.Fatal(err)
	}
	out, err := verify(proof)
	_, memo, _ := strings.Cut(out, "memo\n  ")
	memo, _, _ = strings.Cut(memo, "\n")
	if err != nil || !strings.HasPrefix(out, "ticket "+tickets[0].ID.String()+" of event "+event.String()) || !strings.Contains(out, p.Transaction) {
		t.Fatalf("mint verify: %s, %v", out, err)
	}
	var on json.RawMessage
	if err := m.chain.Call(ctx, &on, "getTransaction", p.Transaction, map[string]any{"encoding": "json", "maxSupportedTransactionVersion": 0}); err != nil || !strings.Contains(string(on), memo) {
		t.Errorf("transaction %s lacks %q: %s, %v", p.Transaction, memo, on, err)
	}
	if out, err := verify(proof, "--memo", memo); err != nil || !strings.Contains(out, "which is the memo that you gave") {
		t.Errorf("mint verify --memo: %s, %v", out, err)
	}
	other := strings.Replace(memo, ":1001:", ":1002:", 1)
	for what, err := range map[string]error{
		"another event's memo": second(verify(proof, "--memo", other)),
		"another root":         second(verify(proof, "--memo", memo[:len(memo)-43]+strings.Repeat("A", 43))),
		"another seat":         second(verify(bytes.Replace(proof, []byte(`"A-1"`), []byte(`"A-3"`), 1))),
		"no proof":             second(verify([]byte("{}"))),
	} {
		if err == nil {
			t.Errorf("mint verify takes %s", what)
		}
	}

	if err := kim.Call(ctx, "POST", path+"/claim", nil, nil); err != nil {
		t.Fatal(err)
	}
	claimed := m.await(kim, tickets[0].ID, "held", "")
	if m.kinds(claimed) != "mint" {
		t.Errorf("claimed token %+v", claimed)
	}
	m.is(&claimed, stage.Token{Supply: 1, Owner: claimed.Owner, Frozen: true})
	if status := string(m.central("mint", "status")); !strings.Contains(status, "lazy, at work") || !strings.Contains(status, "1 held, 0 free, 0 burned, 1 never minted") {
		t.Errorf("mint status: %s", status)
	}

	// Another mint's keys are refused before anything is done with them.
	if err := s.StopCentral(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mint.secret", "wallet.key"} {
		path := filepath.Join(s.Dir, "central", "keys", name)
		kept, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Repeat("7", 64)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := stage.Run(ctx, filepath.Join(s.Bin, "central"), "run", "--config", m.config()); err == nil || !strings.Contains(err.Error(), "hint: bring back") {
			t.Errorf("with another %s: %v", name, err)
		}
		if err := os.WriteFile(path, kept, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	// Under another key the wallets are those that they were.
	keys := filepath.Join(s.Dir, "central", "keys")
	old, err := os.ReadFile(filepath.Join(keys, "wallet.key"))
	if err != nil {
		t.Fatal(err)
	}
	m.central("mint", "rekey")
	now, err := os.ReadFile(filepath.Join(keys, "wallet.key"))
	if err != nil || bytes.Equal(now, old) {
		t.Errorf("the key is as it was, %v", err)
	}
	if err := s.StartCentral(ctx); err != nil {
		t.Fatal(err)
	}
	if v := m.await(kim, tickets[0].ID, "held", ""); v.Wallet != "custodial" {
		t.Errorf("after a rekey the token is %+v", v)
	}
}

func second(_ string, err error) error { return err }
