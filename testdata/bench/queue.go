package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/con-ting/conting/central/surge"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/servers"
)

// The surge that the figures are of.
const (
	connections = 256
	rampOf      = 10 * time.Second
	perMinute   = 6000 // admitted
	firstEvent  = 2001
	warmFor     = 3 * time.Second
	nervous     = 3 // one in so many enters twice
	sideBySide  = 3 // times that polls and hellos are measured in turns
)

// queueBench is what the figures of the queue are measured with.
type queueBench struct {
	out      io.Writer
	dir, bin string
	plan     string
	people   int
	lasts    time.Duration
	kills    int
	report   string // folder for the surges' reports; none if empty
	hello    *hello
	hellos   series
}

// engine is what central keeps the queue in.
type engine struct {
	name   string
	config string     // of central
	other  func() int // the process that keeps places beside central; nil if there is none
}

func (b *queueBench) run(ctx context.Context, only string) (err error) {
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("", "conting-bench-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(b.dir) }()
	}
	runtime.GOMAXPROCS(max(1, runtime.NumCPU()/2)) // the other half, and more, is the server's
	if b.hello, err = startHello(ctx, b.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.hello.process.Stop()) }()
	if only == "" || only == "embedded" {
		if err := b.engine(ctx, engine{name: "embedded"}); err != nil {
			return fmt.Errorf("embedded: %w", err)
		}
	}
	if only == "" || only == "redis" {
		if err := b.redis(ctx); err != nil {
			return fmt.Errorf("redis: %w", err)
		}
	}
	return b.value("gin_hello_cpu_us", b.hellos.percentile(50))
}

// redis is the same with the numbers in a Redis that is started for it.
func (b *queueBench) redis(ctx context.Context) error {
	dir := filepath.Join(b.dir, "redis-server")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	r, err := servers.StartRedis(ctx, dir, servers.RedisAppend("everysec"))
	if err != nil {
		return err
	}
	defer r.Kill()
	return b.engine(ctx, engine{name: "redis", config: fmt.Sprintf("\n[queue]\nurl = %q\n", r.URL()), other: r.PID})
}

// engine prints the figures of one engine.
func (b *queueBench) engine(ctx context.Context, e engine) (err error) {
	dir := filepath.Join(b.dir, e.name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	o, err := openOffice(ctx, dir, b.bin, e.config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.process.Stop()) }()
	if err := b.surge(ctx, e, o); err != nil {
		return err
	}
	lost := 0
	for round := range b.kills {
		n, err := b.kill(ctx, o, firstEvent+1+round)
		if err != nil {
			return fmt.Errorf("kill: %w", err)
		}
		lost += n
	}
	return b.count(e.name+"_places_lost_on_kill", int64(lost))
}

// surge is everybody at once, a third of them entering twice, and asking as often as they are told to; then
// everybody entering once more; and then what one poll costs beside a hello.
func (b *queueBench) surge(ctx context.Context, e engine, o *office) error {
	if err := errors.Join(o.sell(ctx, b.plan, firstEvent, 0), o.openQueue(ctx, firstEvent, perMinute)); err != nil {
		return err
	}
	// What the connections themselves take is no person's.
	warm := []byte("GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n")
	if _, err := surge.Run(ctx, surge.Config{
		URL: o.api, People: 2 * connections, Ramp: time.Second, Duration: warmFor, Connections: connections, Now: time.Now,
	}, &steady{ask: func(_ int, r []byte) []byte { return append(r, warm...) }, every: steadyEvery}); err != nil {
		return err
	}
	before, otherBefore, err := e.memory(o)
	if err != nil {
		return err
	}
	q, err := b.crowd(o, firstEvent, b.people, 1, nervous, -1)
	if err != nil {
		return err
	}
	cpuBefore, err := cpuUsed(o.process.PID())
	if err != nil {
		return err
	}
	res, err := surge.Run(ctx, surge.Config{
		URL: o.api, People: b.people, Ramp: rampOf, Duration: b.lasts, Connections: connections, Seed: 1, Now: time.Now,
	}, q)
	if err != nil {
		return err
	}
	cpuAfter, err := cpuUsed(o.process.PID())
	if err != nil {
		return err
	}
	after, otherAfter, err := e.memory(o)
	if err != nil {
		return err
	}
	moved, err := b.enterAgain(ctx, o, q)
	if err != nil {
		return fmt.Errorf("enter again: %w", err)
	}
	if err := keep(b.report, e.name, res); err != nil {
		return err
	}
	if res.Counts["entered"] < int64(b.people) {
		_, _ = fmt.Fprintf(b.out, "# %s: %d of %d people were given a place; failures %v\n", e.name, res.Counts["entered"], b.people, res.Failures)
	}
	err = errors.Join(
		b.count(e.name+"_people", res.Counts["entered"]),
		b.count(e.name+"_requests", res.Requests),
		b.count(e.name+"_errors", res.Errors+res.Unsent+res.Counts["gave_up"]),
		latency(b.out, e.name+"_enter_ms", res, "enter"),
		latency(b.out, e.name+"_poll_ms", res, "poll"),
		b.value(e.name+"_bytes_per_person", float64(after-before+otherAfter-otherBefore)/float64(b.people)),
		b.count(e.name+"_duplicates", res.Counts["duplicates"]+int64(moved)),
		b.count(e.name+"_order_violations", res.Counts["order_violations"]),
		b.count(e.name+"_positions_grown", res.Counts["positions_grown"]),
		b.count(e.name+"_admitted", res.Counts["admitted"]),
	)
	if e.other != nil {
		err = errors.Join(err, b.value(e.name+"_server_bytes_per_person", float64(otherAfter-otherBefore)/float64(b.people)))
	}
	if err != nil {
		return err
	}
	var polls, ratios series
	for range sideBySide { // in turns, for the machine's other work comes and goes
		if err := b.sayHello(ctx); err != nil {
			return err
		}
		us, err := cpuOf(ctx, o.process.PID(), o.api, func(person int, r []byte) []byte { return q.AskPoll(b.people-1-person%b.people, r) })
		if err != nil {
			return fmt.Errorf("polls: %w", err)
		}
		polls.add(us)
		ratios.add(us / b.hellos[len(b.hellos)-1])
	}
	cpu := polls.percentile(50)
	entering := (float64((cpuAfter - cpuBefore).Microseconds()) - cpu*float64(requests(res, "poll"))) / float64(max(requests(res, "enter"), 1))
	_, err = fmt.Fprintf(b.out, "%s_poll_to_hello=%.2f\n", e.name, ratios.percentile(50))
	return errors.Join(err, b.value(e.name+"_poll_cpu_us", cpu), b.value(e.name+"_enter_cpu_us", entering))
}

// enterAgain has everybody come back by another browser, less hurried, and counts who then has another
// place than before.
func (b *queueBench) enterAgain(ctx context.Context, o *office, q *surge.Queue) (int, error) {
	again, err := b.crowd(o, firstEvent, b.people, 1, 0, 0)
	if err != nil {
		return 0, err
	}
	res, err := surge.Run(ctx, surge.Config{
		URL: o.api, People: b.people, Ramp: 2 * rampOf, Duration: time.Minute, Connections: connections, Seed: 2, Now: time.Now,
	}, again)
	if err != nil {
		return 0, err
	}
	if res.Errors+res.Unsent > 0 {
		return 0, fmt.Errorf("%d errors: %v", res.Errors, res.Failures)
	}
	return lost(q.Places(), again.Places()), nil
}

func requests(res *surge.Result, step string) int64 {
	for _, s := range res.Steps {
		if s.Name == step {
			return s.Requests
		}
	}
	return 0
}

func (b *queueBench) crowd(o *office, event, people int, seed uint64, again, polls int) (*surge.Queue, error) {
	return surge.NewQueue(surge.QueueConfig{
		URL: o.api, Event: ticket.EventID(event), People: people, Seed: seed, Access: o.access.Mint, Enters: 1, Again: again, Polls: polls,
	})
}

// memory is what central and the engine beside it hold in RAM.
func (e *engine) memory(o *office) (own, other int64, err error) {
	if own, err = resident(o.process.PID()); err != nil || e.other == nil {
		return own, 0, err
	}
	other, err = resident(e.other())
	return own, other, err
}

func (b *queueBench) sayHello(ctx context.Context) error {
	us, err := b.hello.cpu(ctx)
	if err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	b.hellos.add(us)
	return nil
}

// keep writes a surge's report into a folder, if there is one.
func keep(dir, name string, res *surge.Result) error {
	res.Profile = name
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for ending, write := range map[string]func(io.Writer) error{".html": res.HTML, ".png": res.PNG} {
		f, err := os.Create(filepath.Join(dir, "surge-"+name+ending))
		if err != nil {
			return err
		}
		if err := errors.Join(write(f), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (b *queueBench) count(name string, n int64) error {
	_, err := fmt.Fprintf(b.out, "%s=%d\n", name, n)
	return err
}

func (b *queueBench) value(name string, v float64) error {
	_, err := fmt.Fprintf(b.out, "%s=%.1f\n", name, v)
	return err
}

// latency prints how long a step took.
func latency(w io.Writer, name string, res *surge.Result, step string) error {
	for _, s := range res.Steps {
		if s.Name == step {
			_, err := fmt.Fprintf(w, "bench: %s p50=%.1f p95=%.1f p99=%.1f max=%.1f n=%d\n", name, s.P50, s.P95, s.P99, s.Max, s.Requests)
			return err
		}
	}
	return fmt.Errorf("%s: nothing was measured", name)
}
