package localnet_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/testdata/localnet"
)

const sol = 1_000_000_000

// person is somebody with a key, by their name.
type person struct {
	address string
	public  ed25519.PublicKey
	key     ed25519.PrivateKey
}

func somebody(name string) person {
	seed := sha256.Sum256([]byte(name))
	key := ed25519.NewKeyFromSeed(seed[:])
	public := ed25519.PublicKey(key[32:])
	return person{address: base58(public), public: public, key: key}
}

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

func base58(b []byte) string {
	var text []byte
	n, rest, base := new(big.Int).SetBytes(b), new(big.Int), big.NewInt(58)
	for n.Sign() > 0 {
		n.DivMod(n, base, rest)
		text = append(text, alphabet[rest.Int64()])
	}
	for i := 0; i < len(b) && b[i] == 0; i++ {
		text = append(text, '1')
	}
	slices.Reverse(text)
	return string(text)
}

func unbase58(t testing.TB, text string) []byte {
	t.Helper()
	n := new(big.Int)
	for _, c := range []byte(text) {
		i := bytes.IndexByte([]byte(alphabet), c)
		if i < 0 {
			t.Fatalf("not base58: %s", text)
		}
		n.Add(n.Mul(n, big.NewInt(58)), big.NewInt(int64(i)))
	}
	return n.FillBytes(make([]byte, 32))
}

// call is one instruction: a program, accounts by their index, and data.
type call struct {
	program  byte
	accounts []byte
	data     []byte
}

// message is a legacy message whose payer signs alone.
func message(t testing.TB, payer person, readonly int, others [][]byte, blockhash string, calls ...call) []byte {
	t.Helper()
	m := []byte{1, 0, byte(readonly), byte(1 + len(others))}
	m = append(m, payer.public...)
	for _, k := range others {
		m = append(m, k...)
	}
	m = append(m, unbase58(t, blockhash)...)
	m = append(m, byte(len(calls)))
	for _, c := range calls {
		m = append(m, c.program, byte(len(c.accounts)))
		m = append(m, c.accounts...)
		m = append(m, byte(len(c.data)))
		m = append(m, c.data...)
	}
	return m
}

func sign(p person, m []byte) []byte {
	return slices.Concat([]byte{1}, ed25519.Sign(p.key, m), m)
}

// transfer moves lamports, in a transaction.
func transfer(t testing.TB, from, to person, lamports uint64, blockhash string) []byte {
	t.Helper()
	data := binary.LittleEndian.AppendUint64([]byte{2, 0, 0, 0}, lamports)
	system := make([]byte, 32)
	return sign(from, message(t, from, 1, [][]byte{to.public, system}, blockhash, call{2, []byte{0, 1}, data}))
}

func signature(wire []byte) string { return base58(wire[1:65]) }

// refusal is an error of JSON-RPC.
type refusal struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s %s", r.Code, r.Message, r.Data) }

// reply is what came over HTTP.
type reply struct {
	status int
	header http.Header
	body   string
}

func post(ctx context.Context, url, body string) (reply, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	q.Header.Set("Content-Type", "application/json")
	return do(q)
}

func do(q *http.Request) (reply, error) {
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = r.Body.Close() }() // was read
	b, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	return reply{status: r.StatusCode, header: r.Header, body: string(b)}, err
}

// try asks a node and decodes its result.
func try[T any](t testing.TB, n *localnet.Node, method string, params ...any) (result T, err error) {
	t.Helper()
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
	if err != nil {
		t.Fatal(err)
	}
	r, err := post(t.Context(), n.URL, string(body))
	if err != nil {
		return result, err
	}
	var answer struct {
		Result T        `json:"result"`
		Error  *refusal `json:"error"`
	}
	if err := json.Unmarshal([]byte(r.body), &answer); err != nil {
		return result, fmt.Errorf("%d: %s: %w", r.status, r.body, err)
	}
	if answer.Error != nil {
		return result, answer.Error
	}
	return answer.Result, nil
}

// ask is [try] where nothing may go wrong.
func ask[T any](t testing.TB, n *localnet.Node, method string, params ...any) T {
	t.Helper()
	v, err := try[T](t, n, method, params...)
	if err != nil {
		t.Fatalf("%s%v: %v", method, params, err)
	}
	return v
}

type object = map[string]any

// at is an answer with its slot.
type at[T any] struct {
	Context struct {
		Slot uint64 `json:"slot"`
	} `json:"context"`
	Value T `json:"value"`
}

type hash struct {
	Blockhash string `json:"blockhash"`
	Last      uint64 `json:"lastValidBlockHeight"`
}

func blockhash(t testing.TB, n *localnet.Node, commitment string) hash {
	t.Helper()
	return ask[at[hash]](t, n, "getLatestBlockhash", object{"commitment": commitment}).Value
}

func balance(t testing.TB, n *localnet.Node, p person, commitment string) uint64 {
	t.Helper()
	return ask[at[uint64]](t, n, "getBalance", p.address, object{"commitment": commitment}).Value
}

type status struct {
	Slot          uint64          `json:"slot"`
	Confirmations *int            `json:"confirmations"`
	Err           json.RawMessage `json:"err"`
	Commitment    string          `json:"confirmationStatus"`
}

// statusOf is nil where the node knows nothing.
func statusOf(t testing.TB, n *localnet.Node, wire []byte, search bool) *status {
	t.Helper()
	return ask[at[[]*status]](t, n, "getSignatureStatuses", []string{signature(wire)}, object{"searchTransactionHistory": search}).Value[0]
}

// send sends without preflight.
func send(t testing.TB, n *localnet.Node, wire []byte) error {
	t.Helper()
	return sendWith(t, n, wire, object{"skipPreflight": true})
}

func sendWith(t testing.TB, n *localnet.Node, wire []byte, config object) error {
	t.Helper()
	config["encoding"] = "base64"
	said, err := try[string](t, n, "sendTransaction", base64.StdEncoding.EncodeToString(wire), config)
	if err == nil && said != signature(wire) {
		t.Errorf("signature %s of a transaction with %s", said, signature(wire))
	}
	return err
}

// land sends and fails the test where the transaction is not on chain at once.
func land(t testing.TB, n *localnet.Node, wire []byte) {
	t.Helper()
	if err := send(t, n, wire); err != nil {
		t.Fatal(err)
	}
	if statusOf(t, n, wire, false) == nil {
		t.Fatal("the transaction did not land")
	}
}

// start starts a chain by hand, with somebody who has money.
func start(t testing.TB) (*localnet.Net, person, person) {
	t.Helper()
	n := localnet.Test(t, localnet.Options{})
	from, to := somebody("from"), somebody("to")
	for _, p := range []person{from, to} {
		if err := n.Airdrop(t.Context(), p.address, 10*sol); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Finalize(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n, from, to
}

func tick(t testing.TB, n *localnet.Net, slots int) {
	t.Helper()
	if _, err := n.Tick(t.Context(), slots); err != nil {
		t.Fatal(err)
	}
}

func set(t testing.TB, n *localnet.Node, f localnet.Faults) {
	t.Helper()
	if err := n.Faults(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}
