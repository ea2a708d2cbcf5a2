package main

import (
	"context"
	"time"

	"github.com/con-ting/conting/testdata/stage"
)

const transfers = 40 // one after the other, to and fro

// transfer is from a receiver's acceptance until the gate knows the new holder, and
// refuses the old one's codes.
func (r *rig) transfer(ctx context.Context, g *stage.Gate) error {
	registrar, err := r.stage.OpenRegistrar(ctx, "family")
	if err != nil {
		return err
	}
	var two [2]*stage.Person
	for i, email := range []string{"giver@example.org", "receiver@example.org"} {
		if two[i], err = r.stage.SignUp(ctx, email); err != nil {
			return err
		}
		if err := two[i].EnrolDID(ctx); err != nil {
			return err
		}
	}
	jwt, err := registrar.Family(ctx, two[0].DID, two[1].DID, "parent")
	if err != nil {
		return err
	}
	if err := two[0].ShowCredential(ctx, jwt); err != nil {
		return err
	}
	from := state(g)
	b, err := two[0].Buy(ctx, r.event, stage.Seat{Zone: 3, Class: 3})
	if err != nil {
		return err
	}
	if err := r.learns(ctx, g, from); err != nil {
		return err
	}
	var s series
	for i := range transfers {
		giver, receiver := two[i%2], two[(i+1)%2]
		offer, err := giver.Give(ctx, b.ID, uint32(i+1), receiver)
		if err != nil {
			return err
		}
		proof, err := receiver.AcceptProof(ctx, offer)
		if err != nil {
			return err
		}
		from, began := state(g), time.Now()
		if err := receiver.Call(ctx, "POST", "/v1/wallet/transfers/"+offer.ID+"/accept", proof, nil); err != nil {
			return err
		}
		if err := r.learns(ctx, g, from); err != nil {
			return err
		}
		s.ms(time.Since(began))
	}
	return r.print("transfer_ms", s)
}
