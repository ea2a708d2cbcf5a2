package credential

import "github.com/con-ting/conting/sync/trust"

// AriesUnfenced hands any text to the call of aries as the verifier makes it, with
// nothing but the recover left of the fence.
func AriesUnfenced(text string, presentation bool) error {
	if presentation {
		return verifyPresentation(&jws{text: text}, keys{}, "", 0)
	}
	return verifyCredential(&jws{text: text}, keys{}, "", "", "")
}

// AriesReads has aries read a credential that s has signed, and compares it with
// what is expected.
func AriesReads(jwt, kid string, key trust.PublicKey, id string, issuer DID, vcType string) error {
	return verifyCredential(&jws{text: jwt}, keys{kid: key}, id, issuer, vcType)
}

// PanicText is how an error begins that was a panic of aries.
const PanicText = "reading it failed"
