package identity

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
)

// Relative is somebody whom a registrar calls family, as an account sees them.
type Relative struct {
	DID      credential.DID
	Key      ticket.HolderKey // of their passkey, for the terms of a transfer
	Name     string           // their e-mail, masked
	Relation string           // what they are to the account, in the registrar's words
	Until    time.Time
}

// seenFrom is what the other is to an account, where the registrar says what the
// one is to the other. A word that is not known here stands for both.
func seenFrom(r Relation) string {
	if !r.Own {
		return r.Word
	}
	switch r.Word {
	case "parent":
		return "child"
	case "child":
		return "parent"
	case "grandparent":
		return "grandchild"
	case "grandchild":
		return "grandparent"
	case "guardian":
		return "ward"
	case "ward":
		return "guardian"
	}
	return r.Word
}

// Family lists an account's relatives who have an account too, by DID. Whoever has
// no identifier has none.
func (i *Identity) Family(ctx context.Context, id string) ([]Relative, error) {
	did, err := i.cfg.Store.DID(ctx, id)
	if errors.Is(err, ErrNoDID) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	relations, err := i.cfg.Store.Relations(ctx, did.DID)
	if err != nil {
		return nil, err
	}
	var out []Relative
	for _, r := range relations {
		if n := len(out); n > 0 && out[n-1].DID == r.Other.DID { // said twice: the longer holds
			if last := &out[n-1]; r.Expires.After(last.Until) {
				last.Relation, last.Until = seenFrom(r), r.Expires
			}
			continue
		}
		p, err := i.cfg.People.Person(ctx, r.Other.Account)
		if errors.Is(err, account.ErrUnknown) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Relative{
			DID: r.Other.DID, Key: p.Passkey.Key, Name: mask(p.Email), Relation: seenFrom(r), Until: r.Expires,
		})
	}
	return out, nil
}

// related returns the identifier of an account's relative, who must be one now.
func (i *Identity) related(ctx context.Context, id string, to credential.DID) (Identifier, error) {
	did, err := i.cfg.Store.DID(ctx, id)
	if err != nil {
		return Identifier{}, err
	}
	relations, err := i.cfg.Store.Relations(ctx, did.DID)
	if err != nil {
		return Identifier{}, err
	}
	for _, r := range relations {
		if r.Other.DID == to && r.Other.Account != id {
			return r.Other, nil
		}
	}
	return Identifier{}, ErrNotRelated
}

// kin returns nil if two accounts are family now.
func (i *Identity) kin(ctx context.Context, a, b string) error {
	other, err := i.cfg.Store.DID(ctx, b)
	if errors.Is(err, ErrNoDID) {
		return ErrNotRelated
	}
	if err != nil {
		return err
	}
	_, err = i.related(ctx, a, other.DID)
	if errors.Is(err, ErrNoDID) {
		return ErrNotRelated
	}
	return err
}

// Name is how a relative sees an account: its e-mail, masked; empty if it is gone.
func (i *Identity) Name(ctx context.Context, id string) (string, error) {
	p, err := i.cfg.People.Person(ctx, id)
	if errors.Is(err, account.ErrUnknown) {
		return "", nil
	}
	return mask(p.Email), err
}

// mask leaves of an e-mail what somebody recognises who knows it.
func mask(email string) string {
	name, domain, _ := strings.Cut(email, "@")
	_, n := utf8.DecodeRuneInString(name)
	return name[:n] + "***@" + domain
}
