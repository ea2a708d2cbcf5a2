package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"github.com/gin-gonic/gin"
)

// secretHash is the SHA-256 of a secret; secrets are compared by it, so that
// neither content nor length shows in the time that takes.
type secretHash [32]byte

func hashSecret(s string) secretHash { return sha256.Sum256([]byte(s)) }

// isAdmin is false for everybody when no admin token is configured.
func (a *API) isAdmin(token string) bool {
	h := hashSecret(token)
	same := subtle.ConstantTimeCompare(h[:], a.admin[:]) == 1
	return same && a.cfg.AdminToken != ""
}

// bearer returns the token of the Authorization header (RFC 6750, 2.1), or "".
func bearer(c *gin.Context) string {
	scheme, token, _ := strings.Cut(c.GetHeader("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

// adminOnly lets the holder of the admin token pass.
func (a *API) adminOnly(c *gin.Context) {
	if !a.isAdmin(bearer(c)) {
		a.fail(c, codeError("unauthorized"))
	}
}

// adminPage is adminOnly for a browser, which asks its user for name and
// password: any name, and the admin token.
func (a *API) adminPage(c *gin.Context) {
	if _, password, ok := c.Request.BasicAuth(); !ok || !a.isAdmin(password) {
		a.fail(c, codeError("unauthorized"))
	}
}

// challengeOf says how to come with credentials. A browser asks its user for a name
// and a password where a page takes them.
func challengeOf(c *gin.Context) string {
	if path := c.FullPath(); strings.HasPrefix(path, "/admin/") && !strings.HasPrefix(path, "/admin/v1/") {
		return `Basic realm="conting admin", charset="UTF-8"`
	}
	return `Bearer realm="conting"`
}

// orderSecret is the bearer token of an order, or an error.
func orderSecret(c *gin.Context) (string, error) {
	if s := bearer(c); s != "" {
		return s, nil
	}
	return "", codeError("unauthorized")
}
