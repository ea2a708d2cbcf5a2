package main

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/gate/panel"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	refreshEvery = time.Second
	hungAfter    = 10 * time.Second // without a refresh or a beat of the lane
	certWarning  = 5 * 24 * time.Hour
	frameWarning = 10 * time.Second
)

// keepRefreshing reads the situation once a second and whenever somebody kicks.
func (g *appliance) keepRefreshing(ctx context.Context) error {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	var said event
	for {
		err := g.situation.refresh(ctx, g.clock.Read().Now)
		if ctx.Err() != nil {
			return nil
		}
		g.noteTrouble(ctx, err)
		g.beat.Store(g.now().UnixNano())
		if now := g.stateEvent(); !now.same(said) {
			g.events.say(now)
			said = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-g.kick:
		}
	}
}

// noteTrouble remembers whether the disk can be read, and logs the change.
func (g *appliance) noteTrouble(ctx context.Context, err error) {
	had := g.trouble.Load() != nil
	switch {
	case err != nil && !had:
		g.log.ErrorContext(ctx, "the database cannot be read", slog.Any("error", err))
	case err == nil && had:
		g.log.InfoContext(ctx, "the database can be read again")
	}
	if err == nil {
		g.trouble.Store(nil)
		return
	}
	g.trouble.Store(&err)
}

// refreshSoon makes the next refresh happen now.
func (g *appliance) refreshSoon() {
	select {
	case g.kick <- struct{}{}:
	default:
	}
}

// alive reports whether the gate still moves, for the watchdog: the lane above
// all, and what keeps the situation that it decides by.
func (g *appliance) alive() bool {
	now := g.now()
	return now.Sub(time.Unix(0, g.beat.Load())) < hungAfter && now.Sub(g.lane.Heartbeat()) < hungAfter
}

// mode is whom the gate can ask.
func (g *appliance) mode() admit.Mode {
	if g.uplink == nil {
		return admit.ModeAlone
	}
	return g.uplink.mode()
}

// status is what the screen's bar and the metrics show.
func (g *appliance) status() panel.Status {
	at, now := g.clock.Read(), g.situation.now()
	s := panel.Status{
		Mode: now.Mode, Admitted: now.Admitted, Clock: string(at.Source), Uncertainty: at.Uncertainty,
		Location:  g.situation.place(),
		Challenge: at.Uncertainty > admit.MaxUncertainty || now.Event != nil && (now.Event.AlwaysChallenge || unleased(&now)),
		Offer:     g.conf.Lane.Staff || now.Event != nil && slices.ContainsFunc(now.Event.Classes, func(c ticket.Class) bool { return c.Staff }),
	}
	set := g.situation.set()
	s.SetVersion, s.Delta = set.Version, set.Delta.Seq
	if set.Version != 0 {
		s.SetAge = max(at.Now.Sub(time.Unix(set.Issued, 0)), 0)
	}
	if g.uplink != nil {
		g.uplink.status(&s, at.Now)
	}
	if now.Event != nil && now.Mode == admit.ModeAlone {
		// Nobody else is seen: what they admit meanwhile is unknown here.
		if s.Unseen = len(now.Event.Gates) - 1; s.Unseen > 0 {
			s.AtRisk = g.situation.atRisk()
		}
	}
	return s
}

// unleased reports whether no session can be known to be alive although the event
// asks for one: the screen then leads everybody to the nonce at once.
func unleased(now *lane.Situation) bool {
	return now.Event.Leases == ticket.LeaseRequired && now.Mode != admit.ModeHub && now.Mode != admit.ModeCentral
}

// health lists what /healthz looks at. It asks nobody that could be slow.
func (g *appliance) health(context.Context) []panel.Check {
	check := func(name string, state panel.State, hint string) panel.Check {
		if state == panel.StateReady {
			hint = ""
		}
		return panel.Check{Name: name, State: state, Hint: hint}
	}
	at := g.clock.Read()
	storage, set, clk := panel.StateReady, panel.StateReady, panel.StateReady
	setHint := "load a set from a stick: gate load-set FILE"
	if g.trouble.Load() != nil {
		storage = panel.StateDown
	}
	switch s := g.situation.set(); {
	case s.Version == 0, !at.Now.Before(time.Unix(s.Expires, 0)):
		set = panel.StateDown
	case g.uplink != nil && g.uplink.stale(at.Now):
		set, setHint = panel.StateDegraded, "bring the gate to its network"
	}
	if at.Uncertainty > admit.MaxUncertainty || at.Source == clock.SourceDisputed {
		clk = panel.StateDegraded
	}
	out := []panel.Check{
		check("storage", storage, "see gate doctor: the disk fails or is full"),
		check("set", set, setHint),
		check("clock", clk, "enable time synchronisation: timedatectl set-ntp true"),
	}
	out = append(out, turnstileHealth(g.turnstile))
	if g.eye != nil {
		out = append(out, g.eye.health(g.now()))
	}
	if g.engine != nil {
		out = append(out, engineHealth(g.engine.Stats(), g.now()))
	}
	if g.uplink != nil {
		cert := panel.StateReady
		if g.id.Certificate().NotAfter.Sub(at.Now) < certWarning {
			cert = panel.StateDegraded
		}
		out = append(out, check("certificate", cert, "it should have renewed itself: check the way to central"))
	}
	return out
}

// stateEvent is the state as a line of --events.
func (g *appliance) stateEvent() event {
	set := g.situation.set()
	e := event{Event: "state", Mode: g.situation.now().Mode.String(), Set: set.Version, Delta: set.Delta.Seq, Ledger: set.Ledger}
	if g.uplink != nil {
		g.uplink.describe(&e, g.clock.Read().Now)
	}
	return e
}
