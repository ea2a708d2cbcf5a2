package trust

// VerifyAnyS is ES256 as RFC 9053 has it, before the profile asks for low s; for
// EdDSA it is Verify.
func (k PublicKey) VerifyAnyS(message, sig []byte) bool {
	if k.alg == ES256 {
		return k.verifyES256(message, sig)
	}
	return k.Verify(message, sig)
}

// AppendBytes writes a CBOR byte string.
func AppendBytes(dst, b []byte) []byte { return appendBytes(dst, b) }

// ReadList reads a list whose signatures are taken for granted.
var ReadList = readList
