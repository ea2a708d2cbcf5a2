package osdp_test

import (
	"bytes"
	"crypto/aes"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/con-ting/conting/firmware/osdp"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The values of OSDP v2.2, annex E, byte for byte.
func TestAnnexE(t *testing.T) {
	for _, v := range []struct {
		packet string
		crc    uint16
	}{
		{"537f0d00046e0080250000", 0x386E},
		{"53000900046100", 0x66C0},
	} {
		if got := osdp.CRC(unhex(t, v.packet)); got != v.crc {
			t.Errorf("CRC(%s) = %04x, want %04x", v.packet, got, v.crc)
		}
	}
	for _, v := range []struct {
		packet string
		sum    byte
	}{
		{"537f0c00006e0080250000", 0x0F},
		{"53000800006100", 0x44},
	} {
		if got := osdp.Checksum(unhex(t, v.packet)); got != v.sum {
			t.Errorf("Checksum(%s) = %02x, want %02x", v.packet, got, v.sum)
		}
	}

	base := [16]byte(unhex(t, "303132333435363738393a3b3c3d3e3f"))
	panel, device := [8]byte(unhex(t, "b0b1b2b3b4b5b6b7")), [8]byte(unhex(t, "a0a1a2a3a4a5a6a7"))
	var s osdp.Session
	s.Derive(base, panel)
	enc, mac1, mac2 := s.Keys()
	client, server := s.Cryptogram(panel, device), s.Cryptogram(device, panel)
	rmac := s.Start(server)
	for _, v := range []struct {
		name string
		got  [16]byte
		want string
	}{
		{"S-ENC", enc, "bf8dc2a8329acb8c67c6d0cd9a451682"},
		{"S-MAC1", mac1, "5e86c676603bdee2d8beafe178637332"},
		{"S-MAC2", mac2, "6fda86e857777e81132035758239172e"},
		{"client cryptogram", client, "fde5d2f428ec16312471ea3c02bd7796"},
		{"server cryptogram", server, "26d3356e07762d262801fc8e6665a891"},
		{"R-MAC-I", rmac, "b2a30057eb98ba2229ec1f875662b524"},
	} {
		if want := unhex(t, v.want); !bytes.Equal(v.got[:], want) {
			t.Errorf("%s = %x, want %x", v.name, v.got, want)
		}
	}
}

// The example packets of annex E are what the builder makes and the parser
// takes.
func TestAnnexEPackets(t *testing.T) {
	for _, v := range []struct {
		crc      bool
		address  byte
		code     byte
		data     string
		packet   string
		sequence byte
	}{
		{true, 0x7F, osdp.CmdComSet, "0080250000", "537f0d00046e00802500006e38", 0},
		{true, 0x00, osdp.CmdID, "00", "53000900046100c066", 0},
		{false, 0x7F, osdp.CmdComSet, "0080250000", "537f0c00006e00802500000f", 0},
		{false, 0x00, osdp.CmdID, "00", "5300080000610044", 0},
	} {
		data, want := unhex(t, v.data), unhex(t, v.packet)
		if got := osdp.Framed(v.crc, false, v.address, v.sequence, 0, -1, v.code, data...); !bytes.Equal(got, want) {
			t.Errorf("built %x, want %x", got, want)
		}
		f, ok := osdp.Parse(want)
		if !ok || f.Address != v.address || f.Reply || f.CRC != v.crc || f.Code != v.code || !bytes.Equal(f.Data, data) {
			t.Errorf("Parse(%x) = %+v, %v", want, f, ok)
		}
	}
}

// FIPS 197, appendices B and C.1, and the standard library's cipher.
func TestAES(t *testing.T) {
	for _, v := range [][3]string{
		{"2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734", "3925841d02dc09fbdc118597196a0b32"},
		{"000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a"},
	} {
		encrypt, _ := osdp.NewAES([16]byte(unhex(t, v[0])))
		if got := encrypt([16]byte(unhex(t, v[1]))); !bytes.Equal(got[:], unhex(t, v[2])) {
			t.Errorf("AES(%s, %s) = %x, want %s", v[0], v[1], got, v[2])
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var key, p, want [16]byte
		for i := range key {
			key[i], p[i] = byte(rnd.Uint32()), byte(rnd.Uint32())
		}
		ref, err := aes.NewCipher(key[:])
		if err != nil {
			t.Fatal(err)
		}
		ref.Encrypt(want[:], p[:])
		encrypt, decrypt := osdp.NewAES(key)
		if got := encrypt(p); got != want {
			t.Fatalf("encrypt(%x, %x) = %x, want %x", key, p, got, want)
		}
		if got := decrypt(want); got != p {
			t.Fatalf("decrypt(%x, %x) = %x, want %x", key, want, got, p)
		}
	}
}

func TestCRCBitwise(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for n := range 300 {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(rnd.Uint32())
		}
		want := uint16(0x1D0F)
		for _, b := range p {
			want ^= uint16(b) << 8
			for range 8 {
				if want&0x8000 != 0 {
					want = want<<1 ^ 0x1021
				} else {
					want <<= 1
				}
			}
		}
		if got := osdp.CRC(p); got != want {
			t.Fatalf("CRC(%x) = %04x, want %04x", p, got, want)
		}
	}
}
