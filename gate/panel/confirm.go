package panel

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Errors of [Config.Confirm] that the page can do something about.
var (
	ErrGone = errors.New("there is nothing to confirm any more")
	ErrBusy = errors.New("the lane is busy")
)

const (
	minToken = 16              // characters
	maxOrder = 256             // bytes of a body
	maxWait  = 5 * time.Second // for the lane
)

// confirm takes a steward's word from this panel's own page: one of another site
// has another origin, and one of an earlier start another token.
func (p *Panel) confirm(w http.ResponseWriter, r *http.Request) {
	site := r.Header.Get("Sec-Fetch-Site")
	token := []byte(r.Header.Get("X-Conting-Token"))
	if r.Header.Get("Origin") != "http://"+r.Host || site != "" && site != "same-origin" ||
		subtle.ConstantTimeCompare(token, []byte(p.cfg.Token)) != 1 {
		p.cfg.Logger.WarnContext(r.Context(), "an order that is not of this panel's page was turned away", slog.String("origin", r.Header.Get("Origin")))
		http.Error(w, "not from this panel's page", http.StatusForbidden)
		return
	}
	if r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "want application/json", http.StatusUnsupportedMediaType)
		return
	}
	var order struct {
		Seq uint64 `json:"seq"`
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&order); err != nil || order.Seq == 0 {
		http.Error(w, "want the number of a referral", http.StatusBadRequest)
		return
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		http.Error(w, "want one order", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxWait)
	defer cancel()
	w.Header().Set("Cache-Control", "no-store")
	switch err := p.cfg.Confirm(ctx, order.Seq); {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, ErrGone):
		http.Error(w, ErrGone.Error(), http.StatusGone)
	case errors.Is(err, ErrBusy):
		w.Header().Set("Retry-After", "1")
		http.Error(w, ErrBusy.Error(), http.StatusServiceUnavailable)
	default:
		p.cfg.Logger.ErrorContext(r.Context(), "a steward's word was not taken", slog.Any("error", err))
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}
