package lease_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/central/lease"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// air is what gates hear: the newest page of each topic, verified, and how many
// there were.
type air struct {
	t    testing.TB
	ring *trust.Keyring

	mu    sync.Mutex // guards the fields below
	pages map[string]*ticketset.LeasePage
	when  map[string]time.Time
	count int
	bytes int
	down  bool
}

func newAir(t testing.TB) *air {
	t.Helper()
	now := time.Now()
	ring, err := trust.NewKeyring(&trust.List{Version: 1, Issued: now.Unix(), Expires: now.Add(24 * time.Hour).Unix(), Keys: []trust.Key{{
		Role: trust.RoleEvent, Public: signer(t).Public(), NotBefore: now.Add(-24 * time.Hour).Unix(), NotAfter: now.Add(24 * time.Hour).Unix(),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return &air{t: t, ring: ring, pages: map[string]*ticketset.LeasePage{}, when: map[string]time.Time{}}
}

var errDown = errors.New("nobody hears")

func (a *air) Publish(_ context.Context, name string, payload []byte, retained bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.down {
		return errDown
	}
	a.count, a.bytes = a.count+1, a.bytes+len(payload)
	n, err := topic.Parse(name)
	if err != nil || n.Kind != topic.Leases || !retained {
		a.t.Errorf("published on %q, retained %v: %v", name, retained, err)
		return nil
	}
	if len(payload) == 0 {
		delete(a.pages, name)
		return nil
	}
	p, err := ticketset.OpenLeasePage(a.ring, n.Event, payload, time.Now())
	if err != nil || uint64(p.Page) != n.Number {
		a.t.Errorf("page on %q: %v", name, err)
		return nil
	}
	if err := p.Follows(a.pages[name]); err != nil {
		a.t.Error(err)
	}
	a.pages[name], a.when[name] = p, time.Now()
	return nil
}

// word is what gates know of a session now, and how old that is.
func (a *air) word(s lease.Session) (live, lapsed bool, age time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	name := topic.LeasePage(s.Event, ticketset.LeasePageOf(s.ID))
	p := a.pages[name]
	if p == nil {
		return false, false, 0
	}
	return p.Live.Has(s.ID), p.Lapsed.Has(s.ID), time.Since(a.when[name])
}

func (a *air) retained() int { a.mu.Lock(); defer a.mu.Unlock(); return len(a.pages) }

func (a *air) set(down bool) { a.mu.Lock(); defer a.mu.Unlock(); a.down = down }

// onAir runs a book in a bubble's time.
func onAir(t *testing.T, test func(b *lease.Book, a *air)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t)
		b, err := lease.New(t.Context(), lease.Config{
			Owners: owners{}, Link: a, Signer: signer(t), Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		b.Connected(true)
		test(b, a)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func begin(t testing.TB, b *lease.Book, who string, n int) lease.Session {
	t.Helper()
	s, err := b.Begin(context.Background(), who, own(who, n))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Gates hear of a session within a second, again and again while it lives, of its
// lapse within a second, for as long as a code of it could be shown, and then
// nothing more.
func TestPagesTellOfASession(t *testing.T) {
	onAir(t, func(b *lease.Book, a *air) {
		s := begin(t, b, minsu, 1)
		time.Sleep(time.Second)
		synctest.Wait()
		if live, _, _ := a.word(s); !live {
			t.Fatal("no gate hears of the session after a second")
		}
		for range 12 {
			time.Sleep(lease.BeatEvery)
			synctest.Wait()
			if live, _, age := a.word(s); !live || age > 5*time.Second {
				t.Fatalf("live %v by a page %s old", live, age)
			}
			if _, err := b.Beat(minsu, s.ID); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(lease.Term - time.Nanosecond)
		synctest.Wait()
		if live, _, _ := a.word(s); !live {
			t.Error("the session lapsed before its time")
		}
		time.Sleep(time.Second + time.Nanosecond)
		synctest.Wait()
		if live, lapsed, _ := a.word(s); live || !lapsed {
			t.Errorf("a second after the lapse: live %v, lapsed %v", live, lapsed)
		}
		time.Sleep(lease.ListedFor - 2*time.Second)
		synctest.Wait()
		if _, lapsed, _ := a.word(s); !lapsed {
			t.Error("the lapse is forgotten too early")
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if n := a.retained(); n != 0 {
			t.Errorf("%d pages are still retained", n)
		}
	})
}

// Nobody is told anything while nobody shows a code, and a page that has not
// changed costs one message in five seconds.
func TestPagesAreNotRepeatedNeedlessly(t *testing.T) {
	onAir(t, func(b *lease.Book, a *air) {
		time.Sleep(time.Minute)
		synctest.Wait()
		if a.count != 0 {
			t.Errorf("%d messages about nothing", a.count)
		}
		s := begin(t, b, minsu, 1)
		for range 12 {
			time.Sleep(lease.BeatEvery)
			if _, err := b.Beat(minsu, s.ID); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if a.count < 12 || a.count > 16 {
			t.Errorf("%d messages in a minute of one session, want about 13", a.count)
		}
	})
}

// What a broker did not take, or has forgotten, is told when it is there again.
func TestPagesAfterAnOutage(t *testing.T) {
	onAir(t, func(b *lease.Book, a *air) {
		a.set(true)
		s := begin(t, b, minsu, 1)
		time.Sleep(3 * time.Second)
		a.set(false)
		time.Sleep(time.Second)
		synctest.Wait()
		if live, _, _ := a.word(s); !live {
			t.Error("a page that failed was not sent again")
		}
		b.Connected(false)
		if err := b.End(minsu, s.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if live, _, _ := a.word(s); !live {
			t.Error("something was sent without a broker")
		}
		b.Connected(true)
		time.Sleep(time.Second)
		synctest.Wait()
		if _, lapsed, _ := a.word(s); !lapsed {
			t.Error("the lapse was not told after the outage")
		}
		// The page would be taken off while the broker is away.
		a.set(true)
		time.Sleep(lease.ListedFor + time.Second)
		a.set(false)
		time.Sleep(time.Second)
		synctest.Wait()
		if n := a.retained(); n != 0 {
			t.Errorf("%d pages are still retained", n)
		}
	})
}

// A clock that is set back must not make gates take the newest page for an old one.
func TestPagesWithAClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t)
		var mu sync.Mutex
		var back time.Duration
		b, err := lease.New(t.Context(), lease.Config{
			Owners: owners{}, Link: a, Signer: signer(t), Logger: slog.New(slog.DiscardHandler),
			Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return time.Now().Add(-back) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		b.Connected(true)
		first := begin(t, b, minsu, 1)
		time.Sleep(2 * time.Second)
		mu.Lock()
		back = 10 * time.Second
		mu.Unlock()
		for n := 2; n < 8; n++ { // until one is on the first's page, or all pages had a turn
			begin(t, b, minsu, n)
		}
		time.Sleep(13 * time.Second)
		synctest.Wait()
		if live, _, age := a.word(first); !live || age > 13*time.Second {
			t.Errorf("live %v by a page %s old", live, age)
		}
		cancel()
		if err := <-ended; err != nil { // Follows in Publish fails the test for a page that is older than the last
			t.Error(err)
		}
	})
}

// full is a book in which 100,000 codes are being shown.
func full(t testing.TB, a lease.Link) (*lease.Book, []lease.Session) {
	t.Helper()
	b, err := lease.New(context.Background(), lease.Config{
		Owners: owners{}, Link: a, Signer: signer(t), Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	sessions := make([]lease.Session, 100_000)
	for n := range sessions {
		sessions[n] = begin(t, b, fmt.Sprintf("a%d", n/lease.MaxLive), n)
	}
	return b, sessions
}

func TestPagesOf100k(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t)
		b, sessions := full(t, a)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		b.Connected(true)
		time.Sleep(time.Second)
		synctest.Wait()
		for _, s := range sessions {
			if live, _, _ := a.word(s); !live {
				t.Fatalf("session %x is on no page", s.ID)
			}
		}
		t.Logf("%d pages, %d bytes", a.count, a.bytes)
		if a.count != ticketset.LeasePages || a.bytes > ticketset.LeasePages*ticketset.MaxLeasePage*6/10 {
			t.Errorf("100,000 sessions took %d messages of %d bytes", a.count, a.bytes)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkPages100k signs and sends all pages of 100,000 live sessions.
func BenchmarkPages100k(b *testing.B) {
	book, _ := full(b, nowhere{})
	for b.Loop() {
		lease.PublishAll(context.Background(), book)
	}
}

func BenchmarkBeat(b *testing.B) {
	book, sessions := full(b, nowhere{})
	n := 0
	for b.Loop() {
		if _, err := book.Beat(fmt.Sprintf("a%d", n/lease.MaxLive), sessions[n].ID); err != nil {
			b.Fatal(err)
		}
		n = (n + 1) % len(sessions)
	}
}
