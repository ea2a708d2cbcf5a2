package token_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/mint/token"
)

func TestClip(t *testing.T) {
	for _, x := range []struct {
		in   string
		n    int
		want string
	}{
		{"", 5, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc"},
		{"겨울", 6, "겨울"},
		{"겨울", 5, "겨"},
		{"겨울", 2, ""},
		{"ab cd", 3, "ab"},
		{"a🎫b", 4, "a"},
		{"a🎫b", 5, "a🎫"},
		{"abc", 0, ""},
		{"\x80\x80\x80", 2, ""}, // not text at all
	} {
		if got := token.Clip(x.in, x.n); got != x.want {
			t.Errorf("Clip(%q, %d): got %q, want %q", x.in, x.n, got, x.want)
		}
	}
}

func TestDescribe(t *testing.T) {
	s, err := token.Describe(token.Text{Event: "겨울 음악회, 둘째 날 저녁 공연", Seat: "A-12-07", URI: link})
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "겨울 음악회, 둘째 날 저" || s.Symbol != "TICKET" || s.URI != link {
		t.Errorf("got %+v", s)
	}
	if want := []token.Pair{{Key: "event", Value: "겨울 음악회, 둘째 날 저녁 공연"}, {Key: "seat", Value: "A-12-07"}}; len(s.Extra) != 2 || s.Extra[0] != want[0] || s.Extra[1] != want[1] {
		t.Errorf("got %q, want %q", s.Extra, want)
	}
	for what, x := range map[string]struct {
		text token.Text
		want error
	}{
		"no event":            {token.Text{URI: link}, token.ErrText},
		"no link":             {token.Text{Event: "x"}, token.ErrText},
		"event no UTF-8":      {token.Text{Event: "겨\xff", URI: link}, token.ErrText},
		"and past the name":   {token.Text{Event: strings.Repeat("x", 100) + "\xff", URI: link}, token.ErrText},
		"seat no UTF-8":       {token.Text{Event: "x", Seat: "\xc0\xaf", URI: link}, token.ErrText},
		"surrogate":           {token.Text{Event: "x", Class: "\xed\xa0\x80", URI: link}, token.ErrText},
		"NUL":                 {token.Text{Event: "x\x00", URI: link}, token.ErrText},
		"link no UTF-8":       {token.Text{Event: "x", URI: link + "\xff"}, token.ErrText},
		"link too long":       {token.Text{Event: "x", URI: strings.Repeat("x", 400)}, token.ErrTooLarge},
		"link a bit too long": {token.Text{Event: "x", URI: strings.Repeat("x", token.MaxURI+1)}, token.ErrTooLarge},
	} {
		if s, err := token.Describe(x.text); !errors.Is(err, x.want) {
			t.Errorf("%s: got %+v, %v, want %v", what, s, err, x.want)
		}
	}
}

// TestAddress holds seeds and addresses to values that were computed elsewhere.
func TestAddress(t *testing.T) {
	if got, want := token.TicketSeed([]byte("secret"), []byte("ticket")), "M_mdb7F9RaKmSGyrzjzAYT_ORU3QHO1s"; got != want {
		t.Errorf("ticket's seed %q, want %q", got, want)
	}
	if got, want := token.GroupSeed([]byte("secret"), []byte("event")), "5iUlW21IGjc_BZq07gfgbdCP-Ry5_cGd"; got != want {
		t.Errorf("event's seed %q, want %q", got, want)
	}
	if got, want := mint.String(), "J94shX7KN1ZNFRZoNwsrBcY3NEBXXFLVEEwy9KQDgYeJ"; got != want {
		t.Errorf("address %s, want %s", got, want)
	}
	for _, bad := range []string{"", strings.Repeat("x", 33)} {
		if at, err := token.Address(authority, bad); !errors.Is(err, token.ErrAsk) {
			t.Errorf("seed of %d bytes: %s, %v", len(bad), at, err)
		}
	}
}
