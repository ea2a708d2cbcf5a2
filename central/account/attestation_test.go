package account_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/testdata/wallet"
)

// The specification's vector for ES256 without attestation (WebAuthn Level 3,
// section 16): its user was present, not verified.
const (
	vectorAttestation = "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b5" +
		"59000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4" +
		"a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220"
	vectorClientData = "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22414d4d507434557878475453746e63647134313759447742466938767049612d7077386f4f755657345441" +
		"222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d61792062652065787465" +
		"6e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a20426b5165446a646354427258426941774a544c453551227d"
	vectorChallenge = "AMMPt4UxxGTStncdq417YDwBFi8vpIa-pw8oOuVW4TA"
	vectorID        = "f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4"
	vectorX         = "afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSpecificationVector(t *testing.T) {
	challenge, err := base64.RawURLEncoding.DecodeString(vectorChallenge)
	if err != nil {
		t.Fatal(err)
	}
	if err := account.CheckCreated(unhex(t, vectorClientData), challenge, "https://example.org"); err != nil {
		t.Errorf("client data of the specification: %v", err)
	}
	b := unhex(t, vectorAttestation)
	_, _, _, err = account.ParseAttestation(b, "example.org")
	wantErr(t, "the specification's vector, without user verification", err, account.ErrPasskey)
	flags := len(b) - 164 + 32
	if b[flags] != 0x59 {
		t.Fatalf("flags %#x at %d", b[flags], flags)
	}
	b[flags] |= wallet.UserVerified
	id, key, counter, err := account.ParseAttestation(b, "example.org")
	if err != nil || !bytes.Equal(id, unhex(t, vectorID)) || key[0] != 2 || !bytes.Equal(key[1:], unhex(t, vectorX)) || counter != 0 {
		t.Errorf("with user verification: id %x, key %x, counter %d, %v", id, key, counter, err)
	}
}

// authData takes a good registration's authenticator data out of its wrapping.
func authData(t testing.TB, a *wallet.Authenticator) []byte {
	t.Helper()
	r, err := a.Attest([]byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_, b, ok := bytes.Cut(r.AttestationObject, []byte("authData"))
	if !ok {
		t.Fatal("no authData")
	}
	return b[2:]
}

// Offsets in that authenticator data: the credential id has 32 bytes.
const (
	atFlags  = 32
	atLength = 53
	atID     = 55
	atKey    = atID + 32
)

func TestAttestationRefused(t *testing.T) {
	h := start(t)
	a := h.phone("a")
	good := authData(t, a)
	change := func(f func(b []byte) []byte) []byte { return wallet.NoneAttestation(f(slices.Clone(good))) }
	with := func(at int, v ...byte) []byte {
		return change(func(b []byte) []byte { copy(b[at:], v); return b })
	}
	flags := func(f byte) []byte { return with(atFlags, f) }
	object := wallet.NoneAttestation(good)
	long := make([]byte, 1024)
	for name, b := range map[string][]byte{
		"nothing":                  {},
		"an empty map":             {0xa0},
		"an array":                 {0x83, 1, 2, 3},
		"a huge map":               append([]byte{0xbb, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff}, object[1:]...),
		"a huge string":            {0xa3, 0x7b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"trailing byte":            append(slices.Clone(object), 0),
		"cut":                      object[:len(object)-1],
		"too long":                 append(slices.Clone(object), make([]byte, account.MaxAttestation)...),
		"another format":           []byte(strings.Replace(string(object), "\x64none", "\x66packed", 1)),
		"a statement":              []byte(strings.Replace(string(object), "attStmt\xa0", "attStmt\xa1\x61a\x01", 1)),
		"statement is null":        []byte(strings.Replace(string(object), "attStmt\xa0", "attStmt\xf6", 1)),
		"format twice":             []byte(strings.Replace(string(object), "\xa3", "\xa4\x63fmt\x64none", 1)),
		"a fourth member":          []byte(strings.Replace(string(object), "\xa3", "\xa4\x61a\x01", 1)),
		"another spelling":         []byte(strings.Replace(string(object), "\x63fmt", "\x63Fmt", 1)),
		"indefinite map":           append(append([]byte{0xbf}, object[1:]...), 0xff),
		"no authenticator data":    wallet.NoneAttestation(nil),
		"short authenticator data": wallet.NoneAttestation(good[:54]),
		"another relying party":    with(0, good[0]^1),
		"user not verified":        flags(0x41),
		"user not present":         flags(0x44),
		"no credential":            flags(0x05),
		"reserved flag":            flags(0x47),
		"backed up, not eligible":  flags(0x55),
		"extension flag alone":     flags(0xc5),
		"extensions without flag":  change(func(b []byte) []byte { return append(b, 0xa1, 0x61, 'a', 1) }),
		"extensions and more":      change(func(b []byte) []byte { b[atFlags] = 0xc5; return append(b, 0xa1, 0x61, 'a', 1, 0) }),
		"extensions that are none": change(func(b []byte) []byte { b[atFlags] = 0xc5; return append(b, 1) }),
		"id longer than the rest":  with(atLength, 0xff, 0xff),
		"id of no bytes":           change(func(b []byte) []byte { return slices.Concat(b[:atLength], []byte{0, 0}, b[atKey:]) }),
		"id of 15 bytes":           change(func(b []byte) []byte { return slices.Concat(b[:atLength], []byte{0, 15}, b[atID:atID+15], b[atKey:]) }),
		"id of 1024 bytes":         change(func(b []byte) []byte { return slices.Concat(b[:atLength], []byte{4, 0}, long, b[atKey:]) }),
		"an algorithm, ES384":      with(atKey+4, 0x38, 0x22),
		"an algorithm, EdDSA":      with(atKey+4, 0x27),
		"another key type":         with(atKey+2, 0x01),
		"another curve":            with(atKey+6, 0x02),
		"a point off the curve":    with(atKey+10, good[atKey+10]^1),
		"the point zero":           change(func(b []byte) []byte { clear(b[atKey+10 : atKey+42]); clear(b[atKey+45 : atKey+77]); return b }),
		"x beyond the field":       with(atKey+10, bytes.Repeat([]byte{0xff}, 32)...),
		"a compressed point":       change(func(b []byte) []byte { return append(b[:atKey+42], 0x22, 0xf5) }),
		"a private key":            change(func(b []byte) []byte { b[atKey] = 0xa6; return append(b, 0x23, 0x41, 1) }),
		"key in another map order": change(func(b []byte) []byte {
			return slices.Concat(b[:atKey], []byte{0xa5, 0x03, 0x26, 0x01, 0x02}, b[atKey+5:])
		}),
		"authenticator data cut":    wallet.NoneAttestation(good[:len(good)-1]),
		"authenticator data longer": change(func(b []byte) []byte { return append(b, 0) }),
	} {
		id, key, _, err := account.ParseAttestation(b, party.ID)
		wantErr(t, name, err, account.ErrPasskey)
		if id != nil || !key.IsZero() {
			t.Errorf("%s: id %x and key %s beside the error", name, id, key)
		}
	}
	// What is left of the flags says nothing that matters.
	for _, f := range []byte{0x45, 0x4d, 0x5d} {
		if _, key, _, err := account.ParseAttestation(flags(f), party.ID); err != nil || key != a.HolderKey() {
			t.Errorf("flags %#x: %s, %v", f, key, err)
		}
	}
	protect := change(func(b []byte) []byte {
		b[atFlags] = 0xc5
		return append(b, "\xa1\x6bcredProtect\x02"...)
	})
	if _, key, _, err := account.ParseAttestation(protect, party.ID); err != nil || key != a.HolderKey() {
		t.Errorf("a security key's credProtect: %s, %v", key, err)
	}
	longest := change(func(b []byte) []byte { return slices.Concat(b[:atLength], []byte{3, 0xff}, long[:1023], b[atKey:]) })
	if id, _, _, err := account.ParseAttestation(longest, party.ID); err != nil || len(id) != 1023 {
		t.Errorf("id of 1023 bytes: %d bytes, %v", len(id), err)
	}
}

func TestClientDataRefused(t *testing.T) {
	challenge := bytes.Repeat([]byte{7}, 40)
	c := base64.RawURLEncoding.EncodeToString(challenge)
	good := fmt.Sprintf(`{"type":"webauthn.create","challenge":%q,"origin":%q,"crossOrigin":false}`, c, party.Origin)
	edit := func(old, text string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in %s", old, good)
		}
		return strings.Replace(good, old, text, 1)
	}
	for name, s := range map[string]string{
		"nothing":             "",
		"null":                "null",
		"an array":            "[" + good + "]",
		"not UTF-8":           edit("false}", "false,\"a\":\"\xff\"}"),
		"space before":        " " + good,
		"something after":     good + "{}",
		"a sign-in":           edit("webauthn.create", "webauthn.get"),
		"no type":             edit(`"type":"webauthn.create",`, ""),
		"type twice":          edit(`"type":`, `"type":"webauthn.create","type":`),
		"type twice, escaped": edit(`"type":`, `"\u0074ype":"webauthn.create","type":`),
		"another challenge":   edit(c, base64.RawURLEncoding.EncodeToString(append(challenge[1:], 8))),
		"padded challenge":    edit(c, c+"="),
		"shorter challenge":   edit(c, c[:len(c)-1]),
		"another origin":      edit(party.Origin, "https://evil.example"),
		"a longer origin":     edit(party.Origin, party.Origin+".evil.example"),
		"origin without TLS":  edit(party.Origin, "http://tickets.example"),
		"another port":        edit(party.Origin, party.Origin+":8443"),
		"another site":        edit("false", "true"),
		"crossOrigin a word":  edit("false", `"false"`),
		"crossOrigin null":    edit("false", "null"),
		"a top origin":        edit("false", `false,"topOrigin":"https://evil.example"`),
		"a null top origin":   edit("false", `false,"topOrigin":null`),
		"too deep":            edit("false", "false,\"a\":"+strings.Repeat(`{"a":`, 9)+"1"+strings.Repeat("}", 9)),
		"too deep, arrays":    edit("false", "false,\"a\":"+strings.Repeat(`[`, 2000)+strings.Repeat("]", 2000)),
		"too long":            edit("false", `false,"a":"`+strings.Repeat("a", account.MaxClientData)+`"`),
	} {
		wantErr(t, name, account.CheckCreated([]byte(s), challenge, party.Origin), account.ErrPasskey)
	}
	for name, s := range map[string]string{
		"as specified":   good,
		"WebKit":         edit(`,"crossOrigin":false`, ""),
		"grease":         edit("false", `false,"other_keys_can_be_added_here":"do not compare"`),
		"escaped origin": edit(party.Origin, `https:\/\/tickets.example`),
		"nested":         edit("false", `false,"a":{"b":[1,{"c":2}]}`),
	} {
		if err := account.CheckCreated([]byte(s), challenge, party.Origin); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever comes as an attestation object, it is refused or is exactly one
// credential of this relying party; no byte of it is passed over, except where the
// authenticator's model, counter and backup state are.
func FuzzAttestation(f *testing.F) {
	a, err := wallet.NewAuthenticator(party, []byte("fuzz"))
	if err != nil {
		f.Fatal(err)
	}
	good := authData(f, a)
	f.Add(wallet.NoneAttestation(good))
	f.Add(unhex(f, vectorAttestation))
	extended := append(slices.Clone(good), "\xa1\x6bcredProtect\x02"...)
	extended[atFlags] |= 0x80
	f.Add(wallet.NoneAttestation(extended))
	f.Add([]byte("\xa3\x63fmt\x66packed\x67attStmt\xa1\x63alg\x26\x68authData\x40"))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, key, counter, err := account.ParseAttestation(b, party.ID)
		if err != nil {
			return
		}
		switch {
		case len(b) > account.MaxAttestation || !bytes.Contains(b, id) || len(id) < 16 || len(id) > 1023:
			t.Errorf("%x: id %x", b, id)
		case !bytes.Contains(b, key[1:]) || !bytes.Contains(b, binary.BigEndian.AppendUint32(nil, counter)):
			t.Errorf("%x: key %x and counter %d are not in it", b, key, counter)
		}
		if _, _, _, err := account.ParseAttestation(b, "evil.example"); err == nil {
			t.Errorf("%x passes for another relying party too", b)
		}
	})
}

func FuzzClientData(f *testing.F) {
	challenge := bytes.Repeat([]byte{7}, 40)
	c := base64.RawURLEncoding.EncodeToString(challenge)
	for _, tail := range []string{"}", `,"crossOrigin":false}`, `,"crossOrigin":false,"a":[{"b":null}]}`, `,"type":1}`} {
		f.Add([]byte(`{"type":"webauthn.create","challenge":"` + c + `","origin":"` + party.Origin + `"` + tail))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if account.CheckCreated(b, challenge, party.Origin) != nil {
			return
		}
		if len(b) > account.MaxClientData {
			t.Errorf("%d bytes passed", len(b))
		}
		if account.CheckCreated(b, challenge[:39], party.Origin) == nil || account.CheckCreated(b, challenge, "https://evil.example") == nil {
			t.Errorf("%q passes for another challenge or origin too", b)
		}
	})
}
