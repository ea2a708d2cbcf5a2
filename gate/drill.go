package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/con-ting/conting/gate/doctor"
	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/command"
	"github.com/con-ting/conting/sync/hint"
)

// drill is gate doctor --lane: a person moves the lane's parts, one after the other.
type drill struct {
	on   bool
	yes  bool
	wait time.Duration
}

func (d *drill) flags(c *call) {
	c.BoolVar(&d.on, "lane", false, "test the lane by hand instead: asks you to move its parts, and opens it once")
	c.BoolVar(&d.yes, "yes", false, "with --lane: somebody stands at the lane, though nobody is at this terminal")
	c.DurationVar(&d.wait, "wait", 30*time.Second, "with --lane: how long to wait for each part")
}

// check refuses a drill that cannot be.
func (d *drill) check(ctx context.Context, a *app, c *call, conf *config) error {
	switch {
	case !d.on && !d.yes:
		return nil
	case !d.on:
		return c.Wrong("--yes goes with --lane")
	case conf.Lane.Driver == driverSoftware:
		return hint.Errorf("set [lane] driver to the turnstile's", "%w: a software lane has nothing to move", command.ErrUsage)
	case d.wait <= 0:
		return c.Wrong("--wait %s: want a time", d.wait)
	case !d.yes && !terminal(a.in):
		return hint.Errorf("run it at a terminal, or with --yes if somebody stands at the lane", "%w: a person has to do what --lane asks for", command.ErrUsage)
	}
	if liveAddress(ctx, conf) != "" {
		return hint.Errorf("stop the gate first (systemctl stop conting-gate): it holds the turnstile", "the gate runs")
	}
	return nil
}

// terminal reports whether somebody may be typing there.
func terminal(in any) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	null, nerr := os.Stat(os.DevNull)
	return err == nil && nerr == nil && info.Mode()&os.ModeCharDevice != 0 && !os.SameFile(info, null)
}

// examine goes through the lane.
func (d *drill) examine(ctx context.Context, a *app, conf *config) (doctor.Report, error) {
	watch, err := watchLane(conf, a.now)
	if err != nil {
		return doctor.Report{}, err
	}
	return doctor.Lane{Watch: watch, Open: a.openOnce(conf), Say: a.err, Wait: d.wait, Now: a.now}.Examine(ctx), nil
}

// watchLane returns how to watch the contacts of the configuration's turnstile.
func watchLane(conf *config, now func() time.Time) (func(context.Context, func([]doctor.Contact)) error, error) {
	tell := func(see func([]doctor.Contact)) func([]turnstile.Contact) {
		return func(contacts []turnstile.Contact) {
			out := make([]doctor.Contact, 0, len(contacts))
			for _, c := range contacts {
				out = append(out, doctor.Contact(c))
			}
			see(out)
		}
	}
	t := &conf.Turnstile
	if conf.Lane.Driver == driverOSDP {
		c, err := openOSDP(conf, conf.logger(io.Discard), now)
		return func(ctx context.Context, see func([]doctor.Contact)) error {
			return turnstile.WatchOSDP(ctx, c, tell(see))
		}, err
	}
	open, _, err := t.open(conf.Lane.Driver)
	if err != nil {
		return nil, err
	}
	w, err := t.wiring()
	return func(ctx context.Context, see func([]doctor.Contact)) error {
		return turnstile.WatchWires(ctx, open, w, tell(see))
	}, err
}

// openOnce returns how to let one person through: it opens the way in, and says how
// that ended.
func (a *app) openOnce(conf *config) func(context.Context) (string, error) {
	return func(ctx context.Context) (end string, err error) {
		d, err := openTurnstile(ctx, conf, conf.logger(io.Discard), a.now)
		if err != nil {
			return "", err
		}
		defer func() { err = errors.Join(err, closeTurnstile(d)) }()
		if c := settled(ctx, d); !c.Serves() {
			return "", hint.Errorf(c.Hint, "the turnstile is %s: %s", c.Word, c.Note)
		}
		g := turnstile.Grant{ID: rand.Uint64() | 1<<63, Timeout: max(conf.Lane.GrantTimeout, 15*time.Second)} //nolint:gosec // a number, no secret
		if err := d.Grant(ctx, g); err != nil {
			return "", err
		}
		for {
			select {
			case e, ok := <-d.Events():
				if !ok {
					return "", fmt.Errorf("the turnstile is gone: %w", turnstile.ErrFault)
				}
				if e.Grant == g.ID && e.Kind.Ends() {
					return e.Kind.String(), nil
				}
			case <-ctx.Done():
				return "nothing in time", nil
			}
		}
	}
}
