package account_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
)

const somebody = "00112233445566778899aabbccddeeff"

func access(t testing.TB, key byte, now func() time.Time) *account.Access {
	t.Helper()
	a, err := account.NewAccess([32]byte{key}, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAccess(t *testing.T) {
	c := &clock{}
	c.ms.Store(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	a := access(t, 1, c.Now)
	token, expires := a.Mint(somebody)
	if got, want := expires.Sub(c.Now()), account.AccessLifetime; got != want {
		t.Errorf("the token lasts %s, want %s", got, want)
	}
	if len(token) != account.AccessLen {
		t.Fatalf("token of %d bytes, want %d", len(token), account.AccessLen)
	}
	check := func(what string, by *account.Access, token, want string) {
		t.Helper()
		got, err := by.Check(token)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: Check = %q, %v; want %q", what, got, err, want)
		}
		if want == "" {
			wantErr(t, what, err, account.ErrAccess)
		}
	}
	check("fresh", a, token, somebody)
	check("of another process", access(t, 1, c.Now), token, somebody)
	check("under another key", access(t, 2, c.Now), token, "")
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		raw[i] ^= 1
		check("with a changed byte", a, base64.RawURLEncoding.EncodeToString(raw), "")
		raw[i] ^= 1
	}
	for _, wrong := range []string{
		"", token[1:], token + "A", token + "=", strings.Repeat("A", account.AccessLen), strings.Repeat("é", account.AccessLen/2),
		token[:53] + "\n", "\n" + token[:53], token[:20] + "\r\n" + token[22:],
	} {
		check("malformed "+wrong, a, wrong, "")
	}
	c.Advance(account.AccessLifetime - time.Millisecond)
	check("in its last second", a, token, somebody)
	c.Advance(time.Millisecond)
	check("ended", a, token, "")
}

// Only one spelling of a token is taken: the unused bits of the last character are
// zero.
func TestAccessIsSpeltOneWay(t *testing.T) {
	a := access(t, 1, time.Now)
	token, _ := a.Mint(somebody)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	good := 0
	for i := range alphabet {
		if _, err := a.Check(token[:len(token)-1] + alphabet[i:i+1]); err == nil {
			good++
		}
	}
	if good != 1 {
		t.Errorf("%d last characters are taken, want 1", good)
	}
}

func TestAccessIsForAccounts(t *testing.T) {
	a := access(t, 1, time.Now)
	for _, no := range []string{"", "kim", somebody[1:], somebody + "0", strings.Repeat("x", 32), strings.Repeat("é", 16)} {
		if token, expires := a.Mint(no); token != "" || !expires.IsZero() {
			t.Errorf("Mint(%q) = %q, %s; want nothing", no, token, expires)
		}
	}
	if _, err := account.NewAccess([32]byte{}, time.Now); err == nil {
		t.Error("a zero key is taken")
	}
	if _, err := account.NewAccess([32]byte{1}, nil); err == nil {
		t.Error("no clock is taken")
	}
}

func FuzzAccess(f *testing.F) {
	a := access(f, 1, time.Now)
	token, _ := a.Mint(somebody)
	f.Add(token)
	f.Add(strings.Repeat("_", account.AccessLen))
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := a.Check(s); err == nil && (s != token || got != somebody) {
			t.Errorf("Check(%q) = %q", s, got)
		}
	})
}

func BenchmarkAccessCheck(b *testing.B) {
	a := access(b, 1, time.Now)
	token, _ := a.Mint(somebody)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Check(token); err != nil {
			b.Fatal(err)
		}
	}
}
