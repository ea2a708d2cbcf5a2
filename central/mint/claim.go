package mint

import (
	"context"
	"errors"
	"fmt"

	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/sync/ticket"
)

// Claim makes the token of a ticket of account's, if it has none yet, and returns what
// is kept of it. An error wraps [ErrUnknownToken] if the ticket is not theirs, or has
// no token that could be made.
func (w *Worker) Claim(ctx context.Context, account string, id ticket.ID) (Token, error) {
	_, err := w.cfg.Store.Claim(ctx, account, id)
	if errors.Is(err, ErrUnknownToken) { // sold a moment ago, perhaps: the outbox may have to tell yet
		if err := w.wish(ctx, []ticket.ID{id}); err != nil {
			return Token{}, err
		}
		_, err = w.cfg.Store.Claim(ctx, account, id)
	}
	if err != nil {
		return Token{}, fmt.Errorf("claim token: %w", err)
	}
	if err := w.wish(ctx, []ticket.ID{id}); err != nil {
		return Token{}, err
	}
	w.Wake()
	t, err := w.cfg.Store.Token(ctx, id)
	if err != nil {
		return Token{}, fmt.Errorf("read token: %w", err)
	}
	return t, nil
}

// Errors of [Worker.Send].
var (
	// ErrHeld means that a token cannot be sent before its holder has been in.
	ErrHeld = errors.New("token is not free")

	// ErrAddress means that a token cannot be sent to what was named.
	ErrAddress = errors.New("no address of another wallet")

	// ErrUnderWay means that something is being done with the token already.
	ErrUnderWay = errors.New("token is being worked on")
)

// Send has a free token sent from the wallet that is kept for account to an address.
// Asking again for the same returns the same action while it is open. Errors wrap
// those above, [ErrNoWallet] where the token is in a wallet that is not kept here, or
// [ErrUnknownToken].
func (w *Worker) Send(ctx context.Context, account string, id ticket.ID, to string) (Action, error) {
	t, err := w.cfg.Store.Token(ctx, id)
	switch {
	case err != nil:
		return Action{}, fmt.Errorf("read token: %w", err)
	case account == "" || t.Account != account:
		return Action{}, ErrUnknownToken
	}
	if err := w.mayGo(to, &t); err != nil {
		return Action{}, err
	}
	if open, ok, err := w.sending(ctx, id); err != nil || ok {
		if err == nil && open.To != to {
			err = ErrUnderWay
		}
		return open, err
	}
	if t.Is != Free || t.Want != Free {
		return Action{}, ErrHeld
	}
	signer, err := w.cfg.Wallets.SignerFor(ctx, account)
	if err != nil {
		return Action{}, fmt.Errorf("signer of a wallet: %w", err)
	}
	if keyOf(signer).Public().String() != t.Owner {
		return Action{}, fmt.Errorf("token is in %s: %w", t.Owner, ErrNoWallet)
	}
	opened, err := w.cfg.Store.Begin(ctx, []Action{{
		Kind: Send, Event: t.Event, Ticket: id, Form: Free, From: t.Owner, To: to, State: Wanted, Due: w.cfg.Now(),
	}})
	switch {
	case err != nil:
		return Action{}, fmt.Errorf("open action: %w", err)
	case len(opened) == 1:
		w.Wake()
		return opened[0], nil
	}
	// Somebody was quicker, perhaps with the same.
	if open, ok, err := w.sending(ctx, id); err != nil || ok && open.To == to {
		return open, err
	}
	return Action{}, ErrUnderWay
}

// sending returns the open action of a token, if it is one that sends it.
func (w *Worker) sending(ctx context.Context, id ticket.ID) (Action, bool, error) {
	last, err := w.cfg.Store.History(ctx, id, 1)
	if err != nil {
		return Action{}, false, fmt.Errorf("read history: %w", err)
	}
	if len(last) == 1 && last[0].Kind == Send && last[0].State.Open() {
		return last[0], true, nil
	}
	return Action{}, false, nil
}

// mayGo checks an address that a token is to be sent to. Whoever asks knows more of
// wallets, see central/mint/wallet; here it only must not be lost for certain.
func (w *Worker) mayGo(to string, t *Token) error {
	k, err := wallet(to)
	switch {
	case err != nil, k.String() != to, !k.IsOnCurve():
		return ErrAddress
	case to == t.Owner || to == t.Address || k == w.roles.Authority || k == w.roles.Payer || k == (token.Key{}):
		return ErrAddress
	}
	return nil
}
