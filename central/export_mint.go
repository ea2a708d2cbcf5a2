package main

import (
	"context"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/ticket"
)

// ownTokens are an account's wallet and the tokens of its tickets, whether or not
// central mints now.
type ownTokens struct{ store *store.Store }

type exportedTokens struct {
	Wallet *exportedWallet `json:"wallet,omitempty"`
	Tokens []exportedToken `json:"tokens"`
}

type exportedWallet struct {
	Kept   string    `json:"kept"`             // address of the wallet whose key central has
	Linked string    `json:"linked,omitempty"` // address of the person's own
	Since  time.Time `json:"since,omitzero"`
}

type exportedToken struct {
	Ticket  ticket.ID        `json:"ticket"`
	Event   ticket.EventID   `json:"event"`
	Address string           `json:"address"`
	Claimed bool             `json:"claimed"`
	Form    string           `json:"form,omitempty"`
	Owner   string           `json:"owner,omitempty"`
	History []exportedAction `json:"history,omitempty"` // newest first
}

type exportedAction struct {
	Kind      string    `json:"kind"`
	State     string    `json:"state"`
	To        string    `json:"to,omitempty"` // of what its holder sent; other wallets are other people's
	Signature string    `json:"signature,omitempty"`
	Changed   time.Time `json:"changed"`
}

// exportedActions is more than one token can have gone through.
const exportedActions = 1000

// Export implements [account.Room].
func (o ownTokens) Export(ctx context.Context, id string) (any, error) {
	wallets, err := o.store.Wallets().Wallets(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	out := exportedTokens{Tokens: []exportedToken{}}
	for i := range wallets {
		w := &wallets[i]
		out.Wallet = &exportedWallet{Kept: w.Kept, Linked: w.Linked, Since: w.Since.UTC()}
	}
	all, err := o.store.Mint().TokensOfPerson(ctx, id)
	if err != nil {
		return nil, err
	}
	for i := range all {
		k := &all[i]
		v := exportedToken{Ticket: k.Ticket, Event: k.Event, Address: k.Address, Claimed: k.Claimed, Form: string(k.Is), Owner: k.Owner}
		if v.History, err = o.history(ctx, k); err != nil {
			return nil, err
		}
		out.Tokens = append(out.Tokens, v)
	}
	return out, nil
}

func (o ownTokens) history(ctx context.Context, k *mint.Token) (out []exportedAction, err error) {
	actions, err := o.store.Mint().History(ctx, k.Ticket, exportedActions)
	for i := range actions {
		a := &actions[i]
		v := exportedAction{Kind: string(a.Kind), State: string(a.State), Signature: a.Signature, Changed: a.Changed.UTC()}
		if a.Kind == mint.Send {
			v.To = a.To
		}
		out = append(out, v)
	}
	return out, err
}
