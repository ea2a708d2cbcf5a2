package queue

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"sync"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// A queue token is what a person shows to be told their place, an admission token
// what a sale asks for. Both are fixed-size records with a MAC (HMAC-SHA-256 under
// keys of their own, cut to 16 bytes), in base64url: no parser, nothing to decode
// before the MAC is checked, no state.
const (
	tokenVersion   = 1
	macSize        = 16
	placeSize      = 1 + 4 + 16 + 4 + 4 + macSize // version, event, account, number, watermark
	admissionSize  = 1 + 4 + 16 + 4 + 8 + macSize // version, event, account, number, expiry in ms
	tokenText      = placeSize / 3 * 4            // both sizes are multiples of 3
	admissionText  = (admissionSize*8 + 5) / 6
	accountNameLen = 32
)

// AccountID is an account's 32 hexadecimal digits as bytes.
type AccountID [16]byte

// ParseAccount reads an account's name: 32 lower-case hexadecimal digits.
func ParseAccount(s string) (id AccountID, err error) {
	if len(s) != accountNameLen {
		return id, fmt.Errorf("account is %d characters long: %w", len(s), ticket.ErrInvalid)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil || hex.EncodeToString(id[:]) != s {
		return AccountID{}, fmt.Errorf("account is not 32 hexadecimal digits: %w", ticket.ErrInvalid)
	}
	return id, nil
}

// Token is a queue token as text.
type Token [tokenText]byte

// String returns the text.
func (t Token) String() string { return string(t[:]) }

// AdmissionToken is an admission token as text.
type AdmissionToken [admissionText]byte

// String returns the text.
func (t AdmissionToken) String() string { return string(t[:]) }

// held is what a queue token says.
type held struct {
	event   ticket.EventID
	account AccountID
	number  uint32
	mark    uint32 // a watermark that this person has been told of
}

// tokens makes and checks both kinds, and the keys of persons.
type tokens struct {
	place, admission, entry macs
}

func newTokens(secret [32]byte, life uint64) (*tokens, error) {
	t := &tokens{}
	lived := ""
	if life > 0 {
		lived = fmt.Sprintf(" life %d", life)
	}
	for _, k := range []struct {
		pool  *macs
		label string
	}{
		{&t.place, "conting queue token v1" + lived},
		{&t.admission, "conting queue admission v1" + lived},
		{&t.entry, "conting queue entry v1"},
	} {
		var err error
		if k.pool.key, err = hkdf.Key(sha256.New, secret[:], nil, k.label, sha256.Size); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// keyed is a MAC with room for what goes in and out, so that using one allocates
// nothing.
type keyed struct {
	h   hash.Hash
	in  [admissionSize]byte
	sum [sha256.Size]byte
}

// macs are MACs under one key, to be used again.
type macs struct {
	sync.Pool
	key []byte
}

func (m *macs) take() *keyed {
	if k, ok := m.Get().(*keyed); ok {
		return k
	}
	return &keyed{h: hmac.New(sha256.New, m.key)}
}

// mac is the first bytes of the MAC of k.in[:n], valid until k is used again.
func (k *keyed) mac(n int) []byte {
	k.h.Reset()
	k.h.Write(k.in[:n])
	return k.h.Sum(k.sum[:0])[:macSize]
}

// key is the person's in the event's room.
func (t *tokens) key(event ticket.EventID, account AccountID) Key {
	k := t.entry.take()
	defer t.entry.Put(k)
	binary.BigEndian.PutUint32(k.in[:], uint32(event))
	copy(k.in[4:], account[:])
	return Key(k.mac(20))
}

func (t *tokens) mint(h held) (text Token) {
	k := t.place.take()
	defer t.place.Put(k)
	k.in[0] = tokenVersion
	binary.BigEndian.PutUint32(k.in[1:], uint32(h.event))
	copy(k.in[5:], h.account[:])
	binary.BigEndian.PutUint32(k.in[21:], h.number)
	binary.BigEndian.PutUint32(k.in[25:], h.mark)
	copy(k.in[29:], k.mac(29))
	base64.RawURLEncoding.Encode(text[:], k.in[:placeSize])
	return text
}

// open checks a queue token of the event.
func (t *tokens) open(event ticket.EventID, text string) (h held, ok bool) {
	if len(text) != tokenText {
		return h, false
	}
	k := t.place.take()
	defer t.place.Put(k)
	var from Token
	copy(from[:], text)
	if n, err := base64.RawURLEncoding.Strict().Decode(k.in[:], from[:]); err != nil || n != placeSize {
		return h, false
	}
	if subtle.ConstantTimeCompare(k.mac(placeSize-macSize), k.in[placeSize-macSize:placeSize]) != 1 {
		return h, false
	}
	h.event = ticket.EventID(binary.BigEndian.Uint32(k.in[1:]))
	h.account = AccountID(k.in[5:21])
	h.number, h.mark = binary.BigEndian.Uint32(k.in[21:]), binary.BigEndian.Uint32(k.in[25:])
	return h, k.in[0] == tokenVersion && h.event == event && h.number >= 1 && h.number <= MaxPeople
}

func (t *tokens) admit(event ticket.EventID, account AccountID, number uint32, expires time.Time) (text AdmissionToken) {
	k := t.admission.take()
	defer t.admission.Put(k)
	k.in[0] = tokenVersion
	binary.BigEndian.PutUint32(k.in[1:], uint32(event))
	copy(k.in[5:], account[:])
	binary.BigEndian.PutUint32(k.in[21:], number)
	binary.BigEndian.PutUint64(k.in[25:], uint64(expires.UnixMilli()))
	copy(k.in[33:], k.mac(33))
	base64.RawURLEncoding.Encode(text[:], k.in[:])
	return text
}

// admitted checks an admission token of the event and the account, and returns its
// number and end.
func (t *tokens) admitted(event ticket.EventID, account AccountID, text string) (number uint32, expires time.Time, ok bool) {
	if len(text) != admissionText {
		return 0, expires, false
	}
	k := t.admission.take()
	defer t.admission.Put(k)
	var from AdmissionToken
	copy(from[:], text)
	if n, err := base64.RawURLEncoding.Strict().Decode(k.in[:], from[:]); err != nil || n != admissionSize {
		return 0, expires, false
	}
	if subtle.ConstantTimeCompare(k.mac(admissionSize-macSize), k.in[admissionSize-macSize:]) != 1 {
		return 0, expires, false
	}
	if k.in[0] != tokenVersion || ticket.EventID(binary.BigEndian.Uint32(k.in[1:])) != event || AccountID(k.in[5:21]) != account {
		return 0, expires, false
	}
	number = binary.BigEndian.Uint32(k.in[21:])
	return number, time.UnixMilli(int64(binary.BigEndian.Uint64(k.in[25:]))), number >= 1 && number <= MaxPeople //nolint:gosec // as minted
}
