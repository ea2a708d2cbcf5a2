package api

import (
	"context"
	"errors"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/merkle"
	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/sync/ticket"
)

// Mint is what the API shows of tickets' tokens, and whom it asks about them. All but
// the links is required.
type Mint struct {
	Store   MintStore
	Worker  MintWorker
	Wallets Wallets
	Nodes   func() []MintNode
	Proofs  Proofs

	// Reconcile has the leader compare all tokens with the chain, and returns at once;
	// where nobody leads the error wraps [ErrNoLeader].
	Reconcile func() error

	// Changed is called when the outbox has something new for the mint.
	Changed func()

	Mode mint.Mode

	// Link and TxLink lead to an explorer; {address} and {signature} stand for what is
	// looked at. Empty shows no link.
	Link, TxLink string
}

// MintStore is what the API reads of the mint's memory; every [mint.Store] is one.
type MintStore interface {
	Facts(ctx context.Context, ids []ticket.ID) ([]mint.Fact, error)
	Token(ctx context.Context, id ticket.ID) (mint.Token, error)
	TokenAt(ctx context.Context, address string) (mint.Token, error)
	History(ctx context.Context, id ticket.ID, limit int) ([]mint.Action, error)
	FailedActions(ctx context.Context, after int64, limit int) ([]mint.Action, error)
	Retry(ctx context.Context, id ticket.ID, all bool) (int, error)
	Tally(ctx context.Context) (mint.Tally, error)
	DifferencesAfter(ctx context.Context, after mint.Difference, limit int) ([]mint.Difference, error)
}

// MintWorker does what people ask of their tokens; *mint.Worker is one.
type MintWorker interface {
	Claim(ctx context.Context, account string, id ticket.ID) (mint.Token, error)
	Send(ctx context.Context, account string, id ticket.ID, to string) (mint.Action, error)
	Status() mint.Status
	Wake()
}

// Wallets knows in which wallets people's tickets lie; *wallet.Room is one.
type Wallets interface {
	Wallet(ctx context.Context, account string) (wallet.Wallet, error)
	CheckOutside(ctx context.Context, address string) error
	Begin(ctx context.Context, account, address string, lang wallet.Language) (wallet.Challenge, error)
	Link(ctx context.Context, account string, signature []byte) (wallet.Wallet, error)
	Unlink(ctx context.Context, account string) (wallet.Wallet, error)
}

// MintNode is how a node of the cluster fares.
type MintNode struct {
	Name    string // host and port; never more of its address
	Slot    uint64
	Behind  uint64
	Resting time.Duration
	Problem string
}

// Proofs proves that tickets stand under what is on chain of their event's ticket set.
type Proofs interface {
	// Proof returns the proof for the newest set that is final on chain, or an error
	// wrapping [ErrNoProof].
	Proof(ctx context.Context, id ticket.ID) (merkle.Proof, error)
}

// ErrNoProof is wrapped by a [Proofs]' error about a ticket that stands under no root
// that is final on chain.
var ErrNoProof = errors.New("no root on chain has the ticket")

func (m *Mint) check() error {
	switch {
	case m == nil:
		return nil
	case m.Store == nil || m.Worker == nil || m.Wallets == nil || m.Nodes == nil || m.Proofs == nil || m.Reconcile == nil || m.Changed == nil:
		return errors.New("api: the mint's store, worker, wallets, nodes, proofs, reconcile and changed are required")
	case m.Mode != mint.Eager && m.Mode != mint.Lazy:
		return errors.New("api: the mint's mode is required")
	}
	return nil
}

func (a *API) mintRoutes(v1, admin *gin.RouterGroup) {
	v1.GET("/tokens/:token", a.minting, a.tokenFile)
	g := v1.Group("/wallet", a.person, a.minting)
	g.GET("/tickets/:ticket/token", a.answer(a.token))
	g.GET("/tickets/:ticket/token/proof", a.answer(a.tokenProof))
	g.POST("/tickets/:ticket/token/claim", a.answer(a.claimToken))
	g.POST("/tickets/:ticket/token/send", a.once(a.sendToken))
	g.GET("/chain", a.answer(a.chainWallet))
	g.POST("/chain/challenge", a.answer(a.chainChallenge))
	g.POST("/chain/link", a.once(a.linkWallet))
	g.DELETE("/chain/link", a.answer(a.unlinkWallet))

	m := admin.Group("/mint", a.minting)
	m.GET("", a.answer(a.mintStatus))
	m.GET("/failed", a.answer(a.mintFailed))
	m.GET("/differences", a.answer(a.mintDifferences))
	m.POST("/retry", a.answer(a.mintRetry))
	m.POST("/reconcile", a.answer(a.mintReconcile))
}

// minting refuses what is about tokens where there are none.
func (a *API) minting(c *gin.Context) {
	if a.cfg.Mint == nil {
		a.fail(c, codeError("mint_off"))
	}
}
