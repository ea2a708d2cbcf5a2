package main

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/settings"
	"github.com/con-ting/conting/sync/ticket"
)

func TestRelyingParty(t *testing.T) {
	listen := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8440}
	const tls = "certificate = \"c\"\nkey = \"k\"\n"
	for name, c := range map[string]struct {
		text string
		want ticket.RelyingParty
	}{
		"plain on loopback":  {"", ticket.RelyingParty{ID: "localhost", Origin: "http://localhost:8440"}},
		"behind a proxy":     {"[api]\npublic_url = \"https://Tickets.example\"\n", ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"}},
		"the usual port":     {"[api]\npublic_url = \"https://tickets.example:443/\"\n", ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"}},
		"another port":       {"[api]\npublic_url = \"https://tickets.example:8443\"\n", ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example:8443"}},
		"with a certificate": {"hosts = [\"tickets.example\"]\n[api]\n" + tls, ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example:8440"}},
		"configured": {
			"[api]\npublic_url = \"https://api.tickets.example\"\n[wallet]\nrelying_party = \"tickets.example\"\norigin = \"https://my.tickets.example\"\n",
			ticket.RelyingParty{ID: "tickets.example", Origin: "https://my.tickets.example"},
		},
		"an address, no name": {"[api]\n" + tls, ticket.RelyingParty{}},
		"public address":      {"[api]\npublic_url = \"https://192.0.2.1\"\n", ticket.RelyingParty{}},
	} {
		cfg, err := parseConfig(c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := cfg.relyingParty(listen)
		if c.want == (ticket.RelyingParty{}) {
			if !errors.Is(err, settings.ErrBad) {
				t.Errorf("%s: %+v, %v; want settings.ErrBad", name, got, err)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}

// Half a relying party, or one that no browser would take, is no configuration.
func TestWalletConfig(t *testing.T) {
	for text, ok := range map[string]bool{
		"": true,
		"relying_party = \"a.example\"\norigin = \"https://a.example\"\n":              true,
		"relying_party = \"a.example\"\norigin = \"https://b.a.example:8443\"\n":       true,
		"relying_party = \"localhost\"\norigin = \"http://localhost:8440\"\n":          true,
		"relying_party = \"a.example\"\n":                                              false,
		"origin = \"https://a.example\"\n":                                             false,
		"relying_party = \"a.example\"\norigin = \"https://b.example\"\n":              false,
		"relying_party = \"a.example\"\norigin = \"http://a.example\"\n":               false,
		"relying_party = \"a.example\"\norigin = \"https://a.example/wallet/\"\n":      false,
		"relying_party = \"a.example\"\norigin = \"https://a.example.evil.example\"\n": false,
	} {
		_, err := parseConfig("[wallet]\n" + text)
		if (err == nil) != ok || err != nil && !errors.Is(err, settings.ErrBad) {
			t.Errorf("%q: %v, want accepted %v", strings.ReplaceAll(text, "\n", " "), err, ok)
		}
	}
}

// A new folder for a public name makes passkeys for that name.
func TestNewConfigNamesItsParty(t *testing.T) {
	for host, want := range map[string]string{"tickets.example": "tickets.example", "127.0.0.1": "", "localhost": "", "192.0.2.7": "", "2001:db8::7": ""} {
		c, text, err := newConfig(t.Context(), t.TempDir(), []string{host})
		if err != nil || c.Wallet.RelyingParty != want {
			t.Errorf("%s: relying party %q, %v; want %q\n%s", host, c.Wallet.RelyingParty, err, want, text)
		}
	}
}
