package doctor_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/gate/doctor"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func now() time.Time { return noon }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

type hinted struct{ error }

func (hinted) Hint() string { return "do this" }

// want checks a finding: its level and words that must stand in it.
func want(t *testing.T, f doctor.Finding, level doctor.Level, words ...string) {
	t.Helper()
	if f.Level != level {
		t.Errorf("level %s, want %s: %+v", f.Level, level, f)
	}
	if level != doctor.OK && f.Advice == "" {
		t.Errorf("%s without advice: %+v", level, f)
	}
	for _, w := range words {
		if !strings.Contains(f.Found+" "+f.Advice, w) {
			t.Errorf("%q is missing in %+v", w, f)
		}
	}
}

func TestClock(t *testing.T) {
	for _, c := range []struct {
		name  string
		time  doctor.Time
		err   error
		level doctor.Level
		word  string
	}{
		{"synchronised", doctor.Time{Synchronised: true, Uncertainty: 20 * time.Millisecond, Source: "ntp"}, nil, doctor.OK, "20ms"},
		{"free-running", doctor.Time{Uncertainty: time.Second, Source: "rtc"}, nil, doctor.Warn, "set-ntp"},
		{"vague", doctor.Time{Synchronised: true, Uncertainty: 3 * time.Second}, nil, doctor.Warn, "set-ntp"},
		{"lost", doctor.Time{Uncertainty: 2 * time.Minute}, nil, doctor.Fail, "challenge"},
		{"unreadable", doctor.Time{}, errors.New("adjtimex: no"), doctor.Fail, "adjtimex"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := doctor.Clock{Read: func(context.Context) (doctor.Time, error) { return c.time, c.err }}
			want(t, check.Look(t.Context()), c.level, c.word)
		})
	}
}

func TestDisk(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		name    string
		free    uint64
		freeErr error
		sync    time.Duration
		syncErr error
		level   doctor.Level
		word    string
	}{
		{"good", 8 * gib, nil, time.Millisecond, nil, doctor.OK, "8.0 GiB"},
		{"little", 200 << 20, nil, time.Millisecond, nil, doctor.Warn, "before the doors"},
		{"none", 1 << 20, nil, time.Millisecond, nil, doctor.Fail, "storage_fault"},
		{"slow", 8 * gib, nil, 40 * time.Millisecond, nil, doctor.Warn, "SSD"},
		{"hopeless", 8 * gib, nil, 400 * time.Millisecond, nil, doctor.Fail, "too slow"},
		{"full", 8 * gib, nil, 0, syscall.ENOSPC, doctor.Fail, "no space left"},
		{"read-only", 8 * gib, nil, 0, syscall.EROFS, doctor.Fail, "read-write"},
		{"absent", 0, syscall.ENOENT, 0, nil, doctor.Fail, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := doctor.Disk{
				Dir:  "/data",
				Free: func(string) (uint64, uint64, error) { return c.free, 16 * gib, c.freeErr },
				Sync: func(string) (time.Duration, error) { return c.sync, c.syncErr },
			}
			want(t, check.Look(t.Context()), c.level, c.word)
		})
	}
	t.Run("real", func(t *testing.T) {
		dir := t.TempDir()
		f := doctor.Disk{Dir: dir, Free: doctor.Free}.Look(t.Context())
		if !strings.Contains(f.Found, "fsync median") {
			t.Errorf("got %+v", f)
		}
		if left, err := doctor.SyncOnce(dir); err != nil || left <= 0 {
			t.Errorf("sync took %v, %v", left, err)
		}
	})
}

func TestCertificate(t *testing.T) {
	leaf := func(from, to time.Duration) *x509.Certificate {
		return &x509.Certificate{
			Subject:   pkix.Name{CommonName: "north-1", OrganizationalUnit: []string{"gate"}},
			NotBefore: noon.Add(from), NotAfter: noon.Add(to),
		}
	}
	const day = 24 * time.Hour
	for _, c := range []struct {
		name  string
		cert  *x509.Certificate
		err   error
		level doctor.Level
		word  string
	}{
		{"fresh", leaf(-day, 29*day), nil, doctor.OK, "29 days left"},
		{"not renewed", leaf(-27*day, 3*day), nil, doctor.Warn, "renewal"},
		{"expired", leaf(-31*day, -day), nil, doctor.Fail, "enrol anew"},
		{"clock behind", leaf(day, 31*day), nil, doctor.Fail, "clock"},
		{"not enrolled", nil, hinted{errors.New("not enrolled")}, doctor.Fail, "do this"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := doctor.Certificate{Load: func() (*x509.Certificate, error) { return c.cert, c.err }, Now: now}
			want(t, check.Look(t.Context()), c.level, c.word)
		})
	}
}

func TestCamera(t *testing.T) {
	for _, c := range []struct {
		name  string
		sight doctor.Sight
		err   error
		level doctor.Level
		words []string
	}{
		{"good", doctor.Sight{Frames: 9, Found: "640×480"}, nil, doctor.OK, []string{"640×480"}},
		{"good until it was closed", doctor.Sight{Frames: 9, Found: "640×480"}, errors.New("gone"), doctor.OK, []string{"640×480"}},
		{"two troubles", doctor.Sight{Frames: 9, Advice: []string{"too dark", "blurred"}}, nil, doctor.Warn, []string{"too dark\nblurred"}},
		{"absent", doctor.Sight{}, errors.New("open /dev/video0: no such file"), doctor.Fail, []string{"/dev/video0", "plug"}},
		{"absent with a hint", doctor.Sight{}, hinted{errors.New("no such file")}, doctor.Fail, []string{"do this"}},
		{"silent", doctor.Sight{}, nil, doctor.Fail, []string{"no frame"}},
		{"held by who does not answer", doctor.Sight{}, fmt.Errorf("away: %w", doctor.ErrUnasked), doctor.Warn, []string{"stop the gate"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := doctor.Camera{Watch: func(context.Context) (doctor.Sight, error) { return c.sight, c.err }}
			want(t, check.Look(t.Context()), c.level, c.words...)
		})
	}
}

// TestPatience gives each check its time: a camera behind a program may need more than the others.
func TestPatience(t *testing.T) {
	for _, within := range []time.Duration{0, time.Second, 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			check := doctor.Camera{Within: within, Watch: func(ctx context.Context) (doctor.Sight, error) {
				<-ctx.Done()
				return doctor.Sight{}, ctx.Err()
			}}
			start := time.Now()
			doctor.Examine(t.Context(), time.Now, 8*time.Second, check)
			if took, want := time.Since(start), max(8*time.Second, within); took != want {
				t.Errorf("within %v: it had %v, want %v", within, took, want)
			}
		})
	}
}

func TestSet(t *testing.T) {
	good := doctor.Holdings{Event: "7", Version: 3, Tickets: 1000, Delta: 12, Fresh: noon.Add(-20 * time.Second), Expires: noon.Add(time.Hour)}
	stale, expired, none := good, good, good
	stale.Fresh = noon.Add(-time.Hour)
	expired.Expires = noon
	none.Version = 0
	for _, c := range []struct {
		name  string
		all   []doctor.Holdings
		err   error
		level doctor.Level
		word  string
	}{
		{"fresh", []doctor.Holdings{good}, nil, doctor.OK, "confirmed 20s ago"},
		{"stale", []doctor.Holdings{good, stale}, nil, doctor.Warn, "1h0m0s ago"},
		{"expired", []doctor.Holdings{expired, good}, nil, doctor.Fail, "expired"},
		{"none", []doctor.Holdings{none}, nil, doctor.Fail, "load-set"},
		{"no event", nil, nil, doctor.Fail, "enrol"},
		{"broken", nil, hinted{errors.New("database disk image is malformed")}, doctor.Fail, "do this"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := doctor.Set{Read: func(context.Context) ([]doctor.Holdings, error) { return c.all, c.err }, Now: now, Stale: time.Minute}
			want(t, check.Look(t.Context()), c.level, c.word)
		})
	}
}

// authority issues certificates for the broker test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{key: key, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour),
	}}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a authority) issue(t *testing.T, name string, use x509.ExtKeyUsage, notAfter time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: noon.Add(-time.Hour), NotAfter: notAfter, ExtKeyUsage: []x509.ExtKeyUsage{use},
	}, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

func TestBroker(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	client := ours.issue(t, "north-1", x509.ExtKeyUsageClientAuth, noon.Add(time.Hour))
	stranger := theirs.issue(t, "north-1", x509.ExtKeyUsageClientAuth, noon.Add(time.Hour))
	server := func(cert tls.Certificate) string {
		t.Helper()
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ours.pool(), Time: now,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { check(t, l.Close()) })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					_, err := conn.Read(make([]byte, 1)) // a broker waits for CONNECT
					_ = errors.Join(err, conn.Close())   // the client may be gone
				}()
			}
		}()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		return port
	}
	good := server(ours.issue(t, "localhost", x509.ExtKeyUsageServerAuth, noon.Add(time.Hour)))
	wrongName := server(ours.issue(t, "elsewhere", x509.ExtKeyUsageServerAuth, noon.Add(time.Hour)))
	wrongCA := server(theirs.issue(t, "localhost", x509.ExtKeyUsageServerAuth, noon.Add(time.Hour)))
	expired := server(ours.issue(t, "localhost", x509.ExtKeyUsageServerAuth, noon.Add(-time.Minute)))
	at := func(ports ...string) (out []doctor.Place) {
		for _, p := range ports {
			out = append(out, doctor.Place{Name: "central", URL: "tls://localhost:" + p})
		}
		return out
	}
	for _, c := range []struct {
		name   string
		places []doctor.Place
		cert   tls.Certificate
		dial   error
		level  doctor.Level
		word   string
	}{
		{"good", at(good), client, nil, doctor.OK, "answers"},
		{"one of two", at(good, wrongCA), client, nil, doctor.Warn, "authority"},
		{"wrong name", at(wrongName), client, nil, doctor.Warn, "another name"},
		{"wrong authority", at(wrongCA), client, nil, doctor.Warn, "authority"},
		{"expired", at(expired), client, nil, doctor.Warn, "clocks"},
		{"refuses us", at(good), stranger, nil, doctor.Warn, "refuses this device"},
		{"unplugged", at(good), client, syscall.ENETUNREACH, doctor.Warn, "alone"},
		{"no name", at(good), client, &net.DNSError{Err: "no such host"}, doctor.Warn, "DNS"},
		{"silent", at(good), client, context.DeadlineExceeded, doctor.Warn, "firewall"},
		{"none", nil, client, nil, doctor.Warn, "no broker"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := doctor.Broker{Places: c.places, TLS: func() (*tls.Config, error) {
				return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: ours.pool(), Certificates: []tls.Certificate{c.cert}, Time: now}, nil
			}}
			if c.dial != nil {
				check.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, c.dial }
			}
			want(t, check.Look(t.Context()), c.level, c.word)
		})
	}
	t.Run("not enrolled", func(t *testing.T) {
		check := doctor.Broker{Places: at(good), TLS: func() (*tls.Config, error) { return nil, hinted{errors.New("no identity")} }}
		want(t, check.Look(t.Context()), doctor.Fail, "do this")
	})
}

func TestPanel(t *testing.T) {
	away := func(context.Context, string) error { return errors.New("refused") }
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { check(t, taken.Close()) }()
	for _, c := range []struct {
		name    string
		address string
		healthy func(context.Context, string) error
		level   doctor.Level
		word    string
	}{
		{"running", taken.Addr().String(), func(context.Context, string) error { return nil }, doctor.OK, "running gate"},
		{"free", "127.0.0.1:0", away, doctor.OK, "free"},
		{"taken", taken.Addr().String(), away, doctor.Fail, "another program"},
		{"open to all", "0.0.0.0:0", away, doctor.OK, "from the network"},
		{"not ours", "203.0.113.9:80", away, doctor.Fail, "address of this machine"},
		{"nonsense", "8000", away, doctor.Fail, "host:port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want(t, doctor.Panel{Address: c.address, Healthy: c.healthy}.Look(t.Context()), c.level, c.word)
		})
	}
}

// fixed is a check that answers at once; hung never does.
type fixed struct{ doctor.Finding }

func (f fixed) Name() string                        { return f.Finding.Name }
func (f fixed) Look(context.Context) doctor.Finding { return f.Finding }

type hung struct{ release chan struct{} }

func (hung) Name() string                          { return "hung" }
func (h hung) Look(context.Context) doctor.Finding { <-h.release; return doctor.Finding{} }

func TestExamine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hung{make(chan struct{})}
		defer close(h.release)
		r := doctor.Examine(t.Context(), time.Now, 5*time.Second,
			fixed{doctor.Finding{Name: "a", Found: "fine"}},
			fixed{doctor.Finding{Name: "bb", Level: doctor.Warn, Found: "odd", Advice: "look\nlisten", More: []string{"[ .:]"}, Detail: map[string]int{"n": 7}}},
			h,
			fixed{doctor.Finding{Name: "c", Found: "fine too"}},
		)
		if r.ExitCode() != 2 || len(r.Findings) != 4 || r.Findings[2].Level != doctor.Fail || r.Findings[2].Millis != 6000 {
			t.Fatalf("got %+v", r)
		}
		var text bytes.Buffer
		if err := r.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(text.String(), "ok    a     fine\nwarn  bb    odd\n            [ .:]\n            → look\n            → listen\nfail  hung  no answer within 5s") {
			t.Errorf("text:\n%s", text.String())
		}
		var out bytes.Buffer
		if err := r.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		var back struct {
			Level    string `json:"level"`
			Findings []struct {
				Name   string `json:"name"`
				Advice string `json:"advice"`
				Detail struct {
					N int `json:"n"`
				} `json:"detail"`
			} `json:"findings"`
		}
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.Level != "fail" || len(back.Findings) != 4 || back.Findings[1].Advice != "look\nlisten" || back.Findings[1].Detail.N != 7 {
			t.Errorf("json %+v, %v:\n%s", back, err, out.String())
		}
	})
	r := doctor.Examine(t.Context(), now, time.Second, fixed{doctor.Finding{Name: "a", Level: doctor.Warn, Found: "x", Advice: "y"}})
	if r.ExitCode() != 1 {
		t.Errorf("exit code %d, want 1", r.ExitCode())
	}
}

func TestTurnstile(t *testing.T) {
	for name, c := range map[string]struct {
		found, hint string
		err         error
		want        doctor.Level
	}{
		"ready":   {"ready: model 1", "", nil, doctor.OK},
		"jam":     {"jam", "send somebody", nil, doctor.Fail},
		"no port": {"", "", errors.New("no such file"), doctor.Fail},
	} {
		f := doctor.Turnstile{Try: func(context.Context) (string, string, error) { return c.found, c.hint, c.err }}.Look(t.Context())
		if f.Level != c.want || (f.Advice == "") != (c.want == doctor.OK) || f.Found == "" {
			t.Errorf("%s: %+v, want %s", name, f, c.want)
		}
	}
}
