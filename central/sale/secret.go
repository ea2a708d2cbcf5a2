package sale

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/con-ting/conting/sync/ticket"
)

// ChallengeLifetime is how long a buyer has to prove possession of a key.
const ChallengeLifetime = 5 * time.Minute

// challenge is 8 random bytes, when it ends (Unix seconds, 8 bytes), and 16
// bytes of HMAC-SHA256 over those: the server remembers only those it has used.
const challengeLen = 32

// Challenge is what a holder's authenticator signs to prove possession.
type Challenge struct {
	Value   []byte
	Expires time.Time
}

// NewChallenge makes a challenge for one order.
func (s *Sale) NewChallenge() (Challenge, error) {
	expires := s.cfg.Now().Add(ChallengeLifetime).Truncate(time.Second)
	v := make([]byte, 16, challengeLen)
	if _, err := io.ReadFull(s.cfg.Rand, v[:8]); err != nil {
		return Challenge{}, fmt.Errorf("make challenge: %w", err)
	}
	binary.BigEndian.PutUint64(v[8:], uint64(expires.Unix())) // #nosec G115 -- a time of this century
	return Challenge{Value: append(v, s.challengeMAC(v)...), Expires: expires}, nil
}

// checkChallenge returns when the challenge ends, or [ErrChallenge].
func (s *Sale) checkChallenge(v []byte) (time.Time, error) {
	if len(v) != challengeLen || !hmac.Equal(v[16:], s.challengeMAC(v[:16])) {
		return time.Time{}, ErrChallenge
	}
	expires := time.Unix(int64(binary.BigEndian.Uint64(v[8:])), 0) // #nosec G115 -- we wrote it
	if !s.cfg.Now().Before(expires) {
		return time.Time{}, ErrChallenge
	}
	return expires, nil
}

func (s *Sale) challengeMAC(v []byte) []byte {
	m := hmac.New(sha256.New, s.cfg.ChallengeKey[:])
	m.Write([]byte("conting/possession/v1\x00"))
	m.Write(v)
	return m.Sum(nil)[:16]
}

// newSecret makes an order's secret: 256 random bits in base64url.
func (s *Sale) newSecret() (secret string, hash [32]byte, err error) {
	var b [32]byte
	if _, err := io.ReadFull(s.cfg.Rand, b[:]); err != nil {
		return "", hash, fmt.Errorf("make secret: %w", err)
	}
	secret = base64.RawURLEncoding.EncodeToString(b[:])
	return secret, sha256.Sum256([]byte(secret)), nil
}

// owns compares in constant time.
func owns(o *Order, secret string) bool {
	h := sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(h[:], o.SecretHash[:]) == 1
}

// isID reports whether s can be what newID made. What people send is asked about
// before a database is, which takes not every text.
func isID(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 16 && strings.ToLower(s) == s
}

// isLabel reports whether s can be a seat's.
func isLabel(s string) bool {
	return len(s) <= ticket.MaxSeatLen && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

// newID makes 128 random bits in hexadecimal.
func (s *Sale) newID() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(s.cfg.Rand, b[:]); err != nil {
		return "", fmt.Errorf("make id: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}
