package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Security is how the connection to a server is kept from others.
type Security string

// The kinds of security.
const (
	StartTLS Security = "starttls" // plain at first, then TLS or nothing; usually port 587
	TLS      Security = "tls"      // from the first byte; usually port 465
	None     Security = "none"     // this machine alone
)

// sendTime bounds one letter, connecting included.
const sendTime = 30 * time.Second

// Relay is a mail server that takes our letters. Server and Security are required.
type Relay struct {
	// Server is host:port. The host is what its certificate must be for.
	Server   string
	Security Security

	// User and Password are for servers that want them; both or neither. They go
	// over TLS, or to this machine alone.
	User, Password string

	// Roots verify its certificate; nil means the system's.
	Roots *x509.CertPool
}

// SMTP hands letters to a relay, one connection each.
type SMTP struct {
	relay Relay
	host  string
	port  int
	from  Address
}

// NewSMTP checks the configuration; it connects to nobody. Errors wrap [ErrConfig].
func NewSMTP(r Relay, from Address) (*SMTP, error) {
	if err := from.check(); err != nil {
		return nil, err
	}
	host, service, err := net.SplitHostPort(r.Server)
	if err != nil || host == "" {
		return nil, fmt.Errorf("server %q is not host:port: %w", r.Server, ErrConfig)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	switch {
	case err != nil || port == 0:
		return nil, fmt.Errorf("server %q is not host:port: %w", r.Server, ErrConfig)
	case r.Security != StartTLS && r.Security != TLS && r.Security != None:
		return nil, fmt.Errorf("security %q, want starttls, tls or none: %w", r.Security, ErrConfig)
	case r.Security == None && !loopback(host):
		return nil, fmt.Errorf("%s is another machine, so letters need TLS: %w", host, ErrConfig)
	case (r.User == "") != (r.Password == ""):
		return nil, fmt.Errorf("user and password belong together: %w", ErrConfig)
	}
	s := &SMTP{relay: r, host: host, port: int(port), from: from}
	if _, err := s.client(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return s, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func (s *SMTP) client() (*gomail.Client, error) {
	opts := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(sendTime), gomail.WithHELO(s.from.domain()), gomail.WithoutNoop(),
		gomail.WithTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.host, RootCAs: s.relay.Roots}),
	}
	switch s.relay.Security {
	case TLS:
		opts = append(opts, gomail.WithSSL())
	case StartTLS:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case None:
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.relay.User != "" {
		opts = append(opts, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.relay.User), gomail.WithPassword(s.relay.Password))
	}
	return gomail.NewClient(s.host, opts...)
}

// Send implements [Sender]. When it returns nil the server has the letter.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	msg, err := compose(s.from, &m)
	if err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	err = c.DialAndSendWithContext(ctx, msg)
	if msg.IsDelivered() { // what goes wrong while we take our leave is no reason to send it again
		return nil
	}
	return verdict(err)
}

// verdict keeps of an error what says nothing about the recipient. The server
// means this letter only where it answers to the letter: what it says to our
// password is about all of them, and may be put right.
func verdict(err error) error {
	if err == nil {
		return nil
	}
	var sent *gomail.SendError
	if !errors.As(err, &sent) {
		return fmt.Errorf("mail server: %w", err)
	}
	code := sent.ErrorCode()
	if code/100 == 5 && (sent.Reason == gomail.ErrSMTPRcptTo || sent.Reason == gomail.ErrSMTPDataClose) {
		return fmt.Errorf("%w: it answered %d", ErrRefused, code)
	}
	return fmt.Errorf("mail server: %s: it answered %d", sent.Reason, code)
}
