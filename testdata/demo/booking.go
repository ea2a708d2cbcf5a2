package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/con-ting/conting/testdata/stage"
)

// crowd is how many people want to go to the other show, and room how many can.
const (
	crowd = 12
	room  = 2
)

// inLine is somebody with a place in the waiting room.
type inLine struct {
	*stage.Person
	*stage.Place
	name string
	rank int
}

// booking sells another show, which too many want to see, through a waiting room:
// those who come before it opens are shuffled, and anybody can check how. A place
// that is given back goes to who has waited longest, and to nobody else.
func (s *story) booking(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	s.show = s.event + 1
	if err := s.stage.ImportShow(ctx, s.plan, s.show, began, room); err != nil {
		return err
	}
	people, err := s.arrive(ctx)
	if err != nil {
		return err
	}
	if people, err = s.shuffled(ctx, people); err != nil {
		return err
	}
	return s.soldOut(ctx, people)
}

// arrive has everybody sign up and enter the waiting room before it opens.
func (s *story) arrive(ctx context.Context) ([]*inLine, error) {
	began := time.Now()
	var people []*inLine
	for n := range crowd {
		p := &inLine{name: fmt.Sprintf("Fan %d", n+1)}
		var err error
		if p.Person, err = s.stage.SignUp(ctx, fmt.Sprintf("fan%d@example.org", n+1)); err != nil {
			return nil, err
		}
		people = append(people, p)
	}
	commitment, err := s.stage.OpenRoom(ctx, s.show, time.Now().Add(4*time.Second), 600)
	if err != nil {
		return nil, err
	}
	for _, p := range people {
		if p.Place, err = p.Enter(ctx, s.show); err != nil {
			return nil, err
		}
		if p.State != "lobby" {
			return nil, fmt.Errorf("%s came before the opening and is told %s", p.name, p.State)
		}
	}
	s.say(began, "Another show has room for %d. %d people came to its waiting room before the sale; central had committed itself to a seed, %s….", room, len(people), commitment[:12])
	s.commitment = commitment
	return people, nil
}

// shuffled waits until everybody is admitted, and returns them in the order that was
// drawn, which is recomputed from what central publishes.
func (s *story) shuffled(ctx context.Context, people []*inLine) ([]*inLine, error) {
	began := time.Now()
	all, waiting := errgroup.WithContext(ctx)
	for _, p := range people {
		all.Go(func() error {
			if err := s.stage.AwaitAdmission(waiting, s.show, p.Place); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return nil, err
	}
	s.say(began, "The sale opened, and everybody was admitted in turn.")
	began = time.Now()
	ranks := map[int]bool{}
	for _, p := range people {
		v, err := s.stage.VerifyShuffle(ctx, s.show, p.Receipt)
		if err != nil {
			return nil, err
		}
		if v.Commitment != s.commitment || v.People != crowd || v.Number != p.Number || v.Rank < 1 || v.Rank > crowd || ranks[v.Rank] {
			return nil, fmt.Errorf("verify-shuffle says %+v of %s, number %d", v, p.name, p.Number)
		}
		p.rank, ranks[v.Rank] = v.Rank, true
	}
	s.say(began, "central verify-shuffle recomputed the order from the seed and everybody's receipts; %s, who came first, drew %d of %d.", people[0].name, people[0].rank, crowd)
	people = slices.Clone(people)
	slices.SortFunc(people, func(a, b *inLine) int { return a.rank - b.rank })
	return people, nil
}

// soldOut sells all there is. Somebody waits, somebody gives a ticket back.
func (s *story) soldOut(ctx context.Context, people []*inLine) error {
	seat := stage.Seat{Zone: standing, Class: floor}
	began := time.Now()
	if _, err := people[0].Buy(ctx, s.show, seat); !refused(err, "queue_required") {
		return fmt.Errorf("an order without the admission: %w, want queue_required", err)
	}
	var first *stage.Bought
	for _, p := range people[:room] {
		b, err := p.BuyAdmitted(ctx, s.show, seat, p.Place)
		if err != nil {
			return err
		}
		if first == nil {
			first = b
		}
	}
	next, late := people[room], people[room+1]
	for _, p := range []*inLine{next, late} {
		if _, err := p.BuyAdmitted(ctx, s.show, seat, p.Place); !refused(err, "sold_out") {
			return fmt.Errorf("an order of what is sold out: %w, want sold_out", err)
		}
	}
	if err := next.Wait(ctx, s.show, seat); err != nil {
		return err
	}
	s.say(began, "The first two in that order bought; %s was told that it is sold out, and waits.", next.name)
	began = time.Now()
	if err := people[0].GiveBack(ctx, first); err != nil {
		return err
	}
	o, err := next.AwaitOffer(ctx)
	if err != nil {
		return err
	}
	if _, err := late.BuyAdmitted(ctx, s.show, seat, late.Place); !refused(err, "sold_out", "others_wait") {
		return fmt.Errorf("an order of what is offered to somebody else: %w, want sold_out", err)
	}
	if _, err := next.Take(ctx, o); err != nil {
		return err
	}
	s.say(began, "%s gave the ticket back; its place was offered to %s alone, who took it. %s, who tried in between, got none.", people[0].name, next.name, late.name)
	return nil
}

// refused reports whether an error is central's refusal for one of the reasons.
func refused(err error, codes ...string) bool {
	var r *stage.Refusal
	return errors.As(err, &r) && slices.Contains(codes, r.Code)
}
