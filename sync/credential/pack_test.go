package credential_test

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
)

// typical are the presentations that people will show: what a phone at the staff
// lane has to bring through the camera.
func typical(t testing.TB) map[string]string {
	t.Helper()
	issuer, holder, relative := newEd25519(t, "registrar"), newP256(t, "holder"), newP256(t, "relative")
	staff := staffOf(holder)
	staff.Status = &credential.StatusRef{List: someList, Index: 94567}
	staff.Staff.Events = []ticket.EventID{7, 8, 12}
	family := familyOf(holder, relative)
	family.Status = &credential.StatusRef{List: someList, Index: 4711}
	age := ageOf(holder)
	age.Status = &credential.StatusRef{List: someList, Index: 1}
	return map[string]string{
		"staff":          present(t, holder, issue(t, issuer, staff)),
		"family":         present(t, holder, issue(t, issuer, family)),
		"age":            present(t, holder, issue(t, issuer, age)),
		"family and age": present(t, holder, issue(t, issuer, family), issue(t, issuer, age)),
		"staff of P-256": present(t, holder, issue(t, newP256(t, "registrar"), staff)),
	}
}

func TestPackComesBack(t *testing.T) {
	for name, vp := range typical(t) {
		packed, err := credential.Pack(vp)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		back, err := credential.Unpack(packed)
		if err != nil || back != vp {
			t.Errorf("%s: comes back as %q, %v, want %q", name, back, err, vp)
		}
		t.Logf("%s: %d characters packed into %d bytes: %d parts of 150", name, len(vp), len(packed), (len(packed)+149)/150)
	}
}

// TestPackedSize holds the figure that a code in parts was designed for.
func TestPackedSize(t *testing.T) {
	for name, most := range map[string]int{"staff": 680, "family": 700, "age": 650} {
		packed, err := credential.Pack(typical(t)[name])
		if err != nil || len(packed) > most {
			t.Errorf("%s: %d bytes, %v, want at most %d", name, len(packed), err, most)
		}
	}
}

// TestPackOfOddPayloads: lifting is a matter of bytes, not of JSON.
func TestPackOfOddPayloads(t *testing.T) {
	holder := newP256(t, "holder")
	jwt := present(t, holder, "x")
	for name, payload := range map[string]string{
		"no credential":               `{}`,
		"not JSON":                    `hello`,
		"one":                         `{"a":"` + jwt + `"}`,
		"the very beginning":          `"` + jwt + `"`,
		"side by side":                `"` + jwt + `""` + jwt + `"`,
		"without a mark between":      `"` + jwt + `"` + jwt + `"`,
		"as many as are lifted":       strings.Repeat(`"`+jwt+`",`, credential.MaxShown),
		"one more":                    strings.Repeat(`"`+jwt+`",`, credential.MaxShown+1),
		"without an end":              `"` + jwt,
		"with a space":                `"` + jwt + ` "`,
		"with spare bits":             `"` + jwt[:len(jwt)-1] + next(jwt[len(jwt)-1]) + `"`,
		"escaped":                     `"` + strings.Replace(jwt, ".", `\u002e`, 1) + `"`,
		"an empty part":               `"` + strings.Split(jwt, ".")[0] + ".." + strings.Split(jwt, ".")[2] + `"`,
		"only marks":                  `""""""`,
		"in another and not unpacked": `"` + rawJWS(t, holder, headerOf(holder), []byte(`{"a":"`+jwt+`"}`)) + `"`,
	} {
		vp := rawJWS(t, holder, headerOf(holder), []byte(payload))
		packed, err := credential.Pack(vp)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if back, err := credential.Unpack(packed); err != nil || back != vp {
			t.Errorf("%s: comes back as %q, %v, want %q", name, back, err, vp)
		}
	}
}

func TestPackRefuses(t *testing.T) {
	holder := newP256(t, "holder")
	good := present(t, holder, "x")
	for name, vp := range map[string]string{
		"nothing":           "",
		"two parts":         "a.b",
		"a short signature": good[:len(good)-4],
		"spare bits":        good[:len(good)-1] + next(good[len(good)-1]),
		"too long":          good + strings.Repeat("A", credential.MaxPresentation),
		"not small":         rawJWS(t, holder, headerOf(holder), incompressible(3000)),
	} {
		if packed, err := credential.Pack(vp); verdict(err) != "malformed" {
			t.Errorf("%s: %x, %v, want malformed", name, packed, err)
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	good, err := credential.Pack(typical(t)["staff"])
	if err != nil {
		t.Fatal(err)
	}
	const signatures = 2 + 2*64
	plain := inflated(t, good[signatures:])
	again := func(plain []byte) []byte {
		return append(append([]byte(nil), good[:signatures]...), deflated(t, plain)...)
	}
	changed := func(at int, b byte) []byte {
		c := append([]byte(nil), good...)
		c[at] = b
		return c
	}
	place := 4 + int(binary.BigEndian.Uint16(plain)) + int(binary.BigEndian.Uint16(plain[2+binary.BigEndian.Uint16(plain):]))
	away := append([]byte(nil), plain...)
	binary.BigEndian.PutUint16(away[place:], 0xffff)
	if _, err := credential.Unpack(again(plain)); err != nil {
		t.Fatalf("made again: %v", err)
	}
	for name, data := range map[string][]byte{
		"nothing":               nil,
		"another version":       changed(0, 2),
		"too many credentials":  changed(1, credential.MaxShown+1),
		"a credential more":     changed(1, 2),
		"a credential less":     changed(1, 0),
		"no signatures":         good[:2],
		"half the signatures":   good[:signatures-1],
		"no stream":             good[:signatures],
		"half the stream":       good[:len(good)-20],
		"a byte after":          append(append([]byte(nil), good...), 0),
		"too long":              append(append([]byte(nil), good...), make([]byte, credential.MaxPacked)...),
		"a byte more inside":    again(append(append([]byte(nil), plain...), 0)),
		"a byte less inside":    again(plain[:len(plain)-1]),
		"a place far away":      again(away),
		"a bomb":                again(make([]byte, 1<<20)),
		"an empty stream":       again(nil),
		"a length that is wild": again([]byte{0xff, 0xff}),
	} {
		if text, err := credential.Unpack(data); verdict(err) != "malformed" {
			t.Errorf("%s: %q, %v, want malformed", name, text, err)
		}
	}
}

// incompressible is n bytes of which none can be foretold.
func incompressible(n int) []byte {
	b := make([]byte, 0, n+64)
	for i := 0; len(b) < n; i++ {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		b = append(b, sum[:]...)
	}
	return b[:n]
}

func inflated(t testing.TB, stream []byte) []byte {
	t.Helper()
	plain, err := io.ReadAll(flate.NewReader(bytes.NewReader(stream)))
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func deflated(t testing.TB, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := flate.NewWriter(&b, flate.BestCompression)
	if err == nil {
		_, err = z.Write(plain)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestUnpackKeepsTheOrder: the places of two credentials may not go back.
func TestUnpackKeepsTheOrder(t *testing.T) {
	segment := func(b string) string { return string(binary.BigEndian.AppendUint16(nil, uint16(len(b)))) + b }
	place := func(n uint16) string { return string(binary.BigEndian.AppendUint16(nil, n)) }
	for _, x := range []struct {
		first, second uint16
		want          string
	}{{2, 4, "ok"}, {4, 4, "ok"}, {4, 2, "malformed"}, {4, 0, "malformed"}, {0, 5, "malformed"}} {
		plain := segment("{}") + segment("abcd") + place(x.first) + segment("1") + segment("2") + place(x.second) + segment("3") + segment("4")
		data := append([]byte{1, 2}, make([]byte, 3*64)...)
		text, err := credential.Unpack(append(data, deflated(t, []byte(plain))...))
		if verdict(err) != x.want {
			t.Errorf("places %d and %d: %q, %v, want %s", x.first, x.second, text, err, x.want)
		}
	}
}

// TestUnpackCountsCredentials: as many as may be shown, and no more.
func TestUnpackCountsCredentials(t *testing.T) {
	segment := "\x00\x01x"
	for n, want := range map[int]string{0: "ok", credential.MaxShown: "ok", credential.MaxShown + 1: "malformed"} {
		plain := segment + segment + strings.Repeat("\x00\x00"+segment+segment, n)
		data := append([]byte{1, byte(n)}, make([]byte, (n+1)*64)...)
		if text, err := credential.Unpack(append(data, deflated(t, []byte(plain))...)); verdict(err) != want {
			t.Errorf("%d credentials: %q, %v, want %s", n, text, err, want)
		}
	}
}
