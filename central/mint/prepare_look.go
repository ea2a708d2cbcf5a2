package mint

import (
	"context"
	"errors"
	"fmt"

	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/token"
)

// look reads the accounts that jobs are planned from, and plans them. What cannot be
// planned is held, or fails, in its action.
func (s *shift) look(ctx context.Context, jobs []*job) error {
	var readings []*reading
	var floor uint64
	sizes := map[uint64]bool{}
	for _, j := range jobs {
		if err := s.compose(ctx, j); err != nil {
			return err
		}
		if j.action.State != Wanted {
			continue
		}
		for _, n := range token.Sizes(j.ask) {
			sizes[n] = true
		}
		floor = max(floor, j.floor)
		readings = append(readings, &j.reading)
	}
	rent, err := s.rent(ctx, sizes)
	if err != nil {
		return err
	}
	if err := s.read(ctx, readings, chain.Confirmed, floor); err != nil {
		return err
	}
	for _, j := range jobs {
		if j.action.State == Wanted {
			if err := s.plan(ctx, j, rent); err != nil {
				return err
			}
		}
	}
	return nil
}

// compose makes what a job asks for.
func (s *shift) compose(ctx context.Context, j *job) (err error) {
	a := &j.action
	if a.Kind != Mint && !a.Ticket.IsZero() {
		if err := s.past(ctx, j); err != nil {
			return err
		}
	}
	if unmade(a) && j.wallet == "" {
		j.reading.keys, err = s.effectKeys(a)
		return err
	}
	of := *a
	if unmade(a) {
		of.From = j.wallet
	}
	signs, err := s.fromSigns(ctx, j)
	if err != nil || a.State != Wanted {
		return err
	}
	if j.ask, err = s.ask(&of, &j.subject, signs); err == nil {
		j.reading.keys, err = token.Watch(j.ask)
	}
	if err != nil {
		fail(a, reasonOf(err))
		s.conflict(ctx, a, token.Why(a.Reason))
	}
	return nil
}

// reasonOf says why an action cannot be planned.
func reasonOf(err error) Reason {
	switch {
	case errors.Is(err, token.ErrText):
		return BadText
	case errors.Is(err, token.ErrTooLarge):
		return TooLarge
	case errors.Is(err, token.ErrUnreadable):
		return Unreadable
	case errors.Is(err, ErrNoWallet):
		return NoWallet
	}
	return Refused
}

// past finds out from an action's token's history how old accounts may be that are
// read for it, at most, and where a token is that was never known to be anywhere.
func (s *shift) past(ctx context.Context, j *job) error {
	history, err := s.cfg.Store.History(ctx, j.action.Ticket, historyMost)
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	for i := range history {
		if h := &history[i]; h.ID != j.action.ID && h.State == Finalized {
			j.floor = max(j.floor, h.Slot)
		}
		if h := &history[i]; h.Kind == Mint && h.Attempt > 0 && j.wallet == "" {
			j.wallet = h.To
		}
	}
	return nil
}

// fromSigns finds the signer of the wallet that an action takes its token from, if it
// is kept here and the account is known.
func (s *shift) fromSigns(ctx context.Context, j *job) (bool, error) {
	a := &j.action
	if a.Kind != Send && a.Kind != Burn && a.Kind != Move {
		return false, nil
	}
	signer, err := s.cfg.Wallets.SignerFor(ctx, j.subject.fact.Token.Account)
	switch {
	case errors.Is(err, ErrNoWallet):
	case err != nil:
		return false, fmt.Errorf("signer of a wallet: %w", err)
	default:
		if k := keyOf(signer); k.Public().String() == a.From {
			j.signers = []chain.Signer{k}
			return true, nil
		}
	}
	if a.Kind == Send {
		fail(a, NoWallet)
	}
	return false, nil
}

// walletKey is a wallet's signer in the terms of a chain.
type walletKey struct{ WalletSigner }

func keyOf(w WalletSigner) chain.Signer { return walletKey{w} }

// Public implements [chain.Signer].
func (k walletKey) Public() chain.Key { return k.WalletSigner.Public() }

// Sign implements [chain.Signer].
func (k walletKey) Sign(ctx context.Context, message []byte) (chain.Signature, error) {
	return k.WalletSigner.Sign(ctx, message)
}

// rent asks what accounts cost.
func (s *shift) rent(ctx context.Context, sizes map[uint64]bool) (func(uint64) uint64, error) {
	list := make([]uint64, 0, len(sizes))
	for n := range sizes {
		list = append(list, n)
	}
	if len(list) == 0 {
		return func(uint64) uint64 { return 0 }, nil
	}
	prices, err := s.cfg.Chain.Rent(ctx, list...)
	if err != nil {
		return nil, fmt.Errorf("rent: %w", err)
	}
	return func(n uint64) uint64 { return prices[n] }, nil
}

// plan finds out what is left to do for a job.
func (s *shift) plan(ctx context.Context, j *job, rent func(uint64) uint64) (err error) {
	a := &j.action
	if unmade(a) && s.planUnmade(ctx, j) {
		return nil
	}
	j.plan, err = token.PlanFor(j.ask, s.roles, j.reading.seen, rent)
	if errors.Is(err, token.ErrRent) { // a node's fault, not the token's
		*a = s.hold(*a, s.aWhile())
		s.trouble(ctx, "rent", fmt.Errorf("action %d: %w", a.ID, err))
		return nil
	}
	if err != nil {
		fail(a, reasonOf(err))
		s.conflict(ctx, a, token.Why(a.Reason))
		return nil
	}
	switch j.plan.Outcome {
	case token.Do:
	case token.Done: // by a transaction that was taken for lost, or a former life of the store
		a.State, a.Reason, a.Slot, a.Due = Confirmed, NoReason, j.reading.slot, s.cfg.Now().Add(s.pace.slots(finality))
	case token.Wait:
		*a = s.hold(*a, s.aWhile())
		if j.plan.Why == token.NoGroup {
			return s.wantGroup(ctx, a)
		}
		s.trouble(ctx, "waiting", fmt.Errorf("action %d: %s: %w", a.ID, j.plan.Why, chain.ErrBehind))
	case token.Tombstone:
		fail(a, Tombstone)
	case token.Conflict:
		fail(a, Conflict)
		s.conflict(ctx, a, j.plan.Why)
	}
	return nil
}

// finality is how many slots lie between a block and its finality.
const finality = 32

// wantGroup has the collection made that an action's token is to be a member of.
func (s *shift) wantGroup(ctx context.Context, a *Action) error {
	s.lock.Lock()
	now := s.cfg.Now()
	lately := now.Before(s.groups[a.Event])
	if !lately {
		s.groups[a.Event] = now.Add(againMost)
	}
	s.lock.Unlock()
	if lately { // it is under way, or has failed and soon would again
		return nil
	}
	_, err := s.cfg.Store.Begin(ctx, []Action{{Kind: Group, Event: a.Event, State: Wanted, Due: s.cfg.Now()}})
	if err != nil {
		return fmt.Errorf("open action for a collection: %w", err)
	}
	return nil
}

// unmade reports whether an action is to burn what, as far as is known, was never made.
func unmade(a *Action) bool { return a.Kind == Burn && a.From == "" }

// planUnmade ends what was to be burned and is not on chain, and reports whether
// anything is left to do. Where it was made after all, by a transaction that was taken
// for lost, it is to be burned where that had put it.
func (s *shift) planUnmade(ctx context.Context, j *job) bool {
	a := &j.action
	done, err := s.done(a, j.reading.seen[:1])
	switch {
	case err != nil:
		fail(a, Unreadable)
		s.conflict(ctx, a, token.Why(a.Reason))
	case done:
		a.State, a.Reason, a.Slot = Finalized, NoReason, j.reading.slot
	case j.wallet == "":
		fail(a, Conflict)
		s.conflict(ctx, a, token.Elsewhere)
	default:
		return false
	}
	return true
}
