package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/hint"
)

// line is one line of the book: a credential that was issued, or the id of one
// that was revoked.
type line struct {
	Issued  *issued   `json:"issued,omitempty"`
	Revoked string    `json:"revoked,omitempty"`
	At      time.Time `json:"at"`
}

// issued is what is remembered of a credential: enough to revoke it.
type issued struct {
	ID      string          `json:"id"`
	Type    credential.Type `json:"type"`
	Subject credential.DID  `json:"subject"`
	Index   uint32          `json:"index"`
	Expires time.Time       `json:"expires"`
}

// book is a file that only grows: what was issued and what was revoked, one line of
// JSON each. A line is on disk before its credential is handed out. Whoever holds a
// book holds the folder's lock.
type book struct {
	file    *os.File
	lock    *os.File
	all     []issued
	byID    map[string]int // into all
	taken   map[uint32]bool
	revoked map[string]time.Time
}

var errUnknown = errors.New("no such credential")

// openBook reads the book. A last line without an end was never acknowledged: it is
// cut off.
func (d folder) openBook() (_ *book, err error) {
	b := &book{byID: map[string]int{}, taken: map[uint32]bool{}, revoked: map[string]time.Time{}}
	if b.lock, err = d.lock(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.file, err = os.OpenFile(d.path(bookFile), os.O_RDWR, 0); err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(b.file)
	if err != nil {
		return nil, err
	}
	whole := bytes.LastIndexByte(raw, '\n') + 1
	if whole < len(raw) {
		if err := b.file.Truncate(int64(whole)); err != nil {
			return nil, err
		}
	}
	if _, err := b.file.Seek(int64(whole), io.SeekStart); err != nil {
		return nil, err
	}
	for n, text := range bytes.SplitAfter(raw[:whole], []byte("\n")) {
		if len(text) == 0 {
			continue
		}
		if err := b.read(text); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", bookFile, n+1, err)
		}
	}
	return b, nil
}

func (b *book) read(text []byte) error {
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	var l line
	if err := strict.Decode(&l); err != nil {
		return err
	}
	return b.apply(l)
}

// apply takes a line into memory.
func (b *book) apply(l line) error {
	switch {
	case l.Issued != nil && l.Revoked == "":
		if _, twice := b.byID[l.Issued.ID]; twice || b.taken[l.Issued.Index] || l.Issued.Index >= credential.StatusBits {
			return fmt.Errorf("credential %s stands twice, or its entry does", l.Issued.ID)
		}
		b.byID[l.Issued.ID] = len(b.all)
		b.taken[l.Issued.Index] = true
		b.all = append(b.all, *l.Issued)
	case l.Issued == nil && l.Revoked != "":
		if _, ok := b.byID[l.Revoked]; !ok {
			return fmt.Errorf("revoke %q: %w", l.Revoked, errUnknown)
		}
		b.revoked[l.Revoked] = l.At
	default:
		return errors.New("a line is either an issue or a revocation")
	}
	return nil
}

// add writes a line and waits until it is on disk.
func (b *book) add(l line) error {
	if err := b.apply(l); err != nil {
		return err
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err := b.file.Write(append(text, '\n')); err != nil {
		return err
	}
	return b.file.Sync()
}

// free is an entry of the status list that nobody has, chosen at random: neighbours
// in the list have nothing to do with each other.
func (b *book) free() (uint32, error) {
	if len(b.taken) >= credential.StatusBits {
		return 0, hint.Errorf("make another registrar", "all %d entries of the status list are taken", credential.StatusBits)
	}
	for {
		var r [4]byte
		if _, err := rand.Read(r[:]); err != nil {
			return 0, err
		}
		if i := binary.BigEndian.Uint32(r[:]) % credential.StatusBits; !b.taken[i] {
			return i, nil
		}
	}
}

func (b *book) close() error {
	var err error
	if b.file != nil {
		err = b.file.Close()
	}
	return errors.Join(err, b.lock.Close())
}
