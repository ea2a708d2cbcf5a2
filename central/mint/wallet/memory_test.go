package wallet_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/con-ting/conting/central/mint/wallet"
)

// memory is a wallet.Store that remembers what was posted, and that tests can alter
// behind the room's back.
type memory struct {
	now func() time.Time

	mu         sync.Mutex // guards what follows
	seed       []byte
	people     []string // accounts that exist; nil for all
	wallets    map[string]wallet.Wallet
	challenges map[string]wallet.Challenge
	posted     []string // accounts of wallet_linked rows
}

func newMemory(now func() time.Time) *memory {
	return &memory{now: now, wallets: map[string]wallet.Wallet{}, challenges: map[string]wallet.Challenge{}}
}

func (m *memory) exists(account string) bool {
	return m.people == nil || slices.Contains(m.people, account)
}

func (m *memory) Seed(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.seed), nil
}

func (m *memory) KeepSeed(_ context.Context, sealed []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seed == nil {
		m.seed = bytes.Clone(sealed)
	}
	return bytes.Clone(m.seed), nil
}

func (m *memory) Reseal(_ context.Context, from, to []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !bytes.Equal(m.seed, from) {
		return wallet.ErrStale
	}
	m.seed = bytes.Clone(to)
	return nil
}

func (m *memory) Wallets(_ context.Context, accounts []string) (out []wallet.Wallet, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range accounts {
		if w, ok := m.wallets[a]; ok {
			out = append(out, w)
		}
	}
	return out, nil
}

func (m *memory) KeepWallets(_ context.Context, wallets []wallet.Wallet) (out []wallet.Wallet, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[string]bool{}
	for _, w := range wallets {
		if seen[w.Account] {
			return nil, errors.New("two wallets of one account")
		}
		seen[w.Account] = true
		if !m.exists(w.Account) {
			continue
		}
		if _, ok := m.wallets[w.Account]; !ok {
			m.wallets[w.Account] = w
		}
		out = append(out, m.wallets[w.Account])
	}
	return out, nil
}

func (m *memory) Kept(_ context.Context, address string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.wallets {
		if w.Kept == address {
			return true, nil
		}
	}
	return false, nil
}

func (m *memory) PutChallenge(_ context.Context, c wallet.Challenge) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.exists(c.Account) {
		return wallet.ErrUnknown
	}
	m.challenges[c.Account] = c
	return nil
}

func (m *memory) Challenge(_ context.Context, account string) (wallet.Challenge, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.challenge(account)
}

func (m *memory) challenge(account string) (wallet.Challenge, error) {
	c, ok := m.challenges[account]
	if !ok || !m.now().Before(c.Expires) {
		return wallet.Challenge{}, wallet.ErrChallenge
	}
	return c, nil
}

func (m *memory) Link(_ context.Context, account, nonce string) (wallet.Wallet, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, err := m.challenge(account)
	if err != nil || c.Nonce != nonce {
		return wallet.Wallet{}, wallet.ErrChallenge
	}
	for _, w := range m.wallets {
		if w.Linked == c.Address && w.Account != account {
			return wallet.Wallet{}, wallet.ErrTaken
		}
	}
	w, ok := m.wallets[account]
	if !ok {
		return wallet.Wallet{}, wallet.ErrUnknown
	}
	delete(m.challenges, account)
	w.Linked, w.Since = c.Address, m.now()
	m.wallets[account] = w
	m.posted = append(m.posted, account)
	return w, nil
}

func (m *memory) Unlink(_ context.Context, account string) (wallet.Wallet, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, ok := m.wallets[account]
	if !ok || w.Linked == "" {
		return wallet.Wallet{}, wallet.ErrNotLinked
	}
	w.Linked, w.Since = "", time.Time{}
	m.wallets[account] = w
	m.posted = append(m.posted, account)
	return w, nil
}

// change alters what is kept for an account behind the room's back.
func (m *memory) change(account string, how func(*wallet.Wallet)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.wallets[account]
	how(&w)
	m.wallets[account] = w
}

// interrupted does something before the seed is sealed anew.
type interrupted struct {
	*memory
	before func()
}

func (i *interrupted) Reseal(ctx context.Context, from, to []byte) error {
	i.before()
	return i.memory.Reseal(ctx, from, to)
}
