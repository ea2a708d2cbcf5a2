package wallet

import (
	"crypto/ed25519"
	"encoding/binary"
	"slices"
)

// signed reports whether a key signed a message: as it is, as browser wallets do, or
// in one of the envelopes below, as they do whose device refuses to sign what might be
// a transaction. Only the canonical spelling of a signature passes (RFC 8032, 5.1.7).
func signed(key [32]byte, message string, signature []byte) bool {
	for _, text := range spellings(key, message) {
		if ed25519.Verify(key[:], text, signature) {
			return true
		}
	}
	return false
}

// offchain begins every envelope; no transaction begins with its first byte.
const offchain = "\xffsolana offchain"

// spellings returns the message as it may have been signed. An envelope states what
// the text is: 0 for ASCII, 1 for short UTF-8, which devices tell apart differently
// where lines end.
func spellings(key [32]byte, message string) [][]byte {
	const version = 0
	out := [][]byte{[]byte(message)}
	tail := append(binary.LittleEndian.AppendUint16(nil, uint16(len(message))), message...) // #nosec G115 -- at most MaxMessage
	for format := range byte(2) {
		out = append(out,
			// solana sign-offchain-message: version, format, length, text.
			slices.Concat([]byte(offchain), []byte{version, format}, tail),
			// The specification: version, application (none), format, one signer, length, text.
			slices.Concat([]byte(offchain), []byte{version}, make([]byte, 32), []byte{format, 1}, key[:], tail))
	}
	return out
}
