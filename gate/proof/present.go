package proof

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

// Errors of a [Credentials] that this package has reasons for; any other means
// that the presentation does not verify.
var (
	ErrIssuer  = errors.New("issuer is not accepted")
	ErrExpired = errors.New("credential is not in force")
	ErrRevoked = errors.New("credential is revoked")
)

// Credentials verifies presentations. The package knows no format of them: what
// does is too large for the browser.
type Credentials interface {
	// Nonce returns the text that a packed presentation claims to answer. Nothing
	// is verified.
	Nonce(packed []byte) (string, error)

	// Presentation verifies a packed presentation to audience that answers nonce at
	// a time, with each of its credentials. The error wraps [ErrIssuer],
	// [ErrExpired] or [ErrRevoked] where that is why; what was found out may be
	// returned with it, for a screen.
	Presentation(ctx context.Context, packed []byte, audience, nonce string, at time.Time) (Shown, error)
}

// Credential is what one credential of a presentation says.
type Credential struct {
	ID         string         `json:"id"` // a URI, unique for the issuer
	Type       CredentialType `json:"type"`
	Issuer     string         `json:"issuer"`      // a DID
	IssuerName string         `json:"issuer_name"` // for people
	Expires    time.Time      `json:"expires"`

	// Revocable says that its issuer can take it back, StatusKnown that a status list
	// was looked at, and StatusAge how old that was.
	Revocable   bool          `json:"revocable"`
	StatusKnown bool          `json:"status_known"`
	StatusAge   time.Duration `json:"status_age_ns"`

	Relation string           `json:"relation,omitempty"` // of a family credential
	Over     uint8            `json:"over,omitempty"`     // of an age credential: years
	Role     string           `json:"role,omitempty"`     // of a staff credential, for people
	Events   []ticket.EventID `json:"events,omitempty"`   // of a staff credential
	Class    uint8            `json:"class,omitempty"`    // of a staff credential
}

// CredentialType is the stable word for a kind of credential.
type CredentialType string

// The kinds of credentials.
const (
	FamilyCredential CredentialType = "family"
	AgeCredential    CredentialType = "age"
	StaffCredential  CredentialType = "staff"
)

// Shown is what a presentation proves.
type Shown struct {
	// Proof is [ticket.OK], or why the presentation proves nothing. Then what else
	// stands here is for a screen alone.
	Proof  ticket.Reason
	Holder string // a DID
	All    []Credential

	// Why says in English what is wrong, for explanations; empty when nothing is.
	Why string
}

// Over returns the highest age that was proved; zero for none.
func (s *Shown) Over() uint8 {
	over := uint8(0)
	if s.Proof != ticket.OK {
		return 0
	}
	for i := range s.All {
		if c := &s.All[i]; c.Type == AgeCredential {
			over = max(over, c.Over)
		}
	}
	return over
}

// PresentedID is what the journal calls the ticket that an accreditation stands
// for when the set has none: the first 16 bytes of the SHA-256 of
// "conting/presented/v1", a zero byte, the credential's id and its subject.
func PresentedID(credential, subject string) ticket.ID {
	sum := sha256.Sum256([]byte("conting/presented/v1\x00" + credential + subject))
	return ticket.ID(sum[:])
}

// Audience is whom a presentation to this gate is made for.
func Audience(gate ticket.DeviceID) string { return "conting:gate:" + string(gate) }

// Presentation is a presentation, put together from its parts.
type Presentation struct {
	Packed []byte
	Now    time.Time

	// Nonce is the nonce that was shown, for explanations: it counts as open for
	// [DefaultPresentLife] from its time. Nil is any nonce that this lane has open;
	// what verifies uses it up then.
	Nonce *pass.Nonce
}

// CanPresent reports whether this lane verifies presentations.
func (c *Checker) CanPresent() bool { return c.cfg.Credentials != nil && c.cfg.Gate != "" }

// Present finds out what a presentation proves. One that verifies uses up its
// nonce; one that does not leaves it for the person it was shown to.
func (c *Checker) Present(ctx context.Context, p Presentation) Shown {
	if !c.CanPresent() {
		return Shown{Proof: ticket.FormNotAllowed, Why: "this lane reads no presentations"}
	}
	claimed, err := c.cfg.Credentials.Nonce(p.Packed)
	if err != nil {
		return Shown{Proof: ticket.CredentialInvalid, Why: err.Error()}
	}
	n, ok := c.presented(p, claimed)
	if !ok {
		return Shown{Proof: ticket.NonceUnknown, Why: "it answers no nonce that is open here"}
	}
	s, err := c.cfg.Credentials.Presentation(ctx, p.Packed, Audience(c.cfg.Gate), n.Text(), p.Now)
	switch {
	case err != nil:
		s.Proof, s.Why = credentialReason(err), err.Error()
	case len(s.All) == 0:
		s.Proof, s.Why = ticket.CredentialInvalid, "it holds no credential"
	case p.Nonce == nil && !c.cfg.Book.strike(n.Value, c.cfg.Book.cfg.PresentLife):
		s.Proof, s.Why = ticket.NonceUnknown, "another presentation was faster"
	default:
		s.Proof, s.Why = ticket.OK, ""
	}
	return s
}

// presented finds the nonce that a presentation claims to answer, if it is open.
func (c *Checker) presented(p Presentation, claimed string) (pass.Nonce, bool) {
	n, err := pass.ParseNonce(claimed)
	switch {
	case err != nil:
		return pass.Nonce{}, false
	case p.Nonce != nil:
		return n, n == *p.Nonce && fresh(n, p.Now, DefaultPresentLife)
	case c.cfg.Book == nil:
		return pass.Nonce{}, false
	}
	open, ok := c.cfg.Book.find(n.Value, c.cfg.Book.cfg.PresentLife)
	return open, ok && open == n
}

// fresh reports whether a nonce could be open at a time. It is dated to the second.
func fresh(n pass.Nonce, now time.Time, life time.Duration) bool {
	age := now.Sub(time.Unix(n.Issued, 0))
	return age >= 0 && age < life
}

func credentialReason(err error) ticket.Reason {
	for _, r := range []struct {
		err    error
		reason ticket.Reason
	}{
		{ErrIssuer, ticket.IssuerUnknown},
		{ErrExpired, ticket.CredentialExpired},
		{ErrRevoked, ticket.CredentialRevoked},
	} {
		if errors.Is(err, r.err) {
			return r.reason
		}
	}
	return ticket.CredentialInvalid
}
