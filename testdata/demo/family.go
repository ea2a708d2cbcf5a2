package main

import (
	"context"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/stage"
)

// family has one person give a ticket to another, whom a registrar calls family:
// the giver's code dies at both gates, the other's lives.
func (s *story) family(ctx context.Context) error {
	mina, jun, err := s.relatives(ctx)
	if err != nil {
		return err
	}
	marks := s.marks()
	began := time.Now()
	hers, err := mina.Buy(ctx, s.event, stage.Seat{Zone: seated, Class: vip, Seat: "A-6"})
	if err != nil {
		return err
	}
	if err := s.learned(ctx, marks); err != nil {
		return err
	}
	s.say(began, "Mina bought a ticket with her account, and both gates know it.")
	if err := s.isMinted(ctx, "Mina", mina, hers.ID); err != nil {
		return err
	}

	marks, began = s.marks(), time.Now()
	offer, err := mina.Give(ctx, hers.ID, 1, jun)
	if err != nil {
		return err
	}
	if err := jun.Accept(ctx, offer); err != nil {
		return err
	}
	if err := s.learned(ctx, marks); err != nil {
		return err
	}
	s.say(began, "She gave it to her brother Jun; both confirmed with their passkeys, and both gates know whose it is now.")
	if err := s.hasMoved(ctx, "Jun", jun, hers.ID); err != nil {
		return err
	}

	began = time.Now()
	old, err := photographed(hers, 41)
	if err != nil {
		return err
	}
	e, err := s.north.seesLive(ctx, old, ticket.Refuse, ticket.Transferred)
	if err != nil {
		return err
	}
	s.say(began, "The code that Mina's phone still shows was refused at north: %s.", e.Reason)

	began = time.Now()
	if e, err = s.north.admitsNow(ctx, hers.As(jun)); err != nil {
		return err
	}
	s.say(began, "Jun was admitted there with his own phone: %s from frame to verdict.", ms(e.FrameMS))
	return s.isFree(ctx, "Jun", jun, hers.ID)
}

// relatives are two people with accounts and identifiers, and a registrar's word
// that they are family.
func (s *story) relatives(ctx context.Context) (mina, jun *stage.Person, err error) {
	began := time.Now()
	for email, p := range map[string]**stage.Person{"mina@example.org": &mina, "jun@example.org": &jun} {
		if *p, err = s.stage.SignUp(ctx, email); err != nil {
			return nil, nil, err
		}
		if err = (*p).EnrolDID(ctx); err != nil {
			return nil, nil, err
		}
	}
	s.say(began, "Mina and Jun signed up with passkeys, and bound an identifier (did:key) each to theirs.")
	began = time.Now()
	office, err := s.stage.OpenRegistrar(ctx, "office")
	if err != nil {
		return nil, nil, err
	}
	proof, err := office.Family(ctx, mina.DID, jun.DID, "sibling")
	if err != nil {
		return nil, nil, err
	}
	if err := mina.ShowCredential(ctx, proof); err != nil {
		return nil, nil, err
	}
	s.say(began, "A registrar certified that they are siblings, and central verified its credential.")
	return mina, jun, nil
}

// learned waits until both gates have followed central further than they had.
func (s *story) learned(ctx context.Context, marks map[*entrance]mark) error {
	for e, from := range marks {
		if err := e.learns(ctx, from); err != nil {
			return err
		}
	}
	return nil
}
