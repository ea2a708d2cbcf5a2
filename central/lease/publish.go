package lease

import (
	"context"
	"log/slog"
	"time"

	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
)

// Run publishes the pages until ctx ends, and then returns nil. What cannot be
// sent is sent again, as it is by then.
func (b *Book) Run(ctx context.Context) error {
	tick := time.NewTicker(b.cfg.ChangedWithin / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if b.connected.Load() {
			b.publish(ctx)
		}
	}
}

// Connected says whether the broker can be reached. Each time it can again, every
// page is published again. It never blocks for long.
func (b *Book) Connected(yes bool) {
	if !b.connected.Swap(yes) && yes {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, p := range b.pages {
			p.changed = true
		}
	}
}

// publish sends the pages that are due.
func (b *Book) publish(ctx context.Context) {
	for _, at := range b.due() {
		if err := b.send(ctx, at); err != nil {
			if ctx.Err() == nil {
				b.cfg.Logger.WarnContext(ctx, "page of sessions was not sent; it is sent again",
					slog.String("event", at.event.String()), slog.Int("page", int(at.page)), slog.Any("error", err))
			}
			return // the broker is gone, or the next one fails as well
		}
	}
}

// due lists the pages that have changed, or whose live sessions need another word
// before the gates take the last for old. Ticks come twice as often as a changed
// page may be told, and somewhat late or early.
func (b *Book) due() []place {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire(now)
	var out []place
	for at, p := range b.pages {
		silent := now.Sub(p.sent)
		empty := len(p.entries) == 0 // has nothing but a retained message to take off
		if p.changed && silent >= b.cfg.ChangedWithin*3/4 || empty || p.live > 0 && silent >= b.cfg.AnewEvery-b.cfg.ChangedWithin/2 {
			out = append(out, at)
		}
	}
	return out
}

// send publishes one page as it is now, or takes an empty one off the broker.
func (b *Book) send(ctx context.Context, at place) (err error) {
	contents, empty := b.contents(at)
	defer func() {
		if err != nil {
			b.unsent(at)
		}
	}()
	var data []byte
	if !empty {
		if data, err = ticketset.SignLeasePage(b.cfg.Signer, contents); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.SendTimeout)
	defer cancel()
	return b.cfg.Link.Publish(ctx, topic.LeasePage(at.event, at.page), data, true)
}

// contents returns what a page says now and notes that it was said. An empty page
// is forgotten.
func (b *Book) contents(at place) (contents ticketset.LeasePage, empty bool) {
	now := b.cfg.Now()
	b.mu.Lock()
	p := b.pages[at]
	if p == nil || len(p.entries) == 0 {
		delete(b.pages, at)
		b.mu.Unlock()
		return contents, true
	}
	b.issued = max(b.issued+1, now.UnixMilli()) // grows although a clock is set back
	contents = ticketset.LeasePage{Event: at.event, Page: at.page, Issued: b.issued}
	live, lapsed := make([][8]byte, 0, p.live), make([][8]byte, 0, len(p.entries)-p.live)
	for id, e := range p.entries {
		if e.lapsed {
			lapsed = append(lapsed, id)
		} else {
			live = append(live, id)
		}
	}
	p.changed, p.sent = false, now
	b.mu.Unlock()
	contents.Live, contents.Lapsed = ticketset.NewLeaseIDs(live), ticketset.NewLeaseIDs(lapsed)
	return contents, false
}

// unsent notes that a page must be published again.
func (b *Book) unsent(at place) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.pages[at]
	if p == nil { // an empty one, to be taken off
		p = &page{entries: make(map[ID]*entry)}
		b.pages[at] = p
	}
	p.changed = true
}
