package credential_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

// listOf is a status list with some entries revoked, signed an hour before
// someTime for a day.
func listOf(t testing.TB, s party, revoked ...uint32) string {
	t.Helper()
	l := credential.NewStatusList()
	for _, i := range revoked {
		if err := l.Revoke(i); err != nil {
			t.Fatal(err)
		}
	}
	jwt, err := credential.SignStatusList(s, someList, l, someTime.Add(-time.Hour), someTime.Add(23*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return jwt
}

func TestStatusListComesBack(t *testing.T) {
	for _, issuer := range []party{newEd25519(t, "registrar"), newP256(t, "registrar")} {
		v := verifierOf(t, issuer)
		l, err := v.StatusList(context.Background(), []byte(listOf(t, issuer, 0, 8, 94567, credential.StatusBits-1)), someList, someTime)
		if err != nil {
			t.Fatal(err)
		}
		if l.URL != someList || l.Issuer != issuer.did || !l.Issued.Equal(someTime.Add(-time.Hour)) || !l.Expires.Equal(someTime.Add(23*time.Hour)) || l.Len() != credential.StatusBits {
			t.Errorf("got %s of %s from %s to %s with %d entries", l.URL, l.Issuer, l.Issued, l.Expires, l.Len())
		}
		var set []uint32
		for i := range l.Len() + 100 {
			if l.Revoked(i) {
				set = append(set, i)
			}
		}
		if len(set) != 4 || set[0] != 0 || set[1] != 8 || set[2] != 94567 || set[3] != credential.StatusBits-1 {
			t.Errorf("entries %d are revoked", set)
		}
	}
	if err := credential.NewStatusList().Revoke(credential.StatusBits); verdict(err) != "invalid" {
		t.Errorf("Revoke beyond the end: %v", err)
	}
}

// TestStatusListOfTheSpecification reads the encoded list that the W3C's text has.
func TestStatusListOfTheSpecification(t *testing.T) {
	issuer := newEd25519(t, "registrar")
	claims := with(t, claimsOf(t, listOf(t, issuer, 3)), "vc.credentialSubject.encodedList", "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA")
	l, err := verifierOf(t, issuer).StatusList(context.Background(), []byte(rawJWS(t, issuer, headerOf(issuer), claims)), someList, someTime)
	if err != nil || l.Len() != 131_072 || l.Revoked(3) {
		t.Errorf("got %v, %v, want 131072 entries and none revoked", l, err)
	}
}

func TestStatusOfACredential(t *testing.T) {
	issuer, other, holder := newEd25519(t, "registrar"), newEd25519(t, "other"), newP256(t, "holder")
	c := staffOf(holder)
	c.Status = &credential.StatusRef{List: someList, Index: 94567}
	c.Expires = someTime.Add(1000 * time.Hour)
	jwt := issue(t, issuer, c)
	long := c
	long.Status = &credential.StatusRef{List: someList, Index: credential.StatusBits}
	const hour = time.Hour
	for name, x := range map[string]struct {
		jwt, list string
		stale     time.Duration
		at        time.Time
		want      string
		age       time.Duration // -1: not known
	}{
		"not revoked":                        {jwt, listOf(t, issuer, 94566, 94568), 0, someTime, "ok", hour},
		"revoked":                            {jwt, listOf(t, issuer, 94567), 0, someTime, "revoked", hour},
		"no status entry":                    {issue(t, issuer, staffOf(holder)), "", 0, someTime, "ok", -1},
		"no list here":                       {jwt, "", 0, someTime, "status_unknown", -1},
		"a list of another issuer":           {jwt, listOf(t, other), 0, someTime, "status_unknown", -1},
		"a list of nobody we know":           {jwt, listOf(t, holder), 0, someTime, "status_unknown", -1},
		"a list that was tampered with":      {jwt, listOf(t, issuer)[:300] + "A" + listOf(t, issuer)[301:], 0, someTime, "status_unknown", -1},
		"an entry beyond the list":           {issue(t, issuer, long), listOf(t, issuer), 0, someTime, "status_unknown", -1},
		"a list that has ended":              {jwt, listOf(t, issuer), 0, someTime.Add(23 * hour), "status_unknown", 24 * hour},
		"revoked in a list that has ended":   {jwt, listOf(t, issuer, 94567), 0, someTime.Add(23 * hour), "revoked", 24 * hour},
		"a list as old as may be":            {jwt, listOf(t, issuer), hour, someTime, "ok", hour},
		"a list older than may be":           {jwt, listOf(t, issuer), hour, someTime.Add(time.Second), "status_unknown", hour + time.Second},
		"revoked in a list that is too old":  {jwt, listOf(t, issuer, 94567), hour, someTime.Add(2 * hour), "revoked", 3 * hour},
		"a list that our clock calls future": {jwt, listOf(t, issuer), 0, someTime.Add(-hour - time.Minute), "ok", 0},
	} {
		v := newVerifier(t, credential.Config{
			Issuers: []trust.Issuer{listed(issuer), listed(other)}, StaleStatus: x.stale,
			Statuses: func(url string) ([]byte, bool) { return []byte(x.list), url == someList && x.list != "" },
		})
		for range 2 { // the second time from memory
			got, err := v.Credential(context.Background(), x.jwt, x.at)
			if verdict(err) != x.want || got == nil {
				t.Errorf("%s: %v, want %s", name, err, x.want)
				continue
			}
			if got.StatusKnown != (x.age >= 0) || got.StatusKnown && got.StatusAge != x.age {
				t.Errorf("%s: status known %t, %s old, want %s", name, got.StatusKnown, got.StatusAge, x.age)
			}
			p, err := v.Presentation(context.Background(), presentAt(t, holder, x.at, x.jwt), wanted, x.at)
			if verdict(err) != x.want || p == nil || p.Credentials[0].StatusKnown != got.StatusKnown {
				t.Errorf("%s: presentation %v, %v, want %s", name, p, err, x.want)
			}
		}
	}
}

// TestNewerStatusListCounts: what was remembered of a URL gives way to other bytes.
func TestNewerStatusListCounts(t *testing.T) {
	issuer, holder := newEd25519(t, "registrar"), newP256(t, "holder")
	list := listOf(t, issuer)
	v := newVerifier(t, credential.Config{
		Issuers:  []trust.Issuer{listed(issuer)},
		Statuses: func(string) ([]byte, bool) { return []byte(list), true },
	})
	c := staffOf(holder)
	c.Status = &credential.StatusRef{List: someList, Index: 5}
	jwt := issue(t, issuer, c)
	if _, err := v.Credential(context.Background(), jwt, someTime); err != nil {
		t.Fatal(err)
	}
	list = listOf(t, issuer, 5)
	if _, err := v.Credential(context.Background(), jwt, someTime); verdict(err) != "revoked" {
		t.Errorf("got %v, want revoked", err)
	}
	list = "x"
	if _, err := v.Credential(context.Background(), jwt, someTime); verdict(err) != "status_unknown" {
		t.Errorf("got %v, want status unknown", err)
	}
}

func TestShapeOfAStatusList(t *testing.T) {
	issuer, stranger := newEd25519(t, "registrar"), newEd25519(t, "stranger")
	v := verifierOf(t, issuer)
	good := listOf(t, issuer)
	claims := claimsOf(t, good)
	const list = "vc.credentialSubject.encodedList"
	for _, x := range []struct {
		member string
		value  any
		want   string
	}{
		{"iss", string(stranger.did), "issuer"},
		{"iss", nil, "issuer"},
		{"jti", "https://other.example/1.jwt", "malformed"},
		{"jti", nil, "malformed"},
		{"sub", "x", "ok"},
		{"vc.credentialSubject.id", "x", "malformed"},
		{"vc.credentialSubject.id", someList + "#list", "ok"},
		{"nbf", nil, "malformed"},
		{"exp", nil, "malformed"},
		{"exp", someTime.Unix(), "expired"},
		{"exp", 5, "malformed"},
		{"exp", 1e17, "malformed"},
		{"nbf", someTime.Unix() + 300, "expired"},
		{"iat", someTime.Unix(), "ok"},
		{"vc.@context", []string{"https://www.w3.org/ns/credentials/v2"}, "malformed"},
		{"vc.type", []string{"VerifiableCredential", "StatusList2021Credential"}, "malformed"},
		{"vc.type", []string{"VerifiableCredential", "StaffCredential"}, "malformed"},
		{"vc.credentialSubject.type", "StatusList2021", "malformed"},
		{"vc.credentialSubject.statusPurpose", "suspension", "malformed"},
		{"vc.credentialSubject.statusSize", 2, "malformed"},
		{list, nil, "malformed"},
		{list, "", "malformed"},
		{list, "u", "malformed"},
		{list, "zabc", "malformed"},
		{list, "u!!!!", "malformed"},
		{list, "uAAAA", "malformed"},
		{list, zipped(t, make([]byte, 16_383)), "malformed"},
		{list, zipped(t, make([]byte, 16_384)), "ok"},
		{list, zipped(t, make([]byte, 131_072)), "ok"},
		{list, zipped(t, make([]byte, 131_073)), "malformed"},
		{list, zipped(t, make([]byte, 30<<20)), "malformed"}, // a bomb
		{list, zipped(t, make([]byte, 16_384), []byte("x")), "malformed"},
		{list, zipped(t, make([]byte, 16_384), unzipped(t, zipped(t, make([]byte, 16_384)))), "malformed"}, // a second stream after it
		{list, zipped(t, make([]byte, 16_384))[:60], "malformed"},
	} {
		jwt := rawJWS(t, issuer, headerOf(issuer), with(t, claims, x.member, x.value))
		l, err := v.StatusList(context.Background(), []byte(jwt), someList, someTime)
		if verdict(err) != x.want {
			t.Errorf("%s = %.60v: %v, want %s", x.member, x.value, err, x.want)
		}
		if (l != nil) != (x.want == "ok" || x.want == "expired") {
			t.Errorf("%s = %.60v: list %v", x.member, x.value, l)
		}
	}
	for name, x := range map[string]struct{ jwt, url, want string }{
		"another URL":         {good, "https://other.example/1.jwt", "malformed"},
		"a URL that is none":  {good, "registrar.example", "malformed"},
		"a staff credential":  {issue(t, issuer, staffOf(stranger)), someList, "malformed"},
		"another's signature": {rawJWS(t, stranger, headerOf(stranger), claims), someList, "bad_signature"},
		"alg none":            {b64(t, m{"alg": "none"}) + "." + strings.Split(good, ".")[1] + ".", someList, "malformed"},
		"a broken signature":  {good[:len(good)-4] + "AAAA", someList, "bad_signature"},
		"nothing":             {"", someList, "malformed"},
		"too much":            {good + strings.Repeat("A", credential.MaxStatusList), someList, "malformed"},
	} {
		if _, err := v.StatusList(context.Background(), []byte(x.jwt), x.url, someTime); verdict(err) != x.want {
			t.Errorf("%s: %v, want %s", name, err, x.want)
		}
	}
}

// TestBombsAreNotInflated: what would inflate to much is not inflated first.
func TestBombsAreNotInflated(t *testing.T) {
	issuer := newEd25519(t, "registrar")
	v := verifierOf(t, issuer)
	claims := with(t, claimsOf(t, listOf(t, issuer)), "vc.credentialSubject.encodedList", zipped(t, make([]byte, 30<<20)))
	list := []byte(rawJWS(t, issuer, headerOf(issuer), claims))
	packed, err := credential.Pack(typical(t)["staff"])
	if err != nil {
		t.Fatal(err)
	}
	packed = append(packed[:2+2*64:2+2*64], deflated(t, make([]byte, 1<<20))...)
	for name, x := range map[string]struct {
		do   func() error
		most uint64 // bytes
	}{
		"status list":         {func() error { _, err := v.StatusList(context.Background(), list, someList, someTime); return err }, 4 << 20},
		"packed presentation": {func() error { _, err := credential.Unpack(packed); return err }, 512 << 10},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := x.do()
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; verdict(err) != "malformed" || took > x.most {
			t.Errorf("%s: %v after %d bytes, want at most %d", name, err, took, x.most)
		}
	}
}

func TestSignStatusListRefuses(t *testing.T) {
	s := newEd25519(t, "registrar")
	for name, x := range map[string]struct {
		url     string
		l       *credential.StatusList
		expires time.Time
	}{
		"no entries":        {someList, &credential.StatusList{}, someTime.Add(time.Hour)},
		"no URL":            {"registrar", credential.NewStatusList(), someTime.Add(time.Hour)},
		"ends at its start": {someList, credential.NewStatusList(), someTime},
		"somebody else":     {someList, &credential.StatusList{Issuer: newEd25519(t, "other").did}, someTime.Add(time.Hour)},
	} {
		if _, err := credential.SignStatusList(s, x.url, x.l, someTime, x.expires); verdict(err) != "invalid" {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}

// zipped compresses bits as a status list has them, with something after.
func zipped(t testing.TB, bits []byte, after ...[]byte) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(bits); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, a := range after {
		b.Write(a)
	}
	return "u" + base64.RawURLEncoding.EncodeToString(b.Bytes())
}

// unzipped is the gzip stream of what zipped has made.
func unzipped(t testing.TB, encoded string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(encoded[1:])
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
