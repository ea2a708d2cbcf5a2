package token

import (
	"fmt"

	"github.com/gagliardetto/solana-go"
)

// scene is what was read for an ask, understood.
type scene struct {
	ask Ask

	// form is the token's, None if there is no mint. funded is what lies at the mint's
	// address all the same: anybody may have sent it there.
	form   Form
	funded uint64
	mint   MintState

	from, to party

	// group is the collection that the token shall be a member of; nil if it has none or
	// if there is no such account.
	group *MintState

	// why is what must not be, wherever it is.
	why Why
}

// party is a wallet and its account of the token.
type party struct {
	wallet, at Key
	lamports   uint64
	there      bool // the account
	state      HoldingState
}

// holds reports whether the token is in the account.
func (p *party) holds() bool { return p.there && p.state.Amount == 1 }

// frozen reports whether the account is there and frozen.
func (p *party) frozen() bool { return p.there && p.state.Frozen }

// look reads what was seen.
func look(ask Ask, roles Roles, seen []Account) (*scene, error) {
	keys, err := Watch(ask)
	if err != nil {
		return nil, err
	}
	if len(seen) != len(keys) {
		return nil, fmt.Errorf("%w: %d accounts instead of %d", ErrAsk, len(seen), len(keys))
	}
	for i := range keys {
		if seen[i].Key != keys[i] {
			return nil, fmt.Errorf("%w: account %d is another one", ErrAsk, i)
		}
	}
	s := &scene{ask: ask}
	if err := s.lookMint(roles, &seen[0]); err != nil {
		return nil, err
	}
	rest := seen[1:]
	for i, wallet := range ask.wallets() {
		p, why, err := lookHolding(wallet, ask.Mint, &rest[i])
		if err != nil {
			return nil, err
		}
		s.blame(why)
		if wallet == ask.From {
			s.from = p
		}
		if wallet == ask.To {
			s.to = p
		}
	}
	if ask.Kind == Mint && ask.Spec.Group != (Key{}) {
		return s, s.lookGroup(roles, &rest[len(rest)-1])
	}
	return s, nil
}

// blame keeps the first thing that must not be.
func (s *scene) blame(why Why) {
	if s.why == Fine {
		s.why = why
	}
}

func (s *scene) lookMint(roles Roles, a *Account) error {
	m, why, err := readMint(a)
	if err != nil || m == nil {
		s.funded = a.Lamports
		s.blame(why)
		return err
	}
	s.mint = *m
	if s.ask.Kind == Group {
		if m.Group == nil || m.Group.Authority != roles.Authority || m.Supply != 0 || m.Authority != (Key{}) {
			s.blame(NotOurs)
		}
		s.form = Held // there is one; a collection has no other form
		return nil
	}
	s.form, why = formOf(m, s.ask.Mint, roles)
	s.blame(why)
	return nil
}

func (s *scene) lookGroup(roles Roles, a *Account) error {
	m, why, err := readMint(a)
	if err != nil {
		return err
	}
	s.blame(why)
	if m == nil {
		return nil
	}
	if m.Group == nil || m.Group.Authority != roles.Authority {
		s.blame(NotOurs)
	}
	s.group = m
	return nil
}

// readMint returns nil where there is no mint, though there may be lamports.
func readMint(a *Account) (*MintState, Why, error) {
	switch {
	case vacant(a):
		return nil, Fine, nil
	case a.Owner != solana.Token2022ProgramID:
		return nil, Foreign, nil
	}
	m, err := ReadMint(a.Data)
	if err != nil {
		return nil, Fine, fmt.Errorf("mint %s: %w", a.Key, err)
	}
	return &m, Fine, nil
}

// vacant reports whether an account can still be made at an address: there may be
// lamports, but neither data nor a program that owns them.
func vacant(a *Account) bool {
	return a.Absent() || a.Owner == solana.SystemProgramID && len(a.Data) == 0
}

func lookHolding(wallet, mint Key, a *Account) (party, Why, error) {
	p := party{wallet: wallet, at: a.Key, lamports: a.Lamports}
	switch {
	case vacant(a):
		return p, Fine, nil
	case a.Owner != solana.Token2022ProgramID:
		return p, BadHolding, nil
	}
	h, err := ReadHolding(a.Data)
	if err != nil {
		return p, Fine, fmt.Errorf("token account %s: %w", a.Key, err)
	}
	if h.Mint != mint || h.Owner != wallet {
		return p, BadHolding, nil
	}
	p.there, p.state = true, h
	return p, Fine, nil
}

// formOf says which form a mint has, or that it is none that can have been made here.
func formOf(m *MintState, at Key, roles Roles) (Form, Why) {
	none := Key{}
	if m.Strange || m.Decimals != 0 || m.Supply > 1 || m.Authority != none ||
		m.CloseAuthority != none || m.Metadata != at || m.Group != nil || m.GroupAt != none {
		return None, NotOurs
	}
	switch {
	case m.Supply == 0:
		return Burned, Fine
	case m.BornFrozen && m.Delegate == roles.Authority && m.FreezeAuthority == roles.Authority:
		return Held, Fine
	case !m.BornFrozen && m.Delegate == none && (m.FreezeAuthority == none || m.FreezeAuthority == roles.Authority):
		return Free, Fine
	}
	return None, NotOurs
}
