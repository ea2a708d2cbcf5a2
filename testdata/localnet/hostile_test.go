package localnet_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/testdata/localnet"
)

func TestParams(t *testing.T) {
	n, from, _ := start(t)
	many := slices.Repeat([]string{from.address}, 101)
	signatures := slices.Repeat([]string{base58(make([]byte, 63)) + "2"}, 257)
	for _, c := range []struct {
		method string
		params []any
		code   int
	}{
		{"getNothing", nil, -32601},
		{"getBalance", nil, -32602},
		{"getBalance", []any{7}, -32602},
		{"getBalance", []any{"O0Il"}, -32602},
		{"getBalance", []any{from.address + "1"}, -32602},
		{"getBalance", []any{from.address, object{"commitment": "soon"}}, -32602},
		{"getBalance", []any{from.address, object{"minContextSlot": -1}}, -32602},
		{"getBalance", []any{from.address, object{"minContextSlot": 1 << 50}}, -32016},
		{"getBalance", []any{from.address, object{}, 1}, -32602},
		{"getBalance", []any{from.address, "processed"}, -32602},
		{"getAccountInfo", []any{from.address, object{"encoding": "hex"}}, -32602},
		{"getAccountInfo", []any{from.address, object{"encoding": "base64", "dataSlice": object{"offset": 0.5, "length": 1}}}, -32602},
		{"getMultipleAccounts", []any{many}, -32602},
		{"getSignatureStatuses", []any{signatures}, -32602},
		{"getSignatureStatuses", []any{[]string{from.address}}, -32602},
		{"getTransaction", []any{from.address}, -32602},
		{"sendTransaction", []any{"@@@", object{"encoding": "base64"}}, -32602},
		{"sendTransaction", []any{"AAAA", object{"encoding": "base64"}}, -32602},
		{"sendTransaction", []any{"", object{"encoding": "base64"}}, -32602},
		{"sendTransaction", []any{base64.StdEncoding.EncodeToString(make([]byte, 1233)), object{"encoding": "base64"}}, -32602},
		{"sendTransaction", []any{strings.Repeat("A", 1700), object{"encoding": "base64"}}, -32602},
		{"requestAirdrop", []any{"SysvarC1ock11111111111111111111111111111111", 1}, -32603},
		{"requestAirdrop", []any{"TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb", 1}, -32603},
		{"requestAirdrop", []any{from.address, 1e30}, -32602},
		{"getProgramAccounts", []any{from.address, object{"filters": []any{object{"memcmp": object{"offset": 1, "bytes": "0"}}}}}, -32602},
		{"getTokenSupply", []any{from.address}, -32602},
		{"getBlock", []any{1}, -32602},
		{"getBlockTime", []any{1 << 40}, -32004},
		{"localnet_faults", []any{object{"p429": 2}}, -32602},
		{"localnet_faults", []any{object{"pDorp": 1}}, -32602},
		{"localnet_tick", []any{-1}, -32602},
		{"localnet_rollback", []any{1 << 40}, -32602},
	} {
		got, err := try[any](t, &n.Node, c.method, c.params...)
		if r := new(refusal); !errors.As(err, &r) || r.Code != c.code {
			t.Errorf("%s%v: %v, %v, want %d", c.method, c.params, got, err, c.code)
		}
	}
}

func TestHTTP(t *testing.T) {
	n := localnet.Test(t, localnet.Options{})
	for name, c := range map[string]struct {
		body, want string
		status     int
	}{
		"no JSON":          {"{", `"code":-32700`, 200},
		"no call":          {`{"id":1}`, `"code":-32600`, 200},
		"another version":  {`{"jsonrpc":"1.0","id":1,"method":"getSlot"}`, `"code":-32600`, 200},
		"an empty batch":   {`[]`, `"code":-32600`, 200},
		"a batch":          {`[{"jsonrpc":"2.0","id":"a","method":"getHealth"},{"jsonrpc":"2.0","id":2,"method":"no"}]`, `[{"jsonrpc":"2.0","result":"ok","id":"a"},{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":2}]`, 200},
		"null":             {`null`, `"code":-32600`, 200},
		"batch of nothing": {`[null,1,"x"]`, `"code":-32600`, 200},
		"too much":         {strings.Repeat(" ", 50<<10+1), "Payload Too Large", 413},
		"far too much":     {strings.Repeat(" ", 1<<20), "Payload Too Large", 413},
	} {
		r, err := post(t.Context(), n.URL, c.body)
		if err != nil || r.status != c.status || !strings.Contains(r.body, c.want) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	for method, want := range map[string]int{http.MethodGet: http.StatusMethodNotAllowed, http.MethodPost: http.StatusUnsupportedMediaType} {
		q, err := http.NewRequestWithContext(t.Context(), method, n.URL, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if r, err := do(q); err != nil || r.status != want {
			t.Errorf("%s of no JSON: %+v, %v", method, r, err)
		}
	}
	r, err := post(t.Context(), n.URL, `{"jsonrpc":"2.0","id":1,"method":"getAccountInfo","params":["SysvarC1ock11111111111111111111111111111111",{"encoding":"base64"}]}`)
	if err != nil || !strings.Contains(r.body, `"rentEpoch":18446744073709551615`) {
		t.Errorf("an integer above 2^53: %+v, %v", r, err)
	}
}

// The virtual machine ends its process over bytes that it cannot read.
func TestGarbage(t *testing.T) {
	n, from, to := start(t)
	random := rand.New(rand.NewPCG(7, 7))
	h := blockhash(t, &n.Node, "processed").Blockhash
	whole := transfer(t, from, to, 1, h)
	all := [][]byte{whole, versioned(t, from, to, h, 0), versioned(t, from, to, h, 1)}
	for i := range 300 {
		wire := all[i%len(all)]
		var calls []string
		for range 10 {
			calls = append(calls, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"simulateTransaction","params":[%q,{"encoding":"base64","replaceRecentBlockhash":%t}]}`,
				i, base64.StdEncoding.EncodeToString(spoil(random, wire)), random.IntN(2) == 0))
			calls = append(calls, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"sendTransaction","params":[%q,{"encoding":"base64","skipPreflight":true}]}`,
				i, base64.StdEncoding.EncodeToString(resign(from, spoil(random, wire)))))
		}
		r, err := post(t.Context(), n.URL, "["+strings.Join(calls, ",")+"]")
		if err != nil || strings.Contains(r.body, "-32603") {
			t.Fatalf("%s: %+v, %v", calls, r, err)
		}
	}
	land(t, &n.Node, whole)
}

// versioned is a transfer of version 0, with that many lookup tables that do not exist.
func versioned(t testing.TB, from, to person, blockhash string, tables int) []byte {
	t.Helper()
	m := append([]byte{0x80}, transfer(t, from, to, 1, blockhash)[65:]...)
	m = append(m, byte(tables))
	for i := range tables {
		m = slices.Concat(m, somebody(fmt.Sprint("table", i)).public, []byte{1, 3, 2, 0, 1})
	}
	return sign(from, m)
}

// spoil changes, cuts or lengthens a transaction somewhere.
func spoil(random *rand.Rand, wire []byte) []byte {
	b := slices.Clone(wire)
	for range 1 + random.IntN(3) {
		at := 65 + random.IntN(len(b)-65)
		if random.IntN(4) == 0 {
			at = []int{0, 65, 66, 67, 68, 165, 197, 198, 199, 200}[random.IntN(10)] % len(b)
		}
		switch random.IntN(4) {
		case 0:
			b = append(b, byte(random.IntN(256)))
		case 1:
			b = b[:max(at, 66)]
		default:
			b[at] = byte(random.IntN(256))
		}
	}
	return b
}

// resign makes the signature good, so that what follows it is looked at.
func resign(p person, wire []byte) []byte {
	if wire[0] != 1 || len(wire) <= 65 {
		return wire
	}
	return sign(p, wire[65:])
}

var shared = sync.OnceValues(func() (*localnet.Net, error) {
	n, err := localnet.Start(context.Background(), localnet.Options{})
	return n, err
})

func FuzzSend(f *testing.F) {
	from, to := somebody("from"), somebody("to")
	f.Add(transfer(f, from, to, 1, base58(make([]byte, 32))))
	f.Add(versioned(f, from, to, base58(make([]byte, 32)), 0))
	f.Add(versioned(f, from, to, base58(make([]byte, 32)), 2))
	f.Add([]byte{1})
	f.Add([]byte(strings.Repeat("\x80", 70)))
	f.Fuzz(func(t *testing.T, wire []byte) {
		n, err := shared()
		if errors.Is(err, localnet.ErrMissing) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		config := object{"encoding": "base64", "replaceRecentBlockhash": true}
		_, err = try[any](t, &n.Node, "simulateTransaction", base64.StdEncoding.EncodeToString(wire), config)
		if r := new(refusal); err != nil && (!errors.As(err, &r) || r.Code == -32603) {
			t.Errorf("%x: %v", wire, err)
		}
	})
}

const childOf = "LOCALNET_TEST_CHILD"

// TestChild is no test: it starts a cluster, says where, and waits to be killed.
func TestChild(t *testing.T) {
	if os.Getenv(childOf) == "" {
		t.Skip("for TestEndsWithItsParent")
	}
	n, err := localnet.Start(t.Context(), localnet.Options{Slot: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s\n", n.URL)
	<-n.Done()
}

func TestEndsWithItsParent(t *testing.T) {
	localnet.Test(t, localnet.Options{}).Close()
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
	c.Env = append(os.Environ(), childOf+"=1")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var url string
	if _, err := fmt.Fscanln(out, &url); err != nil {
		t.Fatal(err)
	}
	if _, err := post(t.Context(), url, `{"jsonrpc":"2.0","id":1,"method":"getHealth"}`); err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // it was killed
	deadline := time.After(time.Minute)
	for {
		if _, err := post(t.Context(), url, `{"jsonrpc":"2.0","id":1,"method":"getHealth"}`); err != nil {
			return
		}
		select {
		case <-deadline:
			t.Fatal("the cluster outlives who started it")
		default:
		}
	}
}

func TestMissing(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"testdata/localnet", "node_modules"} {
		if err := os.MkdirAll(root+"/"+dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := localnet.Start(t.Context(), localnet.Options{Root: root}); !errors.Is(err, localnet.ErrMissing) {
		t.Errorf("got %v", err)
	}
	for chain, want := range map[string]string{"": "skip", "must": "fatal"} {
		t.Setenv("CHAIN", chain)
		said := make(chan string, 1)
		go localnet.Test(ending{t, said}, localnet.Options{Root: root})
		if got := <-said; got != want {
			t.Errorf("with CHAIN=%s: %s, want %s", chain, got, want)
		}
	}
}

// ending is a test that says how it was ended.
type ending struct {
	testing.TB
	said chan<- string
}

func (e ending) Skip(...any)  { e.end("skip") }
func (e ending) Fatal(...any) { e.end("fatal") }

func (e ending) end(how string) {
	e.said <- how
	runtime.Goexit()
}

func TestPortInUse(t *testing.T) {
	n := localnet.Test(t, localnet.Options{})
	var port int
	if _, err := fmt.Sscanf(n.URL, "http://127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	if _, err := localnet.Start(t.Context(), localnet.Options{Port: port}); err == nil || !strings.Contains(err.Error(), "EADDRINUSE") {
		t.Errorf("got %v", err)
	}
}
