package lease

import "context"

// PublishAll sends every page at once.
func PublishAll(ctx context.Context, b *Book) {
	b.Connected(false)
	b.Connected(true)
	b.mu.Lock()
	for _, p := range b.pages {
		p.sent = p.sent.Add(-b.cfg.AnewEvery)
	}
	b.mu.Unlock()
	b.publish(ctx)
}
