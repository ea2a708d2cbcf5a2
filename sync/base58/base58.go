// Package base58 is Bitcoin's base58 for keys: addresses on Solana, and multibase's "z"
// in a did:key. Every text has one meaning and every meaning one text; there is no
// checksum. It is quadratic, and not for more than some hundred bytes.
package base58

import "slices"

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// Encode writes bytes. It is quadratic in the length, which is that of a key.
func Encode(b []byte) string {
	var digits []byte // of the number, least significant first
	zeros := 0
	for zeros < len(b) && b[zeros] == 0 {
		zeros++
	}
	for _, c := range b[zeros:] {
		carry := int(c)
		for i := range digits {
			carry += int(digits[i]) << 8
			digits[i] = byte(carry % 58) // #nosec G115 -- below 58
			carry /= 58
		}
		for ; carry > 0; carry /= 58 {
			digits = append(digits, byte(carry%58)) // #nosec G115 -- below 58
		}
	}
	out := slices.Repeat([]byte{alphabet[0]}, zeros)
	for _, d := range slices.Backward(digits) {
		out = append(out, alphabet[d])
	}
	return string(out)
}

// Decode reads at most limit bytes, and reports whether the text is of no more. The
// empty text is none.
func Decode(s string, limit int) ([]byte, bool) {
	// 138/100 is a little more than log(256)/log(58).
	if s == "" || len(s) > limit*138/100+1 {
		return nil, false
	}
	var number []byte // least significant first
	zeros := 0
	for zeros < len(s) && s[zeros] == alphabet[0] {
		zeros++
	}
	for i := zeros; i < len(s); i++ {
		carry := slices.Index([]byte(alphabet), s[i])
		if carry < 0 {
			return nil, false
		}
		for j := range number {
			carry += int(number[j]) * 58
			number[j] = byte(carry) // #nosec G115 -- the low byte
			carry >>= 8
		}
		for ; carry > 0; carry >>= 8 {
			number = append(number, byte(carry)) // #nosec G115 -- the low byte
		}
	}
	out := make([]byte, zeros, zeros+len(number))
	for _, b := range slices.Backward(number) {
		out = append(out, b)
	}
	return out, len(out) <= limit
}
