package pass

import (
	"errors"
	"strings"
)

// alphabet is the 45 characters of a QR code's alphanumeric mode (RFC 9285, 4.2).
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

var errBase45 = errors.New("not base45")

// appendBase45 encodes b (RFC 9285, section 4).
func appendBase45(dst, b []byte) []byte {
	for ; len(b) >= 2; b = b[2:] {
		n := int(b[0])<<8 | int(b[1])
		dst = append(dst, alphabet[n%45], alphabet[n/45%45], alphabet[n/2025])
	}
	if len(b) == 1 {
		dst = append(dst, alphabet[b[0]%45], alphabet[b[0]/45])
	}
	return dst
}

// decodeBase45 is strict: each byte string has one text, and no other is taken.
func decodeBase45(s string) ([]byte, error) {
	if len(s)%3 == 1 {
		return nil, errBase45
	}
	out := make([]byte, 0, len(s)/3*2+1)
	for len(s) > 0 {
		width := min(3, len(s))
		n, scale := 0, 1
		for i := range width {
			d := strings.IndexByte(alphabet, s[i])
			if d < 0 {
				return nil, errBase45
			}
			n += d * scale
			scale *= 45
		}
		switch {
		case width == 3 && n <= 0xffff:
			out = append(out, byte(n>>8), byte(n)) // #nosec G115 -- checked
		case width == 2 && n <= 0xff:
			out = append(out, byte(n)) // #nosec G115 -- checked
		default:
			return nil, errBase45
		}
		s = s[width:]
	}
	return out, nil
}

// alphanumeric holds how many characters of alphanumeric mode a QR code of
// version 1, 2, … takes with error correction L (ISO/IEC 18004, table 7).
var alphanumeric = [...]int{25, 47, 77, 114, 154, 195, 224, 279, 335, 395, 468, 535, 619, 667, 758, 854, 938, 1046}

// QRVersion returns the smallest QR version that holds a text of this package with
// error correction L, or 0 when the text is longer than [MaxText] allows.
func QRVersion(text string) int {
	for i, most := range alphanumeric {
		if len(text) <= most {
			return i + 1
		}
	}
	return 0
}
