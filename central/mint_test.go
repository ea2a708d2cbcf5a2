package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/settings"
)

func TestMintConfig(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		key        string // that is blamed; empty if it is sound
	}{
		{"nothing", ``, ""},
		{"a node", `rpc = ["https://api.devnet.solana.com"]`, ""},
		{"a node of one's own", `rpc = ["http://10.0.0.7:8899", "http://localhost:8899/"]`, ""},
		{"a key in the query", `rpc = ["https://rpc.example/?api-key=SECRET"]`, "mint.rpc"},
		{"a key in the path", `rpc = ["https://rpc.example/v2/SECRET"]`, "mint.rpc"},
		{"a key as a password", `rpc = ["https://x:SECRET@rpc.example"]`, "mint.rpc"},
		{"a broken address with a key", `rpc = ["https://rpc.example:SECRET/"]`, "mint.rpc"},
		{"a web socket", `rpc = ["wss://rpc.example"]`, "mint.rpc"},
		{"nine nodes", `rpc = [` + strings.Repeat(`"https://a.example",`, 9) + `]`, "mint.rpc"},
		{"both", "rpc = [\"https://a.example\"]\nrpc_file = \"/x\"", "mint.rpc"},
		{"a file", `rpc_file = "/x"`, ""},
		{"a relative file", `rpc_file = "x"`, "mint.rpc_file"},
		{"lazy", `mode = "lazy"`, ""},
		{"another mode", `mode = "later"`, "mint.mode"},
		{"a link", `link = "https://explorer.solana.com/address/{address}?cluster=devnet"`, ""},
		{"a link to nothing", `link = "https://explorer.solana.com/"`, "mint.link"},
		{"a link of script", `link = "javascript:alert('{address}')"`, "mint.link"},
		{"a link whose host is the address", `link = "https://{address}/"`, "mint.link"},
		{"a link of a transaction", `tx_link = "https://explorer.solana.com/tx/{signature}"`, ""},
		{"a link to an address", `tx_link = "https://explorer.solana.com/tx/{address}"`, "mint.tx_link"},
		{"a great fee", `max_priority_fee = 10000001`, "mint.max_priority_fee"},
		{"a seldom poll", `poll = "2m"`, "mint.poll"},
		{"a hasty reconciliation", `reconcile_every = "1s"`, "mint.reconcile_every"},
	} {
		_, err := parseConfig("[mint]\n" + tc.text)
		switch {
		case tc.key == "" && err != nil:
			t.Errorf("%s: %v, want it accepted", tc.name, err)
		case tc.key != "" && (!errors.Is(err, settings.ErrBad) || !strings.HasPrefix(err.Error(), tc.key+":")):
			t.Errorf("%s: %v, want %s to be blamed", tc.name, err, tc.key)
		case err != nil && strings.Contains(err.Error(), "SECRET"):
			t.Errorf("%s: the error has the key: %v", tc.name, err)
		}
	}
}

func TestNodesOf(t *testing.T) {
	const a, b = "https://a.example/v2/SECRET", "http://10.0.0.7:8899/?key=SECRET"
	for _, tc := range []struct {
		name, text string
		want       []string // none if it is refused
	}{
		{"one, without an end", a, []string{a}},
		{"two", a + "\n" + b + "\n", []string{a, b}},
		{"from Windows, with remarks", "\ufeff# mine SECRET\r\n" + a + "  \r\n\r\n  # the other\r\n\t" + b + "\r\n", []string{a, b}},
		{"nothing", "", nil},
		{"a remark", "# SECRET\n", nil},
		{"two on a line", a + " " + b, nil},
		{"commas", a + ",\n" + b, nil},
		{"quotes", `"` + a + `"`, nil},
		{"twice", a + "\n" + a, nil},
		{"a web socket", "wss://a.example/SECRET", nil},
		{"a name", "a.example/SECRET", nil},
		{"nine", "https://" + strings.Join(strings.Split("123456789", ""), ".example\nhttps://"), nil},
	} {
		got, err := nodesOf(tc.text)
		if !slices.Equal(got, tc.want) || (err == nil) != (tc.want != nil) || err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %q, %v; want %q", tc.name, got, err, tc.want)
		}
	}
}
