package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
	"github.com/con-ting/conting/sync/settings"
)

// mintConfig is for tickets' tokens on Solana. Without an address of a node there are
// none, and everything else is as it would be with them: no sale, transfer, refund or
// gate waits for the chain.
type mintConfig struct {
	// RPC are the addresses of nodes of one cluster, in the order of preference: where
	// one fails, is behind or has had enough, the next is asked. https://host, or
	// http://host within a network of one's own; those with a path or a query, which
	// may hold a key, belong into RPCFile. Default none: no minting.
	RPC []string `toml:"rpc"`

	// RPCFile is a file that nobody but central's user can read, with one address a
	// line, of any form, in the place of RPC; a line that begins with # is a remark.
	// Default none.
	RPCFile string `toml:"rpc_file"`

	// Mode is eager: tokens are made with the sale; or lazy: a root on chain stands
	// for all tickets of an event, and a token is made when its holder asks for it.
	// Default eager.
	Mode string `toml:"mode"`

	// Link and TxLink lead people to an explorer of this cluster: {address} stands for
	// a token's or wallet's address, {signature} for a transaction's; such as
	// https://explorer.solana.com/address/{address} and
	// https://explorer.solana.com/tx/{signature}, on devnet with ?cluster=devnet after
	// it. Default none.
	Link   string `toml:"link"`
	TxLink string `toml:"tx_link"`

	// MaxPriorityFee is the most that is paid for a place in a block beyond the fee of
	// the signatures, in micro-lamports a compute unit. 0 to 10000000. Default 50000.
	MaxPriorityFee uint64 `toml:"max_priority_fee"`

	// LowBalance is the balance of the fee payer, in lamports, below which central
	// raises an alarm. Default 100000000, a tenth of a SOL.
	LowBalance uint64 `toml:"low_balance"`

	// ReconcileEvery is how often what is kept is compared with the chain, 1m to 168h.
	// Default 24h; also at each start.
	ReconcileEvery time.Duration `toml:"reconcile_every"`

	// Poll is how often central looks at what is under way, 100ms to 1m. Default 2s.
	Poll time.Duration `toml:"poll"`

	// Collection makes one more account for each event, to which wallets then show the
	// tokens as belonging. It is written to by each mint, which bounds them to some 240
	// a block. Default false.
	Collection bool `toml:"collection"`
}

const maxNodes = 8

func defaultMint() mintConfig {
	return mintConfig{
		Mode: string(mint.Eager), MaxPriorityFee: 50_000, LowBalance: 100_000_000, ReconcileEvery: 24 * time.Hour, Poll: 2 * time.Second,
	}
}

// on reports whether there are tokens at all.
func (c *mintConfig) on() bool { return len(c.RPC) > 0 || c.RPCFile != "" }

func (c *mintConfig) check() error {
	bad := func(what, key, format string, args ...any) error {
		return hint.Errorf(what, "mint.%s: %s: %w", key, fmt.Sprintf(format, args...), settings.ErrBad)
	}
	for i, address := range c.RPC {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return bad("", "rpc", "address %d is not https://host", i+1) // which may hold a key
		}
		if u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
			return bad("put it into a file of mode 0600, and set rpc_file", "rpc", "address %d says more than a host, which may be a key", i+1)
		}
	}
	for key, d := range map[string]struct{ got, least, most time.Duration }{
		"reconcile_every": {c.ReconcileEvery, time.Minute, 7 * 24 * time.Hour}, "poll": {c.Poll, 100 * time.Millisecond, time.Minute},
	} {
		if d.got < d.least || d.got > d.most {
			return bad("", key, "%s, want %s to %s", d.got, d.least, d.most)
		}
	}
	for key, l := range map[string][2]string{"link": {c.Link, "{address}"}, "tx_link": {c.TxLink, "{signature}"}} {
		u, err := url.Parse(l[0])
		if l[0] != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Contains(u.Host, "{") || strings.Count(l[0], l[1]) != 1) {
			return bad("", key, "%q is not an address with one %s in it", l[0], l[1])
		}
	}
	switch {
	case len(c.RPC) > maxNodes:
		return bad("", "rpc", "%d addresses, want at most %d", len(c.RPC), maxNodes)
	case len(c.RPC) > 0 && c.RPCFile != "":
		return bad("", "rpc", "it and mint.rpc_file exclude each other")
	case c.RPCFile != "" && !filepath.IsAbs(c.RPCFile):
		return bad("", "rpc_file", "%q is not an absolute path", c.RPCFile)
	case c.Mode != string(mint.Eager) && c.Mode != string(mint.Lazy):
		return bad("", "mode", "%q, want eager or lazy", c.Mode)
	case c.MaxPriorityFee > 10_000_000:
		return bad("", "max_priority_fee", "%d, want at most 10000000", c.MaxPriorityFee)
	case c.LowBalance > 1_000_000_000_000_000:
		return bad("", "low_balance", "%d lamports are more than there need be", c.LowBalance)
	}
	return nil
}

// nodes are the addresses of the configuration or of its file.
func (c *mintConfig) nodes() ([]string, error) {
	if c.RPCFile == "" {
		return c.RPC, nil
	}
	text, err := private.Read(c.RPCFile)
	if err != nil {
		return nil, hint.Errorf("write one address a line, and chmod 600 the file", "mint.rpc_file: %w", err)
	}
	all, err := nodesOf(string(text))
	if err != nil {
		return nil, hint.Errorf("write one address a line, without quotes or commas", "mint.rpc_file: %w: %w", err, settings.ErrBad)
	}
	return all, nil
}

// nodesOf reads addresses, one a line. Errors name lines, and not what is in them.
func nodesOf(text string) (all []string, err error) {
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		u, err := url.Parse(line)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsAny(line, " \t\"',"):
			return nil, fmt.Errorf("line %d is not https://host…", n)
		case slices.Contains(all, line):
			return nil, fmt.Errorf("line %d is there already", n)
		}
		all = append(all, line)
	}
	if len(all) == 0 || len(all) > maxNodes {
		return nil, fmt.Errorf("%d addresses, want 1 to %d", len(all), maxNodes)
	}
	return all, nil
}
