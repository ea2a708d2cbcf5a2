package ticket_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/ticket"
)

func TestID(t *testing.T) {
	id := ticket.ID{0xde, 0xad, 15: 0xff}
	const text = "dead00000000000000000000000000ff"
	if id.String() != text {
		t.Errorf("String = %q, want %q", id, text)
	}
	for in, ok := range map[string]bool{
		text: true, strings.ToUpper(text): true,
		"": false, text[1:]: false, text + "0": false, "g" + text[1:]: false, " " + text[1:]: false,
	} {
		got, err := ticket.ParseID(in)
		if (err == nil) != ok || ok && got != id || !ok && (!errors.Is(err, ticket.ErrInvalid) || !got.IsZero()) {
			t.Errorf("ParseID(%q) = %s, %v, want ok %t", in, got, err, ok)
		}
		kept := ticket.ID{1}
		if err := kept.UnmarshalText([]byte(in)); (err == nil) != ok || !ok && kept != (ticket.ID{1}) {
			t.Errorf("UnmarshalText(%q) = %v, id %s", in, err, kept)
		}
	}
	if !(ticket.ID{}).IsZero() || id.IsZero() {
		t.Error("IsZero is wrong")
	}
}

func TestEventID(t *testing.T) {
	for in, want := range map[string]ticket.EventID{"1": 1, "4294967295": 1<<32 - 1, "007": 7} {
		if got, err := ticket.ParseEventID(in); err != nil || got != want {
			t.Errorf("ParseEventID(%q) = %s, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "0", "-1", "4294967296", "1.0", "0x1", " 1", "1_000"} {
		if got, err := ticket.ParseEventID(in); !errors.Is(err, ticket.ErrInvalid) || got != 0 {
			t.Errorf("ParseEventID(%q) = %s, %v, want ErrInvalid", in, got, err)
		}
	}
}

func TestDeviceID(t *testing.T) {
	longest := strings.Repeat("a", ticket.MaxDeviceIDLen)
	for _, in := range []string{"a", "7", "gate-1", "a--b", longest} {
		if got, err := ticket.ParseDeviceID(in); err != nil || string(got) != in {
			t.Errorf("ParseDeviceID(%q) = %q, %v", in, got, err)
		}
	}
	// What MQTT, a file system, a certificate or a log line could take amiss.
	for _, in := range []string{
		"", longest + "a", "-a", "a-", "-", "A", "a b", "a/b", "#", "+", "$sys", "..", "a.b", "a\x00", "a\n", "ä", "a_b", "a=b", "*",
	} {
		if got, err := ticket.ParseDeviceID(in); !errors.Is(err, ticket.ErrInvalid) || got != "" {
			t.Errorf("ParseDeviceID(%q) = %q, %v, want ErrInvalid", in, got, err)
		}
	}
}

func TestHolderKey(t *testing.T) {
	k := ticket.HolderKey{3, 1, 2, 32: 0xff}
	text := k.String()
	if got, err := ticket.ParseHolderKey(text); err != nil || got != k {
		t.Errorf("ParseHolderKey(%q) = %v, %v", text, got, err)
	}
	for name, in := range map[string]string{
		"empty": "", "cut": text[:43], "longer": text + "A", "padded": text + "=", "standard alphabet": strings.Replace(text, "_", "/", 1),
		"uncompressed": (ticket.HolderKey{4}).String(), "zero": (ticket.HolderKey{}).String(), "line feed": text[:20] + "\n" + text[20:],
	} {
		if got, err := ticket.ParseHolderKey(in); !errors.Is(err, ticket.ErrInvalid) || !got.IsZero() {
			t.Errorf("%s: ParseHolderKey(%q) = %v, %v, want ErrInvalid", name, in, got, err)
		}
	}
}

// Nothing that is read is written differently, beyond the case of hexadecimal digits.
func FuzzParseID(f *testing.F) {
	f.Fuzz(func(t *testing.T, in string) {
		if id, err := ticket.ParseID(in); err == nil && id.String() != strings.ToLower(in) {
			t.Errorf("ParseID(%q) is written %s", in, id)
		}
	})
}

func FuzzParseHolderKey(f *testing.F) {
	f.Fuzz(func(t *testing.T, in string) {
		if k, err := ticket.ParseHolderKey(in); err == nil && k.String() != in {
			t.Errorf("ParseHolderKey(%q) is written %s", in, k)
		}
	})
}
