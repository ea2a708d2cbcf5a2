package qr

// field is GF(256) as QR codes use it: polynomials modulo x⁸+x⁴+x³+x²+1 (ISO/IEC 18004, 7.5.2).
type field struct {
	exp [2 * 255]byte // powers of 2, twice round
	log [256]byte     // of 1 to 255
}

func newField() *field {
	f := &field{}
	x := 1
	for i := range 255 {
		f.exp[i], f.exp[i+255] = byte(x), byte(x)
		f.log[x] = byte(i)
		if x <<= 1; x > 255 {
			x ^= 0x11D
		}
	}
	return f
}

func (f *field) mul(a, b byte) byte {
	if a == 0 || b == 0 {
		return 0
	}
	return f.exp[int(f.log[a])+int(f.log[b])]
}

// div is a/b; b must not be 0.
func (f *field) div(a, b byte) byte {
	if a == 0 {
		return 0
	}
	return f.exp[int(f.log[a])+255-int(f.log[b])]
}
