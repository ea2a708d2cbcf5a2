package journal_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// wire is the batch's envelope, for tests that tamper with it.
type wire struct {
	_          struct{} `cbor:",toarray"`
	Device     ticket.DeviceID
	Entries    [][]byte
	Checkpoint []byte
}

func seal(t testing.TB, device ticket.DeviceID, entries [][]byte) []byte {
	t.Helper()
	data, err := journal.SealBatch(signer(t, 1), device, entries, journal.At(noon)+99<<16)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestBatchRoundTrip(t *testing.T) {
	entries := chain(t)
	b, err := journal.OpenBatch(seal(t, gate, entries), gate, signer(t, 1).Public())
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Entries) != len(entries) || b.Head.Seq != uint64(len(entries)) || b.Head.Hash != journal.EntryHash(entries[len(entries)-1]) {
		t.Errorf("opened %d entries with head %+v, want %d", len(b.Entries), b.Head, len(entries))
	}
	for i := range entries {
		if !bytes.Equal(b.Raw[i], entries[i]) || b.Entries[i].Seq != uint64(i+1) {
			t.Errorf("entry %d: %x, want %x", i, b.Raw[i], entries[i])
		}
	}
}

func TestOpenBatchRefuses(t *testing.T) {
	entries := chain(t)
	sealed := seal(t, gate, entries)
	var whole wire
	if err := canon.Unmarshal(sealed, &whole); err != nil {
		t.Fatal(err)
	}
	var older wire // an honest checkpoint, but of an earlier time
	if err := canon.Unmarshal(seal(t, gate, entries[:4]), &older); err != nil {
		t.Fatal(err)
	}
	var other wire // another device's checkpoint over the same entries, by the same key
	if err := canon.Unmarshal(seal(t, "gate-south-1", entries), &other); err != nil {
		t.Fatal(err)
	}
	altered := bytes.Clone(entries[2])
	altered[len(altered)-40] ^= 1 // in the evidence
	for _, tt := range []struct {
		name string
		edit func(*wire)
		want error
	}{
		{"altered entry", func(w *wire) { w.Entries[2] = altered }, journal.ErrBroken},
		{"altered last entry", func(w *wire) {
			w.Entries[5] = bytes.Clone(w.Entries[5])
			w.Entries[5][len(w.Entries[5])-40] ^= 1
		}, journal.ErrCheckpoint},
		{"removed entry", func(w *wire) { w.Entries = slices.Delete(w.Entries, 2, 3) }, journal.ErrBroken},
		{"removed last entry", func(w *wire) { w.Entries = w.Entries[:5] }, journal.ErrCheckpoint},
		{"reordered entries", func(w *wire) { w.Entries[1], w.Entries[2] = w.Entries[2], w.Entries[1] }, journal.ErrBroken},
		{"repeated entry", func(w *wire) { w.Entries = slices.Insert(w.Entries, 1, w.Entries[1]) }, journal.ErrBroken},
		{"swapped device", func(w *wire) { w.Device = "gate-south-1" }, journal.ErrWrongDevice},
		{"checkpoint of another device", func(w *wire) { w.Checkpoint = other.Checkpoint }, journal.ErrWrongDevice},
		{"older checkpoint", func(w *wire) { w.Checkpoint = older.Checkpoint }, journal.ErrCheckpoint},
		{"no checkpoint", func(w *wire) { w.Checkpoint = nil }, journal.ErrCheckpoint},
		{"altered signature", func(w *wire) { w.Checkpoint[len(w.Checkpoint)-1] ^= 1 }, journal.ErrCheckpoint},
		{"no entries", func(w *wire) { w.Entries = nil }, journal.ErrInvalid},
		{"entry that is none", func(w *wire) { w.Entries[0] = []byte{1} }, journal.ErrInvalid},
		{"too many entries", func(w *wire) { w.Entries = slices.Repeat(w.Entries[:1], journal.MaxEntries+1) }, journal.ErrTooLarge},
		{"too many bytes", func(w *wire) { w.Checkpoint = make([]byte, journal.MaxBatch) }, journal.ErrTooLarge},
	} {
		w := wire{Device: whole.Device, Entries: slices.Clone(whole.Entries), Checkpoint: bytes.Clone(whole.Checkpoint)}
		tt.edit(&w)
		data, err := canon.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := journal.OpenBatch(data, gate, signer(t, 1).Public()); !errors.Is(err, tt.want) {
			t.Errorf("%s: OpenBatch = %+v, %v; want %v", tt.name, b, err, tt.want)
		}
	}
	if b, err := journal.OpenBatch(sealed, gate, signer(t, 2).Public()); !errors.Is(err, journal.ErrCheckpoint) {
		t.Errorf("wrong key: OpenBatch = %+v, %v", b, err)
	}
	for i := range sealed { // every bit matters
		data := bytes.Clone(sealed)
		data[i] ^= 1 << (i % 8)
		if b, err := journal.OpenBatch(data, gate, signer(t, 1).Public()); err == nil {
			t.Errorf("flipped bit in byte %d: OpenBatch = %+v", i, b)
		}
	}
	for _, n := range []int{0, 1, len(sealed) / 2, len(sealed) - 1} {
		if _, err := journal.OpenBatch(sealed[:n], gate, signer(t, 1).Public()); err == nil {
			t.Errorf("truncated to %d bytes: opened", n)
		}
	}
}

func TestSealBatchRefuses(t *testing.T) {
	entries, s := chain(t), signer(t, 1)
	late := journal.At(noon) + 99<<16
	for name, tt := range map[string]struct {
		device  ticket.DeviceID
		entries [][]byte
		at      journal.HLC
		want    error
	}{
		"nothing":        {gate, nil, late, journal.ErrInvalid},
		"a gap":          {gate, slices.Delete(slices.Clone(entries), 1, 2), late, journal.ErrBroken},
		"damaged bytes":  {gate, [][]byte{entries[0][1:]}, late, journal.ErrInvalid},
		"too early":      {gate, entries, journal.At(noon), journal.ErrInvalid},
		"no device name": {"", entries, late, ticket.ErrInvalid},
	} {
		if data, err := journal.SealBatch(s, tt.device, tt.entries, tt.at); !errors.Is(err, tt.want) {
			t.Errorf("%s: SealBatch = %x, %v; want %v", name, data, err, tt.want)
		}
	}
	e, err := journal.ParseEntry(entries[0])
	if err != nil {
		t.Fatal(err)
	}
	second := e
	second.Seq, second.Prev = 2, journal.EntryHash(entries[0]) // its time stands still
	data, err := second.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.SealBatch(s, gate, [][]byte{entries[0], data}, late); !errors.Is(err, journal.ErrBroken) {
		t.Errorf("time that stands still: SealBatch = %v, want ErrBroken", err)
	}
}

func TestHeadExtend(t *testing.T) {
	entries := chain(t)
	open := func(from, to int) *journal.Batch { // entries from..to, numbered from 1
		t.Helper()
		b, err := journal.OpenBatch(seal(t, gate, entries[from-1:to]), gate, signer(t, 1).Public())
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	head := func(n int) journal.Head {
		if n == 0 {
			return journal.Head{}
		}
		return journal.Head{Seq: uint64(n), Hash: journal.EntryHash(entries[n-1])}
	}
	for _, tt := range []struct {
		name     string
		have     journal.Head
		from, to int
		fresh    int
		want     error
		missing  uint64
	}{
		{"first batch", head(0), 1, 3, 3, nil, 0},
		{"next batch", head(3), 4, 6, 3, nil, 0},
		{"overlapping batch", head(3), 2, 5, 2, nil, 0},
		{"same batch again", head(3), 1, 3, 0, nil, 0},
		{"older batch again", head(5), 1, 3, 0, nil, 0},
		{"gap", head(2), 5, 6, 0, journal.ErrGap, 3},
		{"gap at the start", head(0), 2, 3, 0, journal.ErrGap, 1},
		{"fork after the head", journal.Head{Seq: 3, Hash: [32]byte{1}}, 4, 6, 0, journal.ErrFork, 0},
		{"fork inside the batch", journal.Head{Seq: 3, Hash: [32]byte{1}}, 2, 6, 0, journal.ErrFork, 0},
		{"fork at the head", journal.Head{Seq: 3, Hash: [32]byte{1}}, 1, 3, 0, journal.ErrFork, 0},
	} {
		fresh, next, err := tt.have.Extend(open(tt.from, tt.to))
		if !errors.Is(err, tt.want) || len(fresh) != tt.fresh {
			t.Errorf("%s: Extend = %d fresh, %v; want %d, %v", tt.name, len(fresh), err, tt.fresh, tt.want)
		}
		var gap *journal.GapError
		if errors.As(err, &gap) && gap.Missing != tt.missing {
			t.Errorf("%s: entry %d is named missing, want %d", tt.name, gap.Missing, tt.missing)
		}
		want := tt.have
		if tt.fresh > 0 {
			want = head(tt.to)
			if fresh[0].Seq != tt.have.Seq+1 {
				t.Errorf("%s: fresh entries begin at %d, want %d", tt.name, fresh[0].Seq, tt.have.Seq+1)
			}
		}
		if next != want {
			t.Errorf("%s: next head %+v, want %+v", tt.name, next, want)
		}
	}
}

func FuzzOpenBatch(f *testing.F) {
	f.Add(seal(f, gate, chain(f)))
	f.Add(seal(f, gate, chain(f)[2:3]))
	key := signer(f, 1).Public()
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := journal.OpenBatch(data, gate, key)
		if err != nil {
			return
		}
		again, err := canon.Marshal(wire{Device: b.Device, Entries: b.Raw, Checkpoint: b.Checkpoint})
		if err != nil || !bytes.Equal(again, data) || b.Head.Seq != b.Entries[len(b.Entries)-1].Seq {
			t.Errorf("accepted %x as %+v", data, b)
		}
	})
}
