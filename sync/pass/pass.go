// Package pass is the text in a holder's QR code: it encodes, parses, proves and
// verifies the three forms of a pass.
//
//   - A paper pass is the signed ticket and nothing else. Whoever shows it first
//     is let in.
//   - A rotating pass carries one WebAuthn assertion (WebAuthn Level 3, section
//     7.2) with user verification over the ticket's id, a time, a number of slots
//     and the anchor of a hash chain. Each slot of four seconds reveals the next
//     element of the chain.
//   - A challenge pass carries an assertion over a nonce that the gate has just
//     shown.
//   - An accredited pass answers such a nonce with the key of a DID. It is for
//     the tickets of staff, which are bound to a DID instead of a passkey.
//
// Besides, it splits a presentation of credentials into parts, one QR code each,
// and puts them together again ([Split], [Assembler]); what a presentation says,
// and whether it verifies, is for package credential.
//
// A rotating or challenge pass proves that the authenticator which holds the
// ticket's key verified its user, and that the code is at most 12 seconds old
// (rotating) or answers this very gate (challenge). It does not prove who the
// user is: user verification may be a PIN, passkeys synchronise between devices,
// and a holder who wants to can relay a code live, or hand out sessions that
// begin later. Copies, screenshots and codes sold beforehand to strangers die;
// collusion is bounded, not excluded. The signature counter is carried because it
// is signed; it is not judged.
//
// The text is not trusted, nor is anything in a [Pass] before a [Verifier] and,
// for a carried ticket, [OpenTicket] have accepted it. Trusted are the key that
// the caller looked up, the keyring, and the clock with its stated uncertainty.
// The package does not know whether a ticket is in force, was used, or may enter
// here, and it keeps no book of nonces; those are the caller's. It does no I/O
// and builds for the browser, where it is the wallet's side too.
package pass

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// MaxText is the longest text that Parse and ParseNonce read, in bytes. It fits a
// QR code of version 18.
const MaxText = 1024

// The errors that callers branch on.
var (
	// ErrForeign: the text does not begin like one of ours. It is somebody else's code.
	ErrForeign = errors.New("not a code of ours")
	// ErrMalformed: the text begins like one of ours and is damaged, or of another version.
	ErrMalformed = errors.New("pass is malformed")
	// ErrWrongForm: the pass is of another form than the one asked about.
	ErrWrongForm = errors.New("pass has another form")
	// ErrStale: the slot of the pass is over. It is a copy, a screenshot, or a clock is wrong.
	ErrStale = errors.New("pass is stale")
	// ErrFuture: the slot of the pass has not come.
	ErrFuture = errors.New("pass is from the future")
	// ErrClockUncertain: the gate does not know the time well enough for a rotating pass.
	ErrClockUncertain = errors.New("clock is too uncertain for a rotating pass")
	// ErrDelegation: the session is longer than allowed, or the slot is not one of it.
	ErrDelegation = errors.New("session of the pass is not allowed")
	// ErrUserNotVerified: the authenticator did not verify its user.
	ErrUserNotVerified = errors.New("user was not verified")
	// ErrBadProof: the proof is not one of this key, ticket, site, time or nonce.
	ErrBadProof = errors.New("proof of the holder does not verify")
)

// Form is the kind of a pass.
type Form uint8

// The forms. The zero Form is none of them.
const (
	Paper      Form = iota + 1 // the ticket itself
	Rotating                   // a session, and the element of its current slot
	Challenge                  // the answer to a gate's nonce
	Accredited                 // the same, by the key of a DID
)

// String returns the stable word that logs and JSON use.
func (f Form) String() string {
	switch f {
	case Paper:
		return "paper"
	case Rotating:
		return "rotating"
	case Challenge:
		return "challenge"
	case Accredited:
		return "accredited"
	}
	return fmt.Sprintf("form(%d)", uint8(f))
}

// MarshalText writes the form's word.
func (f Form) MarshalText() ([]byte, error) {
	if f < Paper || f > Accredited {
		return nil, fmt.Errorf("%s: %w", f, ticket.ErrInvalid)
	}
	return []byte(f.String()), nil
}

// UnmarshalText reads the form's word.
func (f *Form) UnmarshalText(b []byte) error {
	for c := Paper; c <= Accredited; c++ {
		if string(b) == c.String() {
			*f = c
			return nil
		}
	}
	return fmt.Errorf("form of pass %q: %w", b, ticket.ErrInvalid)
}

// Every text begins with four characters: CT, what it is, and the version of its
// form, a digit.
const (
	prefixPaper      = "CTP1"
	prefixRotating   = "CTR1"
	prefixChallenge  = "CTC1"
	prefixAccredited = "CTA1"
	prefixNonce      = "CTN1"
	prefixPart       = "CTV1"
	prefixLen        = 4
)

// Pass is a parsed pass. Nothing in it has been verified.
type Pass struct {
	Form Form
	// ID is the ticket that the pass speaks of. Where a ticket is carried it is
	// read from there, before anybody has verified that ticket.
	ID ticket.ID
	// Carried is the signed ticket that a paper pass or a full form carries, for
	// [OpenTicket]; nil for an id-only pass.
	Carried []byte

	text string
	// What the text carries; the others are zero.
	rotating   wireRotating
	challenge  wireChallenge
	accredited wireAccredited
}

// Evidence returns the SHA-256 of the pass's text, which the journal keeps.
func (p *Pass) Evidence() [32]byte { return sha256.Sum256([]byte(p.text)) }

// Slot returns the slot of a rotating pass, counted from its session's start, and
// when that slot begins. It is the wallet's claim until the pass is verified.
func (p *Pass) Slot() (slot uint8, begins time.Time, ok bool) {
	if p.Form != Rotating {
		return 0, time.Time{}, false
	}
	return p.rotating.Slot, time.Unix(p.rotating.start()+int64(p.rotating.Slot)*slotSeconds, 0).UTC(), true
}

// Lease returns the lease that a rotating pass's session was made under, if any.
func (p *Pass) Lease() (lease [leaseSize]byte, ok bool) {
	if len(p.rotating.Lease) != leaseSize {
		return lease, false
	}
	return [leaseSize]byte(p.rotating.Lease), true
}

// Nonce returns the value of the gate's nonce that a challenge pass or an
// accredited one answers.
func (p *Pass) Nonce() (nonce [nonceSize]byte, ok bool) {
	if p.Form == Accredited {
		return p.accredited.Nonce, true
	}
	return p.challenge.Nonce, p.Form == Challenge
}

// Parse reads the text of a pass. It verifies nothing. The error wraps
// [ErrForeign] for a text without our prefix, or [ErrMalformed].
func Parse(text string) (*Pass, error) {
	if len(text) < prefixLen || text[:2] != prefixPaper[:2] || text[prefixLen-1] < '0' || text[prefixLen-1] > '9' {
		return nil, fmt.Errorf("%d characters: %w", len(text), ErrForeign)
	}
	if len(text) > MaxText {
		return nil, fmt.Errorf("%d characters, the most is %d: %w", len(text), MaxText, ErrMalformed)
	}
	p := &Pass{text: text}
	switch text[:prefixLen] {
	case prefixPaper:
		p.Form = Paper
	case prefixRotating:
		p.Form = Rotating
	case prefixChallenge:
		p.Form = Challenge
	case prefixAccredited:
		p.Form = Accredited
	case prefixPart:
		return nil, fmt.Errorf("this is a part of a presentation; show all its parts: %w", ErrMalformed)
	case prefixNonce:
		return nil, fmt.Errorf("this is a gate's nonce; show it to the wallet: %w", ErrMalformed)
	default:
		return nil, fmt.Errorf("kind and version %q are unknown; is this gate's software too old? %w", text[2:prefixLen], ErrMalformed)
	}
	body, err := decodeBase45(text[prefixLen:])
	if err != nil {
		return nil, fmt.Errorf("%s pass, not base45; scan it again: %w: %w", p.Form, ErrMalformed, err)
	}
	if err := p.read(body); err != nil {
		return nil, fmt.Errorf("%s pass: %w: %w", p.Form, ErrMalformed, err)
	}
	return p, nil
}
