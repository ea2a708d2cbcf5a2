package account

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"
)

// A recovery code is 100 random bits as 20 characters of Crockford's base 32, which
// people neither misread nor misspell. So much entropy needs no slow hash.
const (
	codeLen   = 20
	codeGroup = 5
	crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// newCode returns a recovery code as it is shown: XXXXX-XXXXX-XXXXX-XXXXX.
func (a *Accounts) newCode() (string, error) {
	raw, err := a.random(codeLen)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, r := range raw {
		if i > 0 && i%codeGroup == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(crockford[r%32]) // 256 is a multiple of 32: no character is favoured
	}
	return b.String(), nil
}

// normaliseCode undoes what people do to a code; false if it cannot be one.
func normaliseCode(s string) (string, bool) {
	if len(s) > 4*codeLen {
		return "", false
	}
	out := make([]byte, 0, codeLen)
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '-' || c == ' ':
			continue
		case c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		switch c {
		case 'O':
			c = '0'
		case 'I', 'L':
			c = '1'
		}
		if strings.IndexByte(crockford, c) < 0 {
			return "", false
		}
		out = append(out, c)
	}
	return string(out), len(out) == codeLen
}

// hashCode is what is kept of a code. The account is part of it, so that equal
// hashes say nothing and no table serves two accounts.
func hashCode(account, code string) [32]byte {
	normal, ok := normaliseCode(code)
	if !ok {
		normal = "" // hashes to nothing that was ever kept
	}
	return sha256.Sum256([]byte("conting/recovery/v1\x00" + account + "\x00" + normal))
}

func sameHash(a, b [32]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }
