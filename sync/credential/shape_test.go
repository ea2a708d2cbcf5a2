package credential_test

import (
	"context"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/credential"
)

// TestShapeOfACredential changes one thing at a time of a good credential and
// signs it again, as its issuer would.
func TestShapeOfACredential(t *testing.T) {
	issuer, holder, relative := newEd25519(t, "registrar"), newP256(t, "holder"), newP256(t, "relative")
	v := verifierOf(t, issuer)
	with3 := func(c credential.Credential) m {
		c.Status = &credential.StatusRef{List: someList, Index: 94567}
		return claimsOf(t, issue(t, issuer, c))
	}
	staff, family, age := with3(staffOf(holder)), with3(familyOf(holder, relative)), with3(ageOf(holder))
	long := strings.Repeat("x", 600)
	for _, x := range []struct {
		claims m
		member string
		value  any // nil removes it
		want   string
	}{
		// the claims
		{staff, "iss", nil, "issuer"},
		{staff, "iss", string(relative.did), "issuer"},
		{staff, "iss", 7, "malformed"},
		{staff, "sub", nil, "malformed"},
		{staff, "sub", "did:web:example.org", "malformed"},
		{staff, "sub", "did:key:zzz", "malformed"},
		{staff, "jti", nil, "malformed"},
		{staff, "jti", "no scheme", "malformed"},
		{staff, "jti", "urn:" + long, "malformed"},
		{staff, "jti", "urn:has space", "malformed"},
		{staff, "nbf", nil, "malformed"},
		{staff, "nbf", -1, "malformed"},
		{staff, "nbf", "soon", "malformed"},
		{staff, "nbf", 1.5, "malformed"},
		{staff, "nbf", someTime.Unix() + 1e9, "malformed"},
		{staff, "exp", nil, "malformed"},
		{staff, "exp", 1e18, "malformed"},
		{staff, "iat", someTime.Unix(), "ok"},
		{staff, "iat", -5, "malformed"},
		{staff, "aud", []string{"x"}, "malformed"},
		{staff, "cnf", m{}, "malformed"},
		{staff, "ISS", string(issuer.did), "malformed"},
		{staff, "vc", nil, "malformed"},
		{staff, "vc", "x", "malformed"},
		{staff, "vc", []any{}, "malformed"},
		// the same claim in vc
		{staff, "vc.issuer", string(issuer.did), "ok"},
		{staff, "vc.issuer", string(relative.did), "malformed"},
		{staff, "vc.issuer", m{"id": string(issuer.did)}, "malformed"},
		{staff, "vc.id", staff["jti"], "ok"},
		{staff, "vc.id", "urn:other", "malformed"},
		{staff, "vc.credentialSubject.id", string(holder.did), "ok"},
		{staff, "vc.credentialSubject.id", string(relative.did), "malformed"},
		{staff, "vc.issuanceDate", someTime.Add(-3600e9).Format("2006-01-02T15:04:05Z"), "ok"},
		{staff, "vc.issuanceDate", "2020-01-01T00:00:00Z", "malformed"},
		{staff, "vc.expirationDate", someTime.Add(24 * 3600e9).Format("2006-01-02T15:04:05Z"), "ok"},
		{staff, "vc.expirationDate", "2099-01-01T00:00:00Z", "malformed"},
		// the model
		{staff, "vc.@context", nil, "malformed"},
		{staff, "vc.@context", []any{}, "malformed"},
		{staff, "vc.@context", "https://www.w3.org/2018/credentials/v1", "ok"},
		{staff, "vc.@context", []string{"https://www.w3.org/2018/credentials/v1", "https://example.org/v1"}, "ok"},
		{staff, "vc.@context", []string{"https://example.org/v1", "https://www.w3.org/2018/credentials/v1"}, "malformed"},
		{staff, "vc.@context", []any{"https://www.w3.org/2018/credentials/v1", m{"@vocab": "x"}}, "malformed"},
		{staff, "vc.type", nil, "malformed"},
		{staff, "vc.type", "StaffCredential", "malformed"},
		{staff, "vc.type", []string{"StaffCredential", "VerifiableCredential"}, "malformed"},
		{staff, "vc.type", []string{"VerifiableCredential", "StaffCredential", "AgeCredential"}, "malformed"},
		{staff, "vc.type", []string{"VerifiableCredential", "UniversityDegreeCredential"}, "malformed"},
		{staff, "vc.type", []string{"VerifiableCredential", "AgeCredential"}, "malformed"},
		{staff, "vc.type", []string{"Something", "StaffCredential"}, "malformed"},
		{staff, "vc.type", []string{"VerifiableCredential", "BitstringStatusListCredential"}, "malformed"},
		{staff, "vc.proof", m{"type": "Ed25519Signature2020"}, "malformed"},
		{staff, "vc.evidence", []any{}, "malformed"},
		// the three claims
		{staff, "vc.credentialSubject", nil, "malformed"},
		{staff, "vc.credentialSubject", []any{m{}}, "malformed"},
		{staff, "vc.credentialSubject", string(holder.did), "malformed"},
		{staff, "vc.credentialSubject.over", 19, "malformed"},
		{staff, "vc.credentialSubject.relation", "parent", "malformed"},
		{staff, "vc.credentialSubject.name", "Kim", "malformed"},
		{staff, "vc.credentialSubject.class", nil, "malformed"},
		{staff, "vc.credentialSubject.class", 0, "ok"},
		{staff, "vc.credentialSubject.class", 256, "malformed"},
		{staff, "vc.credentialSubject.class", -1, "malformed"},
		{staff, "vc.credentialSubject.role", nil, "malformed"},
		{staff, "vc.credentialSubject.role", "", "malformed"},
		{staff, "vc.credentialSubject.role", long, "malformed"},
		{staff, "vc.credentialSubject.role", "a\nb", "malformed"},
		{staff, "vc.credentialSubject.role", "무대 담당", "ok"},
		{staff, "vc.credentialSubject.events", nil, "malformed"},
		{staff, "vc.credentialSubject.events", []int{}, "malformed"},
		{staff, "vc.credentialSubject.events", []int{0}, "malformed"},
		{staff, "vc.credentialSubject.events", []int{7, 7}, "malformed"},
		{staff, "vc.credentialSubject.events", []int64{1 << 32}, "malformed"},
		{staff, "vc.credentialSubject.events", []string{"7"}, "malformed"},
		{staff, "vc.credentialSubject.events", eventsTo(32), "ok"},
		{staff, "vc.credentialSubject.events", eventsTo(33), "malformed"},
		{staff, "vc.credentialSubject.relative", string(relative.did), "malformed"},
		{age, "vc.credentialSubject.events", []int{7}, "malformed"},
		{age, "vc.credentialSubject.role", "crew", "malformed"},
		{age, "vc.credentialSubject.class", 3, "malformed"},
		{age, "vc.credentialSubject.over", 0, "malformed"},
		{age, "vc.credentialSubject.over", 121, "malformed"},
		{age, "vc.credentialSubject.over", 120, "ok"},
		{age, "vc.credentialSubject.over", 18.5, "malformed"},
		{age, "vc.credentialSubject.over", nil, "malformed"},
		{family, "vc.credentialSubject.relation", nil, "malformed"},
		{family, "vc.credentialSubject.relation", "Parent", "malformed"},
		{family, "vc.credentialSubject.relation", "step_parent", "ok"},
		{family, "vc.credentialSubject.relation", long, "malformed"},
		{family, "vc.credentialSubject.relative", nil, "malformed"},
		{family, "vc.credentialSubject.relative", string(holder.did), "malformed"},
		{family, "vc.credentialSubject.relative", "did:web:example.org", "malformed"},
		// the status entry
		{staff, "vc.credentialStatus", nil, "ok"},
		{staff, "vc.credentialStatus", []any{}, "malformed"},
		{staff, "vc.credentialStatus.type", "StatusList2021Entry", "malformed"},
		{staff, "vc.credentialStatus.statusPurpose", "suspension", "malformed"},
		{staff, "vc.credentialStatus.statusPurpose", nil, "malformed"},
		{staff, "vc.credentialStatus.statusListIndex", 94567, "malformed"},
		{staff, "vc.credentialStatus.statusListIndex", "094567", "malformed"},
		{staff, "vc.credentialStatus.statusListIndex", "-1", "malformed"},
		{staff, "vc.credentialStatus.statusListIndex", "9999999", "malformed"},
		{staff, "vc.credentialStatus.statusListIndex", "", "malformed"},
		{staff, "vc.credentialStatus.statusListCredential", "ftp://x/y", "malformed"},
		{staff, "vc.credentialStatus.statusListCredential", "https://user@x/y", "malformed"},
		{staff, "vc.credentialStatus.statusListCredential", "https://x/" + long, "malformed"},
		{staff, "vc.credentialStatus.statusListCredential", nil, "malformed"},
		{staff, "vc.credentialStatus.statusListCredential", "https://x/y#z", "malformed"},
		{staff, "vc.credentialStatus.id", someList + "#94567", "ok"},
	} {
		_, err := v.Credential(context.Background(), rawJWS(t, issuer, headerOf(issuer), with(t, x.claims, x.member, x.value)), someTime)
		got := verdict(err)
		if got == "status_unknown" { // none is kept here: the shape was right
			got = "ok"
		}
		if got != x.want {
			t.Errorf("%s = %.60v: %v, want %s", x.member, x.value, err, x.want)
		}
	}
}

// eventsTo are the events 1 to n.
func eventsTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i + 1
	}
	return all
}

// TestShapeOfTheJSON: what two parsers could read differently is not read at all.
func TestShapeOfTheJSON(t *testing.T) {
	issuer, holder := newEd25519(t, "registrar"), newP256(t, "holder")
	v := verifierOf(t, issuer)
	good := jsonOf(t, claimsOf(t, issue(t, issuer, staffOf(holder))))
	for name, payload := range map[string]string{
		"a member twice":          strings.Replace(good, `{"exp"`, `{"sub":"x","exp"`, 1),
		"a nested member twice":   strings.Replace(good, `"role"`, `"role":"x","role"`, 1),
		"twice in another case":   strings.Replace(good, `{"exp"`, `{"Iss":"x","exp"`, 1),
		"a letter that folds":     strings.Replace(good, `"sub"`, `"ſub"`, 1),
		"an escaped member twice": strings.Replace(good, `{"exp"`, `{"is\u0073":"x","exp"`, 1),
		"null":                    "null",
		"a null member":           strings.Replace(good, `{"exp"`, `{"iat":null,"exp"`, 1),
		"two values":              good + good,
		"something after":         good + "x",
		"not UTF-8":               strings.Replace(good, "stage", "st\xffge", 1),
		"an array":                "[" + good + "]",
		"deep nesting":            strings.Replace(good, `"stage crew"`, strings.Repeat("[", 40)+strings.Repeat("]", 40), 1),
		"cut off":                 good[:len(good)-1],
		"nothing":                 " ",
	} {
		_, err := v.Credential(context.Background(), rawJWS(t, issuer, headerOf(issuer), []byte(payload)), someTime)
		if verdict(err) != "malformed" {
			t.Errorf("%s: %v, want malformed", name, err)
		}
	}
}

func TestShapeOfTheHeader(t *testing.T) {
	issuer, holder := newEd25519(t, "registrar"), newP256(t, "holder")
	v := verifierOf(t, issuer)
	claims := claimsOf(t, issue(t, issuer, staffOf(holder)))
	head := func(member string, value any) m { return with(t, headerOf(issuer), member, value) }
	for name, x := range map[string]struct {
		header any
		want   string
	}{
		"as we write it":              {headerOf(issuer), "ok"},
		"with the type":               {head("typ", "JWT"), "ok"},
		"with another type":           {head("typ", "at+jwt"), "malformed"},
		"alg none":                    {head("alg", "none"), "malformed"},
		"alg None":                    {head("alg", "None"), "malformed"},
		"alg HS256":                   {head("alg", "HS256"), "malformed"},
		"alg RS256":                   {head("alg", "RS256"), "malformed"},
		"alg ES256K":                  {head("alg", "ES256K"), "malformed"},
		"alg of another key":          {head("alg", "ES256"), "bad_signature"},
		"no alg":                      {head("alg", nil), "malformed"},
		"alg is a list":               {head("alg", []string{"EdDSA"}), "malformed"},
		"no kid":                      {head("kid", nil), "malformed"},
		"kid is no DID URL":           {head("kid", "key-1"), "malformed"},
		"kid without a fragment":      {head("kid", string(issuer.did)), "malformed"},
		"kid with an empty fragment":  {head("kid", string(issuer.did)+"#"), "malformed"},
		"kid with two fragments":      {head("kid", issuer.kid()+"#x"), "malformed"},
		"kid of another name":         {head("kid", string(issuer.did)+"#key-1"), "bad_signature"},
		"kid that is a part":          {head("kid", issuer.kid()[:len(issuer.kid())-1]), "bad_signature"},
		"kid of the holder":           {head("kid", holder.kid()), "bad_signature"},
		"kid that is a number":        {head("kid", 1), "malformed"},
		"a nested JWT":                {head("cty", "JWT"), "malformed"},
		"compressed":                  {head("zip", "DEF"), "malformed"},
		"a URL of keys":               {head("jku", "https://evil.example/keys"), "malformed"},
		"certificates":                {head("x5c", []string{"MII"}), "malformed"},
		"a member twice":              {[]byte(`{"alg":"none","alg":"EdDSA","kid":"` + issuer.kid() + `"}`), "malformed"},
		"a member in capital letters": {[]byte(`{"ALG":"EdDSA","kid":"` + issuer.kid() + `"}`), "malformed"},
	} {
		_, err := v.Credential(context.Background(), rawJWS(t, issuer, x.header, claims), someTime)
		if verdict(err) != x.want {
			t.Errorf("%s: %v, want %s", name, err, x.want)
		}
	}
}

func TestShapeOfTheText(t *testing.T) {
	issuer, holder := newEd25519(t, "registrar"), newP256(t, "holder")
	v := verifierOf(t, issuer)
	good := issue(t, issuer, staffOf(holder))
	parts := strings.Split(good, ".")
	for name, text := range map[string]string{
		"empty":               "",
		"dots":                "..",
		"two parts":           parts[0] + "." + parts[1],
		"four parts":          good + "." + parts[2],
		"five parts":          good + "." + parts[1] + "." + parts[2],
		"no signature":        parts[0] + "." + parts[1] + ".",
		"short signature":     parts[0] + "." + parts[1] + "." + parts[2][:40],
		"long signature":      good + "AAAA",
		"padding":             parts[0] + "." + parts[1] + "." + parts[2] + "==",
		"plain base64":        strings.NewReplacer("-", "+", "_", "/").Replace(parts[0]+"."+parts[1]+".") + "+" + parts[2][1:],
		"space before":        " " + good,
		"space after":         good + " ",
		"too long":            good + strings.Repeat("A", credential.MaxCredential),
		"a DID":               string(issuer.did),
		"JSON serialization":  `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"the header of a VP":  present(t, holder, good),
		"other bytes":         "\x00\xff.\x00.\x00",
		"a detached payload":  parts[0] + ".." + parts[2],
		"an SD-JWT with none": good + "~",
	} {
		if _, err := v.Credential(context.Background(), text, someTime); verdict(err) != "malformed" {
			t.Errorf("%s: %v, want malformed", name, err)
		}
	}
}

func TestShapeOfAPresentation(t *testing.T) {
	issuer, holder, other := newEd25519(t, "registrar"), newP256(t, "holder"), newP256(t, "other")
	v := verifierOf(t, issuer)
	good := issue(t, issuer, staffOf(holder))
	claims := claimsOf(t, present(t, holder, good))
	for _, x := range []struct {
		member string
		value  any
		want   string
	}{
		{"iss", nil, "malformed"},
		{"iss", string(other.did), "bad_signature"},
		{"iss", "did:web:registrar.example", "malformed"},
		{"sub", string(holder.did), "malformed"},
		{"aud", nil, "malformed"},
		{"aud", someAudience, "ok"},
		{"aud", []string{someAudience, "conting:gate:gate-8"}, "malformed"},
		{"aud", []string{}, "malformed"},
		{"aud", "", "malformed"},
		{"aud", strings.Repeat("x", 129), "malformed"},
		{"nonce", nil, "malformed"},
		{"nonce", "", "malformed"},
		{"nonce", 7, "malformed"},
		{"nonce", strings.Repeat("x", 129), "malformed"},
		{"nbf", nil, "malformed"},
		{"exp", nil, "malformed"},
		{"exp", someTime.Unix() + 601, "malformed"},
		{"exp", someTime.Unix() + 600, "ok"},
		{"exp", someTime.Unix(), "malformed"},
		{"iat", someTime.Unix(), "ok"},
		{"nbf", int64(-9e18), "malformed"},
		{"jti", "urn:x:1", "ok"},
		{"jti", strings.Repeat("x", 129), "malformed"},
		{"vp", nil, "malformed"},
		{"vp", []any{}, "malformed"},
		{"vp.holder", string(holder.did), "ok"},
		{"vp.holder", string(other.did), "malformed"},
		{"vp.@context", nil, "malformed"},
		{"vp.@context", []string{"https://www.w3.org/ns/credentials/v2"}, "malformed"},
		{"vp.type", nil, "malformed"},
		{"vp.type", "VerifiablePresentation", "ok"},
		{"vp.type", []string{"VerifiableCredential"}, "malformed"},
		{"vp.proof", m{}, "malformed"},
		{"vp.verifiableCredential", good, "ok"},
		{"vp.verifiableCredential", []string{good, good}, "ok"},
		{"vp.verifiableCredential", []string{good, good, good, good, good}, "malformed"},
		{"vp.verifiableCredential", []string{good[:len(good)-4] + "AAAA"}, "bad_signature"},
		{"vp.verifiableCredential", []any{good, m{}}, "malformed"},
	} {
		_, err := v.Presentation(context.Background(), rawJWS(t, holder, headerOf(holder), with(t, claims, x.member, x.value)), wanted, someTime)
		if verdict(err) != x.want {
			t.Errorf("%s = %.60v: %v, want %s", x.member, x.value, err, x.want)
		}
	}
}

// TestEveryBitCounts flips each bit of a credential's signed bytes and signature.
func TestEveryBitCounts(t *testing.T) {
	issuer, holder := newP256(t, "registrar"), newP256(t, "holder")
	v := verifierOf(t, issuer)
	good := []byte(issue(t, issuer, staffOf(holder)))
	for i := range good {
		for bit := range 7 { // the eighth is set in no character
			bad := append([]byte(nil), good...)
			bad[i] ^= 1 << bit
			if _, err := v.Credential(context.Background(), string(bad), someTime); err == nil {
				t.Fatalf("byte %d, bit %d: accepted", i, bit)
			}
		}
	}
	for n := range good {
		if _, err := v.Credential(context.Background(), string(good[:n]), someTime); err == nil {
			t.Fatalf("cut to %d bytes: accepted", n)
		}
	}
}

// TestSignatureOfAPresentation: all is in order but who signed, or what.
func TestSignatureOfAPresentation(t *testing.T) {
	issuer, holder, thief := newEd25519(t, "registrar"), newP256(t, "holder"), newP256(t, "thief")
	v := verifierOf(t, issuer)
	good := present(t, holder, issue(t, issuer, staffOf(holder)))
	parts := strings.Split(good, ".")
	claims := claimsOf(t, good)
	for name, vp := range map[string]string{
		"the thief's, with the holder's key id": rawJWS(t, thief, headerOf(holder), claims),
		"that of other claims":                  parts[0] + "." + b64(t, with(t, claims, "exp", someTime.Unix()+500)) + "." + parts[2],
		"that of the credential":                parts[0] + "." + parts[1] + "." + strings.Split(issue(t, issuer, staffOf(holder)), ".")[2],
		"zeroes":                                parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86),
	} {
		if _, err := v.Presentation(context.Background(), vp, wanted, someTime); verdict(err) != "bad_signature" {
			t.Errorf("%s: %v, want bad_signature", name, err)
		}
	}
	for i := range good {
		bad := []byte(good)
		bad[i] ^= 1 << (i % 7)
		if _, err := v.Presentation(context.Background(), string(bad), wanted, someTime); err == nil {
			t.Fatalf("byte %d: accepted", i)
		}
	}
}
