package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/mint/wallet"
)

type chainView struct {
	Address string      `json:"address"` // where tickets go
	Kind    wallet.Kind `json:"kind"`
	Link    string      `json:"link,omitempty"`
	Kept    string      `json:"kept"` // of the wallet that is kept here, also while another is linked
	Since   time.Time   `json:"since,omitzero"`
}

func (m *Mint) viewWallet(w *wallet.Wallet) chainView {
	v := chainView{Address: w.Address(), Kind: w.Kind(), Link: fill(m.Link, "{address}", w.Address()), Kept: w.Kept}
	if !w.Since.IsZero() {
		v.Since = w.Since.UTC()
	}
	return v
}

func (a *API) chainWallet(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	w, err := a.cfg.Mint.Wallets.Wallet(ctx, p.ID)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, a.cfg.Mint.viewWallet(&w), nil
}

type chainChallengeBody struct {
	Address  string          `json:"address"`
	Language wallet.Language `json:"language"`
}

func (a *API) chainChallenge(ctx context.Context, c *gin.Context) (int, any, error) {
	var b chainChallengeBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	if b.Language != wallet.Korean && b.Language != wallet.English {
		return 0, nil, &detailError{code: "invalid_request", detail: "language is none that there is", hint: "use ko or en"}
	}
	p, _ := person(c)
	ch, err := a.cfg.Mint.Wallets.Begin(ctx, p.ID, b.Address, b.Language)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, gin.H{"message": ch.Message, "expires": ch.Expires.UTC()}, nil
}

type chainLinkBody struct {
	Signature bytes64 `json:"signature"`
}

func (a *API) linkWallet(ctx context.Context, c *gin.Context) (int, any, error) {
	var b chainLinkBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	w, err := a.cfg.Mint.Wallets.Link(ctx, p.ID, b.Signature)
	if err != nil {
		return 0, nil, err
	}
	a.cfg.Mint.Changed()
	return http.StatusOK, a.cfg.Mint.viewWallet(&w), nil
}

func (a *API) unlinkWallet(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	w, err := a.cfg.Mint.Wallets.Unlink(ctx, p.ID)
	if err != nil {
		return 0, nil, err
	}
	a.cfg.Mint.Changed()
	return http.StatusOK, a.cfg.Mint.viewWallet(&w), nil
}
