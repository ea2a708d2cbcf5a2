package qr

import "math"

// Bounds on correction.
const (
	mostParity = 68 // check symbols a block, at most (version 40 has 30; 68 is where the standard ends)
	// leastProof is how many bits of a block's redundancy must be left over once its errors are
	// located and mended: the chance that a block of noise passes for a message is one in 2 to
	// that power, and every block of a symbol has to pass. The standard itself leaves 31 bits in
	// its weakest symbol, 1-L with two errors.
	leastProof = 30
)

// corrector mends Reed–Solomon blocks, with errors at unknown places and erasures at known ones.
type corrector struct {
	field     *field
	syndromes [mostParity]byte
	locator   [mostParity + 1]byte
	spare     [mostParity + 1]byte
	next      [mostParity + 1]byte
	values    [mostParity]byte
	at        [mostParity]int
	found     [mostParity]byte // what is added to the symbols at these places
}

// check computes the syndromes of word, whose last parity symbols are its check symbols, and says
// whether it is a codeword as it is.
func (r *corrector) check(word []byte, parity int) bool {
	f, clean := r.field, true
	for i := range parity {
		s := byte(0)
		for _, c := range word {
			if s != 0 {
				s = f.exp[int(f.log[s])+i]
			}
			s ^= c
		}
		r.syndromes[i] = s
		clean = clean && s == 0
	}
	return clean
}

// mend finds the errors of a word of n symbols for which check has been called, taking the symbols
// at erased for unknown. It returns how many symbols differ from what was read. It fails if the word
// is too far from any codeword or if so much had to be believed that it proves nothing.
func (r *corrector) mend(n, parity int, erased []uint8) (changed int, ok bool) {
	e := len(erased)
	if e >= parity || n > 255 || parity > mostParity {
		return 0, false
	}
	f := r.field
	length := r.berlekamp(n, parity, erased)
	errors := length - e
	if errors < 0 || 2*errors+e > parity || proof(n, parity, errors, e) < leastProof {
		return 0, false
	}
	// Roots of the locator among the places there are.
	for place := range n {
		inv := 255 - (n-1-place)%255 // the logarithm of 1/X
		sum := byte(0)
		for j := range length + 1 {
			if c := r.locator[j]; c != 0 {
				sum ^= f.exp[(int(f.log[c])+inv*j)%255]
			}
		}
		if sum == 0 {
			if changed == length {
				return 0, false
			}
			r.at[changed] = place
			changed++
		}
	}
	if changed != length {
		return 0, false
	}
	// The evaluator, and Forney's formula for the values.
	for i := range length {
		v := byte(0)
		for j := range min(i, length) + 1 {
			v ^= f.mul(r.locator[j], r.syndromes[i-j])
		}
		r.values[i] = v
	}
	for k := range length {
		x := n - 1 - r.at[k]
		inv := 255 - x%255
		top, low := byte(0), byte(0)
		for i := range length {
			if c := r.values[i]; c != 0 {
				top ^= f.exp[(int(f.log[c])+inv*i)%255]
			}
		}
		for j := 1; j <= length; j += 2 {
			if c := r.locator[j]; c != 0 {
				low ^= f.exp[(int(f.log[c])+inv*(j-1))%255]
			}
		}
		if low == 0 {
			return 0, false
		}
		r.found[k] = f.mul(f.exp[x%255], f.div(top, low))
	}
	return length, r.explains(n, parity, length)
}

// berlekamp finds the shortest locator that explains the syndromes and has the erased places among
// its roots, and returns its degree (Blahut's form of the Berlekamp–Massey algorithm).
func (r *corrector) berlekamp(n, parity int, erased []uint8) int {
	f := r.field
	clear(r.locator[:])
	r.locator[0] = 1
	for k, place := range erased {
		x := f.exp[(n-1-int(place))%255]
		for j := k + 1; j > 0; j-- {
			r.locator[j] ^= f.mul(x, r.locator[j-1])
		}
	}
	e := len(erased)
	length := e
	r.spare = r.locator
	for i := e + 1; i <= parity; i++ {
		off := byte(0)
		for j := range i {
			off ^= f.mul(r.locator[j], r.syndromes[i-1-j])
		}
		if off == 0 {
			copy(r.spare[1:], r.spare[:parity])
			r.spare[0] = 0
			continue
		}
		r.next[0] = r.locator[0]
		for j := range parity {
			r.next[j+1] = r.locator[j+1] ^ f.mul(off, r.spare[j])
		}
		if 2*length <= i+e-1 {
			length = i + e - length
			for j := range parity + 1 {
				r.spare[j] = f.div(r.locator[j], off)
			}
		} else {
			copy(r.spare[1:], r.spare[:parity])
			r.spare[0] = 0
		}
		r.locator = r.next
	}
	for j := length + 1; j <= parity; j++ {
		if r.locator[j] != 0 {
			return parity + 1 // no locator of that degree
		}
	}
	if r.locator[length] == 0 {
		return parity + 1
	}
	return length
}

// explains says whether the values found have the syndromes that were seen.
func (r *corrector) explains(n, parity, count int) bool {
	f := r.field
	for i := range parity {
		s := byte(0)
		for k := range count {
			if v := r.found[k]; v != 0 {
				s ^= f.exp[(int(f.log[v])+(n-1-r.at[k])*i)%255]
			}
		}
		if s != r.syndromes[i] {
			return false
		}
	}
	return true
}

// proof is how many bits of redundancy are left in a block of n symbols once errors at unknown
// places and erasures are mended.
func proof(n, parity, errors, erasures int) float64 {
	ways, _ := math.Lgamma(float64(n - erasures + 1))
	taken, _ := math.Lgamma(float64(errors + 1))
	rest, _ := math.Lgamma(float64(n - erasures - errors + 1))
	return float64(8*(parity-erasures-errors)) - (ways-taken-rest)/math.Ln2
}
