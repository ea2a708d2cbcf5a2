package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/api"
)

type withStripe struct{ api.Till }

func (withStripe) Providers() []string { return []string{"stripe"} }

// The page of a provider's form is there where orders are paid with that provider,
// and lets in what the form is made of.
func TestPayPage(t *testing.T) {
	h := start(t).on()
	h.call("GET", "/pay/stripe", "").problem(http.StatusNotFound, "not_found")
	h = start(t, func(c *api.Config) { c.Till = withStripe{c.Till} }).on()
	a := h.call("GET", "/pay/stripe", "").want(http.StatusOK)
	policy := a.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "frame-src https://js.stripe.com") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src *") {
		t.Errorf("policy %q", policy)
	}
	for _, file := range []string{"/pay.js", "/pay.css"} {
		h.call("GET", file, "").want(http.StatusOK)
		if !strings.Contains(string(a.body), file) {
			t.Errorf("the page does not load %s", file)
		}
	}
	if strings.Contains(string(a.body), "<script>") || strings.Contains(string(a.body), "style=") {
		t.Error("the page has a script or style in it, which its policy forbids")
	}
}
