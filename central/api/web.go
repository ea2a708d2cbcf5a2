package api

import (
	"strings"

	"github.com/gin-gonic/gin"
)

// walletPath is where the wallet's pages are.
const walletPath = "/wallet/"

// webRoutes mounts the wallet.
func (a *API) webRoutes(r *gin.Engine) {
	if a.cfg.Web == nil {
		return
	}
	r.GET(walletPath+"*path", a.wallet)
	r.HEAD(walletPath+"*path", a.wallet)
	r.GET(strings.TrimSuffix(walletPath, "/"), a.wallet)
}

// wallet hands over to the web handler, which sets its own caching and policy.
func (a *API) wallet(c *gin.Context) { a.cfg.Web.ServeHTTP(c.Writer, c.Request) }
