package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Place is a broker to reach.
type Place struct {
	Name string // "central"
	URL  string // "tls://host:port"
}

// Broker checks that a broker answers and that both sides believe each other.
type Broker struct {
	Places []Place

	// TLS returns the client configuration with this device's certificate.
	TLS func() (*tls.Config, error)

	// Dial opens the TCP connection; nil means [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Name returns "broker".
func (Broker) Name() string { return "broker" }

// Look shakes hands with each place. One that answers is enough to work; one
// that does not is worth a warning.
func (b Broker) Look(ctx context.Context) Finding {
	if len(b.Places) == 0 {
		return Finding{Level: Warn, Found: "no broker is configured", Advice: "the gate works from sticks only; enrol it again to give it a broker"}
	}
	conf, err := b.TLS()
	if err != nil {
		return Finding{Level: Fail, Found: err.Error(), Advice: adviceOf(err, "enrol this device: gate enrol STRING")}
	}
	var found, advice []string
	reached := 0
	for _, p := range b.Places {
		err := b.shake(ctx, p, conf)
		if err == nil {
			reached++
			found = append(found, p.Name+" answers")
			continue
		}
		found = append(found, fmt.Sprintf("%s %s: %s", p.Name, p.URL, err))
		advice = append(advice, reason(err))
	}
	f := Finding{Found: strings.Join(found, "; "), Advice: strings.Join(advice, "; ")}
	switch {
	case reached == 0:
		// The gate decides alone; what suffers is freshness and upload.
		f.Level = Warn
		f.Advice += "; the gate admits alone until then"
	case reached < len(b.Places):
		f.Level = Warn
	}
	return f
}

func (b Broker) shake(ctx context.Context, p Place, conf *tls.Config) error {
	u, err := url.Parse(p.URL)
	if err != nil || u.Host == "" {
		return fmt.Errorf("not an address")
	}
	dial := b.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	raw, err := dial(ctx, "tcp", u.Host)
	if err != nil {
		return err
	}
	conf = conf.Clone()
	if conf.ServerName == "" {
		conf.ServerName = u.Hostname()
	}
	conn := tls.Client(raw, conf)
	if err := conn.HandshakeContext(ctx); err != nil {
		return errors.Join(err, raw.Close())
	}
	// With TLS 1.3 a server that refuses our certificate says so only after the
	// handshake: an honest broker stays silent until we speak.
	err = refusal(ctx, conn)
	if closed := conn.Close(); err == nil && closed != nil && !errors.Is(closed, net.ErrClosed) {
		return closed
	}
	return err
}

func reason(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var remote *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return "the name does not resolve: check DNS and the address"
	case errors.As(err, &unknown):
		return "the broker's certificate is from an authority that this device does not trust: is that the right address?"
	case errors.As(err, &name):
		return "the broker's certificate is for another name: check the address, or issue it anew with this name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the broker's certificate is out of its time: compare both clocks"
	case errors.As(err, &remote) && remote.Op == "remote error": // an alert, see crypto/tls
		return "the broker refuses this device's certificate: see whether it was revoked, or enrol anew"
	case errors.Is(err, context.DeadlineExceeded):
		return "nothing answers: check cable, switch and firewall"
	}
	return "check cable, address and whether the broker runs"
}
