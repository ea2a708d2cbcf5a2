package main

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/ticket"
)

// An export has a person's wallet and tokens, also those that are burned, and no
// wallet of whom they had them from.
func TestExportOfTokens(t *testing.T) {
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "central.db"), Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(s.Accounts().AddAccount(t.Context(), account.Account{ID: "kim", Email: "kim@example.org"},
		account.Credential{ID: []byte{1}, Account: "kim", Key: ticket.HolderKey{2}}, account.Session{Account: "kim", Credential: []byte{1}},
		[32]byte{}, account.Used{Challenge: []byte{1}, Expires: time.Now().Add(time.Hour)}))
	_, err = s.Wallets().KeepWallets(t.Context(), []wallet.Wallet{{Account: "kim", Salt: [32]byte{1}, Kept: "kept-of-kim"}})
	check(err)
	m := s.Mint()
	wish := func(n byte, form mint.Form, owner string) {
		t.Helper()
		check(m.Wish(t.Context(), []mint.Desire{{Ticket: ticket.ID{n}, Event: 1001, Account: "kim", Form: form, Owner: owner}},
			func(id ticket.ID) string { return "mint-" + id.String()[:2] }))
	}
	wish(1, mint.Held, "giver")
	wish(2, mint.Burned, "")
	done, err := m.Begin(t.Context(), []mint.Action{{Kind: mint.Mint, Ticket: ticket.ID{1}, Form: mint.Held, To: "giver"}})
	check(err)
	done[0].State, done[0].Attempt, done[0].Signature = mint.Finalized, 1, "signature"
	_, err = m.Save(t.Context(), done)
	check(err)
	got, err := ownTokens{s}.Export(t.Context(), "kim")
	check(err)
	text, err := json.Marshal(got)
	check(err)
	for word, want := range map[string]int{"kept-of-kim": 1, "mint-01": 1, "mint-02": 1, "burned": 1, "signature": 2, `"to"`: 0, "salt": 0} {
		if n := strings.Count(string(text), word); n != want {
			t.Errorf("%q stands %d times in the export, want %d: %s", word, n, want, text)
		}
	}
	nobody, err := ownTokens{s}.Export(t.Context(), "lee")
	check(err)
	if text, err := json.Marshal(nobody); err != nil || string(text) != `{"tokens":[]}` {
		t.Errorf("the export of somebody without anything is %s, %v", text, err)
	}
}
