package token

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// MaxData is the longest account that is decoded, in bytes. No token's is a tenth of it.
const MaxData = 16 << 10

// Numbers of the extensions that are known here.
const (
	extCloseAuthority = 3
	extDefaultState   = 6
	extMemoTransfer   = 8
	extDelegate       = 12
	extMetadataPtr    = 18
	extMetadata       = 19
	extGroupPtr       = 20
	extGroup          = 21
	extMemberPtr      = 22
	extMember         = 23
)

// States of a token account, and of the default one.
const (
	stateUninitialised = 0
	stateInitialised   = 1
	stateFrozen        = 2
)

// Kinds of account, in the byte before the extensions.
const (
	kindMint    = 1
	kindHolding = 2
)

// maxExtensions bounds how many an account may have. Token-2022 knows fewer.
const maxExtensions = 32

// extension is one of an account's, its value within the account's bytes.
type extension struct {
	kind  uint16
	value []byte
}

// extensions splits what follows an account's base. None is there twice, and after the
// last there is nothing but zeros.
func extensions(data []byte, kind byte) ([]extension, error) {
	if len(data) < extended || data[baseHolding] != kind {
		return nil, fmt.Errorf("%w: not of kind %d", ErrUnreadable, kind)
	}
	var list []extension
	for rest := data[extended:]; len(rest) > 0; {
		if len(rest) < header || binary.LittleEndian.Uint16(rest) == 0 {
			for _, b := range rest {
				if b != 0 {
					return nil, fmt.Errorf("%w: bytes after the last extension", ErrUnreadable)
				}
			}
			break
		}
		e := extension{kind: binary.LittleEndian.Uint16(rest)}
		n := int(binary.LittleEndian.Uint16(rest[2:]))
		if n > len(rest)-header {
			return nil, fmt.Errorf("%w: extension %d is cut off", ErrUnreadable, e.kind)
		}
		e.value, rest = rest[header:header+n], rest[header+n:]
		for _, other := range list {
			if other.kind == e.kind {
				return nil, fmt.Errorf("%w: extension %d is there twice", ErrUnreadable, e.kind)
			}
		}
		if list = append(list, e); len(list) > maxExtensions {
			return nil, fmt.Errorf("%w: too many extensions", ErrUnreadable)
		}
	}
	return list, nil
}

// cursor reads a value's fields one after the other. After the first that is not there
// each is zero, and bad stays set.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.rest) {
		c.bad = true
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) byte() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if b := c.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (c *cursor) key() (k Key) {
	copy(k[:], c.take(len(k)))
	return k
}

// option reads a key behind a tag of four bytes: zero if there is none.
func (c *cursor) option() Key {
	tag, k := c.u32(), c.key()
	switch tag {
	case 0:
		return Key{}
	case 1:
		return k
	}
	c.bad = true
	return Key{}
}

func (c *cursor) flag() bool {
	b := c.byte()
	c.bad = c.bad || b > 1
	return b == 1
}

func (c *cursor) text() string {
	n := c.u32()
	if uint64(n) > uint64(len(c.rest)) {
		c.bad = true
		return ""
	}
	b := c.take(int(n))
	c.bad = c.bad || !utf8.Valid(b)
	return string(b)
}

// end reports whether all could be read, and nothing is left over.
func (c *cursor) end(what string) error {
	if c.bad || len(c.rest) > 0 {
		return fmt.Errorf("%w: %s", ErrUnreadable, what)
	}
	return nil
}
