package turnstile

import (
	"context"
	"errors"
	"fmt"

	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/sync/hint"
)

// ErrKeyInDoubt means that the device may have either key: keep both.
var ErrKeyInDoubt = errors.New("the device may have the old key or the new one")

// RekeyOSDP gives a device another key, through Secure Channel and never otherwise,
// and proves that the device has it. An error that does not wrap [ErrKeyInDoubt]
// means that the device still has the old key.
func RekeyOSDP(ctx context.Context, cfg OSDPConfig, key OSDPKey) error {
	if !key.usable() || !cfg.Key.usable() || key == cfg.Key {
		return fmt.Errorf("%w: want an old key and another, neither the default one", ErrKey)
	}
	q, err := inquire(ctx, cfg)
	if err != nil {
		return err
	}
	defer q.close()
	if err := q.secure(ctx); err != nil {
		return err
	}
	got := make(chan osdp.Reply, 1)
	sent := false
	var before uint32
	raw := [16]byte(key)
	if err := q.look(ctx, func() {
		before = q.cp.Stats().Handshakes
		sent = q.await(q.cp.Rekey(&raw), func(r *osdp.Reply) { got <- *r })
	}); err != nil {
		return err
	}
	if !sent {
		return errAway
	}
	select {
	case r := <-got:
		switch {
		case r.Fault == osdp.FaultUnsent:
			return errAway
		case r.Fault == osdp.FaultNone && r.Code == osdp.ReplyNak:
			return hint.Errorf("set the key with the device's own tool", "the device refuses a new key")
		case r.Fault != osdp.FaultNone || r.Code != osdp.ReplyAck:
			return ErrKeyInDoubt
		}
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrKeyInDoubt, ctx.Err())
	}
	if err := q.until(ctx, func() bool { return q.cp.Online() && q.cp.Stats().Handshakes > before }); err != nil {
		return fmt.Errorf("%w: Secure Channel did not come back: %w", ErrKeyInDoubt, err)
	}
	return nil
}
