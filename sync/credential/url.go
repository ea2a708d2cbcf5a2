package credential

import (
	"net/url"
	"strings"
)

// maxURL is the longest URL of a status list, in bytes.
const maxURL = 512

// httpURL reports whether s is an absolute http or https URL that names a host and
// carries neither a user nor a fragment.
func httpURL(s string) bool {
	if len(s) > maxURL || !visible(s) {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.Fragment == "" && !strings.Contains(s, "#")
}

// uri reports whether s looks like a URI: a scheme, a colon and something more.
func uri(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	return ok && scheme != "" && rest != "" && visible(s)
}

// visible reports whether s is made of visible ASCII characters.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
