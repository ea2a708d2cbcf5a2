package stripe_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/pay/stripe"
)

// mockVersion is the stripe-mock whose description of the API is [stripe.Version].
const mockVersion = "v0.203.0"

// buildMock builds stripe-mock once for this checkout, out of the module cache or
// proxy, and returns the program.
func buildMock(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../.cache/stripe-mock")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, mockVersion)
	if _, err := os.Stat(program); err == nil {
		return program
	}
	bin := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "install", "github.com/stripe/stripe-mock@"+mockVersion)
	build.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=-mod=mod", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: stripe-mock %s cannot be built: what central asks of Stripe is NOT checked against Stripe's description: %v\n%s", mockVersion, err, out)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(bin, "stripe-mock"), program); err != nil { // another file system
		return filepath.Join(bin, "stripe-mock")
	}
	return program
}

// startMock runs stripe-mock on a loopback port of its choice until the test ends.
func startMock(t *testing.T) string {
	t.Helper()
	mock := exec.Command(buildMock(t), "-http-addr", "127.0.0.1:0", "-strict-version-check")
	mock.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := mock.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	mock.Stderr = mock.Stdout
	if err := mock.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = mock.Process.Kill()
		_ = mock.Wait() // killed
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "address: "); ok {
			go func() {
				for lines.Scan() { // it must not wait for its reader
				}
			}()
			return "http://" + strings.TrimSpace(address)
		}
	}
	t.Fatalf("stripe-mock did not say where it listens: %v", lines.Err())
	return ""
}

// strict reports every call that is refused, also those after which the client looks
// what the payment is like.
type strict struct{ t *testing.T }

func (s strict) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && res.StatusCode != http.StatusOK {
		s.t.Errorf("stripe-mock answers %s %s with %d", r.Method, r.URL.Path, res.StatusCode)
	}
	return res, err
}

// stripe-mock refuses paths, parameters and versions that Stripe does not have. Its
// answers are fixed and mean nothing.
func TestShapesAgainstStripeMock(t *testing.T) {
	c := config(startMock(t))
	c.Transport = strict{t}
	s, err := stripe.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	p, action, err := s.Begin(ctx, request("key"))
	if err != nil || !strings.HasPrefix(p.Reference, "pi_") || p.Amount != 165_000 || p.Currency != "KRW" || action.Secret == "" {
		t.Fatalf("Begin = %+v, %+v, %v", p, action, err)
	}
	if got, err := s.Get(ctx, p.Reference); err != nil || got.Reference != p.Reference {
		t.Errorf("Get = %+v, %v", got, err)
	}
	for name, call := range map[string]func() (pay.Payment, error){
		"Confirm": func() (pay.Payment, error) { return s.Confirm(ctx, p.Reference, "") },
		"Cancel":  func() (pay.Payment, error) { return s.Cancel(ctx, p.Reference) },
	} {
		if got, err := call(); err != nil || got.Reference != p.Reference {
			t.Errorf("%s = %+v, %v", name, got, err)
		}
	}
	if err := s.TryRefund(ctx, p.Reference); err != nil {
		t.Errorf("refund: %v", err)
	}
}

// The mock would have seen a mistake.
func TestStripeMockRefuses(t *testing.T) {
	base := startMock(t)
	for name, c := range map[string]struct{ path, form, version string }{
		"unknown parameter": {"/v1/payment_intents", "amount=1&currency=krw&colour=red", stripe.Version},
		"wrong type":        {"/v1/payment_intents", "amount=much&currency=krw", stripe.Version},
		"unknown path":      {"/v1/payment_intent", "amount=1&currency=krw", stripe.Version},
		"another version":   {"/v1/payment_intents", "amount=1&currency=krw", "2020-08-27"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+c.path, strings.NewReader(c.form))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+secretKey)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Stripe-Version", c.version)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil && !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Error(err)
		}
		if res.StatusCode < 400 {
			t.Errorf("%s: stripe-mock took it: %d", name, res.StatusCode)
		}
	}
}
