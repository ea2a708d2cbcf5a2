package credential_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

func TestKeyDIDOfKnownKeys(t *testing.T) {
	// From the did:key specification: Ed25519 of the seed of zeroes; a P-256 key.
	ed, _ := hex.DecodeString("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29")
	x, _ := base64.RawURLEncoding.DecodeString("igrFmi0whuihKnj9R3Om1SoMph72wUGeFaBbzG2vzns")
	for _, c := range []struct {
		alg trust.Algorithm
		raw []byte
		did credential.DID
	}{
		{trust.EdDSA, ed, "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"},
		{trust.ES256, append([]byte{3}, x...), "did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"},
	} {
		k, err := trust.ParsePublicKey(c.alg, c.raw)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := credential.KeyDID(k); got != c.did || err != nil {
			t.Errorf("KeyDID(%s) = %s, %v, want %s", k, got, err, c.did)
		}
		if got, err := c.did.Key(); got != k || err != nil {
			t.Errorf("%s.Key() = %s, %v, want %s", c.did, got, err, k)
		}
	}
	if did, err := credential.KeyDID(trust.PublicKey{}); verdict(err) != "invalid" {
		t.Errorf("KeyDID of no key = %s, %v", did, err)
	}
}

func TestKeyOfOtherDIDs(t *testing.T) {
	good := string(newEd25519(t, "anybody").did)
	for _, did := range []string{
		"", "did:key:", "did:key:z", "did:key:z6Mk", "did:key:zDna", "did:key:z6Mk%%", "did:web:example.org", "key:" + good,
		good + "1", "did:key:z1" + good[len("did:key:z"):], good + "#" + good[len("did:key:"):], good + "?x", " " + good, good + "\n", strings.ToUpper(good),
		good[:len(good)-1], good[:len(good)-1] + "l", good[:len(good)-1] + "0", "did:key:f" + good[len("did:key:z"):], "did:key:z" + strings.Repeat("z", 5000), "did:key:z" + strings.Repeat("1", 48),
		"did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",    // secp256k1
		"did:key:z6LSeu9HkTHSfLLeUs2nnzUSNedgDUevfNQgQjQC23ZCit6F",     // X25519
		"did:key:z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJK", // P-384, cut
	} {
		if k, err := credential.DID(did).Key(); verdict(err) != "malformed" {
			t.Errorf("%.60q.Key() = %s, %v, want malformed", did, k, err)
		}
	}
}

// TestOneDIDForEachKey: of the texts that are one character off, none names the
// same key, and none that names a key names it in a second way.
func TestOneDIDForEachKey(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, p := range []party{newEd25519(t, "anybody"), newP256(t, "anybody")} {
		for range 2000 {
			b := []byte(p.did)
			b[r.IntN(len(b))] = byte(r.IntN(256))
			k, err := credential.DID(b).Key()
			if err != nil {
				continue
			}
			if back, err := credential.KeyDID(k); back != credential.DID(b) || err != nil {
				t.Fatalf("%q is read as the key of %s", b, back)
			}
		}
	}
}

// TestVectorsOfDIDKey reads the files of the did:key specification.
func TestVectorsOfDIDKey(t *testing.T) {
	dir := os.Getenv("VECTORS")
	if dir == "" {
		t.Skip("SKIPPED: no published did:key vectors were checked. Run: make vectors VECTORS=DIR")
	}
	n := 0
	for _, file := range []string{"ed25519-x25519.json", "nist-curves.json"} {
		raw, err := os.ReadFile(filepath.Join(dir, "didkey", file))
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]struct {
			Document struct {
				Methods []struct {
					JWK struct {
						X string `json:"x"`
					} `json:"publicKeyJwk"`
				} `json:"verificationMethod"`
			} `json:"didDocument"`
		}
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(err)
		}
		for did := range all {
			k, err := credential.DID(did).Key()
			known := strings.HasPrefix(did, "did:key:z6Mk") || strings.HasPrefix(did, "did:key:zDn")
			if known != (err == nil) {
				t.Errorf("%s: %v", did, err)
				continue
			}
			if !known {
				continue
			}
			n++
			if back, err := credential.KeyDID(k); string(back) != did || err != nil {
				t.Errorf("%s comes back as %s, %v", did, back, err)
			}
			if m := all[did].Document.Methods; len(m) > 0 && m[0].JWK.X != "" && k.Algorithm() == trust.ES256 {
				x, err := base64.RawURLEncoding.DecodeString(m[0].JWK.X)
				if err != nil || !slices.Equal(x, k.Bytes()[1:]) {
					t.Errorf("%s: x = %x, want %s", did, k.Bytes()[1:], m[0].JWK.X)
				}
			}
		}
	}
	if n < 4 {
		t.Errorf("only %d DIDs of our kinds in the files", n)
	}
}
