package mint_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gagliardetto/solana-go"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/localnet"
)

const (
	concert = ticket.EventID(1001) // of the sample venue
	seated  = uint8(1)             // a class of it

	patience = 2 * time.Minute // for what happens at once on a machine that is not busy
	sol      = 1_000_000_000
)

// world is a store, a cluster, and what a worker needs beside.
type world struct {
	*testing.T
	net     *localnet.Net
	reader  *chain.Client // the test's own
	path    string
	store   *store.Store
	tokens  mint.Store
	purses  *purses
	heard   *ears
	payer   ed25519.PrivateKey
	roles   token.Roles
	gate    *gateway
	version map[ticket.ID]uint32 // of tickets
}

// slot is how long a slot takes in tests that let the clock run: short, and long
// enough for a busy machine to send something within 150 of them.
const slot = 20 * time.Millisecond

// newWorld starts a cluster and a store, both empty but for the payer's purse.
func newWorld(t *testing.T) *world { return newWorldOf(t, localnet.Options{Slot: slot, Seed: 7}) }

func newWorldOf(t *testing.T, o localnet.Options) *world {
	t.Helper()
	w := &world{T: t, net: localnet.Test(t, o), heard: newEars(), version: map[ticket.ID]uint32{}}
	w.reader = w.client(w.net.URL)
	w.restart()
	w.purses = &purses{}
	w.payer = keyFor("payer")
	w.roles = token.Roles{Payer: publicOf(w.payer), Authority: publicOf(keyFor("authority"))}
	w.fill(100 * sol)
	return w
}

// restart goes on with a new store, in which an event is on sale.
func (w *world) restart() {
	w.Helper()
	w.path = filepath.Join(w.TempDir(), "central.db")
	s, err := store.Open(w.Context(), storetest.At(w, w.path, time.Now, slog.New(slog.DiscardHandler)))
	must(w.T, err)
	w.Cleanup(func() { must(w.T, s.Close()) })
	b, err := os.ReadFile("../../testdata/venue/sample.json")
	must(w.T, err)
	plan, err := seatmap.Parse(b)
	must(w.T, err)
	_, err = s.AddPlan(w.Context(), plan)
	must(w.T, err)
	w.store, w.tokens, w.gate = s, s.Mint(), &gateway{w: w}
}

// fill gives lamports to the payer.
func (w *world) fill(lamports uint64) {
	w.Helper()
	must(w.T, w.net.Airdrop(w.Context(), w.roles.Payer.String(), lamports))
	must(w.T, w.net.Finalize(w.Context())) // or a fork would take it back
}

// config is what the worker of a test runs with.
func (w *world) config() mint.Config {
	w.Helper()
	return mint.Config{
		Store: w.tokens, Chain: w.client(w.net.URL), Events: events{w.store}, Wallets: w.purses, Mode: mint.Eager,
		Authority: signerOf(w.T, keyFor("authority")), Payer: signerOf(w.T, w.payer), Secret: secret(),
		Origin: "https://tickets.example", Poll: 100 * time.Millisecond, Look: slot,
		Observe: w.heard, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	}
}

func secret() []byte { return slices.Repeat([]byte{7}, 32) }

// client asks nodes, patiently enough for a busy machine.
func (w *world) client(urls ...string) *chain.Client {
	w.Helper()
	c, err := chain.New(w.Context(), chain.Config{Nodes: urls, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	must(w.T, err)
	w.Cleanup(c.Close)
	return c
}

// worker makes a worker that may be given another configuration.
func (w *world) worker(change func(*mint.Config)) *mint.Worker {
	w.Helper()
	cfg := w.config()
	if change != nil {
		change(&cfg)
	}
	worker, err := mint.New(w.Context(), cfg)
	must(w.T, err)
	return worker
}

// run runs a worker until the test ends or the returned function is called.
func (w *world) run(worker *mint.Worker) (stop func()) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				w.Errorf("Run: %v", err)
			}
		})
	}
	w.Cleanup(stop)
	return stop
}

// sell makes tickets of an account and tells a worker of them, as the outbox would.
func (w *world) sell(worker *mint.Worker, account string, numbers ...int) []ticket.ID {
	w.Helper()
	ids := make([]ticket.ID, len(numbers))
	for i, n := range numbers {
		k := ticket.Ticket{ID: tid(n), Event: concert, Zone: 1, Class: seated, Seat: fmt.Sprintf("A-%d", n), Version: 1, Holder: holderKey(n, 1)}
		_, err := w.store.Accredit(w.Context(), sale.Issued{Ticket: k, Signed: []byte{1}}, account)
		must(w.T, err)
		ids[i], w.version[k.ID] = k.ID, 1
	}
	w.tell(worker)
	return ids
}

// give makes a ticket another account's.
func (w *world) give(worker *mint.Worker, id ticket.ID, to string) {
	w.Helper()
	n, was := numberOf(id), w.version[id]
	k := ticket.Ticket{ID: id, Event: concert, Zone: 1, Class: seated, Seat: fmt.Sprintf("A-%d", n), Version: was + 1, Holder: holderKey(n, was+1)}
	must(w.T, w.store.Rebind(w.Context(), sale.Rebinding{From: holderKey(n, was), Issued: sale.Issued{Ticket: k, Signed: []byte{1}}, Owner: to, Kind: sale.TicketRebind}))
	w.version[id]++
	w.tell(worker)
}

// refund ends a ticket.
func (w *world) refund(worker *mint.Worker, id ticket.ID) {
	w.Helper()
	_, err := w.store.SetStatus(w.Context(), id, ticket.StatusRefunded)
	must(w.T, err)
	w.tell(worker)
}

// admit has a gate let the holder of a ticket in.
func (w *world) admit(worker *mint.Worker, id ticket.ID) {
	w.Helper()
	w.gate.admit(id)
	w.tell(worker)
}

// tell hands a worker's consumer the rows of the outbox that it has not had.
func (w *world) tell(worker *mint.Worker) {
	w.Helper()
	c := worker.Consumer()
	box := w.store.Outbox()
	for {
		from, err := box.Cursor(w.Context(), c.Name)
		must(w.T, err)
		rows, _, err := box.Rows(w.Context(), from, c.Kinds, 100)
		must(w.T, err)
		if len(rows) == 0 {
			return
		}
		must(w.T, c.Handle(w.Context(), rows))
		must(w.T, box.Advance(w.Context(), c.Name, from, rows[len(rows)-1].Seq, nil))
	}
}

// token returns what is kept of a ticket's token.
func (w *world) token(id ticket.ID) mint.Token {
	w.Helper()
	k, err := w.tokens.Token(w.Context(), id)
	must(w.T, err)
	return k
}

// history returns what was done about a token, oldest first.
func (w *world) history(id ticket.ID) []mint.Action {
	w.Helper()
	all, err := w.tokens.History(w.Context(), id, 100)
	must(w.T, err)
	slices.Reverse(all)
	return all
}

// until waits for something to be true.
func (w *world) until(what string, is func() bool) {
	w.Helper()
	until(w.T, what, is)
}

func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}
}

// settle waits until tokens are what they shall be, with nothing under way.
func (w *world) settle(ids ...ticket.ID) {
	w.Helper()
	for _, id := range ids {
		w.until("settled is "+id.String(), func() bool {
			k := w.token(id)
			all := w.history(id)
			open := len(all) > 0 && all[len(all)-1].State.Open()
			if k.Stuck != mint.NoReason {
				w.Fatalf("token is stuck: %+v\n%+v", k, all)
			}
			return k.Settled() && !open
		})
	}
}

// onChain is what the cluster says a ticket's token is, for a wallet's owner.
func (w *world) onChain(id ticket.ID, account string) token.Observed {
	w.Helper()
	return w.allOnChain([]ticket.ID{id}, account)[0]
}

// allOnChain is that of several tickets, as many at once as can be asked for.
func (w *world) allOnChain(ids []ticket.ID, account string) (out []token.Observed) {
	w.Helper()
	of := publicOf(keyFor(account))
	for some := range slices.Chunk(ids, chain.MaxAccounts/2) {
		var keys []chain.Key
		for _, id := range some {
			key, err := token.Address(w.roles.Authority, token.TicketSeed(secret(), id[:]))
			must(w.T, err)
			holding, err := token.Holder(of, key)
			must(w.T, err)
			keys = append(keys, key, holding)
		}
		accounts := w.read(keys...)
		for i := range some {
			o, err := token.Observe(w.roles, of, &accounts[2*i], &accounts[2*i+1])
			must(w.T, err)
			out = append(out, o)
		}
	}
	return out
}

// read reads accounts at the newest block.
func (w *world) read(keys ...chain.Key) []token.Account {
	w.Helper()
	got, _, err := w.reader.Accounts(w.Context(), keys, chain.Processed, 0)
	must(w.T, err)
	out := make([]token.Account, len(keys))
	for i, key := range keys {
		out[i] = token.Account{Key: key}
		if a := got[i]; a != nil {
			out[i] = token.Account{Key: key, Owner: a.Owner, Lamports: a.Lamports, Data: a.Data}
		}
	}
	return out
}

func (w *world) balance() int64 {
	w.Helper()
	n, err := w.reader.Balance(w.Context(), w.roles.Payer, chain.Processed, 0)
	must(w.T, err)
	return int64(n)
}

func tid(n int) (id ticket.ID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	id[0] = 1
	return id
}

func numberOf(id ticket.ID) int { return int(binary.BigEndian.Uint64(id[8:])) }

func holderKey(n int, version uint32) ticket.HolderKey {
	return ticket.HolderKey{2, byte(n), byte(n >> 8), byte(version)}
}

// keyFor is somebody's key.
func keyFor(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicOf(k ed25519.PrivateKey) chain.Key { return chain.Key(k[ed25519.SeedSize:]) }

func walletOf(account string) string { return publicOf(keyFor(account)).String() }

func signerOf(t testing.TB, k ed25519.PrivateKey) chain.Signer {
	t.Helper()
	s, err := chain.NewSigner(k)
	must(t, err)
	return s
}

// events are those of a store, whatever the day is on which a test runs.
type events struct{ s *store.Store }

func (e events) Event(ctx context.Context, id ticket.EventID) (ticket.Event, error) {
	o, err := e.s.Offering(ctx, id)
	o.Event.Ends = time.Now().Add(time.Hour).Unix()
	return o.Event, err
}

// purses are wallets that are kept here; some accounts have linked another.
type purses struct {
	mu     sync.Mutex // guards linked
	linked map[string]string
}

func (p *purses) link(account, address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.linked == nil {
		p.linked = make(map[string]string)
	}
	p.linked[account] = address
}

func (p *purses) Addresses(_ context.Context, accounts []string) (map[string]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]string)
	for _, a := range accounts {
		if out[a] = walletOf(a); p.linked[a] != "" {
			out[a] = p.linked[a]
		}
	}
	return out, nil
}

func (p *purses) SignerFor(_ context.Context, account string) (mint.WalletSigner, error) {
	if account == "" {
		return nil, mint.ErrNoWallet
	}
	return purse(keyFor(account)), nil
}

type purse ed25519.PrivateKey

func (p purse) Public() [32]byte { return publicOf(ed25519.PrivateKey(p)) }

func (p purse) Sign(_ context.Context, message []byte) ([64]byte, error) {
	return [64]byte(ed25519.Sign(ed25519.PrivateKey(p), message)), nil
}

// ears hear what an operator's dashboard shows.
type ears struct {
	mu      sync.Mutex // guards what follows
	low     bool
	lows    int
	ended   map[mint.State]int
	trouble map[string]int
	differ  int
}

func newEars() *ears { return &ears{ended: map[mint.State]int{}, trouble: map[string]int{}} }

func (e *ears) Balance(_ uint64, low bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.low = low; low {
		e.lows++
	}
}

func (e *ears) Ended(_ mint.Kind, s mint.State, _ time.Duration, _ int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended[s]++
}

func (e *ears) Backlog(int, time.Duration) {}

func (e *ears) Trouble(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.trouble[what]++
}

func (e *ears) Differences(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.differ = n
}

func (e *ears) troubles() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.trouble)
}

func (e *ears) isLow() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.low
}

// gateway is a gate that tells the store whom it let in.
type gateway struct {
	w    *world
	head journal.Head
}

func (g *gateway) admit(id ticket.ID) {
	g.w.Helper()
	g.says(id, journal.Entry{Kind: journal.Decision, Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Alone})
	g.says(id, journal.Entry{Kind: journal.Passed, Refers: g.head.Seq})
}

func (g *gateway) says(id ticket.ID, e journal.Entry) {
	g.w.Helper()
	d := publish.Delivery{
		Device: "gate-1", Gate: "north", From: g.head, Checkpoint: []byte{1},
		Events: map[ticket.EventID]func(ticket.ID) int{concert: func(ticket.ID) int { return 1 }},
	}
	e.Seq, e.Prev, e.Event, e.Ticket, e.Lane = g.head.Seq+1, g.head.Hash, concert, id, "1"
	e.Time = journal.At(time.Now()) + journal.HLC(e.Seq)
	raw, err := e.Encode()
	must(g.w.T, err)
	g.head = journal.Head{Seq: e.Seq, Hash: journal.EntryHash(raw)}
	d.Entries, d.Raw, d.To = []journal.Entry{e}, [][]byte{raw}, g.head
	_, err = g.w.store.Publish().Receive(g.w.Context(), d)
	must(g.w.T, err)
}

// send signs a transaction with the payer and others, and waits until it is confirmed
// or has failed, which is the error.
func (w *world) send(instructions []solana.Instruction, keys ...ed25519.PrivateKey) error {
	w.Helper()
	c := w.client(w.net.URL)
	hash, err := c.Blockhash(w.Context(), chain.Confirmed)
	must(w.T, err)
	signers := []chain.Signer{signerOf(w.T, w.payer)}
	for _, k := range keys {
		signers = append(signers, signerOf(w.T, k))
	}
	signed, err := chain.Draft{Instructions: instructions, Payer: w.roles.Payer, Units: 400_000}.Sign(w.Context(), hash, signers...)
	must(w.T, err)
	must(w.T, c.Send(w.Context(), signed.Wire, false, 0))
	var failed error
	w.until("on chain is a transaction of the test's", func() bool {
		found, _, err := c.Statuses(w.Context(), []chain.Signature{signed.Signature}, true, 0)
		must(w.T, err)
		if found[0] == nil || found[0].Commitment == chain.Processed {
			return false
		}
		failed = found[0].Err
		return true
	})
	return failed
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var errKilled = errors.New("killed by the test")

// linked tells a worker that an account has another wallet.
func (w *world) linked(worker *mint.Worker, account string) {
	w.Helper()
	must(w.T, worker.Consumer().Handle(w.Context(), []outbox.Row{{Kind: outbox.WalletLinked, Account: account}}))
}
