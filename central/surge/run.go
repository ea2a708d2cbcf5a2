package surge

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// observeEvery is how often an observer hears.
const observeEvery = 250 * time.Millisecond

// run is a surge under way.
type run struct {
	cfg   Config
	host  string
	crowd Crowd
	began time.Time
	wheel *wheel

	ready chan int32 // who is due, for any connection to take; has room for everybody
	open  atomic.Int64
	done  chan struct{} // closed when nobody will ask again

	records *records
	unsent  atomic.Int64
}

// Run carries out a surge and returns what it measured. It ends when everybody is done, when the time is up
// and what was sent is answered, or with ctx, whose error it then returns beside what there is.
func Run(ctx context.Context, cfg Config, crowd Crowd) (*Result, error) {
	host, err := cfg.check()
	if err != nil {
		return nil, err
	}
	r := &run{
		cfg: cfg, host: host, crowd: crowd, wheel: newWheel(cfg.People),
		ready: make(chan int32, cfg.People), done: make(chan struct{}), records: newRecords(crowd.Steps()),
	}
	r.open.Store(int64(cfg.People))
	for i, at := range arrivals(cfg.People, cfg.Ramp, cfg.Seed) {
		r.wheel.add(int32(i), at) // at most MaxPeople
	}
	r.began = cfg.Now()
	var workers, watcher sync.WaitGroup
	for range cfg.Connections {
		workers.Go(func() { r.work(ctx) })
	}
	watched := make(chan struct{})
	watcher.Go(func() { r.watch(watched) })
	r.dispatch(ctx)
	workers.Wait()
	close(watched)
	watcher.Wait()
	return r.result(), ctx.Err()
}

func (r *run) since() time.Duration { return r.cfg.Now().Sub(r.began) }

// dispatch hands people out as they become due, and ends the surge.
func (r *run) dispatch(ctx context.Context) {
	defer close(r.ready)
	tick := time.NewTicker(wheelTick)
	defer tick.Stop()
	var due []int32
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.done:
			return
		case <-tick.C:
		}
		now := r.since()
		due = r.wheel.take(now, due[:0])
		for _, p := range due {
			r.ready <- p
		}
		if now > r.cfg.Duration+r.cfg.Timeout { // what is not even sent by now never was
			return
		}
	}
}

// work is one connection.
func (r *run) work(ctx context.Context) {
	c := &connection{cfg: &r.cfg, host: r.host, out: make([]byte, 0, 1<<10), body: make([]byte, 0, 1<<10)}
	defer c.close()
	for p := range r.ready {
		if ctx.Err() != nil || r.since() > r.cfg.Duration+r.cfg.Timeout {
			r.unsent.Add(1)
			continue
		}
		r.turn(ctx, c, p)
	}
}

// turn is one request of one person.
func (r *run) turn(ctx context.Context, c *connection, p int32) {
	var a Answer
	c.out, a.Step = r.crowd.Ask(int(p), c.out[:0])
	a.Meant = r.wheel.due[p]
	a.Sent = r.since()
	c.exchange(ctx, &a)
	a.Done = r.since()
	if ctx.Err() != nil {
		return // broken off by us; it says nothing about the server
	}
	wait, more := r.crowd.Hear(int(p), &a)
	r.records.add(&a)
	if next := a.Done + max(wait, 0); more && next <= r.cfg.Duration {
		r.wheel.add(p, next)
		return
	}
	if r.open.Add(-1) == 0 {
		close(r.done)
	}
}

// watch keeps the record of each second and tells the observer.
func (r *run) watch(end <-chan struct{}) {
	tick := time.NewTicker(observeEvery)
	defer tick.Stop()
	for {
		select {
		case <-end:
			r.records.cut(r.since(), true)
			return
		case <-tick.C:
		}
		r.records.cut(r.since(), false)
		if r.cfg.Observe != nil {
			r.cfg.Observe(r.snapshot())
		}
	}
}
