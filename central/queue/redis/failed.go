package redis

import (
	"errors"
	"fmt"

	client "github.com/redis/go-redis/v9"

	"github.com/con-ting/conting/central/queue"
)

// wrong are the answers of a server that waiting does not change. Every other
// answer, and every failure to get one, may be different in a moment.
var wrong = []string{"ERR ", "NOPERM", "WRONGPASS", "NOAUTH", "WRONGTYPE", "CROSSSLOT", "NOSCRIPT"}

// failed names what went wrong. It wraps [queue.ErrUnavailable] unless the server
// has understood and will not, and [queue.ErrCorrupt] where a key is not ours.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	var answer client.Error
	if errors.As(err, &answer) {
		for _, prefix := range wrong {
			switch {
			case !client.HasErrorPrefix(err, prefix):
			case prefix == "WRONGTYPE":
				return fmt.Errorf("redis: %s: %w: %w", what, queue.ErrCorrupt, err)
			default:
				return fmt.Errorf("redis: %s: %w", what, err)
			}
		}
	}
	return fmt.Errorf("redis: %s: %w: %w", what, queue.ErrUnavailable, err)
}

// damaged says that a key of ours holds what we never put there.
func damaged(what string) error {
	return fmt.Errorf("redis: %s: %w", what, queue.ErrCorrupt)
}
