package mint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/con-ting/conting/central/mint/chain"
)

// examine reads the accounts of actions whose transactions have failed, expired or
// vanished, to find out whether they were done all the same. It returns those of which
// that may be final.
func (s *shift) examine(ctx context.Context, sights []*sight, tip chain.Tip, final uint64) ([]*sight, error) {
	if err := s.effects(ctx, sights, chain.Confirmed, tip.Slot); err != nil || len(sights) == 0 {
		return nil, err
	}
	if err := s.at(ctx, "examined"); err != nil {
		return nil, err
	}
	var changed []Action
	var over []*sight
	for _, v := range sights {
		done, err := s.done(&v.action, v.reading.seen)
		switch {
		case err != nil:
			s.unreadable(ctx, &v.action, err)
			changed = append(changed, s.hold(v.action, s.aWhile()))
		case !done:
			changed = append(changed, s.undone(v, tip))
		case v.action.State == Confirmed && v.status == nil && final >= v.action.Slot:
			over = append(over, v) // a node that has forgotten the transaction
		default:
			changed = append(changed, s.doneByAnother(v, tip))
		}
	}
	_, err := s.save(ctx, changed)
	return over, errors.Join(err, s.at(ctx, "examined and noted"))
}

// effects reads the accounts that actions have to do with.
func (s *shift) effects(ctx context.Context, sights []*sight, at chain.Commitment, minSlot uint64) error {
	readings := make([]*reading, 0, len(sights))
	for _, v := range sights {
		keys, err := s.effectKeys(&v.action)
		if err != nil {
			return err
		}
		v.reading = reading{keys: keys}
		readings = append(readings, &v.reading)
	}
	return s.read(ctx, readings, at, minSlot)
}

// undone is an action that was not done. Its transaction is handed out again while it
// can get into a block; afterwards another is signed.
func (s *shift) undone(v *sight, tip chain.Tip) Action {
	a := v.action
	failed := v.status != nil && v.status.Err != nil
	switch {
	case !failed && a.Signature != "" && tip.Height <= a.LastHeight: // a fork has undone it
		a.State, a.Slot = Sent, 0
		return s.hold(a, 0)
	case !failed:
		a.Fee -= feeOf(a.Wire) // it was not in a block, and never will be
	default:
		a.Reason = Refused
	}
	a.Slot, a.Wire, a.Rent = 0, nil, 0
	s.landed(a.ID)
	if a.Attempt < s.cfg.Attempts {
		a.State = Wanted
		return s.hold(a, s.again(a.Attempt))
	}
	reason := GaveUp
	var program *chain.ProgramError
	if failed && errors.As(v.status.Err, &program) {
		reason = Refused
	}
	fail(&a, reason)
	return a
}

// doneByAnother is an action that was done, though not by the transaction that was
// looked at, or by one that its node has forgotten.
func (s *shift) doneByAnother(v *sight, tip chain.Tip) Action {
	a := v.action
	if v.status != nil || a.Slot == 0 {
		a.Slot = v.reading.slot
	}
	if v.status != nil { // which has failed: an earlier one did it
		a.Signature, a.Wire = "", nil
	}
	a.State, a.Reason = Confirmed, NoReason
	a.Due = s.cfg.Now().Add(s.toFinality(a.Slot, tip))
	s.landed(a.ID)
	return a
}

// finish ends actions that cannot be undone any more, if their effects are to be seen.
func (s *shift) finish(ctx context.Context, sights []*sight, final chain.Tip) error {
	if len(sights) == 0 {
		return nil
	}
	least := final.Slot
	for _, v := range sights {
		least = max(least, v.action.Slot)
		if v.status != nil {
			least = max(least, v.status.Slot)
		}
	}
	if err := s.effects(ctx, sights, chain.Finalized, least); err != nil {
		return err
	}
	if err := s.at(ctx, "final"); err != nil {
		return err
	}
	changed := make([]Action, 0, len(sights))
	for _, v := range sights {
		a := v.action
		if v.status != nil {
			a.Slot = v.status.Slot
		}
		done, err := s.done(&a, v.reading.seen)
		switch {
		case err != nil:
			s.unreadable(ctx, &a, err)
			a = s.hold(a, s.aWhile())
		case done || a.Kind == Commit && v.status != nil:
			a.State, a.Reason, a.Wire = Finalized, NoReason, nil
		case v.status == nil: // it landed later than it had first
			a = s.hold(a, s.toFinality(final.Slot+finality/2, final))
		default: // the node says that it is done, and shows that it is not
			s.trouble(ctx, "effect", fmt.Errorf("action %d: %w", a.ID, errEffect))
			a = s.hold(a, s.aWhile())
		}
		changed = append(changed, a)
	}
	if _, err := s.save(ctx, changed); err != nil {
		return err
	}
	return s.at(ctx, "finalized")
}

var errEffect = errors.New("final, says its node, but not to be seen")

func (s *shift) unreadable(ctx context.Context, a *Action, err error) {
	s.cfg.Logger.ErrorContext(ctx, "an account on chain cannot be understood",
		slog.Int64("action", a.ID), slog.String("address", s.Address(a.Ticket)), slog.Any("error", err))
}
