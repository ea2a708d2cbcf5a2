package account

import "strings"

// MaxEmail is the longest address, in bytes (RFC 5321, 4.5.3.1.3).
const MaxEmail = 254

const maxLocal = 64 // RFC 5321, 4.5.3.1.1

// NormaliseEmail returns the one spelling under which an address is kept: without
// spaces around it and in small letters. Only the plain ASCII form is taken,
// without quotes or comments, and no domain that does not exist by definition
// (RFC 2606: .invalid). The error is [ErrEmail].
func NormaliseEmail(s string) (string, error) {
	if len(s) > 2*MaxEmail {
		return "", ErrEmail
	}
	s = strings.ToLower(strings.Trim(s, " \t\r\n"))
	local, domain, ok := strings.Cut(s, "@")
	switch {
	case !ok || len(s) > MaxEmail || local == "" || len(local) > maxLocal:
		return "", ErrEmail
	case strings.Trim(local, letters+".!#$%&'*+/=?^_`{|}~-") != "" || !dotted(local):
		return "", ErrEmail
	case strings.Trim(domain, letters+".-") != "" || !dotted(domain) || !strings.Contains(domain, "."):
		return "", ErrEmail
	}
	if strings.HasSuffix(domain, ".invalid") {
		return "", ErrEmail
	}
	for label := range strings.SplitSeq(domain, ".") {
		if len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", ErrEmail
		}
	}
	return s, nil
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789"

// dotted reports whether every dot has something on both sides.
func dotted(s string) bool {
	return s != "" && s[0] != '.' && s[len(s)-1] != '.' && !strings.Contains(s, "..")
}
