package credential

import (
	"fmt"
	"strconv"
	"time"

	"github.com/con-ting/conting/sync/trust"
)

// Issue signs a credential as a compact JWT. The issuer is the did:key of s, or
// the did:web that c.Issuer names: then the key id is "#key-1" of it, and its
// document must say so (see [WebDocument]). Whoever may call this decides what is
// true; nothing is checked but the shape. Errors wrap [ErrInvalid] unless they
// come from s.
func Issue(s trust.Signer, c Credential) (string, error) {
	did, kid, err := issuerKey(s, c.Issuer)
	if err != nil {
		return "", err
	}
	c.Issuer = did
	if err := c.check(); err != nil {
		return "", fmt.Errorf("issue: %w: %w", ErrInvalid, err)
	}
	from, to := seconds(c.Issued.Unix()), seconds(c.Expires.Unix())
	w := vcClaims{
		Issuer: c.Issuer, Subject: c.Subject, ID: c.ID, NotBefore: &from, Expires: &to,
		VC: vc{Context: oneOrMore{contextV1}, Type: oneOrMore{typeCredential, c.Type.vcType()}},
	}
	switch {
	case c.Family != nil:
		w.VC.Subject.Relation, w.VC.Subject.Relative = c.Family.Relation, c.Family.Relative
	case c.Age != nil:
		w.VC.Subject.Over = c.Age.Over
	case c.Staff != nil:
		w.VC.Subject.Role, w.VC.Subject.Events, w.VC.Subject.Class = c.Staff.Role, c.Staff.Events, &c.Staff.Class
	}
	if c.Status != nil {
		w.VC.Status = &status{
			Type: typeStatusEntry, Purpose: purposeRevoked,
			Index: strconv.FormatUint(uint64(c.Status.Index), 10), List: c.Status.List,
		}
	}
	payload, err := marshal(w)
	if err != nil {
		return "", err
	}
	return signJWS(s, kid, payload)
}

// issuerKey is the DID and the key id that s signs with. An empty did is the
// did:key of s.
func issuerKey(s trust.Signer, did DID) (DID, string, error) {
	own, err := KeyDID(s.Public())
	if err != nil {
		return "", "", err
	}
	if did == "" || did == own {
		return own, own.keyID(), nil
	}
	if err := did.checkWeb(); err != nil {
		return "", "", fmt.Errorf("issuer %.80q is neither the signer nor a did:web: %w", string(did), ErrInvalid)
	}
	return did, string(did) + "#" + webKey, nil
}

// Present signs a presentation of 1 to MaxShown credentials as a compact JWT, in
// force from now for life, which is at most [MaxPresentationLife]. The holder is
// the did:key of s and must be what the credentials are about; that is not checked
// here. Errors wrap [ErrInvalid] unless they come from s.
func Present(s trust.Signer, jwts []string, audience, nonce string, now time.Time, life time.Duration) (string, error) {
	holder, err := KeyDID(s.Public())
	if err != nil {
		return "", err
	}
	if life < time.Second || life > MaxPresentationLife || audience == "" || nonce == "" {
		return "", fmt.Errorf("present for %q with nonce %q for %s: %w", audience, nonce, life, ErrInvalid)
	}
	from, to := seconds(now.Unix()), seconds(now.Add(life).Unix())
	w := vpClaims{
		Issuer: holder, Audience: oneOrMore{audience}, Nonce: nonce, NotBefore: &from, Expires: &to,
		VP: vp{Context: oneOrMore{contextV1}, Type: oneOrMore{typePresentation}, Credentials: jwts},
	}
	if err := w.check(); err != nil {
		return "", fmt.Errorf("present: %w: %w", ErrInvalid, err)
	}
	payload, err := marshal(w)
	if err != nil {
		return "", err
	}
	return signJWS(s, holder.keyID(), payload)
}
