package uplink

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/topic"
)

// takeStatusList keeps a registrar's newer list of the credentials that it took
// back. The broker is believed neither the list nor its address.
func (u *Uplink) takeStatusList(ctx context.Context, n topic.Name, raw []byte) error {
	if u.cfg.OpenStatusList == nil {
		return nil
	}
	l, err := topic.ParseListing(raw)
	if err != nil {
		return err
	}
	if topic.StatusListOf(l.URL) != n.String() {
		return fmt.Errorf("status list of %.80q on the topic of another: %w", l.URL, topic.ErrMessage)
	}
	issued, err := u.cfg.OpenStatusList(ctx, l.URL, l.JWT, u.cfg.Now())
	if err != nil {
		return err
	}
	list := store.StatusList{URL: l.URL, Issued: issued.Unix(), JWT: l.JWT}
	fresh, err := u.cfg.Store.KeepStatusList(ctx, list)
	if err != nil || !fresh {
		return err
	}
	u.cfg.Logger.InfoContext(ctx, "status list accepted", slog.String("url", l.URL), slog.Time("issued", issued))
	if u.cfg.OnStatusList != nil {
		u.cfg.OnStatusList(list)
	}
	return nil
}

// relist asks for the retained status lists again: what an unknown issuer had
// signed may be good under a newer trust list. Without a connection it is not
// needed, because the next one brings them.
func (u *Uplink) relist(ctx context.Context) {
	if u.cfg.OpenStatusList == nil || u.link == nil {
		return
	}
	l := u.link
	u.tasks.Go(func() {
		if err := l.Subscribe(ctx, topic.AllStatusLists()); err != nil && ctx.Err() == nil {
			u.cfg.Logger.WarnContext(ctx, "status lists were not asked for again", slog.Any("error", err))
		}
	})
}
