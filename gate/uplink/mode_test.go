package uplink_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/gate/uplink"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// A gate whose clock stands still, because it is behind the journal, notices all
// the same that it has been alone for a while.
func TestModeWhileTheClockStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		start := time.Now()
		signer, cert := w.certificate("gate-1", trust.RoleGate)
		s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "gate.db"), Device: "gate-1", Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		u, err := uplink.New(t.Context(), uplink.Config{
			Store: s, Device: "gate-1", Gate: "North", Signer: signer, Certificate: func() []byte { return cert },
			Anchor: trust.Anchor{Threshold: 1, Roots: []trust.PublicKey{w.root.Public()}}, Events: []ticket.EventID{event},
			TrustList: w.signedList(), Logger: slog.New(slog.DiscardHandler),
			Now: func() time.Time { return start }, Steady: time.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		l := &fakeLink{w: w, device: "gate-1", handle: u.Handle, changed: u.LinkChanged, outbox: u, filters: map[string]bool{}, asked: map[string]int{}}
		for _, f := range u.Subscriptions() {
			l.filters[f] = true
		}
		w.links["gate-1"] = l
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- u.Run(ctx, l) }()
		w.publishBeacon(0)
		l.connect("central")
		eventually(t, "central", time.Second, func() bool { return u.Mode() == journal.Central })
		l.cut()
		eventually(t, "alone", 2*time.Second, func() bool { return u.Mode() == journal.Alone })
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
