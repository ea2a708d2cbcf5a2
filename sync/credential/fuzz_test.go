package credential_test

import (
	"context"
	"testing"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

func FuzzCredential(f *testing.F) {
	issuer, holder := newEd25519(f, "registrar"), newP256(f, "holder")
	v := verifierOf(f, issuer)
	good := issue(f, issuer, staffOf(holder))
	f.Add(good)
	f.Add(issue(f, issuer, ageOf(holder)))
	f.Add(rawJWS(f, issuer, m{"alg": "EdDSA", "kid": string(issuer.did)}, m{"iss": issuer.did}))
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add(`{"proof":[{}]}`)
	f.Fuzz(func(t *testing.T, jwt string) {
		c, err := v.Credential(context.Background(), jwt, someTime)
		if (err == nil) != (verdict(err) == "ok") || verdict(err) == "another error" {
			t.Errorf("%q: %v", jwt, err)
		}
		// Nobody but the issuer can make another credential.
		if c != nil && jwt != good && c.ID != ageOf(holder).ID {
			t.Errorf("%q is believed", jwt)
		}
	})
}

// FuzzClaims signs whatever the fuzzer thinks of: the payload of a malicious
// issuer, which aries gets to see if the fence lets it through.
func FuzzClaims(f *testing.F) {
	issuer, holder := newEd25519(f, "registrar"), newP256(f, "holder")
	v := verifierOf(f, issuer)
	for _, c := range []credential.Credential{staffOf(holder), ageOf(holder), familyOf(holder, issuer)} {
		c.Status = &credential.StatusRef{List: someList, Index: 7}
		f.Add(jsonOf(f, claimsOf(f, issue(f, issuer, c))))
	}
	f.Add(`{"iss":"x","vc":null}`)
	f.Fuzz(func(t *testing.T, payload string) {
		c, err := v.Credential(context.Background(), rawJWS(t, issuer, headerOf(issuer), []byte(payload)), someTime)
		switch verdict(err) {
		case "ok", "expired", "status_unknown":
			if c.Issuer != issuer.did || c.ID == "" {
				t.Errorf("%q is read as %+v", payload, c)
			}
		case "malformed", "issuer":
		default:
			t.Errorf("%q: %v", payload, err)
		}
		if isPanic(err) {
			t.Errorf("%q reached aries, which panicked: %v", payload, err)
		}
	})
}

func FuzzPresentation(f *testing.F) {
	issuer, holder := newEd25519(f, "registrar"), newP256(f, "holder")
	v := verifierOf(f, issuer)
	good := issue(f, issuer, staffOf(holder))
	f.Add(jsonOf(f, claimsOf(f, present(f, holder, good))))
	f.Add(`{"vp":{}}`)
	f.Fuzz(func(t *testing.T, payload string) {
		p, err := v.Presentation(context.Background(), rawJWS(t, holder, headerOf(holder), []byte(payload)), wanted, someTime)
		if verdict(err) == "another error" || isPanic(err) {
			t.Errorf("%q: %v", payload, err)
		}
		if err == nil && (p.Holder != holder.did || len(p.Credentials) == 0) {
			t.Errorf("%q is read as %+v", payload, p)
		}
	})
}

func FuzzStatusList(f *testing.F) {
	issuer := newEd25519(f, "registrar")
	v := verifierOf(f, issuer)
	f.Add(jsonOf(f, claimsOf(f, listOf(f, issuer, 5))))
	f.Fuzz(func(t *testing.T, payload string) {
		l, err := v.StatusList(context.Background(), []byte(rawJWS(t, issuer, headerOf(issuer), []byte(payload))), someList, someTime)
		if verdict(err) == "another error" || isPanic(err) {
			t.Errorf("%q: %v", payload, err)
		}
		if err == nil && l.Len() < credential.StatusBits {
			t.Errorf("%q is read as %d entries", payload, l.Len())
		}
	})
}

func FuzzDocument(f *testing.F) {
	doc, err := credential.WebDocument(someWeb, newEd25519(f, "registrar").Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(doc)
	f.Add([]byte(`{"id":"did:web:registrar.example","verificationMethod":[{"publicKeyJwk":{"kty":"EC","crv":"P-256","x":"","y":""}}],"assertionMethod":[]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		_, err := credential.New(context.Background(), credential.Config{Issuers: []trust.Issuer{webIssuer(t, doc)}})
		_ = err // no panic, no hang
	})
}

func FuzzDID(f *testing.F) {
	f.Add(string(newEd25519(f, "anybody").did))
	f.Add(string(newP256(f, "anybody").did))
	f.Fuzz(func(t *testing.T, did string) {
		k, err := credential.DID(did).Key()
		if err != nil {
			return
		}
		if back, err := credential.KeyDID(k); string(back) != did || err != nil {
			t.Errorf("%q is the key of %q, %v", did, back, err)
		}
	})
}

func FuzzPack(f *testing.F) {
	for _, vp := range typical(f) {
		f.Add(vp)
	}
	f.Fuzz(func(t *testing.T, vp string) {
		packed, err := credential.Pack(vp)
		if err != nil {
			return
		}
		if back, err := credential.Unpack(packed); back != vp || err != nil {
			t.Errorf("%q comes back as %q, %v", vp, back, err)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	for _, vp := range typical(f) {
		packed, err := credential.Pack(vp)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := credential.Unpack(data)
		if err != nil {
			if verdict(err) != "malformed" {
				t.Errorf("%x: %v", data, err)
			}
			return
		}
		if len(text) > credential.MaxPresentation {
			t.Errorf("%x: unpacked to %d bytes", data, len(text))
		}
	})
}
