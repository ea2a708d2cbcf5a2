package doctor

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Contact is one input of a lane, by its name for people.
type Contact struct {
	Name   string
	Active bool // not as at rest
}

// Lane tests a lane by hand: it asks a person to move one thing after the other, and
// looks whether the right contact answers. It unlocks nothing but through Open.
type Lane struct {
	// Watch tells all contacts, at once and after each change, until ctx ends. Required.
	Watch func(ctx context.Context, see func([]Contact)) error

	// Open opens the lane for one person and returns what became of it: "passed" when
	// somebody went through. It returns soon after ctx ends. Nil for no such test.
	Open func(ctx context.Context) (string, error)

	Say  io.Writer        // what the person is told
	Wait time.Duration    // for each thing they are asked. Required.
	Now  func() time.Time // measures. Required.
}

// asks are what a person is asked, by the contact that must answer; the rest of the
// contacts is only shown.
var asks = []struct{ contact, ask string }{
	{"near beam", "interrupt the near beam (where people come from) now, and step back"},
	{"far beam", "interrupt the far beam (where people leave) now, and step back"},
	{"rotor", "turn the rotor out of its place now, and let it come home"},
	{"cover", "open the controller's cover now, and close it"},
	{"staff key", "turn the staff key now, and turn it back"},
	{"passed in", "turn the rotor as somebody who goes in (or bridge that contact) now"},
	{"passed out", "turn the rotor as somebody who comes out (or bridge that contact) now"},
	{"alarm", "have the turnstile raise its alarm now, and end it"},
	{"out of service", "take the turnstile out of service now, and put it back"},
	{"fire loop", "open the fire loop now, and close it: the lane must stand open meanwhile"},
}

// Examine goes through the lane with the person. It ends early with ctx.
func (l Lane) Examine(ctx context.Context) Report {
	var r Report
	note := func(name string, began time.Time, f Finding) {
		f.Name, f.Millis = name, l.Now().Sub(began).Milliseconds()
		r.Level = max(r.Level, f.Level)
		r.Findings = append(r.Findings, f)
	}
	began := l.Now()
	watch, stop := context.WithCancel(ctx)
	seen, over := make(chan []Contact), make(chan error, 1)
	go func() {
		over <- l.Watch(watch, func(c []Contact) {
			select {
			case seen <- c:
			case <-watch.Done():
			}
		})
	}()
	s := sight{Lane: l, seen: seen, over: over}
	first := s.begin(ctx)
	note("contacts", began, first)
	if first.Level != Fail {
		for _, a := range asks {
			if ctx.Err() != nil || s.ended || !slices.ContainsFunc(s.now, func(c Contact) bool { return c.Name == a.contact }) {
				continue
			}
			began := l.Now()
			note(a.contact, began, s.step(ctx, a.contact, a.ask))
		}
	}
	stop()
	if !s.ended {
		s.err = <-over // it is ours that it ended
	}
	if l.Open != nil && ctx.Err() == nil && !s.ended && first.Level != Fail {
		began := l.Now()
		note("passage", began, l.pass(ctx))
	}
	return r
}

// pass has somebody go through.
func (l Lane) pass(ctx context.Context) Finding {
	l.say("the lane opens now: walk through")
	ctx, cancel := context.WithTimeout(ctx, l.Wait)
	defer cancel()
	end, err := l.Open(ctx)
	switch {
	case err != nil:
		return Finding{Level: Fail, Found: err.Error(), Advice: adviceOf(err, "look at what the turnstile says: gate doctor")}
	case end == "passed":
		l.say("  passed")
		return Finding{Found: "opened for one person, who was seen to pass"}
	}
	l.say("  " + end)
	return Finding{Level: Warn, Found: "opened, and ended with " + end, Advice: "if somebody did walk through, the far beam or the rotor did not see it"}
}

func (l Lane) say(format string, args ...any) { _, _ = fmt.Fprintf(l.Say, format+"\n", args...) } // who cannot read it sees the report

// sight is what is seen of the contacts, and told live.
type sight struct {
	Lane

	seen  <-chan []Contact
	over  <-chan error
	now   []Contact
	ended bool
	err   error
}

// next waits for the contacts. It returns those that have changed; none when the
// time is over or the contacts have ended.
func (s *sight) next(ctx context.Context) (changed []Contact) {
	select {
	case c := <-s.seen:
		for _, is := range c {
			if was := s.find(is.Name); was != nil && was.Active != is.Active || was == nil && is.Active {
				changed = append(changed, is)
				s.say("  %-14s %s", is.Name, map[bool]string{true: "active", false: "at rest"}[is.Active])
			}
		}
		s.now = c
		if changed == nil {
			changed = []Contact{}
		}
	case s.err = <-s.over:
		s.ended = true
	case <-ctx.Done():
	}
	return changed
}

func (s *sight) find(name string) *Contact {
	if i := slices.IndexFunc(s.now, func(c Contact) bool { return c.Name == name }); i >= 0 {
		return &s.now[i]
	}
	return nil
}

func (s *sight) active() (names []string) {
	for _, c := range s.now {
		if c.Active {
			names = append(names, c.Name)
		}
	}
	return names
}

// begin waits for the contacts, and for all of them to be at rest.
func (s *sight) begin(ctx context.Context) Finding {
	ctx, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	told := false
	for s.now == nil || len(s.active()) > 0 {
		if s.next(ctx) == nil {
			break
		}
		if names := s.active(); len(names) > 0 && !told {
			told = true
			s.say("bring the lane to rest: %s must be at rest", strings.Join(names, ", "))
		}
	}
	switch names := s.active(); {
	case s.ended:
		return Finding{Level: Fail, Found: s.err.Error(), Advice: adviceOf(s.err, "check [turnstile] in the config; gate doctor tells more")}
	case s.now == nil:
		return Finding{Level: Fail, Found: "the turnstile tells nothing of its contacts", Advice: "check [turnstile] in the config; gate doctor tells more"}
	case len(names) > 0:
		return Finding{
			Level: Fail, Found: strings.Join(names, ", ") + " active with nobody in the lane",
			Advice: "a beam that is not aligned, a cut wire, or a contact that is inverted in the config",
		}
	}
	return Finding{Found: fmt.Sprintf("%d contacts, all at rest", len(s.now))}
}

// step asks for one contact: it must become active, and come to rest again. Another
// that becomes active first, alone, is a swapped wire.
func (s *sight) step(ctx context.Context, contact, ask string) Finding {
	ctx, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	s.say("%s", ask)
	var others []string
	came := false
	for !came || len(s.active()) > 0 {
		changed := s.next(ctx)
		if changed == nil {
			break
		}
		for _, c := range changed {
			switch {
			case !c.Active:
			case c.Name == contact:
				came = true
			case !came && !slices.Contains(others, c.Name):
				others = append(others, c.Name)
			}
		}
		if !came && len(others) > 0 && len(s.active()) == 0 {
			break // it is over, and another answered
		}
	}
	switch active := s.active(); {
	case s.ended:
		return Finding{Level: Fail, Found: fmt.Sprintf("the turnstile was lost: %v", s.err), Advice: adviceOf(s.err, "check its plug")}
	case !came && len(others) > 0:
		return Finding{Level: Fail, Found: strings.Join(others, ", ") + " answered instead", Advice: "look whether these two are swapped at the terminals"}
	case !came:
		return Finding{Level: Fail, Found: "nothing came within " + s.Wait.String(), Advice: "check the sensor's supply and wire; or nobody moved it"}
	case len(active) > 0:
		return Finding{Level: Fail, Found: strings.Join(active, ", ") + " did not come to rest", Advice: "look whether it is stuck"}
	}
	return Finding{Found: "answered and came to rest"}
}
