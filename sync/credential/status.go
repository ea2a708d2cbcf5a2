package credential

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/con-ting/conting/sync/trust"
)

// The sizes of a status list.
const (
	// MaxStatusList is the longest status list that is read, in bytes of its JWT.
	MaxStatusList = 64 << 10
	// StatusBits is how many entries a new list has, and the fewest that one may:
	// among that many a single person is not found by their index.
	StatusBits = 131_072

	maxStatusBits = 1 << 20
)

const (
	contextStatus  = "https://www.w3.org/ns/credentials/status/v1"
	typeStatusList = "BitstringStatusListCredential"
	typeBitstring  = "BitstringStatusList"
	// fragmentList is how the subject of a status list is named after its URL.
	fragmentList = "#list"
)

// StatusList is a Bitstring Status List (W3C, v1.0) of the purpose "revocation":
// one bit for each credential, set when it is revoked. The zero StatusList has no
// entries; see [NewStatusList].
type StatusList struct {
	URL             string
	Issuer          DID
	Issued, Expires time.Time // whole seconds
	bits            []byte    // the first entry is the highest bit of the first byte
}

// NewStatusList returns a list of [StatusBits] entries with none revoked.
func NewStatusList() *StatusList { return &StatusList{bits: make([]byte, StatusBits/8)} }

// Len is how many entries the list has.
func (l *StatusList) Len() uint32 {
	return uint32(len(l.bits)) * 8 // #nosec G115 -- at most maxStatusBits
}

// Revoked reports whether an entry is set. One beyond the list is not.
func (l *StatusList) Revoked(index uint32) bool {
	return index < l.Len() && l.bits[index/8]&(0x80>>(index%8)) != 0
}

// Revoke sets an entry. There is no way back: whoever saw the list will not
// believe the credential again. The error wraps [ErrInvalid].
func (l *StatusList) Revoke(index uint32) error {
	if index >= l.Len() {
		return fmt.Errorf("entry %d of %d: %w", index, l.Len(), ErrInvalid)
	}
	l.bits[index/8] |= 0x80 >> (index % 8)
	return nil
}

// listClaims is the whole payload of a status list.
type listClaims struct {
	Issuer    DID      `json:"iss"`
	Subject   string   `json:"sub"`
	ID        string   `json:"jti"`
	IssuedAt  *seconds `json:"iat,omitempty"`
	NotBefore *seconds `json:"nbf"`
	Expires   *seconds `json:"exp"`
	VC        struct {
		Context oneOrMore `json:"@context"`
		Type    oneOrMore `json:"type"`
		Subject struct {
			ID      string `json:"id,omitempty"`
			Type    string `json:"type"`
			Purpose string `json:"statusPurpose"`
			Encoded string `json:"encodedList"`
		} `json:"credentialSubject"`
	} `json:"vc"`
}

// SignStatusList signs a list as a compact JWT, to be published at url by the
// did:key of s, or by the did:web in l.Issuer. Errors wrap [ErrInvalid] unless
// they come from s.
func SignStatusList(s trust.Signer, url string, l *StatusList, issued, expires time.Time) (string, error) {
	did, kid, err := issuerKey(s, l.Issuer)
	if err != nil {
		return "", err
	}
	if !httpURL(url) || len(l.bits)*8 < StatusBits || !expires.After(issued) {
		return "", fmt.Errorf("status list of %d entries at %.80q from %s to %s: %w", l.Len(), url, issued, expires, ErrInvalid)
	}
	from, to := seconds(issued.Unix()), seconds(expires.Unix())
	w := listClaims{Issuer: did, Subject: url + fragmentList, ID: url, NotBefore: &from, Expires: &to}
	w.VC.Context = oneOrMore{contextV1, contextStatus}
	w.VC.Type = oneOrMore{typeCredential, typeStatusList}
	w.VC.Subject.Type, w.VC.Subject.Purpose = typeBitstring, purposeRevoked
	if w.VC.Subject.Encoded, err = encodeBits(l.bits); err != nil {
		return "", err
	}
	payload, err := marshal(w)
	if err != nil {
		return "", err
	}
	jwt, err := signJWS(s, kid, payload)
	if err == nil && len(jwt) > MaxStatusList {
		return "", fmt.Errorf("status list of %d bytes, the most is %d: %w", len(jwt), MaxStatusList, ErrInvalid)
	}
	return jwt, err
}

// StatusList reads the status list that url gave. Any issuer of the verifier may
// have signed it: it says something only about that issuer's own credentials. The
// error wraps [ErrMalformed], [ErrBadSignature], [ErrIssuer] or [ErrExpired], the
// last with the list: it is genuine and out of date. That a list does not replace
// a newer one is the caller's to see to, by Issued.
func (v *Verifier) StatusList(ctx context.Context, jwt []byte, url string, at time.Time) (*StatusList, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l, err := v.openList(jwt, url)
	if err != nil {
		return nil, fmt.Errorf("status list %.80q: %w", url, err)
	}
	if at.Add(Leeway).Before(l.Issued) || !at.Before(l.Expires) {
		return l, fmt.Errorf("status list %.80q is in force from %s to %s: %w", url, l.Issued.Format(time.RFC3339), l.Expires.Format(time.RFC3339), ErrExpired)
	}
	return l, nil
}

func (v *Verifier) openList(jwt []byte, url string) (*StatusList, error) {
	j, err := parseJWS(string(jwt), MaxStatusList)
	if err != nil {
		return nil, err
	}
	var w listClaims
	if err := unmarshal(j.payload, &w); err != nil {
		return nil, err
	}
	l, err := w.list(url)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	is, ok := v.issuers[l.Issuer]
	if !ok {
		return nil, fmt.Errorf("signed by %s: %w", l.Issuer, ErrIssuer)
	}
	one, err := is.keys.one(j, l.Issuer)
	if err != nil {
		return nil, err
	}
	return l, verifyCredential(j, one, url, l.Issuer, typeStatusList)
}

// list checks the claims and inflates the list.
func (w *listClaims) list(url string) (*StatusList, error) {
	if w.NotBefore == nil || w.Expires == nil {
		return nil, errors.New("no beginning or no end")
	}
	for _, s := range []*seconds{w.NotBefore, w.Expires, w.IssuedAt} {
		if s != nil && (*s < 0 || *s > maxSeconds) {
			return nil, fmt.Errorf("date %d", *s)
		}
	}
	switch v := w.VC; {
	case *w.Expires <= *w.NotBefore:
		return nil, errors.New("it ends before it begins")
	case !httpURL(url) || w.ID != url:
		return nil, fmt.Errorf("it is that of %.80q", w.ID)
	case v.Subject.ID != "" && v.Subject.ID != w.Subject:
		return nil, errors.New("two subjects")
	case len(v.Context) == 0 || len(v.Context) > maxContexts || v.Context[0] != contextV1:
		return nil, fmt.Errorf("context %.200q, want %s first", v.Context, contextV1)
	case len(v.Type) != 2 || v.Type[0] != typeCredential || v.Type[1] != typeStatusList:
		return nil, fmt.Errorf("types %.200q, want %s", v.Type, typeStatusList)
	case v.Subject.Type != typeBitstring || v.Subject.Purpose != purposeRevoked:
		return nil, fmt.Errorf("list of type %.40q and purpose %.40q", v.Subject.Type, v.Subject.Purpose)
	}
	bits, err := decodeBits(w.VC.Subject.Encoded)
	if err != nil {
		return nil, err
	}
	return &StatusList{URL: url, Issuer: w.Issuer, Issued: w.NotBefore.time(), Expires: w.Expires.time(), bits: bits}, nil
}

// encodeBits compresses a bitstring and writes it in multibase ("u": base64url).
func encodeBits(bits []byte) (string, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := z.Write(bits); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return "u" + b64.EncodeToString(b.Bytes()), nil
}

// decodeBits reads what encodeBits wrote, and inflates no more than may be there.
func decodeBits(s string) ([]byte, error) {
	if len(s) == 0 || s[0] != 'u' {
		return nil, errors.New("list is not base64url in multibase")
	}
	packed, err := decodePart(s[1:])
	if err != nil {
		return nil, err
	}
	source := bytes.NewReader(packed)
	z, err := gzip.NewReader(source)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	bits, err := io.ReadAll(io.LimitReader(z, maxStatusBits/8+1))
	if err != nil {
		return nil, err
	}
	if len(bits)*8 < StatusBits || len(bits)*8 > maxStatusBits || source.Len() != 0 {
		return nil, fmt.Errorf("list of %d entries, want %d to %d", len(bits)*8, StatusBits, maxStatusBits)
	}
	return bits, nil
}

// openedList is a list whose signature was verified, and the bytes that it was.
type openedList struct {
	sum  [sha256.Size]byte
	list *StatusList
}

// maxOpened is how many lists are remembered as verified.
const maxOpened = trust.MaxIssuers * trust.MaxStatusURLs

// checkStatus looks up the credential's entry. The error wraps [ErrRevoked] or
// [ErrStatusUnknown].
func (v *Verifier) checkStatus(c *Credential, at time.Time) error {
	if c.Status == nil {
		return nil
	}
	unknown := func(format string, args ...any) error {
		return fmt.Errorf("status list %.80q: %s: %w", c.Status.List, fmt.Sprintf(format, args...), ErrStatusUnknown)
	}
	jwt, ok := v.statuses(c.Status.List)
	if !ok {
		return unknown("not here")
	}
	l, err := v.remembered(jwt, c.Status.List)
	switch {
	case err != nil:
		return unknown("%v", err)
	case l.Issuer != c.Issuer:
		return unknown("signed by %s", l.Issuer)
	case c.Status.Index >= l.Len():
		return unknown("has no entry %d", c.Status.Index)
	}
	c.StatusKnown, c.StatusAge = true, max(at.Sub(l.Issued), 0)
	switch {
	case l.Revoked(c.Status.Index):
		return fmt.Errorf("entry %d of %.80q: %w", c.Status.Index, c.Status.List, ErrRevoked)
	case !at.Before(l.Expires):
		return unknown("ended at %s", l.Expires.Format(time.RFC3339))
	case v.stale > 0 && c.StatusAge > v.stale:
		return unknown("%s old", c.StatusAge)
	}
	return nil
}

// remembered is openList, once for the same bytes.
func (v *Verifier) remembered(jwt []byte, url string) (*StatusList, error) {
	sum := sha256.Sum256(jwt)
	v.mu.Lock()
	got, ok := v.opened[url]
	v.mu.Unlock()
	if ok && got.sum == sum {
		return got.list, nil
	}
	l, err := v.openList(jwt, url)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.opened) >= maxOpened {
		clear(v.opened)
	}
	v.opened[url] = openedList{sum: sum, list: l}
	return l, nil
}
