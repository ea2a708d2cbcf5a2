package trust_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// someList is a list around someTime with one event key.
func someList(t testing.TB) trust.List {
	t.Helper()
	return trust.List{
		Version: 3, Issued: someTime.Add(-time.Hour).Unix(), Expires: someTime.Add(24 * time.Hour).Unix(),
		Keys: []trust.Key{{
			Role: trust.RoleEvent, Public: newEd25519(t, 10).Public(),
			NotBefore: someTime.Add(-time.Hour).Unix(), NotAfter: someTime.Add(time.Hour).Unix(),
		}},
		RevokedDevices: []ticket.DeviceID{"gate-9"},
	}
}

func signList(t testing.TB, l trust.List, roots ...trust.Signer) []byte {
	t.Helper()
	data, err := trust.SignList(l, roots...)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func anchorOf(threshold int, roots ...trust.Signer) trust.Anchor {
	a := trust.Anchor{Threshold: threshold}
	for _, r := range roots {
		a.Roots = append(a.Roots, r.Public())
	}
	return a
}

func TestAnchorOpen(t *testing.T) {
	a, b, c, x := newEd25519(t, 1), newES256(t, 2), newEd25519(t, 3), newEd25519(t, 4)
	one, two := anchorOf(1, a), anchorOf(2, a, b, c)
	l := someList(t)
	for name, v := range map[string]struct {
		anchor trust.Anchor
		data   []byte
		at     time.Time
		want   error
	}{
		"one of one":                 {one, signList(t, l, a), someTime, nil},
		"two of three":               {two, signList(t, l, b, c), someTime, nil},
		"three of three":             {two, signList(t, l, c, b, a), someTime, nil},
		"two and a stranger":         {two, signList(t, l, a, x, c), someTime, nil},
		"one of three":               {two, signList(t, l, a), someTime, trust.ErrThreshold},
		"one and a stranger":         {two, signList(t, l, a, x), someTime, trust.ErrThreshold},
		"a stranger":                 {one, signList(t, l, x), someTime, trust.ErrThreshold},
		"last second":                {one, signList(t, l, a), time.Unix(l.Expires-1, 0), nil},
		"ended":                      {one, signList(t, l, a), time.Unix(l.Expires, 0), trust.ErrExpired},
		"a clock that has stopped":   {one, signList(t, l, a), time.Unix(0, 0), nil},
		"no roots":                   {trust.Anchor{Threshold: 1}, signList(t, l, a), someTime, trust.ErrInvalid},
		"no threshold":               {anchorOf(0, a), signList(t, l, a), someTime, trust.ErrInvalid},
		"negative threshold":         {anchorOf(-1, a), signList(t, l, a), someTime, trust.ErrInvalid},
		"threshold beyond the roots": {anchorOf(2, a), signList(t, l, a), someTime, trust.ErrInvalid},
		"one root twice":             {anchorOf(2, a, a), signList(t, l, a), someTime, trust.ErrInvalid},
		"too large":                  {one, make([]byte, trust.MaxList+1), someTime, trust.ErrTooLarge},
		"empty":                      {one, nil, someTime, trust.ErrMalformed},
		"a COSE_Sign1":               {one, sign1(t, a, "conting/trust/v1", "x"), someTime, trust.ErrMalformed},
	} {
		got, err := v.anchor.Open(v.data, v.at)
		if !errors.Is(err, v.want) || (err == nil) != (v.want == nil) {
			t.Errorf("%s: Open = %v, want %v", name, err, v.want)
		}
		if err == nil && (got.Version != l.Version || len(got.Keys) != 1 || got.Keys[0].Public != l.Keys[0].Public) {
			t.Errorf("%s: Open = %+v, want %+v", name, got, l)
		}
		if err != nil && got != nil {
			t.Errorf("%s: Open gives a list with %v", name, err)
		}
	}
}

func TestListEveryBit(t *testing.T) {
	a, b := newEd25519(t, 1), newES256(t, 2)
	anchor := anchorOf(2, a, b)
	good := signList(t, someList(t), a, b)
	if _, err := anchor.Open(good, someTime); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			if _, err := anchor.Open(bad, someTime); err == nil {
				t.Errorf("opened with bit %d of byte %d flipped", bit, i)
			}
		}
		if _, err := anchor.Open(good[:i], someTime); err == nil {
			t.Errorf("opened when cut to %d bytes", i)
		}
	}
	if _, err := anchor.Open(append(bytes.Clone(good), 0), someTime); err == nil {
		t.Error("opened with a byte after it")
	}
}

// One root's signature, given twice, is not two.
func TestListSignatureTwice(t *testing.T) {
	a, b := newEd25519(t, 1), newEd25519(t, 2)
	if data, err := trust.SignList(someList(t), a, a); !errors.Is(err, trust.ErrInvalid) {
		t.Errorf("SignList by one root twice = %x, %v, want ErrInvalid", data, err)
	}
	good := signList(t, someList(t), a)
	const block = 1 + 15 + 2 + 64 // array, headers, signature
	twice := append(bytes.Clone(good), good[len(good)-block:]...)
	at := len(good) - block - 1
	if twice[at] != 0x81 {
		t.Fatalf("byte %d is %#x, want the array of one signature", at, twice[at])
	}
	twice[at] = 0x82
	if _, err := anchorOf(2, a, b).Open(twice, someTime); !errors.Is(err, trust.ErrMalformed) {
		t.Errorf("Open of one signature given twice = %v, want ErrMalformed", err)
	}
	// A signature over another list does not count either.
	other := someList(t)
	other.Version++
	mixed := signList(t, other, a)
	swapped := append(bytes.Clone(good[:len(good)-block]), mixed[len(mixed)-block:]...)
	if _, err := anchorOf(1, a).Open(swapped, someTime); !errors.Is(err, trust.ErrBadSignature) {
		t.Errorf("Open with the signature of another list = %v, want ErrBadSignature", err)
	}
}

func TestListCheck(t *testing.T) {
	root := newEd25519(t, 1)
	for name, change := range map[string]func(*trust.List){
		"no version":           func(l *trust.List) { l.Version = 0 },
		"ends before it began": func(l *trust.List) { l.Expires = l.Issued },
		"issued before 1970":   func(l *trust.List) { l.Issued = -1 },
		"no keys":              func(l *trust.List) { l.Keys = nil },
		"too many keys":        func(l *trust.List) { l.Keys = make([]trust.Key, trust.MaxKeys+1) },
		"no key":               func(l *trust.List) { l.Keys[0].Public = trust.PublicKey{} },
		"a root":               func(l *trust.List) { l.Keys[0].Role = trust.RoleRoot },
		"no role":              func(l *trust.List) { l.Keys[0].Role = "" },
		"odd role":             func(l *trust.List) { l.Keys[0].Role = "admin" },
		"key without an end":   func(l *trust.List) { l.Keys[0].NotAfter = 0 },
		"key ends too early":   func(l *trust.List) { l.Keys[0].NotAfter = l.Keys[0].NotBefore },
		"event 0":              func(l *trust.List) { l.Keys[0].Events = []ticket.EventID{0} },
		"key twice":            func(l *trust.List) { l.Keys = append(l.Keys, l.Keys[0]) },
		"key in two roles": func(l *trust.List) {
			k := l.Keys[0]
			k.Role = trust.RoleHub
			l.Keys = append(l.Keys, k)
		},
		"too many authorities":   func(l *trust.List) { l.DeviceCAs = make([][]byte, trust.MaxDeviceCAs+1) },
		"empty authority":        func(l *trust.List) { l.DeviceCAs = [][]byte{{}} },
		"large authority":        func(l *trust.List) { l.DeviceCAs = [][]byte{make([]byte, trust.MaxCertificate+1)} },
		"too many revoked":       func(l *trust.List) { l.RevokedDevices = make([]ticket.DeviceID, trust.MaxRevokedDevices+1) },
		"revoked without a name": func(l *trust.List) { l.RevokedDevices = []ticket.DeviceID{"A/B"} },
	} {
		l := someList(t)
		change(&l)
		if err := l.Check(); !errors.Is(err, trust.ErrInvalid) {
			t.Errorf("%s: Check = %v, want ErrInvalid", name, err)
		}
		if data, err := trust.SignList(l, root); err == nil {
			t.Errorf("%s: SignList = %x", name, data)
		}
		if k, err := trust.NewKeyring(&l); !errors.Is(err, trust.ErrInvalid) {
			t.Errorf("%s: NewKeyring = %v, %v, want ErrInvalid", name, k, err)
		}
	}
	if _, err := trust.SignList(someList(t)); !errors.Is(err, trust.ErrInvalid) {
		t.Errorf("SignList by nobody = %v, want ErrInvalid", err)
	}
	if _, err := trust.SignList(someList(t), zeroSigner{}); !errors.Is(err, trust.ErrInvalid) {
		t.Errorf("SignList by no key = %v, want ErrInvalid", err)
	}
	if _, err := trust.NewKeyring(nil); !errors.Is(err, trust.ErrInvalid) {
		t.Errorf("NewKeyring of nil = %v, want ErrInvalid", err)
	}
}

// A list of the largest kind can be signed and opened.
func TestLargestList(t *testing.T) {
	root := newEd25519(t, 1)
	l := someList(t)
	l.RevokedDevices = nil
	for i := range trust.MaxRevokedDevices {
		l.RevokedDevices = append(l.RevokedDevices, ticket.DeviceID(fmt.Sprintf("gate-with-a-long-name-32b-%06d", i)))
	}
	data := signList(t, l, root)
	t.Logf("%d revoked devices: %d bytes", len(l.RevokedDevices), len(data))
	if _, err := anchorOf(1, root).Open(data, someTime); err != nil {
		t.Error(err)
	}
}

func TestSupersedes(t *testing.T) {
	old := someList(t)
	same, newer, older, forked := someList(t), someList(t), someList(t), someList(t)
	newer.Version++
	older.Version--
	forked.Expires++
	for name, c := range map[string]struct {
		l, old *trust.List
		want   error
	}{
		"first":        {&old, nil, nil},
		"the same":     {&same, &old, nil},
		"newer":        {&newer, &old, nil},
		"older":        {&older, &old, trust.ErrRollback},
		"another of n": {&forked, &old, trust.ErrRollback},
	} {
		if err := c.l.Supersedes(c.old); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: Supersedes = %v, want %v", name, err, c.want)
		}
	}
}

func TestAnchorEncoding(t *testing.T) {
	a := anchorOf(2, newEd25519(t, 1), newES256(t, 2), newEd25519(t, 3))
	data, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := trust.ParseAnchor(data)
	if err != nil || got.Threshold != 2 || len(got.Roots) != 3 || got.Roots[1] != a.Roots[1] {
		t.Errorf("ParseAnchor(%x) = %+v, %v, want %+v", data, got, err, a)
	}
	most := trust.Anchor{Threshold: 1}
	for i := range byte(trust.MaxRoots) {
		most.Roots = append(most.Roots, newES256(t, i+1).Public())
	}
	if data, err := most.Encode(); err != nil {
		t.Error(err)
	} else if _, err := trust.ParseAnchor(data); err != nil {
		t.Errorf("the largest anchor, %d bytes: %v", len(data), err)
	}
	for i := range data {
		if _, err := trust.ParseAnchor(data[:i]); err == nil {
			t.Errorf("ParseAnchor of the first %d bytes passes", i)
		}
	}
	for name, bad := range map[string][]byte{
		"trailing byte": append(bytes.Clone(data), 0),
		"large":         make([]byte, 4096),
	} {
		if a, err := trust.ParseAnchor(bad); !errors.Is(err, trust.ErrMalformed) {
			t.Errorf("%s: ParseAnchor = %+v, %v, want ErrMalformed", name, a, err)
		}
	}
	zero, err := canon.Marshal([]any{0, []trust.PublicKey{a.Roots[0]}})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := trust.ParseAnchor(zero); !errors.Is(err, trust.ErrInvalid) {
		t.Errorf("ParseAnchor with threshold 0 = %+v, %v, want ErrInvalid", a, err)
	}
	if _, err := (trust.Anchor{}).Encode(); !errors.Is(err, trust.ErrInvalid) {
		t.Errorf("Encode of no anchor = %v, want ErrInvalid", err)
	}
}
