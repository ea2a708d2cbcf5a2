package identity_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/gate/identity"
)

// enrolled returns an identity whose clock the caller moves.
func enrolled(t *testing.T) (*fleet, *identity.Identity, string, *atomic.Int64) {
	t.Helper()
	var at atomic.Int64
	at.Store(noon.Unix())
	clock := func() time.Time { return time.Unix(at.Load(), 0) }
	f := newFleet(t, clock)
	c := enrolConfig(t, f)
	c.Now = clock
	id, err := identity.Enrol(t.Context(), c)
	ok(t, err)
	return f, id, c.Dir, &at
}

func TestRenew(t *testing.T) {
	_, id, dir, at := enrolled(t)
	old := id.Certificate()
	conf := id.TLS()
	at.Add(int64((25 * 24 * time.Hour).Seconds()))
	ok(t, id.Renew(t.Context()))
	fresh := id.Certificate()
	if !fresh.NotAfter.After(old.NotAfter) || fresh.SerialNumber.Cmp(old.SerialNumber) == 0 {
		t.Errorf("renewed until %s, before until %s", fresh.NotAfter, old.NotAfter)
	}
	if got := id.TLS().Certificates[0].Leaf; !got.Equal(fresh) || !conf.Certificates[0].Leaf.Equal(old) {
		t.Error("the next connection does not use the new certificate, or an old configuration changed")
	}
	again, err := identity.Load(dir, now)
	ok(t, err)
	if !again.Certificate().Equal(fresh) {
		t.Error("the new certificate is not on disk")
	}
}

func TestRenewRefusals(t *testing.T) {
	for _, c := range []struct {
		name    string
		spoil   func(*fleet, map[string]any)
		instead http.HandlerFunc
		move    time.Duration
		want    error
	}{
		{name: "another key", want: identity.ErrAnswer, spoil: func(f *fleet, a map[string]any) { a["certificate"] = f.certify(nil, "north-1", "gate", 7) }},
		{name: "nothing", want: identity.ErrAnswer, spoil: func(_ *fleet, a map[string]any) { a["certificate"] = "" }},
		{name: "revoked", want: identity.ErrRefused, instead: func(w http.ResponseWriter, _ *http.Request) {
			problem(w, http.StatusForbidden, "revoked", "this device was revoked", "ask the organiser")
		}},
		{name: "central gone", want: identity.ErrUnreachable, instead: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{name: "expired already", want: identity.ErrUnreachable, move: 31 * 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, id, dir, at := enrolled(t)
			before, err := os.ReadFile(filepath.Join(dir, "certificate.pem"))
			ok(t, err)
			f.mu.Lock()
			f.instead = c.instead
			if c.spoil != nil {
				f.spoil = func(a map[string]any) { c.spoil(f, a) }
			}
			f.mu.Unlock()
			old := id.Certificate()
			at.Add(int64(c.move.Seconds()))
			wantError(t, id.Renew(t.Context()), c.want)
			after, err := os.ReadFile(filepath.Join(dir, "certificate.pem"))
			ok(t, err)
			if string(after) != string(before) || !id.Certificate().Equal(old) {
				t.Error("the certificate in force was touched")
			}
		})
	}
}

// paper is a certificate whose renewal is played.
type paper struct {
	mu       sync.Mutex // guards all fields
	from, to time.Time
	renewed  []time.Time
	fails    int
}

func (p *paper) Validity() (time.Time, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.from, p.to
}

func (p *paper) tries() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.renewed)
}

func (p *paper) Renew(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.renewed = append(p.renewed, now)
	if p.fails > 0 {
		p.fails--
		return errors.New("central is away")
	}
	p.from, p.to = now, now.Add(lifetime)
	return nil
}

func TestKeepFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p := &paper{from: start, to: start.Add(lifetime), fails: 3}
		ctx, cancel := context.WithCancel(t.Context())
		var renewed atomic.Int64
		done := make(chan struct{})
		go func() {
			identity.KeepFresh(ctx, p, time.Now, slog.New(slog.DiscardHandler), func() { renewed.Add(1) })
			close(done)
		}()
		time.Sleep(lifetime*2/3 - time.Second) // a bubble's clock: nothing waits
		synctest.Wait()
		if early := p.tries(); len(early) != 0 {
			t.Errorf("renewed %s too early", start.Add(lifetime*2/3).Sub(early[0]))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		tries := p.tries()
		if len(tries) != 4 || renewed.Load() != 1 {
			t.Fatalf("%d tries, %d successes, want 4 and 1", len(tries), renewed.Load())
		}
		for i, least := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
			if gap := tries[i+1].Sub(tries[i]); gap < least || gap > least*5/4 {
				t.Errorf("wait %d was %s, want %s to %s", i, gap, least, least*5/4)
			}
		}
		time.Sleep(lifetime * 2 / 3)
		synctest.Wait()
		if renewed.Load() != 2 {
			t.Errorf("%d renewals, want 2", renewed.Load())
		}
		cancel()
		<-done
	})
}
