package pay_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/pay"
)

var errClosed = os.ErrClosed

func TestBookSurvives(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "sandbox"), newClock()
	first := open(t, path, clock)
	p := begin(t, first, pay.TokenTimeoutThenOK)
	if _, err := first.Confirm(t.Context(), p.Reference, ""); err == nil {
		t.Fatal("the answer was to be lost")
	}
	body := []byte(`{"reference":"` + p.Reference + `"}`)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the book has mode %v, %v; want 0600", info.Mode(), err)
	}
	again := open(t, path, clock)
	if got, err := again.Get(t.Context(), p.Reference); err != nil || got.State != pay.Succeeded || got.Amount != 1000 || got.Currency != "KRW" {
		t.Errorf("after a restart Get = %+v, %v; want 1000 KRW succeeded", got, err)
	}
	if taken, _ := again.Moved(); taken != 1 {
		t.Errorf("after a restart money was taken %d times, want once", taken)
	}
	_, err := again.Webhook(t.Context(), http.Header{}, body)
	if err == nil {
		t.Error("a webhook without a signature was taken")
	}
}

// A process that was killed while it wrote leaves half a line; damage is something
// else.
func TestTornAndDamagedBook(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "sandbox"), newClock()
	first := open(t, path, clock)
	p := begin(t, first, pay.TokenOK)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Confirm(t.Context(), p.Reference, ""); err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := len(whole); cut < len(all); cut += 7 {
		torn := filepath.Join(t.TempDir(), "torn")
		if err := os.WriteFile(torn, all[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, torn, clock)
		if got, err := s.Confirm(t.Context(), p.Reference, ""); err != nil || got.State != pay.Succeeded {
			t.Fatalf("cut at %d: Confirm = %+v, %v", cut, got, err)
		}
		after, err := os.ReadFile(torn)
		if err != nil || !bytes.Equal(after, all) {
			t.Errorf("cut at %d the book became %q, %v; want %q", cut, after, err, all)
		}
	}
	for name, text := range map[string]string{
		"not ours":       "hello\n",
		"no key":         `{"sandbox":1,"key":""}` + "\n",
		"later version":  strings.Replace(string(all), `"sandbox":1`, `"sandbox":2`, 1),
		"broken line":    string(whole) + "{\n",
		"unknown state":  strings.Replace(string(all), `"state":"authorised"`, `"state":"rich"`, 1),
		"charged twice":  strings.Replace(string(all), `"charges":1`, `"charges":2`, 1),
		"endless line":   string(whole) + strings.Repeat(" ", 1<<20) + "\n",
		"foreign token":  strings.Replace(string(all), `"token":"ok"`, `"token":"visa"`, 1),
		"empty payments": string(whole) + "{}\n",
	} {
		broken := filepath.Join(t.TempDir(), "broken")
		if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := pay.OpenSandbox(t.Context(), pay.SandboxConfig{Path: broken, Now: clock.now, Logger: discard()})
		if err == nil {
			t.Errorf("%s: the book was taken", name)
		}
	}
}

// Two processes with one book, as two centrals have, take money once.
func TestBookIsShared(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "sandbox"), newClock()
	all := []*pay.Sandbox{open(t, path, clock), open(t, path, clock), open(t, path, clock)}
	var wg sync.WaitGroup
	for n := range 60 {
		wg.Go(func() {
			r := request(pay.TokenOK)
			r.Key = fmt.Sprintf("k%d", n/6)
			p, _, err := all[n%3].Begin(t.Context(), r)
			if err == nil {
				_, err = all[(n+1)%3].Confirm(t.Context(), p.Reference, "")
			}
			if err != nil {
				t.Errorf("payment %d: %v", n, err)
			}
		})
	}
	wg.Wait()
	p := begin(t, all[0], pay.TokenOK)
	for n, s := range all {
		if _, err := s.Get(t.Context(), p.Reference); err != nil {
			t.Errorf("sandbox %d: %v", n, err)
		}
		if taken, _ := s.Moved(); taken != 10 {
			t.Errorf("sandbox %d knows of %d charges, want 10", n, taken)
		}
	}
}

const childEnv = "CONTING_SANDBOX_CHILD"

// A child pays without end and is killed; what it was told is in the book.
func TestBookSurvivesKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=TestKilledChild$")
	child.Env = append(os.Environ(), childEnv+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var told []string
	buf := make([]byte, 0, 1<<16)
	chunk := make([]byte, 1<<10)
	for bytes.Count(buf, []byte("\n")) < 300 {
		n, err := out.Read(chunk)
		if buf = append(buf, chunk[:n]...); err != nil {
			t.Fatalf("the child ended by itself: %v after %q", err, buf)
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	for line := range strings.Lines(string(buf)) {
		if strings.HasSuffix(line, "\n") && strings.HasPrefix(line, "sandbox_") {
			told = append(told, strings.TrimSpace(line))
		}
	}
	s := open(t, path, newClock())
	for _, reference := range told {
		if got, err := s.Get(t.Context(), reference); err != nil || got.State != pay.Succeeded {
			t.Errorf("%s was told to be charged; after the kill it is %+v, %v", reference, got, err)
		}
	}
	if len(told) < 250 {
		t.Errorf("%d payments were told, want most of 300", len(told))
	}
}

func TestKilledChild(t *testing.T) {
	path := os.Getenv(childEnv)
	if path == "" {
		t.Skip("the child of TestBookSurvivesKill")
	}
	s := open(t, path, newClock())
	for n := 0; ; n++ {
		r := request(pay.TokenOK)
		r.Key = fmt.Sprint(n)
		p, _, err := s.Begin(t.Context(), r)
		if err == nil {
			_, err = s.Confirm(t.Context(), p.Reference, "")
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Println(p.Reference); err != nil {
			return // nobody listens any more
		}
	}
}

// deliveries collects webhooks; fail has the first ones refused.
type deliveries struct {
	shop *pay.Sandbox
	fail int
	got  []string
}

func (d *deliveries) take(ctx context.Context, header http.Header, body []byte) error {
	if d.fail > 0 {
		d.fail--
		return http.ErrServerClosed
	}
	n, err := d.shop.Webhook(ctx, header, body)
	d.got = append(d.got, n.Reference)
	return err
}

func TestSandboxWebhooks(t *testing.T) {
	for _, c := range []struct {
		token string
		fail  int
		want  []int // taken by each of these Deliver calls, ten seconds apart
	}{
		{pay.TokenOK, 0, []int{0, 0}},
		{pay.TokenWebhookLate, 0, []int{0, 1, 0}},
		{pay.TokenWebhookLate, 1, []int{0, 0, 1, 0}},
		{pay.TokenWebhookTwice, 0, []int{1, 1, 0}},
		{pay.TokenWebhookNever, 0, []int{0, 0}},
	} {
		t.Run(c.token, func(t *testing.T) {
			clock, d := newClock(), &deliveries{fail: c.fail}
			s := open(t, filepath.Join(t.TempDir(), "sandbox"), clock, func(cfg *pay.SandboxConfig) { cfg.Deliver = d.take })
			d.shop = s
			p := begin(t, s, c.token)
			if _, err := s.Confirm(t.Context(), p.Reference, ""); err != nil {
				t.Fatal(err)
			}
			want := 0
			for n, taken := range c.want {
				got, err := s.Deliver(t.Context())
				if got != taken || (err != nil) && c.fail == 0 {
					t.Errorf("delivery %d = %d, %v; want %d", n, got, err, taken)
				}
				want += taken
				clock.at = clock.at.Add(10 * time.Second)
			}
			if len(d.got) != want {
				t.Errorf("webhooks %q, want %d of them", d.got, want)
			}
			for _, reference := range d.got {
				if reference != p.Reference {
					t.Errorf("a webhook names %q, want %q", reference, p.Reference)
				}
			}
		})
	}
}

func TestSandboxForgedWebhook(t *testing.T) {
	s, other := open(t, "", newClock()), open(t, "", newClock())
	var header http.Header
	var body []byte
	forge := open(t, "", newClock(), func(cfg *pay.SandboxConfig) {
		cfg.Deliver = func(_ context.Context, h http.Header, b []byte) error { header, body = h, b; return nil }
	})
	p := begin(t, forge, pay.TokenWebhookTwice)
	if _, err := forge.Confirm(t.Context(), p.Reference, ""); err != nil {
		t.Fatal(err)
	}
	if n, err := forge.Deliver(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := forge.Webhook(t.Context(), header, body); err != nil || n.Reference != p.Reference {
		t.Errorf("its own webhook: %+v, %v", n, err)
	}
	for name, x := range map[string]*pay.Sandbox{"another's": s, "a third's": other} {
		if n, err := x.Webhook(t.Context(), header, body); err == nil {
			t.Errorf("%s webhook was taken: %+v", name, n)
		}
	}
	if n, err := forge.Webhook(t.Context(), header, append(body, ' ')); err == nil {
		t.Errorf("a changed webhook was taken: %+v", n)
	}
}

func FuzzBook(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte(`{"sandbox":1,"key":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}` + "\n" +
		`{"reference":"sandbox_1","state":"begun","amount":1,"currency":"KRW"}` + "\n"))
	f.Add([]byte(`{"sandbox":1,"key":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}` + "\n" +
		`{"reference":"sandbox_1","state":"succeeded","amount":1,"currency":"KRW","token":"ok","charges":1}` + "\n" + `{"refer`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "sandbox")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := pay.OpenSandbox(t.Context(), pay.SandboxConfig{Path: path, Now: newClock().now, Logger: discard()})
		if err != nil {
			return
		}
		defer func() { _ = s.Close() }()
		r := request(pay.TokenOK)
		r.Key = "fuzz"
		p, _, err := s.Begin(t.Context(), r)
		if err != nil {
			t.Fatalf("a book that was taken cannot be gone on with: %v", err)
		}
		again, err := pay.OpenSandbox(t.Context(), pay.SandboxConfig{Path: path, Now: newClock().now, Logger: discard()})
		if err != nil {
			t.Fatalf("a book that was gone on with was not taken: %v", err)
		}
		defer func() { _ = again.Close() }()
		if got, err := again.Get(t.Context(), p.Reference); err != nil || got != p {
			t.Errorf("Get = %+v, %v; want %+v", got, err, p)
		}
	})
}
