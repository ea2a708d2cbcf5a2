package chain

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

// What an account costs, in lamports a byte: rentOverhead bytes are charged for each
// account besides its data. The price was 6960 until 2026 and falls to 696 (SIMD-0437). A
// node that asks for more than maxRentRate is not believed: what is laid down in a
// mint does not come back.
const (
	rentOverhead = 128
	maxRentRate  = 4 * 6960
)

// maxSpace is the longest account, in bytes.
const maxSpace = 10 << 20

// rents keeps what was heard.
type rents struct {
	mu   sync.Mutex
	kept map[uint64]rent // guarded by mu
}

type rent struct {
	lamports uint64
	until    time.Time
}

// Rent returns what accounts of these data lengths must hold to stay. Prices are kept
// for [Config].RentFor.
func (c *Client) Rent(ctx context.Context, sizes ...uint64) (map[uint64]uint64, error) {
	all := make(map[uint64]uint64, len(sizes))
	for _, size := range sizes {
		if _, had := all[size]; had {
			continue
		}
		lamports, err := c.rent(ctx, size)
		if err != nil {
			return nil, err
		}
		all[size] = lamports
	}
	return all, nil
}

func (c *Client) rent(ctx context.Context, size uint64) (lamports uint64, err error) {
	if size > maxSpace {
		return 0, fmt.Errorf("%w: no account is %d bytes long", ErrRejected, size)
	}
	if lamports, ok := c.rents.get(size, c.cfg.Now()); ok {
		return lamports, nil
	}
	err = c.ask(ctx, question{
		method: "getMinimumBalanceForRentExemption",
		params: []any{size, options(Confirmed, 0)},
		use: func(_ *node, result json.RawMessage) error {
			var value *uint64
			if err := read(result, &value); err != nil {
				return err
			}
			if value == nil || *value > (size+rentOverhead)*maxRentRate {
				return fmt.Errorf("%w: no rent", errGarbage)
			}
			lamports = *value
			return nil
		},
	})
	if err == nil {
		c.rents.put(size, rent{lamports, c.cfg.Now().Add(c.cfg.RentFor)})
	}
	return lamports, err
}

func (r *rents) get(size uint64, now time.Time) (uint64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept, ok := r.kept[size]
	return kept.lamports, ok && now.Before(kept.until)
}

func (r *rents) put(size uint64, v rent) {
	const most = 4096 // sizes that differ
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil || len(r.kept) >= most {
		r.kept = make(map[uint64]rent)
	}
	r.kept[size] = v
}

// maxFeeAccounts is the most that getRecentPrioritizationFees takes.
const maxFeeAccounts = 128

// PriorityFee returns what transactions that write these accounts (the first 128 count)
// lately paid at least, in micro-lamports a compute unit: the given percentile of the
// last slots, at most limit.
func (c *Client) PriorityFee(ctx context.Context, writes []Key, percentile int, limit uint64) (fee uint64, err error) {
	if percentile < 0 || percentile > 100 {
		return 0, fmt.Errorf("%w: percentile %d", ErrRejected, percentile)
	}
	if limit == 0 {
		return 0, nil
	}
	if writes == nil {
		writes = []Key{}
	}
	err = c.ask(ctx, question{
		method: "getRecentPrioritizationFees",
		params: []any{writes[:min(len(writes), maxFeeAccounts)]},
		use: func(_ *node, result json.RawMessage) error {
			var slots []struct {
				Fee uint64 `json:"prioritizationFee"`
			}
			if err := read(result, &slots); err != nil {
				return err
			}
			fees := make([]uint64, len(slots))
			for i, s := range slots {
				fees[i] = s.Fee
			}
			fee = min(limit, quantile(fees, percentile))
			return nil
		},
	})
	return fee, err
}

// quantile returns the least value that percentile of a hundred values are not above;
// zero of none.
func quantile(values []uint64, percentile int) uint64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[max(0, (len(values)*percentile+99)/100-1)]
}
