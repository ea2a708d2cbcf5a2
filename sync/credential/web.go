package credential

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/con-ting/conting/sync/trust"
)

// webKey is the name of the key in the documents that [WebDocument] makes.
const webKey = "key-1"

// maxMethods is how many keys a document may have.
const maxMethods = 16

// checkWeb reports whether d is a did:web: a domain name, which may carry a port
// as "%3A", and path segments after colons.
func (d DID) checkWeb() error {
	rest, ok := strings.CutPrefix(string(d), methodWeb)
	if !ok || len(d) > trust.MaxDIDLen {
		return fmt.Errorf("%.80q is not a did:web: %w", string(d), ErrMalformed)
	}
	for i, part := range strings.Split(rest, ":") {
		if i == 0 {
			part = strings.Replace(part, "%3A", "", 1)
		}
		for _, c := range []byte(part) {
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
				return fmt.Errorf("%.80q is not a did:web: %w", string(d), ErrMalformed)
			}
		}
		if part == "" || part[0] == '.' {
			return fmt.Errorf("%.80q is not a did:web: %w", string(d), ErrMalformed)
		}
	}
	return nil
}

// WebDocument is the DID document of a did:web with the one key that [Issue] signs
// with when it is told that issuer. It is to be served where the did:web method
// says. Errors wrap [ErrMalformed] or [ErrInvalid].
func WebDocument(did DID, key trust.PublicKey) ([]byte, error) {
	if err := did.checkWeb(); err != nil {
		return nil, err
	}
	own, err := KeyDID(key)
	if err != nil {
		return nil, err
	}
	id := string(did) + "#" + webKey
	return marshal(webDocument{
		Context: []string{"https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"},
		ID:      did,
		Methods: []method{{ID: id, Type: "Multikey", Controller: did, Multibase: strings.TrimPrefix(string(own), methodKey)}},
		Assert:  []string{id},
	})
}

// webDocument is a document as this package writes it.
type webDocument struct {
	Context []string `json:"@context"`
	ID      DID      `json:"id"`
	Methods []method `json:"verificationMethod"`
	Assert  []string `json:"assertionMethod"`
}

type method struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	Controller DID    `json:"controller"`
	Multibase  string `json:"publicKeyMultibase,omitempty"`
}

// object is JSON whose members are looked up by their exact names.
type object map[string]json.RawMessage

// text returns a member that is a string, or nothing.
func (o object) text(name string) string {
	var s string
	if raw, ok := o[name]; ok && json.Unmarshal(raw, &s) == nil {
		return s
	}
	return ""
}

// parseDocument returns the keys with which did may assert by its document: those
// of its verification methods, of Ed25519 or P-256, that assertionMethod refers
// to. Members and methods of other kinds are passed over: documents are made by
// others, for others too. Errors wrap [ErrMalformed].
func parseDocument(did DID, document []byte) (keys, error) {
	if err := did.checkWeb(); err != nil {
		return nil, err
	}
	k, err := documentKeys(did, document)
	if err != nil {
		return nil, fmt.Errorf("document of %s: %w: %w", did, ErrMalformed, err)
	}
	return k, nil
}

func documentKeys(did DID, document []byte) (keys, error) {
	if len(document) > trust.MaxDIDDocument {
		return nil, fmt.Errorf("%d bytes, the most is %d", len(document), trust.MaxDIDDocument)
	}
	if err := checkJSON(document, func(string) bool { return true }); err != nil {
		return nil, err
	}
	var doc object
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, err
	}
	if doc.text("id") != string(did) {
		return nil, fmt.Errorf("it is that of %.80q", doc.text("id"))
	}
	var methods []object
	var asserts []json.RawMessage
	if err := json.Unmarshal(doc["verificationMethod"], &methods); err != nil || len(methods) > maxMethods {
		return nil, errors.New("no verification methods, or too many")
	}
	if err := json.Unmarshal(doc["assertionMethod"], &asserts); err != nil || len(asserts) > maxMethods {
		return nil, errors.New("no assertion methods, or too many")
	}
	may := map[string]bool{}
	for _, raw := range asserts {
		var id string
		if json.Unmarshal(raw, &id) == nil {
			may[absolute(did, id)] = true
		}
	}
	found := keys{}
	for _, m := range methods {
		id := absolute(did, m.text("id"))
		key, ok := m.key()
		if !ok || !may[id] || m.text("controller") != string(did) || !strings.HasPrefix(id, string(did)+"#") {
			continue
		}
		if _, twice := found[id]; twice {
			return nil, fmt.Errorf("key %.80q stands twice", id)
		}
		found[id] = key
	}
	if len(found) == 0 {
		return nil, errors.New("no key of Ed25519 or P-256 that may assert")
	}
	return found, nil
}

// absolute resolves "#key-1" against the document's DID.
func absolute(did DID, id string) string {
	if strings.HasPrefix(id, "#") {
		return string(did) + id
	}
	return id
}

// key reads a verification method's key, as multibase or as a JWK.
func (o object) key() (trust.PublicKey, bool) {
	if text := o.text("publicKeyMultibase"); text != "" {
		k, err := DID(methodKey + text).Key()
		return k, err == nil
	}
	var jwk object
	if json.Unmarshal(o["publicKeyJwk"], &jwk) != nil {
		return trust.PublicKey{}, false
	}
	x, errX := decodePart(jwk.text("x"))
	switch jwk.text("kty") + " " + jwk.text("crv") {
	case "OKP Ed25519":
		k, err := trust.ParsePublicKey(trust.EdDSA, x)
		return k, errX == nil && err == nil
	case "EC P-256":
		y, errY := decodePart(jwk.text("y"))
		if errX != nil || errY != nil || len(x) != 32 || len(y) != 32 {
			return trust.PublicKey{}, false
		}
		return p256(x, y)
	}
	return trust.PublicKey{}, false
}
