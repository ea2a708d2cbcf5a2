package main

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/merkle"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
)

type nothingElse interface {
	SaveSet(ctx context.Context, s publish.Set, objects []publish.Object) error
	DropSet(ctx context.Context, event ticket.EventID, version uint64) error
}

// shelf has one published set, and what is on chain of it.
type shelf struct {
	nothingElse

	bundle  *ticketset.Bundle
	dropped bool
	root    mint.Root
	final   bool
}

func (s *shelf) Sets(context.Context, ticket.EventID) ([]publish.Set, error) {
	if s.dropped {
		return nil, nil
	}
	return []publish.Set{{Event: show, Version: s.bundle.Contents.Version, Manifest: s.bundle.Manifest}}, nil
}

func (s *shelf) Object(_ context.Context, _ ticket.EventID, _ uint64, kind publish.ObjectKind, number int) ([]byte, error) {
	switch {
	case s.dropped:
		return nil, fs.ErrNotExist
	case kind == publish.StatusObject:
		return s.bundle.Status, nil
	}
	return s.bundle.Chunks[number], nil
}

func (s *shelf) Facts(_ context.Context, ids []ticket.ID) ([]mint.Fact, error) {
	return []mint.Fact{{Ticket: ticket.Ticket{ID: ids[0], Event: show}}}, nil
}

func (s *shelf) LastRoot(context.Context, ticket.EventID) (mint.Root, mint.Action, bool, error) {
	return s.root, mint.Action{Signature: "5sig"}, s.final, nil
}

// numbered is the id of a ticket; every second number is a ticket's.
func numbered(n int) (id ticket.ID) {
	binary.BigEndian.PutUint64(id[:], uint64(n)+1000)
	return id
}

func newShelf(t *testing.T, tickets int) (*shelf, *ticketSets) {
	t.Helper()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	signer, err := trust.NewSigner(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := trust.NewKeyring(&trust.List{Version: 1, Issued: now.Unix(), Expires: now.Add(time.Hour).Unix(), Keys: []trust.Key{
		{Role: trust.RoleEvent, Public: signer.Public(), NotBefore: now.Unix() - 1, NotAfter: now.Add(time.Hour).Unix()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{}
	s.bundle, err = ticketset.Build(signer, ticketset.Spec{
		Event: ticket.Event{
			ID: show, Name: "x", Venue: "x", Timezone: "Asia/Seoul", Doors: now.Unix(), Starts: now.Unix() + 60, Ends: now.Unix() + 3600,
			Zones: []ticket.Zone{{ID: 1, Name: "x"}}, Classes: []ticket.Class{{ID: 1, Name: "x"}}, Gates: []ticket.Gate{{Name: "north", Zones: []uint16{1}}},
			RelyingParty: ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"},
		},
		Tickets: func(yield func(ticketset.Item, error) bool) {
			for n := range tickets {
				if !yield(ticketset.Item{
					Ticket: ticket.Ticket{ID: numbered(2 * n), Event: show, Zone: 1, Class: 1, Seat: fmt.Sprint(n), Version: 1},
					Status: ticket.Status(n % 2),
				}, nil) {
					return
				}
			}
		},
		Issued: now.Unix(), Expires: now.Add(time.Hour).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, &ticketSets{
		sets: s, tokens: s, ring: func(context.Context) (*trust.Keyring, error) { return ring, nil },
		secret: merkle.Secret{1}, now: func() time.Time { return now },
	}
}

// Every ticket of a published set stands under its root, wherever in its chunks, and
// none that is not in it.
func TestTicketSetsRootAndProofs(t *testing.T) {
	const tickets = 2500
	s, sets := newShelf(t, tickets)
	ctx := t.Context()
	if _, err := sets.Proof(ctx, numbered(0)); !errors.Is(err, api.ErrNoProof) {
		t.Errorf("before there is a root: %v, want ErrNoProof", err)
	}
	root, err := sets.Root(ctx, show, 1)
	if err != nil || len(root.Chunks) != 3 {
		t.Fatalf("root %+v, %v", root, err)
	}
	s.root, s.final = root, true
	for _, n := range []int{0, 1, 998, 999, 1000, 1001, 1999, 2000, tickets - 1} {
		p, err := sets.Proof(ctx, numbered(2*n))
		if err != nil {
			t.Errorf("ticket %d: %v", n, err)
			continue
		}
		if err := p.Verify(root.Root); err != nil || p.Record.Ticket.Seat != fmt.Sprint(n) || p.Record.Status != ticket.Status(n%2) || p.Transaction != "5sig" {
			t.Errorf("ticket %d: proof %+v, %v", n, p, err)
		}
	}
	for _, n := range []int{-1, 1, 1999, 2*tickets + 1} { // before, between and after
		if _, err := sets.Proof(ctx, numbered(n)); !errors.Is(err, api.ErrNoProof) {
			t.Errorf("a ticket that is not in the set: %v, want ErrNoProof", err)
		}
	}
	if _, err := sets.Root(ctx, show, 2); !errors.Is(err, mint.ErrUnknownSet) {
		t.Errorf("root of another version: %v, want ErrUnknownSet", err)
	}
	s.bundle.Chunks[1][700] ^= 1
	if _, err := sets.Root(ctx, show, 1); !errors.Is(err, ticketset.ErrAltered) {
		t.Errorf("root of an altered set: %v, want ErrAltered", err)
	}
	s.dropped = true
	if _, err := sets.Root(ctx, show, 1); !errors.Is(err, mint.ErrUnknownSet) {
		t.Errorf("root of a set that is gone: %v, want ErrUnknownSet", err)
	}
	if _, err := sets.Proof(ctx, numbered(0)); !errors.Is(err, api.ErrNoProof) {
		t.Errorf("proof from a set that is gone: %v, want ErrNoProof", err)
	}
}

// An event that has sold nothing has a root as well.
func TestTicketSetsEmpty(t *testing.T) {
	_, sets := newShelf(t, 0)
	if root, err := sets.Root(t.Context(), show, 1); err != nil || len(root.Chunks) != 0 || root.Root == [32]byte{} {
		t.Errorf("root %+v, %v", root, err)
	}
}
