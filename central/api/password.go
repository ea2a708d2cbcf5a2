package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/account"
)

// Passwords is what of [Accounts] is about passwords and letters.
type Passwords interface {
	Joins() account.Terms
	Join(ctx context.Context, r account.Joining) error
	ConfirmJoin(ctx context.Context, r account.Linked) (account.Entry, error)
	EnterWithPassword(ctx context.Context, r account.PasswordSignIn) (account.Entry, error)
	AskReset(ctx context.Context, r account.Joining) error
	ConfirmReset(ctx context.Context, r account.Linked) (account.Entry, error)
	ChangePassword(ctx context.Context, p account.Person, password, session string, by account.Proof) error
	SendVerification(ctx context.Context, p account.Person, lang account.Language, source string) error
	ConfirmEmail(ctx context.Context, p account.Person, token string) error
	AddPasskey(ctx context.Context, p account.Person, r account.AddingPasskey) (account.Entry, error)
}

func (a *API) passwordRoutes(g *gin.RouterGroup) {
	g.GET("/joining", a.answer(a.joining))
	g.POST("/password/register", a.answer(a.join))
	g.POST("/password/register/confirm", a.answer(a.confirmJoin))
	g.POST("/password/sign-in", a.answer(a.passwordSignIn))
	g.POST("/password/change", a.person, a.answer(a.changePassword))
	g.POST("/password/reset", a.answer(a.askReset))
	g.POST("/password/reset/confirm", a.answer(a.confirmReset))
	g.POST("/email/verify", a.person, a.answer(a.verifyEmail))
	g.POST("/email/confirm", a.person, a.answer(a.confirmEmail))
	g.POST("/passkeys", a.person, a.answer(a.addPasskey))
}

// source is where a request comes from, as far as is known, and agent what the
// program there calls itself.
func source(c *gin.Context) string { return c.ClientIP() }
func agent(c *gin.Context) string  { return c.GetHeader("User-Agent") }

type joiningView struct {
	Password    bool   `json:"password"` // whether an account can be made with one
	MinPassword int    `json:"min_password"`
	WorkBits    int    `json:"work_bits"`
	WorkPurpose string `json:"work_purpose"`
}

func (a *API) joining(context.Context, *gin.Context) (int, any, error) {
	t := a.cfg.Accounts.Joins()
	return http.StatusOK, joiningView{Password: t.Letters, MinPassword: account.MinPassword, WorkBits: t.WorkBits, WorkPurpose: account.WorkPurpose}, nil
}

type letterBody struct {
	Email    string           `json:"email"`
	Language account.Language `json:"language"`
	Work     string           `json:"work"`
}

// sentView is the same whether or not there is an account.
type sentView struct {
	Sent    string    `json:"sent"` // "if_it_may": nothing more can be said
	Expires time.Time `json:"expires"`
}

func (a *API) sent() sentView {
	return sentView{Sent: "if_it_may", Expires: a.cfg.Now().Add(account.LinkLifetime).UTC()}
}

func (a *API) letter(c *gin.Context, order func(account.Joining) error) (int, any, error) {
	var b letterBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	if err := order(account.Joining{Email: b.Email, Language: b.Language, Work: b.Work, Source: source(c)}); err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, a.sent(), nil
}

func (a *API) join(ctx context.Context, c *gin.Context) (int, any, error) {
	return a.letter(c, func(r account.Joining) error { return a.cfg.Accounts.Join(ctx, r) })
}

func (a *API) askReset(ctx context.Context, c *gin.Context) (int, any, error) {
	return a.letter(c, func(r account.Joining) error { return a.cfg.Accounts.AskReset(ctx, r) })
}

type linkedBody struct {
	Token    string `json:"token"`
	Password string `json:"password"`
}

func (a *API) linked(c *gin.Context) (account.Linked, error) {
	var b linkedBody
	err := decode(c, &b)
	return account.Linked{Token: b.Token, Password: b.Password, Session: a.sessionToken(c), Agent: agent(c)}, err
}

func (a *API) confirmJoin(ctx context.Context, c *gin.Context) (int, any, error) {
	r, err := a.linked(c)
	if err != nil {
		return 0, nil, err
	}
	e, err := a.cfg.Accounts.ConfirmJoin(ctx, r)
	return a.entered(c, http.StatusCreated, e, err)
}

func (a *API) confirmReset(ctx context.Context, c *gin.Context) (int, any, error) {
	r, err := a.linked(c)
	if err != nil {
		return 0, nil, err
	}
	e, err := a.cfg.Accounts.ConfirmReset(ctx, r)
	return a.entered(c, http.StatusOK, e, err)
}

type passwordBody struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

func (a *API) passwordSignIn(ctx context.Context, c *gin.Context) (int, any, error) {
	var b passwordBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	e, err := a.cfg.Accounts.EnterWithPassword(ctx, account.PasswordSignIn{
		Email: b.Email, Password: b.Password, Session: a.sessionToken(c), Agent: agent(c), Source: source(c),
	})
	return a.entered(c, http.StatusOK, e, err)
}

// proofBody shows that it is still the same person: by the passkey, or by the
// password.
type proofBody struct {
	Password  string         `json:"password"`
	Assertion *assertionBody `json:"assertion"`
}

func (b *proofBody) proof(c *gin.Context) account.Proof {
	p := account.Proof{Password: b.Password, Source: source(c)}
	if b.Assertion != nil {
		p.Challenge, p.Assertion = b.Assertion.Challenge, b.Assertion.assertion()
	}
	return p
}

type changeBody struct {
	New   string    `json:"new_password"`
	Proof proofBody `json:"proof"`
}

func (a *API) changePassword(ctx context.Context, c *gin.Context) (int, any, error) {
	var b changeBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	if err := a.cfg.Accounts.ChangePassword(ctx, p, b.New, a.sessionToken(c), b.Proof.proof(c)); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, gin.H{"changed": true}, nil
}

type verifyBody struct {
	Language account.Language `json:"language"`
}

func (a *API) verifyEmail(ctx context.Context, c *gin.Context) (int, any, error) {
	var b verifyBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	if err := a.cfg.Accounts.SendVerification(ctx, p, b.Language, source(c)); err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, a.sent(), nil
}

type tokenBody struct {
	Token string `json:"token"`
}

func (a *API) confirmEmail(ctx context.Context, c *gin.Context) (int, any, error) {
	var b tokenBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	if err := a.cfg.Accounts.ConfirmEmail(ctx, p, b.Token); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, gin.H{"email_confirmed": true}, nil
}

type addPasskeyBody struct {
	Challenge  bytes64        `json:"challenge"`
	Credential credentialBody `json:"credential"`
	Password   string         `json:"password"`
}

func (a *API) addPasskey(ctx context.Context, c *gin.Context) (int, any, error) {
	var b addPasskeyBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	e, err := a.cfg.Accounts.AddPasskey(ctx, p, account.AddingPasskey{
		Challenge: b.Challenge, Passkey: b.Credential.passkey(), Session: a.sessionToken(c), Agent: agent(c),
		Proof: account.Proof{Password: b.Password, Source: source(c)},
	})
	return a.entered(c, http.StatusCreated, e, err)
}
