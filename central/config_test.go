package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/settings"
)

func TestDefaultsAreSound(t *testing.T) {
	c := defaults()
	if err := c.check(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	if got, err := parseConfig(""); err != nil || got.API.Listen != c.API.Listen || got.Sale.Sandbox {
		t.Errorf("empty file = %+v, %v; want the defaults, without the sandbox", got, err)
	}
}

// Every key has a name, and no two tables share one that could be confused.
func TestConfigKeys(t *testing.T) {
	keys := settings.Keys(new(config))
	for _, want := range []string{"data_dir", "hosts", "api.listen", "publish.set_lifetime", "sale.sandbox", "mqtt.url"} {
		if !slices.Contains(keys, want) {
			t.Errorf("keys %v lack %s", keys, want)
		}
	}
	if slices.ContainsFunc(keys, func(k string) bool { return k == "" || strings.HasSuffix(k, ".") }) {
		t.Errorf("a key without a name among %v", keys)
	}
}

// Only a loopback address may do without TLS.
func TestPlainHTTPStaysHome(t *testing.T) {
	for listen, ok := range map[string]bool{
		"127.0.0.1:80": true, "[::1]:80": true, "localhost:80": true,
		":80": false, "0.0.0.0:80": false, "[::]:80": false, "192.0.2.1:80": false, "tickets.example:80": false, "127.0.0.1": false,
	} {
		_, err := parseConfig("[api]\nlisten = \"" + listen + "\"\n")
		if (err == nil) != ok {
			t.Errorf("api.listen = %q: %v, want accepted %v", listen, err, ok)
		}
		if err != nil && !errors.Is(err, settings.ErrBad) {
			t.Errorf("api.listen = %q: %v does not wrap settings.ErrBad", listen, err)
		}
	}
}

// Commands send the admin token where addresses.json says. Without TLS that is the
// listener itself, whatever a host name may lead to.
func TestAdminTokenStaysHome(t *testing.T) {
	s := &server{cfg: defaults()}
	s.cfg.Hosts = []string{"central.example"}
	s.cfg.API.Listen, s.cfg.Device.Listen = "127.0.0.1:0", "127.0.0.1:0"
	defer s.close()
	if err := s.listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := "http://" + s.api.Addr().String(); s.addresses.API != want {
		t.Errorf("API address without TLS is %s, want %s", s.addresses.API, want)
	}
	if !strings.HasPrefix(s.addresses.Device, "https://central.example:") {
		t.Errorf("device address is %s, want the host's name", s.addresses.Device)
	}
}

// What is accepted is sound, and what is not is blamed on the configuration.
func FuzzParseConfig(f *testing.F) {
	f.Add("data_dir = \"/x\"\nhosts = [\"a.example\"]\n[publish]\nbeacon_every = \"1s\"\n")
	f.Add("[api]\nlissen = 1")
	f.Add("a = = 1")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > settings.MaxSize {
			return
		}
		c, err := parseConfig(text)
		if err == nil {
			err = c.check()
		}
		if err != nil && !errors.Is(err, settings.ErrBad) {
			t.Errorf("parseConfig(%q): %v does not wrap settings.ErrBad", text, err)
		}
	})
}
