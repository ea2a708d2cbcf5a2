package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/frames"
	"github.com/con-ting/conting/testdata/stage"
)

// story is the venue and how far its story has been told.
type story struct {
	out   io.Writer
	stage *stage.Stage
	event ticket.EventID
	show  ticket.EventID // the other one, of the waiting room
	north *entrance
	south *entrance
	doors []*stage.Turnstile
	coins *coins // tokens on a chain; nil where this machine has none
	step  int

	plan       string // the venue's file
	commitment string // of the waiting room
}

// The seats of the story.
const (
	seated   = 1 // zone
	standing = 3 // zone
	vip      = 1 // class
	floor    = 3 // class
)

// screenshotAge is how long after it was taken the screenshot is shown.
const screenshotAge = 15 * time.Second

func open(ctx context.Context, w io.Writer, set setting) (*story, error) {
	s := &story{out: w, plan: set.plan}
	if err := s.open(ctx, set); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *story) open(ctx context.Context, set setting) (err error) {
	began := time.Now()
	if s.stage, err = stage.New(ctx, set.dir, set.bin); err != nil {
		return fmt.Errorf("start central: %w", err)
	}
	s.stage.DecodeBudget = "1s" // the machine plays everybody at once
	if err := s.openChain(ctx, set.auto); err != nil {
		return fmt.Errorf("chain: %w", err)
	}
	if s.event, err = s.stage.Import(ctx, set.plan, time.Now(), 0); err != nil {
		return fmt.Errorf("import the event: %w", err)
	}
	s.say(began, "Central is up and sells event %s.", s.event)
	doors, err := s.install(ctx, set, "north", "south")
	if err != nil {
		return fmt.Errorf("turnstiles: %w", err)
	}
	began = time.Now()
	for name, e := range map[string]**entrance{"north": &s.north, "south": &s.south} {
		*e = &entrance{}
		if err := s.build(ctx, *e, name, doors[name]); err != nil {
			return fmt.Errorf("gate %s: %w", name, err)
		}
	}
	s.say(began, "Two gates were enrolled with one-time codes, each with a key made on the device; they are up.")
	return nil
}

func (s *story) build(ctx context.Context, e *entrance, name string, door *stage.Turnstile) error {
	hall, err := photograph(frames.Empty, 1, "")
	if err != nil {
		return err
	}
	if e.phone, err = stage.NewPhone(ctx, hall); err != nil {
		return err
	}
	if e.Gate, err = s.stage.Enrol(ctx, s.event, name, stage.Camera(e.phone.URL)); err != nil {
		return err
	}
	if door == nil {
		return e.Start(ctx)
	}
	if err := e.Fit(door); err != nil {
		return err
	}
	if err := e.Start(ctx); err != nil {
		return err
	}
	_, err = e.AwaitTurnstile(ctx, "ready")
	return err
}

// close ends what was started, however far it came.
func (s *story) close() {
	for _, e := range []*entrance{s.north, s.south} {
		if e == nil {
			continue
		}
		if e.Gate != nil {
			_ = e.Stop()
			e.Cable.Close()
		}
		if e.phone != nil {
			e.phone.Close()
		}
	}
	for _, door := range s.doors {
		door.Close()
	}
	if s.stage != nil {
		_ = s.stage.StopCentral()
	}
	s.coins.close()
}

// say tells one step and what it took.
func (s *story) say(began time.Time, format string, args ...any) {
	s.step++
	_, _ = fmt.Fprintf(s.out, "%2d. %s (%s)\n", s.step, fmt.Sprintf(format, args...), brief(time.Since(began)))
}

func (s *story) where() {
	_, _ = fmt.Fprintf(s.out, "\nLook at\n  wallet         %s\n  central        %s\n  lane north     %s\n  lane south     %s\n  camera north   %s\n  camera south   %s\n",
		s.stage.Wallet(), s.stage.Page(), s.north.Panel, s.south.Panel, s.north.phone.URL, s.south.phone.URL)
	if s.coins != nil {
		_, _ = fmt.Fprintf(s.out, "  chain (RPC)    %s\n", s.coins.net.URL)
	}
	_, _ = fmt.Fprintln(s.out)
}

// tell plays every step; the first that does not happen is the error.
func (s *story) tell(ctx context.Context) error {
	s.where()
	shot, err := s.screenshot(ctx)
	if err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{
		s.booking,
		s.buyAndEnter,
		s.turnstiles,
		func(ctx context.Context) error { return s.showScreenshot(ctx, shot) },
		s.cutOff,
		s.refund,
		s.family,
		s.reconcile,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// buyAndEnter sells a ticket, admits it and refuses its copy at the other gate.
func (s *story) buyAndEnter(ctx context.Context) error {
	b, err := s.sell(ctx, "Another ticket", stage.Seat{Zone: seated, Class: vip, Seat: "A-3"})
	if err != nil {
		return err
	}
	code, err := photographed(b, 7)
	if err != nil {
		return err
	}
	began := time.Now()
	e, err := s.north.seesLive(ctx, code, ticket.Admit, ticket.OK)
	if err != nil {
		return err
	}
	s.say(began, "Its holder was admitted at north from camera frames: %s from frame to verdict, %s to disk.", ms(e.FrameMS), ms(e.DiskMS))
	began = time.Now()
	if err := s.north.passes(ctx, e); err != nil {
		return err
	}
	s.say(began, "The holder walked through; the entry is consumed.")
	began = time.Now()
	if e, err = s.south.seesLive(ctx, code, ticket.Refuse, ticket.AlreadyAdmitted); err != nil {
		return err
	}
	s.say(began, "A copy of the same live code, shown at south, was refused: %s.", e.Reason)
	return nil
}

// snapshot is a photograph of somebody's code, and when it was taken.
type snapshot struct {
	picture [][]byte
	taken   time.Time
}

func (s *story) screenshot(ctx context.Context) (snapshot, error) {
	b, err := s.sell(ctx, "A ticket", stage.Seat{Zone: seated, Class: vip, Seat: "A-4"})
	if err != nil {
		return snapshot{}, err
	}
	taken := time.Now()
	text, err := b.Text(taken)
	if err != nil {
		return snapshot{}, err
	}
	picture, err := photograph(frames.Gate, 11, text)
	if err != nil {
		return snapshot{}, err
	}
	s.say(taken, "Its holder showed the code to somebody, who took a screenshot.")
	return snapshot{picture: picture, taken: taken}, nil
}

func (s *story) showScreenshot(ctx context.Context, shot snapshot) error {
	if err := wait(ctx, time.Until(shot.taken.Add(screenshotAge))); err != nil {
		return err
	}
	began := time.Now()
	age := began.Sub(shot.taken)
	e, err := s.north.sees(ctx, shot.picture, ticket.Refuse, ticket.StalePass)
	if err != nil {
		return err
	}
	s.say(began, "The screenshot, %s old, was refused at north: %s.", brief(age), e.Reason)
	return nil
}

// cutOff cuts both gates off, lets them work, and brings them together again.
func (s *story) cutOff(ctx context.Context) error {
	var bought []*stage.Bought
	for _, name := range []string{"A ticket for north", "One for south", "One that two people share"} {
		b, err := s.sell(ctx, name, stage.Seat{Zone: standing, Class: floor})
		if err != nil {
			return err
		}
		bought = append(bought, b)
	}
	began := time.Now()
	marks := map[*entrance]int{}
	for _, e := range []*entrance{s.north, s.south} {
		marks[e] = e.Feed.Mark()
		e.Cable.Pull()
	}
	for e, since := range marks {
		if _, err := e.await(ctx, since, func(v stage.Event) bool { return v.Event == "state" && v.Mode == "alone" }); err != nil {
			return fmt.Errorf("the gate did not notice the cut: %w", err)
		}
	}
	s.say(began, "The cables of both gates were cut; their displays say so.")
	for i, e := range []*entrance{s.north, s.south} {
		began := time.Now()
		v, err := e.admitsNow(ctx, bought[i])
		if err != nil {
			return err
		}
		s.say(began, "%s admitted a holder with no network: %s from frame to verdict, %s to disk.", e.Name, ms(v.FrameMS), ms(v.DiskMS))
	}
	shared := bought[2]
	for _, e := range []*entrance{s.north, s.south} {
		began := time.Now()
		v, err := e.admitsNow(ctx, shared)
		if err != nil {
			return err
		}
		s.say(began, "%s admitted the shared ticket, %s from frame to verdict; it cannot know of the other gate.", e.Name, ms(v.FrameMS))
	}
	began = time.Now()
	s.north.Cable.Plug()
	s.south.Cable.Plug()
	c, err := s.conflict(ctx, shared.ID)
	if err != nil {
		return err
	}
	first, second := c.Winner, c.Others[0]
	s.say(began, "The cables were mended and central reports the conflict: %s at %s was first, %s at %s came after it.",
		first.Gate, first.Time.Local().Format("15:04:05.000"), second.Gate, second.Time.Local().Format("15:04:05.000"))
	return nil
}

// conflict waits until central reports the one conflict there must be.
func (s *story) conflict(ctx context.Context, id ticket.ID) (stage.Conflict, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		list, err := s.stage.Conflicts(ctx, s.event)
		if err != nil {
			return stage.Conflict{}, err
		}
		if len(list) > 1 {
			return stage.Conflict{}, fmt.Errorf("central reports %d conflicts, want 1", len(list))
		}
		if len(list) == 1 {
			c := list[0]
			if c.Ticket != id || len(c.Others) != 1 || c.Winner.Gate == c.Others[0].Gate {
				return c, fmt.Errorf("central reports another conflict: %+v", c)
			}
			return c, nil
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return stage.Conflict{}, fmt.Errorf("no conflict was reported: %w", err)
		}
	}
}

// refund sells a ticket, gives the money back and shows it at a gate. Its token is
// burned.
func (s *story) refund(ctx context.Context) error {
	sora, err := s.stage.SignUp(ctx, "sora@example.org")
	if err != nil {
		return err
	}
	b, err := s.sellBy(ctx, sora.Buy, "A last ticket", stage.Seat{Zone: seated, Class: vip, Seat: "A-5"})
	if err != nil {
		return err
	}
	if err := s.isMinted(ctx, "Sora", sora, b.ID); err != nil {
		return err
	}
	code, err := photographed(b, 23)
	if err != nil {
		return err
	}
	marks := s.marks()
	began := time.Now()
	if err := s.stage.Refund(ctx, b); err != nil {
		return err
	}
	if err := s.learned(ctx, marks); err != nil {
		return err
	}
	s.say(began, "It was refunded, and both gates know.")
	began = time.Now()
	e, err := s.south.seesLive(ctx, code, ticket.Refuse, ticket.Refunded)
	if err != nil {
		return err
	}
	s.say(began, "Its code, still fresh, was refused at south: %s.", e.Reason)
	return s.isBurned(ctx, sora, b.ID)
}

// sell sells one ticket to somebody without an account and waits until both gates know
// it.
func (s *story) sell(ctx context.Context, what string, seat stage.Seat) (*stage.Bought, error) {
	return s.sellBy(ctx, s.stage.Buy, what, seat)
}

func (s *story) sellBy(
	ctx context.Context, buy func(context.Context, ticket.EventID, stage.Seat) (*stage.Bought, error), what string, seat stage.Seat,
) (*stage.Bought, error) {
	marks := s.marks()
	began := time.Now()
	b, err := buy(ctx, s.event, seat)
	if err != nil {
		return nil, err
	}
	if err := s.learned(ctx, marks); err != nil {
		return nil, fmt.Errorf("a gate does not learn of the ticket: %w", err)
	}
	s.say(began, "%s was bought, bound to the holder's key, and both gates know it.", what)
	return b, nil
}

func (s *story) marks() map[*entrance]mark {
	m := map[*entrance]mark{}
	for _, e := range []*entrance{s.north, s.south} {
		set, delta := e.knows()
		m[e] = mark{set: set, delta: delta}
	}
	return m
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return errors.Join(errors.New("waited in vain"), ctx.Err())
	}
}

func ms(v float64) string { return fmt.Sprintf("%.1f ms", v) }

func brief(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
