package pay

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// maxLine is the longest line of a book, in bytes, with its newline.
const maxLine = 1 << 10

// keySize is the size of a sandbox's webhook key, in bytes.
const keySize = 32

var errBook = errors.New("the sandbox's book is damaged: stop central and remove it; no money is in it")

// book is the sandbox's file: a line with the webhook key, then a line of JSON for
// each change of a payment, the last of which counts. Whoever holds the lock
// writes; a line without its end, which a process that died left behind, is cut
// off by the next writer. Its owner serialises the calls.
type book struct {
	file *os.File
	at   int64 // up to where it was read
	key  []byte
}

// heading is the first line.
type heading struct {
	Version int    `json:"sandbox"`
	Key     []byte `json:"key"`
}

func newKey() ([]byte, error) {
	key := make([]byte, keySize)
	if _, err := io.ReadFull(rand.Reader, key); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return key, nil
}

// openBook opens the file or makes it.
func openBook(name string) (*book, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) //nolint:gosec // the operator's own folder
	if err != nil {
		return nil, fmt.Errorf("sandbox's book: %w", err)
	}
	return &book{file: f}, nil
}

func (b *book) close() error { return b.file.Close() }

// lock waits until no other process has the book.
func (b *book) lock() error {
	for {
		err := syscall.Flock(int(b.file.Fd()), syscall.LOCK_EX)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("lock the sandbox's book: %w", err)
		}
	}
}

func (b *book) unlock() error { return syscall.Flock(int(b.file.Fd()), syscall.LOCK_UN) }

// follow reads what was written since, by whomever, and makes the file end with a
// whole line. The caller has the lock.
func (b *book) follow(keep func(*attempt) error) error {
	info, err := b.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() == b.at && b.at > 0 {
		return nil
	}
	if info.Size() < b.at {
		return errBook
	}
	read, err := readBook(io.NewSectionReader(b.file, b.at, info.Size()-b.at), b.heading, keep)
	if err != nil {
		return err
	}
	if b.at += read; b.at < info.Size() {
		if err := b.file.Truncate(b.at); err != nil {
			return err
		}
	}
	if b.at > 0 {
		return nil
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	b.key = key
	return b.line(heading{Version: 1, Key: key})
}

// heading tells readBook whether the first line is still to come.
func (b *book) heading(line []byte) (bool, error) {
	if b.key != nil {
		return false, nil
	}
	var h heading
	if err := json.Unmarshal(line, &h); err != nil || h.Version != 1 || len(h.Key) != keySize {
		return true, errBook
	}
	b.key = h.Key
	return true, nil
}

// readBook reads whole lines and returns how many bytes they have. A last line
// without its end is left out.
func readBook(r io.Reader, heading func(line []byte) (bool, error), keep func(*attempt) error) (read int64, err error) {
	in := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return read, nil
		case err != nil: // also bufio.ErrBufferFull
			return read, fmt.Errorf("%w (byte %d: %w)", errBook, read, err)
		}
		was, err := heading(line)
		if err != nil {
			return read, err
		}
		if !was {
			a := new(attempt)
			if err := json.Unmarshal(line, a); err != nil || !a.sound() {
				return read, fmt.Errorf("%w (byte %d)", errBook, read)
			}
			if err := keep(a); err != nil {
				return read, err
			}
		}
		read += int64(len(line))
	}
}

// sound reports whether a payment is one that the sandbox could have written.
func (a *attempt) sound() bool {
	switch a.State {
	case Begun, Authorised, Succeeded, Failed, Refunded:
	default:
		return false
	}
	return a.Reference != "" && a.Notices >= 0 && a.Charges >= 0 && a.Charges <= 1 && a.Returned >= 0 && a.Returned <= a.Charges &&
		(a.Token == "" || checkToken(a.Token) == nil)
}

// append adds a payment as it is now. The caller has the lock and has followed.
func (b *book) append(a *attempt) error { return b.line(a) }

func (b *book) line(v any) error {
	var line bytes.Buffer
	if err := json.NewEncoder(&line).Encode(v); err != nil { // it ends the line
		return err
	}
	if line.Len() > maxLine {
		return fmt.Errorf("a line of %d bytes for the sandbox's book", line.Len())
	}
	n, err := b.file.Write(line.Bytes())
	if err != nil {
		return fmt.Errorf("write the sandbox's book: %w", err)
	}
	b.at += int64(n)
	return nil
}
