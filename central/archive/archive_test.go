package archive_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/con-ting/conting/central/archive"
)

var header = archive.Header{Created: 1_800_000_000_000, Program: "1.2.3", Engine: "sqlite", Schema: []string{"0001_sale.sql"}}

var tables = []archive.Table{
	{Name: "event", Columns: []string{"id", "rules"}},
	{Name: "empty", Columns: []string{"id"}},
	{Name: "ticket", Columns: []string{"body", "id", "owner"}},
}

var content = map[string][][]any{
	"event":  {{int64(1), "{}"}, {int64(-1 << 63), ""}, {int64(1<<63 - 1), "한국어\x00"}},
	"ticket": {{[]byte{}, []byte{0, 1, 2}, nil}, {[]byte("x"), nil, strings.Repeat("y", 70_000)}},
}

func write(t testing.TB, rows map[string][][]any) ([]byte, archive.Summary) {
	t.Helper()
	var b bytes.Buffer
	w, err := archive.NewWriter(&b, header)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if err := w.Table(table); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows[table.Name] {
			if err := w.Row(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	sum, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), sum
}

// read returns what is in a backup.
func read(r io.Reader) (got map[string][][]any, ts []archive.Table, sum archive.Summary, err error) {
	a, err := archive.NewReader(r)
	if err != nil {
		return nil, nil, sum, err
	}
	got = make(map[string][][]any)
	for {
		t, err := a.Next()
		if errors.Is(err, io.EOF) {
			return got, ts, a.Summary(), nil
		}
		if err != nil {
			return nil, nil, sum, err
		}
		ts = append(ts, t)
		for {
			row, err := a.Row()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, nil, sum, err
			}
			got[t.Name] = append(got[t.Name], row)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	raw, wrote := write(t, content)
	for name, r := range map[string]io.Reader{"at once": bytes.NewReader(raw), "byte by byte": iotest.OneByteReader(bytes.NewReader(raw))} {
		got, ts, sum, err := read(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, content) || !reflect.DeepEqual(ts, tables) || !reflect.DeepEqual(sum, wrote) || sum.Rows() != 5 {
			t.Errorf("%s: got %v of %v with %v, want %v of %v with %v", name, got, ts, sum, content, tables, wrote)
		}
	}
}

// TestPassedOver: rows that nobody reads are checked all the same.
func TestPassedOver(t *testing.T) {
	raw, wrote := write(t, content)
	a, err := archive.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; err == nil; n++ {
		_, err = a.Next()
	}
	if sum := a.Summary(); !errors.Is(err, io.EOF) || n != 4 || !reflect.DeepEqual(sum, wrote) {
		t.Errorf("%d tables, %v, want 3 and the end", n-1, err)
	}
}

// TestEveryByteCounts: a backup with any byte changed, cut off anywhere, or with
// something after it is never read to its end.
func TestEveryByteCounts(t *testing.T) {
	small := map[string][][]any{"event": {{int64(300), "{}"}, {int64(2), "x"}}, "ticket": {{[]byte("b"), []byte{1}, nil}}}
	raw, _ := write(t, small)
	header := bytes.Index(raw, []byte("]}")) // up to there it may not be a backup at all
	for i := range raw {
		for flip := byte(1); flip != 0; flip <<= 1 {
			bad := bytes.Clone(raw)
			bad[i] ^= flip
			_, _, _, err := read(bytes.NewReader(bad))
			if !errors.Is(err, archive.ErrDamaged) && (i > header || !errors.Is(err, archive.ErrFormat)) {
				t.Errorf("byte %d changed by %#x: %v", i, flip, err)
			}
		}
		if _, _, _, err := read(bytes.NewReader(raw[:i])); !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, archive.ErrFormat) {
			t.Errorf("cut off after %d bytes: %v", i, err)
		}
	}
	if _, _, _, err := read(bytes.NewReader(append(bytes.Clone(raw), 0))); !errors.Is(err, archive.ErrDamaged) {
		t.Errorf("one byte more: %v", err)
	}
	broken := errors.New("disk")
	if _, _, _, err := read(io.MultiReader(bytes.NewReader(raw[:40]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("of a disk that fails it says %v", err)
	}
}

func TestDiffer(t *testing.T) {
	_, a := write(t, content)
	_, b := write(t, map[string][][]any{"event": content["event"], "ticket": content["ticket"][:1]})
	if d := a.Differ(&a); d != "" {
		t.Errorf("differs from itself in %s", d)
	}
	if d := a.Differ(&b); d != "ticket" {
		t.Errorf("differs in %q, want ticket", d)
	}
	c := archive.Summary{Tables: a.Tables[:2]}
	if a.Differ(&c) != "ticket" || c.Differ(&a) != "ticket" {
		t.Error("a missing table is not seen")
	}
}

func TestWriterRefuses(t *testing.T) {
	row := func(w *archive.Writer, v ...any) error { return w.Row(v) }
	for name, do := range map[string]func(w *archive.Writer) error{
		"row without table": func(w *archive.Writer) error { return row(w, int64(1)) },
		"too few values":    func(w *archive.Writer) error { _ = w.Table(tables[0]); return row(w, int64(1)) },
		"float":             func(w *archive.Writer) error { _ = w.Table(tables[1]); return row(w, 1.5) },
		"odd name":          func(w *archive.Writer) error { return w.Table(archive.Table{Name: "a;b", Columns: []string{"id"}}) },
		"odd column":        func(w *archive.Writer) error { return w.Table(archive.Table{Name: "a", Columns: []string{`"`}}) },
		"no column":         func(w *archive.Writer) error { return w.Table(archive.Table{Name: "a"}) },
		"too large":         func(w *archive.Writer) error { _ = w.Table(tables[1]); return row(w, make([]byte, archive.MaxRecord)) },
	} {
		w, err := archive.NewWriter(io.Discard, header)
		if err != nil {
			t.Fatal(err)
		}
		if err := do(w); !errors.Is(err, archive.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.Close(); err == nil {
			t.Errorf("%s: closed as if nothing was wrong", name)
		}
	}
	if _, err := archive.NewWriter(io.Discard, archive.Header{}); err == nil {
		t.Error("an empty header was taken")
	}
}

// FuzzReader: whatever comes, the reader ends with an error, or with what a writer
// would have written.
func FuzzReader(f *testing.F) {
	whole, _ := write(f, map[string][][]any{"event": {{int64(1), "{}"}}, "ticket": {{[]byte("b"), nil, "o"}}})
	empty, _ := write(f, nil)
	f.Add(whole)
	f.Add(empty)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("conting backup 1\nH\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, ts, sum, err := read(bytes.NewReader(raw))
		if err != nil {
			return
		}
		r, err := archive.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		var again bytes.Buffer
		w, err := archive.NewWriter(&again, r.Header())
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range ts {
			if err := w.Table(table); err != nil {
				t.Fatal(err)
			}
			for _, row := range got[table.Name] {
				if err := w.Row(row); err != nil {
					t.Fatal(err)
				}
			}
		}
		wrote, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		if d := sum.Differ(&wrote); d != "" {
			t.Errorf("table %s comes back otherwise", d)
		}
	})
}
