package wallet

import "slices"

// base58 is Bitcoin's alphabet, which multibase calls "z".
const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// encodeBase58 is quadratic in the length, which is that of a key.
func encodeBase58(b []byte) string {
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
	out := slices.Repeat([]byte{base58[0]}, zeros)
	for _, d := range slices.Backward(digits) {
		out = append(out, base58[d])
	}
	return string(out)
}

// decodeBase58 reads at most limit bytes. Every text has one meaning and every
// meaning one text.
func decodeBase58(s string, limit int) ([]byte, bool) {
	// 138/100 is a little more than log(256)/log(58).
	if s == "" || len(s) > limit*138/100+1 {
		return nil, false
	}
	var number []byte // least significant first
	zeros := 0
	for zeros < len(s) && s[zeros] == base58[0] {
		zeros++
	}
	for i := zeros; i < len(s); i++ {
		carry := slices.Index([]byte(base58), s[i])
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
