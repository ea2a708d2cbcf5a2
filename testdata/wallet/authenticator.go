// Package wallet is a holder's phone in software: an authenticator with a P-256
// key, and a wallet that makes passes with it. Tests, the demo and benchmarks use
// it in place of a person.
//
// It can be told to misbehave (user not verified, another site, odd client data),
// so that gates can be shown what they must refuse. Keys are derived from a seed
// and lie in memory: nothing here protects a real ticket.
package wallet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// The flags of authenticator data that a test may want (WebAuthn Level 3, 6.1).
const (
	UserPresent    = 0x01
	UserVerified   = 0x04
	BackupEligible = 0x08
	BackedUp       = 0x10
)

// ClientData is how a browser ends the client data, and how it writes the origin.
type ClientData struct {
	Tail    string // what follows the origin's closing quote
	Escaped bool   // slashes of the origin as "\/"
}

// The serialisations that browsers are known to produce.
var (
	Standard = ClientData{Tail: `,"crossOrigin":false}`}
	WebKit   = ClientData{Tail: `}`}
	Grease   = ClientData{Tail: `,"crossOrigin":false,"other_keys_can_be_added_here":"do not compare clientDataJSON against a template. See https://goo.gl/yabPex"}`}
	Play     = ClientData{Tail: `,"androidPackageName":"com.android.chrome"}`, Escaped: true}
)

// Authenticator signs assertions with one key. The exported fields may be changed
// between assertions; it is not safe for concurrent use.
type Authenticator struct {
	RelyingParty ticket.RelyingParty
	Flags        byte       // default: present and verified
	Counter      uint32     // sent as it stands; zero, as passkeys do
	ClientData   ClientData // default: Standard
	HighS        bool       // answer with s in the upper half, as every second real signature

	key    *ecdsa.PrivateKey
	holder ticket.HolderKey
}

// NewAuthenticator derives an authenticator from a seed of any length.
func NewAuthenticator(rp ticket.RelyingParty, seed []byte) (*Authenticator, error) {
	raw := sha256.Sum256(append([]byte("conting/testdata/authenticator\x00"), seed...))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw[:])
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	a := &Authenticator{RelyingParty: rp, Flags: UserPresent | UserVerified, ClientData: Standard, key: key}
	a.holder[0] = 2 | point[len(point)-1]&1
	copy(a.holder[1:], point[1:33])
	return a, nil
}

// HolderKey returns the authenticator's public key.
func (a *Authenticator) HolderKey() ticket.HolderKey { return a.holder }

// Assert does what navigator.credentials.get does, without asking anybody. The
// signature is deterministic.
func (a *Authenticator) Assert(challenge []byte) (pass.Assertion, error) {
	origin := a.RelyingParty.Origin
	if a.ClientData.Escaped {
		origin = strings.ReplaceAll(origin, "/", `\/`)
	}
	clientData := `{"type":"webauthn.get","challenge":"` + base64.RawURLEncoding.EncodeToString(challenge) +
		`","origin":"` + origin + `"` + a.ClientData.Tail
	return a.Sign([]byte(clientData))
}

// Sign asserts over client data as given, for tests that need it to be wrong.
func (a *Authenticator) Sign(clientData []byte) (pass.Assertion, error) {
	idHash := sha256.Sum256([]byte(a.RelyingParty.ID))
	authData := append(idHash[:], a.Flags)
	authData = binary.BigEndian.AppendUint32(authData, a.Counter)
	hash := sha256.Sum256(clientData)
	digest := sha256.Sum256(append(authData[:len(authData):len(authData)], hash[:]...))
	der, err := a.key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return pass.Assertion{}, fmt.Errorf("sign assertion: %w", err)
	}
	if der, err = withS(der, a.HighS); err != nil {
		return pass.Assertion{}, err
	}
	return pass.Assertion{AuthenticatorData: authData, ClientDataJSON: clientData, Signature: der}, nil
}

// withS rewrites a DER signature with s in the wanted half of the order.
func withS(der []byte, high bool) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &sig); err != nil {
		return nil, fmt.Errorf("read signature: %w", err)
	}
	n := elliptic.P256().Params().N
	if isHigh := sig.S.Cmp(new(big.Int).Rsh(n, 1)) > 0; isHigh != high {
		sig.S.Sub(n, sig.S)
	}
	return asn1.Marshal(sig)
}
