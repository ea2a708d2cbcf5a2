package credential_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

const someWeb = credential.DID("did:web:registrar.example")

func webIssuer(t testing.TB, document []byte) trust.Issuer {
	t.Helper()
	return trust.Issuer{DID: string(someWeb), Name: "Registrar", Document: document, Accepts: []string{"staff"}}
}

// someDocument is that of someWeb.
func someDocument(t testing.TB) []byte {
	t.Helper()
	doc, err := credential.WebDocument(someWeb, newEd25519(t, "registrar").Public())
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestWebIssuer(t *testing.T) {
	holder := newP256(t, "holder")
	for _, key := range []party{newEd25519(t, "registrar"), newP256(t, "registrar")} {
		doc, err := credential.WebDocument(someWeb, key.Public())
		if err != nil {
			t.Fatal(err)
		}
		v := newVerifier(t, credential.Config{Issuers: []trust.Issuer{webIssuer(t, doc)}})
		c := staffOf(holder)
		c.Issuer = someWeb
		jwt := issue(t, key, c)
		got, err := v.Credential(context.Background(), jwt, someTime)
		if err != nil || got.Issuer != someWeb {
			t.Errorf("%s: got %v, %v", key.Public(), got, err)
		}
		if p, err := v.Presentation(context.Background(), present(t, holder, jwt), wanted, someTime); err != nil || len(p.Credentials) != 1 {
			t.Errorf("%s: presentation %v, %v", key.Public(), p, err)
		}
		// Another key may not speak for the domain, nor the key for its own did:key.
		for name, bad := range map[string]string{
			"bad_signature": issue(t, newEd25519(t, "thief"), c),
			"issuer":        issue(t, key, staffOf(holder)),
		} {
			if _, err := v.Credential(context.Background(), bad, someTime); verdict(err) != name {
				t.Errorf("%s: got %v, want %s", key.Public(), err, name)
			}
		}
	}
}

func TestDocumentsOfOthers(t *testing.T) {
	key, holder := newP256(t, "registrar"), newP256(t, "holder")
	multibase := strings.TrimPrefix(string(key.did), "did:key:")
	x, y := coordinates(t, key)
	jwk := m{"kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig"}
	type set struct {
		member string
		value  any
	}
	doc := func(change ...set) []byte {
		d := m{
			"@context": []any{"https://www.w3.org/ns/did/v1", m{"x": "y"}}, "id": someWeb, "service": []any{m{"type": "LinkedDomains"}},
			"verificationMethod": []any{
				m{"id": string(someWeb) + "#old", "type": "RsaVerificationKey2018", "controller": someWeb, "publicKeyPem": "x"},
				m{"id": string(someWeb) + "#key-1", "type": "JsonWebKey2020", "controller": someWeb, "publicKeyJwk": jwk},
			},
			"assertionMethod": []any{string(someWeb) + "#old", string(someWeb) + "#key-1"},
		}
		for _, c := range change {
			d = with(t, d, c.member, c.value)
		}
		return []byte(jsonOf(t, d))
	}
	method := func(member string, value any) []any {
		return []any{with(t, m{"id": string(someWeb) + "#key-1", "type": "JsonWebKey2020", "controller": string(someWeb), "publicKeyJwk": jwk}, member, value)}
	}
	others := func(n int) []any {
		all := make([]any, n)
		for i := range all {
			all[i] = m{"id": "#x", "type": "RsaVerificationKey2018", "controller": someWeb}
		}
		return all
	}
	ed := newEd25519(t, "registrar")
	okp := m{"kty": "OKP", "crv": "Ed25519", "x": b64(t, ed.Public().Bytes())}
	c := staffOf(holder)
	c.Issuer = someWeb
	for name, x := range map[string]struct {
		document []byte
		want     string // of New, or of a credential of key
	}{
		"a JWK":                         {doc(), "ok"},
		"multibase":                     {doc(set{"verificationMethod", []any{m{"id": "#key-1", "type": "Multikey", "controller": someWeb, "publicKeyMultibase": multibase}}}), "ok"},
		"relative references":           {doc(set{"assertionMethod", []any{"#key-1"}}), "ok"},
		"an embedded method beside it":  {doc(set{"assertionMethod", []any{m{"id": "x"}, "#key-1"}}), "ok"},
		"another's document":            {doc(set{"id", "did:web:other.example"}), "malformed"},
		"no id":                         {doc(set{"id", nil}), "malformed"},
		"a key for another purpose":     {doc(set{"assertionMethod", []any{string(someWeb) + "#old"}}), "malformed"},
		"no purposes":                   {doc(set{"assertionMethod", nil}), "malformed"},
		"no methods":                    {doc(set{"verificationMethod", nil}), "malformed"},
		"methods that are no list":      {doc(set{"verificationMethod", "x"}), "malformed"},
		"a key of another controller":   {doc(set{"verificationMethod", method("controller", "did:web:other.example")}), "malformed"},
		"a key of another document":     {doc(set{"verificationMethod", method("id", "did:web:other.example#key-1")}, set{"assertionMethod", []any{"did:web:other.example#key-1"}}), "malformed"},
		"one id for two keys":           {doc(set{"verificationMethod", append(method("x", 1), method("publicKeyJwk", okp)...)}), "malformed"},
		"a point that is off the curve": {doc(set{"verificationMethod", method("publicKeyJwk", with(t, jwk, "y", x))}), "malformed"},
		"a key of another type":         {doc(set{"verificationMethod", method("publicKeyJwk", with(t, jwk, "kty", "oct"))}), "malformed"},
		"a short key":                   {doc(set{"verificationMethod", method("publicKeyJwk", with(t, okp, "x", "AAAA"))}), "malformed"},
		"the key of another algorithm":  {doc(set{"verificationMethod", method("publicKeyJwk", okp)}), "bad_signature"},
		"deep nesting":                  {[]byte(strings.Replace(string(doc()), `"id"`, `"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`,"id"`, 1)), "malformed"},
		"a member twice":                {[]byte(strings.Replace(string(doc()), `"id"`, `"id":"x","id"`, 1)), "malformed"},
		"not JSON":                      {[]byte("<html>"), "malformed"},
		"as many methods as may be":     {doc(set{"verificationMethod", append(others(15), method("x", "y")...)}), "ok"},
		"too many methods":              {doc(set{"verificationMethod", append(others(16), method("x", "y")...)}), "malformed"},
	} {
		v, err := credential.New(context.Background(), credential.Config{Issuers: []trust.Issuer{webIssuer(t, x.document)}})
		if err == nil {
			_, err = v.Credential(context.Background(), issue(t, key, c), someTime)
		}
		if verdict(err) != x.want {
			t.Errorf("%s: %v, want %s", name, err, x.want)
		}
	}
}

func TestNamesOfWebIssuers(t *testing.T) {
	key := newEd25519(t, "registrar").Public()
	for did, want := range map[credential.DID]string{
		"did:web:example.org": "ok", "did:web:example.org%3A8443": "ok", "did:web:example.org:registrar:seoul": "ok", "did:web:localhost%3A8080": "ok",
		"did:web:": "malformed", "did:web:example.org:": "malformed", "did:web::x": "malformed", "did:web:example.org/x": "malformed", "did:web:example.org%2Fx": "malformed",
		"did:web:..": "malformed", "did:web:example.org:..": "malformed", "did:web:example.org#key-1": "malformed", "did:web:exämple.org": "malformed", "did:key:z6Mk": "malformed", "": "malformed",
		credential.DID("did:web:" + strings.Repeat("x", 300)): "malformed",
	} {
		if _, err := credential.WebDocument(did, key); verdict(err) != want {
			t.Errorf("%.60q: %v, want %s", did, err, want)
		}
	}
}

func TestNewRefusesBadIssuers(t *testing.T) {
	for name, in := range map[string]trust.Issuer{
		"a key of another kind":          {DID: "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme", Name: "x", Accepts: []string{"age"}},
		"a did:web of no document":       {DID: string(someWeb), Name: "x", Accepts: []string{"age"}},
		"another method":                 {DID: "did:ion:x", Name: "x", Accepts: []string{"age"}},
		"a path that is not a did:web's": {DID: "did:web:theatre.example/x", Name: "x", Document: []byte(strings.ReplaceAll(string(someDocument(t)), string(someWeb), "did:web:theatre.example/x")), Accepts: []string{"age"}},
		"a document of another DID":      {DID: "did:web:other.example", Name: "x", Document: []byte(`{"id":"did:web:example.org"}`), Accepts: []string{"age"}},
	} {
		if v, err := credential.New(context.Background(), credential.Config{Issuers: []trust.Issuer{in}}); err == nil {
			t.Errorf("%s: New = %v", name, v)
		} else if !errors.Is(err, trust.ErrInvalid) && !errors.Is(err, credential.ErrMalformed) {
			t.Errorf("%s: %v wraps nothing", name, err)
		}
	}
	if _, err := credential.New(context.Background(), credential.Config{StaleStatus: -1}); verdict(err) != "invalid" {
		t.Errorf("negative age: %v", err)
	}
}
