package redis

import (
	"context"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
)

// Draw is the middle of an Enter.
func (e *Engine) Draw(ctx context.Context, event ticket.EventID, count uint32) (uint32, error) {
	return e.draw(ctx, event, count, 0)
}

// Give is the end of an Enter of one person.
func (e *Engine) Give(ctx context.Context, event ticket.EventID, k queue.Key, number uint32) (uint32, error) {
	people, _ := e.fold(event, []queue.Entry{{Key: k}})
	people[0].offer = number
	err := e.give(ctx, []*person{&people[0]})
	return people[0].number, err
}

// ParseHosts returns the servers of an address.
func ParseHosts(text string) ([]string, error) {
	a, err := parse(text)
	return a.hosts, err
}

// Overlay lays a window as Redis keeps it over another.
func Overlay(on queue.Window, text string) bool {
	w, ok := decodeWindow(text)
	if ok {
		overlay(on, w)
	}
	return ok
}

// Recode reads a record as Redis keeps it and writes it again.
func Recode(text string) (string, bool) {
	r, ok := decodeRecord(text)
	return r.encode(), ok
}

// Step is a part of Records.
func (e *Engine) Step(ctx context.Context, event ticket.EventID) error {
	_, err := e.step(ctx, event, &e.room(event).log)
	return err
}

// Extend puts numbers at hand that were reserved some time ago.
func (e *Engine) Extend(ctx context.Context, event ticket.EventID, before, to uint32) error {
	v, err := e.look(ctx, event, 0, 0)
	if err != nil {
		return err
	}
	return extend.Run(ctx, e.rdb, []string{e.roomKey(event), e.lockKey(event)}, v.reign, before, to, "").Err()
}
