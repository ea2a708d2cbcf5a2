package credential_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

var update = flag.Bool("update", false, "write testdata/credential/credentials.json anew")

var goldenFile = filepath.Join("..", "..", "testdata", "credential", "credentials.json")

// golden is testdata/credential/credentials.json: what other implementations of a
// wallet, a registrar or a verifier are held to.
type golden struct {
	About         string               `json:"about"`
	Parties       []goldenParty        `json:"parties"`
	Issuers       []goldenIssuer       `json:"issuers"`
	Statuses      []goldenStatus       `json:"statuses"`
	Credentials   []goldenCredential   `json:"credentials"`
	Presentations []goldenPresentation `json:"presentations"`
}

// goldenParty has a key that anybody may know.
type goldenParty struct {
	Name    string         `json:"name"`
	DID     credential.DID `json:"did"`
	KeyID   string         `json:"kid"`
	Alg     string         `json:"alg"`
	Public  string         `json:"public_hex"`  // 32 bytes of Ed25519, or a compressed point
	Private string         `json:"private_hex"` // the seed of Ed25519, or the scalar
}

type goldenIssuer struct {
	DID      string   `json:"did"`
	Name     string   `json:"name"`
	Accepts  []string `json:"accepts"`
	Document string   `json:"document,omitempty"`
}

type goldenStatus struct {
	URL string `json:"url"`
	JWT string `json:"jwt"`
}

type goldenCredential struct {
	Name    string `json:"name"`
	JWT     string `json:"jwt"`
	At      int64  `json:"at"` // Unix seconds
	Verdict string `json:"verdict"`
	Type    string `json:"type,omitempty"`
}

type goldenPresentation struct {
	Name     string `json:"name"`
	Audience string `json:"audience"`
	Nonce    string `json:"nonce"`
	At       int64  `json:"at"`
	Verdict  string `json:"verdict"`
	// SigningInput is what the holder signs; VP is it with one such signature.
	SigningInput string `json:"signing_input"`
	VP           string `json:"vp"`
	// Packed is one packing of VP. Deflaters differ: another may be as good, but it
	// must inflate to Plain.
	Packed string `json:"packed_hex"`
	Plain  string `json:"plain_hex"`
}

// makeGolden makes everything but what depends on a deflater.
func makeGolden(t *testing.T) golden {
	registrar, holder := newEd25519(t, "golden registrar"), newP256(t, "golden holder")
	theatre, relative, stranger := newP256(t, "golden theatre"), newP256(t, "golden relative"), newEd25519(t, "golden stranger")
	document, err := credential.WebDocument(someWeb, theatre.Public())
	if err != nil {
		t.Fatal(err)
	}
	g := golden{
		About: "Credentials and presentations with their keys, times and verdicts. Made by: go test ./sync/credential -run Golden -update. The private keys are no secrets.",
		Issuers: []goldenIssuer{
			{DID: string(registrar.did), Name: "Family Registrar", Accepts: []string{"age", "family"}},
			{DID: string(someWeb), Name: "Theatre", Accepts: []string{"staff"}, Document: string(document)},
		},
		Statuses: []goldenStatus{{URL: someList, JWT: listOf(t, registrar, 13)}},
	}
	for _, p := range []struct {
		name string
		party
	}{{"registrar", registrar}, {"theatre", theatre}, {"holder", holder}, {"relative", relative}, {"stranger", stranger}} {
		g.Parties = append(g.Parties, goldenParty{
			Name: p.name, DID: p.did, KeyID: p.kid(), Alg: p.Public().Algorithm().String(),
			Public: hex.EncodeToString(p.Public().Bytes()), Private: hex.EncodeToString(privateOf(t, p.party)),
		})
	}

	staff, family, age := staffOf(holder), familyOf(holder, relative), ageOf(holder)
	staff.Issuer = someWeb
	family.Status = &credential.StatusRef{List: someList, Index: 4711}
	revoked, unknown, expired := family, family, age
	revoked.Status = &credential.StatusRef{List: someList, Index: 13}
	unknown.Status = &credential.StatusRef{List: "https://registrar.example/status/2.jwt", Index: 1}
	expired.Issued, expired.Expires = someTime.Add(-48*time.Hour), someTime.Add(-time.Hour)
	jwts := map[string]string{}
	add := func(name, jwt, verdict string, kind credential.Type) {
		jwts[name] = jwt
		g.Credentials = append(g.Credentials, goldenCredential{Name: name, JWT: jwt, At: someTime.Unix(), Verdict: verdict, Type: string(kind)})
	}
	add("staff", issue(t, theatre, staff), "ok", credential.Staff)
	add("family", issue(t, registrar, family), "ok", credential.Family)
	add("age", issue(t, registrar, age), "ok", credential.Age)
	add("age of a stranger", issue(t, stranger, age), "issuer", "")
	add("staff of the registrar", issue(t, registrar, staffOf(holder)), "issuer", "")
	add("expired", issue(t, registrar, expired), "expired", credential.Age)
	add("revoked", issue(t, registrar, revoked), "revoked", credential.Family)
	add("status_unknown", issue(t, registrar, unknown), "status_unknown", credential.Family)
	add("signed by another key", rawJWS(t, stranger, headerOf(stranger), []byte(jsonOf(t, claimsOf(t, jwts["age"])))), "bad_signature", "")
	add("alg none", b64(t, m{"alg": "none"})+"."+b64(t, claimsOf(t, jwts["age"]))+".", "malformed", "")

	show := func(name string, by party, verdict, audience, nonce string, names ...string) {
		var shown []string
		for _, n := range names {
			shown = append(shown, jwts[n])
		}
		vp, err := credential.Present(by, shown, audience, nonce, someTime, 2*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		g.Presentations = append(g.Presentations, goldenPresentation{
			Name: name, Audience: someAudience, Nonce: someNonce, At: someTime.Unix(), Verdict: verdict,
			SigningInput: vp[:bytes.LastIndexByte([]byte(vp), '.')], VP: vp,
		})
	}
	show("staff", holder, "ok", someAudience, someNonce, "staff")
	show("family", holder, "ok", someAudience, someNonce, "family")
	show("family and age", holder, "ok", someAudience, someNonce, "family", "age")
	show("for another gate", holder, "audience", "conting:gate:gate-8", someNonce, "staff")
	show("for another nonce", holder, "nonce", someAudience, "CTN1:ANOTHER", "staff")
	show("stolen", relative, "subject", someAudience, someNonce, "staff")
	show("with a revoked credential", holder, "revoked", someAudience, someNonce, "age", "revoked")
	show("with an expired credential", holder, "expired", someAudience, someNonce, "expired")
	show("with a stranger's credential", holder, "issuer", someAudience, someNonce, "age of a stranger")
	show("around alg none", holder, "malformed", someAudience, someNonce, "alg none")
	return g
}

func TestGolden(t *testing.T) {
	made := makeGolden(t)
	if *update {
		for i := range made.Presentations {
			p := &made.Presentations[i]
			packed, err := credential.Pack(p.VP)
			if err != nil {
				t.Fatal(err)
			}
			p.Packed, p.Plain = hex.EncodeToString(packed), hex.EncodeToString(plainOf(t, packed))
		}
		writeGolden(t, made)
	}
	raw, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	compareGolden(t, g, made)
	judgeGolden(t, g)
}

// compareGolden: what is in the file is what would be written today.
func compareGolden(t *testing.T, g, made golden) {
	t.Helper()
	for i := range made.Presentations {
		if i < len(g.Presentations) {
			made.Presentations[i].Packed, made.Presentations[i].Plain = g.Presentations[i].Packed, g.Presentations[i].Plain
		}
	}
	for i := range made.Statuses {
		if i < len(g.Statuses) {
			made.Statuses[i].JWT = g.Statuses[i].JWT
		}
	}
	if got, want := jsonOf(t, made), jsonOf(t, g); got != want {
		t.Errorf("%s is not what is made now (run with -update)", goldenFile)
	}
}

// judgeGolden: every verdict is the one in the file.
func judgeGolden(t *testing.T, g golden) {
	t.Helper()
	cfg := credential.Config{Statuses: func(url string) ([]byte, bool) {
		for _, s := range g.Statuses {
			if s.URL == url {
				return []byte(s.JWT), true
			}
		}
		return nil, false
	}}
	for _, i := range g.Issuers {
		in := trust.Issuer{DID: i.DID, Name: i.Name, Accepts: i.Accepts}
		if i.Document != "" {
			in.Document = []byte(i.Document)
		}
		cfg.Issuers = append(cfg.Issuers, in)
	}
	v := newVerifier(t, cfg)
	for _, c := range g.Credentials {
		got, err := v.Credential(context.Background(), c.JWT, time.Unix(c.At, 0))
		if verdict(err) != c.Verdict || (got == nil) != (c.Type == "") || got != nil && string(got.Type) != c.Type {
			t.Errorf("credential %q: %v, %v, want %s of type %q", c.Name, got, err, c.Verdict, c.Type)
		}
	}
	for _, p := range g.Presentations {
		packed, err := hex.DecodeString(p.Packed)
		if err != nil {
			t.Fatal(err)
		}
		if vp, err := credential.Unpack(packed); vp != p.VP || err != nil {
			t.Errorf("presentation %q unpacks to %q, %v", p.Name, vp, err)
		}
		if again, err := credential.Pack(p.VP); err != nil || hex.EncodeToString(plainOf(t, again)) != p.Plain {
			t.Errorf("presentation %q packs to %x, %v", p.Name, again, err)
		}
		_, err = v.Presentation(context.Background(), p.VP, credential.Want{Audience: p.Audience, Nonce: p.Nonce}, time.Unix(p.At, 0))
		if verdict(err) != p.Verdict {
			t.Errorf("presentation %q: %v, want %s", p.Name, err, p.Verdict)
		}
	}
}

// plainOf inflates the stream in a packed presentation.
func plainOf(t testing.TB, packed []byte) []byte {
	t.Helper()
	return inflated(t, packed[2+64*(1+int(packed[1])):])
}

func writeGolden(t *testing.T, g golden) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(g); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(goldenFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(goldenFile, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
