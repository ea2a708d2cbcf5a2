package archive

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Writer writes a backup: tables and their rows, then Close. Its first error stays.
type Writer struct {
	out   *bufio.Writer
	all   hash.Hash
	row   hash.Hash // of the rows of the table
	buf   []byte
	table Table
	in    bool // a table is open
	sum   Summary
	rows  uint64
	err   error
}

// NewWriter begins a backup.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	a := &Writer{all: sha256.New(), row: sha256.New()}
	a.out = bufio.NewWriterSize(io.MultiWriter(w, a.all), 256<<10)
	if _, err := a.out.WriteString(magic); err != nil {
		return nil, err
	}
	return a, a.json('H', h)
}

// Table begins the next table.
func (a *Writer) Table(t Table) error {
	a.end()
	if a.err == nil {
		a.err = t.check()
	}
	if a.err == nil && len(a.sum.Tables) >= maxTables {
		a.err = fmt.Errorf("%w: more than %d tables", ErrFormat, maxTables)
	}
	if a.err != nil {
		return a.err
	}
	a.table, a.in, a.rows = t, true, 0
	a.row.Reset()
	return a.json('T', t)
}

// Row writes one row of the table. A value is nil, an int64, a string or a []byte.
func (a *Writer) Row(values []any) error {
	if a.err != nil {
		return a.err
	}
	if !a.in || len(values) != len(a.table.Columns) {
		a.err = fmt.Errorf("%w: %d values for the %d columns of %s", ErrFormat, len(values), len(a.table.Columns), a.table.Name)
		return a.err
	}
	b := a.buf[:0]
	for i, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, 0)
		case int64:
			b = binary.AppendVarint(append(b, 1), v)
		case string:
			b = append(binary.AppendUvarint(append(b, 2), uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(append(b, 3), uint64(len(v))), v...)
		default:
			a.err = fmt.Errorf("%w: column %s of %s has a %T", ErrFormat, a.table.Columns[i], a.table.Name, v)
			return a.err
		}
	}
	a.buf = b
	_, _ = a.row.Write(b) // a hash takes everything
	a.rows++
	return a.record('R', b)
}

// end closes the table that is open.
func (a *Writer) end() {
	if a.err != nil || !a.in {
		return
	}
	d := Digest{Table: a.table.Name, Rows: a.rows, Hash: [32]byte(a.row.Sum(nil))}
	a.sum.Tables = append(a.sum.Tables, d)
	a.in = false
	_ = a.record('E', append(binary.AppendUvarint(nil, d.Rows), d.Hash[:]...)) // stays in err
}

// Close ends the backup and says what it holds. It does not close what was written to.
func (a *Writer) Close() (Summary, error) {
	a.end()
	_ = a.record('Z', binary.AppendUvarint(nil, uint64(len(a.sum.Tables)))) // stays in err
	if a.err == nil {
		a.err = a.out.Flush()
	}
	if a.err != nil {
		return Summary{}, a.err
	}
	a.sum.Hash = [32]byte(a.all.Sum(nil))
	_, err := a.out.Write(a.sum.Hash[:])
	err = errors.Join(err, a.out.Flush())
	a.err = errors.New("backup is closed")
	return a.sum, err
}

func (a *Writer) json(letter byte, v any) error {
	b, err := json.Marshal(v)
	if err == nil && len(b) > maxHead {
		err = fmt.Errorf("%w: %c of %d bytes", ErrFormat, letter, len(b))
	}
	if err != nil {
		a.err = err
		return err
	}
	return a.record(letter, b)
}

func (a *Writer) record(letter byte, payload []byte) error {
	if a.err == nil && len(payload) > MaxRecord {
		a.err = fmt.Errorf("%w: %c of %d bytes in %s", ErrFormat, letter, len(payload), a.table.Name)
	}
	if a.err != nil {
		return a.err
	}
	var head [1 + binary.MaxVarintLen64]byte
	head[0] = letter
	n := binary.PutUvarint(head[1:], uint64(len(payload)))
	if _, a.err = a.out.Write(head[:1+n]); a.err == nil {
		_, a.err = a.out.Write(payload)
	}
	return a.err
}
