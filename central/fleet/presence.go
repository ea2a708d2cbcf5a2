package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/con-ting/conting/sync/ticket"
)

// Heard takes what a device said about itself: its birth, a periodic report, or
// its last will (Online is false, and all but the epoch is ignored). Brokers may
// deliver a will after the birth of the next connection, so a state of an older
// epoch than the stored one is dropped. The caller says who the sender is, and
// must know it from the topic, whose use the broker's access rules guard. The
// field Heard is set here.
func (f *Fleet) Heard(ctx context.Context, id ticket.DeviceID, p Presence) error {
	p.Version, p.Heard = cut(p.Version, maxVersion), f.cfg.Now().Unix()
	stored, err := f.cfg.Store.SavePresence(ctx, id, p)
	if errors.Is(err, ErrNotFound) {
		f.cfg.Logger.DebugContext(ctx, "state of a device that is not in the fleet", slog.String("device", string(id)))
		return nil
	}
	if err != nil {
		return fmt.Errorf("keep state of %s: %w", id, err)
	}
	f.cfg.Logger.DebugContext(ctx, "device state", slog.String("device", string(id)),
		slog.Uint64("epoch", p.Epoch), slog.Bool("online", p.Online), slog.Bool("stored", stored))
	return nil
}

// Silence notes that no device is connected. It is for the start of a broker that
// remembers nothing: the wills of those who were connected when it died come no
// more. Each that connects again says so with a higher epoch.
func (f *Fleet) Silence(ctx context.Context) error {
	if err := f.cfg.Store.Silence(ctx); err != nil {
		return fmt.Errorf("note that no device is connected: %w", err)
	}
	return nil
}

// maxVersion is how much of a device's version string is kept, in bytes.
const maxVersion = 64

func cut(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
