package pass_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/wallet"
)

// badTails are ends of client data that nobody may show.
var badTails = map[string]string{
	"cross origin":              `,"crossOrigin":true}`,
	"cross origin as a word":    `,"crossOrigin":"false"}`,
	"cross origin null":         `,"crossOrigin":null}`,
	"cross origin 0":            `,"crossOrigin":0}`,
	"cross origin escaped":      `,"cross\u004frigin":true}`,
	"top origin":                `,"crossOrigin":false,"topOrigin":"https://evil.example"}`,
	"top origin alone":          `,"topOrigin":"https://tickets.example"}`,
	"top origin null":           `,"topOrigin":null}`,
	"top origin escaped":        `,"\u0074opOrigin":"x"}`,
	"duplicate cross origin":    `,"crossOrigin":false,"crossOrigin":false}`,
	"duplicate, other spelling": `,"crossOrigin":false,"cross\u004Frigin":false}`,
	"second type":               `,"type":"webauthn.get"}`,
	"second challenge":          `,"challenge":"AAAA"}`,
	"second origin":             `,"origin":"https://tickets.example"}`,
	"second origin, escaped":    `,"\u006frigin":"https://tickets.example"}`,
	"duplicate unknown":         `,"a":1,"a":1}`,
	"duplicate within":          `,"a":{"b":1,"b":2}}`,
	"duplicate within a list":   `,"a":[{"b":1,"b":2}]}`,
	"not closed":                `,"crossOrigin":false`,
	"closed twice":              `,"crossOrigin":false}}`,
	"something after":           `,"crossOrigin":false} `,
	"an object after":           `,"crossOrigin":false}{}`,
	"comma alone":               `,}`,
	"comma at the end":          `,"crossOrigin":false,}`,
	"no comma":                  `"crossOrigin":false}`,
	"no value":                  `,"crossOrigin"}`,
	"no name":                   `,false}`,
	"longer origin":             `.evil.example"}`,
	"not utf-8":                 ",\"a\":\"\xff\"}",
	"control character":         ",\"a\":\"\n\"}",
	"deep":                      `,"a":` + strings.Repeat(`[`, 20) + strings.Repeat(`]`, 20) + `}`,
	"deep objects":              `,"a":` + strings.Repeat(`{"a":`, 20) + `1` + strings.Repeat(`}`, 21),
	"long":                      `,"a":"` + strings.Repeat("x", pass.MaxTail) + `"}`,
	"leading zero":              `,"a":01}`,
	"not a number":              `,"a":NaN}`,
	"comment":                   `,"a":1/**/}`,
	"single quotes":             `,'a':1}`,
}

func TestBadTails(t *testing.T) {
	for name, tail := range badTails {
		if err := pass.CheckTail([]byte(tail)); err == nil {
			t.Errorf("%s: tail %q passes", name, tail)
		}
	}
	if err := pass.CheckTail(nil); err == nil {
		t.Error("no tail at all passes")
	}
}

// goodTails are ends that no table knows and that say nothing wrong.
var goodTails = map[string]wallet.ClientData{
	"an unknown member":      {Tail: `,"crossOrigin":false,"extraData":"clientDataJSON may be extended"}`},
	"the same, escaped":      {Tail: `,"crossOrigin":false,"extraData":"x"}`, Escaped: true},
	"escaped, standard tail": {Tail: wallet.Standard.Tail, Escaped: true},
	"plain, play's tail":     {Tail: wallet.Play.Tail},
	"token binding":          {Tail: `,"crossOrigin":false,"tokenBinding":{"status":"supported"}}`},
	"nested":                 {Tail: `,"a":[1,{"b":null,"c":[true,-1.5e3,"\ud83d\ude00"]}]}`},
	"spaces":                 {Tail: `,"crossOrigin": false , "a" : 1 }`},
	"another android":        {Tail: `,"androidPackageName":"org.example.browser"}`, Escaped: true},
}

// However a browser writes client data, the pass verifies; the known ways cost
// no byte.
func TestClientData(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	ways := map[string]wallet.ClientData{
		"standard": wallet.Standard, "webkit": wallet.WebKit, "grease": wallet.Grease, "play": wallet.Play,
	}
	known := len(ways)
	for name, way := range goodTails {
		ways[name] = way
	}
	lengths := map[int]int{}
	for name, way := range ways {
		w.Authenticator.ClientData = way
		text := rotating(t, w, 20, nil, 0, nil)
		if err := v.Rotating(parse(t, text), w.HolderKey(), doors, 0); err != nil {
			t.Errorf("%s: Rotating: %v", name, err)
		}
		lengths[len(text)]++
	}
	if shortest := len(rotating(t, newWallet(t, "a"), 20, nil, 0, nil)); lengths[shortest] != known {
		t.Errorf("%d ways fit %d characters, want %d; lengths %v", lengths[shortest], shortest, known, lengths)
	}
}

func TestVerifyAssertion(t *testing.T) {
	challenge := bytes.Repeat([]byte{7}, 32)
	check := func(name string, w *wallet.Wallet, change func(*pass.Assertion), want error) {
		t.Helper()
		a, err := w.Possession(challenge)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(&a)
		}
		if err := pass.VerifyAssertion(site, w.HolderKey(), challenge, a); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%s: VerifyAssertion = %v, want %v", name, err, want)
		}
	}
	w := newWallet(t, "a")
	check("plain", w, nil, nil)
	w.Authenticator.HighS = true
	check("high s, as authenticators send it", w, nil, nil)
	w.Authenticator.HighS = false
	w.Authenticator.Flags |= wallet.BackupEligible | wallet.BackedUp
	w.Authenticator.Counter = 77
	check("synchronised passkey with a counter", w, nil, nil)
	for name, way := range goodTails {
		w.Authenticator.ClientData = way
		check(name, w, nil, nil)
	}
	for name, tail := range badTails {
		w.Authenticator.ClientData = wallet.ClientData{Tail: tail}
		check(name, w, nil, pass.ErrBadProof)
	}
	w = newWallet(t, "a")
	for name, change := range map[string]func(*pass.Assertion){
		"no signature":            func(a *pass.Assertion) { a.Signature = nil },
		"signature cut":           func(a *pass.Assertion) { a.Signature = a.Signature[:len(a.Signature)-1] },
		"signature with more":     func(a *pass.Assertion) { a.Signature = append(a.Signature, 0) },
		"signature changed":       func(a *pass.Assertion) { a.Signature[20] ^= 1 },
		"authenticator data cut":  func(a *pass.Assertion) { a.AuthenticatorData = a.AuthenticatorData[:36] },
		"authenticator data more": func(a *pass.Assertion) { a.AuthenticatorData = append(a.AuthenticatorData, 0) },
		"no authenticator data":   func(a *pass.Assertion) { a.AuthenticatorData = nil },
		"another rp id hash":      func(a *pass.Assertion) { a.AuthenticatorData[0] ^= 1 },
		"counter changed":         func(a *pass.Assertion) { a.AuthenticatorData[36] ^= 1 },
		"reserved flag":           func(a *pass.Assertion) { a.AuthenticatorData[32] |= 0x20 },
		"no client data":          func(a *pass.Assertion) { a.ClientDataJSON = nil },
		"a space in client data":  func(a *pass.Assertion) { a.ClientDataJSON = append([]byte{' '}, a.ClientDataJSON...) },
		"of a registration": func(a *pass.Assertion) {
			a.ClientDataJSON = bytes.Replace(a.ClientDataJSON, []byte("webauthn.get"), []byte("webauthn.create"), 1)
		},
		"of a payment": func(a *pass.Assertion) {
			a.ClientDataJSON = bytes.Replace(a.ClientDataJSON, []byte("webauthn.get"), []byte("payment.get"), 1)
		},
	} {
		check(name, w, change, pass.ErrBadProof)
	}
	w.Authenticator.Flags = wallet.UserPresent
	check("user not verified", w, nil, pass.ErrUserNotVerified)
	w.Authenticator.Flags = wallet.UserVerified
	check("user not present", w, nil, pass.ErrUserNotVerified)

	good := newWallet(t, "a")
	a, err := good.Possession(challenge)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		rp        ticket.RelyingParty
		key       ticket.HolderKey
		challenge []byte
	}{
		"another site":      {ticket.RelyingParty{ID: "evil.example", Origin: "https://evil.example"}, good.HolderKey(), challenge},
		"another origin":    {ticket.RelyingParty{ID: site.ID, Origin: site.Origin + ":444"}, good.HolderKey(), challenge},
		"another key":       {site, newWallet(t, "b").HolderKey(), challenge},
		"another challenge": {site, good.HolderKey(), bytes.Repeat([]byte{8}, 32)},
		"short challenge":   {site, good.HolderKey(), challenge[:15]},
		"long challenge":    {site, good.HolderKey(), make([]byte, 65)},
	} {
		if err := pass.VerifyAssertion(c.rp, c.key, c.challenge, a); !errors.Is(err, pass.ErrBadProof) {
			t.Errorf("%s: VerifyAssertion = %v, want ErrBadProof", name, err)
		}
	}
}

func TestNewVerifierRefuses(t *testing.T) {
	for _, rp := range []ticket.RelyingParty{
		{},
		{ID: "tickets.example"},
		{Origin: "https://tickets.example"},
		{ID: "tickets.example", Origin: "http://tickets.example"},
		{ID: "tickets.example", Origin: "https://tickets.example/"},
		{ID: "tickets.example", Origin: "https://tickets.example/path"},
		{ID: "tickets.example", Origin: "https://Tickets.example"},
		{ID: "tickets.example", Origin: "https://evil.example"},
		{ID: "tickets.example", Origin: "https://eviltickets.example"},
		{ID: "tickets.example", Origin: "https://tickets.example:port"},
		{ID: "tickets.example", Origin: `https://tickets.example"`},
		{ID: "tickets.example", Origin: "https://user@tickets.example"},
		{ID: "tickets.example", Origin: "android:apk-key-hash:abc"},
		{ID: "tickets.example", Origin: "https://" + strings.Repeat("a", 300) + ".tickets.example"},
	} {
		if _, err := pass.NewVerifier(rp); !errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("NewVerifier(%+v) = %v, want ErrInvalid", rp, err)
		}
	}
	for _, rp := range []ticket.RelyingParty{
		{ID: "tickets.example", Origin: "https://tickets.example"},
		{ID: "tickets.example", Origin: "https://wallet.tickets.example:8443"},
		{ID: "localhost", Origin: "http://localhost:8080"},
	} {
		if _, err := pass.NewVerifier(rp); err != nil {
			t.Errorf("NewVerifier(%+v): %v", rp, err)
		}
	}
}

// rawSignature is r‖s of an assertion, low s.
func rawSignature(t testing.TB, a pass.Assertion) [64]byte {
	t.Helper()
	raw, err := trust.RawSignature(a.Signature)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The wallet normalises what authenticators send with s in the upper half.
func TestSealLowersS(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	low := rotating(t, w, 20, nil, 0, nil)
	again := newWallet(t, "a")
	again.Authenticator.HighS = true
	if high := rotating(t, again, 20, nil, 0, nil); high != low {
		t.Errorf("pass from a high s differs:\n%s\n%s", high, low)
	}
	if err := v.Rotating(parse(t, low), w.HolderKey(), doors.Add(time.Second), 0); err != nil {
		t.Error(err)
	}
}
