package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/con-ting/conting/gate/identity"
)

func runCommand() *subcommand {
	return &subcommand{
		name: "run", args: "", summary: "work this lane until a signal comes",
		detail: `
Opens the lane with what is on the disk, whether or not central answers, and
stops in order on SIGTERM or SIGINT. With --events each verdict, passage and
change of state is one JSON object a line, for scripts. The exit status is 3
when the database is broken.

  gate run
  gate run --config north.toml --events - | jq -c 'select(.event == "verdict")'`,
		flags: func(c *call) {
			c.events = c.String("events", "", "write events as JSON lines to `file`; - is standard output")
		},
		run: func(ctx context.Context, a *app, c *call) error {
			if err := c.Want(0, 0); err != nil {
				return err
			}
			conf, err := c.load()
			if err != nil {
				return err
			}
			out, done, err := a.eventSink(*c.events)
			if err != nil {
				return err
			}
			return errors.Join(a.work(ctx, conf, out), done())
		},
	}
}

// eventSink opens where events go; nil is nowhere.
func (a *app) eventSink(name string) (io.Writer, func() error, error) {
	nothing := func() error { return nil }
	switch name {
	case "":
		return nil, nothing, nil
	case "-":
		return a.out, nothing, nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // the operator's own choice
	if err != nil {
		return nil, nothing, fmt.Errorf("events: %w", err)
	}
	return f, f.Close, nil
}

// work builds the appliance and runs it to its end.
func (a *app) work(ctx context.Context, conf config, events io.Writer) error {
	notify, err := newNotifier(a.getenv, a.pid)
	if err != nil {
		return err
	}
	g, err := a.build(ctx, conf, events)
	if err != nil {
		return err
	}
	g.notify = notify
	return errors.Join(g.serve(ctx), g.close())
}

// serve starts everything, waits for the end, and stops in this order: no more
// input, then the lane with its last writes, then what talks to the world, then
// the caller closes the disk.
func (g *appliance) serve(ctx context.Context) error {
	g.recover(ctx)
	back, stopBack := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBack()
	failed := make(chan error, 8)
	var background sync.WaitGroup
	spawn := func(what string, run func(context.Context) error) {
		background.Go(func() {
			if err := run(back); err != nil {
				failed <- fmt.Errorf("%s: %w", what, err)
			}
		})
	}
	spawn("panel", g.panel.Run)
	spawn("refresh", g.keepRefreshing)
	spawn("watchdog", func(ctx context.Context) error { return g.notify.guard(ctx, g.alive) })
	if g.uplink != nil {
		spawn("uplink", g.uplink.run)
		spawn("renewal on request", g.renewals)
		spawn("renewal", func(ctx context.Context) error {
			identity.KeepFresh(ctx, g.id, g.now, g.log, func() {})
			return nil
		})
	}

	front, stopFront := context.WithCancel(ctx)
	defer stopFront()
	laneEnded := make(chan error, 1)
	go func() { laneEnded <- g.lane.Run(front) }()
	inputEnded := g.readInput(front)

	err := g.ready(ctx)
	if err == nil {
		select {
		case <-ctx.Done():
			g.log.InfoContext(ctx, "stopping on a signal")
		case <-inputEnded:
			g.log.InfoContext(ctx, "stopping at the end of the input")
			g.events.settled(ctx, g.lane.Patience())
		case err = <-failed:
		case err = <-laneEnded:
			laneEnded <- err
		}
	}
	g.tell(ctx, "STOPPING=1")
	stopFront()
	err = errors.Join(err, <-laneEnded)
	if g.uplink != nil {
		g.flush(back)
	}
	stopBack()
	background.Wait()
	close(failed)
	for more := range failed {
		err = errors.Join(err, more)
	}
	g.events.say(event{Event: "stopped"})
	return err
}

// ready tells everybody that the lane is open.
func (g *appliance) ready(ctx context.Context) error {
	address := g.panel.Addr().String()
	if err := (addresses{Panel: address, PID: g.pid, Snapshot: g.snapshotKey}).write(g.conf.addresses()); err != nil {
		return err
	}
	g.tell(ctx, "READY=1", "STATUS=lane "+g.conf.Lane.Name+" is open, panel at "+address)
	g.log.InfoContext(ctx, "lane is open", slog.String("device", string(g.id.Device())), slog.String("gate", g.id.Gate()),
		slog.String("lane", g.conf.Lane.Name), slog.String("panel", address))
	g.events.say(event{Event: "ready", Lane: g.conf.Lane.Name, Panel: address})
	return nil
}

// tell speaks to the service manager. That it does not listen stops no lane.
func (g *appliance) tell(ctx context.Context, lines ...string) {
	if err := g.notify.say(lines...); err != nil {
		g.log.WarnContext(ctx, "service manager does not listen", slog.Any("error", err))
	}
}

// recover flags what an earlier life of this gate left open. A disk that cannot
// take that now takes it at the next start; the lane says storage_fault meanwhile.
func (g *appliance) recover(ctx context.Context) {
	n, err := g.store.Recover(ctx)
	switch {
	case err != nil:
		g.log.ErrorContext(ctx, "admissions of an earlier run were not flagged", slog.Any("error", err))
	case n > 0:
		g.log.WarnContext(ctx, "admissions of an earlier run were flagged: nobody knows whether those people passed", slog.Int("count", n))
	}
}
