package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/gate/engine"
	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/gate/panel"
	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/gate/qr"
	"github.com/con-ting/conting/gate/turnstile"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/trust"
)

// appliance is one gate with all its rooms.
type appliance struct {
	*app
	*unlocked
	conf   config
	lock   *lock
	log    *slog.Logger
	notify *notifier
	events *eventLog

	clock     *clock.Clock
	keyring   atomic.Pointer[trust.Keyring] // the uplink replaces it
	book      *proof.Book                   // nil for a lane without challenges
	issued    *credentials
	situation *situation
	turnstile driver
	eye       *eye           // nil for a lane that reads something else
	engine    *engine.Engine // nil for a lane that reads something else
	reading   sync.WaitGroup // whoever reads the engine
	panel     *panel.Panel
	// snapshotKey opens the panel's picture of the camera, for who may read the data folder.
	snapshotKey string
	lane        *lane.Lane
	uplink      *uplinkRoom // nil for a gate that stays off the network

	beat    atomic.Int64          // Unix nanoseconds of the last refresh
	trouble atomic.Pointer[error] // why the last refresh failed, if it did
	kick    chan struct{}         // cap 1: refresh now
}

// build opens every room, the disk first and the lane last. Nothing runs yet.
func (a *app) build(ctx context.Context, conf config, events io.Writer) (g *appliance, err error) {
	g = &appliance{
		app: a, conf: conf, log: conf.logger(a.err), kick: make(chan struct{}, 1),
		events: newEventLog(a.now, events),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	if g.clock, err = clock.New(ctx, clock.Config{Now: a.now, RTC: conf.Clock.Uncertainty}); err != nil {
		return g, err
	}
	if g.lock, err = takeLock(conf.DataDir); err != nil {
		return g, err
	}
	if g.unlocked, err = a.unlockAt(ctx, &conf, func() time.Time { return g.clock.Read().Now }); err != nil {
		return g, err
	}
	g.clock.Floor(g.store.Come()) // time never goes back past the journal
	g.keyring.Store(g.ring)
	if g.issued, err = newCredentials(ctx, g.store); err != nil {
		return g, diskError(err)
	}
	g.adopt(ctx, g.list)
	g.situation = &situation{store: g.store, events: g.id.Events(), mode: g.mode, lease: g.lease}
	if err = g.situation.refresh(ctx, g.clock.Read().Now); err != nil {
		return g, diskError(err)
	}
	for _, step := range []func(context.Context) error{g.buildTurnstile, g.buildInput, g.buildPanel, g.buildUplink, g.buildLane} {
		if err = step(ctx); err != nil {
			return g, err
		}
	}
	return g, nil
}

func (g *appliance) buildInput(ctx context.Context) (err error) {
	if g.conf.scanEngine() {
		g.engine, err = openEngine(context.WithoutCancel(ctx), &g.conf, g.log, g.now)
		if err != nil {
			return hint.Errorf("set [engine] as the README says", "engine: %w", err)
		}
		return nil
	}
	if g.conf.Lane.Input != inputCamera {
		return nil
	}
	// The camera outlives the signal that stops the lane, and is closed after it.
	cam, err := g.openCamera(context.WithoutCancel(ctx), &g.conf.Camera, g.log)
	if err != nil {
		return err
	}
	g.eye = newEye(cam)
	return nil
}

func (g *appliance) buildPanel(ctx context.Context) (err error) {
	c := panel.Config{
		Listen: g.conf.Panel.Listen, Gate: g.id.Gate(), Lane: g.conf.Lane.Name, Language: g.conf.Panel.Language,
		Version: version, Status: g.status, Health: g.health, Logger: g.log, Now: g.now,
	}
	if g.conf.Lane.Challenge {
		g.book, err = proof.NewBook(ctx, proof.BookConfig{
			Gate: g.id.Device(), Rand: rand.Reader, Now: func() time.Time { return g.clock.Read().Now }, Steady: g.now,
		})
		if err != nil {
			return err
		}
		c.Nonce, c.QR = g.nonce, g.drawNonce
	}
	if g.eye != nil {
		g.snapshotKey = rand.Text()
		c.Snapshot, c.SnapshotToken = g.eye.snapshot, g.snapshotKey
	}
	if g.conf.Lane.Staff {
		c.Confirm, c.Token = g.confirm, rand.Text()
	}
	if g.panel, err = panel.New(ctx, c); err != nil {
		return hint.Errorf("stop the other program, or choose another address in [panel] listen; gate doctor looks at it", "%w", err)
	}
	return nil
}

// confirm passes a steward's word on to the lane.
func (g *appliance) confirm(ctx context.Context, seq uint64) error {
	_, err := g.lane.Confirm(ctx, seq)
	switch {
	case errors.Is(err, lane.ErrNoReferral):
		return fmt.Errorf("%w: %w", panel.ErrGone, err)
	case errors.Is(err, lane.ErrBusy):
		return fmt.Errorf("%w: %w", panel.ErrBusy, err)
	}
	return err
}

func (g *appliance) nonce() (string, error) {
	n, err := g.book.Current()
	if err != nil {
		return "", err
	}
	return n.Text(), nil
}

// drawNonce draws a text; one that cannot be drawn is not shown.
func (g *appliance) drawNonce(text string) []byte {
	svg, err := qr.SVG(text)
	if err != nil {
		return nil
	}
	return svg
}

func (g *appliance) buildLane(ctx context.Context) error {
	prover, err := proof.New(ctx, proof.Config{Keyring: g.keyring.Load, Book: g.book, Credentials: g.issued, Gate: g.id.Device()})
	if err != nil {
		return err
	}
	mem := memory{Store: g.store, gate: g.id.Gate(), wake: g.grown, won: g.situation.won}
	judge, err := lane.NewJudge(ctx, lane.JudgeConfig{
		Gate: g.id.Gate(), Registry: mem, Prover: prover, Presenter: prover, Staff: g.conf.Lane.Staff, Situation: g.situation.now,
	})
	if err != nil {
		return err
	}
	c := lane.Config{
		Name: g.conf.Lane.Name, Judge: judge, Ledger: mem, Turnstile: g.turnstile, Clock: g.clock,
		GrantTimeout: g.conf.Lane.GrantTimeout, Observers: []lane.Observer{g.events, screen{g.panel}}, Logger: g.log, Now: g.now,
	}
	if o, ok := g.turnstile.(*turnstile.OSDP); ok {
		c.Observers[1] = lamp{c.Observers[1], o.Show}
	}
	if g.eye != nil {
		decoder, err := qr.New(qr.Config{Budget: g.conf.Camera.DecodeBudget, Now: g.now})
		if err != nil {
			return err
		}
		c.Camera, c.Decoder = g.eye, reader{decoder}
	}
	g.lane, err = lane.New(ctx, c)
	return err
}

// grown tells the uplink that the journal has something new.
func (g *appliance) grown() {
	if g.uplink != nil {
		g.uplink.Wake()
	}
}

// close releases what build opened, the disk last.
func (g *appliance) close() error {
	var errs []error
	g.events.close()
	if g.eye != nil {
		errs = append(errs, g.eye.Close())
	}
	if g.engine != nil {
		errs = append(errs, g.engine.Close())
		g.reading.Wait()
	}
	if g.turnstile != nil {
		errs = append(errs, closeTurnstile(g.turnstile))
	}
	if g.unlocked != nil {
		if err := os.Remove(g.conf.addresses()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		if err := g.store.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close the database: %w", diskError(err)))
		}
	}
	if g.lock != nil {
		errs = append(errs, g.lock.release())
	}
	return errors.Join(errs...)
}

// closeTurnstile locks the lane and takes its last events: the lane that read
// them has flagged whoever was on their way.
func closeTurnstile(t turnstile.Lane) error {
	var drained sync.WaitGroup
	drained.Go(func() {
		for range t.Events() {
		}
	})
	err := t.Close()
	drained.Wait()
	return err
}
