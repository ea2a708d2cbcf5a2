package ticketset_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"testing"
	"testing/iotest"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

func (o *office) file(t testing.TB, n, deltas int) ([]byte, *ticketset.Bundle) {
	t.Helper()
	b := o.build(t, n, ticketset.Current{})
	var buf bytes.Buffer
	if err := ticketset.WriteFile(&buf, b, o.deltas(t, deltas)); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), b
}

func (o *office) deltas(t testing.TB, n int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var prev [32]byte
		for i := range n {
			data := o.signDelta(t, delta(uint64(i+1), prev, statusOp(i, ticket.StatusRevoked)))
			prev = ticketset.Hash(data)
			if !yield(data, nil) {
				return
			}
		}
	}
}

func TestSetFile(t *testing.T) {
	o := newOffice(t)
	for _, n := range []int{0, 2500} {
		data, b := o.file(t, n, 3)
		counts := map[ticketset.SectionKind]int{}
		var m *ticketset.Manifest
		total := 0
		err := ticketset.ReadFile(iotest.OneByteReader(bytes.NewReader(data)), func(s ticketset.Section) error {
			if s.Index != counts[s.Kind] {
				t.Errorf("%s: index %d, want %d", s.Kind, s.Index, counts[s.Kind])
			}
			counts[s.Kind]++
			switch s.Kind {
			case ticketset.SectionManifest:
				var err error
				m, err = ticketset.OpenManifest(o.ring, eventA, s.Data, now)
				return err
			case ticketset.SectionChunk:
				got, err := m.OpenChunk(s.Index, s.Data)
				total += len(got)
				return err
			case ticketset.SectionRules:
				_, err := m.OpenRules(s.Data)
				return err
			case ticketset.SectionStatus:
				_, err := m.OpenStatus(s.Data)
				return err
			case ticketset.SectionDelta:
				_, err := ticketset.OpenDelta(o.ring, eventA, s.Data, now)
				return err
			default:
				return fmt.Errorf("section of %s", s.Kind)
			}
		})
		if err != nil || total != n || counts[ticketset.SectionChunk] != len(b.Chunks) || counts[ticketset.SectionDelta] != 3 {
			t.Errorf("%d tickets: ReadFile = %v, %d tickets read, sections %v", n, err, total, counts)
		}
	}
}

func TestSetFileRefuses(t *testing.T) {
	o := newOffice(t)
	data, b := o.file(t, 1500, 2)
	visit := func(ticketset.Section) error { return nil }
	for cut := range data {
		if cut > 200 && cut%1009 != 0 && cut < len(data)-200 {
			continue
		}
		if err := ticketset.ReadFile(bytes.NewReader(data[:cut]), visit); !errors.Is(err, ticketset.ErrMalformed) {
			t.Fatalf("cut at %d of %d: ReadFile = %v, want ErrMalformed", cut, len(data), err)
		}
	}
	sections := func(kinds ...byte) []byte {
		out := []byte("CTSET1\r\n")
		for _, k := range kinds {
			out = append(out, k, 0, 0, 0, 0)
		}
		return out
	}
	for name, tc := range map[string]struct {
		data []byte
		want error
	}{
		"trailing byte":      {append(bytes.Clone(data), 0), ticketset.ErrMalformed},
		"two files":          {append(bytes.Clone(data), data...), ticketset.ErrMalformed},
		"wrong magic":        {append([]byte("CTSET2\r\n"), data[8:]...), ticketset.ErrMalformed},
		"no manifest":        {sections(2, 3, 6), ticketset.ErrMalformed},
		"two manifests":      {sections(1, 1, 2, 3, 6), ticketset.ErrMalformed},
		"no status list":     {sections(1, 2, 4, 6), ticketset.ErrMalformed},
		"chunk after deltas": {sections(1, 2, 3, 5, 4, 6), ticketset.ErrMalformed},
		"unknown section":    {sections(1, 2, 3, 7), ticketset.ErrMalformed},
		"section 0":          {sections(0), ticketset.ErrMalformed},
		"only an end":        {sections(6), ticketset.ErrMalformed},
		"huge length":        {append(sections(1, 2, 3), 4, 0xff, 0xff, 0xff, 0xff), ticketset.ErrTooLarge},
		"end with a length":  {append(sections(1, 2, 3), 6, 0, 0, 0, 1, 0), ticketset.ErrTooLarge},
	} {
		if err := ticketset.ReadFile(bytes.NewReader(tc.data), visit); !errors.Is(err, tc.want) {
			t.Errorf("%s: ReadFile = %v, want %v", name, err, tc.want)
		}
	}
	stick := errors.New("stick pulled out")
	if err := ticketset.ReadFile(io.MultiReader(bytes.NewReader(data[:500]), iotest.ErrReader(stick)), visit); !errors.Is(err, stick) {
		t.Errorf("a reader that fails = %v, want its own error", err)
	}
	veto := errors.New("not this one")
	if err := ticketset.ReadFile(bytes.NewReader(data), func(ticketset.Section) error { return veto }); !errors.Is(err, veto) {
		t.Errorf("a visitor that refuses = %v, want its own error", err)
	}
	big := *b
	big.Chunks = [][]byte{make([]byte, ticketset.MaxChunk+1)}
	if err := ticketset.WriteFile(io.Discard, &big, nil); !errors.Is(err, ticketset.ErrTooLarge) {
		t.Errorf("WriteFile of an oversized chunk = %v, want ErrTooLarge", err)
	}
}
