package osdp_test

import (
	"bytes"
	"crypto/cipher"
	"testing"

	"github.com/con-ting/conting/firmware/osdp"
)

// otherDevice is a device as others write them: without a line of the package's,
// except that it lets the package find its packets.
type otherDevice struct {
	t   *testing.T
	ref *reference

	answers map[byte][]byte // inside the channel: code and data, by command; else ACK
	busy    int             // commands to put off first
	deaf    map[byte]int    // commands to leave unanswered first

	proof    []byte
	sequence byte
	last     []byte // the packet before, to find repeats
	said     []byte
	seen     []byte // commands, without repeats
	repeats  int
}

// hear takes one packet and returns the answer.
func (d *otherDevice) hear(p []byte) []byte {
	f, ok := osdp.Parse(bytes.Clone(p))
	switch {
	case !ok || f.Reply || f.Address != 1:
		return nil
	case f.Sequence == 0:
		d.ref = nil
	case bytes.Equal(p, d.last) && d.said != nil:
		d.repeats++
		return d.said
	case bytes.Equal(p, d.last): // put off before
	case f.Sequence != d.sequence%3+1:
		d.t.Fatalf("sequence %d after %d", f.Sequence, d.sequence)
	}
	if d.deaf[f.Code] > 0 {
		d.deaf[f.Code]--
		return nil
	}
	first := !bytes.Equal(p, d.last)
	d.sequence, d.last, d.said = f.Sequence, bytes.Clone(p), nil
	if first {
		d.seen = append(d.seen, f.Code)
	}
	if first && d.busy > 0 {
		d.busy--
		return osdp.Plain(0x81, 0, osdp.ReplyBusy)
	}
	d.said = d.answer(&f, p)
	return d.said
}

func (d *otherDevice) answer(f *osdp.Frame, p []byte) []byte {
	switch {
	case f.Code == osdp.CmdChlng:
		device := []byte("otherone")
		var client []byte
		d.ref, client, d.proof = newReference(testKey[:], f.Data, device)
		data := append([]byte("8 bytes!"), device...)
		return osdp.Framed(true, false, 0x81, f.Sequence, 0x12, 1, osdp.ReplyCCrypt, append(data, client...)...)
	case f.Code == osdp.CmdSCrypt:
		if !bytes.Equal(f.Data, d.proof) {
			d.t.Fatalf("the panel's cryptogram is %x, want %x", f.Data, d.proof)
		}
		return osdp.Framed(true, false, 0x81, f.Sequence, 0x14, 1, osdp.ReplyRMacI, d.ref.rmac...)
	case f.Code == osdp.CmdID && f.Block == 0:
		return osdp.Plain(0x81, f.Sequence, osdp.ReplyPDID, make([]byte, 12)...)
	case f.Block != 0x15 && f.Block != 0x17:
		d.t.Fatalf("command %#x with block %#x", f.Code, f.Block)
	}
	d.verify(f, p)
	a, ok := d.answers[f.Code]
	if !ok {
		a = []byte{osdp.ReplyAck}
	}
	return d.ref.seal(true, f.CRC, 1, f.Sequence, a[0], a[1:])
}

// verify opens the command and lays it out again.
func (d *otherDevice) verify(f *osdp.Frame, p []byte) {
	data := bytes.Clone(f.Data)
	if len(data) > 0 {
		iv := make([]byte, 16)
		for i := range iv {
			iv[i] = ^d.ref.rmac[i]
		}
		cipher.NewCBCDecrypter(d.ref.enc, iv).CryptBlocks(data, data)
		data = bytes.TrimRight(data, "\x00")
		if len(data) == 0 || data[len(data)-1] != 0x80 {
			d.t.Fatalf("command %#x is padded %x", f.Code, data)
		}
		data = data[:len(data)-1]
	}
	if want := d.ref.seal(false, f.CRC, 1, f.Sequence, f.Code, data); !bytes.Equal(p, want) {
		d.t.Fatalf("the panel says %x, want %x", p, want)
	}
}

// TestReferenceDevice has the panel speak to a device that somebody else wrote.
func TestReferenceDevice(t *testing.T) {
	id := append([]byte{osdp.ReplyPDID}, "\x0A\x00\x17\x03\x00\xCA\xFE\xDE\xED\x01\x50\x02"...)
	caps := append([]byte{osdp.ReplyPDCap}, unhex(t, "0102080202100301000401010501000601010801000901010a00030b00030c00000d00000e00000f0000100200")...)
	contacts := []byte{osdp.ReplyIStat, 0, 1, 0, 0, 0, 0, 0, 1}
	for name, d := range map[string]*otherDevice{
		"plain":          {},
		"busy":           {busy: 6},
		"deaf to a poll": {deaf: map[byte]int{osdp.CmdPoll: 3}},
		"deaf to CHLNG":  {deaf: map[byte]int{osdp.CmdChlng: 1, osdp.CmdSCrypt: 2}},
		"no ACURXSIZE":   {answers: map[byte][]byte{osdp.CmdACURxSize: {osdp.ReplyNak, byte(osdp.NakUnknown)}}},
	} {
		t.Run(name, func(t *testing.T) {
			d.t = t
			if d.answers == nil {
				d.answers = map[byte][]byte{}
			}
			d.answers[osdp.CmdID], d.answers[osdp.CmdCap], d.answers[osdp.CmdIStat] = id, caps, contacts
			l := newLine(t, nil)
			l.toPD = func(p []byte) []byte {
				l.up = append(l.up, d.hear(p)...)
				return nil
			}
			l.until(5000, "secure channel", l.cp.Online)
			l.until(5000, "list of what the device can do", func() bool { return len(l.cp.Capabilities()) == 15 })
			l.run(1000)
			if r := l.do(osdp.CmdIStat); r.Code != osdp.ReplyIStat || !bytes.Equal(r.data, contacts[1:]) {
				t.Errorf("ISTAT: %+v %x", r.Reply, r.data)
			}
			long := bytes.Repeat([]byte{0x80, 0}, osdp.MaxData)[:l.cp.Room()]
			if r := l.do(osdp.CmdMfg, long...); r.Code != osdp.ReplyAck {
				t.Errorf("MFG of %d bytes: %+v", len(long), r.Reply)
			}
			if who, ok := l.cp.Identity(); !ok || who.Serial != 0xEDDEFECA {
				t.Errorf("identity %+v", who)
			}
			if l.cp.Room() != osdp.MaxData {
				t.Errorf("a device that takes 768 bytes is given %d", l.cp.Room())
			}
			if s := l.cp.Stats(); s.Handshakes != 1 || s.BadMAC+s.Downgrades != 0 {
				t.Errorf("panel %+v", s)
			}
			want := []byte{osdp.CmdID, osdp.CmdChlng, osdp.CmdSCrypt, osdp.CmdID, osdp.CmdCap, osdp.CmdACURxSize, osdp.CmdPoll}
			if name != "deaf to CHLNG" && !bytes.HasPrefix(d.seen, want) {
				t.Errorf("the panel began %x, want %x", d.seen[:7], want)
			}
		})
	}
}
