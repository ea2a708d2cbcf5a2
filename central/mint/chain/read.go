package chain

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gagliardetto/solana-go"
)

// lifetime is how many blocks a block hash lasts for.
const lifetime = 150

// Tip returns the newest block at a commitment, whose slot is not below minSlot.
//
// A transaction cannot land any more when the height at [Confirmed] is above its last,
// and what it does is absent from the accounts at [Confirmed] that are read with this
// tip's slot as the least: both from nodes that are not behind.
func (c *Client) Tip(ctx context.Context, at Commitment, minSlot uint64) (Tip, error) {
	var tip Tip
	err := c.ask(ctx, question{
		method: "getEpochInfo", // slot and height in one answer
		params: []any{options(at, minSlot)},
		use: func(n *node, result json.RawMessage) error {
			var info struct {
				Slot   *uint64 `json:"absoluteSlot"`
				Height *uint64 `json:"blockHeight"`
			}
			if err := read(result, &info); err != nil {
				return err
			}
			if info.Slot == nil || info.Height == nil || *info.Height > *info.Slot+1 {
				return fmt.Errorf("%w: no tip", errGarbage)
			}
			if err := c.take(n, at, *info.Slot, minSlot); err != nil {
				return err
			}
			tip = Tip{Slot: *info.Slot, Height: *info.Height}
			return nil
		},
	})
	if err != nil {
		return Tip{}, err
	}
	c.marks.height(tip)
	return tip, nil
}

// Blockhash returns a block hash to sign with.
func (c *Client) Blockhash(ctx context.Context, at Commitment) (Blockhash, error) {
	if _, known := c.marks.bound(0); !known {
		if _, err := c.Tip(ctx, at, 0); err != nil {
			return Blockhash{}, err
		}
	}
	var b Blockhash
	err := c.ask(ctx, question{
		method: "getLatestBlockhash",
		params: []any{options(at, 0)},
		use: func(n *node, result json.RawMessage) error {
			var value struct {
				Blockhash  json.RawMessage `json:"blockhash"`
				LastHeight uint64          `json:"lastValidBlockHeight"`
			}
			slot, err := readAt(result, &value)
			if err != nil {
				return err
			}
			hash, err := hashOf(value.Blockhash)
			if err != nil {
				return err
			}
			if err := c.take(n, at, slot, 0); err != nil {
				return err
			}
			// one that lasted for ever would never be signed anew
			if most, known := c.marks.bound(slot); !known || value.LastHeight > most || value.LastHeight == 0 {
				return fmt.Errorf("%w: a block hash that lasts to height %d", errGarbage, value.LastHeight)
			}
			b = Blockhash{Hash: hash, LastHeight: value.LastHeight, Slot: slot}
			return nil
		},
	})
	return b, err
}

// Accounts reads accounts, one entry for each key, nil for one that is absent. The slot
// is the lowest that any part was read at, and not below minSlot.
func (c *Client) Accounts(ctx context.Context, keys []Key, at Commitment, minSlot uint64) ([]*Account, uint64, error) {
	all, lowest := make([]*Account, 0, len(keys)), uint64(0)
	for part := range slices.Chunk(keys, MaxAccounts) {
		accounts, slot, err := c.accounts(ctx, part, at, minSlot)
		if err != nil {
			return nil, 0, err
		}
		if len(all) == 0 || slot < lowest {
			lowest = slot
		}
		all = append(all, accounts...)
	}
	return all, lowest, nil
}

func (c *Client) accounts(ctx context.Context, keys []Key, at Commitment, minSlot uint64) (accounts []*Account, slot uint64, err error) {
	o := options(at, minSlot)
	o["encoding"] = "base64"
	o["dataSlice"] = map[string]int{"offset": 0, "length": MaxData}
	err = c.ask(ctx, question{
		method: "getMultipleAccounts",
		params: []any{keys, o},
		use: func(n *node, result json.RawMessage) error {
			var raw []*rawAccount
			if slot, err = readAt(result, &raw); err != nil {
				return err
			}
			if err := c.take(n, at, slot, minSlot); err != nil {
				return err
			}
			accounts, err = openAccounts(keys, raw)
			return err
		},
	})
	return accounts, slot, err
}

// rawAccount is an account as nodes write it.
type rawAccount struct {
	Lamports   uint64   `json:"lamports"`
	Owner      string   `json:"owner"`
	Executable bool     `json:"executable"`
	Space      *uint64  `json:"space"`
	Data       []string `json:"data"` // and its encoding
}

func openAccounts(keys []Key, raw []*rawAccount) ([]*Account, error) {
	if len(raw) != len(keys) {
		return nil, fmt.Errorf("%w: %d accounts where %d were asked for", errGarbage, len(raw), len(keys))
	}
	all := make([]*Account, len(raw))
	for i, r := range raw {
		if r == nil {
			continue
		}
		if len(r.Data) != 2 || r.Data[1] != "base64" {
			return nil, fmt.Errorf("%w: an account that is not in base64", errGarbage)
		}
		data, err := base64.StdEncoding.Strict().DecodeString(r.Data[0])
		if err != nil {
			return nil, fmt.Errorf("%w: an account that is no base64", errGarbage)
		}
		owner, err := solana.PublicKeyFromBase58(r.Owner)
		if err != nil {
			return nil, fmt.Errorf("%w: an account without owner", errGarbage)
		}
		space := uint64(len(data))
		if r.Space != nil {
			space = *r.Space
		}
		if uint64(len(data)) != min(space, MaxData) {
			return nil, fmt.Errorf("%w: %d of an account's %d bytes", errGarbage, len(data), space)
		}
		all[i] = &Account{
			Key: keys[i], Lamports: r.Lamports, Owner: owner, Executable: r.Executable, Space: space, Data: data,
		}
	}
	return all, nil
}

// Balance returns an account's lamports; zero for one that is absent.
func (c *Client) Balance(ctx context.Context, key Key, at Commitment, minSlot uint64) (lamports uint64, err error) {
	err = c.ask(ctx, question{
		method: "getBalance",
		params: []any{key, options(at, minSlot)},
		use: func(n *node, result json.RawMessage) error {
			var value *uint64
			slot, err := readAt(result, &value)
			if err != nil {
				return err
			}
			if value == nil {
				return fmt.Errorf("%w: no balance", errGarbage)
			}
			lamports = *value
			return c.take(n, at, slot, minSlot)
		},
	})
	return lamports, err
}

// options are those that all reads share.
func options(at Commitment, minSlot uint64) map[string]any {
	o := map[string]any{"commitment": at}
	if minSlot > 0 {
		o["minContextSlot"] = minSlot
	}
	return o
}

// take notes the slot of a node's answer, or returns ErrBehind.
func (c *Client) take(n *node, at Commitment, slot, minSlot uint64) error {
	if err := c.marks.take(at, slot, minSlot, c.cfg.Now()); err != nil {
		return err
	}
	n.saw(slot)
	return nil
}
