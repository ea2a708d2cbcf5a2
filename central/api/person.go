package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/account"
)

// People is what of [Accounts] is about sessions, roles, and what somebody may ask
// for about themselves.
type People interface {
	Sessions(ctx context.Context, account string) ([]account.Session, error)
	EndSession(ctx context.Context, account, name string) error
	EndOthers(ctx context.Context, account, session string) error
	Export(ctx context.Context, account string) (map[string]any, error)
	Delete(ctx context.Context, p account.Person, by account.Proof) error
	SetRole(ctx context.Context, email string, r account.Role) (account string, err error)
}

// Minter makes access tokens; *account.Access is one.
type Minter interface {
	Mint(account string) (token string, expires time.Time)
}

func (a *API) personRoutes(g *gin.RouterGroup) {
	g.POST("/access", a.person, a.answer(a.access))
	g.GET("/sessions", a.person, a.answer(a.sessions))
	g.DELETE("/sessions", a.person, a.answer(a.endSessions))
	g.DELETE("/sessions/:session", a.person, a.answer(a.endSession))
	g.GET("/export", a.person, a.answer(a.export))
	g.DELETE("", a.person, a.answer(a.deleteAccount))
}

func (a *API) roleRoutes(admin *gin.RouterGroup) { admin.POST("/roles", a.answer(a.giveRole)) }

type accessView struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// access takes no body.
func (a *API) access(_ context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	token, expires := a.cfg.Minter.Mint(p.ID)
	return http.StatusCreated, accessView{Token: token, Expires: expires}, nil
}

type sessionView struct {
	ID      string    `json:"id"`
	Method  string    `json:"method"` // passkey or password
	Agent   string    `json:"agent"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Current bool      `json:"current"`
}

func (a *API) sessions(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	all, err := a.cfg.Accounts.Sessions(ctx, p.ID)
	if err != nil {
		return 0, nil, err
	}
	current := account.SessionName(a.sessionToken(c))
	out := make([]sessionView, 0, len(all))
	for _, s := range all {
		method := "passkey"
		if s.Credential == nil {
			method = "password"
		}
		out = append(out, sessionView{
			ID: s.Name(), Method: method, Agent: s.Agent, Created: s.Created.UTC(), Expires: s.Expires.UTC(), Current: s.Name() == current,
		})
	}
	return http.StatusOK, gin.H{"sessions": out}, nil
}

// endSessions ends all others.
func (a *API) endSessions(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	if err := a.cfg.Accounts.EndOthers(ctx, p.ID, a.sessionToken(c)); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, gin.H{"ended": true}, nil
}

func (a *API) endSession(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	if err := a.cfg.Accounts.EndSession(ctx, p.ID, c.Param("session")); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, gin.H{"ended": true}, nil
}

func (a *API) export(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	all, err := a.cfg.Accounts.Export(ctx, p.ID)
	if err != nil {
		return 0, nil, err
	}
	c.Header("Content-Disposition", `attachment; filename="conting-export.json"`)
	return http.StatusOK, all, nil
}

func (a *API) deleteAccount(ctx context.Context, c *gin.Context) (int, any, error) {
	var b proofBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	if err := a.cfg.Accounts.Delete(ctx, p, b.proof(c)); err != nil {
		return 0, nil, err
	}
	a.clearSession(c)
	return http.StatusOK, gin.H{"deleted": true}, nil
}

type roleBody struct {
	Email string       `json:"email"`
	Role  account.Role `json:"role"`
}

func (a *API) giveRole(ctx context.Context, c *gin.Context) (int, any, error) {
	var b roleBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	id, err := a.cfg.Accounts.SetRole(ctx, b.Email, b.Role)
	if errors.Is(err, account.ErrUnknown) {
		err = codeError("unknown_account")
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, gin.H{"account": id, "role": b.Role}, nil
}
