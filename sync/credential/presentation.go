package credential

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// MaxPresentationLife is the longest that a presentation may be in force.
const MaxPresentationLife = 10 * time.Minute

// maxWord is the longest audience or nonce, in bytes.
const maxWord = 128

// vpClaims is the whole payload of a presentation, in the order that it is written.
type vpClaims struct {
	Issuer    DID       `json:"iss"`
	ID        string    `json:"jti,omitempty"`
	Audience  oneOrMore `json:"aud"`
	Nonce     string    `json:"nonce"`
	IssuedAt  *seconds  `json:"iat,omitempty"`
	NotBefore *seconds  `json:"nbf"`
	Expires   *seconds  `json:"exp"`
	VP        vp        `json:"vp"`
}

// vp is what stands in the claim of that name.
type vp struct {
	ID          string    `json:"id,omitempty"`
	Holder      DID       `json:"holder,omitempty"`
	Context     oneOrMore `json:"@context"`
	Type        oneOrMore `json:"type"`
	Credentials oneOrMore `json:"verifiableCredential"`
}

// parsePresentation reads the payload of a presentation. Errors wrap [ErrMalformed].
func parsePresentation(payload []byte) (*vpClaims, error) {
	w := new(vpClaims)
	if err := unmarshal(payload, w); err != nil {
		return nil, err
	}
	if err := w.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return w, nil
}

// check reports the first claim that is missing or contradicts another.
func (w *vpClaims) check() error {
	if _, err := w.Issuer.Key(); err != nil {
		return fmt.Errorf("holder: %w", err)
	}
	if w.NotBefore == nil || w.Expires == nil {
		return errors.New("no beginning or no end")
	}
	for _, s := range []*seconds{w.NotBefore, w.Expires, w.IssuedAt} {
		if s != nil && (*s < 0 || *s > maxSeconds) {
			return fmt.Errorf("date %d", *s)
		}
	}
	switch life := *w.Expires - *w.NotBefore; {
	case life <= 0 || life > seconds(MaxPresentationLife/time.Second):
		return fmt.Errorf("in force for %d s, want 1 to %d", life, MaxPresentationLife/time.Second)
	case len(w.Audience) != 1 || len(w.Audience[0]) > maxWord || !visible(w.Audience[0]) || w.Audience[0] == "":
		return fmt.Errorf("%d audiences, want one of at most %d bytes", len(w.Audience), maxWord)
	case w.Nonce == "" || len(w.Nonce) > maxWord || !visible(strings.ReplaceAll(w.Nonce, " ", "")): // base45 has spaces
		return fmt.Errorf("nonce of %d bytes, want 1 to %d", len(w.Nonce), maxWord)
	case len(w.ID) > maxID || len(w.VP.ID) > maxID || w.ID != "" && w.VP.ID != "" && w.ID != w.VP.ID:
		return errors.New("two ids, or a long one")
	case w.VP.Holder != "" && w.VP.Holder != w.Issuer:
		return errors.New("two holders")
	case len(w.VP.Context) == 0 || len(w.VP.Context) > maxContexts || w.VP.Context[0] != contextV1:
		return fmt.Errorf("context %.200q, want %s first", w.VP.Context, contextV1)
	case len(w.VP.Type) != 1 || w.VP.Type[0] != typePresentation:
		return fmt.Errorf("types %.200q, want %s", w.VP.Type, typePresentation)
	case len(w.VP.Credentials) == 0 || len(w.VP.Credentials) > MaxShown:
		return fmt.Errorf("%d credentials, want 1 to %d", len(w.VP.Credentials), MaxShown)
	}
	return nil
}
