package api

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
)

// stripePolicy lets in what Stripe's form is made of, and nothing else.
// https://docs.stripe.com/security/guide#content-security-policy
const stripePolicy = "default-src 'none'; script-src 'self' https://js.stripe.com https://*.js.stripe.com; " +
	"connect-src 'self' https://api.stripe.com; frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com; " +
	"style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// payPageRoutes are a page of its own for the form of a payment provider, so that the
// wallet, which holds keys, loads nothing from elsewhere. The order and its secret
// come behind the # of the address, which no server is told.
func (a *API) payPageRoutes(r *gin.Engine) {
	r.GET("/pay/stripe", a.stripePage)
	r.GET("/pay.js", a.pageFile("page/pay.js", "text/javascript; charset=utf-8"))
	r.GET("/pay.css", a.pageFile("page/pay.css", "text/css; charset=utf-8"))
}

// stripePage is there only where orders are paid with Stripe: nothing is loaded from
// them otherwise.
func (a *API) stripePage(c *gin.Context) {
	if !slices.Contains(a.cfg.Till.Providers(), "stripe") {
		a.fail(c, codeError("not_found"))
		return
	}
	b, err := pageFiles.ReadFile("page/pay.html")
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Content-Security-Policy", stripePolicy)
	c.Header("Cross-Origin-Opener-Policy", "same-origin-allow-popups") // banks open windows
	c.Data(http.StatusOK, "text/html; charset=utf-8", b)
}
