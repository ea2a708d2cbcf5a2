package token_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/gagliardetto/solana-go"
	budget "github.com/gagliardetto/solana-go/programs/compute-budget"
	"github.com/gagliardetto/solana-go/rpc"
	"github.com/gagliardetto/solana-go/rpc/jsonrpc"

	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/testdata/localnet"
)

const sol = 1_000_000_000

// world is a real chain with the platform's keys on it, and some people's.
type world struct {
	*testing.T
	net              *localnet.Net
	rpc              *rpc.Client
	payer, authority solana.PrivateKey
	roles            token.Roles
	rents            map[uint64]uint64
	tickets, unique  uint32
}

func newWorld(t *testing.T) *world {
	t.Helper()
	net := localnet.Test(t, localnet.Options{})
	w := &world{T: t, net: net, rpc: rpc.New(net.URL), rents: map[uint64]uint64{}}
	w.payer, w.authority = w.person(), newKey(t)
	w.roles = token.Roles{Payer: w.payer.PublicKey(), Authority: w.authority.PublicKey()}
	return w
}

func newKey(t testing.TB) solana.PrivateKey {
	t.Helper()
	k, err := solana.NewRandomPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// person is somebody with some SOL.
func (w *world) person() solana.PrivateKey {
	w.Helper()
	k := newKey(w)
	if err := w.net.Airdrop(w.Context(), k.PublicKey().String(), 100*sol); err != nil {
		w.Fatal(err)
	}
	return k
}

// ticket is an ask to mint one more ticket's token.
func (w *world) ticket(to solana.PrivateKey, form token.Form) token.Ask {
	w.Helper()
	return w.described(to, form, token.Text{
		Event: "겨울 음악회 2026", Date: "2026-12-24", Zone: "A", Seat: "A-12-07", Class: "adult",
		URI: link,
	})
}

// link is as long as those to a token's metadata are, on a server with a short name.
const link = "https://tickets.example/v1/tokens/4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T.json"

func (w *world) described(to solana.PrivateKey, form token.Form, text token.Text) token.Ask {
	w.Helper()
	w.tickets++
	spec, err := token.Describe(text)
	if err != nil {
		w.Fatal(err)
	}
	spec.Seed = token.TicketSeed([]byte("secret"), fmt.Appendf(nil, "ticket %d", w.tickets))
	return token.Ask{Kind: token.Mint, Form: form, Mint: w.address(spec.Seed), To: to.PublicKey(), Spec: spec}
}

func (w *world) address(seed string) token.Key {
	w.Helper()
	at, err := token.Address(w.roles.Authority, seed)
	if err != nil {
		w.Fatal(err)
	}
	return at
}

// minted mints it, and gives its mint.
func (w *world) minted(to solana.PrivateKey, form token.Form) token.Key {
	w.Helper()
	ask := w.ticket(to, form)
	w.do(ask)
	return ask.Mint
}

func (w *world) balance(k token.Key) uint64 {
	w.Helper()
	b, err := w.rpc.GetBalance(w.Context(), k, rpc.CommitmentProcessed)
	if err != nil {
		w.Fatal(err)
	}
	return b.Value
}

func (w *world) rent(size uint64) uint64 {
	w.Helper()
	if n, ok := w.rents[size]; ok {
		return n
	}
	n, err := w.rpc.GetMinimumBalanceForRentExemption(w.Context(), size, rpc.CommitmentProcessed)
	if err != nil {
		w.Fatal(err)
	}
	w.rents[size] = n
	return n
}

// account reads one.
func (w *world) account(k token.Key) token.Account {
	w.Helper()
	a, err := w.rpc.GetAccountInfoWithOpts(w.Context(), k, &rpc.GetAccountInfoOpts{Commitment: rpc.CommitmentProcessed, Encoding: solana.EncodingBase64})
	if errors.Is(err, rpc.ErrNotFound) {
		return token.Account{Key: k}
	}
	if err != nil {
		w.Fatal(err)
	}
	return token.Account{Key: k, Owner: a.Value.Owner, Lamports: a.Value.Lamports, Data: a.Value.Data.GetBinary()}
}

func (w *world) holder(wallet, mint token.Key) token.Key {
	w.Helper()
	at, err := token.Holder(wallet, mint)
	if err != nil {
		w.Fatal(err)
	}
	return at
}

// plan plans an ask against what is on chain.
func (w *world) plan(ask token.Ask) token.Plan {
	w.Helper()
	keys, err := token.Watch(ask)
	if err != nil {
		w.Fatal(err)
	}
	var seen []token.Account
	for _, k := range keys {
		seen = append(seen, w.account(k))
	}
	rents := map[uint64]uint64{}
	for _, n := range token.Sizes(ask) {
		rents[n] = w.rent(n)
	}
	p, err := token.PlanFor(ask, w.roles, seen, func(size uint64) uint64 {
		n, ok := rents[size]
		if !ok {
			w.Errorf("rent of %d bytes, which Sizes does not list", size)
		}
		return n
	})
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// do carries an ask out, and holds the plan to its word about rent and size.
func (w *world) do(ask token.Ask, people ...solana.PrivateKey) receipt {
	w.Helper()
	p := w.plan(ask)
	if p.Outcome != token.Do {
		w.Fatalf("kind %d: outcome %d (%s), want something to do", ask.Kind, p.Outcome, p.Why)
	}
	if len(p.Signers) > 1+len(people) {
		w.Fatalf("kind %d: %d signers", ask.Kind, len(p.Signers))
	}
	before := w.balance(w.roles.Payer)
	r, err := w.send(w.payer, p.Instructions, append(people, w.authority)...)
	if err != nil {
		w.Fatalf("kind %d: %v", ask.Kind, err)
	}
	if r.bytes != p.Bytes {
		w.Errorf("kind %d: planned %d bytes, has %d", ask.Kind, p.Bytes, r.bytes)
	}
	after := w.balance(w.roles.Payer)
	if paid, want := int64(before)-int64(after), p.Rent+r.fee; paid != want {
		w.Errorf("kind %d: paid %d lamports, planned rent %d and fee %d", ask.Kind, paid, p.Rent, r.fee)
	}
	if again := w.plan(ask); ask.Kind != token.Commit && again.Outcome != token.Done {
		w.Errorf("kind %d: once done, outcome %d (%s)", ask.Kind, again.Outcome, again.Why)
	}
	return r
}

// stale sends a plan's instructions, whatever has happened since.
func (w *world) stale(p token.Plan, people ...solana.PrivateKey) error {
	w.Helper()
	_, err := w.send(w.payer, p.Instructions, append(people, w.authority)...)
	return err
}

// receipt is what a transaction was.
type receipt struct {
	bytes int
	fee   int64
}

// refusal is the error of a program, or of the runtime, at one instruction.
type refusal struct {
	at   int    // instruction, counted without those that set limits
	code uint32 // the program's own; none if name is set
	name string
	logs []string
}

// none is a code that no program has.
const none = math.MaxUint32

func (r *refusal) Error() string {
	return fmt.Sprintf("instruction %d: code %#x %s\n%q", r.at, r.code, r.name, r.logs)
}

// send signs and sends instructions, each time with another compute limit so that no two
// transactions are the same. The error is a *refusal if it was refused.
func (w *world) send(payer solana.PrivateKey, list []solana.Instruction, signers ...solana.PrivateKey) (receipt, error) {
	w.Helper()
	w.unique++
	all := append([]solana.Instruction{
		budget.NewSetComputeUnitLimitInstruction(300_000 + w.unique).Build(),
		budget.NewSetComputeUnitPriceInstruction(0).Build(),
	}, list...)
	hash, err := w.rpc.GetLatestBlockhash(w.Context(), rpc.CommitmentProcessed)
	if err != nil {
		w.Fatal(err)
	}
	tx, err := solana.NewTransaction(all, hash.Value.Blockhash, solana.TransactionPayer(payer.PublicKey()))
	if err != nil {
		w.Fatal(err)
	}
	if _, err := tx.Sign(func(k solana.PublicKey) *solana.PrivateKey {
		for _, s := range append(signers, payer) {
			if s.PublicKey() == k {
				return &s
			}
		}
		return nil
	}); err != nil {
		w.Fatal(err)
	}
	wire, err := tx.MarshalBinary()
	if err != nil {
		w.Fatal(err)
	}
	r := receipt{bytes: len(wire), fee: 5000 * int64(len(tx.Signatures))}
	_, err = w.rpc.SendTransactionWithOpts(w.Context(), tx, rpc.TransactionOpts{PreflightCommitment: rpc.CommitmentProcessed})
	if err == nil {
		return r, nil
	}
	return r, w.refusal(err)
}

func (w *world) refusal(err error) error {
	w.Helper()
	var e *jsonrpc.RPCError
	if !errors.As(err, &e) {
		w.Fatal(err)
	}
	raw, _ := json.Marshal(e.Data)
	var data struct {
		Err  any      `json:"err"`
		Logs []string `json:"logs"`
	}
	if json.Unmarshal(raw, &data) != nil || data.Err == nil {
		return err // of the node, not of a program
	}
	whole, _ := json.Marshal(data.Err)
	r := &refusal{at: -1, code: none, name: string(whole), logs: data.Logs}
	var in struct {
		InstructionError []json.RawMessage `json:"InstructionError"`
	}
	if json.Unmarshal(whole, &in) == nil && len(in.InstructionError) == 2 {
		_ = json.Unmarshal(in.InstructionError[0], &r.at)
		r.at -= 2
		var custom struct {
			Custom *uint32 `json:"Custom"`
		}
		if json.Unmarshal(in.InstructionError[1], &custom) == nil && custom.Custom != nil {
			r.code, r.name = *custom.Custom, ""
		} else {
			_ = json.Unmarshal(in.InstructionError[1], &r.name)
		}
	}
	return r
}

// refused holds an attack to a program's own error code.
func (w *world) refused(what string, code uint32, err error) {
	w.Helper()
	var r *refusal
	if !errors.As(err, &r) || r.code != code {
		w.Errorf("%s: got %v, want code %#x", what, err, code)
	}
}

// refusedAs holds an attack to the runtime's own name of an error.
func (w *world) refusedAs(what, name string, err error) {
	w.Helper()
	var r *refusal
	if !errors.As(err, &r) || r.name != name {
		w.Errorf("%s: got %v, want %s", what, err, name)
	}
}

// taken sends what has to work.
func (w *world) taken(what string, payer solana.PrivateKey, list []solana.Instruction, signers ...solana.PrivateKey) receipt {
	w.Helper()
	r, err := w.send(payer, list, signers...)
	if err != nil {
		w.Fatalf("%s: %v", what, err)
	}
	return r
}

// observe says what the token is, and whether somebody has it.
func (w *world) observe(mint token.Key, who solana.PrivateKey) token.Observed {
	w.Helper()
	m, h := w.account(mint), w.account(w.holder(who.PublicKey(), mint))
	o, err := token.Observe(w.roles, who.PublicKey(), &m, &h)
	if err != nil {
		w.Fatal(err)
	}
	return o
}

// is holds a token to a form and a holder; frozen or not follows from the form.
func (w *world) is(mint token.Key, form token.Form, holder solana.PrivateKey) {
	w.Helper()
	o := w.observe(mint, holder)
	want := form == token.Held || form == token.Free
	if o.Form != form || o.Why != token.Fine || o.Holds != want || want && o.Frozen != (form == token.Held) {
		w.Errorf("token is %+v, want form %d", o, form)
	}
}
