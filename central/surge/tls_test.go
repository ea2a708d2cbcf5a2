package surge_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/con-ting/conting/central/surge"
)

// Over real connections, with TLS: only to whom the configuration trusts.
func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(&stub{retry: 10})
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	cfg := surge.Config{URL: server.URL, People: 40, Duration: time.Minute, Connections: 4, Now: time.Now}
	for name, c := range map[string]struct {
		tls    *tls.Config
		enters int64
	}{
		"trusted":  {&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, 40},
		"stranger": {&tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}, 0},
	} {
		cfg := cfg
		cfg.TLS = c.tls
		if c.enters == 0 { // whoever is not let in tries again as long as they may
			cfg.Duration = time.Second
		}
		res, err := surge.Run(t.Context(), cfg, queue(t, 2, 0, 1)(cfg))
		if err != nil {
			t.Fatal(err)
		}
		if res.Counts["entered"] != c.enters {
			t.Errorf("%s: %d entered, want %d; failures %v", name, res.Counts["entered"], c.enters, res.Failures)
		}
	}
}
