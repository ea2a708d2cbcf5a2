package identity_test

import (
	"bytes"
	"testing"

	"github.com/con-ting/conting/gate/identity"
)

func FuzzParseChain(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"))
	f.Add([]byte("\n \n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		chain, err := identity.ParseChain(data)
		if err != nil {
			return
		}
		if len(chain) == 0 || len(chain) > identity.MaxChain {
			t.Fatalf("%d certificates", len(chain))
		}
		again, err := identity.ParseChain(identity.EncodeChain(chain))
		if err != nil || len(again) != len(chain) || !bytes.Equal(again[0], chain[0]) {
			t.Errorf("read %d certificates, then %d, %v", len(chain), len(again), err)
		}
	})
}

func TestParseChain(t *testing.T) {
	f := newFleet(t, now)
	one := pemOf(f.ca)
	for _, c := range []struct {
		name string
		text string
		want int
	}{
		{"one", one, 1},
		{"four", one + one + one + one, 4},
		{"five", one + one + one + one + one, 0},
		{"none", "", 0},
		{"text behind", one + "hello", 0},
		{"cut", one[:len(one)-10], 0},
	} {
		chain, err := identity.ParseChain([]byte(c.text))
		if len(chain) != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%s: %d certificates, %v, want %d", c.name, len(chain), err, c.want)
		}
	}
}
