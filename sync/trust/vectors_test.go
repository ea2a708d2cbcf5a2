package trust_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/trust"
)

// vectors returns the directory of public test vectors, which is not part of this
// repository.
func vectors(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("VECTORS")
	if dir == "" {
		t.Skip("SKIPPED: no public vectors were checked. Run: make vectors VECTORS=DIR, where DIR holds " +
			"wycheproof_ed25519_test.json, wycheproof_ecdsa_secp256r1_sha256{,_p1363}_test.json and cose/")
	}
	return dir
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

// wycheproof is a file of project Wycheproof, of its signature verification tests.
type wycheproof struct {
	NumberOfTests int `json:"numberOfTests"`
	TestGroups    []struct {
		PublicKey struct {
			PK           string `json:"pk"`
			Curve        string `json:"curve"`
			Uncompressed string `json:"uncompressed"`
		} `json:"publicKey"`
		SHA   string `json:"sha"`
		Tests []struct {
			ID      int    `json:"tcId"`
			Comment string `json:"comment"`
			Msg     string `json:"msg"`
			Sig     string `json:"sig"`
			Result  string `json:"result"`
		} `json:"tests"`
	} `json:"testGroups"`
}

// tally counts what was asked and how it was answered.
type tally struct{ cases, accepted, refused, strictRefused int }

func (n tally) log(t *testing.T, file string) {
	t.Helper()
	t.Logf("%s: %d cases, %d accepted, %d refused; of the accepted the strict profile refuses %d", file, n.cases, n.accepted, n.refused, n.strictRefused)
}

// run asks verify about each test of a file. Strict is the profile's answer, which
// may refuse what is valid only for the reason that excuse gives.
func (w *wycheproof) run(t *testing.T, file string, key func(group int) trust.PublicKey,
	verify, strict func(k trust.PublicKey, msg, sig []byte) bool, excuse func(sig []byte) bool,
) tally {
	t.Helper()
	readJSON(t, filepath.Join(vectors(t), file), w)
	var n tally
	for i, g := range w.TestGroups {
		k := key(i)
		for _, c := range g.Tests {
			n.cases++
			msg, sig := unhex(t, c.Msg), unhex(t, c.Sig)
			if c.Result != "valid" && c.Result != "invalid" {
				t.Fatalf("%s, test %d: result %q is neither valid nor invalid", file, c.ID, c.Result)
			}
			got := verify(k, msg, sig)
			if got != (c.Result == "valid") {
				t.Errorf("%s, test %d (%s): verified %t, the vector says %s", file, c.ID, c.Comment, got, c.Result)
			}
			switch excused, s := got && excuse(sig), strict(k, msg, sig); {
			case s && (!got || excused), !s && got && !excused:
				t.Errorf("%s, test %d (%s): the strict profile says %t, verified %t, excused %t", file, c.ID, c.Comment, s, got, excused)
			case got && !s:
				n.strictRefused++
			}
			if got {
				n.accepted++
			} else {
				n.refused++
			}
		}
	}
	n.log(t, file)
	if n.cases == 0 || n.cases != w.NumberOfTests || n.accepted == 0 || n.refused == 0 {
		t.Errorf("%s: %d cases of %d, %d accepted, %d refused: a check that checked too little", file, n.cases, w.NumberOfTests, n.accepted, n.refused)
	}
	return n
}

// newP256 makes a key of an uncompressed point.
func newP256(t *testing.T, point []byte) trust.PublicKey {
	t.Helper()
	if len(point) != 65 || point[0] != 4 {
		t.Fatalf("point %x", point)
	}
	k, err := trust.ParsePublicKey(trust.ES256, append([]byte{2 | point[64]&1}, point[1:33]...))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func never([]byte) bool { return false }

// highS reports whether the s of r‖s is in the upper half of the order.
func highS(sig []byte) bool {
	// n/2 in hexadecimal (SEC 2, 2.4.2).
	const half = "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8"
	return len(sig) == 64 && hex.EncodeToString(sig[32:]) > half
}

func TestVectorsEd25519(t *testing.T) {
	var w wycheproof
	w.run(t, "wycheproof_ed25519_test.json", func(i int) trust.PublicKey {
		k, err := trust.ParsePublicKey(trust.EdDSA, unhex(t, w.TestGroups[i].PublicKey.PK))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}, trust.PublicKey.VerifyAnyS, trust.PublicKey.Verify, never)
}

func TestVectorsP1363(t *testing.T) {
	var w wycheproof
	n := w.run(t, "wycheproof_ecdsa_secp256r1_sha256_p1363_test.json",
		func(i int) trust.PublicKey { return newP256(t, unhex(t, w.TestGroups[i].PublicKey.Uncompressed)) },
		trust.PublicKey.VerifyAnyS,
		func(k trust.PublicKey, msg, sig []byte) bool {
			strict := k.Verify(msg, sig)
			if once := trust.VerifyCompressed([33]byte(k.Bytes()), msg, sig); once != strict {
				t.Errorf("Verify says %t, VerifyCompressed %t: message %x, signature %x", strict, once, msg, sig)
			}
			return strict
		}, highS)
	if n.strictRefused == 0 {
		t.Error("no vector has a high s: the strict profile was not shown to refuse one")
	}
}

// DER is read only on the way in, from authenticators and signing devices: there
// s is lowered, and then the strict profile must accept it.
func TestVectorsDER(t *testing.T) {
	var w wycheproof
	verify := func(k trust.PublicKey, msg, der []byte) bool {
		raw, err := trust.RawSignature(der)
		return err == nil && k.VerifyAnyS(msg, raw[:])
	}
	strict := func(k trust.PublicKey, msg, der []byte) bool {
		raw, err := trust.RawSignature(der)
		if err == nil && highS(raw[:]) {
			t.Errorf("RawSignature(%x) has a high s", der)
		}
		return err == nil && k.Verify(msg, raw[:])
	}
	w.run(t, "wycheproof_ecdsa_secp256r1_sha256_test.json",
		func(i int) trust.PublicKey { return newP256(t, unhex(t, w.TestGroups[i].PublicKey.Uncompressed)) },
		verify, strict, never)
}

// coseVector is a file of github.com/cose-wg/Examples.
type coseVector struct {
	Title string `json:"title"`
	Fail  bool   `json:"fail"`
	Input struct {
		Sign0 *coseSigner     `json:"sign0"`
		Sign  *coseSign       `json:"sign"`
		Mac0  json.RawMessage `json:"mac0"`
		Enc   json.RawMessage `json:"encrypted"`
	} `json:"input"`
	Intermediates struct {
		ToBeSigned string `json:"ToBeSign_hex"`
		Signers    []struct {
			ToBeSigned string `json:"ToBeSign_hex"`
		} `json:"signers"`
	} `json:"intermediates"`
	Output struct {
		CBOR string `json:"cbor"`
	} `json:"output"`
}

type coseSign struct {
	Signers []coseSigner `json:"signers"`
}

type coseSigner struct {
	Key      map[string]string `json:"key"`
	External string            `json:"external"`
}

// key returns the signer's key, if it is one of our two kinds.
func (s *coseSigner) key(t *testing.T) (trust.PublicKey, bool) {
	t.Helper()
	part := func(name string) []byte {
		if h, ok := s.Key[name+"_hex"]; ok {
			return unhex(t, h)
		}
		b, err := base64.RawURLEncoding.DecodeString(s.Key[name])
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	switch s.Key["crv"] {
	case "P-256":
		return newP256(t, append(append([]byte{4}, part("x")...), part("y")...)), true
	case "Ed25519":
		k, err := trust.ParsePublicKey(trust.EdDSA, part("x"))
		if err != nil {
			t.Fatal(err)
		}
		return k, true
	}
	return trust.PublicKey{}, false
}

// TestVectorsCOSE checks each file twice. Below: does the signature over the
// structure that the message itself makes verify as the file says, where the
// algorithm is one of ours? Above: the strict profile refuses every one of them,
// as all put the key id into the unprotected header or leave it out.
func TestVectorsCOSE(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectors(t), "cose", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in cose/: %v", err)
	}
	kinds := map[string]int{}
	for _, file := range files {
		var c coseVector
		readJSON(t, file, &c)
		name := filepath.Base(file)
		data := unhex(t, c.Output.CBOR)
		if m, err := trust.ParseSign1(data); err == nil {
			t.Errorf("%s: the strict profile reads it: %+v", name, m)
		}
		if l, err := (trust.Anchor{Threshold: 1, Roots: []trust.PublicKey{someKey(t)}}).Open(data, someTime); err == nil {
			t.Errorf("%s: the strict profile reads it as a trust list: %+v", name, l)
		}
		switch {
		case c.Input.Sign0 != nil:
			kinds[checkCOSE(t, name, &c, c.Input.Sign0, data)]++
		case c.Input.Sign != nil && len(c.Input.Sign.Signers) == 1:
			kinds[checkCOSE(t, name, &c, &c.Input.Sign.Signers[0], data)]++
		case c.Input.Mac0 != nil:
			kinds["COSE_Mac0, refused"]++
		case c.Input.Enc != nil:
			kinds["COSE_Encrypt0, refused"]++
		default:
			t.Errorf("%s: of no kind that this test knows", name)
		}
	}
	total := 0
	for kind, n := range kinds {
		t.Logf("cose/: %d × %s", n, kind)
		total += n
	}
	t.Logf("cose/: %d files, all %d refused by the strict profile", total, len(files))
	for _, must := range []string{"COSE_Sign1, verified", "COSE_Sign, verified", "COSE_Sign1, refused as it should be", "algorithm or curve that is not ours, refused"} {
		if kinds[must] == 0 {
			t.Errorf("no file of kind %q: a check that checked too little", must)
		}
	}
	if total != len(files) {
		t.Errorf("%d of %d files counted", total, len(files))
	}
}

// checkCOSE verifies the one signature of a file with the loose reader below, and
// returns how that came out.
func checkCOSE(t *testing.T, name string, c *coseVector, signer *coseSigner, data []byte) string {
	t.Helper()
	kind := "COSE_Sign1"
	tbs := c.Intermediates.ToBeSigned
	if c.Input.Sign != nil {
		kind, tbs = "COSE_Sign", c.Intermediates.Signers[0].ToBeSigned
	}
	key, ours := signer.key(t)
	m, err := looseParse(data, unhex(t, signer.External))
	if err != nil || !ours || m.algorithm != key.Algorithm() {
		if !c.Fail && ours && err != nil {
			t.Errorf("%s: the loose reader cannot read it: %v", name, err)
		}
		if c.Fail {
			return kind + ", refused as it should be"
		}
		return "algorithm or curve that is not ours, refused"
	}
	verified := key.VerifyAnyS(m.toBeSigned, m.signature)
	if verified == c.Fail {
		t.Errorf("%s (%s): verified %t, the file says fail %t", name, c.Title, verified, c.Fail)
	}
	if !c.Fail && !strings.EqualFold(tbs, hex.EncodeToString(m.toBeSigned)) {
		t.Errorf("%s: signed structure\n%x, the file says\n%s", name, m.toBeSigned, tbs)
	}
	if bytes.Contains(m.protected, []byte{0x04, 0x48}) {
		t.Errorf("%s: has our protected key id", name)
	}
	if verified {
		return kind + ", verified"
	}
	return kind + ", refused as it should be"
}
