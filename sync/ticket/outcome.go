package ticket

import "fmt"

// Outcome is what the lane does with the person who stands before it.
type Outcome uint8

// The three outcomes. The zero Outcome is none of them, so that a forgotten
// decision opens nothing.
const (
	Admit  Outcome = iota + 1 // the lane opens
	Refuse                    // the lane stays shut
	Refer                     // a steward looks; the lane stays shut until then
)

// String returns the outcome as the stable word that logs, JSON and screens use.
func (o Outcome) String() string {
	switch o {
	case Admit:
		return "admit"
	case Refuse:
		return "refuse"
	case Refer:
		return "refer"
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// MarshalText writes the outcome's word.
func (o Outcome) MarshalText() ([]byte, error) {
	if o < Admit || o > Refer {
		return nil, fmt.Errorf("%s: %w", o, ErrInvalid)
	}
	return []byte(o.String()), nil
}

// UnmarshalText reads the outcome's word.
func (o *Outcome) UnmarshalText(b []byte) error {
	for c := Admit; c <= Refer; c++ {
		if string(b) == c.String() {
			*o = c
			return nil
		}
	}
	return fmt.Errorf("outcome %q: %w", b, ErrInvalid)
}

// Reason is the stable code for why a decision came out as it did. Screens
// translate it; journals store it; it never changes its meaning.
type Reason string

// The reason codes.
const (
	OK                   Reason = "ok"
	Malformed            Reason = "malformed"             // not a pass of ours, or damaged
	UnknownTicket        Reason = "unknown_ticket"        // no such ticket in the set, and none carried
	BadSignature         Reason = "bad_signature"         // the issuer's or the holder's signature is wrong
	StalePass            Reason = "stale_pass"            // the code's time has passed: a copy or a screenshot
	FuturePass           Reason = "future_pass"           // the code's time has not come: a wrong clock
	NotUserVerified      Reason = "not_user_verified"     // the device did not verify its user
	WrongEvent           Reason = "wrong_event"           //
	WrongZone            Reason = "wrong_zone"            // this gate does not lead to the ticket's zone
	WrongGate            Reason = "wrong_gate"            // the ticket's home gate is another one
	TooEarly             Reason = "too_early"             // before the entry window
	TooLate              Reason = "too_late"              // after the entry window
	AlreadyAdmitted      Reason = "already_admitted"      // comes with where and when
	PassBack             Reason = "pass_back"             // again too soon after an exit
	Revoked              Reason = "revoked"               //
	Refunded             Reason = "refunded"              //
	Transferred          Reason = "transferred"           // rebound to another holder
	Blocked              Reason = "blocked"               //
	HolderMismatch       Reason = "holder_mismatch"       // proved by a key that the ticket is not bound to
	FormNotAllowed       Reason = "form_not_allowed"      // this class does not enter with this form of pass
	ChallengeRequired    Reason = "challenge_required"    // the holder must answer the gate's own nonce
	NonceUnknown         Reason = "nonce_unknown"         // a nonce that this gate did not issue, or that was used or ran out
	LeaseLapsed          Reason = "lease_lapsed"          //
	AccreditationMissing Reason = "accreditation_missing" //
	CredentialInvalid    Reason = "credential_invalid"    // a presentation that does not verify, or is not for this gate and nonce
	CredentialExpired    Reason = "credential_expired"    // a credential is past its end
	CredentialRevoked    Reason = "credential_revoked"    // its issuer has taken it back
	IssuerUnknown        Reason = "issuer_unknown"        // a credential of an issuer that the organiser does not accept
	CredentialShown      Reason = "credential_shown"      // a credential that verifies and admits nobody by itself
	AgeUnproven          Reason = "age_unproven"          // the event has an age limit, and the holder's age is not proved
	IDCheck              Reason = "id_check"              // the class asks for an identity document
	Attention            Reason = "attention"             // the ticket asks for a steward's look
	ConfirmedByStaff     Reason = "confirmed_by_staff"    // admitted: a steward looked after a referral
	ReferToStaff         Reason = "refer_to_staff"        //
	NoSet                Reason = "no_set"                // this gate holds no ticket set for the event
	SetExpired           Reason = "set_expired"           //
	ClockUncertain       Reason = "clock_uncertain"       // the gate does not know the time well enough
	GateFull             Reason = "gate_full"             // the gate's limit is reached
	LaneFault            Reason = "lane_fault"            // the turnstile cannot open
	StorageFault         Reason = "storage_fault"         // the decision could not be written to disk
)

// Reasons lists every code, in the order above.
func Reasons() []Reason {
	return []Reason{
		OK, Malformed, UnknownTicket, BadSignature, StalePass, FuturePass, NotUserVerified,
		WrongEvent, WrongZone, WrongGate, TooEarly, TooLate, AlreadyAdmitted, PassBack,
		Revoked, Refunded, Transferred, Blocked, HolderMismatch, FormNotAllowed,
		ChallengeRequired, NonceUnknown, LeaseLapsed, AccreditationMissing,
		CredentialInvalid, CredentialExpired, CredentialRevoked, IssuerUnknown, CredentialShown,
		AgeUnproven, IDCheck, Attention, ConfirmedByStaff,
		ReferToStaff, NoSet, SetExpired, ClockUncertain, GateFull, LaneFault, StorageFault,
	}
}
