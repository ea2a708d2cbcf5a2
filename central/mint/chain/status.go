package chain

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// Statuses says what became of transactions, one entry for each signature, nil for one
// that no block of the node's has. With search set the node looks into its whole history
// and not only into the last 150 blocks or so. The slot is the lowest that any part was
// answered at, and not below minSlot; it is the node's newest, at [Processed].
func (c *Client) Statuses(ctx context.Context, sigs []Signature, search bool, minSlot uint64) ([]*Status, uint64, error) {
	all, lowest := make([]*Status, 0, len(sigs)), uint64(0)
	for part := range slices.Chunk(sigs, MaxStatuses) {
		statuses, slot, err := c.statuses(ctx, part, search, minSlot)
		if err != nil {
			return nil, 0, err
		}
		if len(all) == 0 || slot < lowest {
			lowest = slot
		}
		all = append(all, statuses...)
	}
	return all, lowest, nil
}

func (c *Client) statuses(ctx context.Context, sigs []Signature, search bool, minSlot uint64) (statuses []*Status, slot uint64, err error) {
	err = c.ask(ctx, question{
		method: "getSignatureStatuses",
		params: []any{sigs, map[string]any{"searchTransactionHistory": search}},
		use: func(n *node, result json.RawMessage) error {
			var raw []*rawStatus
			if slot, err = readAt(result, &raw); err != nil {
				return err
			}
			if err := c.take(n, Processed, slot, minSlot); err != nil {
				return err
			}
			statuses, err = openStatuses(len(sigs), raw)
			return err
		},
	})
	return statuses, slot, err
}

// rawStatus is a status as nodes write it.
type rawStatus struct {
	Slot          uint64          `json:"slot"`
	Confirmations *uint64         `json:"confirmations"` // null at the root
	Err           json.RawMessage `json:"err"`
	Commitment    Commitment      `json:"confirmationStatus"`
}

func openStatuses(asked int, raw []*rawStatus) ([]*Status, error) {
	if len(raw) != asked {
		return nil, fmt.Errorf("%w: %d statuses where %d were asked for", errGarbage, len(raw), asked)
	}
	all := make([]*Status, asked)
	for i, r := range raw {
		if r == nil {
			continue
		}
		switch r.Commitment {
		case Processed, Confirmed, Finalized:
		default:
			return nil, fmt.Errorf("%w: a status without commitment", errGarbage)
		}
		failure, ok := transactionError(r.Err)
		if !ok || r.Slot > maxSlot {
			return nil, fmt.Errorf("%w: a status of another shape", errGarbage)
		}
		all[i] = &Status{Slot: r.Slot, Commitment: r.Commitment, Err: failure}
	}
	return all, nil
}
