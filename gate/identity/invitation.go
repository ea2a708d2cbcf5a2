package identity

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"net/netip"
	"net/url"
	"strings"
)

// MaxInvitation is the longest enrolment string, in bytes.
const MaxInvitation = 512

const (
	pinBytes   = 16
	minCodeLen = 6
	maxCodeLen = 64
)

const invitationHint = "copy the whole string from the console: https://HOST:PORT/enrol#CODE.PIN"

var pinEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Pin names a certification authority: the first 16 bytes of the SHA-256 of
// its SubjectPublicKeyInfo (the idea of RFC 7469, section 2.4, cut to what a
// code on a screen can hold).
type Pin [pinBytes]byte

// PinOf returns the pin of an authority's certificate.
func PinOf(ca *x509.Certificate) Pin {
	sum := sha256.Sum256(ca.RawSubjectPublicKeyInfo)
	return Pin(sum[:pinBytes])
}

// String returns the pin in unpadded base32.
func (p Pin) String() string { return pinEncoding.EncodeToString(p[:]) }

// Invitation is a parsed enrolment string: where to go, the one-time code to
// show there, and who must answer.
type Invitation struct {
	Base string // "https://host:port"
	Host string // host without the port, the name that the server must prove
	Code string // secret until it is used
	Pin  Pin
}

// ParseInvitation reads "https://host:port/enrol#CODE.PIN". Nothing else
// passes: no other scheme, no user, no query, no missing port. The error wraps
// [ErrInvitation] and never repeats the code.
func ParseInvitation(s string) (Invitation, error) {
	bad := func(what string) (Invitation, error) {
		return Invitation{}, fail("read enrolment string", invitationHint, "%s: %w", what, ErrInvitation)
	}
	if len(s) > MaxInvitation {
		return bad("it is too long")
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == '%' {
			return bad("it holds a space, an escape or a control character")
		}
	}
	where, secret, found := strings.Cut(s, "#")
	if !found {
		return bad("the part after # is missing")
	}
	u, err := url.Parse(where)
	if err != nil || u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Path != "/enrol" {
		return bad("the address is not https://host:port/enrol")
	}
	if u.Hostname() == "" || u.Port() == "" || !hostOK(u.Hostname()) {
		return bad("the address needs a host and a port")
	}
	code, pin, found := strings.Cut(secret, ".")
	if !found || !codeOK(code) {
		return bad("the code is not 6 to 64 letters, digits and hyphens before a dot")
	}
	raw, err := pinEncoding.DecodeString(pin)
	if err != nil || len(raw) != pinBytes || pinEncoding.EncodeToString(raw) != pin {
		return bad("the PIN is not 26 characters of base32")
	}
	return Invitation{Base: "https://" + u.Host, Host: u.Hostname(), Code: code, Pin: Pin(raw)}, nil
}

func codeOK(s string) bool {
	if len(s) < minCodeLen || len(s) > maxCodeLen {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func hostOK(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// pinned returns the authority in the chain that the pin names.
func (p Pin) pinned(chain []*x509.Certificate) *x509.Certificate {
	for _, c := range chain {
		got := PinOf(c)
		if c.IsCA && bytes.Equal(got[:], p[:]) {
			return c
		}
	}
	return nil
}
