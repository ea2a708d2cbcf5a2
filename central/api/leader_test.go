package api_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/con-ting/conting/central/api"
)

// others stands in for the centrals that share a database with this one.
type others struct {
	mu    sync.Mutex
	here  bool     // this central leads; guarded by mu
	none  bool     // nobody can be asked; guarded by mu
	asked []string // guarded by mu
}

func (o *others) Leads() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.here
}

func (o *others) Forward(w http.ResponseWriter, r *http.Request) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.none {
		return fmt.Errorf("%w: it has died", api.ErrNoLeader)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	o.asked = append(o.asked, strings.Join([]string{r.Method, r.URL.Path, r.Header.Get("Authorization"), string(body)}, " "))
	w.WriteHeader(http.StatusTeapot)
	_, err = io.WriteString(w, "from the leader")
	return err
}

func (o *others) set(here, none bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.here, o.none = here, none
}

// TestForward: what only the leader can do goes to the leader as it is, token and
// body, unless this central leads; everything else is answered here.
func TestForward(t *testing.T) {
	o := &others{}
	h := start(t, func(c *api.Config) { c.Leader = o })
	bearer := header{"Authorization", "Bearer " + adminToken}
	for _, path := range []string{"/v1/wallet/leases", "/admin/v1/events", "/admin/v1/devices/gate-1/revoke"} {
		o.asked = nil
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+path, strings.NewReader(`{"x":1}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(bearer[0], bearer[1])
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusTeapot || string(text) != "from the leader" {
			t.Errorf("POST %s: %d %s %v, want the leader's answer", path, resp.StatusCode, text, err)
		}
		if want := "POST " + path + " Bearer " + adminToken + ` {"x":1}`; len(o.asked) != 1 || o.asked[0] != want {
			t.Errorf("the leader was asked %q, want %q", o.asked, want)
		}
	}
	o.asked = nil
	for _, path := range []string{"/v1/events", "/healthz", "/admin/v1/devices", "/admin/v1/mint/failed", "/metrics"} {
		if got := h.call("GET", path, "", bearer); got.status != http.StatusOK {
			t.Errorf("GET %s: %d %s, want an answer from here", path, got.status, got.body)
		}
	}
	if len(o.asked) != 0 {
		t.Errorf("the leader was asked %q", o.asked)
	}
	o.set(false, true)
	h.call("GET", "/admin/v1/mint", "", bearer).problem(http.StatusServiceUnavailable, "no_leader") // whose worker knows how it fares
	h.call("POST", "/v1/wallet/leases", "{}").problem(http.StatusServiceUnavailable, "no_leader")
	o.set(true, true)
	h.call("POST", "/v1/wallet/leases", "{}").problem(http.StatusUnauthorized, "sign_in_required")
	h.call("POST", "/admin/v1/events", "{}").problem(http.StatusUnauthorized, "unauthorized")
}
