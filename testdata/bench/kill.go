package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/con-ting/conting/central/surge"
)

// kill ends central, as a power cut would, at a moment of a surge that nobody chose, and counts who was
// told a place that is not there afterwards.
func (b *queueBench) kill(ctx context.Context, o *office, event int) (int, error) {
	const ramp = 6 * time.Second
	people := max(b.people/4, 1)
	if err := errors.Join(o.sell(ctx, b.plan, event, 0), o.openQueue(ctx, event, 60)); err != nil {
		return 0, err
	}
	told, err := b.crowd(o, event, people, uint64(event), 0, 0)
	if err != nil {
		return 0, err
	}
	killed := make(chan error, 1)
	go func() {
		select { // any moment at which people are entering
		case <-time.After(ramp/6 + rand.N(ramp/2)):
		case <-ctx.Done():
		}
		killed <- errors.Join(o.process.Kill(), o.start(ctx))
	}()
	cfg := surge.Config{URL: o.api, People: people, Ramp: ramp, Duration: time.Minute, Connections: connections, Seed: uint64(event), Now: time.Now}
	_, err = surge.Run(ctx, cfg, told)
	if err := errors.Join(err, <-killed); err != nil {
		return 0, err
	}
	again, err := b.crowd(o, event, people, uint64(event), 0, 0)
	if err != nil {
		return 0, err
	}
	res, err := surge.Run(ctx, cfg, again)
	if err != nil {
		return 0, err
	}
	if n := len(told.Places()); n < people || res.Errors > 0 {
		return 0, fmt.Errorf("%d of %d people got a place; then %d errors: %v", n, people, res.Errors, res.Failures)
	}
	return lost(told.Places(), again.Places()), nil
}

// lost counts the people who were told one place and have another now, or none, or one that somebody else
// was told.
func lost(told, now []surge.Place) (n int) {
	have := make(map[int]int64, len(now))
	for _, p := range now {
		have[p.Person] = p.Number
	}
	for _, p := range told {
		if have[p.Person] != p.Number {
			n++
		}
	}
	return n + int(surge.Shared(told))
}
