package panel

import (
	"encoding/json"
	"log/slog"
	"net/http"
)

// State is how well something works. The words are stable.
type State string

// The states, from best to worst.
const (
	StateReady    State = "ready"
	StateDegraded State = "degraded" // people still get in
	StateDown     State = "down"     // nobody gets in at this lane
)

// Check is one thing that was looked at.
type Check struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	Hint  string `json:"hint,omitempty"` // what to do about it
	Note  string `json:"note,omitempty"` // what else was seen, well or not

	// Detail is figures for programs; it must marshal to JSON and tell of no person.
	Detail any `json:"detail,omitempty"`
}

// worst returns the state of the whole.
func worst(checks []Check) State {
	state := StateReady
	for _, c := range checks {
		switch c.State {
		case StateReady:
		case StateDegraded:
			if state == StateReady {
				state = StateDegraded
			}
		case StateDown:
			state = StateDown
		default:
			state = StateDown
		}
	}
	return state
}

type healthReport struct {
	State   State   `json:"state"`
	Version string  `json:"version,omitempty"`
	Gate    string  `json:"gate"`
	Lane    string  `json:"lane"`
	Mode    string  `json:"mode"`
	Checks  []Check `json:"checks"`
}

// health answers 200 while people get in, degraded or not, and 503 otherwise: a
// gate that is offline does its work.
func (p *Panel) health(w http.ResponseWriter, r *http.Request) {
	status := p.cfg.Status()
	report := healthReport{
		Version: p.cfg.Version, Gate: p.cfg.Gate, Lane: p.cfg.Lane, Mode: status.Mode.String(),
		Checks: append([]Check{}, p.cfg.Health(r.Context())...),
	}
	report.State = worst(report.Checks)
	if report.State == StateReady && !status.Online() {
		report.State = StateDegraded
	}
	body, err := json.Marshal(report)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if report.State == StateDown {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	p.write(w, r, append(body, '\n'))
}

// write sends a body; a visitor who has gone is no event.
func (p *Panel) write(w http.ResponseWriter, r *http.Request, body []byte) {
	if _, err := w.Write(body); err != nil {
		p.cfg.Logger.DebugContext(r.Context(), "visitor has gone", slog.Any("error", err))
	}
}
