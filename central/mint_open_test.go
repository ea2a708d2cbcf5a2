package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"testing"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/wallet"
)

// vault has wallets, some of which are not what was stored.
type vault struct {
	altered map[string]bool
	away    error
}

func (v vault) Wallets(_ context.Context, accounts []string) (map[string]wallet.Wallet, error) {
	out := map[string]wallet.Wallet{}
	for _, a := range accounts {
		if v.altered[a] {
			return nil, fmt.Errorf("custodial address: %w", wallet.ErrAltered)
		}
		if a != "nobody" {
			out[a] = wallet.Wallet{Account: a, Kept: "kept of " + a}
		}
	}
	return out, v.away
}

func (v vault) SignerFor(_ context.Context, account string) (*wallet.Signer, error) {
	switch {
	case v.away != nil:
		return nil, v.away
	case v.altered[account]:
		return nil, wallet.ErrAltered
	case account == "nobody":
		return nil, wallet.ErrUnknown
	}
	return &wallet.Signer{}, nil
}

// One wallet that is not as it was stored holds up nobody else's tokens, and nothing
// goes there.
func TestAlteredWalletHoldsUpNobody(t *testing.T) {
	v := vault{altered: map[string]bool{"b": true}}
	c := custody{v, slog.New(slog.DiscardHandler)}
	got, err := c.Addresses(t.Context(), []string{"a", "b", "nobody", "c"})
	if want := map[string]string{"a": "kept of a", "c": "kept of c"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("addresses %v, %v; want %v", got, err, want)
	}
	if got, err := c.Addresses(t.Context(), []string{"b"}); err != nil || len(got) != 0 {
		t.Errorf("address of an altered wallet: %v, %v", got, err)
	}
	for account, want := range map[string]error{"a": nil, "b": mint.ErrNoWallet, "nobody": mint.ErrNoWallet} {
		if _, err := c.SignerFor(t.Context(), account); !errors.Is(err, want) {
			t.Errorf("signer for %s: %v, want %v", account, err, want)
		}
	}
	c = custody{vault{away: fs.ErrClosed}, c.logger} // it may come back
	if _, err := c.Addresses(t.Context(), []string{"a"}); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("addresses of a store that is away: %v", err)
	}
	if _, err := c.SignerFor(t.Context(), "a"); !errors.Is(err, fs.ErrClosed) || errors.Is(err, mint.ErrNoWallet) {
		t.Errorf("signer of a store that is away: %v", err)
	}
}

func TestOnThisMachine(t *testing.T) {
	for want, all := range map[bool][][]string{
		true:  {{"http://127.0.0.1:8899"}, {"http://localhost:1", "http://[::1]:2/x"}},
		false: {{"https://api.devnet.solana.com"}, {"http://127.0.0.1:1", "http://10.0.0.7"}, {"http://localhost.example"}},
	} {
		for _, nodes := range all {
			if onThisMachine(nodes) != want {
				t.Errorf("onThisMachine(%q) = %t", nodes, !want)
			}
		}
	}
}
