package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/sync/ticket"
)

// Accounts is the people as the API needs them; *account.Accounts is one.
type Accounts interface {
	Passwords
	People

	RelyingParty() ticket.RelyingParty
	NewChallenge(p account.Purpose, account string) (account.Challenge, error)
	Register(ctx context.Context, r account.Registering) (account.Entry, error)
	Enter(ctx context.Context, r account.SigningIn) (account.Entry, error)
	Recover(ctx context.Context, r account.Recovering) (account.Entry, error)
	NewRecoveryCode(ctx context.Context, p account.Person, challenge []byte, as account.Assertion) (string, error)
	Resume(ctx context.Context, token string) (p account.Person, expires time.Time, err error)
	SignOut(ctx context.Context, token string) error
	Passkeys(ctx context.Context, id string) ([]account.Credential, error)
	Person(ctx context.Context, id string) (account.Person, error)
	Confirm(ctx context.Context, p account.Person, purpose account.Purpose, challenge, signed []byte, as account.Assertion) error
}

func (a *API) accountRoutes(v1 *gin.RouterGroup) {
	g := v1.Group("/account")
	g.GET("", a.person, a.answer(a.account))
	g.POST("/challenges", a.anyone, a.answer(a.accountChallenge))
	g.POST("/register", a.answer(a.register))
	g.POST("/sign-in", a.answer(a.signIn))
	g.POST("/recover", a.answer(a.recoverAccount))
	g.POST("/recovery-code", a.person, a.answer(a.recoveryCode))
	g.POST("/sign-out", a.answer(a.signOut))
	a.passwordRoutes(g)
	a.personRoutes(g)
}

type challengeBody struct {
	Purpose account.Purpose `json:"purpose"`
}

type challengeView struct {
	Challenge bytes64   `json:"challenge"`
	Expires   time.Time `json:"expires"`
	RP        rpView    `json:"rp"`
	UserID    bytes64   `json:"user_id,omitempty"`
}

type rpView struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// rpName is what a browser may show beside the relying party's id.
const rpName = "conting"

func (a *API) accountChallenge(_ context.Context, c *gin.Context) (int, any, error) {
	var b challengeBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	ch, err := a.cfg.Accounts.NewChallenge(b.Purpose, p.ID)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, challengeView{
		Challenge: ch.Value, Expires: ch.Expires.UTC(), UserID: ch.UserID,
		RP: rpView{ID: a.cfg.Accounts.RelyingParty().ID, Name: rpName},
	}, nil
}

// credentialBody is a new passkey, as the browser made it.
type credentialBody struct {
	ID                bytes64  `json:"id"`
	AttestationObject bytes64  `json:"attestation_object"`
	ClientDataJSON    bytes64  `json:"client_data_json"`
	Transports        []string `json:"transports"`
}

func (b *credentialBody) passkey() account.NewPasskey {
	return account.NewPasskey{
		CredentialID: b.ID, AttestationObject: b.AttestationObject, ClientDataJSON: b.ClientDataJSON, Transports: b.Transports,
	}
}

// assertionBody is an answer of a passkey to a challenge.
type assertionBody struct {
	Challenge         bytes64 `json:"challenge"`
	AuthenticatorData bytes64 `json:"authenticator_data"`
	ClientDataJSON    bytes64 `json:"client_data_json"`
	Signature         bytes64 `json:"signature"`
}

func (b *assertionBody) assertion() account.Assertion {
	return account.Assertion{AuthenticatorData: b.AuthenticatorData, ClientDataJSON: b.ClientDataJSON, Signature: b.Signature}
}

type passkeyView struct {
	ID        bytes64          `json:"id"`
	PublicKey ticket.HolderKey `json:"public_key"`
}

type entryView struct {
	Account        string       `json:"account"`
	Email          string       `json:"email"`
	EmailConfirmed bool         `json:"email_confirmed"`
	Role           account.Role `json:"role"`
	Passkey        *passkeyView `json:"passkey,omitempty"`       // none yet after signing up with a password
	RecoveryCode   string       `json:"recovery_code,omitempty"` // shown once
}

// entered answers somebody who came in, and gives them the cookie.
func (a *API) entered(c *gin.Context, status int, e account.Entry, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	a.setSession(c, e.Token, e.Expires)
	p := e.Person
	v := entryView{Account: p.ID, Email: p.Email, EmailConfirmed: p.Verified, Role: p.Role, RecoveryCode: e.RecoveryCode}
	if p.HasPasskey() {
		v.Passkey = &passkeyView{ID: p.Passkey.CredentialID, PublicKey: p.Passkey.Key}
	}
	return status, v, nil
}

type registerBody struct {
	Email      string           `json:"email"`
	Challenge  bytes64          `json:"challenge"`
	Credential credentialBody   `json:"credential"`
	Language   account.Language `json:"language"`
	Work       string           `json:"work"`
}

func (a *API) register(ctx context.Context, c *gin.Context) (int, any, error) {
	var b registerBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	e, err := a.cfg.Accounts.Register(ctx, account.Registering{
		Email: b.Email, Challenge: b.Challenge, Passkey: b.Credential.passkey(), Session: a.sessionToken(c),
		Agent: agent(c), Source: source(c), Language: b.Language, Work: b.Work,
	})
	return a.entered(c, http.StatusCreated, e, err)
}

type signInBody struct {
	CredentialID bytes64 `json:"credential_id"`
	assertionBody
}

func (a *API) signIn(ctx context.Context, c *gin.Context) (int, any, error) {
	var b signInBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	e, err := a.cfg.Accounts.Enter(ctx, account.SigningIn{
		Challenge: b.Challenge, CredentialID: b.CredentialID, Assertion: b.assertion(), Session: a.sessionToken(c),
		Agent: agent(c),
	})
	return a.entered(c, http.StatusOK, e, err)
}

type recoverBody struct {
	Email        string         `json:"email"`
	RecoveryCode string         `json:"recovery_code"`
	Challenge    bytes64        `json:"challenge"`
	Credential   credentialBody `json:"credential"`
}

func (a *API) recoverAccount(ctx context.Context, c *gin.Context) (int, any, error) {
	var b recoverBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	e, err := a.cfg.Accounts.Recover(ctx, account.Recovering{
		Email: b.Email, Code: b.RecoveryCode, Challenge: b.Challenge, Passkey: b.Credential.passkey(),
		Session: a.sessionToken(c), Agent: agent(c), Source: source(c),
	})
	return a.entered(c, http.StatusOK, e, err)
}

func (a *API) recoveryCode(ctx context.Context, c *gin.Context) (int, any, error) {
	var b assertionBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	code, err := a.cfg.Accounts.NewRecoveryCode(ctx, p, b.Challenge, b.assertion())
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, gin.H{"recovery_code": code}, nil
}

// signOut takes no body and succeeds for those who are not signed in.
func (a *API) signOut(ctx context.Context, c *gin.Context) (int, any, error) {
	for _, cookie := range c.Request.CookiesNamed(a.sessionCookie()) {
		if err := a.cfg.Accounts.SignOut(ctx, cookie.Value); err != nil {
			return 0, nil, err
		}
	}
	a.clearSession(c)
	return http.StatusOK, gin.H{"signed_in": false}, nil
}

type accountView struct {
	Account        string       `json:"account"`
	Email          string       `json:"email"`
	EmailConfirmed bool         `json:"email_confirmed"`
	Password       bool         `json:"password"` // whether there is one
	Role           account.Role `json:"role"`     // in this session
	DID            string       `json:"did,omitempty"`
	Passkeys       []ownKeyView `json:"passkeys"`
}

type ownKeyView struct {
	passkeyView
	Created  time.Time `json:"created"`
	LastUsed time.Time `json:"last_used"`
	Current  bool      `json:"current"`
}

func (a *API) account(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	keys, err := a.cfg.Accounts.Passkeys(ctx, p.ID)
	if err != nil {
		return 0, nil, err
	}
	did, err := a.cfg.Identity.DID(ctx, p.ID)
	if err != nil && !errors.Is(err, identity.ErrNoDID) {
		return 0, nil, err
	}
	v := accountView{
		Account: p.ID, Email: p.Email, EmailConfirmed: p.Verified, Password: p.Password, Role: p.Role,
		DID: string(did.DID), Passkeys: make([]ownKeyView, 0, len(keys)),
	}
	for _, k := range keys {
		v.Passkeys = append(v.Passkeys, ownKeyView{
			passkeyView: passkeyView{ID: k.ID, PublicKey: k.Key},
			Created:     k.Created.UTC(), LastUsed: k.Used.UTC(), Current: k.Key == p.Passkey.Key,
		})
	}
	return http.StatusOK, v, nil
}
