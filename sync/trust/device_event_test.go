//go:build !js

package trust_test

import (
	"crypto/x509"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// naming puts URIs into a certificate as they are spelt.
func naming(t testing.TB, uris ...string) func(*x509.Certificate) {
	t.Helper()
	return func(c *x509.Certificate) {
		for _, s := range uris {
			u, err := url.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			c.URIs = append(c.URIs, u)
		}
	}
}

func ringOf(t testing.TB, ca authority) *trust.Keyring {
	t.Helper()
	l := someList(t)
	l.DeviceCAs = [][]byte{ca.cert.Raw}
	ring, err := trust.NewKeyring(&l)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestVerifyDeviceEvents(t *testing.T) {
	ca := newAuthority(t, 1)
	ring, key := ringOf(t, ca), newECDSA(t, 20).Public()
	full := make([]string, trust.MaxDeviceEvents)
	for i := range full {
		full[i] = "conting:event:" + ticket.EventID(4294967295-trust.MaxDeviceEvents+1+i).String()
	}
	for _, tt := range []struct {
		name string
		uris []string
		want []ticket.EventID // nil with bad false means none
		bad  bool
	}{
		{name: "none"},
		{name: "one", uris: []string{"conting:event:1001"}, want: []ticket.EventID{1001}},
		{name: "two", uris: []string{"conting:event:9", "conting:event:10"}, want: []ticket.EventID{9, 10}},
		{name: "others among them", uris: []string{"https://example.org/event:3", "conting:event:7", "spiffe://example.org/x"}, want: []ticket.EventID{7}},
		{name: "descending", uris: []string{"conting:event:10", "conting:event:9"}, bad: true},
		{name: "twice", uris: []string{"conting:event:9", "conting:event:9"}, bad: true},
		{name: "event 0", uris: []string{"conting:event:0"}, bad: true},
		{name: "leading zero", uris: []string{"conting:event:07"}, bad: true},
		{name: "sign", uris: []string{"conting:event:+7"}, bad: true},
		{name: "blank", uris: []string{"conting:event:7%20"}, bad: true},
		{name: "beyond 32 bits", uris: []string{"conting:event:4294967296"}, bad: true},
		{name: "no number", uris: []string{"conting:event:"}, bad: true},
		{name: "wildcard", uris: []string{"conting:event:*"}, bad: true},
		{name: "nothing but a number", uris: []string{"conting:7"}, bad: true},
		{name: "another kind", uris: []string{"conting:event:7", "conting:zone:7"}, bad: true},
		{name: "another case", uris: []string{"conting:Event:7"}, bad: true},
		{name: "query", uris: []string{"conting:event:7?x"}, bad: true},
		{name: "empty query", uris: []string{"conting:event:7?"}, bad: true},
		{name: "fragment", uris: []string{"conting:event:7#x"}, bad: true},
		{name: "authority", uris: []string{"conting://event/7"}, bad: true},
		{name: "path", uris: []string{"conting:/event:7"}, bad: true},
		{name: "as many as there may be", uris: full, want: events(4294967295-trust.MaxDeviceEvents+1, 4294967295)},
		{name: "one more", uris: append([]string{"conting:event:1"}, full...), bad: true},
	} {
		d, err := ring.VerifyDevice(ca.issue(t, key, naming(t, tt.uris...)), someTime)
		if tt.bad {
			if !errors.Is(err, trust.ErrCertificate) || d.Events != nil {
				t.Errorf("%s: VerifyDevice(%v) = %v, %v, want ErrCertificate", tt.name, tt.uris, d.Events, err)
			}
			continue
		}
		if err != nil || !slices.Equal(d.Events, tt.want) {
			t.Errorf("%s: VerifyDevice(%v) = %v, %v, want %v", tt.name, tt.uris, d.Events, err, tt.want)
		}
	}
}

func events(from, to ticket.EventID) []ticket.EventID {
	var out []ticket.EventID
	for e := uint64(from); e <= uint64(to); e++ {
		out = append(out, ticket.EventID(e))
	}
	return out
}

func TestEventURIs(t *testing.T) {
	for _, tt := range []struct {
		events []ticket.EventID
		want   string
	}{
		{nil, ""},
		{[]ticket.EventID{1001}, "conting:event:1001"},
		{[]ticket.EventID{10, 9, 10, 4294967295}, "conting:event:9 conting:event:10 conting:event:4294967295"},
	} {
		uris, err := trust.EventURIs(tt.events)
		var got []string
		for _, u := range uris {
			got = append(got, u.String())
		}
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("EventURIs(%v) = %v, %v, want %s", tt.events, got, err, tt.want)
		}
	}
	for _, bad := range [][]ticket.EventID{{0}, {7, 0}, events(1, trust.MaxDeviceEvents+1)} {
		if uris, err := trust.EventURIs(bad); !errors.Is(err, trust.ErrInvalid) {
			t.Errorf("EventURIs(%v) = %v, %v, want ErrInvalid", bad, uris, err)
		}
	}
}

func TestServes(t *testing.T) {
	for _, tt := range []struct {
		role   trust.Role
		events []ticket.EventID
		event  ticket.EventID
		want   bool
	}{
		{trust.RoleGate, []ticket.EventID{7, 9}, 7, true},
		{trust.RoleGate, []ticket.EventID{7, 9}, 9, true},
		{trust.RoleGate, []ticket.EventID{7, 9}, 8, false},
		{trust.RoleGate, []ticket.EventID{7, 9}, 0, false},
		{trust.RoleGate, nil, 7, false},
		{trust.RoleHandheld, nil, 7, false},
		{trust.RoleHub, nil, 7, false},
		{trust.RoleHub, []ticket.EventID{7}, 7, true},
		{trust.RoleCentral, nil, 7, true},
		{trust.RoleCentral, nil, 0, false},
		{"", nil, 7, false},
	} {
		if got := (trust.Device{Role: tt.role, Events: tt.events}).Serves(tt.event); got != tt.want {
			t.Errorf("%q for %v: Serves(%s) = %v, want %v", tt.role, tt.events, tt.event, got, tt.want)
		}
	}
}

// The names are read before the chain is verified: whatever they are, they are an
// error or events in order, which are written the same again.
func FuzzCertifiedEvents(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		var uris, ours []*url.URL
		for s := range strings.SplitSeq(text, " ") {
			if u, err := url.Parse(s); err == nil {
				uris = append(uris, u)
			}
		}
		got, err := trust.CertifiedEvents(uris)
		if err != nil {
			return
		}
		for _, u := range uris {
			if u.Scheme == "conting" {
				ours = append(ours, u)
			}
		}
		again, err := trust.EventURIs(got)
		if err != nil || !slices.EqualFunc(again, ours, func(a, b *url.URL) bool { return a.String() == b.String() }) {
			t.Errorf("%q names %v, which is written %v, %v", text, got, again, err)
		}
	})
}
