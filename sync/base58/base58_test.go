package base58_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/base58"
)

// The pairs are those of draft-msporny-base58-03, and Solana's system program.
func TestKnown(t *testing.T) {
	for text, want := range map[string]string{
		"2NEpo7TZRRrLZSi2U": "Hello World!",
		"USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z": "The quick brown fox jumps over the lazy dog.",
		"11233QC4":                         "\x00\x00\x28\x7f\xb4\xcd",
		"11111111111111111111111111111111": strings.Repeat("\x00", 32),
	} {
		if got := base58.Encode([]byte(want)); got != text {
			t.Errorf("Encode(%q) = %q, want %q", want, got, text)
		}
		if got, ok := base58.Decode(text, len(want)); !ok || string(got) != want {
			t.Errorf("Decode(%q) = %q, %t, want %q", text, got, ok, want)
		}
		if got, ok := base58.Decode(text, len(want)-1); ok {
			t.Errorf("Decode(%q) = %q within %d bytes", text, got, len(want)-1)
		}
	}
	for _, text := range []string{"", "0", "O", "I", "l", " 2", "2 ", "2\n", "é", strings.Repeat("1", 1<<20)} {
		if got, ok := base58.Decode(text, 32); ok {
			t.Errorf("Decode(%.20q) = %q", text, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("11233QC4", []byte("\x00\x00a"))
	f.Fuzz(func(t *testing.T, text string, raw []byte) {
		if got, ok := base58.Decode(text, 64); ok && (len(got) > 64 || base58.Encode(got) != text) {
			t.Errorf("%q is read as %q, which is written %q", text, got, base58.Encode(got))
		}
		if len(raw) == 0 || len(raw) > 64 {
			return
		}
		if got, ok := base58.Decode(base58.Encode(raw), 64); !ok || !bytes.Equal(got, raw) {
			t.Errorf("%q comes back as %q, %t", raw, got, ok)
		}
	})
}
