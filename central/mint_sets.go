package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/merkle"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
)

// ticketSets are the published sets as the mint sees them: their roots, and what
// proves a ticket to be in one. A set's chunks are those of its tree, so that a proof
// is made from one of them.
type ticketSets struct {
	sets   publish.Sets
	tokens rooted
	ring   func(ctx context.Context) (*trust.Keyring, error)
	secret merkle.Secret
	now    func() time.Time
}

// rooted knows which tickets there are, and which sets' roots are on chain.
type rooted interface {
	Facts(ctx context.Context, ids []ticket.ID) ([]mint.Fact, error)
	LastRoot(ctx context.Context, event ticket.EventID) (mint.Root, mint.Action, bool, error)
}

var (
	_ mint.Sets  = (*ticketSets)(nil)
	_ api.Proofs = (*ticketSets)(nil)
)

func (s *server) newTicketSets(secret []byte) (*ticketSets, error) {
	salt, err := hkdf.Key(sha256.New, secret, nil, "conting/merkle/v1", 32)
	if err != nil {
		return nil, err
	}
	return &ticketSets{
		sets: s.store.Publish(), tokens: s.store.Mint(), ring: s.keyring, secret: merkle.Secret(salt), now: s.now,
	}, nil
}

// keyring is made of the trust list that is in force.
func (s *server) keyring(ctx context.Context) (*trust.Keyring, error) {
	signed, err := s.fleet.TrustList(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.keys.anchor.Open(signed.Data, s.now())
	if err != nil {
		return nil, err
	}
	return trust.NewKeyring(list)
}

// opened is a set that was found as it was published.
type opened struct {
	*ticketset.Manifest
	statuses ticketset.Statuses
	from     *ticketSets
}

// open opens a version of a set, or returns an error wrapping [mint.ErrUnknownSet].
func (t *ticketSets) open(ctx context.Context, event ticket.EventID, version uint64) (*opened, error) {
	all, err := t.sets.Sets(ctx, event)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(s publish.Set) bool { return s.Version == version })
	if i < 0 {
		return nil, fmt.Errorf("set %d of event %s: %w", version, event, mint.ErrUnknownSet)
	}
	ring, err := t.ring(ctx)
	if err != nil {
		return nil, err
	}
	m, err := ticketset.OpenManifest(ring, event, all[i].Manifest, t.now())
	if err != nil {
		return nil, bad(err)
	}
	data, err := t.sets.Object(ctx, event, version, publish.StatusObject, 0)
	if err != nil {
		return nil, t.gone(ctx, event, version, err)
	}
	statuses, err := m.OpenStatus(data)
	if err != nil {
		return nil, bad(err)
	}
	return &opened{m, statuses, t}, nil
}

// bad is the error of a set that is there and not as it should be.
func bad(err error) error { return fmt.Errorf("%w: %w", mint.ErrBadSet, err) }

// gone tells a part that cannot be read because its set was dropped meanwhile.
func (t *ticketSets) gone(ctx context.Context, event ticket.EventID, version uint64, err error) error {
	all, again := t.sets.Sets(ctx, event)
	if again == nil && !slices.ContainsFunc(all, func(s publish.Set) bool { return s.Version == version }) {
		return fmt.Errorf("set %d of event %s: %w: %w", version, event, mint.ErrUnknownSet, err)
	}
	return err
}

// records are those of one chunk.
func (o *opened) records(ctx context.Context, chunk int) ([]merkle.Record, error) {
	data, err := o.from.sets.Object(ctx, o.Event, o.Version, publish.ChunkObject, chunk)
	if err != nil {
		return nil, o.from.gone(ctx, o.Event, o.Version, err)
	}
	tickets, err := o.OpenChunk(chunk, data)
	if err != nil {
		return nil, bad(err)
	}
	out := make([]merkle.Record, len(tickets))
	for i, first := 0, o.Offset(chunk); i < len(out); i++ {
		out[i] = merkle.Record{Ticket: tickets[i], Status: o.statuses.At(first + i)}
	}
	return out, nil
}

// Root implements [mint.Sets]. A set is published anew before it expires, mostly with
// the same tickets. As the number of its version is part of what is hashed, it is hashed
// a second time under that of the last root on chain: if the outcome is that root, there
// is nothing to commit.
func (t *ticketSets) Root(ctx context.Context, event ticket.EventID, version uint64) (mint.Root, error) {
	last, _, ok, err := t.tokens.LastRoot(ctx, event)
	if err != nil {
		return mint.Root{}, err
	}
	o, err := t.open(ctx, event, version)
	if err != nil {
		return mint.Root{}, err
	}
	is := merkle.NewBuilder(merkle.Set{Event: event, Version: version}, t.secret)
	was := merkle.NewBuilder(merkle.Set{Event: event, Version: last.Version}, t.secret)
	for i := range o.Chunks {
		records, err := o.records(ctx, i)
		if err != nil {
			return mint.Root{}, err
		}
		if err := errors.Join(is.Add(records), was.Add(records)); err != nil {
			return mint.Root{}, bad(fmt.Errorf("chunk %d of set %d of event %s: %w", i, version, event, err))
		}
	}
	if again, _ := was.Root(); ok && again == last.Root {
		return last, nil
	}
	root, chunks := is.Root()
	return mint.Root{Event: event, Version: version, Root: root, Chunks: chunks}, nil
}

// Proof implements [api.Proofs]. It is made from any set that is kept in which the
// ticket's chunk is still what the root on chain was made of.
func (t *ticketSets) Proof(ctx context.Context, id ticket.ID) (merkle.Proof, error) {
	none := func(why string) (merkle.Proof, error) {
		return merkle.Proof{}, fmt.Errorf("%w: %s", api.ErrNoProof, why)
	}
	facts, err := t.tokens.Facts(ctx, []ticket.ID{id})
	if err != nil {
		return merkle.Proof{}, err
	}
	if len(facts) == 0 {
		return none("no such ticket")
	}
	event := facts[0].Ticket.Event
	root, commit, ok, err := t.tokens.LastRoot(ctx, event)
	if err != nil {
		return merkle.Proof{}, err
	}
	if !ok {
		return none("none is final")
	}
	all, err := t.sets.Sets(ctx, event)
	if err != nil {
		return merkle.Proof{}, err
	}
	absent := false
	for _, s := range all {
		p, err := t.prove(ctx, &root, s.Version, id)
		switch {
		case err == nil:
			p.Transaction = commit.Signature
			return p, nil
		case errors.Is(err, merkle.ErrAbsent):
			absent = true
		case errors.Is(err, mint.ErrUnknownSet), errors.Is(err, merkle.ErrChunk):
		default:
			return merkle.Proof{}, err
		}
	}
	if absent {
		return none("it is younger than the set")
	}
	return none("a newer set is on its way")
}

// prove makes a proof for a root from a version of the set, which may be another than
// the root's. Errors wrap [mint.ErrUnknownSet], [merkle.ErrChunk] if the ticket's chunk
// is not what the root was made of, or [merkle.ErrAbsent].
func (t *ticketSets) prove(ctx context.Context, root *mint.Root, version uint64, id ticket.ID) (merkle.Proof, error) {
	o, err := t.open(ctx, root.Event, version)
	if err != nil {
		return merkle.Proof{}, err
	}
	chunk := sort.Search(len(o.Chunks), func(i int) bool { return string(o.Chunks[i].First[:]) > string(id[:]) }) - 1
	if chunk < 0 {
		return merkle.Proof{}, merkle.ErrAbsent
	}
	records, err := o.records(ctx, chunk)
	if err != nil {
		return merkle.Proof{}, err
	}
	return merkle.Prove(merkle.Set{Event: root.Event, Version: root.Version}, t.secret, root.Chunks, chunk, records, id)
}
