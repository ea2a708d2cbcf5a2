package stage

import (
	"context"
	"crypto/rand"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/wallet"
)

// EnrolDID makes a DID for the person and binds it to the account.
func (p *Person) EnrolDID(ctx context.Context) error {
	seed := make([]byte, 32)
	if _, err := rand.Read(seed); err != nil {
		return err
	}
	key, err := wallet.NewIdentity(seed)
	if err != nil {
		return err
	}
	signer, err := key.Signer()
	if err != nil {
		return err
	}
	made, err := credential.KeyDID(signer.Public())
	if err != nil {
		return err
	}
	did := string(made)
	var message []byte
	body, err := p.Confirm(ctx, "did", func(challenge []byte) []byte {
		message = wallet.DIDMessage(challenge, did, p.Wallet.HolderKey())
		return wallet.DIDTerms(challenge, did)
	})
	if err != nil {
		return err
	}
	sig, err := key.Sign(message)
	if err != nil {
		return err
	}
	body["did"], body["did_signature"] = did, b64(sig[:])
	if err := p.Call(ctx, "POST", "/v1/wallet/did", body, nil); err != nil {
		return err
	}
	p.Identity, p.DID = key, did
	return nil
}

// ShowCredential gives central a credential about the person.
func (p *Person) ShowCredential(ctx context.Context, jwt string) error {
	return p.Call(ctx, "POST", "/v1/wallet/credentials", map[string]any{"jwt": jwt}, nil)
}

// Transfer is a ticket that one person offers to another.
type Transfer struct {
	ID      string           `json:"id"`
	Ticket  ticket.ID        `json:"ticket"`
	Version uint32           `json:"version"`
	From    ticket.HolderKey `json:"from_key"`
	To      ticket.HolderKey `json:"to_key"`
	State   string           `json:"state"`
}

// Give offers a ticket to a relative.
func (p *Person) Give(ctx context.Context, id ticket.ID, version uint32, to *Person) (Transfer, error) {
	var t Transfer
	body, err := p.Confirm(ctx, "transfer", func(challenge []byte) []byte {
		return wallet.GiveTerms(challenge, id, version, p.Wallet.HolderKey(), to.Wallet.HolderKey())
	})
	if err != nil {
		return t, err
	}
	body["ticket"], body["to"] = id, to.DID
	return t, p.Call(ctx, "POST", "/v1/wallet/transfers", body, &t)
}

// Accept takes an offered ticket.
func (p *Person) Accept(ctx context.Context, t Transfer) error {
	body, err := p.AcceptProof(ctx, t)
	if err != nil {
		return err
	}
	return p.Call(ctx, "POST", "/v1/wallet/transfers/"+t.ID+"/accept", body, nil)
}

// AcceptProof is the proof that an acceptance carries.
func (p *Person) AcceptProof(ctx context.Context, t Transfer) (map[string]any, error) {
	return p.Confirm(ctx, "transfer_accept", func(challenge []byte) []byte {
		return wallet.AcceptTerms(challenge, t.Ticket, t.Version, t.From, t.To)
	})
}

// As is a ticket in another person's hands: the same ticket, shown with their
// phone.
func (b *Bought) As(p *Person) *Bought {
	return &Bought{Order: b.Order, ID: b.ID, Signed: b.Signed, Wallet: p.Wallet}
}
