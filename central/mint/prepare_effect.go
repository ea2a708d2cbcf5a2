package mint

import (
	"fmt"

	"github.com/gagliardetto/solana-go"

	"github.com/con-ting/conting/central/mint/token"
)

// effectKeys lists the accounts in which it is seen whether an action has been done:
// the mint and the account of the wallet that counts. A commitment has none.
func (w *Worker) effectKeys(a *Action) ([]token.Key, error) {
	switch a.Kind { //nolint:exhaustive // the others have a ticket
	case Commit:
		return nil, nil
	case Group:
		key, _ := w.group(a.Event)
		return []token.Key{key}, nil
	}
	mint, _ := w.address(a.Ticket)
	of := a.To
	if a.Kind == Burn || a.Kind == Send {
		of = a.From
	}
	if of == "" {
		return []token.Key{mint}, nil
	}
	k, err := wallet(of)
	if err != nil {
		return nil, err
	}
	holding, err := token.Holder(k, mint)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoWallet, err)
	}
	return []token.Key{mint, holding}, nil
}

// done reports whether the accounts of effectKeys show that an action has been done,
// by whichever of its transactions. What a holder has done since with a token that is
// free does not matter.
func (w *Worker) done(a *Action, seen []token.Account) (bool, error) {
	switch a.Kind { //nolint:exhaustive // the others have a ticket
	case Commit:
		return false, nil
	case Group:
		return len(seen) == 1 && seen[0].Owner == solana.Token2022ProgramID && len(seen[0].Data) > 0, nil
	}
	o, err := w.observe(a, seen)
	if err != nil {
		return false, err
	}
	switch a.Kind { //nolint:exhaustive // see above
	case Burn:
		return o.Form == token.Burned || a.From == "" && o.Form == token.None && o.Why == token.Fine, nil
	case Send:
		return o.Form == token.Burned || o.Form == token.Free && !o.Holds, nil
	}
	if a.Form == Free {
		return o.Form == token.Free || o.Form == token.Burned, nil
	}
	return o.Form == token.Held && o.Holds, nil
}

// observe says what the token of an action is.
func (w *Worker) observe(a *Action, seen []token.Account) (token.Observed, error) {
	var of token.Key
	holding := token.Account{}
	if len(seen) > 1 {
		text := a.To
		if a.Kind == Burn || a.Kind == Send {
			text = a.From
		}
		var err error
		if of, err = wallet(text); err != nil {
			return token.Observed{}, err
		}
		holding = seen[1]
	}
	return token.Observe(w.roles, of, &seen[0], &holding)
}
