package identity_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/con-ting/conting/gate/identity"
)

const pin = "ABCDEFGHIJKLMNOPQRSTUVWXYY"

func TestParseInvitation(t *testing.T) {
	for _, in := range []string{
		"https://central.example:8443/enrol#ABCD-EFGH." + pin,
		"https://127.0.0.1:1/enrol#abc_123." + pin,
		"https://[::1]:8443/enrol#ABCDEF." + pin,
	} {
		inv, err := identity.ParseInvitation(in)
		if err != nil || inv.Base+"/enrol#"+inv.Code+"."+inv.Pin.String() != in {
			t.Errorf("%q: got %+v, %v", in, inv, err)
		}
	}
	for _, in := range []string{
		"", "x", "https://h:1/enrol", "https://h:1/enrol#", "https://h:1/enrol#ABCDEF", "https://h:1/enrol#ABCDEF.",
		"http://h:1/enrol#ABCDEF." + pin, "https://h/enrol#ABCDEF." + pin, "https://:1/enrol#ABCDEF." + pin,
		"https://u:p@h:1/enrol#ABCDEF." + pin, "https://h:1/enrol?x=1#ABCDEF." + pin, "https://h:1/enrol?#ABCDEF." + pin,
		"https://h:1/#ABCDEF." + pin, "https://h:1/enrol/#ABCDEF." + pin, "https://h:1/enrol#ABC." + pin,
		"https://h:1/enrol#ABC DEF." + pin, "https://h:1/enrol#ABCDEF." + pin + "\n", " https://h:1/enrol#ABCDEF." + pin,
		"https://h:1/enrol#ABCDEF." + strings.ToLower(pin), "https://h:1/enrol#ABCDEF." + pin + "A", "https://h:1/enrol#ABCDEF." + pin[1:],
		"https://h:1/enrol#ABCDEF." + pin[:25] + "Z", // bits beyond the 16th byte
		"https://h:1/enrol#" + strings.Repeat("A", 65) + "." + pin,
		"https://" + strings.Repeat("h", 600) + ":1/enrol#ABCDEF." + pin,
		"https://h:1/enrol#ABCDEF." + pin + "." + pin, "https://h%zz:1/enrol#ABCDEF." + pin,
	} {
		if inv, err := identity.ParseInvitation(in); !errors.Is(err, identity.ErrInvitation) {
			t.Errorf("%q: got %+v, %v, want an error", in, inv, err)
		} else if strings.Contains(err.Error(), "ABCDEF") {
			t.Errorf("%q: the code stands in %v", in, err)
		}
	}
}

func FuzzParseInvitation(f *testing.F) {
	f.Add("https://central.example:8443/enrol#ABCD-EFGH." + pin)
	f.Add("https://[::1]:8443/enrol#ABCDEF." + pin)
	f.Add("https://u@h:1/enrol?x#A.B")
	f.Fuzz(func(t *testing.T, in string) {
		inv, err := identity.ParseInvitation(in)
		if err == nil && inv.Base+"/enrol#"+inv.Code+"."+inv.Pin.String() != in {
			t.Errorf("%q read as %+v", in, inv)
		}
	})
}
