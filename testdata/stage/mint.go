package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// OpenMint has central mint tokens: it is stopped, makes the mint's keys, gets a
// section [mint] with these lines, and is started again once whoever pays has been
// given something. It returns the fee payer's address.
func (s *Stage) OpenMint(ctx context.Context, lines string, fund func(ctx context.Context, payer string) error) (payer string, err error) {
	if err := s.StopCentral(); err != nil {
		return "", err
	}
	text, err := s.Central(ctx, "mint", "init", "--json")
	if err != nil {
		return "", err
	}
	var made struct {
		Payer string `json:"payer"`
	}
	if err := json.Unmarshal(text, &made); err != nil {
		return "", err
	}
	if err := fund(ctx, made.Payer); err != nil {
		return "", err
	}
	if err := appendTo(s.config, "\n[mint]\n"+lines); err != nil {
		return "", err
	}
	return made.Payer, s.StartCentral(ctx)
}

// Central runs one of central's commands on this venue's configuration, and returns
// what it said.
func (s *Stage) Central(ctx context.Context, args ...string) ([]byte, error) {
	return Run(ctx, s.command("central"), append(args, "--config", s.config)...)
}

// Minted is the token of a ticket as central shows it to the ticket's holder.
type Minted struct {
	State     string `json:"state"`
	Address   string `json:"address"`
	Owner     string `json:"owner"`
	Wallet    string `json:"wallet"` // whose the owner's key is
	Link      string `json:"link"`
	Metadata  string `json:"metadata"`
	Sendable  bool   `json:"sendable"`
	Claimable bool   `json:"claimable"`
	Fee       int64  `json:"fee"` // lamports
	Rent      int64  `json:"rent"`

	History []struct { // newest first
		Kind      string `json:"kind"`
		State     string `json:"state"`
		Signature string `json:"signature"`
		Link      string `json:"link"`
	} `json:"history"`
}

func tokenPath(id ticket.ID) string { return "/v1/wallet/tickets/" + id.String() + "/token" }

// AwaitToken waits until the token of one of the person's tickets is as it should be.
func (p *Person) AwaitToken(ctx context.Context, id ticket.ID, is func(*Minted) bool) (m Minted, err error) {
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		m = Minted{}
		if err = p.Call(ctx, "GET", tokenPath(id), nil, &m); err == nil && is(&m) {
			return m, nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return m, fmt.Errorf("the token of ticket %s is %+v: %w", id, m, errors.Join(ctx.Err(), err))
		}
	}
}

// SendToken sends a token that is free, and in the wallet that central keeps for the
// person, to another wallet.
func (p *Person) SendToken(ctx context.Context, id ticket.ID, to string) error {
	return p.Call(ctx, "POST", tokenPath(id)+"/send", map[string]any{"to": to}, nil)
}
