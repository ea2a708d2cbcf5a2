package wallet_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/mint/wallet"
)

func unhex(t testing.TB, s string) [32]byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 32 {
		t.Fatalf("%q: %v", s, err)
	}
	return [32]byte(b)
}

// TestBadPoints has the keys that some verifiers take and others do not, and those
// that everybody can sign for.
func TestBadPoints(t *testing.T) {
	for name, point := range map[string]string{
		// The eight points of small order.
		"order 1":              "0100000000000000000000000000000000000000000000000000000000000000",
		"order 2":              "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"order 4":              "0000000000000000000000000000000000000000000000000000000000000000",
		"order 4, other":       "0000000000000000000000000000000000000000000000000000000000000080",
		"order 8":              "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"order 8, second":      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"order 8, third":       "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"order 8, fourth":      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"order 1, negative":    "0100000000000000000000000000000000000000000000000000000000000080",
		"order 1 as p+1":       "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"order 4 as p":         "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"order 2, negative":    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"y of 2^255-1":         "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"off the curve":        "0200000000000000000000000000000000000000000000000000000000000000",
		"non-canonical, large": "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		if _, err := wallet.ParseAddress(wallet.FormatAddress(unhex(t, point))); !errors.Is(err, wallet.ErrAddress) {
			t.Errorf("%s: %v, want ErrAddress", name, err)
		}
	}
}

// TestOnlyCanonicalPoints has every y from the field's prime upwards, with both signs.
func TestOnlyCanonicalPoints(t *testing.T) {
	for low := 0xed; low <= 0xff; low++ {
		for _, high := range []byte{0x7f, 0xff} {
			b := [32]byte(bytes.Repeat([]byte{0xff}, 32))
			b[0], b[31] = byte(low), high
			if _, err := wallet.ParseAddress(wallet.FormatAddress(b)); !errors.Is(err, wallet.ErrAddress) {
				t.Errorf("%x: %v, want ErrAddress", b, err)
			}
		}
	}
}

// TestMixedOrder adds a point of order 8 to a good key.
func TestMixedOrder(t *testing.T) {
	good := addressOf(person(1))
	if _, err := wallet.ParseAddress(good); err != nil {
		t.Fatalf("%s: %v", good, err)
	}
	for i := byte(1); i < 8; i++ {
		mixed := wallet.Mixed(t, person(1), i)
		if _, err := wallet.ParseAddress(wallet.FormatAddress(mixed)); !errors.Is(err, wallet.ErrAddress) {
			t.Errorf("with %d times the point of order 8: %v, want ErrAddress", i, err)
		}
	}
}

func TestAddressHasOneSpelling(t *testing.T) {
	good := addressOf(person(1))
	for _, s := range []string{
		"", "1", good[:len(good)-1], good + "1", "1" + good, " " + good, good + " ", good + "\n",
		strings.ReplaceAll(good, good[:1], "0"), good[:10] + "l" + good[11:], good[:10] + "é" + good[12:],
		strings.Repeat("z", 44), strings.Repeat("1", 44), strings.Repeat("1", 33), strings.Repeat("z", 1<<20),
	} {
		if got, err := wallet.ParseAddress(s); !errors.Is(err, wallet.ErrAddress) {
			t.Errorf("%.60q: %x %v, want ErrAddress", s, got, err)
		}
	}
}

// TestProgramDerivedAddress has the address of a token account: nobody can have its
// key, and what were sent to it as to a wallet would be lost.
func TestProgramDerivedAddress(t *testing.T) {
	id := func(s string) []byte {
		b, err := wallet.DecodeAddress(s)
		if err != nil {
			t.Fatal(err)
		}
		return b[:]
	}
	owner, mint := publicOf(person(1)), publicOf(person(2))
	const tokens, accounts = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb", "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"
	for bump := byte(255); ; bump-- {
		derived := sha256.Sum256(slices.Concat(owner, id(tokens), mint, []byte{bump}, id(accounts), []byte("ProgramDerivedAddress")))
		if !wallet.OnCurve(derived) {
			if _, err := wallet.ParseAddress(wallet.FormatAddress(derived)); !errors.Is(err, wallet.ErrAddress) {
				t.Errorf("a token account: %v, want ErrAddress", err)
			}
			return
		}
	}
}

func TestProgramsAreAddresses(t *testing.T) {
	for _, s := range wallet.Programs() {
		if _, err := wallet.DecodeAddress(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestReservedAddresses(t *testing.T) {
	c := newClock()
	m := newMemory(c.now)
	cfg := config(m, c)
	ours := addressOf(person(77))
	cfg.Ours = func(_ context.Context, address string) (bool, error) { return address == ours, nil }
	r := open(t, cfg)
	kept, err := r.Address(t.Context(), ben)
	if err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{
		"the authority": cfg.Reserved[0], "a token's mint": ours, "a wallet that is kept here": kept,
		"the token program": "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", "Token-2022": "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb",
		"the system program": "11111111111111111111111111111111", "the burner": "1nc1nerator11111111111111111111111111111111",
	} {
		if err := r.CheckOutside(t.Context(), address); !errors.Is(err, wallet.ErrReserved) {
			t.Errorf("%s: %v, want ErrReserved", name, err)
		}
		if _, err := r.Begin(t.Context(), anna, address, wallet.Korean); !errors.Is(err, wallet.ErrReserved) {
			t.Errorf("%s, to link: %v, want ErrReserved", name, err)
		}
	}
	if err := r.CheckOutside(t.Context(), addressOf(person(1))); err != nil {
		t.Errorf("somebody's own: %v", err)
	}
}

func FuzzAddress(f *testing.F) {
	for i := range byte(4) {
		f.Add(addressOf(person(i)))
	}
	f.Add("11111111111111111111111111111111")
	f.Add("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := wallet.ParseAddress(s)
		if err != nil {
			if !errors.Is(err, wallet.ErrAddress) || b != [32]byte{} {
				t.Fatalf("%q: %x %v", s, b, err)
			}
			return
		}
		if again := wallet.FormatAddress(b); again != s {
			t.Fatalf("%q is also %q", s, again)
		}
	})
}

// FuzzFormat holds that every 32 bytes have an address that reads back.
func FuzzFormat(f *testing.F) {
	f.Add(make([]byte, 32))
	f.Add(bytes.Repeat([]byte{0xff}, 32))
	f.Add(append(make([]byte, 31), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != 32 {
			return
		}
		s := wallet.FormatAddress([32]byte(b))
		got, err := wallet.DecodeAddress(s)
		if err != nil || !bytes.Equal(got[:], b) || len(s) > wallet.MaxAddress {
			t.Fatalf("%x is %q, which is %x %v", b, s, got, err)
		}
	})
}
