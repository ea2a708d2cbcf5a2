package credential_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperledger/aries-framework-go/component/models/verifiable"

	"github.com/con-ting/conting/sync/credential"
)

// trap is an input that aries alone gets wrong. A test of it shows two things:
// that the trap is still there, so that the test would fail without the fence, and
// that the fence refuses the input, before aries has seen it if aries would panic.
type trap struct {
	text         string
	presentation bool
	aries        string // "accepts" or "panics"
	want         string // our verdict
}

func (x trap) run(t *testing.T, v *credential.Verifier) {
	t.Helper()
	if says, err := aries(x.text, x.presentation); says != x.aries {
		t.Errorf("aries alone %s (%v), the trap is that it %s", says, err, x.aries)
	}
	var err error
	if x.presentation {
		_, err = v.Presentation(context.Background(), x.text, wanted, someTime)
	} else {
		_, err = v.Credential(context.Background(), x.text, someTime)
	}
	if verdict(err) != x.want {
		t.Errorf("we say %v, want %s", err, x.want)
	}
	if isPanic(err) {
		t.Errorf("it passed the fence: %v", err)
	}
}

func TestTrapsOfUnsignedThings(t *testing.T) {
	issuer, holder := newEd25519(t, "registrar"), newP256(t, "holder")
	v := verifierOf(t, issuer)
	good := issue(t, issuer, ageOf(holder))
	none := b64(t, m{"alg": "none"}) + "." + strings.Split(good, ".")[1] + "."
	vp := present(t, holder, good)
	claims := claimsOf(t, vp)
	around := func(shown any) string {
		return rawJWS(t, holder, headerOf(holder), with(t, claims, "vp.verifiableCredential", []any{shown}))
	}
	// aries reads the claims of an unsecured credential against its contexts, so
	// these have no type of ours.
	bare := claimsOf(t, good)
	bare = with(t, bare, "vc.type", []string{"VerifiableCredential"})
	bare = with(t, bare, "vc.credentialSubject", m{"id": holder.did})
	bareNone := b64(t, m{"alg": "none"}) + "." + b64(t, bare) + "."
	object := claimsOf(t, "."+b64(t, plain(issuer.did, holder.did))+".")

	for name, x := range map[string]trap{
		"alg none":                       {bareNone, false, "accepts", "malformed"},
		"plain JSON without a proof":     {jsonOf(t, plain(issuer.did, holder.did)), false, "accepts", "malformed"},
		"presentation with alg none":     {b64(t, m{"alg": "none"}) + "." + strings.Split(vp, ".")[1] + ".", true, "accepts", "malformed"},
		"presentation of plain JSON":     {jsonOf(t, m{"@context": "https://www.w3.org/2018/credentials/v1", "type": "VerifiablePresentation", "holder": holder.did, "verifiableCredential": []any{object}}), true, "accepts", "malformed"},
		"signed around alg none":         {around(bareNone), true, "accepts", "malformed"},
		"signed around an unsigned VC":   {around(object), true, "accepts", "malformed"},
		"signed around nothing":          {rawJWS(t, holder, headerOf(holder), with(t, claims, "vp.verifiableCredential", []any{})), true, "accepts", "malformed"},
		"signed around no member at all": {rawJWS(t, holder, headerOf(holder), with(t, claims, "vp.verifiableCredential", nil)), true, "accepts", "malformed"},
	} {
		t.Run(name, func(t *testing.T) { x.run(t, v) })
	}
	// Our own kinds with alg none, as a forger would send them.
	if _, err := v.Credential(context.Background(), none, someTime); verdict(err) != "malformed" {
		t.Errorf("alg none in a credential of ours: %v", err)
	}
}

func TestTrapsOfTheWrongSigner(t *testing.T) {
	issuer, holder, thief := newEd25519(t, "registrar"), newP256(t, "holder"), newEd25519(t, "thief")
	v := verifierOf(t, issuer)
	good := issue(t, issuer, staffOf(holder))
	claims := claimsOf(t, good)
	vp := claimsOf(t, present(t, holder, good))
	tampered := ldSigned(t, issuer.did, holder.did, issuer)
	tampered = strings.Replace(tampered, string(holder.did), string(thief.did), 1)

	for name, x := range map[string]trap{
		"issuer is the victim, key is the attacker's":              {rawJWS(t, thief, headerOf(thief), claims), false, "accepts", "bad_signature"},
		"linked data: issuer is the victim, key is the attacker's": {ldSigned(t, issuer.did, thief.did, thief), false, "accepts", "malformed"},
		"linked data: all in order, and of no use here":            {ldSigned(t, issuer.did, holder.did, issuer), false, "accepts", "malformed"},
		"presentation: holder is the victim, key is the thief's":   {rawJWS(t, thief, headerOf(thief), vp), true, "accepts", "bad_signature"},
		"presentation by somebody who is not the subject":          {present(t, thief, good), true, "accepts", "subject"},
		"presentation around a tampered linked data credential": {
			rawJWS(t, holder, headerOf(holder), with(t, vp, "vp.verifiableCredential", []any{claimsOf(t, "."+b64(t, []byte(tampered))+".")})), true, "accepts", "malformed",
		},
	} {
		t.Run(name, func(t *testing.T) { x.run(t, v) })
	}
}

func TestTrapsOfTimeAndPurpose(t *testing.T) {
	issuer, holder := newEd25519(t, "registrar"), newP256(t, "holder")
	v := verifierOf(t, issuer)
	expired, future := staffOf(holder), staffOf(holder)
	expired.Issued, expired.Expires = someTime.Add(-96*time.Hour), someTime.Add(-48*time.Hour)
	future.Issued = someTime.Add(time.Hour)
	good := issue(t, issuer, staffOf(holder))
	shown := func(audience, nonce string, at time.Time) string {
		vp, err := credential.Present(holder, []string{good}, audience, nonce, at, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return vp
	}
	for name, x := range map[string]trap{
		"expired credential":                     {issue(t, issuer, expired), false, "accepts", "expired"},
		"credential that has not begun":          {issue(t, issuer, future), false, "accepts", "expired"},
		"expired credential in a presentation":   {present(t, holder, issue(t, issuer, expired)), true, "accepts", "expired"},
		"presentation for another audience":      {shown("conting:gate:gate-8", someNonce, someTime), true, "accepts", "audience"},
		"presentation for another nonce":         {shown(someAudience, "CTN1:ANOTHER", someTime), true, "accepts", "nonce"},
		"presentation of yesterday":              {shown(someAudience, someNonce, someTime.Add(-24*time.Hour)), true, "accepts", "expired"},
		"presentation of tomorrow":               {shown(someAudience, someNonce, someTime.Add(24*time.Hour)), true, "accepts", "expired"},
		"credential where a presentation is due": {good, true, "panics", "malformed"},
	} {
		t.Run(name, func(t *testing.T) { x.run(t, v) })
	}
}

func TestTrapsThatPanic(t *testing.T) {
	p := newEd25519(t, "registrar")
	v := verifierOf(t, p)
	did := string(p.did)
	vcm := m{"@context": []string{"https://www.w3.org/2018/credentials/v1"}, "type": "VerifiableCredential", "credentialSubject": m{"id": "did:x:1"}}
	signed := func(kid string, payload any) string { return rawJWS(t, p, m{"alg": "EdDSA", "kid": kid}, payload) }
	text := m{"@context": "https://www.w3.org/2018/credentials/v1", "type": "VerifiableCredential", "credentialSubject": "did:x:1"}
	for name, x := range map[string]trap{
		"key id without a fragment":      {signed(did, m{"iss": did, "vc": vcm}), false, "panics", "malformed"},
		"key id is a bare scheme":        {signed("did:", m{"iss": did, "vc": vcm}), false, "panics", "malformed"},
		"no vc":                          {signed(p.kid(), m{"iss": did}), false, "panics", "malformed"},
		"empty payload":                  {signed(p.kid(), m{}), false, "panics", "malformed"},
		"vc and no other claims":         {signed(p.kid(), m{"vc": vcm}), false, "panics", "malformed"},
		"payload null":                   {signed(p.kid(), nil), false, "panics", "malformed"},
		"SD-JWT whose subject is a text": {signed(p.kid(), m{"iss": did, "vc": text}) + "~WyJhIiwiYiIsImMiXQ~", false, "panics", "malformed"},
		"presentation: no vp":            {signed(p.kid(), m{"iss": did}), true, "panics", "malformed"},
		"presentation: empty payload":    {signed(p.kid(), m{}), true, "panics", "malformed"},
		"presentation: vp and no claims": {signed(p.kid(), m{"vp": m{"@context": "https://www.w3.org/2018/credentials/v1", "type": "VerifiablePresentation"}}), true, "panics", "malformed"},
		"presentation: kid, no fragment": {signed(did, m{"iss": did}), true, "panics", "malformed"},
		"a BBS proof with a number":      {`{"proof":{"type":"BbsBlsSignatureProof2020","nonce":5}}`, false, "panics", "malformed"},
		"a proof whose type is a number": {`{"proof":{"type":5}}`, false, "panics", "malformed"},
	} {
		t.Run(name, func(t *testing.T) { x.run(t, v) })
	}
}

// TestTrapsOfTheEncoding: one credential must have one text, and a header must not
// change what a signature means.
func TestTrapsOfTheEncoding(t *testing.T) {
	issuer, holder := newP256(t, "registrar"), newP256(t, "holder")
	v := verifierOf(t, issuer)
	good := issue(t, issuer, staffOf(holder))
	parts := strings.Split(good, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	// A signature over the payload as it is (RFC 7797).
	head := b64(t, m{"alg": "ES256", "kid": issuer.kid(), "b64": false, "crit": []string{"b64"}})
	unencoded, err := issuer.Sign(append([]byte(head+"."), payload...))
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]trap{
		"between quotation marks":           {`"` + good + `"`, false, "accepts", "malformed"},
		"inside an object":                  {jsonOf(t, m{"jwt": good}), false, "accepts", "malformed"},
		"with disclosures of SD-JWT":        {good + "~", false, "accepts", "malformed"},
		"a line end in the payload":         {parts[0] + "." + parts[1][:9] + "\n" + parts[1][9:] + "." + parts[2], false, "accepts", "malformed"},
		"a line end in the signature":       {good + "\n", false, "accepts", "malformed"},
		"a signature in DER":                {parts[0] + "." + parts[1] + "." + b64(t, der(t, parts[2])), false, "accepts", "malformed"},
		"spare bits in the signature":       {good[:len(good)-1] + next(good[len(good)-1]), false, "accepts", "malformed"},
		"b64 false in the header":           {head + "." + parts[1] + "." + b64(t, unencoded), false, "accepts", "malformed"},
		"an unknown critical header member": {rawJWS(t, issuer, m{"alg": "ES256", "kid": issuer.kid(), "crit": []string{"x"}, "x": 1}, payload), false, "accepts", "malformed"},
		"a key of its own in the header":    {rawJWS(t, issuer, m{"alg": "ES256", "kid": issuer.kid(), "jwk": m{"kty": "oct"}}, payload), false, "accepts", "malformed"},
	} {
		t.Run(name, func(t *testing.T) { x.run(t, v) })
	}
}

// TestTrapOfTheSchema: aries fetches a credentialSchema from wherever it says.
func TestTrapOfTheSchema(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte(`{}`))
	}))
	defer server.Close()
	issuer, holder := newEd25519(t, "registrar"), newP256(t, "holder")
	c := plain(issuer.did, holder.did)
	c.Schemas = []verifiable.TypedID{{ID: server.URL + "/schema.json", Type: "JsonSchemaValidator2018"}}
	if _, err := verifiable.ParseCredential([]byte(jsonOf(t, c)), verifiable.WithPublicKeyFetcher(fetchAny), verifiable.WithJSONLDDocumentLoader(memory{})); asked.Load() == 0 {
		t.Errorf("aries did not fetch the schema (%v): the trap is gone", err)
	}
	asked.Store(0)
	schema := m{"id": server.URL + "/schema.json", "type": "JsonSchemaValidator2018"}
	claims := claimsOf(t, issue(t, issuer, staffOf(holder)))
	v := verifierOf(t, issuer)
	for name, text := range map[string]string{
		"plain JSON": jsonOf(t, c),
		"a JWT":      rawJWS(t, issuer, headerOf(issuer), with(t, claims, "vc.credentialSchema", schema)),
	} {
		if _, err := v.Credential(context.Background(), text, someTime); verdict(err) != "malformed" {
			t.Errorf("%s: %v, want malformed", name, err)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the verifier asked the network %d times", n)
	}
}

// TestTrapOfNoLoader: without a document loader aries panics.
func TestTrapOfNoLoader(t *testing.T) {
	issuer, holder := newEd25519(t, "registrar"), newP256(t, "holder")
	text := jsonOf(t, plain(issuer.did, holder.did))
	panics := func() (p bool) {
		defer func() { p = recover() != nil }()
		_, _ = verifiable.ParseCredential([]byte(text), verifiable.WithPublicKeyFetcher(fetchAny))
		return false
	}()
	if !panics {
		t.Error("aries does not panic without a loader: the trap is gone")
	}
	// The fence refuses it; and past the fence our call of aries has a loader.
	if _, err := verifierOf(t, issuer).Credential(context.Background(), text, someTime); verdict(err) != "malformed" {
		t.Errorf("got %v, want malformed", err)
	}
	if err := credential.AriesUnfenced(text, false); err == nil || strings.Contains(err.Error(), credential.PanicText) {
		t.Errorf("our call of aries says %v, want an error that is not a panic", err)
	}
}

// TestDataModel2 is refused by both: a limit that is stated, not a trap.
func TestDataModel2(t *testing.T) {
	issuer, holder := newEd25519(t, "registrar"), newP256(t, "holder")
	claims := with(t, claimsOf(t, issue(t, issuer, staffOf(holder))), "vc.@context", []string{"https://www.w3.org/ns/credentials/v2"})
	text := rawJWS(t, issuer, headerOf(issuer), claims)
	if _, err := verifierOf(t, issuer).Credential(context.Background(), text, someTime); verdict(err) != "malformed" {
		t.Errorf("got %v, want malformed", err)
	}
}
