package pass_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// webauthnVector is one of WebAuthn Level 3, section 16, as JSON.
type webauthnVector struct {
	Name string `json:"name"`
	Reg  struct {
		PrivateKey        string `json:"credential_private_key"`
		AttestationObject string `json:"attestationObject"`
	} `json:"reg"`
	Auth struct {
		Challenge         string `json:"challenge"`
		AuthenticatorData string `json:"authenticatorData"`
		ClientDataJSON    string `json:"clientDataJSON"`
		Signature         string `json:"signature"`
	} `json:"auth"`
}

// holder returns the ES256 public key of the registration, or false when the
// credential is of another algorithm.
func (w *webauthnVector) holder(t *testing.T) (ticket.HolderKey, bool) {
	t.Helper()
	// A COSE_Key of EC2, ES256, P-256 (RFC 9053, section 7.1) in canonical order:
	// {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
	object := fromHex(t, w.Reg.AttestationObject)
	_, rest, ok := bytes.Cut(object, fromHex(t, "a5010203262001215820"))
	if !ok || len(rest) < 67 || !bytes.Equal(rest[32:35], fromHex(t, "225820")) {
		return ticket.HolderKey{}, false
	}
	var k ticket.HolderKey
	k[0] = 2 | rest[66]&1
	copy(k[1:], rest[:32])
	return k, true
}

func fromHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

// TestVectorsWebAuthn checks every assertion twice: the signature alone must
// verify where it is ES256, and the profile must take exactly those of a verified
// user outside other sites' frames, for each reason that the vectors offer.
func TestVectorsWebAuthn(t *testing.T) {
	dir := os.Getenv("VECTORS")
	if dir == "" {
		t.Skip("SKIPPED: no public vectors were checked. Run: make vectors VECTORS=DIR, where DIR holds webauthn_l3_vectors.json")
	}
	const file = "webauthn_l3_vectors.json"
	b, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []webauthnVector
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	rp := ticket.RelyingParty{ID: "example.org", Origin: "https://example.org"}
	idHash := sha256.Sum256([]byte(rp.ID))
	n := map[string]int{}
	for _, c := range vectors {
		a := pass.Assertion{
			AuthenticatorData: fromHex(t, c.Auth.AuthenticatorData),
			ClientDataJSON:    fromHex(t, c.Auth.ClientDataJSON),
			Signature:         fromHex(t, c.Auth.Signature),
		}
		challenge := fromHex(t, c.Auth.Challenge)
		if len(a.AuthenticatorData) < 37 || !bytes.HasPrefix(a.AuthenticatorData, idHash[:]) {
			t.Errorf("%s: authenticator data %x is not of %s", c.Name, a.AuthenticatorData, rp.ID)
			continue
		}
		holder, es256 := c.holder(t)
		if named := strings.Contains(c.Name, "es256"); named != es256 {
			t.Errorf("%s: read as ES256: %t", c.Name, es256)
		}
		if !es256 {
			// No ticket can be bound to it, and for any key that one can be bound to
			// it proves nothing.
			if err := pass.VerifyAssertion(rp, newWallet(t, "a").HolderKey(), challenge, a); !errors.Is(err, pass.ErrBadProof) && !errors.Is(err, pass.ErrUserNotVerified) {
				t.Errorf("%s: VerifyAssertion = %v, want a refusal", c.Name, err)
			}
			n["refused, not ES256"]++
			continue
		}
		checkKey(t, &c, holder)
		sum := sha256.Sum256(a.ClientDataJSON)
		raw := rawSignature(t, a)
		if !trust.VerifyCompressed(holder, append(bytes.Clone(a.AuthenticatorData), sum[:]...), raw[:]) {
			t.Errorf("%s: the signature alone does not verify", c.Name)
		}
		n["signatures verified"]++

		verified := a.AuthenticatorData[32]&4 != 0
		framed := bytes.Contains(a.ClientDataJSON, []byte(`"crossOrigin":true`))
		var want error
		kind := "accepted"
		switch {
		case framed && bytes.Contains(a.ClientDataJSON, []byte("topOrigin")):
			want, kind = pass.ErrBadProof, "refused, topOrigin"
		case framed:
			want, kind = pass.ErrBadProof, "refused, crossOrigin"
		case !verified:
			want, kind = pass.ErrUserNotVerified, "refused, user not verified"
		}
		err := pass.VerifyAssertion(rp, holder, challenge, a)
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%s: VerifyAssertion = %v, want %v", c.Name, err, want)
		}
		n[kind]++
		if err == nil {
			spoil(t, &c, rp, holder, challenge, a)
		}
	}
	t.Logf("%s: %d cases: %v", file, len(vectors), n)
	for _, must := range []string{
		"accepted", "refused, topOrigin", "refused, crossOrigin", "refused, user not verified", "refused, not ES256", "signatures verified",
	} {
		if n[must] == 0 {
			t.Errorf("%s: no case %q: a check that checked too little", file, must)
		}
	}
}

// checkKey sees to it that the key read from the registration is the vector's own.
func checkKey(t *testing.T, c *webauthnVector, holder ticket.HolderKey) {
	t.Helper()
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), fromHex(t, c.Reg.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(point[1:33], holder[1:]) || 2|point[64]&1 != holder[0] {
		t.Errorf("%s: key %x, the private key's is %x", c.Name, holder, point)
	}
}

// spoil changes each byte of an accepted assertion: none is free.
func spoil(t *testing.T, c *webauthnVector, rp ticket.RelyingParty, holder ticket.HolderKey, challenge []byte, a pass.Assertion) {
	t.Helper()
	for part, b := range map[string][]byte{"authenticator data": a.AuthenticatorData, "client data": a.ClientDataJSON, "signature": a.Signature} {
		for i := range b {
			b[i] ^= 1
			if pass.VerifyAssertion(rp, holder, challenge, a) == nil {
				t.Errorf("%s: accepted with byte %d of the %s changed", c.Name, i, part)
			}
			b[i] ^= 1
		}
	}
}
