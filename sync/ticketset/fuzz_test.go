package ticketset_test

import (
	"bytes"
	"testing"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
)

// fuzzSigned feeds a payload under a good signature, which is what a careless
// publisher could send, and the same bytes bare, which is what anybody could.
func fuzzSigned(f *testing.F, ctx trust.Context, seeds [][]byte, open func(*office, []byte) (again []byte, err error)) {
	o := newOffice(f)
	for _, s := range seeds {
		payload, err := o.ring.Verify(trust.RoleEvent, eventA, ctx, s, now)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
		f.Add(payload[:len(payload)/2])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if _, err := open(o, payload); err == nil {
			t.Fatalf("unsigned bytes were accepted: %x", payload)
		}
		data, err := trust.Sign1(o.event, ctx, payload)
		if err != nil {
			return
		}
		again, err := open(o, data)
		if err == nil && !bytes.Equal(again, data) {
			t.Errorf("accepted payload %x, but what it says is signed as %x, not %x", payload, again, data)
		}
	})
}

func FuzzOpenManifest(f *testing.F) {
	b := newOffice(f).build(f, 1200, ticketset.Current{})
	fuzzSigned(f, ticketset.ManifestContext, [][]byte{b.Manifest}, func(o *office, data []byte) ([]byte, error) {
		m, err := ticketset.OpenManifest(o.ring, eventA, data, now)
		if err != nil {
			return nil, err
		}
		_ = m.Offset(len(m.Chunks))
		payload, err := canon.Marshal([]any{1, m})
		if err != nil {
			return nil, err
		}
		return trust.Sign1(o.event, ticketset.ManifestContext, payload)
	})
}

func FuzzOpenDelta(f *testing.F) {
	d := newOffice(f).signDelta(f, delta(1, [32]byte{}, statusOp(1, ticket.StatusRevoked), rebindOp(2, 2),
		ticketset.Op{Kind: ticketset.OpNew, Ticket: numbered(eventA, 3)}))
	fuzzSigned(f, ticketset.DeltaContext, [][]byte{d}, func(o *office, data []byte) ([]byte, error) {
		d, err := ticketset.OpenDelta(o.ring, eventA, data, now)
		if err != nil {
			return nil, err
		}
		return ticketset.SignDelta(o.event, *d)
	})
}

func FuzzOpenBeacon(f *testing.F) {
	seed, err := ticketset.SignBeacon(newOffice(f).event, word(issued, 3, 9, 700))
	if err != nil {
		f.Fatal(err)
	}
	fuzzSigned(f, ticketset.BeaconContext, [][]byte{seed}, func(o *office, data []byte) ([]byte, error) {
		b, err := ticketset.OpenBeacon(o.ring, eventA, data, now)
		if err != nil {
			return nil, err
		}
		return ticketset.SignBeacon(o.event, *b)
	})
}

func FuzzOpenLedgerPage(f *testing.F) {
	seed, err := ticketset.SignLedgerPage(newOffice(f).event, page(3))
	if err != nil {
		f.Fatal(err)
	}
	fuzzSigned(f, ticketset.LedgerContext, [][]byte{seed}, func(o *office, data []byte) ([]byte, error) {
		p, err := ticketset.OpenLedgerPage(o.ring, eventA, data, now)
		if err != nil {
			return nil, err
		}
		return ticketset.SignLedgerPage(o.event, *p)
	})
}

func FuzzParseDelta(f *testing.F) {
	d := delta(1, [32]byte{}, statusOp(1, ticket.StatusRevoked), rebindOp(2, 2))
	seed, err := d.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ticketset.ParseDelta(data)
		if err != nil {
			return
		}
		if again, err := d.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("ParseDelta(%x) encodes as %x, %v", data, again, err)
		}
	})
}

func FuzzParseRules(f *testing.F) {
	f.Add(newOffice(f).build(f, 0, ticketset.Current{}).Rules)
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ticketset.ParseRules(data)
		if err != nil {
			return
		}
		if err := e.Check(); err != nil {
			t.Errorf("ParseRules(%x) accepted what Check refuses: %v", data, err)
		}
	})
}

// Objects that a manifest names are fuzzed under a manifest that names them.
func FuzzOpenChunk(f *testing.F) {
	o := newOffice(f)
	b := o.build(f, 40, ticketset.Current{})
	f.Add(b.Chunks[0])
	f.Add(b.Chunks[0][:100])
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, data []byte) {
		m := b.Contents
		c := m.Chunks[0]
		c.Size, c.Hash = uint32(len(data)), ticketset.Hash(data)
		m.Chunks = []ticketset.Object{c}
		got, err := m.OpenChunk(0, data)
		if err != nil {
			return
		}
		for i := range got {
			if err := got[i].Check(); err != nil || i > 0 && bytes.Compare(got[i-1].ID[:], got[i].ID[:]) >= 0 {
				t.Errorf("OpenChunk(%x) accepted ticket %d: %v", data, i, err)
			}
		}
	})
}

func FuzzOpenStatus(f *testing.F) {
	b := newOffice(f).build(f, 40, ticketset.Current{})
	f.Add(b.Status)
	f.Add([]byte{0xa2, 0x63, 'l', 's', 't', 0x40, 0x64, 'b', 'i', 't', 's', 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		m := b.Contents
		m.Status.Size, m.Status.Hash = uint32(len(data)), ticketset.Hash(data)
		if s, err := m.OpenStatus(data); err == nil && s.Len() != 40 {
			t.Errorf("OpenStatus(%x) = %d entries, want 40", data, s.Len())
		}
	})
}

func FuzzReadFile(f *testing.F) {
	whole, _ := newOffice(f).file(f, 5, 1)
	f.Add(whole)
	f.Add(whole[:20])
	f.Add([]byte("CTSET1\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		total := 0
		err := ticketset.ReadFile(bytes.NewReader(data), func(s ticketset.Section) error {
			total += len(s.Data)
			return nil
		})
		if total > len(data) {
			t.Errorf("ReadFile(%x) passed on %d bytes of %d, %v", data, total, len(data), err)
		}
	})
}
