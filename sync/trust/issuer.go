package trust

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The most a trust list says about issuers of credentials.
const (
	MaxIssuers        = 64
	MaxDIDLen         = 256     // bytes of one DID
	MaxIssuerName     = 80      // bytes of a name
	MaxDIDDocument    = 8 << 10 // bytes of one cached DID document
	MaxIssuerAccepts  = 8       // kinds of credentials of one issuer
	MaxAcceptsLen     = 16      // bytes of one kind
	MaxStatusURLs     = 8       // status lists of one issuer
	MaxStatusURLBytes = 512     // bytes of one of their addresses
)

// Issuer is a registrar or accreditor whose credentials count, as far as Accepts
// says. What the kinds are, and what a document means, is for package credential.
type Issuer struct {
	// DID is a did:key, which is its own key, or a did:web, whose keys stand in
	// Document.
	DID  string `cbor:"1,keyasint"`
	Name string `cbor:"2,keyasint"` // for people
	// Document is the JSON that a did:web had when the roots last looked: the cache
	// that lets a device resolve it offline. A did:key has none.
	Document []byte `cbor:"3,keyasint,omitempty"`
	// Accepts are the kinds of credentials that count when this issuer signs them,
	// such as "family", "age" or "staff". None would be a mistake, not a refusal.
	Accepts []string `cbor:"4,keyasint"`
	// StatusURLs are where the issuer publishes its status lists: the addresses
	// that whoever has a network may fetch on everybody's behalf.
	StatusURLs []string `cbor:"5,keyasint,omitempty"`
}

// Check reports the first thing about the issuer that contradicts itself. It does
// not read the key or the document. The error wraps [ErrInvalid].
func (i *Issuer) Check() error {
	if err := i.check(); err != nil {
		return fmt.Errorf("issuer %.80q: %w: %w", i.DID, ErrInvalid, err)
	}
	return nil
}

func (i *Issuer) check() error {
	web := strings.HasPrefix(i.DID, "did:web:")
	switch {
	case len(i.DID) > MaxDIDLen || !visible(i.DID) || !web && !strings.HasPrefix(i.DID, "did:key:"):
		return errors.New("want a did:key or a did:web")
	case i.Name == "" || len(i.Name) > MaxIssuerName || !utf8.ValidString(i.Name):
		return fmt.Errorf("name of %d bytes, want 1 to %d", len(i.Name), MaxIssuerName)
	case web && len(i.Document) == 0:
		return errors.New("a did:web needs its document")
	case !web && len(i.Document) != 0:
		return errors.New("a did:key has no document")
	case len(i.Document) > MaxDIDDocument:
		return fmt.Errorf("document of %d bytes, the most is %d", len(i.Document), MaxDIDDocument)
	case len(i.Accepts) == 0 || len(i.Accepts) > MaxIssuerAccepts:
		return fmt.Errorf("%d kinds of credentials, want 1 to %d", len(i.Accepts), MaxIssuerAccepts)
	case len(i.StatusURLs) > MaxStatusURLs:
		return fmt.Errorf("%d status lists, the most is %d", len(i.StatusURLs), MaxStatusURLs)
	}
	for n, a := range i.Accepts {
		if a == "" || len(a) > MaxAcceptsLen || !visible(a) || slices.Contains(i.Accepts[:n], a) {
			return fmt.Errorf("kind %q is malformed or stands twice", a)
		}
	}
	for n, u := range i.StatusURLs {
		web := strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://")
		if !web || len(u) > MaxStatusURLBytes || !visible(u) || slices.Contains(i.StatusURLs[:n], u) {
			return fmt.Errorf("status list %.80q is malformed or stands twice", u)
		}
	}
	return nil
}

// checkIssuers reports the first issuer that is malformed or stands twice.
func checkIssuers(all []Issuer) error {
	if len(all) > MaxIssuers {
		return fmt.Errorf("%d issuers, the most is %d", len(all), MaxIssuers)
	}
	seen := make(map[string]bool, len(all))
	for n := range all {
		if err := all[n].Check(); err != nil {
			return err
		}
		if seen[all[n].DID] {
			return fmt.Errorf("issuer %s stands twice", all[n].DID)
		}
		seen[all[n].DID] = true
	}
	return nil
}

// visible reports whether s is made of visible ASCII characters only.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
