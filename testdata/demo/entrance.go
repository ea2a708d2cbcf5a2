package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/frames"
	"github.com/con-ting/conting/testdata/stage"
)

// entrance is one gate with the camera that looks at its visitors.
type entrance struct {
	*stage.Gate
	phone *stage.Phone
}

// live is somebody's ticket on their phone, photographed while its code is fresh.
type live struct {
	bought  *stage.Bought
	seed    uint64
	picture [][]byte
}

// photographed takes the first pictures of a ticket's code.
func photographed(b *stage.Bought, seed uint64) (*live, error) {
	l := &live{bought: b, seed: seed}
	return l, l.renew()
}

func (l *live) renew() error {
	text, err := l.bought.Text(time.Now())
	if err != nil {
		return err
	}
	l.picture, err = photograph(frames.Gate, l.seed, text)
	return err
}

// admits shows a fresh code and expects it to be admitted.
func (e *entrance) admits(ctx context.Context, b *stage.Bought) (stage.Event, error) {
	l, err := photographed(b, 31)
	if err != nil {
		return stage.Event{}, err
	}
	return e.seesLive(ctx, l, ticket.Admit, ticket.OK)
}

// admitsNow does that and has the holder walk through.
func (e *entrance) admitsNow(ctx context.Context, b *stage.Bought) (stage.Event, error) {
	v, err := e.admits(ctx, b)
	if err != nil {
		return stage.Event{}, err
	}
	return v, e.passes(ctx, v)
}

// errLate says that a code was no longer fresh when the gate read it.
var errLate = errors.New("the code went stale before it was read")

// seesLive holds up a live code. A machine that is too busy may need longer for a
// photograph than the code is good for: the phone shows the next one then.
func (e *entrance) seesLive(ctx context.Context, l *live, want ticket.Outcome, why ticket.Reason) (stage.Event, error) {
	for {
		v, err := e.sees(ctx, l.picture, want, why)
		if !errors.Is(err, errLate) {
			return v, err
		}
		if err := errors.Join(l.renew(), ctx.Err()); err != nil {
			return v, err
		}
	}
}

// sees holds a phone up until the gate gives its verdict, which must be the
// one expected.
func (e *entrance) sees(ctx context.Context, picture [][]byte, want ticket.Outcome, why ticket.Reason) (stage.Event, error) {
	since := e.Feed.Mark()
	e.phone.Show(picture)
	defer e.phone.Hide()
	v, err := e.await(ctx, since, func(v stage.Event) bool { return v.Event == "verdict" && !v.Repeat })
	if err != nil {
		return v, fmt.Errorf("gate %s gave no verdict: %w", e.Name, err)
	}
	if v.Reason == string(ticket.StalePass) && why != ticket.StalePass {
		return v, fmt.Errorf("gate %s: %w", e.Name, errLate)
	}
	if v.Outcome != want.String() || v.Reason != string(why) {
		return v, fmt.Errorf("gate %s: %s %s, want %s %s", e.Name, v.Outcome, v.Reason, want, why)
	}
	return v, nil
}

// passes has whom the gate admitted walk through. At a lane that is made of timers
// they do so by themselves.
func (e *entrance) passes(ctx context.Context, v stage.Event) error {
	if e.Turnstile != nil {
		if err := e.Turnstile.Walk(ctx); err != nil {
			return fmt.Errorf("gate %s: %w", e.Name, err)
		}
	}
	return e.ends(ctx, v, "passed", "passed")
}

// ends waits for what became of an admission, and why.
func (e *entrance) ends(ctx context.Context, v stage.Event, kind, cause string) error {
	w, err := e.await(ctx, 0, func(w stage.Event) bool { return w.Event == "passage" && w.Seq == v.Seq })
	if err != nil {
		return fmt.Errorf("gate %s does not say what became of the entry: %w", e.Name, err)
	}
	if w.Kind != kind || w.Cause != cause {
		return fmt.Errorf("gate %s: the entry was %s by %s, want %s by %s", e.Name, w.Kind, w.Cause, kind, cause)
	}
	return nil
}

// knows is how far the gate has followed what central publishes.
func (e *entrance) knows() (set, delta uint64) {
	v := e.Feed.Last(func(v stage.Event) bool { return v.Event == "state" })
	return v.Set, v.Delta
}

// learns waits until the gate has followed central further than it had at mark.
func (e *entrance) learns(ctx context.Context, from mark) error {
	_, err := e.await(ctx, 0, func(v stage.Event) bool {
		return v.Event == "state" && (v.Set > from.set || v.Delta > from.delta)
	})
	return err
}

// mark is how far a gate was at some moment.
type mark struct{ set, delta uint64 }

// patience is how long one step may take.
const patience = time.Minute

func (e *entrance) await(ctx context.Context, since int, match func(stage.Event) bool) (stage.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return e.Feed.Await(ctx, since, match)
}

// shots is how many photographs are taken of one screen in a moving hand.
const shots = 6

// photograph renders the frames that the camera takes of one screen.
func photograph(p frames.Profile, seed uint64, text string) ([][]byte, error) {
	out := make([][]byte, shots)
	var g errgroup.Group
	for i := range out {
		g.Go(func() error {
			scene := p.Scene(seed+uint64(i), image.Pt(1280, 720), text)
			b, err := frames.NewRenderer().JPEG(scene)
			out[i] = b
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if dir := os.Getenv("DEMO_FRAMES"); dir != "" {
		for i, b := range out {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%d.jpg", p, seed, i)), b, 0o600); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
