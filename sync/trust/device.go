//go:build !js

package trust

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// Device is what a device's certificate says, once it has been verified.
type Device struct {
	ID       ticket.DeviceID
	Role     Role
	Events   []ticket.EventID // ascending, at most [MaxDeviceEvents]; see [Device.Serves]
	Key      PublicKey
	NotAfter time.Time
}

// VerifyDevice checks a device's certificate (RFC 5280): it chains to one of the
// list's device authorities without others between, is for client authentication,
// names the device as its common name, the role as its one organisational unit and
// the events as [EventURIs] does, and is not revoked. A certificate without events
// is a device's all the same, which serves none. That the peer holds the private key is for TLS, or for a
// signature, to show.
//
// The error wraps [ErrTooLarge], [ErrCertificate], [ErrExpired] (the certificate or
// the whole list), [ErrNotYet] or [ErrRevoked].
func (k *Keyring) VerifyDevice(certDER []byte, now time.Time) (Device, error) {
	if now.Unix() >= k.expires {
		return Device{}, fmt.Errorf("trust list %d ended at %s: %w", k.version, stamp(k.expires), ErrExpired)
	}
	d, err := k.cas.verify(certDER, now)
	if err != nil {
		return Device{}, err
	}
	if k.revoked[d.ID] {
		return Device{}, fmt.Errorf("device %s: %w", d.ID, ErrRevoked)
	}
	return d, nil
}

// VerifyCertificate is [Keyring.VerifyDevice] for whoever has no trust list but
// knows the device authorities (DER): for what a device signed at an earlier time.
// It knows of no revocation.
func VerifyCertificate(authorities [][]byte, certDER []byte, at time.Time) (Device, error) {
	cas, err := parseAuthorities(authorities)
	if err != nil {
		return Device{}, err
	}
	return cas.verify(certDER, at)
}

func (a authorities) verify(certDER []byte, now time.Time) (Device, error) {
	if len(certDER) > MaxCertificate {
		return Device{}, fmt.Errorf("certificate of %d bytes, the most is %d: %w", len(certDER), MaxCertificate, ErrTooLarge)
	}
	cert, err := x509.ParseCertificate(certDER)
	if err != nil {
		return Device{}, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	d, err := named(cert)
	if err != nil {
		return Device{}, err
	}
	switch {
	case now.Before(cert.NotBefore):
		return Device{}, fmt.Errorf("certificate of %s begins at %s: %w", d.ID, stamp(cert.NotBefore.Unix()), ErrNotYet)
	case now.After(cert.NotAfter):
		return Device{}, fmt.Errorf("certificate of %s ended at %s: %w", d.ID, stamp(cert.NotAfter.Unix()), ErrExpired)
	}
	_, err = cert.Verify(x509.VerifyOptions{
		Roots:         a.pool,
		Intermediates: x509.NewCertPool(),
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return Device{}, fmt.Errorf("certificate of %s: %w: %w", d.ID, ErrCertificate, err)
	}
	return d, nil
}

// named reads who the certificate says it is for. Nothing of it is verified yet.
func named(cert *x509.Certificate) (Device, error) {
	bad := func(err error) error { return fmt.Errorf("%w: %w", ErrCertificate, err) }
	id, err := ticket.ParseDeviceID(cert.Subject.CommonName)
	if err != nil {
		return Device{}, bad(err)
	}
	if cert.IsCA {
		return Device{}, bad(errors.New("it is an authority's own certificate"))
	}
	if len(cert.Subject.OrganizationalUnit) != 1 {
		return Device{}, bad(errors.New("want one organisational unit, the role"))
	}
	role := Role(cert.Subject.OrganizationalUnit[0])
	if !role.device() {
		return Device{}, bad(fmt.Errorf("role %q is not a device's", role))
	}
	clientAuth := false
	for _, u := range cert.ExtKeyUsage {
		clientAuth = clientAuth || u == x509.ExtKeyUsageClientAuth
	}
	if !clientAuth {
		return Device{}, bad(errors.New("it is not for client authentication"))
	}
	key, err := NewPublicKey(cert.PublicKey)
	if err != nil {
		return Device{}, bad(err)
	}
	events, err := certifiedEvents(cert.URIs)
	if err != nil {
		return Device{}, bad(err)
	}
	return Device{ID: id, Role: role, Events: events, Key: key, NotAfter: cert.NotAfter}, nil
}

// authorities are the certificates that devices' certificates chain to.
type authorities struct{ pool *x509.CertPool }

func parseAuthorities(ders [][]byte) (authorities, error) {
	pool := x509.NewCertPool()
	for i, der := range ders {
		ca, err := x509.ParseCertificate(der)
		if err != nil {
			return authorities{}, fmt.Errorf("device authority %d: %w: %w", i, ErrCertificate, err)
		}
		pool.AddCert(ca)
	}
	return authorities{pool: pool}, nil
}
