package mint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/gagliardetto/solana-go"

	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/sync/ticket"
)

// compare compares tokens with what is final on chain, and notes what differs, as what
// if that is given. What differs at first sight is looked at once more: it may have
// changed here in between, or come from a node that is behind.
func (w *Worker) compare(ctx context.Context, tokens []Token, what What) (Walk, error) {
	var sum Walk
	var settled []Token
	var ids []ticket.ID
	for i := range tokens {
		if !tokens[i].Settled() || tokens[i].Stuck != NoReason {
			sum.Skipped++
			continue
		}
		settled, ids = append(settled, tokens[i]), append(ids, tokens[i].Ticket)
	}
	sum.Checked = len(settled)
	if len(settled) == 0 {
		return sum, nil
	}
	first, err := w.differing(ctx, settled, 0)
	if err != nil {
		return sum, err
	}
	found, err := w.confirmDifferences(ctx, first)
	if err != nil {
		return sum, err
	}
	for i := range found {
		if d := &found[i]; what != "" && (d.What == Missing || d.What == OtherForm || d.What == OtherOwner) {
			d.What = what
		}
	}
	if sum.Differences = len(found); sum.Differences > 0 || what == "" {
		if err := w.note(ctx, ids, found); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// note stores and logs differences.
func (w *Worker) note(ctx context.Context, looked []ticket.ID, found []Difference) error {
	if err := w.cfg.Store.NoteDifferences(ctx, looked, found); err != nil {
		return fmt.Errorf("store differences: %w", err)
	}
	for i := range found {
		d := &found[i]
		w.cfg.Logger.ErrorContext(ctx, "the chain differs from what is kept; nothing is done about it",
			slog.String("address", d.Address), slog.String("what", string(d.What)), slog.String("want", d.Want), slog.String("got", d.Got))
	}
	return nil
}

// differing returns the differences of tokens, read at a finalized slot not below one.
func (w *Worker) differing(ctx context.Context, tokens []Token, minSlot uint64) ([]Difference, error) {
	readings := make([]*reading, 0, len(tokens))
	for i := range tokens {
		keys, err := w.tokenKeys(&tokens[i])
		if err != nil {
			return nil, err
		}
		readings = append(readings, &reading{keys: keys})
	}
	if err := w.read(ctx, readings, chain.Finalized, minSlot); err != nil {
		return nil, err
	}
	var found []Difference
	for i := range tokens {
		d, ok, err := w.differs(&tokens[i], readings[i].seen)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, d)
		}
	}
	return found, nil
}

// tokenKeys lists the accounts that show what a token is.
func (w *Worker) tokenKeys(t *Token) ([]token.Key, error) {
	mint, err := solana.PublicKeyFromBase58(t.Address)
	if err != nil {
		return nil, fmt.Errorf("address of a token: %w", err)
	}
	if t.Is != Held {
		return []token.Key{mint}, nil
	}
	of, err := wallet(t.Owner)
	if err != nil {
		return nil, err
	}
	holding, err := token.Holder(of, mint)
	if err != nil {
		return nil, fmt.Errorf("token account: %w", err)
	}
	return []token.Key{mint, holding}, nil
}

// differs compares one token.
func (w *Worker) differs(t *Token, seen []token.Account) (Difference, bool, error) {
	d := Difference{Ticket: t.Ticket, Event: t.Event, Address: t.Address, Want: words(string(t.Is), t.Owner), Found: w.cfg.Now()}
	var owner token.Key
	holding := token.Account{}
	if len(seen) > 1 {
		var err error
		if owner, err = wallet(t.Owner); err != nil {
			return d, false, err
		}
		holding = seen[1]
	}
	o, err := token.Observe(w.roles, owner, &seen[0], &holding)
	if errors.Is(err, token.ErrUnreadable) {
		d.What, d.Got = Garbled, "unreadable"
		return d, true, nil
	}
	if err != nil {
		return d, false, fmt.Errorf("observe a token: %w", err)
	}
	d.Got = words(formOf(o.Form), "")
	switch is := o.Form; {
	case is == token.None && o.Why != token.Fine:
		d.What, d.Got = Foreign, string(o.Why)
	case t.Is == None || t.Is == Burned: // what was never made is burned as well
		if is == token.None || t.Is == Burned && is == token.Burned {
			return d, false, nil
		}
		d.What = Unexpected
	case is == token.None:
		d.What = Missing
	case t.Is == Free && (is == token.Free || is == token.Burned): // by its holder
		return d, false, nil
	case formOf(is) != string(t.Is):
		d.What = OtherForm
	case t.Is == Held && !o.Holds:
		d.What, d.Got = OtherOwner, words(d.Got, "elsewhere")
	default:
		return d, false, nil
	}
	return d, true, nil
}

func words(some ...string) string { return strings.TrimSpace(strings.Join(some, " ")) }

func formOf(f token.Form) string {
	switch f {
	case token.Held:
		return string(Held)
	case token.Free:
		return string(Free)
	case token.Burned:
		return string(Burned)
	case token.None:
	}
	return "none"
}

// confirmDifferences looks once more at what differs: at the tokens as they are kept
// now, and at the chain no earlier than when the last was done about them.
func (w *Worker) confirmDifferences(ctx context.Context, first []Difference) ([]Difference, error) {
	var tokens []Token
	var least uint64
	for i := range first {
		id := first[i].Ticket
		history, err := w.cfg.Store.History(ctx, id, historyMost)
		if err != nil {
			return nil, fmt.Errorf("read history: %w", err)
		}
		for j := range history {
			if history[j].State == Finalized {
				least = max(least, history[j].Slot)
			}
		}
		t, err := w.cfg.Store.Token(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("read token: %w", err)
		}
		if t.Settled() && t.Stuck == NoReason {
			tokens = append(tokens, t)
		}
	}
	if len(tokens) == 0 {
		return nil, nil
	}
	return w.differing(ctx, tokens, least)
}

// recheckRoots looks whether the commitments among actions still stand.
func (w *Worker) recheckRoots(ctx context.Context, actions []Action) (sum Walk, err error) {
	var roots []*Action
	var sigs []chain.Signature
	for i := range actions {
		if a := &actions[i]; a.Kind == Commit && a.Signature != "" {
			sig, err := solana.SignatureFromBase58(a.Signature)
			if err != nil {
				return sum, fmt.Errorf("signature of action %d: %w", a.ID, err)
			}
			roots, sigs = append(roots, a), append(sigs, sig)
		}
	}
	if len(roots) == 0 {
		return sum, nil
	}
	found, _, err := w.cfg.Chain.Statuses(ctx, sigs, true, 0)
	if err != nil {
		return sum, fmt.Errorf("statuses: %w", err)
	}
	var gone []Difference
	for i, a := range roots {
		if found[i] == nil || found[i].Err != nil {
			gone = append(gone, Difference{Event: a.Event, Address: a.Signature, What: Undone, Want: "commit", Got: "none", Found: w.cfg.Now()})
		}
	}
	sum.Checked, sum.Differences = len(roots), len(gone)
	if len(gone) == 0 {
		return sum, nil
	}
	return sum, w.note(ctx, nil, gone)
}
