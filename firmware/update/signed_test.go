package update_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/con-ting/conting/firmware/update"
)

func TestDigests(t *testing.T) {
	data := image(6)
	for n := range data {
		if got, want := update.Sum(data[:n]), sha256.Sum256(data[:n]); got != want {
			t.Fatalf("SHA-256 of %d bytes: %x, want %x", n, got, want)
		}
		if got, want := update.CRC(data[:n]), crc32.ChecksumIEEE(data[:n]); got != want {
			t.Fatalf("CRC of %d bytes: %x, want %x", n, got, want)
		}
	}
}

// TestHeader wants one form only: what is whole by its check, but not what Put
// writes, is no header.
func TestHeader(t *testing.T) {
	h := update.Header{Board: board, Version: 3, Length: 9, Hash: sha256.Sum256(nil)}
	var raw [update.HeaderSize]byte
	h.Put(&raw)
	var got update.Header
	if !got.Parse(&raw) || got != h {
		t.Fatalf("got %+v, want %+v", got, h)
	}
	for _, c := range []struct {
		name string
		at   int
		set  []byte
	}{
		{"magic", 3, []byte{'2'}},
		{"reserved", 6, []byte{1}},
		{"reserved, second", 7, []byte{1}},
		{"version 0", 8, make([]byte, 4)},
		{"no length", 12, make([]byte, 4)},
		{"filling", 55, []byte{0}},
	} {
		bad := raw
		copy(bad[c.at:], c.set)
		binary.LittleEndian.PutUint32(bad[48:], update.CRC(bad[:48]))
		if got.Parse(&bad) {
			t.Errorf("%s: parsed as %+v", c.name, got)
		}
	}
}

func TestSigned(t *testing.T) {
	public, private := keyPair()
	file, err := update.Pack(image(2), board, 2, private)
	if err != nil {
		t.Fatal(err)
	}
	v, err := update.Verify(file, public)
	if err != nil {
		t.Fatal(err)
	}
	if v.Version != 2 || v.Board != board || int(v.Length) != len(image(2)) ||
		!bytes.Equal(v.Transfer[update.HeaderSize:], image(2)) {
		t.Errorf("verified %+v", v.Header)
	}
	for at := range file {
		bad := bytes.Clone(file)
		bad[at] ^= 0x40
		if _, err := update.Verify(bad, public); err == nil {
			t.Fatalf("byte %d changed, and it is verified", at)
		}
	}
	for n := range file {
		if _, err := update.Verify(file[:n], public); err == nil {
			t.Fatalf("cut to %d bytes, and it is verified", n)
		}
	}
	stranger, _, _ := ed25519.GenerateKey(rand.Reader)
	unsigned := bytes.Clone(file)
	clear(unsigned[update.HeaderSize:120])
	for _, c := range []struct {
		name string
		file []byte
		key  ed25519.PublicKey
		want error
	}{
		{"another key", file, stranger, update.ErrBadSignature},
		{"no key", file, nil, update.ErrBadSignature},
		{"not signed", unsigned, public, update.ErrBadSignature},
		{"a byte more", append(bytes.Clone(file), 0), public, update.ErrMalformed},
		{"nothing", nil, public, update.ErrMalformed},
		{"huge", make([]byte, update.MaxImage+121), public, update.ErrMalformed},
	} {
		if _, err := update.Verify(c.file, c.key); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestRead(t *testing.T) {
	_, private := keyPair()
	file, err := update.Pack(image(2), board, 2, private)
	if err != nil {
		t.Fatal(err)
	}
	clear(file[update.HeaderSize:120])
	v, err := update.Read(file)
	if err != nil || v.Version != 2 {
		t.Fatalf("without a signature: %+v, %v", v, err)
	}
	if err := v.Fits(board); err != nil {
		t.Error(err)
	}
	if err := v.Fits(1); !errors.Is(err, update.ErrWrongBoard) {
		t.Errorf("another board: %v", err)
	}
	for n := range file {
		if _, err := update.Read(file[:n]); !errors.Is(err, update.ErrMalformed) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

func TestKey(t *testing.T) {
	public, _ := keyPair()
	text, err := update.EncodeKey(public)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := update.DecodeKey(text); err != nil || !got.Equal(public) {
		t.Errorf("%x, %v", got, err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(other.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"nothing":      nil,
		"two":          append(bytes.Clone(text), text...),
		"another word": bytes.ReplaceAll(text, []byte("PUBLIC"), []byte("PRIVATE")),
		"no key in it": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte{1}}),
		"another kind": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
	} {
		if _, err := update.DecodeKey(bad); !errors.Is(err, update.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBoardNames(t *testing.T) {
	for board, name := range map[uint16]string{1: "host", 0x0965: "lm3s6965", 0x12: "0x0012", 0xFFFF: "0xffff"} {
		if got := update.BoardName(board); got != name {
			t.Errorf("%#x is called %s, want %s", board, got, name)
		}
		if got, ok := update.ParseBoard(name); !ok || got != board {
			t.Errorf("%s is %#x", name, got)
		}
	}
	for _, bad := range []string{"", "pico", "0x10000", "-1"} {
		if got, ok := update.ParseBoard(bad); ok {
			t.Errorf("%q is %#x", bad, got)
		}
	}
}

func TestPackRefuses(t *testing.T) {
	_, private := keyPair()
	if _, err := update.Pack(nil, board, 1, private); !errors.Is(err, update.ErrMalformed) {
		t.Errorf("no image: %v", err)
	}
	if _, err := update.Pack(make([]byte, update.MaxImage+1), board, 1, private); !errors.Is(err, update.ErrMalformed) {
		t.Errorf("huge image: %v", err)
	}
	if _, err := update.Pack(image(1), board, 0, private); !errors.Is(err, update.ErrMalformed) {
		t.Errorf("version 0: %v", err)
	}
	if _, err := update.Pack(image(1), board, update.MaxVersion+1, private); !errors.Is(err, update.ErrMalformed) {
		t.Errorf("a version that ID cannot tell: %v", err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := update.Pack(image(1), board, 1, other); !errors.Is(err, update.ErrBadSignature) {
		t.Errorf("key of another kind: %v", err)
	}
}

// A version that nothing could follow would shut every later image out.
func TestHeaderVersions(t *testing.T) {
	for version, want := range map[uint32]bool{0: false, 1: true, update.MaxVersion: true, update.MaxVersion + 1: false, 1<<32 - 1: false} {
		var raw [update.HeaderSize]byte
		h := update.Header{Board: board, Version: version, Length: 9}
		h.Put(&raw)
		var got update.Header
		if got.Parse(&raw) != want {
			t.Errorf("version %d: Parse is not %v", version, want)
		}
	}
}
