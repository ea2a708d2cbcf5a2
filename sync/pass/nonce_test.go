package pass_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

func TestNonce(t *testing.T) {
	for _, n := range []pass.Nonce{
		{Gate: "n", Issued: 0},
		{Gate: "north-1", Value: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, Issued: doors.Unix()},
		{Gate: ticket.DeviceID(strings.Repeat("g", ticket.MaxDeviceIDLen)), Value: [8]byte{255}, Issued: 1 << 40},
	} {
		got, err := pass.ParseNonce(n.Text())
		if err != nil || got != n {
			t.Errorf("ParseNonce(%q) = %+v, %v, want %+v", n.Text(), got, err, n)
		}
	}
	for _, n := range []pass.Nonce{{}, {Gate: "North"}, {Gate: "a/b"}, {Gate: "a", Issued: -1}, {Gate: "a", Issued: 1<<40 + 1}} {
		if text := n.Text(); text != "" {
			t.Errorf("Text of %+v = %q, want none", n, text)
		}
	}
}

func TestParseNonceRefuses(t *testing.T) {
	good := pass.Nonce{Gate: "north-1", Value: [8]byte{1}, Issued: 9}.Text()
	closed := func(w pass.WireNonce) string {
		text, err := pass.Close(good, w)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":          {"", pass.ErrForeign},
		"a pass":         {"CTR1" + good[4:], pass.ErrForeign},
		"later version":  {"CTN2" + good[4:], pass.ErrForeign},
		"prefix alone":   {"CTN1", pass.ErrMalformed},
		"cut":            {good[:len(good)-3], pass.ErrMalformed},
		"more":           {good + "00", pass.ErrMalformed},
		"not base45":     {good[:6] + "_" + good[7:], pass.ErrMalformed},
		"too long":       {"CTN1" + strings.Repeat("0", pass.MaxText), pass.ErrMalformed},
		"no gate":        {closed(pass.WireNonce{Issued: 9}), pass.ErrMalformed},
		"gate as a path": {closed(pass.WireNonce{Gate: "../x", Issued: 9}), pass.ErrMalformed},
		"long gate":      {closed(pass.WireNonce{Gate: strings.Repeat("g", 33), Issued: 9}), pass.ErrMalformed},
		"time too late":  {closed(pass.WireNonce{Gate: "g", Issued: 1 << 41}), pass.ErrMalformed},
	} {
		if n, err := pass.ParseNonce(c.text); !errors.Is(err, c.want) || n != (pass.Nonce{}) {
			t.Errorf("%s: ParseNonce(%.40q) = %+v, %v, want %v", name, c.text, n, err, c.want)
		}
	}
}
