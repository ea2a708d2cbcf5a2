package redis

import (
	"context"

	client "github.com/redis/go-redis/v9"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
)

// Lobby implements [queue.Engine]. It closes every small hash for numbers up to the
// last one before it reads the hash, in one step: whoever has drawn such a number
// and did not come in time draws another. The one exception: who proves that they
// had a number which a failover has made Redis forget gets that back, though it is
// in no list any more.
func (e *Engine) Lobby(ctx context.Context, event ticket.EventID) ([]queue.Key, error) {
	v, err := e.look(ctx, event, 0, 0)
	if err != nil || v.last == 0 {
		return nil, err
	}
	keys := make([]queue.Key, v.last)
	calls := make([]call, buckets)
	for i := range calls {
		calls[i] = call{e.bucketKey(event, i), []any{v.last, e.cfg.Keep.Milliseconds()}}
	}
	err = e.runAll(ctx, seal, calls, func(bucket int, c *client.Cmd) error {
		pairs, err := c.StringSlice()
		if err != nil {
			return failed("close the lobby", err)
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == sealField {
				continue
			}
			n, err := number(pairs[i+1])
			if err != nil {
				return err
			}
			k, ok := join(bucket, pairs[i])
			if !ok {
				return damaged("a person")
			}
			if n > v.last {
				continue // came later
			}
			if keys[n-1] != (queue.Key{}) {
				return damaged("a number that belongs to two people")
			}
			keys[n-1] = k
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}
