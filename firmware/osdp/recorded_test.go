package osdp_test

import (
	"bytes"
	"testing"

	"github.com/con-ting/conting/firmware/osdp"
)

// recorded is a panel and a reader that others wrote, as a third program heard
// them: a handshake under the default key, KEYSET, a handshake under the new
// key, and the first words under it (libosdp-conformance 1.38-4, published with
// OSDP-Embedded as sc-monitor-current.osdpcap).
var recorded = []string{
	"53000900046100c066",
	"5380140004450a00170300cafedeed015002043b",
	"530013000d03110076cdcd921212d3ee6a8c8b",
	"53802b000d031200760a00170300cafede61626364656667684b7e2f98ad79bd968119a8d1d3dbdaee8efd",
	"53001b000e03130077a230f5d33b25f43434929ab208de90a74103",
	"53801b000e03140178d8f543e207ac5d2e30be9fac3aa04bea9585",
	"53002e000f021775ea64e35174e309d66ad2807354cdde659eb5226f32566390915ed77987bf517c4125ec776496",
	"53800e000f021640b1892dfe5295",
	"530013000d03110176636e3478f7085c575ce0",
	"53802b000d031201760a00170300cafede6162636465666768597b8467ad2b557296e1234e379dc3112f55",
	"53001b000e03130177dbd8cb35c81188cbdcf560521ec844693564",
	"53801b000e03140178b1e1998a99229228c5b11a3d3922cc8d65f1",
	"53001e000f0217624cbdace660da28f9080d316704be7ae03ae55c7197fc",
	"53803e000f021846d98f68df2d3b69a8d0e0d7ec43d9b32e2abed1f57734c4baa3170b8063903588c4b2bf14a720361c56a2ff97a6f6c7a43856377daa32",
	"53001e000d0217690245f090720128b1d00bfe54c7a9ef581edae77059d2",
	"53800e000d021640d66d222cfb95",
	"53003e000e02176b0e1ad8d9f7f7b73e7b590cf3b5fa651d6ae3df83c71486d8ae488e7309d8a21bd1744d9f878a3f858acb7caba81c29de36fc2f80fcbd",
	"53800e000e021640ca21171b03dd",
	"53001e000f0217647cba291c203920b54c9eed4462363ce8c5c8988f1eef",
	"53801e000f021848db34e7e81c61f12ff45fcb7602f6de2f1a5232df33d4",
	"53001e000d0217676b5d290a899f39d3703cf854f2107d176bc0279c5941",
	"53801e000d02184bf244420c178936178cbc2a26e36d2d0df70b4c760e32",
	"53001e000e02177b75cbfe2a3951c61660541538e34a8fdd47f6e197b8df",
	"53800e000e021640580338f60924",
	"53000e000f02156098108d64b0c7",
	"53800e000f021640b39215543453",
	"53000e000d0215607cb547fe0d8b",
	"53800e000d021640a28205f71874",
}

// first is the packet with which the second handshake of the recording begins.
const first = 8

// TestRecordedChannel understands all of the recording, and lays each packet in
// the channel out again, byte for byte.
func TestRecordedChannel(t *testing.T) {
	key := [16]byte{}
	for i := range key {
		key[i] = byte(0x30 + i) // which no end of ours would take
	}
	var (
		s     osdp.Session
		panel [8]byte
		rmac  [16]byte
		codes []byte
	)
	read := map[byte]string{
		osdp.CmdKeySet: "0110d459f02f6602e5651f3b553bc283d43e",
		osdp.CmdLED:    "000000bdac0000da280118010100",
		osdp.CmdText:   "000200010120526561647920202020202020202020202020202020343a343520414d20202020",
		osdp.CmdLStat:  "", osdp.ReplyLStat: "0001", osdp.CmdRStat: "", osdp.ReplyRStat: "01",
		osdp.CmdACURxSize: "0008", osdp.CmdPoll: "", osdp.ReplyAck: "", osdp.CmdCap: "00",
		osdp.ReplyPDCap: "0102080202100301000401010501000601010801000901010a00030b00030c00000d00000e00000f0000100200",
	}
	for i, line := range recorded {
		raw := unhex(t, line)
		f, ok := osdp.Parse(raw)
		if !ok {
			t.Fatalf("packet %d: Parse(%x) failed", i, raw)
		}
		codes = append(codes, f.Code)
		switch f.Block {
		case 0x11:
			panel = [8]byte(f.Data)
			s.Derive(key, panel)
		case 0x12:
			if want := s.Cryptogram(panel, [8]byte(f.Data[8:])); !bytes.Equal(f.Data[16:], want[:]) {
				t.Fatalf("packet %d: the reader's cryptogram %x, want %x", i, f.Data[16:], want)
			}
		case 0x13:
			rmac = s.Start([16]byte(f.Data))
		case 0x14:
			if !bytes.Equal(f.Data, rmac[:]) {
				t.Fatalf("packet %d: R-MAC-I %x, want %x", i, f.Data, rmac)
			}
		case 0x15, 0x16, 0x17, 0x18:
			before := s
			f, ok = s.Open(raw)
			if want := unhex(t, read[f.Code]); !ok || !bytes.Equal(f.Data, want) {
				t.Fatalf("packet %d: %x is %#x %x (%v), want %x", i, raw, f.Code, f.Data, ok, want)
			}
			// This panel enciphers the nothing that LSTAT carries; we do not.
			if got := before.Seal(f.Reply, true, f.Address, f.Sequence, f.Code, f.Data); !bytes.Equal(got, raw) && (f.Block != 0x17 || len(f.Data) > 0) {
				t.Errorf("packet %d: built %x, want %x", i, got, raw)
			}
			if f.Code == osdp.CmdKeySet {
				copy(key[:], f.Data[2:])
			}
		}
	}
	if want := unhex(t, "614576767778754076767778624669406b406448674b7b4060406040"); !bytes.Equal(codes, want) {
		t.Errorf("codes %x, want %x", codes, want)
	}
}

// TestRecordedPanel has the device answer what the recording's panel said, in
// the place of its reader.
func TestRecordedPanel(t *testing.T) {
	caps := unhex(t, "0102080202100301000401010501000601010801000901010a00030b00030c00000d00000e00000f0000100200")
	cfg := osdp.PDConfig{
		Key: [16]byte(unhex(t, "d459f02f6602e5651f3b553bc283d43e")), Nonce: fixed("abcdefgh"),
		ID: osdp.Identity{Vendor: [3]byte{0x0A, 0, 0x17}, Model: 3, Serial: 0xEDDEFECA, Firmware: [3]byte{1, 0x50, 2}},
	}
	for c, ok := osdp.CapabilityAt(caps, 0); ok; c, ok = osdp.CapabilityAt(caps, cfg.CapsLen) {
		cfg.Caps[cfg.CapsLen] = c
		cfg.CapsLen++
	}
	var d osdp.PD
	if !d.Init(&cfg) {
		t.Fatal("Init refused the configuration")
	}
	answer := func(c *osdp.Command) osdp.Action {
		switch c.Code {
		case osdp.CmdLStat:
			return d.Reply(osdp.ReplyLStat, []byte{0, 1})
		case osdp.CmdRStat:
			return d.Reply(osdp.ReplyRStat, []byte{1})
		}
		return d.Reply(osdp.ReplyAck, nil)
	}
	talk := append([]string{recorded[0], recorded[1]}, recorded[first:]...)
	for i := 0; i < len(talk); i += 2 {
		var got []byte
		for at, b := range unhex(t, talk[i]) {
			a := d.Feed(uint32(at), b)
			if a == osdp.Handle {
				a = answer(d.Command())
			}
			if a == osdp.Send {
				got = bytes.Clone(d.Out())
			}
		}
		want := unhex(t, talk[i+1])
		if i == 2 { // the name in CCRYPT is the maker's affair
			copy(got[9:17], want[9:17])
			want, got = want[:len(want)-2], got[:len(got)-2]
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("to %s the device says %x, want %x", talk[i], got, want)
		}
	}
	if s := d.Stats(); s.Handshakes != 1 || s.BadMAC+s.BadCheck+s.BadSequence+s.Downgrades != 0 {
		t.Errorf("device %+v", s)
	}
}

// fixed is the only nonce that a recording has an answer to.
type fixed string

func (f fixed) Fill(dst *[8]byte) bool { return copy(dst[:], f) == len(dst) }
