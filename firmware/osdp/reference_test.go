package osdp_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/con-ting/conting/firmware/osdp"
)

// reference is Secure Channel once more, written from the specification's text
// with the standard library's cipher and without a line of the package's: what
// both agree on is not one mistake made twice.
type reference struct {
	enc, mac1, mac2 cipher.Block
	cmac, rmac      []byte
}

func block(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return b
}

func newReference(base []byte, panel, device []byte) (*reference, []byte, []byte) {
	key := func(a, b byte) cipher.Block {
		in := append([]byte{a, b}, panel[:6]...)
		in = append(in, make([]byte, 8)...)
		out := make([]byte, 16)
		block(base).Encrypt(out, in)
		return block(out)
	}
	r := &reference{enc: key(0x01, 0x82), mac1: key(0x01, 0x01), mac2: key(0x01, 0x02)}
	client, server := make([]byte, 16), make([]byte, 16)
	r.enc.Encrypt(client, append(bytes.Clone(panel), device...))
	r.enc.Encrypt(server, append(bytes.Clone(device), panel...))
	r.rmac = make([]byte, 16)
	r.mac1.Encrypt(r.rmac, server)
	r.mac2.Encrypt(r.rmac, r.rmac)
	return r, client, server
}

// seal is annex D.4 and D.5: pad, encipher with the inverted last MAC of the
// other direction, MAC over everything so far, check.
func (r *reference) seal(reply, crc bool, address, sequence, code byte, data []byte) []byte {
	iv, scs := r.rmac, byte(0x15)
	if reply {
		iv, scs, address = r.cmac, 0x16, address|0x80
	}
	if len(data) > 0 {
		scs += 2
		data = append(bytes.Clone(data), 0x80)
		for len(data)%16 != 0 {
			data = append(data, 0)
		}
		inverted := make([]byte, 16)
		for i := range inverted {
			inverted[i] = ^iv[i]
		}
		cipher.NewCBCEncrypter(r.enc, inverted).CryptBlocks(data, data)
	}
	control, check := sequence|0x08, 1
	if crc {
		control, check = control|0x04, 2
	}
	p := append([]byte{0x53, address, 0, 0, control, 2, scs, code}, data...)
	binary.LittleEndian.PutUint16(p[2:], uint16(len(p)+4+check))

	padded := bytes.Clone(p)
	if len(padded)%16 != 0 {
		padded = append(padded, 0x80)
		for len(padded)%16 != 0 {
			padded = append(padded, 0)
		}
	}
	last := len(padded) - 16
	if last > 0 {
		cipher.NewCBCEncrypter(r.mac1, iv).CryptBlocks(padded[:last], padded[:last])
		iv = padded[last-16 : last]
	}
	cipher.NewCBCEncrypter(r.mac2, iv).CryptBlocks(padded[last:], padded[last:])
	mac := bytes.Clone(padded[last:])
	if reply {
		r.rmac = mac
	} else {
		r.cmac = mac
	}
	p = append(p, mac[:4]...)
	if !crc {
		var sum byte
		for _, b := range p {
			sum += b
		}
		return append(p, -sum)
	}
	sum := uint16(0x1D0F)
	for _, b := range p {
		sum ^= uint16(b) << 8
		for range 8 {
			top := sum & 0x8000
			sum <<= 1
			if top != 0 {
				sum ^= 0x1021
			}
		}
	}
	return binary.LittleEndian.AppendUint16(p, sum)
}

func TestReference(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	random := func(n int) []byte {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(rnd.Uint32())
		}
		return p
	}
	for range 20 {
		base, panel, device := random(16), random(8), random(8)
		ref, client, server := newReference(base, panel, device)
		var ours osdp.Session
		ours.Derive([16]byte(base), [8]byte(panel))
		if got := ours.Cryptogram([8]byte(panel), [8]byte(device)); !bytes.Equal(got[:], client) {
			t.Fatalf("client cryptogram %x, want %x", got, client)
		}
		if got := ours.Cryptogram([8]byte(device), [8]byte(panel)); !bytes.Equal(got[:], server) {
			t.Fatalf("server cryptogram %x, want %x", got, server)
		}
		if got := ours.Start([16]byte(server)); !bytes.Equal(got[:], ref.rmac) {
			t.Fatalf("R-MAC-I %x, want %x", got, ref.rmac)
		}
		for n := range 200 {
			reply, crc := n%2 == 1, rnd.IntN(2) == 0
			data := random(n)
			code, sequence := byte(rnd.Uint32()), byte(n%4)
			want := ref.seal(reply, crc, 5, sequence, code, data)
			got := ours.Seal(reply, crc, 5, sequence, code, data)
			if !bytes.Equal(got, want) {
				t.Fatalf("packet %d: %x, want %x", n, got, want)
			}
		}
	}
}

// The reference speaks to the device as a panel would that somebody else wrote.
func TestReferencePanel(t *testing.T) {
	d := newDevice(t, nil)
	panel := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	f, _, ok := d.say(osdp.Framed(true, true, 1, 0, 0x11, 1, osdp.CmdChlng, panel...))
	if !ok || f.Code != osdp.ReplyCCrypt {
		t.Fatalf("CHLNG as the first word: %+v", f)
	}
	ref, client, server := newReference(testKey[:], panel, f.Data[8:16])
	if !bytes.Equal(f.Data[16:], client) {
		t.Fatalf("client cryptogram %x, want %x", f.Data[16:], client)
	}
	f, _, _ = d.say(osdp.Framed(true, true, 1, 1, 0x13, 1, osdp.CmdSCrypt, server...))
	if f.Code != osdp.ReplyRMacI || !bytes.Equal(f.Data, ref.rmac) {
		t.Fatalf("SCRYPT: %+v", f)
	}
	for n := range 50 {
		sequence := byte((n+1)%3 + 1)
		_, raw, ok := d.say(append([]byte{0xFF}, ref.seal(false, true, 1, sequence, osdp.CmdOut, outData)...))
		if want := ref.seal(true, true, 1, sequence, osdp.ReplyAck, nil); !ok || !bytes.Equal(raw, append([]byte{0xFF}, want...)) {
			t.Fatalf("OUT %d: %x, want %x with the mark that the panel sends", n, raw, want)
		}
	}
	if len(d.cmds) != 50 {
		t.Errorf("%d commands reached the application", len(d.cmds))
	}
}

// A reader's own answers, recorded by others.
func TestRecorded(t *testing.T) {
	p := unhex(t, "5380140006"+"45"+"000ee31010000074972306061b88")
	f, ok := osdp.Parse(p)
	var id osdp.Identity
	if !ok || !f.Reply || f.Address != 0 || f.Sequence != 2 || f.Code != osdp.ReplyPDID || !id.Take(f.Data) {
		t.Fatalf("Parse(%x) = %+v, %v", p, f, ok)
	}
	if want := (osdp.Identity{Vendor: [3]byte{0, 0x0E, 0xE3}, Model: 0x10, Version: 0x10, Serial: 0x97740000, Firmware: [3]byte{0x23, 6, 6}}); id != want {
		t.Errorf("identity %+v, want %+v", id, want)
	}
}
