package api

import (
	"net"
	"net/http"
	"net/netip"
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

// wallet hands over to the web handler, which sets its own caching and policy. On
// this machine, where no proxy stands between, somebody who came by address is sent
// to the name: browsers know no passkeys for an address.
func (a *API) wallet(c *gin.Context) {
	host, _, err := net.SplitHostPort(c.Request.Host)
	if _, ip := netip.ParseAddr(host); err == nil && ip == nil && strings.HasPrefix(a.origin, "http://localhost:") {
		c.Redirect(http.StatusTemporaryRedirect, a.origin+c.Request.URL.EscapedPath())
		return
	}
	a.cfg.Web.ServeHTTP(c.Writer, c.Request)
}
