// Package archive is the format of a backup: every table of a database, row by row,
// the same whichever engine it came from, with hashes that show that it is whole.
//
//	"conting backup 1\n"
//	H header        JSON: when, by which release, from which engine, which migrations
//	for each table, those that others refer to first:
//	  T table       JSON: its name and its columns
//	  R row         one value for each column, in the order of the primary key
//	  E end         how many rows, and the SHA-256 of their records
//	Z end           how many tables
//	SHA-256 of everything before it
//
// A record is its letter, its length as an unsigned varint, and that many bytes. A
// value is 0 for NULL; 1 and a signed varint; 2 (text) or 3 (bytes), a length and as
// many bytes. There are no other types.
//
// It knows no SQL and no table. It is not encrypted and not compressed: whoever can
// read a backup can read the database, and pipes are there for both. A hash shows
// damage, not malice: who may write the file may write the hash too. The [Reader] is
// for bytes that may be damaged, or made by somebody: each length has a limit, and
// nothing is allocated before it is there.
package archive

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// magic begins every backup of this format.
const magic = "conting backup 1\n"

// Limits.
const (
	MaxRecord  = 64 << 20 // bytes
	maxHead    = 64 << 10 // bytes of the header, or of a table's description
	maxTables  = 256
	maxColumns = 128
	maxName    = 64
)

// Errors of a [Reader].
var (
	// ErrFormat means that the file is no backup, or one of a later release.
	ErrFormat = errors.New("not a backup that this release can read")

	// ErrDamaged means that bytes are missing, too many, or others than were written.
	ErrDamaged = errors.New("backup is damaged: use another copy")
)

// Header says what a backup is of.
type Header struct {
	Created int64    `json:"created_ms"` // Unix milliseconds, of the moment that it shows
	Program string   `json:"program"`    // release that wrote it
	Engine  string   `json:"engine"`     // sqlite or postgres
	Schema  []string `json:"schema"`     // names of the migrations, in order
}

// At is when the database was like this.
func (h *Header) At() time.Time { return time.UnixMilli(h.Created) }

func (h *Header) check() error {
	if h.Created <= 0 || len(h.Schema) == 0 || len(h.Schema) > 10_000 {
		return fmt.Errorf("%w: header of %d with %d migrations", ErrFormat, h.Created, len(h.Schema))
	}
	return nil
}

// Table is the name of a table and of its columns, in the order of the values.
type Table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
}

// check makes sure that names can stand in a statement.
func (t *Table) check() error {
	if len(t.Columns) == 0 || len(t.Columns) > maxColumns {
		return fmt.Errorf("%w: table of %d columns", ErrFormat, len(t.Columns))
	}
	for _, n := range append([]string{t.Name}, t.Columns...) {
		if n == "" || len(n) > maxName || strings.Trim(n, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return fmt.Errorf("%w: table or column named %q", ErrFormat, n)
		}
	}
	return nil
}

// Digest is what a table held.
type Digest struct {
	Table string
	Rows  uint64
	Hash  [32]byte // SHA-256 of the records of its rows
}

// Summary is what a backup holds.
type Summary struct {
	Tables []Digest // in the order in which they stand
	Hash   [32]byte // SHA-256 of the file up to it
}

// Rows is how many rows there are in all.
func (s *Summary) Rows() (n uint64) {
	for _, t := range s.Tables {
		n += t.Rows
	}
	return n
}

// Differ returns the name of the first table that the other does not have in the
// same way, or "". The order of tables does not matter.
func (s *Summary) Differ(other *Summary) string {
	theirs := make(map[string]Digest, len(other.Tables))
	for _, d := range other.Tables {
		theirs[d.Table] = d
	}
	for _, d := range s.Tables {
		if theirs[d.Table] != d {
			return d.Table
		}
		delete(theirs, d.Table)
	}
	for name := range theirs {
		return name
	}
	return ""
}
