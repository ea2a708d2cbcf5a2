// Package credential reads and writes the verifiable credentials that conting
// knows — a family relation, an age, a staff accreditation — and tells whether
// one may be believed, with no network at all.
//
// A credential is a JWT of the W3C Verifiable Credentials Data Model 1.1 signed
// by an issuer; a presentation is a JWT by which its holder shows credentials to
// one audience for one nonce. Issuers are did:key or did:web and holders did:key,
// of Ed25519 or P-256. Whether a credential was revoked stands in a Bitstring
// Status List v1.0, also a signed JWT, that somebody with a network fetched.
//
// Signatures and the data model are checked by aries-framework-go, which accepts
// much that it must not and panics on some of the rest. So it stands behind a
// fence: nothing reaches it but a strictly shaped compact JWS of an allowed
// algorithm whose key this package has already resolved, it runs inside a recover
// without documents or network, and what it answers is believed only about the
// signature. All claims are read by this package from the very bytes that were
// signed. The package is the only importer of aries.
//
// Trusted are the issuers handed to [New], which stand in the signed trust list,
// and the caller's clock and nonce. Not trusted are credentials, presentations,
// status lists and who carries them. The package does no I/O, fetches nothing,
// keeps no key, remembers no nonce, and does not know what a relation or a role
// entitles to. It is slow beside a pass (milliseconds): it never stands in the
// path of a turnstile, and it is too large for a browser.
package credential

import (
	"errors"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// The errors that callers branch on. Every error of this package that is about
// what was shown wraps exactly one of them.
var (
	// ErrMalformed: not a credential, presentation, status list or DID of the
	// strict shape that this package reads.
	ErrMalformed = errors.New("not a credential of the shape we read")
	// ErrBadSignature: the shape is right and the signature is not.
	ErrBadSignature = errors.New("signature does not verify")
	// ErrIssuer: the issuer is not on the list, or not for this kind.
	ErrIssuer = errors.New("issuer is unknown or may not issue this")
	// ErrSubject: the credential is about somebody else than the one who shows it.
	ErrSubject = errors.New("credential is about somebody else")
	// ErrExpired: past its end, or before its beginning.
	ErrExpired = errors.New("not in force at this time")
	// ErrRevoked: the issuer has taken the credential back.
	ErrRevoked = errors.New("credential is revoked")
	// ErrStatusUnknown: whether it was revoked cannot be told: the status list is
	// missing, not readable, or too old.
	ErrStatusUnknown = errors.New("revocation status is unknown")
	// ErrAudience: the presentation was made for another verifier.
	ErrAudience = errors.New("presentation is for another verifier")
	// ErrNonce: the presentation answers another challenge.
	ErrNonce = errors.New("presentation answers another challenge")
	// ErrInvalid: the caller asked for something that contradicts itself.
	ErrInvalid = errors.New("invalid")
)

// The most that is read, in bytes of text, and shown at once.
const (
	MaxCredential   = 4 << 10  // one credential
	MaxPresentation = 16 << 10 // one presentation with its credentials
	MaxShown        = 4        // credentials in one presentation
	MaxEvents       = 32       // events that one accreditation names
)

// Type is a kind of credential, by the word that [trust.Issuer] accepts it with.
type Type string

// The kinds, and the VC types that they are in JSON.
const (
	Family Type = "family" // FamilyRelationCredential
	Age    Type = "age"    // AgeCredential
	Staff  Type = "staff"  // StaffCredential
)

// Credential is what an issuer says about a subject. Exactly one of Family, Age
// and Staff is set, and Type says which.
type Credential struct {
	ID      string // a URI, unique for the issuer; at most 128 bytes
	Type    Type
	Issuer  DID
	Subject DID // a did:key
	// Issued and Expires have whole seconds; the credential is in force from the
	// first to just before the second.
	Issued, Expires time.Time

	Family *FamilyClaim
	Age    *AgeClaim
	Staff  *StaffClaim

	// Status is where the issuer may revoke the credential; nil if it cannot.
	Status *StatusRef

	// IssuerName is what the trust list calls the issuer. Set by a [Verifier] only.
	IssuerName string
	// StatusKnown reports that a status list was looked at; StatusAge is how long
	// before then it was signed. Set by a [Verifier] only.
	StatusKnown bool
	StatusAge   time.Duration
}

// FamilyClaim says that the subject is the Relation of Relative: with relation
// "parent", the subject is the relative's parent. A registrar that vouches for a
// family issues one credential to each side or one for both: a verifier may read
// it either way round.
type FamilyClaim struct {
	Relation string // 1 to 32 of a–z and _
	Relative DID    // a did:key
}

// AgeClaim says that the subject is Over or more years old.
type AgeClaim struct {
	Over uint8 // 1 to 120
}

// StaffClaim accredits the subject at events. Class is the event's class of staff
// tickets that it is worth.
type StaffClaim struct {
	Role   string // for people: 1 to 48 bytes
	Events []ticket.EventID
	Class  uint8
}

// StatusRef is one bit of a status list.
type StatusRef struct {
	List  string // the list's URL
	Index uint32
}

// Presentation is one or more credentials that their subject has shown.
type Presentation struct {
	Holder      DID
	Credentials []Credential // 1 to MaxShown, all about Holder
}

// Want is what a presentation must answer.
type Want struct {
	// Audience and Nonce must both be set and must both match exactly. That a nonce
	// is used once is the caller's to see to.
	Audience, Nonce string
	// Holder, unless empty, must be who presents.
	Holder DID
}
