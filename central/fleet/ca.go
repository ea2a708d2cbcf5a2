package fleet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// Sizes and lifetimes of the authority.
const (
	MaxRequest = 4 << 10 // bytes of a certificate request in DER

	caLifetime     = 10 * 365 * 24 * time.Hour
	serverLifetime = 397 * 24 * time.Hour
)

// Authority is the device certificate authority: one ECDSA P-256 key that
// signs devices and central's own listeners, and nothing else.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// NewAuthority makes the self-signed certificate of a new authority, in DER.
// The path length is zero: nothing that it signs can sign in turn.
func NewAuthority(key crypto.Signer, name string, now time.Time) ([]byte, error) {
	if err := checkKey(key.Public()); err != nil {
		return nil, fmt.Errorf("authority key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(caLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign authority: %w", err)
	}
	return der, nil
}

// OpenAuthority puts a certificate and its key together.
func OpenAuthority(certDER []byte, key crypto.Signer) (*Authority, error) {
	cert, err := x509.ParseCertificate(certDER)
	if err != nil {
		return nil, fmt.Errorf("authority certificate: %w", err)
	}
	pub, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok || !cert.IsCA || !pub.Equal(key.Public()) {
		return nil, errors.New("authority certificate does not belong to this key")
	}
	return &Authority{cert: cert, key: key}, nil
}

// DER returns the authority's certificate.
func (a *Authority) DER() []byte { return a.cert.Raw }

// Pool returns a pool with nothing but this authority.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// PIN returns what an enrolment string carries so that a device recognises
// central at first sight: unpadded base32 of the first 16 bytes of the SHA-256
// of the authority's public key (SubjectPublicKeyInfo).
func (a *Authority) PIN() string {
	sum := sha256.Sum256(a.cert.RawSubjectPublicKeyInfo)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16])
}

// ParseRequest checks a certificate request in DER and returns its key. The
// names that it asks for are ignored. The error wraps [ErrRequest].
func ParseRequest(der []byte) (*ecdsa.PublicKey, error) {
	if len(der) == 0 || len(der) > MaxRequest {
		return nil, fmt.Errorf("request of %d bytes, the most is %d: %w", len(der), MaxRequest, ErrRequest)
	}
	req, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("parse request: %w: %w", ErrRequest, err)
	}
	if err := checkKey(req.PublicKey); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if err := req.CheckSignature(); err != nil {
		return nil, fmt.Errorf("signature of the request: %w: %w", ErrRequest, err)
	}
	pub, ok := req.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("key of type %T: %w", req.PublicKey, ErrRequest)
	}
	return pub, nil
}

// IssueDevice certifies a device's key for 30 days, or for as long as the
// authority itself lasts: CN is the id, OU the role, the events are URIs as
// [trust.EventURIs] writes them, usage is client authentication only, the serial
// number is random. Central's own certificate names no events.
func (a *Authority) IssueDevice(pub *ecdsa.PublicKey, id ticket.DeviceID, role trust.Role, events []ticket.EventID, now time.Time) (Certificate, error) {
	if _, err := ticket.ParseDeviceID(string(id)); err != nil {
		return Certificate{}, err
	}
	uris, err := trust.EventURIs(events)
	if err != nil {
		return Certificate{}, fmt.Errorf("certificate of %s: %w", id, err)
	}
	return a.issue(pub, &x509.Certificate{
		Subject:     pkix.Name{CommonName: string(id), OrganizationalUnit: []string{string(role)}},
		URIs:        uris,
		NotAfter:    now.Add(CertificateLifetime),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, now)
}

// IssueServer certifies the key of central's own listeners for the given host
// names and addresses.
func (a *Authority) IssueServer(pub *ecdsa.PublicKey, hosts []string, now time.Time) (Certificate, error) {
	if len(hosts) == 0 {
		return Certificate{}, errors.New("server certificate without a host")
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: hosts[0]},
		NotAfter:    now.Add(serverLifetime),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	return a.issue(pub, template, now)
}

func (a *Authority) issue(pub *ecdsa.PublicKey, template *x509.Certificate, now time.Time) (Certificate, error) {
	if err := checkKey(pub); err != nil {
		return Certificate{}, err
	}
	serial, err := newSerial()
	if err != nil {
		return Certificate{}, err
	}
	template.SerialNumber = serial
	template.NotBefore = now.Add(-backdate)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	if template.NotBefore.Before(a.cert.NotBefore) {
		template.NotBefore = a.cert.NotBefore
	}
	if template.NotAfter.After(a.cert.NotAfter) {
		template.NotAfter = a.cert.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, pub, a.key)
	if err != nil {
		return Certificate{}, fmt.Errorf("sign certificate: %w", err)
	}
	return Certificate{
		Serial:  hex.EncodeToString(serial.Bytes()),
		DER:     der,
		Issued:  now.Unix(),
		Expires: template.NotAfter.Unix(),
	}, nil
}

// checkKey accepts a valid P-256 public key and nothing else.
func checkKey(pub crypto.PublicKey) error {
	key, ok := pub.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return errors.New("not a P-256 key")
	}
	if _, err := key.ECDH(); err != nil {
		return fmt.Errorf("P-256 key: %w", err)
	}
	return nil
}

// newSerial returns 127 random bits: positive, and 16 octets at most (RFC
// 5280, 4.1.2.2 allows 20).
func newSerial() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("serial number: %w", err)
	}
	return serial.Add(serial, big.NewInt(1)), nil
}
