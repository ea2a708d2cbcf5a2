package token

import "fmt"

// MintState is a mint account's content, as far as it matters here. A key that is zero
// is none.
type MintState struct {
	Authority       Key // who may mint
	Supply          uint64
	Decimals        uint8
	FreezeAuthority Key

	CloseAuthority Key
	Delegate       Key  // who may move and burn every holder's
	BornFrozen     bool // accounts are

	Metadata  Key // account that the pointer says has the metadata
	GroupAt   Key // the same of the group
	MemberAt  Key // and of the membership
	Described *Described
	Group     *GroupState
	MemberOf  Key // the collection

	// Strange says that the mint has extensions that no token of ours has: it may charge
	// for transfers, run another program with each, or be paused.
	Strange bool
}

// Described is a mint's text as it stands on chain.
type Described struct {
	Authority         Key // who may change it
	Name, Symbol, URI string
	Extra             []Pair
}

// GroupState is what makes a mint a collection.
type GroupState struct {
	Authority Key // who may add members
	Size, Max uint64
}

// ReadMint decodes a Token-2022 mint's data. What the program would not write is
// refused with an error that wraps [ErrUnreadable]; what it would, but is not a ticket's
// token, is not.
func ReadMint(data []byte) (MintState, error) {
	if len(data) > MaxData || len(data) < baseMint || len(data) > baseMint && len(data) < extended {
		return MintState{}, fmt.Errorf("%w: mint of %d bytes", ErrUnreadable, len(data))
	}
	c := cursor{rest: data[:baseMint]}
	m := MintState{Authority: c.option(), Supply: c.u64(), Decimals: c.byte()}
	there := c.flag()
	m.FreezeAuthority = c.option()
	if err := c.end("mint"); err != nil {
		return MintState{}, err
	}
	if !there {
		return MintState{}, fmt.Errorf("%w: mint is not initialised", ErrUnreadable)
	}
	if len(data) == baseMint {
		return m, nil
	}
	for _, b := range data[baseMint:baseHolding] {
		if b != 0 {
			return MintState{}, fmt.Errorf("%w: mint is not padded with zeros", ErrUnreadable)
		}
	}
	list, err := extensions(data, kindMint)
	if err != nil {
		return MintState{}, err
	}
	for _, e := range list {
		if err := m.extend(e); err != nil {
			return MintState{}, err
		}
	}
	return m, nil
}

// extend takes one extension in.
func (m *MintState) extend(e extension) error {
	c := cursor{rest: e.value}
	switch e.kind {
	case extCloseAuthority:
		m.CloseAuthority = c.key()
	case extDelegate:
		m.Delegate = c.key()
	case extDefaultState:
		state := c.byte()
		c.bad = c.bad || state > stateFrozen
		m.BornFrozen = state == stateFrozen
	case extMetadataPtr:
		c.key()
		m.Metadata = c.key()
	case extGroupPtr:
		c.key()
		m.GroupAt = c.key()
	case extMemberPtr:
		c.key()
		m.MemberAt = c.key()
	case extMetadata:
		m.Described = describedFrom(&c)
	case extGroup:
		g := GroupState{Authority: c.key()}
		c.key() // the mint's own
		g.Size, g.Max = c.u64(), c.u64()
		m.Group = &g
	case extMember:
		c.key() // the mint's own
		m.MemberOf = c.key()
		c.u64() // its number
	default:
		m.Strange = true
		return nil
	}
	return c.end(fmt.Sprintf("mint's extension %d", e.kind))
}

func describedFrom(c *cursor) *Described {
	d := &Described{Authority: c.key()}
	c.key() // the mint's own
	d.Name, d.Symbol, d.URI = c.text(), c.text(), c.text()
	for n := c.u32(); n > 0 && !c.bad; n-- {
		d.Extra = append(d.Extra, Pair{c.text(), c.text()})
	}
	return d
}
