package identity

import (
	"context"
	"fmt"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// Enrolment binds an identifier to an account, with proofs both ways.
type Enrolment struct {
	DID       credential.DID // a did:key of P-256
	Challenge []byte         // of the purpose [account.DID]
	Signature []byte         // of the identifier's key over [DIDMessage], 64 bytes
	Assertion account.Assertion
}

// Enrol gives an account its identifier, in place of one that it had. Both keys
// must have signed: otherwise anybody could claim another's identifier, or hang
// their own on another's account. It returns [ErrDID], [ErrDIDTaken], or what
// [People] says.
func (i *Identity) Enrol(ctx context.Context, p account.Person, e Enrolment) (Identifier, error) {
	holder, err := holderKey(e.DID)
	if err != nil {
		return Identifier{}, fmt.Errorf("%w: %w", ErrDID, err)
	}
	if !trust.VerifyCompressed(holder, DIDMessage(e.Challenge, e.DID, p.Passkey.Key), e.Signature) {
		return Identifier{}, ErrDID
	}
	if err := i.cfg.People.Confirm(ctx, p, account.DID, e.Challenge, DIDTerms(e.Challenge, e.DID), e.Assertion); err != nil {
		return Identifier{}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	d := Identifier{Account: p.ID, DID: e.DID, Holder: holder, Proved: i.cfg.Now()}
	if err := i.cfg.Store.SetDID(ctx, d); err != nil {
		return Identifier{}, err
	}
	i.settle(ctx)
	return d, nil
}

// holderKey is the P-256 key that an identifier is.
func holderKey(did credential.DID) (ticket.HolderKey, error) {
	k, err := did.Key()
	if err != nil {
		return ticket.HolderKey{}, err
	}
	if k.Algorithm() != trust.ES256 {
		return ticket.HolderKey{}, fmt.Errorf("key is %s, want ES256: %w", k.Algorithm(), credential.ErrMalformed)
	}
	return ticket.HolderKey(k.Bytes()), nil
}

// DID returns an account's identifier, or [ErrNoDID].
func (i *Identity) DID(ctx context.Context, account string) (Identifier, error) {
	return i.cfg.Store.DID(ctx, account)
}
