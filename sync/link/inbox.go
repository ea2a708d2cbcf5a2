package link

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// inbox is the bounded queue between paho and OnMessage. A full inbox drops the
// newest message instead of blocking: a blocked paho stops answering pings and
// reading acknowledgements, which would turn a slow consumer into a lost
// connection. What was dropped is counted in [State]; it does no harm beyond
// delay, since every consumer finds gaps by sequence numbers and asks again.
type inbox struct {
	queue   chan Message
	most    int64
	bytes   atomic.Int64
	dropped atomic.Uint64
}

func newInbox(length, most int) *inbox {
	return &inbox{queue: make(chan Message, length), most: int64(most)}
}

// put never blocks. It reports how many messages were dropped so far if it dropped this one.
func (b *inbox) put(m Message) (dropped uint64) {
	size := int64(len(m.Payload) + len(m.Topic))
	if b.bytes.Add(size) <= b.most {
		select {
		case b.queue <- m:
			return 0
		default:
		}
	}
	b.bytes.Add(-size)
	return b.dropped.Add(1)
}

// consume hands messages to OnMessage, one at a time, until the context ends.
func (l *Link) consume(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-l.in.queue:
			l.in.bytes.Add(-int64(len(m.Payload) + len(m.Topic)))
			l.cfg.OnMessage(m.Topic, m.Payload)
			if l.waiting.Load() {
				l.Wake() // it may have been the acknowledgement that the outbox waits for
			}
		}
	}
}

// receive takes a message from paho.
func (l *Link) receive(ctx context.Context, m Message) {
	if l.cfg.OnMessage == nil {
		return
	}
	if n := l.in.put(m); n != 0 && n&(n-1) == 0 { // 1, 2, 4, 8 …: not a line for each
		l.cfg.Logger.WarnContext(ctx, "inbound queue is full", slog.Uint64("dropped", n))
	}
}
