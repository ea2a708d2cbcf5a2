package identity_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/identity"
	"github.com/con-ting/conting/sync/ticket"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func now() time.Time { return noon }

func enrolConfig(t *testing.T, f *fleet) identity.EnrolConfig {
	t.Helper()
	return identity.EnrolConfig{Dir: filepath.Join(t.TempDir(), "identity"), Invitation: f.invitation(t, goodCode), Now: now, Timeout: time.Minute}
}

// wantError checks the sentinel, that there is a hint, and that the secret code
// is in neither.
func wantError(t *testing.T, err, want error) {
	t.Helper()
	var e *identity.Error
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
	if !errors.As(err, &e) || e.Hint() == "" {
		t.Errorf("no hint in %v", err)
	} else if strings.Contains(err.Error()+e.Hint(), goodCode) {
		t.Errorf("the code is in %v", err)
	}
}

func TestEnrol(t *testing.T) {
	f := newFleet(t, now)
	c := enrolConfig(t, f)
	id, err := identity.Enrol(t.Context(), c)
	ok(t, err)
	again, err := identity.Load(c.Dir, now)
	ok(t, err)
	for _, id := range []*identity.Identity{id, again} {
		if id.Device() != "north-1" || id.Gate() != "north" || id.String() != "gate north-1" || id.API() != "https://tickets.example" || id.Fleet() != f.URL ||
			len(id.Events()) != 1 || id.Events()[0] != ticket.EventID(7) || len(id.Endpoints()) != 1 ||
			id.Endpoints()[0] != (identity.Endpoint{Name: "central", URL: "tls://127.0.0.1:8883"}) {
			t.Errorf("got %s at %s, %v, %v, %s", id, id.Gate(), id.Events(), id.Endpoints(), id.API())
		}
		if _, err := id.Anchor().Open(id.TrustList(), noon); err != nil {
			t.Errorf("trust list: %v", err)
		}
		sig, err := id.Signer().Sign([]byte("x"))
		ok(t, err)
		if !id.Signer().Public().Verify([]byte("x"), sig) {
			t.Error("the device key does not verify its own signature")
		}
	}
	for name, mode := range map[string]os.FileMode{".": 0o700, "key.pem": 0o600, "certificate.pem": 0o600, "enrolment.json": 0o600} {
		info, err := os.Stat(filepath.Join(c.Dir, name))
		ok(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %04o, want %04o", name, info.Mode().Perm(), mode)
		}
	}
	_, err = identity.Enrol(t.Context(), c)
	wantError(t, err, identity.ErrEnrolled)
	if n := f.requests(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestEnrolRefusals(t *testing.T) {
	long := bytes.Repeat([]byte("x"), identity.MaxAnswer+10)
	for _, c := range []struct {
		name    string
		spoil   func(*fleet, map[string]any)
		instead http.HandlerFunc
		code    string
		want    error
	}{
		{name: "unknown code", code: "OTHER-CODE", want: identity.ErrRefused},
		{name: "plain error page", want: identity.ErrAnswer, instead: func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "bad gateway", http.StatusBadGateway)
		}},
		{name: "redirect", want: identity.ErrAnswer, instead: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}},
		{name: "problem of garbage", want: identity.ErrAnswer, instead: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte("{"))
		}},
		{name: "terminal escapes", want: identity.ErrRefused, instead: func(w http.ResponseWriter, _ *http.Request) {
			problem(w, http.StatusForbidden, "x", "\x1b[31mred\x07"+strings.Repeat("y", 5000), "\x1b]0;title\x07ask")
		}},
		{name: "garbage", want: identity.ErrAnswer, instead: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("\x00\x01not json"))
		}},
		{name: "oversize", want: identity.ErrAnswer, instead: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(long) }},
		{name: "cut", want: identity.ErrUnreachable, instead: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			_, _ = w.Write([]byte("{"))
			panic(http.ErrAbortHandler)
		}},
		{name: "empty object", want: identity.ErrAnswer, instead: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }},
		{name: "another key's certificate", want: identity.ErrAnswer, spoil: func(f *fleet, a map[string]any) { a["certificate"] = f.certify(nil, "north-1", "gate", 7) }},
		{name: "another name", want: identity.ErrAnswer, spoil: func(_ *fleet, a map[string]any) { a["device"] = "south-1" }},
		{name: "impossible name", want: identity.ErrAnswer, spoil: func(_ *fleet, a map[string]any) { a["device"] = "../x" }},
		{name: "another role", want: identity.ErrAnswer, spoil: func(_ *fleet, a map[string]any) { a["role"] = "central" }},
		{name: "foreign trust list", want: identity.ErrAnswer, spoil: func(f *fleet, a map[string]any) {
			other := newFleet(f.t, now)
			a["trust_list"] = other.list(f.ca.Raw)
		}},
		{name: "authority not in the list", want: identity.ErrAnswer, spoil: func(f *fleet, a map[string]any) { a["trust_list"] = f.list(newFleet(f.t, now).ca.Raw) }},
		{name: "broken anchor", want: identity.ErrAnswer, spoil: func(_ *fleet, a map[string]any) { a["anchor"] = []byte{1} }},
		{name: "no certificate", want: identity.ErrAnswer, spoil: func(_ *fleet, a map[string]any) { a["certificate"] = "hello" }},
		{name: "events that the certificate does not name", want: identity.ErrAnswer, spoil: func(_ *fleet, a map[string]any) { a["events"] = []int{7, 8} }},
		{name: "no event", want: identity.ErrAnswer, spoil: func(_ *fleet, a map[string]any) { a["events"] = []int{} }},
		{name: "no gate", want: identity.ErrAnswer, spoil: func(_ *fleet, a map[string]any) { a["gate"] = "" }},
		{name: "plain broker", want: identity.ErrAnswer, spoil: func(_ *fleet, a map[string]any) {
			a["mqtt"] = []map[string]string{{"name": "central", "url": "tcp://127.0.0.1:1883"}}
		}},
		{name: "api of another kind", want: identity.ErrAnswer, spoil: func(_ *fleet, a map[string]any) { a["api"] = "javascript:alert(1)" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFleet(t, now)
			f.instead = c.instead
			if c.spoil != nil {
				f.spoil = func(a map[string]any) { c.spoil(f, a) }
			}
			conf := enrolConfig(t, f)
			if c.code != "" {
				conf.Invitation = f.invitation(t, c.code)
			}
			_, err := identity.Enrol(t.Context(), conf)
			wantError(t, err, c.want)
			if len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\x1b\x07") {
				t.Errorf("a remote text came through: %q", err)
			}
			_, err = identity.Load(conf.Dir, now)
			wantError(t, err, identity.ErrNotEnrolled)
		})
	}
}

func TestEnrolUsedCode(t *testing.T) {
	f := newFleet(t, now)
	_, err := identity.Enrol(t.Context(), enrolConfig(t, f))
	ok(t, err)
	_, err = identity.Enrol(t.Context(), enrolConfig(t, f))
	wantError(t, err, identity.ErrRefused)
	if !strings.Contains(err.Error(), "code_used") {
		t.Errorf("got %v", err)
	}
}

func TestEnrolWrongPin(t *testing.T) {
	f, other := newFleet(t, now), newFleet(t, now)
	c := enrolConfig(t, f)
	c.Invitation.Pin = identity.PinOf(other.ca)
	_, err := identity.Enrol(t.Context(), c)
	wantError(t, err, identity.ErrPin)

	// A server that shows the right authority's certificate, but whose own
	// certificate is not from it.
	fake := newFleet(t, now)
	fake.TLS.Certificates[0].Certificate[1] = f.ca.Raw
	c.Invitation = fake.invitation(t, goodCode)
	c.Invitation.Pin = identity.PinOf(f.ca)
	_, err = identity.Enrol(t.Context(), c)
	wantError(t, err, identity.ErrPin)

	// The right authority, another host's certificate.
	c.Invitation = f.invitation(t, goodCode)
	c.Invitation.Host = "127.0.0.2"
	_, err = identity.Enrol(t.Context(), c)
	wantError(t, err, identity.ErrPin)
	if f.requests()+fake.requests() != 0 {
		t.Error("the code was sent to a server that the pin does not name")
	}
}

func TestEnrolClockWrong(t *testing.T) {
	f := newFleet(t, now)
	c := enrolConfig(t, f)
	c.Now = func() time.Time { return noon.AddDate(-20, 0, 0) }
	_, err := identity.Enrol(t.Context(), c)
	var e *identity.Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint(), "clock") {
		t.Errorf("got %v", err)
	}
}

func TestEnrolUnreachable(t *testing.T) {
	f := newFleet(t, now)
	c := enrolConfig(t, f)
	f.Close()
	_, err := identity.Enrol(t.Context(), c)
	wantError(t, err, identity.ErrUnreachable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := identity.Enrol(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}

// TestEnrolPowerCut stops the enrolment before each change on disk. What is
// left is no identity at all, and the next try (with a new code) succeeds with
// the same key.
func TestEnrolPowerCut(t *testing.T) {
	cut := errors.New("power cut")
	var steps []string
	f := newFleet(t, now)
	_, err := identity.Enrol(t.Context(), enrolConfig(t, f).WithStep(func(s string) error { steps = append(steps, s); return nil }))
	ok(t, err)
	if len(steps) != 7 {
		t.Fatalf("steps %v, want 7", steps)
	}
	for _, at := range steps {
		t.Run(at, func(t *testing.T) {
			f := newFleet(t, now)
			c := enrolConfig(t, f)
			_, err := identity.Enrol(t.Context(), c.WithStep(func(s string) error {
				if s == at {
					return cut
				}
				return nil
			}))
			if !errors.Is(err, cut) {
				t.Fatalf("got %v, want the cut", err)
			}
			_, err = identity.Load(c.Dir, now)
			wantError(t, err, identity.ErrNotEnrolled)
			before, _ := os.ReadFile(filepath.Join(c.Dir+".new", "key.pem"))

			f.mu.Lock()
			clear(f.used) // a new code
			f.mu.Unlock()
			_, err = identity.Enrol(t.Context(), c)
			ok(t, err)
			_, err = identity.Load(c.Dir, now)
			ok(t, err)
			after, err := os.ReadFile(filepath.Join(c.Dir, "key.pem"))
			ok(t, err)
			if at != "key" && !bytes.Equal(before, after) {
				t.Error("the second try made another key")
			}
			if left, _ := filepath.Glob(c.Dir + ".new"); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestLoadDamaged(t *testing.T) {
	f := newFleet(t, now)
	for _, c := range []struct {
		name  string
		spoil func(dir string) error
		want  error
	}{
		{"key open to others", func(d string) error { return os.Chmod(filepath.Join(d, "key.pem"), 0o640) }, identity.ErrPermissions},
		{"folder open to others", func(d string) error { return os.Chmod(d, 0o755) }, identity.ErrPermissions},
		{"key gone", func(d string) error { return os.Remove(filepath.Join(d, "key.pem")) }, identity.ErrIncomplete},
		{"record gone", func(d string) error { return os.Remove(filepath.Join(d, "enrolment.json")) }, identity.ErrIncomplete},
		{"certificate cut", func(d string) error { return os.Truncate(filepath.Join(d, "certificate.pem"), 100) }, identity.ErrIncomplete},
		{"certificate empty", func(d string) error { return os.Truncate(filepath.Join(d, "certificate.pem"), 0) }, identity.ErrIncomplete},
		{"anchor cut", func(d string) error { return os.Truncate(filepath.Join(d, "anchor.cbor"), 3) }, identity.ErrIncomplete},
		{"record cut", func(d string) error { return os.Truncate(filepath.Join(d, "enrolment.json"), 9) }, identity.ErrIncomplete},
		{"key cut", func(d string) error { return os.Truncate(filepath.Join(d, "key.pem"), 50) }, identity.ErrIncomplete},
		{"file huge", func(d string) error { return os.Truncate(filepath.Join(d, "trust.cbor"), 1<<30) }, identity.ErrIncomplete},
		{"another's certificate", func(d string) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			return os.WriteFile(filepath.Join(d, "certificate.pem"), []byte(f.certify(nil, "north-1", "gate", 7)), 0o600)
		}, identity.ErrIncomplete},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.mu.Lock()
			clear(f.used)
			f.mu.Unlock()
			conf := enrolConfig(t, f)
			_, err := identity.Enrol(t.Context(), conf)
			ok(t, err)
			ok(t, c.spoil(conf.Dir))
			_, err = identity.Load(conf.Dir, now)
			wantError(t, err, c.want)
		})
	}
}
