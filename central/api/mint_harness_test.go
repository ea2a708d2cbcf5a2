package api_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/merkle"
	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/ticket"
)

// miner stands in for the worker: it has the store, and no chain.
type miner struct {
	tokens  *store.Mint
	status  mint.Status
	walks   int
	changed int
	away    bool // nobody leads
}

func tokenAddress(id ticket.ID) string {
	return wallet.FormatAddress(sha256.Sum256(id[:]))
}

func (m *miner) Claim(ctx context.Context, account string, id ticket.ID) (mint.Token, error) {
	if _, err := m.tokens.Claim(ctx, account, id); err != nil {
		return mint.Token{}, err
	}
	return m.wish(ctx, mint.Desire{Ticket: id, Event: 1001, Account: account, Form: mint.Held, Owner: keptOf(account)})
}

func (m *miner) wish(ctx context.Context, d mint.Desire) (mint.Token, error) {
	if err := m.tokens.Wish(ctx, []mint.Desire{d}, tokenAddress); err != nil {
		return mint.Token{}, err
	}
	return m.tokens.Token(ctx, d.Ticket)
}

// keptOf is an address that nobody has.
func keptOf(account string) string { return wallet.FormatAddress(sha256.Sum256([]byte(account))) }

func (m *miner) Send(ctx context.Context, _ string, id ticket.ID, to string) (mint.Action, error) {
	t, err := m.tokens.Token(ctx, id)
	switch {
	case err != nil:
		return mint.Action{}, err
	case t.Is != mint.Free:
		return mint.Action{}, mint.ErrHeld
	}
	a := mint.Action{Kind: mint.Send, Event: t.Event, Ticket: id, Form: mint.Free, From: t.Owner, To: to}
	begun, err := m.tokens.Begin(ctx, []mint.Action{a})
	if err == nil && len(begun) == 0 {
		open, err := m.tokens.History(ctx, id, 1)
		if err != nil || open[0].To == to {
			return open[0], err
		}
		return mint.Action{}, mint.ErrUnderWay
	}
	return begun[0], err
}

func (m *miner) Status() mint.Status { return m.status }
func (m *miner) Wake()               { m.changed++ }

func (m *miner) reconcile() error {
	if m.away {
		return api.ErrNoLeader
	}
	m.walks++
	return nil
}

// Proof implements [api.Proofs]: the ticket is alone in its set.
func (m *miner) Proof(ctx context.Context, id ticket.ID) (merkle.Proof, error) {
	facts, err := m.tokens.Facts(ctx, []ticket.ID{id})
	if err != nil || facts[0].Token.Claimed {
		return merkle.Proof{}, errors.Join(err, api.ErrNoProof)
	}
	set := merkle.Set{Event: facts[0].Ticket.Event, Version: 7}
	records := []merkle.Record{{Ticket: facts[0].Ticket, Status: facts[0].Status}}
	b := merkle.NewBuilder(set, merkle.Secret{1})
	if err := b.Add(records); err != nil {
		return merkle.Proof{}, err
	}
	_, chunks := b.Root()
	return merkle.Prove(set, merkle.Secret{1}, chunks, 0, records, id)
}

// minting gives the harness a mint.
func (h *harness) minting(db *store.Store, now func() time.Time) *api.Mint {
	h.t.Helper()
	room, err := wallet.New(h.t.Context(), wallet.Config{
		Store: db.Wallets(), Keys: []wallet.Key{{1}}, Origin: party.Origin, Reserved: []string{keptOf("the payer")}, Now: now,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = room.Close() })
	h.wallets = room
	h.miner = &miner{tokens: db.Mint(), status: mint.Status{Payer: keptOf("the payer"), Authority: keptOf("the authority")}}
	h.mint = &api.Mint{
		Store: db.Mint(), Worker: h.miner, Wallets: room, Proofs: h.miner, Mode: mint.Lazy,
		Nodes: func() []api.MintNode {
			return []api.MintNode{{Name: "rpc.example:443", Slot: 9, Behind: 2, Resting: time.Second, Problem: "busy"}}
		},
		Reconcile: h.miner.reconcile, Changed: func() { h.miner.changed++ },
		Link: "https://explorer.example/address/{address}?cluster=x", TxLink: "https://explorer.example/tx/{signature}",
	}
	return h.mint
}

// becomes has a ticket's token be something on chain, in its holder's wallet.
func (h *harness) becomes(account string, id ticket.ID, form mint.Form, kind mint.Kind) mint.Token {
	h.t.Helper()
	w, err := h.wallets.Wallet(h.t.Context(), account)
	if err != nil {
		h.t.Fatal(err)
	}
	d := mint.Desire{Ticket: id, Event: 1001, Account: account, Form: form, Owner: w.Address()}
	if form == mint.Burned {
		d.Owner = ""
	}
	was, err := h.miner.wish(h.t.Context(), d)
	if err != nil {
		h.t.Fatal(err)
	}
	a := h.begin(mint.Action{Kind: kind, Event: 1001, Ticket: id, Form: form, From: was.Owner, To: d.Owner})
	a.State, a.Signature, a.Slot, a.Fee, a.Rent, a.Attempt = mint.Finalized, strings.Repeat("5", 87), 77, 5000, 2_000_000, 1
	h.save(a)
	t, err := h.miner.tokens.Token(h.t.Context(), id)
	if err != nil || t.Is != form {
		h.t.Fatalf("token %+v, %v; want it %s", t, err, form)
	}
	return t
}

func (h *harness) begin(a mint.Action) mint.Action {
	h.t.Helper()
	begun, err := h.miner.tokens.Begin(h.t.Context(), []mint.Action{a})
	if err != nil || len(begun) != 1 {
		h.t.Fatalf("begun %v, %v", begun, err)
	}
	return begun[0]
}

func (h *harness) save(a mint.Action) mint.Action {
	h.t.Helper()
	saved, err := h.miner.tokens.Save(h.t.Context(), []mint.Action{a})
	if err != nil || len(saved) != 1 || saved[0].ID == 0 {
		h.t.Fatalf("saved %v, %v", saved, err)
	}
	return saved[0]
}

// outside is a wallet of somebody's own.
func outside(name string) (address string, key ed25519.PrivateKey) {
	seed := sha256.Sum256([]byte(name))
	key = ed25519.NewKeyFromSeed(seed[:])
	return wallet.FormatAddress([32]byte(key[ed25519.SeedSize:])), key
}

// links has somebody sign for a wallet of their own.
func (r *relative) links(name string) string {
	r.h.t.Helper()
	address, key := outside(name)
	var c struct{ Message string }
	r.post("/v1/wallet/chain/challenge", object{"address": address, "language": "en"}).want(http.StatusCreated).into(&c)
	return marshal(r.h.t, object{"signature": b64(ed25519.Sign(key, []byte(c.Message)))})
}
