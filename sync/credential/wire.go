package credential

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// The terms of the data model.
const (
	contextV1        = "https://www.w3.org/2018/credentials/v1"
	typeCredential   = "VerifiableCredential" // #nosec G101 -- a term, no secret
	typePresentation = "VerifiablePresentation"
	typeStatusEntry  = "BitstringStatusListEntry"
	purposeRevoked   = "revocation"
)

// maxContexts is how many contexts a credential may have.
const maxContexts = 4

// vcType is the VC type of each kind.
func (t Type) vcType() string {
	switch t {
	case Family:
		return "FamilyRelationCredential"
	case Age:
		return "AgeCredential"
	case Staff:
		return "StaffCredential"
	}
	return ""
}

// seconds is a NumericDate (RFC 7519) without a fraction.
type seconds int64

// maxSeconds is the end of the year 9999, which is where RFC 3339 ends.
const maxSeconds = 253402300799

func (s seconds) time() time.Time { return time.Unix(int64(s), 0).UTC() }

// oneOrMore reads a string, or an array of strings, as a slice.
type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*o = make(oneOrMore, 1)
		return json.Unmarshal(b, &(*o)[0])
	}
	return json.Unmarshal(b, (*[]string)(o))
}

// vcClaims is the whole payload of a credential, in the order that it is written.
type vcClaims struct {
	Issuer    DID      `json:"iss"`
	Subject   DID      `json:"sub"`
	ID        string   `json:"jti"`
	IssuedAt  *seconds `json:"iat,omitempty"`
	NotBefore *seconds `json:"nbf"`
	Expires   *seconds `json:"exp"`
	VC        vc       `json:"vc"`
}

// vc is what stands in the claim of that name. The first five members repeat
// claims; issuers may leave them out, and this package does.
type vc struct {
	ID             string    `json:"id,omitempty"`
	Issuer         DID       `json:"issuer,omitempty"`
	IssuanceDate   string    `json:"issuanceDate,omitempty"`
	ExpirationDate string    `json:"expirationDate,omitempty"`
	Context        oneOrMore `json:"@context"`
	Type           oneOrMore `json:"type"`
	Subject        subject   `json:"credentialSubject"`
	Status         *status   `json:"credentialStatus,omitempty"`
}

// subject holds the members of all three kinds; check says which may stand.
type subject struct {
	ID       DID              `json:"id,omitempty"`
	Relation string           `json:"relation,omitempty"`
	Relative DID              `json:"relative,omitempty"`
	Over     uint8            `json:"over,omitempty"`
	Role     string           `json:"role,omitempty"`
	Events   []ticket.EventID `json:"events,omitempty"`
	Class    *uint8           `json:"class,omitempty"`
}

// status is a BitstringStatusListEntry.
type status struct {
	ID      string `json:"id,omitempty"`
	Type    string `json:"type"`
	Purpose string `json:"statusPurpose"`
	Index   string `json:"statusListIndex"`
	List    string `json:"statusListCredential"`
}

// parseClaims reads the payload of a credential. Errors wrap [ErrMalformed].
func parseClaims(payload []byte) (*Credential, error) {
	var w vcClaims
	if err := unmarshal(payload, &w); err != nil {
		return nil, err
	}
	c, err := w.credential()
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return c, nil
}

// credential checks that the claims agree with each other.
func (w *vcClaims) credential() (*Credential, error) {
	if w.NotBefore == nil || w.Expires == nil {
		return nil, errors.New("no beginning or no end")
	}
	for _, s := range []*seconds{w.NotBefore, w.Expires, w.IssuedAt} {
		if s != nil && (*s < 0 || *s > maxSeconds) {
			return nil, fmt.Errorf("date %d", *s)
		}
	}
	c := &Credential{
		ID: w.ID, Issuer: w.Issuer, Subject: w.Subject,
		Issued: w.NotBefore.time(), Expires: w.Expires.time(),
	}
	switch v := w.VC; {
	case v.ID != "" && v.ID != c.ID:
		return nil, errors.New("two ids")
	case v.Issuer != "" && v.Issuer != c.Issuer:
		return nil, errors.New("two issuers")
	case v.Subject.ID != "" && v.Subject.ID != c.Subject:
		return nil, errors.New("two subjects")
	case v.IssuanceDate != "" && !sameTime(v.IssuanceDate, c.Issued):
		return nil, errors.New("two beginnings")
	case v.ExpirationDate != "" && !sameTime(v.ExpirationDate, c.Expires):
		return nil, errors.New("two ends")
	case len(v.Context) == 0 || len(v.Context) > maxContexts || v.Context[0] != contextV1:
		return nil, fmt.Errorf("context %.200q, want %s first", v.Context, contextV1)
	case len(v.Type) != 2 || v.Type[0] != typeCredential:
		return nil, fmt.Errorf("types %.200q, want %s and one more", v.Type, typeCredential)
	}
	if err := w.VC.Subject.claim(c, w.VC.Type[1]); err != nil {
		return nil, err
	}
	return c, w.VC.Status.ref(c)
}

func sameTime(s string, t time.Time) bool {
	p, err := time.Parse(time.RFC3339, s)
	return err == nil && p.Equal(t)
}

// claim moves what the subject claims into c, of the kind that vcType names, and
// refuses members of another kind.
func (s subject) claim(c *Credential, vcType string) error {
	rest := s
	rest.ID = ""
	switch vcType {
	case Family.vcType():
		c.Type, c.Family = Family, &FamilyClaim{Relation: s.Relation, Relative: s.Relative}
		rest.Relation, rest.Relative = "", ""
	case Age.vcType():
		c.Type, c.Age = Age, &AgeClaim{Over: s.Over}
		rest.Over = 0
	case Staff.vcType():
		if s.Class == nil {
			return errors.New("accreditation without a class")
		}
		c.Type, c.Staff = Staff, &StaffClaim{Role: s.Role, Events: s.Events, Class: *s.Class}
		rest.Role, rest.Events, rest.Class = "", nil, nil
	default:
		return fmt.Errorf("type %.80q is none that we know", vcType)
	}
	if rest.Relation != "" || rest.Relative != "" || rest.Over != 0 || rest.Role != "" || rest.Events != nil || rest.Class != nil {
		return fmt.Errorf("a %s with claims of another type", vcType)
	}
	return nil
}

// ref moves the status entry, if there is one, into c.
func (s *status) ref(c *Credential) error {
	if s == nil {
		return nil
	}
	n, err := strconv.ParseUint(s.Index, 10, 32)
	if err != nil || strconv.FormatUint(n, 10) != s.Index {
		return fmt.Errorf("status index %.20q", s.Index)
	}
	if s.Type != typeStatusEntry || s.Purpose != purposeRevoked {
		return fmt.Errorf("status of type %.40q and purpose %.40q", s.Type, s.Purpose)
	}
	if len(s.ID) > maxURL+16 {
		return fmt.Errorf("status id of %d bytes", len(s.ID))
	}
	c.Status = &StatusRef{List: s.List, Index: uint32(n)} // #nosec G115 -- parsed as 32 bits
	return nil
}
