package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/stage"
)

// The kinds of lanes, from best to worst.
const (
	emulated  = "emulated"
	simulated = "simulated"
	software  = "software"
)

// install makes a turnstile for each gate, of the kind that is asked for or the best
// that this machine can run, and says which it is. Lanes that are made of timers have
// none.
func (s *story) install(ctx context.Context, set setting, gates ...string) (map[string]*stage.Turnstile, error) {
	began := time.Now()
	why := "so it was asked for"
	if set.lanes == "" || set.lanes == emulated {
		doors, err := s.fit(ctx, gates, func(ctx context.Context, gate string) (*stage.Turnstile, error) {
			return s.stage.Emulate(ctx, gate, filepath.Join(set.bin, "controller.elf"))
		})
		if err == nil {
			s.say(began, "Two turnstiles are up: their controllers' firmware runs on emulated boards (Cortex-M3, in QEMU), each with a key of its own.")
		}
		if err == nil || set.lanes != "" || !errors.Is(err, stage.ErrMissing) {
			return doors, err
		}
		why = err.Error()
	}
	if set.lanes == "" || set.lanes == simulated {
		doors, err := s.fit(ctx, gates, s.stage.Simulate)
		if err == nil {
			s.say(began, "NO EMULATED TURNSTILES (%s). Two are up whose controllers are processes of this machine, made of the same sources as the firmware.", why)
		}
		if err == nil || set.lanes != "" || !errors.Is(err, stage.ErrMissing) {
			return doors, err
		}
		why = err.Error()
	}
	s.say(began, "NO TURNSTILES (%s). The lanes are made of timers: whoever is admitted passes.", why)
	return nil, nil
}

func (s *story) fit(ctx context.Context, gates []string, make func(context.Context, string) (*stage.Turnstile, error)) (map[string]*stage.Turnstile, error) {
	doors := map[string]*stage.Turnstile{}
	for _, gate := range gates {
		door, err := make(ctx, gate)
		if err != nil {
			return nil, err
		}
		s.doors = append(s.doors, door)
		doors[gate] = door
	}
	return doors, nil
}

// turnstiles has people do at the lanes what people do.
func (s *story) turnstiles(ctx context.Context) error {
	if len(s.doors) == 0 {
		return nil
	}
	b, err := s.sell(ctx, "A ticket", stage.Seat{Zone: seated, Class: vip, Seat: "A-7"})
	if err != nil {
		return err
	}
	if err := s.turnedBack(ctx, b); err != nil {
		return err
	}
	if b, err = s.sell(ctx, "Another ticket", stage.Seat{Zone: seated, Class: vip, Seat: "A-8"}); err != nil {
		return err
	}
	for _, part := range []func(context.Context, *stage.Bought) error{s.expired, s.forced, s.fire} {
		if err := part(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// turnedBack has somebody go in at north and come back out, and then go through.
func (s *story) turnedBack(ctx context.Context, b *stage.Bought) error {
	began := time.Now()
	v, err := s.north.admits(ctx, b)
	if err != nil {
		return err
	}
	if err := s.north.Turnstile.TurnBack(ctx); err != nil {
		return err
	}
	if err := s.north.ends(ctx, v, "released", "turned_back"); err != nil {
		return err
	}
	s.say(began, "Its holder was admitted at north, went in and came back out: the sensors saw it, and the entry was given back.")
	began = time.Now()
	if _, err := s.north.admitsNow(ctx, b); err != nil {
		return err
	}
	if err := s.stage.AwaitInside(ctx, s.event, b.ID, true); err != nil {
		return fmt.Errorf("central's ledger: %w", err)
	}
	s.say(began, "The ticket was still good: its holder was admitted again, walked through, and is in central's ledger.")
	return nil
}

// expired has somebody be admitted at south and never come.
func (s *story) expired(ctx context.Context, b *stage.Bought) error {
	began := time.Now()
	v, err := s.south.admits(ctx, b)
	if err != nil {
		return err
	}
	if err := s.south.ends(ctx, v, "released", "expired"); err != nil {
		return err
	}
	if err := s.south.Turnstile.Held(ctx); err != nil {
		return err
	}
	s.say(began, "Its holder was admitted at south and never came: the lane locked again, and the entry was given back.")
	return nil
}

// forced has somebody push the rotor at south without a ticket.
func (s *story) forced(ctx context.Context, _ *stage.Bought) error {
	began := time.Now()
	door := s.south.Turnstile
	if err := door.Push(ctx); err != nil {
		return err
	}
	if err := door.Alarm(ctx); err != nil {
		return fmt.Errorf("nothing sounds: %w", err)
	}
	f, err := s.south.AwaitTurnstile(ctx, "forced")
	if err != nil {
		return err
	}
	if err := door.LetGo(ctx); err != nil {
		return err
	}
	if _, err := s.south.AwaitTurnstile(ctx, "ready"); err != nil {
		return err
	}
	s.say(began, "Somebody pushed at south without a ticket: its lock held, the alarm sounded, and the gate said %q, until they let go.", f.Note)
	return nil
}

// fire opens the building's release loop at south while somebody is on their way in.
func (s *story) fire(ctx context.Context, b *stage.Bought) error {
	next, err := s.sell(ctx, "One more ticket", stage.Seat{Zone: seated, Class: vip, Seat: "A-9"})
	if err != nil {
		return err
	}
	door := s.south.Turnstile
	v, err := s.south.admits(ctx, b)
	if err != nil {
		return err
	}
	if err := door.Open(ctx); err != nil {
		return err
	}
	mark, began := door.Mark(), time.Now()
	if err := door.Fire(ctx, true); err != nil {
		return err
	}
	freed, err := door.Freed(ctx, mark)
	if err != nil {
		return fmt.Errorf("somebody is held in a fire: %w", err)
	}
	if _, err := s.south.AwaitTurnstile(ctx, "fire"); err != nil {
		return err
	}
	if err := s.south.ends(ctx, v, "flagged", "free"); err != nil {
		return err
	}
	if err := s.stage.AwaitInside(ctx, s.event, b.ID, true); err != nil {
		return fmt.Errorf("central's ledger: %w", err)
	}
	s.say(began, "Fire, with that ticket's holder at south's open lane: both locks fell after %s, the gate says so, and the entry counts, flagged.", ms(float64(freed.Sub(began))/float64(time.Millisecond)))

	began = time.Now()
	code, err := photographed(next, 53)
	if err != nil {
		return err
	}
	e, err := s.south.seesLive(ctx, code, ticket.Refuse, ticket.LaneFault)
	if err != nil {
		return err
	}
	s.say(began, "A code that was shown meanwhile was answered with %s, and its ticket not used.", e.Reason)

	began = time.Now()
	if err := errors.Join(door.Fire(ctx, false), door.Held(ctx)); err != nil {
		return err
	}
	if _, err := s.south.AwaitTurnstile(ctx, "ready"); err != nil {
		return err
	}
	if _, err := s.south.admitsNow(ctx, next); err != nil {
		return err
	}
	s.say(began, "The alarm was over: the lane locked, and that ticket's holder was admitted and walked through.")
	return nil
}
