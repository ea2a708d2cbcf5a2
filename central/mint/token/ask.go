package token

import (
	"fmt"
	"unicode/utf8"
)

// Watch lists the accounts that have to be read for an ask: the mint, then the token
// accounts of From and To, as far as the kind has them, then the collection. Commit needs
// none.
func Watch(ask Ask) ([]Key, error) {
	if ask.Kind == Commit {
		return nil, nil
	}
	keys := []Key{ask.Mint}
	for _, wallet := range ask.wallets() {
		at, err := Holder(wallet, ask.Mint)
		if err != nil {
			return nil, err
		}
		keys = append(keys, at)
	}
	if ask.Kind == Mint && ask.Spec.Group != (Key{}) {
		keys = append(keys, ask.Spec.Group)
	}
	return keys, nil
}

// wallets lists those of the ask whose token accounts matter.
func (a *Ask) wallets() []Key {
	switch a.Kind {
	case Mint:
		return []Key{a.To}
	case Move, Send:
		return []Key{a.From, a.To}
	case Release, Burn:
		return []Key{a.From}
	case Commit, Group:
	}
	return nil
}

// check reports an ask that makes no sense, whatever the chain holds.
func (a *Ask) check(roles Roles) error {
	none := Key{}
	if roles.Payer == none || roles.Authority == none {
		return fmt.Errorf("%w: payer or authority is missing", ErrAsk)
	}
	if a.Kind < Mint || a.Kind > Group {
		return fmt.Errorf("%w: kind %d", ErrAsk, a.Kind)
	}
	if a.Kind == Commit {
		return a.checkMemo()
	}
	if a.Mint == none {
		return fmt.Errorf("%w: no mint", ErrAsk)
	}
	for _, w := range a.wallets() {
		if w == none {
			return fmt.Errorf("%w: no wallet", ErrAsk)
		}
	}
	if (a.Kind == Mint || a.Kind == Move) && a.Form != Held && a.Form != Free {
		return fmt.Errorf("%w: form %d", ErrAsk, a.Form)
	}
	if a.Kind != Mint && a.Kind != Group {
		return nil
	}
	at, err := Address(roles.Authority, a.Spec.Seed)
	if err != nil {
		return err
	}
	if at != a.Mint {
		return fmt.Errorf("%w: mint is not its seed's", ErrAsk)
	}
	return a.Spec.check()
}

func (a *Ask) checkMemo() error {
	if a.Memo == "" || !utf8.ValidString(a.Memo) {
		return fmt.Errorf("%w: memo is empty or not UTF-8", ErrText)
	}
	if len(a.Memo) > maxMemo {
		return fmt.Errorf("%w: memo of %d bytes", ErrTooLarge, len(a.Memo))
	}
	return nil
}
