package osdp_test

import (
	"bytes"
	"testing"

	"github.com/con-ting/conting/firmware/osdp"
)

func TestSecureExchange(t *testing.T) {
	for name, edit := range map[string]func(*osdp.CPConfig, *osdp.PDConfig){
		"crc":      nil,
		"checksum": func(c *osdp.CPConfig, _ *osdp.PDConfig) { c.Checksum = true },
		"mark":     func(c *osdp.CPConfig, _ *osdp.PDConfig) { c.Mark = true },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, edit)
			l.app = func(c *osdp.Command) osdp.Action {
				if c.Code == osdp.CmdMfg {
					return l.pd.Reply(osdp.ReplyMfg, c.Data)
				}
				return l.pd.Reply(osdp.ReplyAck, nil)
			}
			l.secured()
			l.run(100)
			room := l.cp.Room()
			if room != osdp.MaxData {
				t.Fatalf("Room() = %d, want %d", room, osdp.MaxData)
			}
			for n := 0; n <= room; n++ {
				data := bytes.Repeat([]byte{byte(n), 0, 0x80, 0x53}, 64)[:n]
				r := l.do(osdp.CmdMfg, data...)
				if r.Code != osdp.ReplyMfg || !bytes.Equal(r.data, data) {
					t.Fatalf("%d bytes: got %+v %x, want %x", n, r.Reply, r.data, data)
				}
			}
			id, ok := l.cp.Identity()
			if !ok || id.Serial != 0x01020304 || len(l.cp.Capabilities()) != 2 {
				t.Errorf("identity %+v %v, capabilities %v", id, ok, l.cp.Capabilities())
			}
			if s := l.pd.Stats(); s.Handshakes != 1 || s.BadMAC+s.BadCheck+s.BadSequence+s.Downgrades != 0 {
				t.Errorf("device %+v", s)
			}
		})
	}
}
