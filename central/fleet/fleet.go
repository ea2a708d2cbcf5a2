// Package fleet is central's register of devices: it invites them with
// one-time codes, certifies the keys that they made themselves, renews and
// revokes the certificates, keeps the signed trust list that every device
// carries, and knows which devices were heard of last, and when.
//
// It does not speak MQTT (main hands it the state messages and asks it whom
// the broker may let in), holds no SQL (see [Store]) and never sees a device's
// private key. A certificate request is not trusted: only its P-256 key is
// used, and only once the request's own signature proves that the sender holds
// it; the name, the role and the events in the certificate are central's. The enrolment
// code is a bearer secret of 80 bits that lives 15 minutes and works once; the
// database keeps its SHA-256 only.
package fleet

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// Errors that callers branch on.
var (
	// ErrCode covers an enrolment code that is unknown, used, or too old.
	// Which one it was is not said to the sender.
	ErrCode = errors.New("enrolment code is not valid")

	// ErrRequest covers a certificate request that central does not sign.
	ErrRequest = errors.New("certificate request is refused")

	// ErrTooOften is returned for a device that renews again and again.
	ErrTooOften = errors.New("too many renewals")

	// ErrRevoked is returned for a device whose certificate was taken back.
	ErrRevoked = errors.New("device is revoked")

	// ErrNotFound is returned for a device, code or list that does not exist.
	// A [Store] must wrap it.
	ErrNotFound = errors.New("not found")

	// ErrExists is returned by a [Store] when a device id is taken.
	ErrExists = errors.New("device id is taken")

	// ErrRootOffline is returned when the trust list should change and central
	// holds no root key to sign it with.
	ErrRootOffline = errors.New("root key is offline")
)

// CentralID is the id under which central connects to the broker.
const CentralID ticket.DeviceID = "central"

// Device is one enrolled device.
type Device struct {
	ID       ticket.DeviceID
	Role     trust.Role
	Gate     string           // the entrance it stands at, as the events name it; may be empty
	Events   []ticket.EventID // what it was enrolled for, at most [trust.MaxDeviceEvents]
	Enrolled int64            // Unix seconds
	Expires  int64            // of its newest certificate, Unix seconds
	Revoked  int64            // Unix seconds; zero while it is in force
	Presence Presence
}

// Certificate is one certificate that central issued to a device.
type Certificate struct {
	Serial  string // lower-case hexadecimal
	DER     []byte
	Issued  int64
	Expires int64
}

// Key returns the device's public key.
func (c *Certificate) Key() (trust.PublicKey, error) {
	cert, err := x509.ParseCertificate(c.DER)
	if err != nil {
		return trust.PublicKey{}, fmt.Errorf("certificate %s: %w", c.Serial, err)
	}
	return trust.NewPublicKey(cert.PublicKey)
}

// Presence is what a device last said about itself, or its last will. Counters
// are the device's own claims.
type Presence struct {
	Epoch   uint64 // raised by the device at each connection; orders births and wills
	Online  bool
	Version string
	Set     uint64
	Delta   uint64
	Unacked uint64
	At      int64 // the device's clock, Unix seconds
	Heard   int64 // central's clock, Unix seconds
}

// Code is an invitation as the database keeps it.
type Code struct {
	Hash    [32]byte        // SHA-256 of the code
	Device  ticket.DeviceID // the id that it enrols
	Role    trust.Role
	Gate    string
	Events  []ticket.EventID
	Created int64
	Expires int64
	Used    int64 // zero until it is redeemed
}

// TrustList is one version of the signed list. Data is what devices get.
type TrustList struct {
	Version uint64
	Data    []byte
}

// Store keeps codes, devices, certificates and the trust list. Every method is
// one transaction; a missing row is an error wrapping [ErrNotFound].
type Store interface {
	Codes
	Devices
	Lists
}

// Codes keeps the invitations.
type Codes interface {
	// AddCode keeps an invitation. If the device that it names is enrolled
	// already, it returns an error wrapping [ErrExists].
	AddCode(ctx context.Context, c Code) error
	CodeByHash(ctx context.Context, hash [32]byte) (Code, error)

	// Redeem uses the code up for d, and stores d and its certificate. One
	// conditional update decides: when the code is used or expired at now, it
	// returns an error wrapping [ErrCode] and changes nothing. An id that
	// another code has enrolled in the meantime gives [ErrExists].
	Redeem(ctx context.Context, hash [32]byte, now int64, d Device, c Certificate) error
}

// Devices keeps the devices and their certificates.
type Devices interface {
	Device(ctx context.Context, id ticket.DeviceID) (Device, error)
	// Online counts the devices that are connected and in force, and all in force.
	Online(ctx context.Context) (online, enrolled int, err error)
	// Devices lists those with ids after the given one, in order.
	Devices(ctx context.Context, after ticket.DeviceID, limit int) ([]Device, error)
	// Certificates lists a device's certificates, newest first.
	Certificates(ctx context.Context, id ticket.DeviceID) ([]Certificate, error)
	// AddCertificate stores a renewed certificate unless the device is
	// revoked, which gives [ErrRevoked].
	AddCertificate(ctx context.Context, id ticket.DeviceID, c Certificate) error
	// Revoke marks the device; a second call keeps the first time.
	Revoke(ctx context.Context, id ticket.DeviceID, at int64) error
	// Revoked lists the revoked devices that still hold a certificate at now.
	Revoked(ctx context.Context, now int64) ([]ticket.DeviceID, error)
	// SavePresence stores p unless a higher epoch is stored already; it
	// reports whether it did.
	SavePresence(ctx context.Context, id ticket.DeviceID, p Presence) (bool, error)
	// Silence marks every device as not connected.
	Silence(ctx context.Context) error
}

// Lists keeps the versions of the trust list.
type Lists interface {
	TrustList(ctx context.Context) (TrustList, error) // the newest
	// SaveTrustList stores l if its version is higher than the newest, and
	// reports whether it did.
	SaveTrustList(ctx context.Context, l TrustList) (bool, error)
}

// Lifetimes and sizes.
const (
	CodeLifetime        = 15 * time.Minute
	CertificateLifetime = 30 * 24 * time.Hour
	ListLifetime        = 90 * 24 * time.Hour

	// renewals is how many certificates a device may get in a day. It needs one
	// in twenty days; every one is kept, and tried on its journals, for ever.
	renewals = 24

	// backdate lets a device whose clock is behind central's use its
	// certificate at once.
	backdate = time.Hour
)
