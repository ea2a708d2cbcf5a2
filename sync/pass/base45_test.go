package pass_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"

	"github.com/con-ting/conting/sync/pass"
)

// The examples of RFC 9285, sections 4.3 and 4.4.
func TestBase45Examples(t *testing.T) {
	for plain, text := range map[string]string{
		"AB":       "BB8",
		"Hello!!":  "%69 VD92EX0",
		"base-45":  "UJCLQE7W581",
		"ietf!":    "QED8WEX0",
		"\xff\xff": "FGW",
		"":         "",
	} {
		if got := string(pass.AppendBase45(nil, []byte(plain))); got != text {
			t.Errorf("base45 of %q = %q, want %q", plain, got, text)
		}
		got, err := pass.DecodeBase45(text)
		if err != nil || string(got) != plain {
			t.Errorf("bytes of %q = %q, %v, want %q", text, got, err, plain)
		}
	}
}

// Section 6: what is not the encoding of something is refused. "GGW" and ":::"
// are the RFC's own; the rest follow from its rules.
func TestBase45Refuses(t *testing.T) {
	for _, text := range []string{"GGW", ":::", "B", "BB8B", "::", "V5", "bb8", "BB\n", "BB8=", "BB_", "B\x00", "\xff\xff\xff", "É8"} {
		if got, err := pass.DecodeBase45(text); err == nil {
			t.Errorf("bytes of %q = %x, want an error", text, got)
		}
	}
}

// Of all texts of one to three characters, exactly those that the encoder writes
// are read: one text for each of 256 bytes and 65,536 pairs.
func TestBase45IsOneToOne(t *testing.T) {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	read := map[int]int{}
	for a := range alphabet {
		for b := range alphabet {
			two := alphabet[a:a+1] + alphabet[b:b+1]
			texts := []string{two}
			for c := range alphabet {
				texts = append(texts, two+alphabet[c:c+1])
			}
			for _, text := range texts {
				got, err := pass.DecodeBase45(text)
				if err != nil {
					continue
				}
				read[len(text)]++
				if again := string(pass.AppendBase45(nil, got)); again != text {
					t.Fatalf("%q reads as %x, which is written %q", text, got, again)
				}
			}
		}
	}
	if read[2] != 1<<8 || read[3] != 1<<16 {
		t.Errorf("texts read by length: %v, want 256 of 2 and 65536 of 3", read)
	}
}

func FuzzBase45(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		b, err := pass.DecodeBase45(text)
		if err != nil {
			return
		}
		if again := pass.AppendBase45(nil, b); !bytes.Equal(again, []byte(text)) {
			t.Errorf("%q reads as %x, which is written %q", text, b, again)
		}
	})
}

// The table agrees with a real encoder, on both sides of each step.
func TestQRVersion(t *testing.T) {
	last := 0
	for n := 1; n <= pass.MaxText; n++ {
		text := strings.Repeat("A", n)
		got := pass.QRVersion(text)
		if got != last || n == pass.MaxText {
			for _, length := range []int{n - 1, n} {
				if length == 0 {
					continue
				}
				code, err := encoder.Encoder_encode(text[:length], decoder.ErrorCorrectionLevel_L, nil)
				if err != nil {
					t.Fatal(err)
				}
				if want := code.GetVersion().GetVersionNumber(); pass.QRVersion(text[:length]) != want {
					t.Errorf("%d characters: version %d, want %d", length, pass.QRVersion(text[:length]), want)
				}
			}
		}
		last = got
	}
	if last != 18 {
		t.Errorf("the longest text needs version %d, the comment of MaxText says 18", last)
	}
	if got := pass.QRVersion(strings.Repeat("A", pass.MaxText*2)); got != 0 {
		t.Errorf("twice the longest text fits version %d, want 0", got)
	}
}
