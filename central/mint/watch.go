package mint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gagliardetto/solana-go"
	"golang.org/x/sync/errgroup"

	"github.com/con-ting/conting/central/mint/chain"
)

// verdict is what is to be done about an action whose transaction may be on its way.
type verdict uint8

// The verdicts.
const (
	wait    verdict = iota // it cannot be known yet
	confirm                // it did what it should, in a block that most have voted for
	finish                 // it did so for good: see whether that is to be seen, too
	resend                 // nobody has it, and it can still get into a block
	examine                // its accounts have to say whether it was done
)

// judge says what a status means, given the tip of the confirmed chain and the slot of
// the finalized one, which were read before it. It is pure.
func judge(a *Action, st *chain.Status, tip chain.Tip, final uint64) verdict {
	switch {
	case st != nil && st.Commitment == chain.Processed:
		return wait // on a branch that may yet be left
	case st != nil && st.Err != nil:
		return examine // it has failed, perhaps because another did the same before
	case st != nil && st.Commitment == chain.Finalized:
		return finish
	case st != nil && a.State == Confirmed:
		return wait
	case st != nil:
		return confirm
	case a.Signature == "" && final < a.Slot:
		return wait
	case a.Signature == "":
		return examine
	case a.State == Confirmed || tip.Height > a.LastHeight:
		return examine
	default:
		return resend
	}
}

// sight is an action under way, and what was seen of it.
type sight struct {
	action  Action
	status  *chain.Status
	reading reading
}

// recent is how many slots back a node knows transactions' fates without searching.
const recent = 100

// watch finds out what became of transactions, and does what has to be done about it.
func (s *shift) watch(ctx context.Context, flying []Action) error {
	if len(flying) == 0 {
		return nil
	}
	// The tips are read before anything else: what is not there afterwards, at a slot not
	// below, was not there when the height was passed.
	var tip, final chain.Tip
	err := together(
		func() (err error) { tip, err = s.cfg.Chain.Tip(ctx, chain.Confirmed, 0); return err },
		func() (err error) { final, err = s.cfg.Chain.Tip(ctx, chain.Finalized, 0); return err },
	)
	if err != nil {
		return fmt.Errorf("tip: %w", err)
	}
	s.pace.see(s.cfg.Now(), tip.Slot)
	sights, err := s.statuses(ctx, flying, tip)
	if err != nil {
		return err
	}
	if err := s.at(ctx, "looked"); err != nil {
		return err
	}
	var changed, again []Action
	var unsure, over []*sight
	for _, v := range sights {
		switch judge(&v.action, v.status, tip, final.Slot) {
		case wait:
			changed = append(changed, s.later(v, tip))
		case confirm:
			changed = append(changed, s.confirmed(v, tip))
		case finish:
			over = append(over, v)
		case resend:
			again = append(again, v.action)
		case examine:
			unsure = append(unsure, v)
		}
	}
	if _, err := s.save(ctx, changed); err != nil {
		return err
	}
	if err := s.at(ctx, "confirmed"); err != nil {
		return err
	}
	return together(
		func() error { return s.send(ctx, again) },
		func() error { return s.finish(ctx, over, final) },
		func() error {
			more, err := s.examine(ctx, unsure, tip, final.Slot)
			return errors.Join(err, s.finish(ctx, more, final))
		},
	)
}

// together asks several things at once, as each may take a while.
func together(all ...func() error) error {
	var g errgroup.Group
	for _, one := range all {
		g.Go(one)
	}
	return g.Wait()
}

// statuses asks what became of transactions.
func (s *shift) statuses(ctx context.Context, flying []Action, tip chain.Tip) ([]*sight, error) {
	sights := make([]*sight, len(flying))
	ask := func(search bool, of []*sight) error {
		if len(of) == 0 {
			return nil
		}
		sigs := make([]chain.Signature, len(of))
		for i, v := range of {
			var err error
			if sigs[i], err = solana.SignatureFromBase58(v.action.Signature); err != nil {
				return fmt.Errorf("signature of action %d: %w", v.action.ID, err)
			}
		}
		found, _, err := s.cfg.Chain.Statuses(ctx, sigs, search, tip.Slot)
		if err != nil {
			return fmt.Errorf("statuses: %w", err)
		}
		for i := range of {
			of[i].status = found[i]
		}
		return nil
	}
	var fresh, old []*sight
	for i, a := range flying {
		sights[i] = &sight{action: a}
		switch {
		case a.Signature == "":
		case tip.Height > a.LastHeight || a.State == Confirmed && tip.Slot > a.Slot+recent:
			old = append(old, sights[i])
		default:
			fresh = append(fresh, sights[i])
		}
	}
	return sights, together(
		func() error { return ask(false, fresh) },
		func() error { return ask(true, old) },
	)
}

// later is an action that nothing can be said about yet.
func (s *shift) later(v *sight, tip chain.Tip) Action {
	a := v.action
	a.Due = s.cfg.Now().Add(s.toFinality(a.Slot, tip))
	if a.State != Confirmed {
		a.Due = s.cfg.Now().Add(s.pace.slots(1))
	}
	return a
}

// toFinality is how long what landed in a slot has to wait until it is final.
func (s *shift) toFinality(landed uint64, tip chain.Tip) (d time.Duration) {
	const often = 4 // when it is late
	if tip.Slot < landed+finality {
		return s.pace.slots(landed + finality - tip.Slot + 1)
	}
	return s.pace.slots(often)
}

// confirmed is an action whose transaction is in a block that will hardly be undone.
func (s *shift) confirmed(v *sight, tip chain.Tip) Action {
	a := v.action
	a.State, a.Reason, a.Slot = Confirmed, NoReason, v.status.Slot
	a.Due = s.cfg.Now().Add(s.toFinality(a.Slot, tip))
	s.landed(a.ID)
	return a
}

// landed takes an action out of what is on its way to be spent.
func (s *shift) landed(id int64) {
	s.lock.Lock()
	defer s.lock.Unlock()
	delete(s.cost, id)
}

// resendEvery is how many slots pass before the same bytes are sent again, or are
// asked after.
const resendEvery = 4
