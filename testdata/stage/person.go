package stage

import (
	"context"
	"encoding/base64"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/wallet"
)

// Person is a visitor with an account: a phone with a passkey, and a session. It is
// not safe for concurrent use.
type Person struct {
	Email        string
	Account      string // id
	RecoveryCode string // as it was shown last
	Wallet       *wallet.Wallet

	DID      string           // after EnrolDID
	Identity *wallet.Identity // its key

	stage   *Stage
	session string
}

// entry is what central answers to somebody who came in.
type entry struct {
	Account      string `json:"account"`
	Email        string `json:"email"`
	RecoveryCode string `json:"recovery_code"`
}

// SignUp makes an account with a new phone.
func (s *Stage) SignUp(ctx context.Context, email string) (*Person, error) {
	p := &Person{Email: email, stage: s}
	return p, p.register(ctx, "register", map[string]any{"email": email})
}

// Recover replaces the phone by a new one, with the recovery code.
func (p *Person) Recover(ctx context.Context) error {
	return p.register(ctx, "recover", map[string]any{"email": p.Email, "recovery_code": p.RecoveryCode})
}

// register makes a passkey on a new phone and goes in with it.
func (p *Person) register(ctx context.Context, purpose string, body map[string]any) error {
	w, err := p.stage.newWallet()
	if err != nil {
		return err
	}
	text, challenge, err := p.challenge(ctx, caller{}, purpose)
	if err != nil {
		return err
	}
	r, err := w.Authenticator.Create(challenge)
	if err != nil {
		return err
	}
	body["challenge"] = text
	body["credential"] = map[string]any{
		"id": b64(r.CredentialID), "attestation_object": b64(r.AttestationObject), "client_data_json": b64(r.ClientDataJSON),
	}
	var e entry
	session, err := p.stage.ask(ctx, caller{}, "POST", "/v1/account/"+purpose, body, &e)
	if err != nil {
		return err
	}
	p.Wallet, p.session, p.Account, p.RecoveryCode = w, session, e.Account, e.RecoveryCode
	return nil
}

// SignIn opens a session with the passkey.
func (p *Person) SignIn(ctx context.Context) error {
	text, challenge, err := p.challenge(ctx, caller{}, "sign_in")
	if err != nil {
		return err
	}
	body, err := p.assert(challenge)
	if err != nil {
		return err
	}
	body["challenge"], body["credential_id"] = text, b64(p.Wallet.Authenticator.CredentialID())
	p.session, err = p.stage.ask(ctx, caller{}, "POST", "/v1/account/sign-in", body, nil)
	return err
}

// SignOut ends the session. Whatever the person does then is refused.
func (p *Person) SignOut(ctx context.Context) error {
	return p.Call(ctx, "POST", "/v1/account/sign-out", nil, nil)
}

// Buy orders one seat as this account, for its own passkey, and pays with the
// sandbox.
func (p *Person) Buy(ctx context.Context, event ticket.EventID, seat Seat) (*Bought, error) {
	return p.stage.buy(ctx, caller{session: p.session}, event, p.Wallet, seat)
}

// Call asks central as this person. An answer that is no success is a [*Refusal].
func (p *Person) Call(ctx context.Context, method, path string, in, out any) error {
	return p.stage.do(ctx, caller{session: p.session}, method, path, in, out)
}

// Confirm asks for a challenge of a purpose and has the passkey sign the terms that
// are made of it. It returns the members that a request carries as proof:
// challenge, authenticator_data, client_data_json and signature.
func (p *Person) Confirm(ctx context.Context, purpose string, terms func(challenge []byte) []byte) (map[string]any, error) {
	text, challenge, err := p.challenge(ctx, caller{session: p.session}, purpose)
	if err != nil {
		return nil, err
	}
	body, err := p.assert(terms(challenge))
	if err != nil {
		return nil, err
	}
	body["challenge"] = text
	return body, nil
}

func (p *Person) challenge(ctx context.Context, as caller, purpose string) (text string, raw []byte, err error) {
	var asked struct {
		Challenge string `json:"challenge"`
	}
	if err := p.stage.do(ctx, as, "POST", "/v1/account/challenges", map[string]any{"purpose": purpose}, &asked); err != nil {
		return "", nil, err
	}
	raw, err = base64.RawURLEncoding.DecodeString(asked.Challenge)
	return asked.Challenge, raw, err
}

// assert has the passkey sign.
func (p *Person) assert(what []byte) (map[string]any, error) {
	a, err := p.Wallet.Authenticator.Assert(what)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"authenticator_data": b64(a.AuthenticatorData), "client_data_json": b64(a.ClientDataJSON), "signature": b64(a.Signature),
	}, nil
}
