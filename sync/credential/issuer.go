package credential

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/con-ting/conting/sync/trust"
)

// MaxIssuerJSON is the longest text that [ParseIssuer] reads, in bytes.
const MaxIssuerJSON = 16 << 10

// issuerJSON is how a registrar introduces itself. Members are in this order.
type issuerJSON struct {
	DID        string          `json:"did"`
	Name       string          `json:"name"`
	Accepts    []string        `json:"accepts"`
	StatusURLs []string        `json:"status_urls,omitempty"`
	Document   json.RawMessage `json:"document,omitempty"` // an object, of a did:web only
}

// EncodeIssuer writes an issuer as JSON, for whoever keeps the trust list to read
// with [ParseIssuer]: {"did", "name", "accepts", "status_urls", "document"}, where
// the document of a did:web is an object and not text. Errors wrap [ErrInvalid].
func EncodeIssuer(i trust.Issuer) ([]byte, error) {
	if err := checkIssuer(i); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return marshal(issuerJSON{DID: i.DID, Name: i.Name, Accepts: i.Accepts, StatusURLs: i.StatusURLs, Document: i.Document})
}

// ParseIssuer reads what [EncodeIssuer] wrote, and that its keys can be resolved.
// Whether to believe the issuer is for people to decide: anybody can write such
// JSON. Errors wrap [ErrMalformed].
func ParseIssuer(data []byte) (trust.Issuer, error) {
	if len(data) > MaxIssuerJSON {
		return trust.Issuer{}, fmt.Errorf("issuer of %d bytes, the most is %d: %w", len(data), MaxIssuerJSON, ErrMalformed)
	}
	i, err := parseIssuer(data)
	if err != nil {
		return trust.Issuer{}, fmt.Errorf("issuer: %w: %w", ErrMalformed, err)
	}
	return i, nil
}

func parseIssuer(data []byte) (trust.Issuer, error) {
	if err := checkJSON(data, func(string) bool { return true }); err != nil {
		return trust.Issuer{}, err
	}
	var members object
	if err := json.Unmarshal(data, &members); err != nil {
		return trust.Issuer{}, err
	}
	for name := range members {
		switch name {
		case "did", "name", "accepts", "status_urls", "document":
		default:
			return trust.Issuer{}, fmt.Errorf("member %.40q is not known", name)
		}
	}
	var w issuerJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return trust.Issuer{}, err
	}
	i := trust.Issuer{DID: w.DID, Name: w.Name, Accepts: w.Accepts, StatusURLs: w.StatusURLs}
	if w.Document != nil {
		var b bytes.Buffer
		if err := json.Compact(&b, w.Document); err != nil {
			return trust.Issuer{}, err
		}
		i.Document = b.Bytes()
	}
	return i, checkIssuer(i)
}

// checkIssuer resolves an issuer and looks whether its kinds are ours.
func checkIssuer(i trust.Issuer) error {
	if err := i.Check(); err != nil {
		return err
	}
	for _, a := range i.Accepts {
		if Type(a).vcType() == "" {
			return fmt.Errorf("kind %q is none that we know", a)
		}
	}
	for _, u := range i.StatusURLs {
		if !httpURL(u) {
			return fmt.Errorf("status list %.80q is not at an http URL", u)
		}
	}
	_, err := resolve(DID(i.DID), i.Document)
	return err
}
