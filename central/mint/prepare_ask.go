package mint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/gagliardetto/solana-go"
	"golang.org/x/sync/errgroup"

	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/merkle"
	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/sync/ticket"
)

// errKeys means that this central's authority or secret is not the one that the tokens
// of the store were addressed with: nothing may be signed.
var errKeys = errors.New("mint authority or secret is not that of the tokens")

// Address returns the address that the token of a ticket has, or will have, base58.
func (w *Worker) Address(id ticket.ID) string {
	k, _ := w.address(id)
	return k.String()
}

func (w *Worker) address(id ticket.ID) (key token.Key, seed string) {
	return w.derive(token.TicketSeed(w.cfg.Secret, id[:]))
}

// group returns the address of the collection of an event.
func (w *Worker) group(id ticket.EventID) (key token.Key, seed string) {
	return w.derive(token.GroupSeed(w.cfg.Secret, binary.BigEndian.AppendUint32(nil, uint32(id))))
}

func (w *Worker) derive(seed string) (token.Key, string) {
	k, err := token.Address(w.roles.Authority, seed)
	if err != nil { // of a seed that is too long, which none is
		return token.Key{}, seed
	}
	return k, seed
}

// wallet reads an address that the store has.
func wallet(s string) (token.Key, error) {
	k, err := solana.PublicKeyFromBase58(s)
	if err != nil {
		return token.Key{}, fmt.Errorf("%w: %w", ErrNoWallet, err)
	}
	return k, nil
}

// context is what an action is about.
type subject struct {
	fact  Fact         // zero for an action without a ticket
	event ticket.Event // zero for a commitment
}

// kinds of the token package.
func tokenKind(k Kind) token.Kind {
	switch k {
	case Mint:
		return token.Mint
	case Move:
		return token.Move
	case Release:
		return token.Release
	case Burn:
		return token.Burn
	case Send:
		return token.Send
	case Commit:
		return token.Commit
	case Group:
		return token.Group
	}
	return 0
}

// ask is what an action asks for. Errors wrap those of central/mint/token, or
// [ErrNoWallet].
func (w *Worker) ask(a *Action, of *subject, fromSigns bool) (token.Ask, error) {
	ask := token.Ask{Kind: tokenKind(a.Kind), FromSigns: fromSigns}
	switch a.Form {
	case Held:
		ask.Form = token.Held
	case Free:
		ask.Form = token.Free
	case Burned:
		ask.Form = token.Burned
	case None:
	}
	switch a.Kind { //nolint:exhaustive // the others have a ticket
	case Commit:
		ask.Memo = merkle.Memo{Set: merkle.Set{Event: a.Event, Version: a.Set}, Root: a.Root}.String()
		return ask, nil
	case Group:
		return ask, w.groupSpec(&ask, &of.event)
	}
	var err error
	if a.From != "" {
		if ask.From, err = wallet(a.From); err != nil {
			return ask, err
		}
	}
	if a.To != "" {
		if ask.To, err = wallet(a.To); err != nil {
			return ask, err
		}
	}
	var seed string
	ask.Mint, seed = w.address(a.Ticket)
	if a.Kind == Mint {
		return ask, w.ticketSpec(&ask, of, seed)
	}
	return ask, nil
}

func (w *Worker) ticketSpec(ask *token.Ask, of *subject, seed string) (err error) {
	face := FaceOf(&of.event, &of.fact.Ticket)
	text := token.Text{
		Event: face.Event, Date: face.Date, Zone: face.Zone, Seat: face.Seat, Class: face.Class, URI: w.link(ask.Mint.String()),
	}
	if w.cfg.Collection {
		text.Group, _ = w.group(of.event.ID)
	}
	ask.Spec, err = token.Describe(text)
	ask.Spec.Seed = seed
	return err
}

// maxMembers is how many tokens a collection may have: more than an event has tickets.
const maxMembers = 1 << 32

func (w *Worker) groupSpec(ask *token.Ask, event *ticket.Event) (err error) {
	var seed string
	ask.Mint, seed = w.group(event.ID)
	face := FaceOf(event, &ticket.Ticket{})
	ask.Spec, err = token.Describe(token.Text{Event: face.Event, Date: face.Date, URI: w.link(CollectionName(event.ID))})
	ask.Spec.Seed, ask.Spec.Max = seed, maxMembers
	return err
}

// reading is one question of several accounts, and what came back, in order.
type reading struct {
	keys []token.Key
	seen []token.Account
	slot uint64
}

// read reads accounts, those of one reading at one slot.
func (w *Worker) read(ctx context.Context, readings []*reading, at chain.Commitment, minSlot uint64) error {
	var g errgroup.Group
	g.SetLimit(4)
	for len(readings) > 0 {
		n, keys := 0, []token.Key(nil)
		for n < len(readings) && (n == 0 || len(keys)+len(readings[n].keys) <= chain.MaxAccounts) {
			keys = append(keys, readings[n].keys...)
			n++
		}
		part := readings[:n]
		readings = readings[n:]
		if len(keys) == 0 {
			continue
		}
		g.Go(func() error {
			accounts, slot, err := w.cfg.Chain.Accounts(ctx, keys, at, minSlot)
			if err != nil {
				return fmt.Errorf("read accounts: %w", err)
			}
			if len(accounts) != len(keys) {
				return fmt.Errorf("%d accounts for %d keys: %w", len(accounts), len(keys), chain.ErrUnavailable)
			}
			for _, r := range part {
				r.slot = slot
				r.seen = make([]token.Account, len(r.keys))
				for i, key := range r.keys {
					r.seen[i] = account(key, accounts[i])
				}
				accounts = accounts[len(r.keys):]
			}
			return nil
		})
	}
	return g.Wait()
}

func account(key token.Key, a *chain.Account) token.Account {
	if a == nil {
		return token.Account{Key: key}
	}
	return token.Account{Key: key, Owner: a.Owner, Lamports: a.Lamports, Data: a.Data}
}
