package store_test

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/ticket"
)

func TestTwoCentralsKeepThePromises(t *testing.T) { storetest.Each(t, testTwoCentralsKeepThePromises) }

// Two centrals, of which neither knows of the other, wish, claim, work, try again, link
// and unlink at once: each token is minted at most once, each claim is told once, and
// every change of a wallet is.
func testTwoCentralsKeepThePromises(t *testing.T) {
	const tokens, steps = 6, 60
	cfg := storetest.At(t, filepath.Join(t.TempDir(), "central.db"), func() time.Time { return time.UnixMilli(1_800_000_000_000) }, slog.New(slog.DiscardHandler))
	centrals := make([]*store.Store, 2)
	for i := range centrals {
		var err error
		centrals[i], err = store.Open(t.Context(), cfg)
		must(t, err)
		t.Cleanup(func() { must(t, centrals[i].Close()) })
	}
	for _, id := range []string{"kim", "lee"} {
		must(t, centrals[0].Run(t.Context(), `INSERT INTO account (id, email, recovery, created, changed) VALUES ('`+id+`', '`+id+`', `+hexOf(tid(int(id[0])))+`, 1, 1)`))
	}
	_, err := centrals[0].Wallets().KeepWallets(t.Context(), []wallet.Wallet{{Account: "kim", Kept: "k"}, {Account: "lee", Kept: "l"}})
	must(t, err)
	var (
		all     sync.WaitGroup
		mu      sync.Mutex // guards changes
		changes []string   // accounts whose wallet was changed
	)
	for i := range 4 {
		s, r := centrals[i%2], rand.New(rand.NewPCG(uint64(i), 5)) // #nosec G404 -- repeatable, as far as four at once are
		all.Go(func() {
			for range steps {
				who, err := raceStep(t, s, r, tid(r.IntN(tokens)+1))
				if err != nil {
					t.Error(err)
					return
				}
				if who != "" {
					mu.Lock()
					changes = append(changes, who)
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()

	s := centrals[1]
	keptPromises(t, s.Mint(), make(map[ticket.ID]mint.Form))
	kept, err := s.Mint().TokensAfter(t.Context(), ticket.ID{}, 100)
	must(t, err)
	claimed, minted := 0, 0
	for _, k := range kept {
		history, err := s.Mint().History(t.Context(), k.Ticket, 1000)
		must(t, err)
		n := 0
		for _, a := range history {
			if a.Kind == mint.Mint && a.State == mint.Finalized {
				n++
			}
		}
		if minted += n; n > 1 {
			t.Errorf("token %s was minted %d times", k.Ticket, n)
		}
		if k.Claimed {
			claimed++
		}
	}
	if told := rowsOf(t, s, outbox.TokenClaimed); len(told) != claimed || claimed == 0 || minted == 0 {
		t.Errorf("%d claims were told of %d, and %d tokens minted", len(told), claimed, minted)
	}
	var told []string
	for _, r := range rowsOf(t, s, outbox.WalletLinked) {
		told = append(told, r.Account)
	}
	slices.Sort(told)
	slices.Sort(changes)
	if !slices.Equal(told, changes) || len(told) == 0 {
		t.Errorf("wallets of %v have changed, told was of %v", changes, told)
	}
}

// raceStep does one of the things that centrals do, and returns the account whose wallet
// has become another.
func raceStep(t *testing.T, s *store.Store, r *rand.Rand, id ticket.ID) (changed string, err error) {
	m, w := s.Mint(), s.Wallets()
	account := []string{"kim", "lee"}[r.IntN(2)]
	switch r.IntN(7) {
	case 0, 1:
		d := mint.Desire{Ticket: id, Event: 1001, Account: account, Form: mint.Held, Owner: account}
		switch r.IntN(8) {
		case 0:
			d.Form = mint.Free
		case 1:
			d.Form, d.Owner = mint.Burned, ""
		case 2:
			d.Form, d.Owner = mint.None, ""
		}
		return "", m.Wish(t.Context(), []mint.Desire{d}, addressOf)
	case 2:
		if _, err := m.Claim(t.Context(), account, id); !errors.Is(err, mint.ErrUnknownToken) {
			return "", err
		}
	case 3:
		_, err = m.Retry(t.Context(), id, r.IntN(2) == 0)
		return "", err
	case 4:
		wanted, err := m.Unsettled(t.Context(), 3)
		if err != nil {
			return "", err
		}
		var begin []mint.Action
		for i := range wanted {
			k := &wanted[i]
			a := mint.Action{Kind: mint.Mint, Ticket: k.Ticket, Form: k.Want, From: k.Owner, To: k.WantOwner}
			switch {
			case k.Want == mint.Burned:
				a.Kind = mint.Burn
			case k.Is == mint.Held:
				a.Kind, a.Form = mint.Move, mint.Held
			}
			begin = append(begin, a)
		}
		_, err = m.Begin(t.Context(), begin)
		return "", err
	case 5:
		due, err := m.Due(t.Context(), 3)
		if err != nil {
			return "", err
		}
		for i := range due {
			a := &due[i]
			switch a.State = []mint.State{mint.Prepared, mint.Finalized, mint.Finalized, mint.Failed, mint.Dropped}[r.IntN(5)]; {
			case a.State == mint.Dropped && a.Attempt > 0:
				a.State = mint.Finalized
			case a.State != mint.Dropped:
				a.Attempt++
			}
		}
		_, err = m.Save(t.Context(), due)
		return "", err
	case 6:
		if _, err := w.Unlink(t.Context(), account); !errors.Is(err, wallet.ErrNotLinked) {
			return account, err
		}
		nonce := string(rune('a' + r.IntN(26)))
		c := wallet.Challenge{Account: account, Nonce: nonce, Address: "shared", Message: "m", Expires: time.UnixMilli(1_800_000_001_000)}
		if err := w.PutChallenge(t.Context(), c); err != nil {
			return "", err
		}
		switch _, err := w.Link(t.Context(), account, nonce); {
		case errors.Is(err, wallet.ErrTaken), errors.Is(err, wallet.ErrChallenge):
		default:
			return account, err
		}
	}
	return "", nil
}
