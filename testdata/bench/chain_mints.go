package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/localnet"
)

const (
	purseOf      = 10_000_000_000_000 // lamports that the fee payer begins with
	lookEvery    = 20 * time.Millisecond
	mintPatience = 10 * time.Minute
	rowsAtOnce   = 100 // of the outbox
	mintOrigin   = "https://tickets.example"
)

// mints is a store with tickets, a chain of its own, and the worker that mints on it.
type mints struct {
	out    io.Writer
	net    *localnet.Net
	faults localnet.Faults // of the node, once the tickets are sold
	store  *store.Store
	seen   *noted
	chain  *chain.Client
	room   *wallet.Room
	worker *mint.Worker
	roles  token.Roles
	signs  []chain.Signer
	secret []byte
	event  ticket.Event
	sold   int
	gate   *admissions

	end  context.CancelFunc
	work errgroup.Group
}

// open starts all of that, with a client that knows one node of the chain or both.
func (b *chainBench) open(ctx context.Context, o localnet.Options, nodes int) (m *mints, err error) {
	m = &mints{out: b.out, secret: make([]byte, 32)}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	if m.net, err = localnet.Start(ctx, o); err != nil {
		return m, err
	}
	dir, err := os.MkdirTemp(b.dir, "mint-")
	if err != nil {
		return m, err
	}
	if err := m.openStore(ctx, filepath.Join(dir, "central.db"), b.plan); err != nil {
		return m, err
	}
	for range 2 {
		s, err := newSigner()
		if err != nil {
			return m, err
		}
		m.signs = append(m.signs, s)
	}
	m.roles = token.Roles{Payer: m.signs[0].Public(), Authority: m.signs[1].Public()}
	if err := m.net.Airdrop(ctx, m.roles.Payer.String(), purseOf); err != nil {
		return m, err
	}
	return m, m.start(ctx, []string{m.net.URL, m.net.Second.URL}[:nodes])
}

// fail makes both nodes do wrong.
func (m *mints) fail(ctx context.Context, f localnet.Faults) error {
	return errors.Join(m.net.Faults(ctx, f), m.net.Second.Faults(ctx, f))
}

// newSigner has a new key.
func newSigner() (chain.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return chain.NewSigner(key)
}

func (m *mints) openStore(ctx context.Context, path, plan string) (err error) {
	text, err := os.ReadFile(plan)
	if err != nil {
		return err
	}
	p, err := seatmap.Parse(text)
	if err != nil {
		return err
	}
	m.event = p.Event
	m.store, err = store.Open(ctx, store.Config{Path: path, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	m.seen = &noted{Store: m.store.Mint()}
	m.gate = &admissions{store: m.store, event: m.event.ID}
	_, err = m.store.AddPlan(ctx, p)
	return err
}

// start runs the worker with what a central runs it with.
func (m *mints) start(ctx context.Context, nodes []string) (err error) {
	key, err := wallet.NewKey(rand.Reader)
	if err != nil {
		return err
	}
	m.room, err = wallet.New(ctx, wallet.Config{
		Store: m.store.Wallets(), Keys: []wallet.Key{key}, Origin: mintOrigin, Now: time.Now,
	})
	if err != nil {
		return err
	}
	m.chain, err = chain.New(ctx, chain.Config{Nodes: nodes, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	m.worker, err = mint.New(ctx, mint.Config{
		Store: m.seen, Chain: m.chain, Events: m, Wallets: m, Authority: m.signs[1], Payer: m.signs[0], Secret: m.secret,
		Origin: mintOrigin, MaxPrice: 50_000, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		return err
	}
	ctx, m.end = context.WithCancel(ctx)
	m.work.Go(func() error { return m.worker.Run(ctx) })
	return nil
}

// close ends what was opened, however far it came.
func (m *mints) close() (err error) {
	if m.end != nil {
		m.end()
		err = m.work.Wait()
	}
	if m.chain != nil {
		m.chain.Close()
	}
	if m.room != nil {
		err = errors.Join(err, m.room.Close())
	}
	if m.store != nil {
		err = errors.Join(err, m.store.Close())
	}
	if m.net != nil {
		m.net.Close()
	}
	return err
}

// Event implements [mint.Events].
func (m *mints) Event(context.Context, ticket.EventID) (ticket.Event, error) { return m.event, nil }

// Addresses implements [mint.Wallets].
func (m *mints) Addresses(ctx context.Context, accounts []string) (map[string]string, error) {
	all, err := m.room.Wallets(ctx, accounts)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(all))
	for id, w := range all {
		out[id] = w.Address()
	}
	return out, nil
}

// SignerFor implements [mint.Wallets].
func (m *mints) SignerFor(ctx context.Context, account string) (mint.WalletSigner, error) {
	return m.room.SignerFor(ctx, account)
}

// sell makes tickets, each of an account of its own, which nobody is told of yet.
func (m *mints) sell(ctx context.Context, n int) ([]ticket.ID, error) {
	var ids []ticket.ID
	for range n {
		m.sold++
		k := m.ticket(m.sold, 1)
		if err := m.person(ctx, m.sold); err != nil {
			return nil, err
		}
		if _, err := m.store.Accredit(ctx, sale.Issued{Ticket: k, Signed: []byte{1}}, person(m.sold)); err != nil {
			return nil, err
		}
		ids = append(ids, k.ID)
	}
	return ids, nil
}

// ticket is the n-th of the bench.
func (m *mints) ticket(n int, version uint32) ticket.Ticket {
	k := ticket.Ticket{Event: m.event.ID, Zone: saleZone, Class: saleClass, Seat: fmt.Sprintf("R%d-%d", n/40+1, n%40+1), Version: version, Holder: holderOf(n, version)}
	k.ID[0] = 1
	binary.BigEndian.PutUint64(k.ID[8:], uint64(n))
	return k
}

func numberOf(id ticket.ID) int { return int(binary.BigEndian.Uint64(id[8:])) }

func holderOf(n int, version uint32) ticket.HolderKey {
	h := ticket.HolderKey{2, byte(version)}
	binary.BigEndian.PutUint64(h[2:], uint64(n))
	return h
}

// person is the id of somebody's account.
func person(n int) string { return fmt.Sprintf("%032x", n) }

// person makes somebody's account.
func (m *mints) person(ctx context.Context, n int) error {
	id := person(n)
	one := binary.BigEndian.AppendUint64(make([]byte, 24), uint64(n))
	later := time.Now().Add(time.Hour)
	return m.store.Accounts().AddAccount(ctx,
		account.Account{ID: id, Email: id + "@example.org", Recovery: [32]byte(one)},
		account.Credential{ID: one, Account: id, Key: holderOf(n, 0)},
		account.Session{Hash: [32]byte(one), Account: id, Credential: one, Expires: later},
		[32]byte{}, account.Used{Challenge: one, Expires: later})
}

// tell hands the worker's consumer what has happened to tickets, as the outbox does.
func (m *mints) tell(ctx context.Context) error {
	c, box := m.worker.Consumer(), m.store.Outbox()
	for {
		from, err := box.Cursor(ctx, c.Name)
		if err != nil {
			return err
		}
		rows, _, err := box.Rows(ctx, from, c.Kinds, rowsAtOnce)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := c.Handle(ctx, rows); err != nil {
			return err
		}
		if err := box.Advance(ctx, c.Name, from, rows[len(rows)-1].Seq, nil); err != nil {
			return err
		}
	}
}

// await waits until what was last done about each token has come to a state.
func (m *mints) await(ctx context.Context, s mint.State, ids []ticket.ID) error {
	ctx, cancel := context.WithTimeout(ctx, mintPatience)
	defer cancel()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		left, err := m.seen.missing(s, ids)
		if left == 0 || err != nil {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d tokens are not %s: %w; trouble: %q", left, len(ids), s, ctx.Err(), m.worker.Status().Trouble)
		}
	}
}

func (m *mints) balance(ctx context.Context) (int64, error) {
	n, err := m.chain.Balance(ctx, m.roles.Payer, chain.Processed, 0)
	return int64(n), err
}

// exactlyOnce checks on chain that each ticket has one token, in its holder's wallet.
func (m *mints) exactlyOnce(ctx context.Context, ids []ticket.ID) error {
	for part := range slices.Chunk(ids, chain.MaxAccounts/2) {
		var keys, owners []token.Key
		for _, id := range part {
			w, err := m.room.Wallet(ctx, person(numberOf(id)))
			if err != nil {
				return err
			}
			of, err := wallet.ParseAddress(w.Address())
			if err != nil {
				return err
			}
			k, err := m.address(id)
			if err != nil {
				return err
			}
			at, err := token.Holder(of, k)
			if err != nil {
				return err
			}
			keys, owners = append(keys, k, at), append(owners, of)
		}
		got, _, err := m.chain.Accounts(ctx, keys, chain.Finalized, 0)
		if err != nil {
			return err
		}
		for i, of := range owners {
			mintOf, holding := seenAt(keys[2*i], got[2*i]), seenAt(keys[2*i+1], got[2*i+1])
			o, err := token.Observe(m.roles, of, &mintOf, &holding)
			if err != nil || o.Form != token.Held || !o.Holds {
				return fmt.Errorf("ticket %s: on chain is %+v, want one token in its holder's wallet: %w", part[i], o, err)
			}
		}
	}
	return nil
}

func (m *mints) address(id ticket.ID) (token.Key, error) {
	return token.Address(m.roles.Authority, token.TicketSeed(m.secret, id[:]))
}

func seenAt(key token.Key, a *chain.Account) token.Account {
	if a == nil {
		return token.Account{Key: key}
	}
	return token.Account{Key: key, Owner: a.Owner, Lamports: a.Lamports, Data: a.Data}
}
