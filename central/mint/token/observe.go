package token

import "fmt"

// Observed is what a token is, as two accounts show it.
type Observed struct {
	Form Form

	// Holds says that the wallet's account holds the token; Frozen that the account is
	// frozen. A free token may be anywhere.
	Holds, Frozen bool

	// Why says what there is that must not be: [Foreign] or [NotOurs] of the mint, Form
	// being None then, or [BadHolding] of the wallet's account.
	Why Why

	// Text is what stands on the mint; nil if there is none.
	Text *Described
}

// Observe says what the token at mint's address is and whether wallet has it. Its
// accounts are the mint's and that at [Holder] of wallet and mint; if wallet is zero only
// the mint's is looked at. An error wraps [ErrAsk] or [ErrUnreadable].
func Observe(roles Roles, wallet Key, mint, holding *Account) (Observed, error) {
	s := scene{ask: Ask{Mint: mint.Key}}
	if err := s.lookMint(roles, mint); err != nil {
		return Observed{}, err
	}
	o := Observed{Form: s.form, Why: s.why, Text: s.mint.Described}
	if wallet == (Key{}) {
		return o, nil
	}
	at, err := Holder(wallet, mint.Key)
	if err != nil {
		return Observed{}, err
	}
	if holding.Key != at {
		return Observed{}, fmt.Errorf("%w: not the wallet's account", ErrAsk)
	}
	p, why, err := lookHolding(wallet, mint.Key, holding)
	if err != nil {
		return Observed{}, err
	}
	if o.Why == Fine {
		o.Why = why
	}
	o.Holds, o.Frozen = p.holds(), p.frozen()
	return o, nil
}
