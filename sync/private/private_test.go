package private_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/con-ting/conting/sync/private"
)

func TestCreateKeepsWhatIsThere(t *testing.T) {
	name := filepath.Join(t.TempDir(), "token")
	if err := private.Create(name, []byte("one\n")); err != nil {
		t.Fatal(err)
	}
	if err := private.Create(name, []byte("two\n")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second Create: %v, want fs.ErrExist", err)
	}
	if got, err := private.ReadLine(name); got != "one" || err != nil {
		t.Errorf("ReadLine: %q %v, want %q", got, err, "one")
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v, want 0600", info.Mode(), err)
	}
}

func TestReplaceLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "list")
	if err := os.WriteFile(name+".new", []byte("half of somethi"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two"} {
		if err := private.Replace(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := private.Read(name); string(got) != text || err != nil {
			t.Errorf("Read: %q %v, want %q", got, err, text)
		}
	}
	// A folder stands in the way: the new file cannot take its place.
	taken := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(taken, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := private.Replace(taken, []byte("three")); err == nil {
		t.Error("a folder was replaced by a file")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v %v: want the file and the folder alone", entries, err)
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "key")
	if err := private.Create(name, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o601} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		if b, err := private.Read(name); !errors.Is(err, private.ErrExposed) || b != nil {
			t.Errorf("mode %04o: %q %v, want ErrExposed", mode, b, err)
		}
	}
	if err := errors.Join(os.Chmod(name, 0o600), os.Truncate(name, private.MaxFile)); err != nil {
		t.Fatal(err)
	}
	if b, err := private.Read(name); len(b) != private.MaxFile || err != nil {
		t.Errorf("the longest file: %d bytes, %v", len(b), err)
	}
	if err := os.Truncate(name, private.MaxFile+1); err != nil {
		t.Fatal(err)
	}
	if b, err := private.Read(name); !errors.Is(err, private.ErrTooLong) || b != nil {
		t.Errorf("one byte more: %d bytes, %v, want ErrTooLong", len(b), err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := private.Check(dir); !errors.Is(err, private.ErrExposed) {
		t.Errorf("a folder that others may enter: %v, want ErrExposed", err)
	}
	if _, err := private.Read(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	first, err := private.Lock(name, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := private.Lock(name, false); !errors.Is(err, private.ErrHeld) {
		t.Errorf("a second holder: %v, want ErrHeld", err)
	}
	waited := make(chan error, 1)
	go func() {
		f, err := private.Lock(name, true)
		if err == nil {
			err = f.Close()
		}
		waited <- err
	}()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Errorf("who waited: %v", err)
	}
}

func TestKeys(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []crypto.Signer{ed, ec} {
		name := filepath.Join(t.TempDir(), "key")
		text, err := private.EncodeKey(key)
		if err := errors.Join(err, private.Create(name, text)); err != nil {
			t.Fatal(err)
		}
		got, err := private.ReadKey(name)
		if err != nil {
			t.Fatalf("%T: %v", key, err)
		}
		a, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		if b, err := x509.MarshalPKIXPublicKey(got.Public()); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%T came back as another key (%v)", key, err)
		}
		if _, err := private.DecodeKey(append(text, text...)); !errors.Is(err, private.ErrKey) {
			t.Errorf("two keys in one file: %v, want ErrKey", err)
		}
		if _, err := private.DecodeKey(bytes.Replace(text, []byte("PRIVATE"), []byte("PUBLICK"), 2)); !errors.Is(err, private.ErrKey) {
			t.Errorf("another kind of PEM: %v, want ErrKey", err)
		}
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text, err := private.EncodeKey(old)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := private.DecodeKey(text); !errors.Is(err, private.ErrKey) {
		t.Errorf("an RSA key: %v, want ErrKey", err)
	}
	if _, err := private.DecodeKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})); !errors.Is(err, private.ErrKey) {
		t.Errorf("no key at all: %v, want ErrKey", err)
	}
}

func FuzzDecodeKey(f *testing.F) {
	_, key, err := ed25519.GenerateKey(bytes.NewReader(make([]byte, 64)))
	if err != nil {
		f.Fatal(err)
	}
	text, err := private.EncodeKey(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if k, err := private.DecodeKey(data); (k == nil) == (err == nil) {
			t.Errorf("key %v and error %v", k, err)
		}
	})
}
