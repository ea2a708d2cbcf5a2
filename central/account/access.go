package account

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"
	"time"
)

// ErrAccess means that an access token is forged, malformed or too old.
var ErrAccess = errors.New("access token is forged or too old")

// AccessLifetime is how long an access token is good. It cannot be taken back
// before: whoever signs out, or whose account is deleted, has it to its end.
const AccessLifetime = 10 * time.Minute

// AccessLen is the length of every access token, in bytes.
const AccessLen = 54

// An access token is the account (16 bytes), when it ends (Unix seconds, 8 bytes),
// and 16 bytes of HMAC-SHA256 over those, in unpadded base64url.
const (
	accessBody = 16 + 8
	accessRaw  = accessBody + 16
)

// Access makes and checks access tokens: they say who somebody is to routes that
// are asked too often to look a session up. A token opens nothing but what those
// routes guard, and nothing at all once it has ended. Safe for concurrent use.
type Access struct {
	now  func() time.Time
	macs sync.Pool // of *accessMAC
}

// accessMAC is a keyed HMAC with room for what is read and written.
type accessMAC struct {
	hash.Hash
	raw [accessRaw + 2]byte
	sum [sha256.Size]byte
}

// NewAccess makes tokens under a key of their own, derived from the challenge key
// that all central processes of one organiser share; it must be random.
func NewAccess(challengeKey [32]byte, now func() time.Time) (*Access, error) {
	if challengeKey == [32]byte{} || now == nil {
		return nil, errors.New("account: challenge key and now are required")
	}
	key, err := hkdf.Key(sha256.New, challengeKey[:], nil, "conting/account/access/v1", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("account: access key: %w", err)
	}
	return &Access{now: now, macs: sync.Pool{New: func() any { return &accessMAC{Hash: hmac.New(sha256.New, key)} }}}, nil
}

// Mint makes a token for an account and says when it ends. The caller has made
// sure that the account is who asks. For what is no account's id (32 hexadecimal
// digits) the token is empty, which [Access.Check] refuses.
func (a *Access) Mint(account string) (token string, expires time.Time) {
	var raw [accessRaw]byte
	if len(account) != 32 {
		return "", time.Time{}
	}
	if _, err := hex.Decode(raw[:16], []byte(account)); err != nil {
		return "", time.Time{}
	}
	expires = a.now().Add(AccessLifetime).Truncate(time.Second).UTC()
	binary.BigEndian.PutUint64(raw[16:], uint64(expires.Unix())) // #nosec G115 -- a time of this century
	m := a.mac()
	defer a.macs.Put(m)
	copy(raw[accessBody:], m.of(raw[:accessBody]))
	return base64.RawURLEncoding.EncodeToString(raw[:]), expires
}

// Check returns whose token it is. It asks no database and takes about a
// microsecond. The error is [ErrAccess].
func (a *Access) Check(token string) (account string, err error) {
	if len(token) != AccessLen {
		return "", ErrAccess
	}
	m := a.mac()
	defer a.macs.Put(m)
	var text [AccessLen]byte
	copy(text[:], token)
	n, err := base64.RawURLEncoding.Strict().Decode(m.raw[:], text[:])
	if err != nil || n != accessRaw {
		return "", ErrAccess
	}
	if !hmac.Equal(m.of(m.raw[:accessBody]), m.raw[accessBody:accessRaw]) {
		return "", ErrAccess
	}
	if a.now().Unix() >= int64(binary.BigEndian.Uint64(m.raw[16:])) { // #nosec G115 -- we wrote it
		return "", ErrAccess
	}
	return hex.EncodeToString(m.raw[:16]), nil
}

func (a *Access) mac() *accessMAC {
	m, _ := a.macs.Get().(*accessMAC) // nothing else is in the pool
	return m
}

// of returns the MAC of body, good until the next call.
func (m *accessMAC) of(body []byte) []byte {
	m.Reset()
	_, _ = m.Write(body) // a hash never fails
	return m.Sum(m.sum[:0])[:accessRaw-accessBody]
}
