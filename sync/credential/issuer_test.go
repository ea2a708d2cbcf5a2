package credential_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

func TestIssuerJSONComesBack(t *testing.T) {
	key := newP256(t, "registrar")
	doc, err := credential.WebDocument(someWeb, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []trust.Issuer{
		{DID: string(key.did), Name: "가족관계 등록소", Accepts: []string{"family", "age"}, StatusURLs: []string{someList}},
		{DID: string(someWeb), Name: "Theatre & Co", Accepts: []string{"staff"}, Document: doc},
	} {
		text, err := credential.EncodeIssuer(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := credential.ParseIssuer(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestParseIssuerRefuses(t *testing.T) {
	did := string(newP256(t, "registrar").did)
	good := `{"did":"` + did + `","name":"x","accepts":["age"]}`
	if _, err := credential.ParseIssuer([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":                    "",
		"another member":             strings.Replace(good, `"name"`, `"url":"x","name"`, 1),
		"a member in another case":   strings.Replace(good, `"name"`, `"Name"`, 1),
		"a member twice":             strings.Replace(good, `"name"`, `"name":"y","name"`, 1),
		"a kind that we do not know": strings.Replace(good, "age", "press", 1),
		"no kind":                    strings.Replace(good, `"age"`, "", 1),
		"a DID of no key":            strings.Replace(good, did, "did:key:z6Mk", 1),
		"a did:web of no document":   strings.Replace(good, did, "did:web:example.org", 1),
		"a document as text":         strings.Replace(strings.Replace(good, did, "did:web:example.org", 1), `"name"`, `"document":"{}","name"`, 1),
		"a status list with a user":  strings.Replace(good, `"name"`, `"status_urls":["https://a@b/c"],"name"`, 1),
		"two of them":                good + good,
		"too long":                   good + strings.Repeat(" ", credential.MaxIssuerJSON),
	} {
		if i, err := credential.ParseIssuer([]byte(text)); verdict(err) != "malformed" {
			t.Errorf("%s: %+v, %v, want malformed", name, i, err)
		}
	}
	if text, err := credential.EncodeIssuer(trust.Issuer{}); verdict(err) != "invalid" {
		t.Errorf("EncodeIssuer of nobody = %s, %v", text, err)
	}
}

func FuzzParseIssuer(f *testing.F) {
	f.Add([]byte(`{"did":"` + string(newP256(f, "registrar").did) + `","name":"x","accepts":["age"]}`))
	doc, err := credential.WebDocument(someWeb, newEd25519(f, "registrar").Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"did":"` + string(someWeb) + `","name":"x","accepts":["staff"],"status_urls":["http://x/1"],"document":` + string(doc) + `}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		i, err := credential.ParseIssuer(data)
		if err != nil {
			return
		}
		text, err := credential.EncodeIssuer(i)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if again, err := credential.ParseIssuer(text); err != nil || !reflect.DeepEqual(again, i) {
			t.Errorf("%q comes back as %+v, %v", data, again, err)
		}
	})
}
