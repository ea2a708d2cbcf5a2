package trust_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/trust"
)

// What is read is exactly its parts: put together again they are the same bytes.
func FuzzParseSign1(f *testing.F) {
	key := someKey(f) // which signed nothing in the corpus
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := trust.ParseSign1(data)
		if err != nil {
			return
		}
		head := []byte{0xd2, 0x84, 0x4d, 0xa2, 0x01, 0x27, 0x04, 0x48}
		if m.Algorithm == trust.ES256 {
			head[5] = 0x26
		}
		again := append(append(head, m.KeyID[:]...), 0xa0)
		again = trust.AppendBytes(again, m.Payload)
		if len(data) < 66 || !bytes.Equal(append(again, data[len(data)-66:]...), data) {
			t.Errorf("ParseSign1(%x) = %+v, which is written %x", data, m, again)
		}
		if m.Verify(ctx, key) == nil {
			t.Errorf("%x verifies", data)
		}
	})
}

// No bytes but a root's own make a list.
func FuzzAnchorOpen(f *testing.F) {
	a, b := newEd25519(f, 1), newES256(f, 2)
	anchor := anchorOf(1, a, b)
	good := map[string]bool{}
	for _, data := range [][]byte{signList(f, someList(f), a), signList(f, someList(f), b), signList(f, someList(f), a, b)} {
		good[string(data)] = true
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if l, err := anchor.Open(data, someTime); err == nil && !good[string(data)] && l.Version != someList(t).Version {
			t.Errorf("Open(%x) = %+v", data, l)
		}
	})
}

// Even a root's payload has one encoding, and makes a keyring or an error.
func FuzzReadList(f *testing.F) {
	l := someList(f)
	payload, err := canon.Marshal(l)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := trust.ReadList(data, someTime)
		if err != nil {
			return
		}
		if again, err := canon.Marshal(l); err != nil || !bytes.Equal(again, data) {
			t.Errorf("ReadList(%x) = %+v, which is written %x, %v", data, l, again, err)
		}
		if _, err := trust.NewKeyring(l); err != nil && !errors.Is(err, trust.ErrCertificate) {
			t.Errorf("NewKeyring of %+v: %v", l, err)
		}
	})
}

func FuzzParseAnchor(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := trust.ParseAnchor(data)
		if err != nil {
			return
		}
		if again, err := a.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("ParseAnchor(%x) = %+v, which is written %x, %v", data, a, again, err)
		}
	})
}
