package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Reader reads a backup: Next for each table, Row for each of its rows, each until
// [io.EOF]. Only the EOF of Next says that all of it was whole: until then nothing
// that was read may be taken for true.
type Reader struct {
	in     *bufio.Reader
	all    hash.Hash
	row    hash.Hash
	header Header
	table  Table
	open   bool // a table is
	rows   uint64
	buf    bytes.Buffer
	seen   map[string]bool
	sum    Summary
	done   bool
	err    error
}

// NewReader reads the header. Errors wrap [ErrFormat], [ErrDamaged] or are r's.
func NewReader(r io.Reader) (*Reader, error) {
	a := &Reader{in: bufio.NewReaderSize(r, 256<<10), all: sha256.New(), row: sha256.New(), seen: make(map[string]bool)}
	got := make([]byte, len(magic))
	if _, err := io.ReadFull(a.in, got); err != nil && !short(err) {
		return nil, err
	}
	if string(got) != magic {
		return nil, fmt.Errorf("%w: it does not begin like one", ErrFormat)
	}
	_, _ = a.all.Write(got) // a hash takes everything
	letter, payload, err := a.record(maxHead)
	if err != nil {
		return nil, err
	}
	if letter != 'H' || unmarshal(payload, &a.header) != nil {
		return nil, fmt.Errorf("%w: no header", ErrDamaged)
	}
	return a, a.header.check()
}

// Header says what the backup is of.
func (a *Reader) Header() Header { return a.header }

// Summary is what was read: of the whole backup after Next has returned [io.EOF].
func (a *Reader) Summary() Summary { return a.sum }

// Next returns the next table, passing over rows that were not read, or [io.EOF]
// after the last, if the whole backup was as it was written.
func (a *Reader) Next() (Table, error) {
	for a.open && a.err == nil {
		_, _ = a.Row() // stays in err
	}
	switch {
	case a.err != nil:
		return Table{}, a.err
	case a.done:
		return Table{}, io.EOF
	}
	t, err := a.next()
	if err != nil && !errors.Is(err, io.EOF) {
		a.err = err
	}
	return t, err
}

func (a *Reader) next() (t Table, err error) {
	letter, payload, err := a.record(maxHead)
	switch {
	case err != nil:
		return t, err
	case letter == 'Z':
		return t, a.finish(payload)
	case letter != 'T' || unmarshal(payload, &t) != nil:
		return t, fmt.Errorf("%w: a table was expected", ErrDamaged)
	case a.seen[t.Name] || len(a.seen) >= maxTables:
		return t, fmt.Errorf("%w: table %q stands twice, or there are too many", ErrDamaged, t.Name)
	}
	if err := t.check(); err != nil {
		return t, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	a.seen[t.Name] = true
	a.table, a.open, a.rows = t, true, 0
	a.row.Reset()
	return t, nil
}

// finish checks the end.
func (a *Reader) finish(payload []byte) error {
	if n, size := binary.Uvarint(payload); size != len(payload) || n != uint64(len(a.sum.Tables)) {
		return fmt.Errorf("%w: it ends after %d tables", ErrDamaged, len(a.sum.Tables))
	}
	a.sum.Hash = [32]byte(a.all.Sum(nil))
	var want [32]byte
	if _, err := io.ReadFull(a.in, want[:]); err != nil {
		return cut(err)
	}
	if want != a.sum.Hash {
		return fmt.Errorf("%w: its hash is another", ErrDamaged)
	}
	if _, err := a.in.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows its end", ErrDamaged)
	}
	a.done = true
	return io.EOF
}

// Row returns the next row of the table, or [io.EOF]. A value is nil, an int64, a
// string or a []byte.
func (a *Reader) Row() ([]any, error) {
	switch {
	case a.err != nil:
		return nil, a.err
	case !a.open:
		return nil, io.EOF
	}
	values, err := a.nextRow()
	if err != nil && !errors.Is(err, io.EOF) {
		a.err = err
	}
	return values, err
}

func (a *Reader) nextRow() ([]any, error) {
	letter, payload, err := a.record(MaxRecord)
	if err != nil {
		return nil, err
	}
	switch letter {
	case 'R':
		_, _ = a.row.Write(payload) // a hash takes everything
		a.rows++
		return values(payload, len(a.table.Columns))
	case 'E':
		d := Digest{Table: a.table.Name, Rows: a.rows, Hash: [32]byte(a.row.Sum(nil))}
		if !bytes.Equal(payload, append(binary.AppendUvarint(nil, d.Rows), d.Hash[:]...)) {
			return nil, fmt.Errorf("%w: table %s is not whole", ErrDamaged, a.table.Name)
		}
		a.sum.Tables = append(a.sum.Tables, d)
		a.open = false
		return nil, io.EOF
	}
	return nil, fmt.Errorf("%w: a row of %s was expected", ErrDamaged, a.table.Name)
}

// values decodes a row.
func values(b []byte, n int) ([]any, error) {
	out := make([]any, 0, n)
	for len(b) > 0 && len(out) < n {
		kind := b[0]
		b = b[1:]
		if kind == 0 {
			out = append(out, nil)
			continue
		}
		if kind == 1 {
			v, size := binary.Varint(b)
			if size <= 0 {
				return nil, errRow
			}
			out, b = append(out, v), b[size:]
			continue
		}
		length, size := binary.Uvarint(b)
		if size <= 0 || kind > 3 || length > uint64(len(b[size:])) {
			return nil, errRow
		}
		b = b[size:]
		text := b[:length]
		b = b[length:]
		if kind == 2 {
			out = append(out, string(text))
		} else {
			out = append(out, append([]byte{}, text...))
		}
	}
	if len(out) != n || len(b) > 0 {
		return nil, errRow
	}
	return out, nil
}

var errRow = fmt.Errorf("%w: a row that cannot be", ErrDamaged)

// record reads one record. Its bytes are good until the next one.
func (a *Reader) record(most uint64) (letter byte, payload []byte, err error) {
	if letter, err = a.in.ReadByte(); err != nil {
		return 0, nil, cut(err)
	}
	n, err := binary.ReadUvarint(a.in)
	switch {
	case err != nil && !short(err):
		return 0, nil, fmt.Errorf("%w: %w", ErrDamaged, err) // no varint
	case err != nil:
		return 0, nil, cut(err)
	case n > most:
		return 0, nil, fmt.Errorf("%w: a record of %d bytes", ErrDamaged, n)
	}
	a.buf.Reset()
	_, _ = a.all.Write(binary.AppendUvarint([]byte{letter}, n)) // a hash takes everything
	if _, err := io.CopyN(&a.buf, a.in, int64(n)); err != nil { //nolint:gosec // at most MaxRecord
		return 0, nil, cut(err)
	}
	_, _ = a.all.Write(a.buf.Bytes()) // likewise
	return letter, a.buf.Bytes(), nil
}

func short(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// cut says of an end that comes too soon that it does; other errors are the disk's.
func cut(err error) error {
	if short(err) {
		return fmt.Errorf("%w: it is cut off", ErrDamaged)
	}
	return err
}

func unmarshal(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}
