package canon_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/con-ting/conting/sync/canon"
)

type sample struct {
	_    struct{} `cbor:",toarray"`
	ID   [4]byte
	Name string
	N    uint64
}

func TestRoundTrip(t *testing.T) {
	in := sample{ID: [4]byte{1, 2, 3, 4}, Name: "A", N: 7}
	b, err := canon.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if want := "834401020304614107"; hex.EncodeToString(b) != want {
		t.Errorf("Marshal(%+v) = %x, want %s", in, b, want)
	}
	var out sample
	if err := canon.UnmarshalExact(b, &out); err != nil || out != in {
		t.Errorf("UnmarshalExact(%x) = %+v, %v; want %+v", b, out, err, in)
	}
}

// What two readers could understand differently must not pass at all.
func TestRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"short byte string for a fixed array": "8343010203614107",
		"long byte string for a fixed array":  "83450102030405614107",
		"longer integer than needed":          "8344010203046141" + "1807",
		"indefinite array":                    "9f44010203046141" + "07ff",
		"trailing byte":                       "83440102030461410700",
		"tag":                                 "c1834401020304614107",
		"invalid utf-8":                       "83440102030461ff07",
		"truncated":                           "8344010203046141",
		"empty":                               "",
		"wrong type":                          "834401020304614161",
		"missing element":                     "82440102030461" + "41",
	} {
		b, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		var out sample
		if err := canon.UnmarshalExact(b, &out); err == nil {
			t.Errorf("%s: UnmarshalExact(%x) = %+v, want an error", name, b, out)
		}
	}
}

func TestRefusesMapAmbiguity(t *testing.T) {
	var out struct {
		A int `cbor:"1,keyasint"`
		B int `cbor:"2,keyasint"`
	}
	for name, in := range map[string]string{
		"duplicate key":  "a201010102",
		"unknown key":    "a201010301",
		"keys unordered": "a202010101",
	} {
		b, _ := hex.DecodeString(in)
		if err := canon.UnmarshalExact(b, &out); err == nil {
			t.Errorf("%s: UnmarshalExact(%x) passed", name, b)
		}
	}
}

func FuzzUnmarshalExact(f *testing.F) {
	f.Add([]byte{0x83, 0x44, 1, 2, 3, 4, 0x61, 0x41, 7})
	f.Add([]byte{0x9f, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		var v sample
		if canon.UnmarshalExact(b, &v) != nil {
			return
		}
		again, err := canon.Marshal(v)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("accepted %x but it encodes as %x, %v", b, again, err)
		}
	})
}
