package trust_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/trust"
)

func someIssuers() []trust.Issuer {
	return []trust.Issuer{
		{DID: "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", Name: "가족관계 등록소", Accepts: []string{"family", "age"}, StatusURLs: []string{"https://registrar.example/1.jwt"}},
		{DID: "did:web:theatre.example", Name: "Theatre", Document: []byte(`{"id":"did:web:theatre.example"}`), Accepts: []string{"staff"}},
	}
}

func TestIssuersComeBack(t *testing.T) {
	root := newEd25519(t, 1)
	l := someList(t)
	l.Issuers = someIssuers()
	got, err := anchorOf(1, root).Open(signList(t, l, root), someTime)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Issuers, l.Issuers) {
		t.Errorf("got %+v, want %+v", got.Issuers, l.Issuers)
	}
}

func TestListWithoutIssuersIsAsBefore(t *testing.T) {
	root := newEd25519(t, 1)
	l := someList(t)
	before := signList(t, l, root)
	l.Issuers = []trust.Issuer{}
	if after := signList(t, l, root); !slices.Equal(before, after) {
		t.Errorf("no issuers are written as %x, want %x", after, before)
	}
}

func TestListChecksIssuers(t *testing.T) {
	many := make([]trust.Issuer, trust.MaxIssuers+1)
	for i := range many {
		many[i] = trust.Issuer{DID: fmt.Sprintf("did:key:z%d", i), Name: "x", Accepts: []string{"age"}}
	}
	for name, change := range map[string]func(l *trust.List){
		"too many":                 func(l *trust.List) { l.Issuers = many },
		"one twice":                func(l *trust.List) { l.Issuers = append(l.Issuers, l.Issuers[0]) },
		"no DID":                   func(l *trust.List) { l.Issuers[0].DID = "" },
		"another method":           func(l *trust.List) { l.Issuers[0].DID = "did:ion:x" },
		"a DID with a space":       func(l *trust.List) { l.Issuers[0].DID = "did:key:z 1" },
		"a long DID":               func(l *trust.List) { l.Issuers[0].DID = "did:key:z" + strings.Repeat("1", trust.MaxDIDLen) },
		"no name":                  func(l *trust.List) { l.Issuers[0].Name = "" },
		"a long name":              func(l *trust.List) { l.Issuers[0].Name = strings.Repeat("x", trust.MaxIssuerName+1) },
		"a did:key with documents": func(l *trust.List) { l.Issuers[0].Document = []byte("{}") },
		"a did:web without":        func(l *trust.List) { l.Issuers[1].Document = nil },
		"a large document":         func(l *trust.List) { l.Issuers[1].Document = make([]byte, trust.MaxDIDDocument+1) },
		"accepts nothing":          func(l *trust.List) { l.Issuers[0].Accepts = nil },
		"accepts a thing twice":    func(l *trust.List) { l.Issuers[0].Accepts = []string{"age", "age"} },
		"accepts the empty kind":   func(l *trust.List) { l.Issuers[0].Accepts = []string{""} },
		"accepts a long kind":      func(l *trust.List) { l.Issuers[0].Accepts = []string{strings.Repeat("x", trust.MaxAcceptsLen+1)} },
		"too many kinds":           func(l *trust.List) { l.Issuers[0].Accepts = strings.Split("a b c d e f g h i", " ") },
		"a status list of no URL":  func(l *trust.List) { l.Issuers[0].StatusURLs = []string{"ftp://x"} },
		"a status list twice":      func(l *trust.List) { l.Issuers[0].StatusURLs = []string{"https://x/1", "https://x/1"} },
		"a long URL": func(l *trust.List) {
			l.Issuers[0].StatusURLs = []string{"https://" + strings.Repeat("x", trust.MaxStatusURLBytes)}
		},
		"too many status lists": func(l *trust.List) { l.Issuers[0].StatusURLs = make([]string, trust.MaxStatusURLs+1) },
	} {
		l := someList(t)
		l.Issuers = someIssuers()
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		change(&l)
		if err := l.Check(); !errors.Is(err, trust.ErrInvalid) {
			t.Errorf("%s: Check = %v, want %v", name, err, trust.ErrInvalid)
		}
	}
}
