package credential_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// someTime is when everything happens here.
var someTime = time.Date(2026, 5, 1, 18, 0, 0, 0, time.UTC)

const (
	someAudience = "conting:gate:gate-7"
	someNonce    = "CTN1:SOMENONCE"
	someList     = "https://registrar.example/status/1.jwt"
)

// party is somebody with a key and a did:key.
type party struct {
	trust.Signer
	did credential.DID
	key crypto.Signer
}

// kid is the id of the party's key.
func (p party) kid() string {
	return string(p.did) + "#" + strings.TrimPrefix(string(p.did), "did:key:")
}

func newParty(t testing.TB, key crypto.Signer) party {
	t.Helper()
	s, err := trust.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	did, err := credential.KeyDID(s.Public())
	if err != nil {
		t.Fatal(err)
	}
	return party{Signer: s, did: did, key: key}
}

// newEd25519 is the same party for the same name.
func newEd25519(t testing.TB, name string) party {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	return newParty(t, ed25519.NewKeyFromSeed(seed[:]))
}

// newP256 is the same party for the same name. Its signatures are deterministic.
func newP256(t testing.TB, name string) party {
	t.Helper()
	d := sha256.Sum256([]byte(name))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d[:])
	if err != nil {
		t.Fatal(err)
	}
	return newParty(t, key)
}

// staffOf is a staff credential about p, in force around someTime.
func staffOf(p party) credential.Credential {
	return credential.Credential{
		ID: "urn:uuid:3978344f-8596-4c3a-a978-8fcaba3903c5", Type: credential.Staff, Subject: p.did,
		Issued: someTime.Add(-time.Hour), Expires: someTime.Add(24 * time.Hour),
		Staff: &credential.StaffClaim{Role: "stage crew", Events: []ticket.EventID{7}, Class: 3},
	}
}

// familyOf is a family credential that joins p and relative.
func familyOf(p, relative party) credential.Credential {
	return credential.Credential{
		ID: "urn:uuid:8d7a2f50-27b6-4f17-9d3a-5a3c51ff20fe", Type: credential.Family, Subject: p.did,
		Issued: someTime.Add(-time.Hour), Expires: someTime.Add(24 * time.Hour),
		Family: &credential.FamilyClaim{Relation: "parent", Relative: relative.did},
	}
}

// ageOf is an age credential about p.
func ageOf(p party) credential.Credential {
	return credential.Credential{
		ID: "urn:uuid:4cf6a1d0-13b9-4d3c-8d4e-0b6d6a7f2d11", Type: credential.Age, Subject: p.did,
		Issued: someTime.Add(-time.Hour), Expires: someTime.Add(24 * time.Hour),
		Age: &credential.AgeClaim{Over: 19},
	}
}

func issue(t testing.TB, s party, c credential.Credential) string {
	t.Helper()
	jwt, err := credential.Issue(s, c)
	if err != nil {
		t.Fatal(err)
	}
	return jwt
}

func present(t testing.TB, s party, jwts ...string) string {
	t.Helper()
	return presentAt(t, s, someTime, jwts...)
}

func presentAt(t testing.TB, s party, at time.Time, jwts ...string) string {
	t.Helper()
	vp, err := credential.Present(s, jwts, someAudience, someNonce, at, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return vp
}

// listed is p as an issuer of all kinds.
func listed(p party) trust.Issuer {
	return trust.Issuer{DID: string(p.did), Name: "Registrar", Accepts: []string{"family", "age", "staff"}}
}

func newVerifier(t testing.TB, cfg credential.Config) *credential.Verifier {
	t.Helper()
	v, err := credential.New(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// verifierOf believes issuers, in all they say.
func verifierOf(t testing.TB, issuers ...party) *credential.Verifier {
	t.Helper()
	var all []trust.Issuer
	for _, p := range issuers {
		all = append(all, listed(p))
	}
	return newVerifier(t, credential.Config{Issuers: all})
}

var wanted = credential.Want{Audience: someAudience, Nonce: someNonce}

type m = map[string]any

// b64 writes v, or its JSON unless it is bytes, in base64url.
func b64(t testing.TB, v any) string {
	t.Helper()
	raw, ok := v.([]byte)
	if !ok {
		var err error
		if raw, err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// rawJWS signs any header and any payload: JSON values, or bytes as they are.
func rawJWS(t testing.TB, s party, header, payload any) string {
	t.Helper()
	input := b64(t, header) + "." + b64(t, payload)
	sig, err := s.Sign([]byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + b64(t, sig)
}

// headerOf is the header with which p signs.
func headerOf(p party) m { return m{"alg": p.Public().Algorithm().String(), "kid": p.kid()} }

// claimsOf decodes the payload of a JWT, for a test to change.
func claimsOf(t testing.TB, jwt string) m {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var c m
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// with is claims with one member set, or removed if v is nil. A name with a dot
// reaches into an object.
func with(t testing.TB, claims m, name string, v any) m {
	t.Helper()
	out := m{}
	for k, old := range claims {
		out[k] = old
	}
	first, rest, nested := strings.Cut(name, ".")
	switch {
	case nested:
		inner, _ := out[first].(m)
		out[first] = with(t, inner, rest, v)
	case v == nil:
		delete(out, first)
	default:
		out[first] = v
	}
	return out
}

// allErrors are the sentinels, of which an error about what was shown wraps
// exactly one.
var allErrors = map[string]error{
	"malformed": credential.ErrMalformed, "bad_signature": credential.ErrBadSignature, "issuer": credential.ErrIssuer,
	"subject": credential.ErrSubject, "expired": credential.ErrExpired, "revoked": credential.ErrRevoked,
	"status_unknown": credential.ErrStatusUnknown, "audience": credential.ErrAudience, "nonce": credential.ErrNonce,
	"invalid": credential.ErrInvalid,
}

// verdict names the sentinels that err wraps; "ok" is none.
func verdict(err error) string {
	if err == nil {
		return "ok"
	}
	var names []string
	for _, name := range []string{"malformed", "bad_signature", "issuer", "subject", "expired", "revoked", "status_unknown", "audience", "nonce", "invalid"} {
		if errors.Is(err, allErrors[name]) {
			names = append(names, name)
		}
	}
	if names == nil {
		return "another error"
	}
	return strings.Join(names, " and ")
}

// der turns the raw ECDSA signature of a JWT into DER.
func der(t testing.TB, part string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || len(raw) != 64 {
		t.Fatalf("signature %q: %v", part, err)
	}
	out, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// next is the base64url character after c, which differs in the lowest bit.
func next(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)+1])
}

// coordinates are those of a P-256 key in base64url.
func coordinates(t testing.TB, p party) (x, y string) {
	t.Helper()
	pub, ok := p.key.Public().(*ecdsa.PublicKey)
	if !ok {
		t.Fatalf("%s is not P-256", p.did)
	}
	point, err := pub.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b64(t, point[1:33]), b64(t, point[33:])
}

// isPanic reports whether an error was a panic of aries.
func isPanic(err error) bool {
	return err != nil && strings.Contains(err.Error(), credential.PanicText)
}

// privateOf is the secret of a party of these tests.
func privateOf(t testing.TB, p party) []byte {
	t.Helper()
	switch k := p.key.(type) {
	case ed25519.PrivateKey:
		return k.Seed()
	case *ecdsa.PrivateKey:
		d, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	t.Fatalf("key of type %T", p.key)
	return nil
}
