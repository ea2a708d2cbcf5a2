package chain_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gagliardetto/solana-go"

	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/sync/private"
)

func TestKeyFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key.json")
	made, err := chain.CreateSigner(name)
	if err != nil {
		t.Fatal(err)
	}
	read, err := chain.ReadSigner(name)
	if err != nil || read.Public() != made.Public() {
		t.Fatalf("got %v, %v; want %s", read, err, made.Public())
	}
	theirs, err := solana.PrivateKeyFromSolanaKeygenFile(name)
	if err != nil || theirs.PublicKey() != made.Public() {
		t.Errorf("solana-keygen's readers read %v, %v", theirs, err)
	}
	sig, err := read.Sign(t.Context(), []byte("message"))
	if err != nil || !made.Public().Verify([]byte("message"), sig) {
		t.Errorf("got %s, %v", sig, err)
	}
	if _, err := chain.CreateSigner(name); !errors.Is(err, os.ErrExist) {
		t.Errorf("a key was written over: %v", err)
	}
	if err := os.Chmod(name, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := chain.ReadSigner(name); !errors.Is(err, private.ErrExposed) {
		t.Errorf("a key that others can read is taken: %v", err)
	}
}

func TestBadKeyFiles(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	numbers := make([]int, 64)
	for i, b := range key {
		numbers[i] = int(b)
	}
	change := func(at, to int) string {
		changed := append([]int(nil), numbers...)
		changed[at] = to
		text, _ := json.Marshal(changed) // of numbers
		return string(text)
	}
	good := change(0, numbers[0])
	for name, content := range map[string]string{
		"empty":        "",
		"null":         "null",
		"object":       "{}",
		"seed only":    strings.Join(strings.Split(good, ",")[:32], ",") + "]",
		"one too many": strings.TrimSuffix(good, "]") + ",0]",
		"halves":       change(40, numbers[40]^1),
		"256":          change(0, 256),
		"negative":     change(0, -1),
		"a null":       strings.Replace(good, "["+strings.Split(good[1:], ",")[0]+",", "[null,", 1),
		"two":          good + good,
		"long":         good + strings.Repeat(" ", 2000),
		"base58":       `"` + solana.PrivateKey(key).String() + `"`,
	} {
		file := filepath.Join(t.TempDir(), "key.json")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := chain.ReadSigner(file)
		if !errors.Is(err, chain.ErrKeyFile) {
			t.Errorf("%s: got %v, want ErrKeyFile", name, err)
		}
		if err != nil && strings.Contains(err.Error(), strings.Split(good[1:], ",")[5]+","+strings.Split(good[1:], ",")[6]) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
	if _, err := chain.NewSigner(nil); err == nil {
		t.Error("no key is taken")
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chain.NewSigner(other); err == nil {
		t.Error("a key of another kind is taken")
	}
}
