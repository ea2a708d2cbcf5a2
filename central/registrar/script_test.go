package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"registrar": main})
}

// TestScripts drives the built command, with the verifier of central and gates at
// its other end.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOLDER", string(someDID(t, "holder")))
			env.Setenv("RELATIVE", string(someDID(t, "relative")))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"verify": verify, "idof": idof, "newer": newer, "private": isPrivate, "tear": tear, "append": extend, "fetch": fetch, "absent": absent,
		},
	})
}

// someDID is that of a phone.
func someDID(t testing.TB, name string) credential.DID {
	t.Helper()
	d := sha256.Sum256([]byte(name))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d[:])
	if err != nil {
		t.Fatal(err)
	}
	pub, err := trust.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	did, err := credential.KeyDID(pub)
	if err != nil {
		t.Fatal(err)
	}
	return did
}

type published struct {
	URL string `json:"url"`
	JWT string `json:"jwt"`
}

func readList(ts *testscript.TestScript, name string) published {
	var p published
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(name)), &p))
	return p
}

// verify ISSUER.json LIST.json CREDENTIAL.jwt VERDICT
func verify(ts *testscript.TestScript, _ bool, args []string) {
	issuer, err := credential.ParseIssuer([]byte(strings.TrimSpace(ts.ReadFile(args[0]))))
	ts.Check(err)
	list := readList(ts, args[1])
	v, err := credential.New(context.Background(), credential.Config{
		Issuers:  []trust.Issuer{issuer},
		Statuses: func(url string) ([]byte, bool) { return []byte(list.JWT), url == list.URL },
	})
	ts.Check(err)
	_, err = v.Credential(context.Background(), strings.TrimSpace(ts.ReadFile(args[2])), time.Now())
	want, known := map[string]error{"ok": nil, "issuer": credential.ErrIssuer, "revoked": credential.ErrRevoked}[args[3]]
	if !known || !errors.Is(err, want) {
		ts.Fatalf("%s: %v, want %s", args[2], err, args[3])
	}
}

// idof CREDENTIAL.jwt sets ID.
func idof(ts *testscript.TestScript, _ bool, args []string) {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(ts.ReadFile(args[0]), ".")[1])
	ts.Check(err)
	var claims struct {
		ID string `json:"jti"`
	}
	ts.Check(json.Unmarshal(payload, &claims))
	ts.Setenv("ID", claims.ID)
}

// newer A B: the list B begins after A.
func newer(ts *testscript.TestScript, _ bool, args []string) {
	var begins [2]int64
	for i := range begins {
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(readList(ts, args[i]).JWT, ".")[1])
		ts.Check(err)
		var claims struct {
			Begins int64 `json:"nbf"`
		}
		ts.Check(json.Unmarshal(payload, &claims))
		begins[i] = claims.Begins
	}
	if begins[0] >= begins[1] {
		ts.Fatalf("%s begins at %d and %s at %d", args[0], begins[0], args[1], begins[1])
	}
}

// private FILE...: nobody else may read them.
func isPrivate(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if info.Mode().Perm() != 0o600 {
			ts.Fatalf("%s has mode %04o", name, info.Mode().Perm())
		}
	}
}

// tear FILE: the power went while a line was being written.
func tear(ts *testscript.TestScript, _ bool, args []string) {
	extend(ts, false, []string{args[0], `{"issued":{"id":"urn:uuid:half`})
	raw := []byte(ts.ReadFile(args[0]))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.TrimSuffix(raw, []byte("\n")), 0o600))
}

// extend FILE LINE
func extend(ts *testscript.TestScript, _ bool, args []string) {
	raw := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(raw+args[1]+"\n"), 0o600))
}
