package uplink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

var (
	errWrongDevice = errors.New("a device speaks for another")
	errWrongEvent  = errors.New("a notice of another event")
)

// takeNotice takes note of what another device admitted, once it is certain that
// the device said so.
func (u *Uplink) takeNotice(ctx context.Context, n topic.Name, raw []byte) error {
	if n.Device == u.cfg.Device {
		return nil // an echo
	}
	k, err := u.keyring()
	if err != nil {
		return err
	}
	notice, err := topic.ParseNotice(raw)
	if err != nil {
		return err
	}
	d, err := k.VerifyDevice(notice.Certificate, u.cfg.Now())
	if err != nil {
		return err
	}
	if d.ID != n.Device {
		return fmt.Errorf("%s on the topic of %s: %w", d.ID, n.Device, errWrongDevice)
	}
	if d.Role != trust.RoleGate && d.Role != trust.RoleHandheld {
		return fmt.Errorf("%s has role %s: %w", d.ID, d.Role, trust.ErrWrongRole)
	}
	if !d.Serves(n.Event) {
		return fmt.Errorf("%s for event %s: %w", d.ID, n.Event, trust.ErrWrongEvent)
	}
	b, err := journal.OpenBatch(notice.Batch, d.ID, d.Key)
	if err != nil {
		return err
	}
	for _, e := range b.Entries {
		if e.Event != n.Event {
			return fmt.Errorf("entry %d of %s is about event %s: %w", e.Seq, d.ID, e.Event, errWrongEvent)
		}
	}
	if err := u.cfg.Store.ApplyNotice(ctx, d.ID, b.Entries); err != nil {
		return err
	}
	// A peer with a wild clock is believed about what it did, not about the time.
	if err := u.cfg.Store.Clock().Observe(b.At); err != nil {
		u.cfg.Logger.WarnContext(ctx, "a peer's clock is wrong", slog.String("device", string(d.ID)), slog.Any("error", err))
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.status.Peers[d.ID] = u.cfg.Now()
	return nil
}
