package credential_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hyperledger/aries-framework-go/component/models/ld/context/embed"
	"github.com/hyperledger/aries-framework-go/component/models/ld/processor"
	"github.com/hyperledger/aries-framework-go/component/models/signature/suite"
	"github.com/hyperledger/aries-framework-go/component/models/signature/suite/ed25519signature2020"
	sig "github.com/hyperledger/aries-framework-go/component/models/signature/verifier"
	utiltime "github.com/hyperledger/aries-framework-go/component/models/util/time"
	"github.com/hyperledger/aries-framework-go/component/models/verifiable"
	"github.com/piprate/json-gold/ld"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

// fetchAny resolves the did:key of whoever signed: what an application that trusts
// aries would hand to it.
func fetchAny(did, _ string) (*sig.PublicKey, error) {
	k, err := credential.DID(did).Key()
	if err != nil {
		return nil, err
	}
	if k.Algorithm() == trust.EdDSA {
		return &sig.PublicKey{Type: "Ed25519VerificationKey2018", Value: k.Bytes()}, nil
	}
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), k.Bytes())
	return &sig.PublicKey{Type: "JsonWebKey2020", Value: elliptic.Marshal(elliptic.P256(), x, y)}, nil //nolint:staticcheck // the form that aries reads
}

// memory loads the contexts that aries carries.
type memory struct{}

func (memory) LoadDocument(u string) (*ld.RemoteDocument, error) {
	for _, d := range embed.Contexts {
		if d.URL == u {
			doc, err := ld.DocumentFromReader(bytes.NewReader(d.Content))
			return &ld.RemoteDocument{DocumentURL: u, Document: doc}, err
		}
	}
	return nil, fmt.Errorf("no document %s", u)
}

// aries is what aries says of text by itself, as its documentation shows it used
// and with every option that our use has. It returns "accepts", "refuses" or "panics".
func aries(text string, presentation bool) (says string, err error) {
	defer func() {
		if r := recover(); r != nil {
			says, err = "panics", fmt.Errorf("%v", r)
		}
	}()
	if presentation {
		_, err = verifiable.ParsePresentation([]byte(text), verifiable.WithPresPublicKeyFetcher(fetchAny), verifiable.WithPresJSONLDDocumentLoader(memory{}))
	} else {
		_, err = verifiable.ParseCredential([]byte(text), verifiable.WithPublicKeyFetcher(fetchAny), verifiable.WithJSONLDDocumentLoader(memory{}), verifiable.WithNoCustomSchemaCheck())
	}
	if err != nil {
		return "refuses", err
	}
	return "accepts", nil
}

// ldSigned is a plain JSON credential of issuer about subject, with a linked data
// proof by signer.
func ldSigned(t testing.TB, issuer credential.DID, subject credential.DID, signer party) string {
	t.Helper()
	c := plain(issuer, subject)
	c.Context = append(c.Context, "https://w3id.org/security/suites/ed25519-2020/v1")
	err := c.AddLinkedDataProof(&verifiable.LinkedDataProofContext{
		SignatureType: "Ed25519Signature2020", SignatureRepresentation: verifiable.SignatureProofValue,
		Suite: ed25519signature2020.New(suite.WithSigner(ariesSigner{signer})), VerificationMethod: signer.kid(), Purpose: "assertionMethod",
	}, processor.WithDocumentLoader(memory{}))
	if err != nil {
		t.Fatal(err)
	}
	return jsonOf(t, c)
}

type ariesSigner struct{ party }

func (s ariesSigner) Alg() string { return "EdDSA" }

// plain is a credential in the model of aries that needs no context but the first.
func plain(issuer, subject credential.DID) *verifiable.Credential {
	return &verifiable.Credential{
		Context: []string{"https://www.w3.org/2018/credentials/v1"},
		ID:      "urn:uuid:3978344f-8596-4c3a-a978-8fcaba3903c5",
		Types:   []string{"VerifiableCredential"},
		Subject: verifiable.Subject{ID: string(subject)},
		Issuer:  verifiable.Issuer{ID: string(issuer)},
		Issued:  utiltime.NewTime(someTime.Add(-time.Hour)),
		Expired: utiltime.NewTime(someTime.Add(24 * time.Hour)),
	}
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestAriesPanicsBecomeErrors: should an input that aries panics on ever pass the
// fence, a gate still stands.
func TestAriesPanicsBecomeErrors(t *testing.T) {
	for _, presentation := range []bool{false, true} {
		p := newEd25519(t, "anybody")
		text := rawJWS(t, p, m{"alg": "EdDSA", "kid": string(p.did)}, m{"iss": p.did})
		if says, _ := aries(text, presentation); says != "panics" {
			t.Fatalf("aries %s it: this test shows nothing", says)
		}
		if err := credential.AriesUnfenced(text, presentation); !errors.Is(err, credential.ErrMalformed) {
			t.Errorf("presentation %t: got %v, want %v", presentation, err, credential.ErrMalformed)
		}
	}
}

// TestTwoReadings: should aries ever read another credential than we do, neither
// reading is believed.
func TestTwoReadings(t *testing.T) {
	p, holder := newEd25519(t, "registrar"), newP256(t, "holder")
	c := staffOf(holder)
	jwt := issue(t, p, c)
	for name, x := range map[string]struct {
		id     string
		issuer credential.DID
		vcType string
		want   string
	}{
		"the same":       {c.ID, p.did, "StaffCredential", "ok"},
		"another id":     {"urn:x", p.did, "StaffCredential", "malformed"},
		"another issuer": {c.ID, holder.did, "StaffCredential", "malformed"},
		"another type":   {c.ID, p.did, "AgeCredential", "malformed"},
	} {
		if err := credential.AriesReads(jwt, p.kid(), p.Public(), x.id, x.issuer, x.vcType); verdict(err) != x.want {
			t.Errorf("%s: %v, want %s", name, err, x.want)
		}
	}
	if err := credential.AriesReads(jwt, "another", p.Public(), c.ID, p.did, "StaffCredential"); verdict(err) != "bad_signature" {
		t.Errorf("a key that was not resolved: %v, want bad_signature", err)
	}
}
