package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"slices"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/ticket"
)

// minter is the mint of a central. Each central has one, for what people ask; the
// worker runs where one leads.
type minter struct {
	chain   *chain.Client
	wallets *wallet.Room
	worker  *mint.Worker
	sets    *ticketSets
	walk    chan struct{} // asks for a comparison with the chain; holds one
}

// openMint opens the mint, if one is configured. It asks no node: a cluster that is
// away keeps nobody from selling tickets.
func (s *server) openMint(ctx context.Context) error {
	if !s.cfg.Mint.on() {
		return nil
	}
	nodes, err := s.cfg.Mint.nodes()
	if err != nil {
		return err
	}
	k, err := s.dir.loadMintKeys()
	if err != nil {
		return err
	}
	rp, err := s.cfg.relyingParty(s.api.Addr())
	if err != nil {
		return err
	}
	if s.cfg.API.PublicURL == "" && s.cfg.ownParty().ID == "" && !onThisMachine(nodes) {
		s.logger.WarnContext(ctx, "tokens will name an address on chain under which nobody else reaches this central; set api.public_url first",
			slog.String("origin", rp.Origin))
	}
	m := &minter{walk: make(chan struct{}, 1)}
	s.minter = m // so that close ends what was opened
	if m.wallets, err = wallet.New(ctx, wallet.Config{
		Store: s.store.Wallets(), Keys: k.wallets, Origin: rp.Origin,
		Reserved: []string{k.authority.Public().String(), k.payer.Public().String()}, Ours: s.isToken, Now: s.now,
	}); err != nil {
		return hint.Errorf("bring back the "+walletKeyFile+" that belongs to this database", "%w", err)
	}
	if m.chain, err = chain.New(ctx, chain.Config{
		Nodes: nodes, Now: s.now, Log: s.logger, Observe: func(c chain.Call) { s.metrics.NodeAsked(c.Method, c.Node, c.Took, c.Err) },
	}); err != nil {
		return hint.Errorf("correct the addresses of [mint]", "mint: %w", err)
	}
	if m.sets, err = s.newTicketSets(k.secret[:]); err != nil {
		return err
	}
	if m.worker, err = mint.New(ctx, mint.Config{
		Store: s.store.Mint(), Chain: m.chain, Events: rules{s}, Wallets: custody{m.wallets, s.logger}, Sets: m.sets,
		Mode: mint.Mode(s.cfg.Mint.Mode), Authority: k.authority, Payer: k.payer, Secret: k.secret[:], Origin: rp.Origin,
		Collection: s.cfg.Mint.Collection, Poll: s.cfg.Mint.Poll, ReconcileEvery: s.cfg.Mint.ReconcileEvery,
		MaxPrice: s.cfg.Mint.MaxPriorityFee, LowBalance: s.cfg.Mint.LowBalance,
		Observe: s.metrics, Logger: s.logger, Now: s.now,
	}); err != nil {
		return err
	}
	return s.sameMint(ctx)
}

// onThisMachine reports whether all nodes are on this machine, as those of a trial are.
func onThisMachine(nodes []string) bool {
	return !slices.ContainsFunc(nodes, func(node string) bool {
		u, err := url.Parse(node)
		if err != nil {
			return true
		}
		a, err := netip.ParseAddr(u.Hostname())
		return u.Hostname() != "localhost" && (err != nil || !a.IsLoopback())
	})
}

// sameMint refuses keys with which the tokens that there are were not made: with them
// none could be moved, and new ones would lie elsewhere.
func (s *server) sameMint(ctx context.Context) error {
	first, err := s.store.Mint().TokensAfter(ctx, ticket.ID{}, 1)
	if err != nil || len(first) == 0 {
		return err
	}
	if s.minter.worker.Address(first[0].Ticket) != first[0].Address {
		return hint.Errorf("bring back "+mintAuthorityFile+" and "+mintSecretFile+" that belong to this database",
			"the mint's keys are not those that its tokens were made with")
	}
	return nil
}

// isToken reports whether an address is that of a ticket's token.
func (s *server) isToken(ctx context.Context, address string) (bool, error) {
	_, err := s.store.Mint().TokenAt(ctx, address)
	if errors.Is(err, mint.ErrUnknownToken) {
		return false, nil
	}
	return err == nil, err
}

// mintConsumers is what the outbox is handed out to for the mint.
func (s *server) mintConsumers() []outbox.Consumer {
	if s.minter == nil {
		return nil
	}
	return []outbox.Consumer{s.minter.worker.Consumer()}
}

// runMint works on tokens while this central leads.
func (s *server) runMint(ctx context.Context) error {
	if s.minter == nil {
		return nil
	}
	defer s.metrics.Rested()
	return ignoreCanceled(s.minter.worker.Run(ctx))
}

// walkMint compares tokens with the chain when an admin asks for it.
func (s *server) walkMint(ctx context.Context) error {
	if s.minter == nil {
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.minter.walk:
		}
		if _, err := s.minter.worker.Reconcile(ctx); err != nil && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "tokens were not compared with the chain; ask again", slog.Any("error", err))
		}
	}
}

// askWalk has the leader compare tokens with the chain. One that is asked for while
// another waits is the same.
func (s *server) askWalk() error {
	if s.office.Load() == nil {
		return api.ErrNoLeader
	}
	select {
	case s.minter.walk <- struct{}{}:
	default:
	}
	return nil
}

// mintFace is the mint as the API shows it.
func (s *server) mintFace() *api.Mint {
	m := s.minter
	if m == nil {
		return nil
	}
	return &api.Mint{
		Store: s.store.Mint(), Worker: m.worker, Wallets: m.wallets, Proofs: m.sets, Nodes: m.nodes,
		Reconcile: s.askWalk, Changed: s.wake, Mode: mint.Mode(s.cfg.Mint.Mode), Link: s.cfg.Mint.Link, TxLink: s.cfg.Mint.TxLink,
	}
}

func (m *minter) nodes() []api.MintNode {
	all := m.chain.Nodes()
	out := make([]api.MintNode, len(all))
	for i, n := range all {
		out[i] = api.MintNode(n)
	}
	return out
}

// close forgets the wallets' seed and hangs up.
func (m *minter) close() error {
	if m == nil {
		return nil
	}
	if m.chain != nil {
		m.chain.Close()
	}
	if m.wallets == nil {
		return nil
	}
	return m.wallets.Close()
}

// rules is the sale as the mint sees it.
type rules struct{ s *server }

func (r rules) Event(ctx context.Context, id ticket.EventID) (ticket.Event, error) {
	return r.s.sale.Rules(ctx, id)
}

// keeper has people's wallets; *wallet.Room is one.
type keeper interface {
	Wallets(ctx context.Context, accounts []string) (map[string]wallet.Wallet, error)
	SignerFor(ctx context.Context, account string) (*wallet.Signer, error)
}

// custody is the wallets as the mint sees them.
type custody struct {
	room   keeper
	logger *slog.Logger
}

// Addresses leaves out a wallet that is not as it was stored: its owner's tokens stay
// where they are until a person has looked, and nobody else's wait for that.
func (c custody) Addresses(ctx context.Context, accounts []string) (map[string]string, error) {
	all, err := c.room.Wallets(ctx, accounts)
	if errors.Is(err, wallet.ErrAltered) && len(accounts) > 1 {
		out := make(map[string]string, len(accounts))
		for i := range accounts {
			one, err := c.Addresses(ctx, accounts[i:i+1])
			if err != nil {
				return nil, err
			}
			maps.Copy(out, one)
		}
		return out, nil
	}
	if errors.Is(err, wallet.ErrAltered) {
		c.logger.ErrorContext(ctx, "a wallet is not what was stored; nothing is done with its owner's tokens", slog.String("account", accounts[0]))
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(all))
	for account, w := range all {
		out[account] = w.Address()
	}
	return out, nil
}

func (c custody) SignerFor(ctx context.Context, account string) (mint.WalletSigner, error) {
	signer, err := c.room.SignerFor(ctx, account)
	if errors.Is(err, wallet.ErrUnknown) || errors.Is(err, wallet.ErrAltered) {
		return nil, fmt.Errorf("%w: %w", mint.ErrNoWallet, err)
	}
	if err != nil {
		return nil, err
	}
	return signer, nil
}
