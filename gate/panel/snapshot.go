package panel

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// snapshotWait is how long a picture may take to come.
const snapshotWait = 5 * time.Second

// snapshot gives out one picture of the camera, as PNG, to who knows the secret:
// it shows people. A page of another site cannot ask for it, because it does not
// know the secret and may not send the header.
func (p *Panel) snapshot(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || subtle.ConstantTimeCompare([]byte(token), []byte(p.cfg.SnapshotToken)) != 1 {
		p.cfg.Logger.WarnContext(r.Context(), "a picture of the camera was asked for without the secret, and refused")
		http.Error(w, "want the secret", http.StatusForbidden)
		return
	}
	if !p.posing.TryLock() {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "another picture is being taken", http.StatusServiceUnavailable)
		return
	}
	defer p.posing.Unlock()
	ctx, cancel := context.WithTimeout(r.Context(), snapshotWait)
	defer cancel()
	png, err := p.cfg.Snapshot(ctx)
	if err != nil {
		p.cfg.Logger.WarnContext(r.Context(), "no picture of the camera for who asked", slog.Any("error", err))
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the camera gives no picture", http.StatusServiceUnavailable)
		return
	}
	p.cfg.Logger.WarnContext(r.Context(), "a picture of the camera was given out", slog.Int("bytes", len(png)))
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "no-store")
	p.write(w, r, png)
}
