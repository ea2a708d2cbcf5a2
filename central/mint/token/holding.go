package token

import "fmt"

// multisigSize is how long a multisignature account is. One of the same length is no
// token account: the program itself tells them apart so.
const multisigSize = 355

// HoldingState is a token account's content, as far as it matters here.
type HoldingState struct {
	Mint, Owner Key
	Amount      uint64
	Frozen      bool
	Delegate    Key // to whom the owner has given it to move; zero for nobody
	Closer      Key // who may close it in the owner's place; zero for nobody

	// MemoNeeded says that the owner takes transfers only after a memo.
	MemoNeeded bool
}

// ReadHolding decodes a Token-2022 token account's data. An error wraps [ErrUnreadable].
func ReadHolding(data []byte) (HoldingState, error) {
	if len(data) > MaxData || len(data) < baseHolding || len(data) == multisigSize {
		return HoldingState{}, fmt.Errorf("%w: token account of %d bytes", ErrUnreadable, len(data))
	}
	c := cursor{rest: data[:baseHolding]}
	h := HoldingState{Mint: c.key(), Owner: c.key(), Amount: c.u64(), Delegate: c.option()}
	switch c.byte() {
	case stateInitialised:
	case stateFrozen:
		h.Frozen = true
	case stateUninitialised:
		return HoldingState{}, fmt.Errorf("%w: token account is not initialised", ErrUnreadable)
	default:
		c.bad = true
	}
	c.bad = c.bad || c.u32() > 1 // whether it holds wrapped SOL,
	c.u64()                      // and how much of it is rent
	c.u64()                      // how much the delegate may move
	h.Closer = c.option()
	if err := c.end("token account"); err != nil {
		return HoldingState{}, err
	}
	if len(data) == baseHolding {
		return h, nil
	}
	list, err := extensions(data, kindHolding)
	if err != nil {
		return HoldingState{}, err
	}
	for _, e := range list {
		if e.kind == extMemoTransfer {
			c := cursor{rest: e.value}
			h.MemoNeeded = c.flag()
			if err := c.end("token account's memo extension"); err != nil {
				return HoldingState{}, err
			}
		}
	}
	return h, nil
}
