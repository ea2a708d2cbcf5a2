package turnstile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/gate/turnstile"
)

func open(t *testing.T, cfg turnstile.Config) *turnstile.Software {
	t.Helper()
	cfg.Now = time.Now
	s, err := turnstile.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func grant(t *testing.T, s *turnstile.Software, id uint64) {
	t.Helper()
	if err := s.Grant(t.Context(), turnstile.Grant{ID: id}); err != nil {
		t.Fatalf("Grant(%d) = %v", id, err)
	}
}

// take reads n events and describes each as "grant kind".
func take(t *testing.T, s *turnstile.Software, n int) []string {
	t.Helper()
	var got []string
	for range n {
		select {
		case e, ok := <-s.Events():
			if !ok {
				t.Fatalf("events closed after %q, want %d", got, n)
			}
			got = append(got, fmt.Sprintf("%d %s", e.Grant, e.Kind))
		case <-time.After(time.Hour): // virtual: nothing more will ever happen
			t.Fatalf("got %q, want %d events", got, n)
		}
	}
	return got
}

func TestGrantEndsOnce(t *testing.T) {
	tests := map[string]struct {
		cfg  turnstile.Config
		do   func(*turnstile.Software)
		want []string
		took time.Duration
	}{
		"pushed":      {do: func(s *turnstile.Software) { s.Push() }, want: []string{"7 armed", "7 passed"}},
		"turned back": {do: func(s *turnstile.Software) { s.TurnBack() }, want: []string{"7 armed", "7 turned_back"}},
		"nobody":      {want: []string{"7 armed", "7 expired"}, took: 5 * time.Second},
		"auto": {
			cfg:  turnstile.Config{Script: turnstile.AutoPassage(800 * time.Millisecond)},
			want: []string{"7 armed", "7 passed"}, took: 800 * time.Millisecond,
		},
		"auto too slow": {
			cfg:  turnstile.Config{Script: turnstile.AutoPassage(6 * time.Second)},
			want: []string{"7 armed", "7 expired"}, took: 5 * time.Second,
		},
		"scripted jam": {
			cfg: turnstile.Config{Script: func(turnstile.Grant) (turnstile.Kind, time.Duration) {
				return turnstile.Jam, time.Second
			}},
			want: []string{"7 armed", "7 jam"}, took: time.Second,
		},
		"jam":  {do: func(s *turnstile.Software) { _ = s.Inject(turnstile.Jam) }, want: []string{"7 armed", "7 jam"}},
		"free": {do: func(s *turnstile.Software) { _ = s.Inject(turnstile.Free) }, want: []string{"7 armed", "7 free"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, tc.cfg)
				start := time.Now()
				grant(t, s, 7)
				if tc.do != nil {
					tc.do(s)
				}
				if got := take(t, s, 2); !slices.Equal(got, tc.want) {
					t.Errorf("got %q, want %q", got, tc.want)
				}
				if took := time.Since(start); took != tc.took {
					t.Errorf("ended after %s, want %s", took, tc.took)
				}
				// No second end, ever: not from the timer, not from a late person.
				s.Push()
				select {
				case e := <-s.Events():
					t.Errorf("one more event %+v after the grant had ended", e)
				case <-time.After(time.Minute):
				}
			})
		})
	}
}

func TestQueuedGrantTimesFromArming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, turnstile.Config{})
		start := time.Now()
		grant(t, s, 1)
		grant(t, s, 2)
		got := take(t, s, 2)
		time.Sleep(3 * time.Second)
		if id := s.Push(); id != 2 {
			t.Errorf("Push() = %d, want the armed grant 2", id)
		}
		got = append(got, take(t, s, 2)...)
		want := []string{"1 armed", "1 expired", "2 armed", "2 passed"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if took := time.Since(start); took != 8*time.Second {
			t.Errorf("took %s, want 5 s for the first and 3 s of the second", took)
		}
	})
}

func TestRefusesGrants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, turnstile.Config{Queue: 1})
		grant(t, s, 1)
		grant(t, s, 2)
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		for name, tc := range map[string]struct {
			ctx  context.Context
			g    turnstile.Grant
			want error
		}{
			"full":      {t.Context(), turnstile.Grant{ID: 3}, turnstile.ErrBusy},
			"no id":     {t.Context(), turnstile.Grant{}, turnstile.ErrInvalid},
			"too long":  {t.Context(), turnstile.Grant{ID: 3, Timeout: 2 * time.Minute}, turnstile.ErrInvalid},
			"negative":  {t.Context(), turnstile.Grant{ID: 3, Timeout: -1}, turnstile.ErrInvalid},
			"direction": {t.Context(), turnstile.Grant{ID: 3, Direction: 9}, turnstile.ErrInvalid},
			"cancelled": {cancelled, turnstile.Grant{ID: 3}, context.Canceled},
		} {
			if err := s.Grant(tc.ctx, tc.g); !errors.Is(err, tc.want) {
				t.Errorf("%s: Grant(%+v) = %v, want %v", name, tc.g, err, tc.want)
			}
		}
		s.Push()
		if err := s.Grant(t.Context(), turnstile.Grant{ID: 2}); !errors.Is(err, turnstile.ErrInvalid) {
			t.Errorf("the same id again: %v, want %v", err, turnstile.ErrInvalid)
		}
		// Nothing that was refused ever shows up as an event.
		s.Push()
		want := []string{"1 armed", "1 passed", "2 armed", "2 passed"}
		if got := take(t, s, 4); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestFaultRefusesUntilReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, turnstile.Config{})
		for _, k := range []turnstile.Kind{turnstile.Jam, turnstile.Free, turnstile.Fault} {
			if err := s.Inject(k); err != nil {
				t.Fatal(err)
			}
			if err := s.Grant(t.Context(), turnstile.Grant{ID: 5}); !errors.Is(err, turnstile.ErrFault) {
				t.Errorf("Grant during %s = %v, want %v", k, err, turnstile.ErrFault)
			}
			if err := s.Inject(turnstile.Ready); err != nil {
				t.Fatal(err)
			}
			want := []string{"0 " + k.String(), "0 ready"}
			if got := take(t, s, 2); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		grant(t, s, 5)
		if err := s.Inject(turnstile.Passed); !errors.Is(err, turnstile.ErrInvalid) {
			t.Errorf("Inject(passed) = %v: a passage without a person", err)
		}
	})
}

// A reader that has gone must not cost an event: grants stop first.
func TestNeverLosesEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, turnstile.Config{Script: turnstile.AutoPassage(time.Millisecond)})
		accepted := 0
		for id := uint64(1); id < 1000; id++ {
			err := s.Grant(t.Context(), turnstile.Grant{ID: id})
			if errors.Is(err, turnstile.ErrBusy) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			accepted++
			time.Sleep(2 * time.Millisecond)
		}
		if accepted < 100 || accepted > 200 {
			t.Fatalf("%d grants accepted with no reader, want them bounded by the backlog", accepted)
		}
		ended := 0
		for seq := uint64(1); seq <= uint64(2*accepted); seq++ {
			e := <-s.Events()
			if e.Seq != seq {
				t.Fatalf("event %d where %d was next: lost one", e.Seq, seq)
			}
			if e.Kind.Ends() {
				ended++
			}
		}
		if ended != accepted {
			t.Errorf("%d grants ended, want %d", ended, accepted)
		}
	})
}

func TestCloseEndsGrants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, turnstile.Config{})
		grant(t, s, 1)
		grant(t, s, 2)
		closed := make(chan error, 1)
		go func() { closed <- s.Close() }()
		want := []string{"1 armed", "1 fault", "2 fault"}
		if got := take(t, s, 3); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if e, ok := <-s.Events(); ok {
			t.Errorf("event %+v after Close", e)
		}
		if err := <-closed; err != nil {
			t.Errorf("Close() = %v", err)
		}
		if err := s.Grant(t.Context(), turnstile.Grant{ID: 3}); !errors.Is(err, turnstile.ErrClosed) {
			t.Errorf("Grant after Close = %v, want %v", err, turnstile.ErrClosed)
		}
		if err := s.Close(); err != nil {
			t.Errorf("second Close() = %v", err)
		}
	})
}

// Close must not hang on a reader that never comes.
func TestCloseWithoutReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, turnstile.Config{})
		grant(t, s, 1)
		start := time.Now()
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("Close took %s", took)
		}
	})
}

func TestNewChecksConfig(t *testing.T) {
	for name, cfg := range map[string]turnstile.Config{
		"no clock":  {},
		"bad queue": {Now: time.Now, Queue: -1},
		"vast":      {Now: time.Now, Queue: 1000},
	} {
		if s, err := turnstile.New(t.Context(), cfg); err == nil {
			_ = s.Close()
			t.Errorf("%s: New(%+v) passed", name, cfg)
		}
	}
}

func TestWords(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range turnstile.Kinds() {
		w := k.String()
		if seen[w] || w == "" || w[0] == 'k' {
			t.Errorf("kind %d is called %q", k, w)
		}
		seen[w] = true
	}
	if got := turnstile.Kind(99).String(); got != "kind(99)" {
		t.Errorf("unknown kind is called %q", got)
	}
}
