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

	signer  trust.Signer
	now     time.Time
	bundle  *ticketset.Bundle // the newest; older ones are gone
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
	s := &shelf{signer: signer, now: now}
	s.renew(t, tickets)
	return s, &ticketSets{
		sets: s, tokens: s, ring: func(context.Context) (*trust.Keyring, error) { return ring, nil },
		secret: merkle.Secret{1}, now: func() time.Time { return now },
	}
}

// renew publishes the next version of the set.
func (s *shelf) renew(t *testing.T, tickets int) {
	t.Helper()
	now := s.now
	var previous ticketset.Current
	if s.bundle != nil {
		previous = s.bundle.Current()
	}
	var err error
	s.bundle, err = ticketset.Build(s.signer, ticketset.Spec{
		Previous: previous,
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
	if _, err := sets.Root(ctx, show, 1); !errors.Is(err, ticketset.ErrAltered) || !errors.Is(err, mint.ErrBadSet) {
		t.Errorf("root of an altered set: %v, want ErrAltered and ErrBadSet", err)
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

// A set that is published anew with the same tickets is stood for by the root that is on
// chain, also when that root's own set is gone; one with others has a root of its own,
// while proofs of what has not changed go on.
func TestTicketSetsRenewed(t *testing.T) {
	ctx := t.Context()
	s, sets := newShelf(t, 2500)
	root, err := sets.Root(ctx, show, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.root, s.final = root, true
	s.renew(t, 2500)
	if again, err := sets.Root(ctx, show, 2); err != nil || again.Version != 1 || again.Root != root.Root || len(again.Chunks) != 3 {
		t.Errorf("root of the same tickets: version %d, %v; want the root of version 1", again.Version, err)
	}
	if p, err := sets.Proof(ctx, numbered(2400)); err != nil || p.Verify(root.Root) != nil || p.Set.Version != 1 {
		t.Errorf("proof from the set that took its place: %+v, %v", p, err)
	}
	s.final = false
	if again, err := sets.Root(ctx, show, 2); err != nil || again.Version != 2 || again.Root == root.Root {
		t.Errorf("root while none is on chain: %+v, %v; want one of its own", again, err)
	}
	s.final = true
	s.renew(t, 2501)
	if other, err := sets.Root(ctx, show, 3); err != nil || other.Version != 3 || other.Root == root.Root {
		t.Errorf("root of other tickets: %+v, %v; want one of its own", other, err)
	}
	if p, err := sets.Proof(ctx, numbered(0)); err != nil || p.Verify(root.Root) != nil {
		t.Errorf("proof of what has not changed: %+v, %v", p, err)
	}
	if _, err := sets.Proof(ctx, numbered(2*2499)); !errors.Is(err, api.ErrNoProof) {
		t.Errorf("proof from a chunk that has changed: %v, want ErrNoProof", err)
	}
}
