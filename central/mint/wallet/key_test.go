package wallet_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/sync/private"
)

func TestKeyFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "wallet.key")
	k, err := wallet.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := private.Create(name, k.Encode()); err != nil {
		t.Fatal(err)
	}
	if got, err := wallet.ReadKey(name); got != k || err != nil {
		t.Errorf("read another key: %v", err)
	}
	if err := os.Chmod(name, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := wallet.ReadKey(name); !errors.Is(err, private.ErrExposed) || got != (wallet.Key{}) {
		t.Errorf("a file that others can read: %v, want ErrExposed", err)
	}
	if _, err := wallet.ReadKey(name + ".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v, want ErrNotExist", err)
	}
	if _, err := wallet.NewKey(strings.NewReader("short")); err == nil {
		t.Error("a key of five bytes")
	}
}

func TestDecodeKey(t *testing.T) {
	k := key(1)
	good := k.Encode()
	for name, it := range map[string]struct {
		text []byte
		ok   bool
	}{
		"a line":          {good, true},
		"without its end": {good[:64], true},
		"upper case":      {bytes.ToUpper(good), true},
		"two ends":        {append(bytes.Clone(good), '\n'), false},
		"another end":     {append(bytes.Clone(good[:64]), '\r'), false},
		"short":           {good[:62], false},
		"nothing":         {nil, false},
		"raw bytes":       {k[:], false},
		"zeros":           {bytes.Repeat([]byte{'0'}, 64), false},
		"no digits":       {bytes.Repeat([]byte{'g'}, 64), false},
	} {
		got, err := wallet.DecodeKey(it.text)
		if it.ok && (got != k || err != nil) || !it.ok && (!errors.Is(err, wallet.ErrKey) || got != (wallet.Key{})) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	k := key(1)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, k); got != "wallet key" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}
