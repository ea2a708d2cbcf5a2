package lease_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/lease"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

const (
	show  = ticket.EventID(7)
	quiet = ticket.EventID(8) // its gates ask for no sessions
	minsu = "minsu"
	jiyu  = "jiyu"
)

// owners gives every account the tickets that begin with the account's first
// letter; one whose second byte is 0xff is used, one of the second event has 8 there.
type owners struct{}

func (owners) Showable(_ context.Context, account string, id ticket.ID) (ticket.EventID, ticket.LeasePolicy, error) {
	switch {
	case id[0] != account[0]:
		return 0, 0, lease.ErrNotOwner
	case id[1] == 0xff:
		return 0, 0, lease.ErrUnusable
	case id[1] == byte(quiet):
		return quiet, ticket.LeaseOff, nil
	}
	return show, ticket.LeaseAdvisory, nil
}

// own is the n-th ticket of an account.
func own(account string, n int) (id ticket.ID) {
	id[0] = account[0]
	binary.BigEndian.PutUint32(id[2:], uint32(n))
	return id
}

// house is a book with a clock that the test moves.
type house struct {
	*lease.Book
	t testing.TB

	mu sync.Mutex
	at time.Time // guarded by mu
}

func (h *house) now() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.at }

func (h *house) pass(d time.Duration) { h.mu.Lock(); defer h.mu.Unlock(); h.at = h.at.Add(d) }

func signer(t testing.TB) trust.Signer {
	t.Helper()
	s, err := trust.NewSigner(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type nowhere struct{}

func (nowhere) Publish(context.Context, string, []byte, bool) error { return nil }

func newHouse(t testing.TB, random io.Reader) *house {
	t.Helper()
	h := &house{t: t, at: time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)}
	var err error
	h.Book, err = lease.New(context.Background(), lease.Config{
		Owners: owners{}, Link: nowhere{}, Signer: signer(t), Rand: random, Logger: slog.New(slog.DiscardHandler), Now: h.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) begin(who string, n int) lease.Session {
	h.t.Helper()
	s, err := h.Begin(context.Background(), who, own(who, n))
	if err != nil {
		h.t.Fatalf("Begin(%s, %d): %v", who, n, err)
	}
	return s
}

func (h *house) want(live, lapsed int) {
	h.t.Helper()
	if a, b := h.Count(); a != live || b != lapsed {
		h.t.Errorf("%d live, %d lapsed; want %d, %d", a, b, live, lapsed)
	}
}

func TestSessionLives(t *testing.T) {
	h := newHouse(t, nil)
	s := h.begin(minsu, 1)
	if s.Event != show || s.Ticket != own(minsu, 1) || !s.Expires.Equal(h.now().Add(lease.Term)) {
		t.Errorf("session %+v", s)
	}
	for range 60 { // five minutes of beats
		h.pass(lease.BeatEvery)
		expires, err := h.Beat(minsu, s.ID)
		if err != nil || !expires.Equal(h.now().Add(lease.Term)) {
			t.Fatalf("Beat = %s, %v; want %s more", expires, err, lease.Term)
		}
	}
	h.want(1, 0)
	h.pass(lease.Term - 1)
	h.want(1, 0)
	h.pass(1)
	h.want(0, 1)
}

// What has lapsed stays lapsed, is named for a while, and is then forgotten.
func TestSessionLapses(t *testing.T) {
	h := newHouse(t, nil)
	s := h.begin(minsu, 1)
	h.pass(lease.Term)
	for range 2 {
		if _, err := h.Beat(minsu, s.ID); !errors.Is(err, lease.ErrLapsed) {
			t.Errorf("beat of a lapsed session: %v, want ErrLapsed", err)
		}
		if err := h.End(minsu, s.ID); !errors.Is(err, lease.ErrLapsed) {
			t.Errorf("end of a lapsed session: %v, want ErrLapsed", err)
		}
	}
	h.want(0, 1)
	h.pass(lease.ListedFor - 1)
	h.want(0, 1)
	h.pass(1)
	h.want(0, 0)
	if again := h.begin(minsu, 1); again.ID == s.ID {
		t.Error("the new session has the old one's id")
	}
	h.want(1, 0)
}

func TestSessionEnds(t *testing.T) {
	h := newHouse(t, nil)
	s := h.begin(minsu, 1)
	if err := h.End(minsu, s.ID); err != nil {
		t.Fatal(err)
	}
	h.want(0, 1)
	if _, err := h.Beat(minsu, s.ID); !errors.Is(err, lease.ErrLapsed) {
		t.Errorf("beat after the end: %v, want ErrLapsed", err)
	}
}

// A code is shown on one phone at a time: unlocking again ends the session before,
// so that a code which was sent to somebody is dead once its owner shows their own.
func TestSecondSessionOfATicket(t *testing.T) {
	h := newHouse(t, nil)
	first, other := h.begin(minsu, 1), h.begin(minsu, 2)
	second := h.begin(minsu, 1)
	if _, err := h.Beat(minsu, first.ID); !errors.Is(err, lease.ErrLapsed) {
		t.Errorf("beat of the session before: %v, want ErrLapsed", err)
	}
	for _, s := range []lease.Session{second, other} {
		if _, err := h.Beat(minsu, s.ID); err != nil {
			t.Errorf("beat of %s: %v", s.Ticket, err)
		}
	}
	h.want(2, 1)
}

// The id stands in every code, so knowing it must give nobody anything.
func TestSessionOfSomebodyElse(t *testing.T) {
	h := newHouse(t, nil)
	s := h.begin(minsu, 1)
	for who, id := range map[string]lease.ID{jiyu: s.ID, "": s.ID, minsu: {1, 2, 3}} {
		if _, err := h.Beat(who, id); !errors.Is(err, lease.ErrLapsed) {
			t.Errorf("beat of %q for %x: %v, want ErrLapsed", who, id, err)
		}
		if err := h.End(who, id); !errors.Is(err, lease.ErrLapsed) {
			t.Errorf("end of %q for %x: %v, want ErrLapsed", who, id, err)
		}
	}
	h.want(1, 0)
}

func TestBeginRefuses(t *testing.T) {
	h := newHouse(t, nil)
	used, off := own(minsu, 1), own(minsu, 1)
	used[1], off[1] = 0xff, byte(quiet)
	for name, tc := range map[string]struct {
		who  string
		id   ticket.ID
		want error
	}{
		"another's ticket":          {minsu, own(jiyu, 1), lease.ErrNotOwner},
		"nobody":                    {"", own(minsu, 1), lease.ErrNotOwner},
		"a used ticket":             {minsu, used, lease.ErrUnusable},
		"an event without sessions": {minsu, off, lease.ErrOff},
	} {
		if s, err := h.Begin(t.Context(), tc.who, tc.id); !errors.Is(err, tc.want) {
			t.Errorf("%s: Begin = %+v, %v; want %v", name, s, err, tc.want)
		}
	}
	h.want(0, 0)
}

func TestAccountLimits(t *testing.T) {
	h := newHouse(t, nil)
	for n := range lease.MaxLive {
		h.begin(minsu, n)
	}
	if _, err := h.Begin(t.Context(), minsu, own(minsu, lease.MaxLive)); !errors.Is(err, lease.ErrTooMany) {
		t.Errorf("Begin of one more: %v, want ErrTooMany", err)
	}
	h.begin(jiyu, 1) // nobody else is held up
	h.begin(minsu, 0)
	h.want(lease.MaxLive+1, 1)

	// Beginning again and again fills nobody's pages.
	var err error
	for err == nil {
		_, err = h.Begin(t.Context(), minsu, own(minsu, 0))
	}
	if !errors.Is(err, lease.ErrTooMany) {
		t.Fatal(err)
	}
	h.want(lease.MaxLive+1, lease.MaxListed-lease.MaxLive)
	h.pass(lease.Term + lease.ListedFor)
	h.Count() // lapses the rest
	h.pass(lease.ListedFor)
	for n := range lease.MaxLive {
		h.begin(minsu, n)
	}
}

// onePage makes ids of page 5 only.
type onePage struct{ n uint64 }

func (r *onePage) Read(b []byte) (int, error) {
	r.n++
	binary.BigEndian.PutUint64(b, r.n*0x9E37_79B9_7F4A_7C15)
	b[0] = 0x50 | b[0]&0x0f
	return 8, nil
}

func TestFullPage(t *testing.T) {
	h := newHouse(t, &onePage{})
	n := 0
	for ; ; n++ {
		who := fmt.Sprintf("a%d", n/lease.MaxLive)
		if _, err := h.Begin(t.Context(), who, own(who, n)); errors.Is(err, lease.ErrFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n != 12_200 {
		t.Errorf("a page took %d sessions, want 12,200", n)
	}
	h.pass(lease.Term)
	h.want(0, n)
	if _, err := h.Begin(t.Context(), jiyu, own(jiyu, 1)); !errors.Is(err, lease.ErrFull) {
		t.Errorf("a full page of lapsed sessions gave way: %v", err)
	}
	h.pass(lease.ListedFor)
	h.begin(jiyu, 1)
	h.want(1, 0)
}

// Random acts of many wallets at once leave the book's counts in step.
func TestBookUnderRace(t *testing.T) {
	h := newHouse(t, nil)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(w)))
			who := string(rune('a' + w%4)) // two wallets of one account
			var mine []lease.ID
			for range 500 {
				switch n := rng.IntN(10); {
				case n < 4:
					if s, err := h.Begin(context.Background(), who, own(who, rng.IntN(12))); err == nil {
						mine = append(mine, s.ID)
					} else if !errors.Is(err, lease.ErrTooMany) {
						t.Error(err)
					}
				case n < 8 && len(mine) > 0:
					_, _ = h.Beat(who, mine[rng.IntN(len(mine))])
				case n < 9 && len(mine) > 0:
					_ = h.End(who, mine[rng.IntN(len(mine))])
				default:
					h.pass(time.Second)
				}
				if live, lapsed := h.Count(); live > 4*lease.MaxLive || live+lapsed > 4*lease.MaxListed {
					t.Errorf("%d live, %d lapsed of four accounts", live, lapsed)
				}
			}
		})
	}
	wg.Wait()
	h.pass(lease.Term)
	h.Count()
	h.pass(lease.ListedFor)
	h.want(0, 0)
	for _, who := range []string{"a", "b", "c", "d"} { // no account remembers anything
		for n := range lease.MaxLive {
			h.begin(who, n)
		}
	}
}

func TestConfig(t *testing.T) {
	good := lease.Config{Owners: owners{}, Link: nowhere{}, Signer: signer(t), Logger: slog.New(slog.DiscardHandler), Now: time.Now}
	for name, change := range map[string]func(*lease.Config){
		"no owners":   func(c *lease.Config) { c.Owners = nil },
		"no link":     func(c *lease.Config) { c.Link = nil },
		"no key":      func(c *lease.Config) { c.Signer = nil },
		"no clock":    func(c *lease.Config) { c.Now = nil },
		"too seldom":  func(c *lease.Config) { c.AnewEvery = 6 * time.Second },
		"no hurry":    func(c *lease.Config) { c.ChangedWithin = 6 * time.Second },
		"no patience": func(c *lease.Config) { c.SendTimeout = -1 },
	} {
		c := good
		change(&c)
		if _, err := lease.New(t.Context(), c); err == nil {
			t.Errorf("%s: New accepted it", name)
		}
	}
}
