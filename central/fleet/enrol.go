package fleet

import (
	"context"
	"crypto/ecdsa"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// Endpoint is a broker that an enrolled device connects to.
type Endpoint struct {
	Name string `json:"name"` // "central" or "hub"
	URL  string `json:"url"`  // tls://host:port
}

// Config is what a [Fleet] needs. Every field without a default is required.
type Config struct {
	Store     Store
	Authority *Authority

	// Anchor is what devices pin at enrolment: the root keys.
	Anchor trust.Anchor

	// Keys are the signing keys that the trust list vouches for.
	Keys []trust.Key

	// Roots sign new versions of the trust list. Empty means that the root is
	// offline: the newest stored list stays in force, and Revoke still shuts
	// the device out of central but returns [ErrRootOffline].
	Roots []trust.Signer

	// Issuers returns the issuers of credentials that the trust list shall name, in
	// the same order each time; nil names none.
	Issuers func(ctx context.Context) ([]trust.Issuer, error)

	// List is a trust list that was signed elsewhere, or nil. It is taken if it
	// is newer than the stored one; one that has ended is passed over.
	List []byte

	// Host returns host:port of the device listener, for enrolment strings.
	Host func() string

	// Endpoints returns the brokers, and API the address of the public API,
	// which enrolled devices are told.
	Endpoints func() []Endpoint
	API       func() string

	// OnRevoke and OnList are called after a device was revoked and after a
	// new trust list was stored. Both must return soon; nil means nobody cares.
	OnRevoke func(ctx context.Context, id ticket.DeviceID)
	OnList   func(ctx context.Context, l TrustList)

	Logger *slog.Logger
	Now    func() time.Time
}

// Fleet is the register. Its methods are safe for concurrent use.
type Fleet struct {
	cfg   Config
	limit *limiter

	listMu sync.Mutex // serialises making a new version of the trust list
}

// New checks the configuration and makes sure that a trust list in force is
// stored, signing a new version when the newest one is missing or has used up
// two thirds of its life.
func New(ctx context.Context, cfg Config) (*Fleet, error) {
	switch {
	case cfg.Store == nil, cfg.Authority == nil, cfg.Host == nil, cfg.Endpoints == nil, cfg.API == nil,
		cfg.Logger == nil, cfg.Now == nil:
		return nil, errors.New("fleet: incomplete configuration")
	}
	f := &Fleet{cfg: cfg, limit: newLimiter(cfg.Now)}
	if cfg.List != nil {
		if _, err := f.Import(ctx, cfg.List); errors.Is(err, trust.ErrExpired) {
			cfg.Logger.WarnContext(ctx, "the trust list from elsewhere has ended and is passed over")
		} else if err != nil {
			return nil, err
		}
	}
	if err := f.Refresh(ctx); err != nil {
		return nil, err
	}
	return f, nil
}

// Enrolment is what a device gets for its code and its request.
type Enrolment struct {
	Device      ticket.DeviceID
	Role        trust.Role
	Certificate []byte // DER
	Anchor      []byte // CBOR of the trust anchor
	TrustList   []byte
	Events      []ticket.EventID
	Gate        string
}

// Enrol redeems a code for a certificate. The same code with the same key is
// answered again with the same certificate until the code expires, so that a
// lost answer costs nothing; with any other key it is refused. Errors wrap
// [ErrCode] or [ErrRequest] when the sender is to blame.
func (f *Fleet) Enrol(ctx context.Context, typed string, csr []byte) (Enrolment, error) {
	pub, err := ParseRequest(csr)
	if err != nil {
		return Enrolment{}, err
	}
	hash, err := hashCode(typed)
	if err != nil {
		return Enrolment{}, err
	}
	code, err := f.cfg.Store.CodeByHash(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		return Enrolment{}, ErrCode
	}
	if err != nil {
		return Enrolment{}, fmt.Errorf("look up enrolment code: %w", err)
	}
	now := f.cfg.Now()
	if subtle.ConstantTimeCompare(hash[:], code.Hash[:]) != 1 || now.Unix() >= code.Expires {
		return Enrolment{}, ErrCode
	}
	if code.Used != 0 {
		return f.enrolledAlready(ctx, code, pub)
	}
	d, cert, err := f.redeem(ctx, code, pub, now)
	if err != nil {
		return Enrolment{}, err
	}
	f.cfg.Logger.InfoContext(ctx, "device enrolled", slog.String("device", string(d.ID)),
		slog.String("role", string(d.Role)), slog.String("gate", d.Gate), slog.String("serial", cert.Serial))
	return f.enrolment(ctx, d, cert)
}

func (f *Fleet) redeem(ctx context.Context, code Code, pub *ecdsa.PublicKey, now time.Time) (Device, Certificate, error) {
	cert, err := f.cfg.Authority.IssueDevice(pub, code.Device, code.Role, code.Events, now)
	if err != nil {
		return Device{}, Certificate{}, err
	}
	d := Device{ID: code.Device, Role: code.Role, Gate: code.Gate, Events: code.Events, Enrolled: now.Unix(), Expires: cert.Expires}
	err = f.cfg.Store.Redeem(ctx, code.Hash, now.Unix(), d, cert)
	if errors.Is(err, ErrCode) || errors.Is(err, ErrExists) {
		return Device{}, Certificate{}, ErrCode
	}
	if err != nil {
		return Device{}, Certificate{}, fmt.Errorf("redeem enrolment code: %w", err)
	}
	return d, cert, nil
}

func (f *Fleet) enrolledAlready(ctx context.Context, code Code, pub *ecdsa.PublicKey) (Enrolment, error) {
	d, err := f.cfg.Store.Device(ctx, code.Device)
	if err != nil {
		return Enrolment{}, fmt.Errorf("device of a used code: %w", err)
	}
	certs, err := f.cfg.Store.Certificates(ctx, d.ID)
	if err != nil {
		return Enrolment{}, fmt.Errorf("certificates of %s: %w", d.ID, err)
	}
	asked, err := trust.NewPublicKey(pub)
	if err != nil {
		return Enrolment{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if len(certs) == 0 || d.Revoked != 0 {
		return Enrolment{}, ErrCode
	}
	first, err := certs[len(certs)-1].Key()
	if err != nil {
		return Enrolment{}, err
	}
	if first != asked {
		return Enrolment{}, ErrCode
	}
	return f.enrolment(ctx, d, certs[0])
}

func (f *Fleet) enrolment(ctx context.Context, d Device, c Certificate) (Enrolment, error) {
	list, err := f.cfg.Store.TrustList(ctx)
	if err != nil {
		return Enrolment{}, fmt.Errorf("trust list: %w", err)
	}
	anchor, err := f.cfg.Anchor.Encode()
	if err != nil {
		return Enrolment{}, fmt.Errorf("trust anchor: %w", err)
	}
	return Enrolment{
		Device: d.ID, Role: d.Role, Certificate: c.DER, Anchor: anchor, TrustList: list.Data,
		Events: d.Events, Gate: d.Gate,
	}, nil
}

// Renew certifies the key of a new request for the device that presents cert, and
// for the events that the register has for it now.
// The caller must have verified cert's chain, and by TLS that the sender holds
// its key. The errors wrap [ErrRequest], [ErrRevoked] or [ErrTooOften].
func (f *Fleet) Renew(ctx context.Context, cert *x509.Certificate, csr []byte) (Certificate, error) {
	who, err := f.Authorize(ctx, cert)
	if err != nil {
		return Certificate{}, err
	}
	pub, err := ParseRequest(csr)
	if err != nil {
		return Certificate{}, err
	}
	id := who.Device
	if who.Role == trust.RoleCentral {
		return Certificate{}, fmt.Errorf("central renews its own certificate: %w", ErrRequest)
	}
	had, err := f.cfg.Store.Certificates(ctx, id)
	if err != nil {
		return Certificate{}, fmt.Errorf("certificates of %s: %w", id, err)
	}
	if len(had) >= renewals && had[renewals-1].Issued > f.cfg.Now().Add(-24*time.Hour).Unix() {
		return Certificate{}, fmt.Errorf("device %s has had %d certificates within a day: %w", id, renewals, ErrTooOften)
	}
	c, err := f.cfg.Authority.IssueDevice(pub, id, who.Role, who.Events, f.cfg.Now())
	if err != nil {
		return Certificate{}, err
	}
	if err := f.cfg.Store.AddCertificate(ctx, id, c); err != nil {
		return Certificate{}, fmt.Errorf("keep certificate of %s: %w", id, err)
	}
	f.cfg.Logger.InfoContext(ctx, "certificate renewed", slog.String("device", string(id)), slog.String("serial", c.Serial))
	return c, nil
}

// Authorize says which device a certificate stands for, and for which events.
// It verifies the certificate against the authority by itself and asks the
// register whether the device is in force and what it is for: a revocation works
// before any list has spread, and other events before the certificate is renewed.
// The errors wrap [ErrRevoked] or [ErrNotFound], or are the verifier's own.
func (f *Fleet) Authorize(ctx context.Context, cert *x509.Certificate) (topic.Client, error) {
	nobody := topic.Client{}
	_, err := cert.Verify(x509.VerifyOptions{
		Roots:       f.cfg.Authority.Pool(),
		CurrentTime: f.cfg.Now(),
		KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nobody, fmt.Errorf("device certificate: %w", err)
	}
	id, err := ticket.ParseDeviceID(cert.Subject.CommonName)
	if err != nil {
		return nobody, fmt.Errorf("device certificate: %w", err)
	}
	if len(cert.Subject.OrganizationalUnit) != 1 {
		return nobody, fmt.Errorf("certificate of %s names %d roles, want 1: %w", id, len(cert.Subject.OrganizationalUnit), ticket.ErrInvalid)
	}
	role := trust.Role(cert.Subject.OrganizationalUnit[0])
	if role == trust.RoleCentral {
		return topic.Client{Device: id, Role: role}, nil // only this process can have made it, see IssueDevice
	}
	d, err := f.cfg.Store.Device(ctx, id)
	if err != nil {
		return nobody, fmt.Errorf("device %s: %w", id, err)
	}
	if d.Revoked != 0 {
		return nobody, fmt.Errorf("device %s: %w", id, ErrRevoked)
	}
	if d.Role != role {
		return nobody, fmt.Errorf("certificate of %s says %s, the register %s: %w", id, role, d.Role, ticket.ErrInvalid)
	}
	return topic.Client{Device: id, Role: role, Events: d.Events}, nil
}

// Keys returns the keys with which a device may have signed its journal: those
// of its certificates, newest first. A revoked device's keys are returned too,
// because what it wrote before is evidence; whether to accept more is for the
// caller to decide by [Device.Revoked].
func (f *Fleet) Keys(ctx context.Context, id ticket.DeviceID) ([]trust.PublicKey, error) {
	certs, err := f.cfg.Store.Certificates(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("certificates of %s: %w", id, err)
	}
	keys := make([]trust.PublicKey, 0, 2)
	for i := range certs {
		key, err := certs[i].Key()
		if err != nil {
			return nil, err
		}
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Device returns one device, or an error wrapping [ErrNotFound].
func (f *Fleet) Device(ctx context.Context, id ticket.DeviceID) (Device, error) {
	return f.cfg.Store.Device(ctx, id)
}

// Online says how many devices are connected, of how many in force.
func (f *Fleet) Online(ctx context.Context) (online, enrolled int, err error) {
	return f.cfg.Store.Online(ctx)
}

// Devices lists devices in the order of their ids, after the given one.
func (f *Fleet) Devices(ctx context.Context, after ticket.DeviceID, limit int) ([]Device, error) {
	return f.cfg.Store.Devices(ctx, after, limit)
}
