// Package identity is who this device is: its own key, the certificate that
// central issued for it, the root keys it was told to trust, and where central
// lives. It makes the key, enrols with a one-time string, keeps all of it in
// one folder, and renews the certificate over mutual TLS.
//
// It does not decide whom to admit, does not keep trust lists up to date (the
// uplink brings newer ones, [Identity.Adopt] takes them for TLS), and never
// sends the private key anywhere.
//
// Trusted: whoever hands the steward the enrolment string, because its PIN
// names the certification authority that may answer; and the owner of the
// folder. Not trusted: the network and everything it answers until the pinned
// authority, the root signatures and our own key are all found in the answer.
package identity

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// Sentinel errors. The errors that this package returns also carry a hint, see [Error].
var (
	ErrNotEnrolled = errors.New("this device is not enrolled")
	ErrEnrolled    = errors.New("this device is enrolled already")
	ErrIncomplete  = errors.New("the identity on disk is damaged")
	ErrPermissions = errors.New("others may read the device key")
	ErrInvitation  = errors.New("not an enrolment string")
	ErrPin         = errors.New("the server does not belong to the authority that the enrolment string names")
	ErrUnreachable = errors.New("central does not answer")
	ErrRefused     = errors.New("central refused")
	ErrAnswer      = errors.New("central's answer makes no sense")
)

// Error is an error of this package together with what to do about it.
type Error struct {
	Op   string // what was being done: "enrol", "load identity"
	Err  error  // wraps one of the package's sentinel errors
	hint string
}

// Error returns the operation and the cause, without the hint.
func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint says in one sentence what a person can do. It may be empty.
func (e *Error) Hint() string { return e.hint }

func fail(op, hint, format string, args ...any) error {
	return &Error{Op: op, Err: fmt.Errorf(format, args...), hint: hint}
}

// Endpoint is a broker that this device may speak to.
type Endpoint struct {
	Name string `json:"name"` // "hub" or "central"
	URL  string `json:"url"`  // "tls://host:port"
}

// Identity is a complete, enrolled device. It is safe for concurrent use.
type Identity struct {
	dir    string
	record record
	key    crypto.Signer
	signer trust.Signer
	anchor trust.Anchor
	list   []byte
	now    func() time.Time

	// mu guards leaf, chain and roots, which renewal and new trust lists replace.
	mu    sync.RWMutex
	leaf  *x509.Certificate
	chain [][]byte
	roots *x509.CertPool
}

// Device is the name that central gave this device.
func (id *Identity) Device() ticket.DeviceID { return id.record.Device }

// Role is what this device may be: a gate, a hub or a handheld.
func (id *Identity) Role() trust.Role { return id.record.Role }

// Events lists the events that this device was enrolled for, at least one.
func (id *Identity) Events() []ticket.EventID {
	return append([]ticket.EventID(nil), id.record.Events...)
}

// Gate is the name of the venue's gate at which this device stands.
func (id *Identity) Gate() string { return id.record.Gate }

// Endpoints lists the brokers in the order of preference that central gave.
func (id *Identity) Endpoints() []Endpoint { return append([]Endpoint(nil), id.record.Brokers...) }

// API is the base URL of central's public API, for people who look at the
// gate; the gate itself never calls it. It may be empty.
func (id *Identity) API() string { return id.record.API }

// Fleet is the base URL of central's device listener, where this device
// enrolled and where it renews its certificate.
func (id *Identity) Fleet() string { return id.record.Fleet }

// Anchor holds the root keys that this device trusts for its whole life.
func (id *Identity) Anchor() trust.Anchor { return id.anchor }

// TrustList returns the signed trust list that came with the enrolment. A
// newer one may have arrived since; whoever keeps it compares the versions.
func (id *Identity) TrustList() []byte { return append([]byte(nil), id.list...) }

// Signer signs the journal's checkpoints with the device key.
func (id *Identity) Signer() trust.Signer { return id.signer }

// Certificate returns the certificate in force.
func (id *Identity) Certificate() *x509.Certificate {
	id.mu.RLock()
	defer id.mu.RUnlock()
	return id.leaf
}

// Adopt takes the device authorities of a newer, already verified trust list
// as those that may vouch for servers from the next connection on.
func (id *Identity) Adopt(list *trust.List) error {
	pool, err := poolOf(list.DeviceCAs)
	if err != nil {
		return fail("adopt trust list", "", "%w", err)
	}
	id.mu.Lock()
	id.roots = pool
	id.mu.Unlock()
	return nil
}

// TLS returns the client configuration for the next connection: the
// certificate and the authorities in force now. Ask again for each connection,
// because both are replaced while the device runs.
func (id *Identity) TLS() *tls.Config {
	id.mu.RLock()
	defer id.mu.RUnlock()
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		RootCAs:      id.roots,
		Certificates: []tls.Certificate{{Certificate: id.chain, PrivateKey: id.key, Leaf: id.leaf}},
		Time:         id.now,
	}
}

func poolOf(authorities [][]byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for _, der := range authorities {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("device authority: %w", err)
		}
		pool.AddCert(c)
	}
	if len(authorities) == 0 {
		return nil, errors.New("no device authority")
	}
	return pool, nil
}
