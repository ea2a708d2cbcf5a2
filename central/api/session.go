package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/account"
)

// The session's cookie carries its token: out of reach of scripts, never sent by
// another site's request, and over TLS only, unless our origin is plain http on
// this machine. Over TLS it bears the prefix by which browsers keep neighbouring
// sites from planting one (RFC 6265bis, 4.1.3.2): somebody who is not signed in
// would buy for the account of whoever did.
const (
	plainCookie  = "conting_session"
	secureCookie = "__Host-" + plainCookie
)

func (a *API) sessionCookie() string {
	if a.overTLS {
		return secureCookie
	}
	return plainCookie
}

func (a *API) setSession(c *gin.Context, token string, expires time.Time) {
	a.setCookie(c, token, max(1, int(expires.Sub(a.cfg.Now()).Seconds())))
}

func (a *API) clearSession(c *gin.Context) { a.setCookie(c, "", -1) }

func (a *API) setCookie(c *gin.Context, value string, maxAge int) {
	http.SetCookie(c.Writer, &http.Cookie{ // #nosec G124 -- Secure follows from our origin
		Name: a.sessionCookie(), Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: a.overTLS, MaxAge: maxAge,
	})
}

// sessionToken is the token that the request carries, or "". Two cookies of the
// name are as good as none: one of them may have been planted by a neighbouring
// site.
func (a *API) sessionToken(c *gin.Context) string {
	if all := c.Request.CookiesNamed(a.sessionCookie()); len(all) == 1 {
		return all[0].Value
	}
	return ""
}

// sameOrigin refuses what another site may have made a browser send: a request
// that changes something and comes with the cookie must say that it comes from our
// own pages, and one that says it comes from elsewhere opens no session.
func (a *API) sameOrigin(c *gin.Context) {
	switch c.Request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return
	}
	origin := c.Request.Header.Values("Origin")
	ours := len(origin) == 1 && origin[0] == a.origin
	withCookie := len(c.Request.CookiesNamed(a.sessionCookie())) > 0
	elsewhere := len(origin) > 0 && strings.HasPrefix(c.FullPath(), "/v1/account/")
	if !ours && (withCookie || elsewhere) {
		a.fail(c, codeError("cross_origin"))
	}
}

const personKey = "person"

// person lets those pass who are signed in; handlers get them from [person].
func (a *API) person(c *gin.Context) {
	if err := a.resume(c.Request.Context(), c); err != nil {
		a.fail(c, err)
	}
}

// anyone is person for what may also be done by nobody in particular. A session
// that has ended is refused all the same: whoever sends one does not mean to act
// as nobody.
func (a *API) anyone(c *gin.Context) {
	if len(c.Request.CookiesNamed(a.sessionCookie())) > 0 {
		a.person(c)
	}
}

func (a *API) resume(ctx context.Context, c *gin.Context) error {
	token := a.sessionToken(c)
	if token == "" {
		return account.ErrSignedOut
	}
	p, expires, err := a.cfg.Accounts.Resume(ctx, token)
	if errors.Is(err, account.ErrSignedOut) {
		a.clearSession(c)
	}
	if err != nil {
		return err
	}
	if !expires.IsZero() {
		a.setSession(c, token, expires)
	}
	c.Set(personKey, p)
	return nil
}

// person is who is signed in, if anybody is.
func person(c *gin.Context) (account.Person, bool) {
	v, _ := c.Get(personKey)
	p, ok := v.(account.Person)
	return p, ok
}
