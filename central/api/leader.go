package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// ErrNoLeader is wrapped by a [Leader]'s error when no central leads that could be
// asked, which is so for some seconds after one has died.
var ErrNoLeader = errors.New("no central leads")

// Leader knows which of the centrals that share a database does what only one may do.
type Leader interface {
	// Leads reports whether it is this one.
	Leads() bool

	// Forward has the one that leads answer a request, whose headers and body go there
	// as they are, or returns an error and has written nothing.
	Forward(w http.ResponseWriter, r *http.Request) error
}

// forward sends what only the leader can do to the leader: the sessions in which codes
// are shown and how the mint fares, of which it alone knows, and whatever changes what
// it publishes. It is the leader who asks for tokens and cookies.
func (a *API) forward(c *gin.Context) {
	if a.cfg.Leader == nil || !forLeader(c.Request) || a.cfg.Leader.Leads() {
		return
	}
	if err := a.cfg.Leader.Forward(c.Writer, c.Request); err != nil {
		a.fail(c, err)
	}
	c.Abort()
}

func forLeader(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/v1/wallet/leases") || r.URL.Path == "/admin/v1/mint" ||
		strings.HasPrefix(r.URL.Path, "/admin/v1/") && r.Method != http.MethodGet && r.Method != http.MethodHead
}
