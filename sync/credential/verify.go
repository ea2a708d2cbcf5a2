package credential

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/con-ting/conting/sync/trust"
)

// Leeway is how far the clock of an issuer or of a holder may be ahead of ours, and
// that of a holder behind it. The end of a credential has none: issuers choose it
// on paper. What makes a presentation fresh is its nonce.
const Leeway = 2 * time.Minute

// Config is what a [Verifier] believes.
type Config struct {
	// Issuers are those of the trust list in force.
	Issuers []trust.Issuer
	// Statuses returns the newest status list that was kept of a URL. It is called
	// by several goroutines at once. Nil: every credential that could have been
	// revoked is of unknown status.
	Statuses func(url string) (jwt []byte, ok bool)
	// StaleStatus is how old a status list may be, besides the end that stands in
	// it. Zero: there is no other limit.
	StaleStatus time.Duration
}

// Verifier verifies credentials, presentations and status lists. Its issuers do
// not change: with a new trust list, make a new one. It is safe for concurrent use.
type Verifier struct {
	issuers  map[DID]issuer
	statuses func(url string) ([]byte, bool)
	stale    time.Duration

	mu     sync.Mutex            // guards opened
	opened map[string]openedList // by URL: lists whose signature was verified
}

// issuer is an issuer whose DID has been resolved.
type issuer struct {
	name    string
	accepts map[Type]bool
	keys    keys
}

// New resolves the issuers. The error wraps [trust.ErrInvalid] or [ErrMalformed].
func New(_ context.Context, cfg Config) (*Verifier, error) {
	if len(cfg.Issuers) > trust.MaxIssuers || cfg.StaleStatus < 0 {
		return nil, fmt.Errorf("%d issuers, stale after %s: %w", len(cfg.Issuers), cfg.StaleStatus, ErrInvalid)
	}
	v := &Verifier{
		issuers: make(map[DID]issuer, len(cfg.Issuers)), statuses: cfg.Statuses, stale: cfg.StaleStatus,
		opened: map[string]openedList{},
	}
	if v.statuses == nil {
		v.statuses = func(string) ([]byte, bool) { return nil, false }
	}
	for i := range cfg.Issuers {
		in := &cfg.Issuers[i]
		if err := in.Check(); err != nil {
			return nil, err
		}
		k, err := resolve(DID(in.DID), in.Document)
		if err != nil {
			return nil, fmt.Errorf("issuer %s: %w", in.DID, err)
		}
		is := issuer{name: in.Name, accepts: map[Type]bool{}, keys: k}
		for _, a := range in.Accepts {
			is.accepts[Type(a)] = true
		}
		v.issuers[DID(in.DID)] = is
	}
	return v, nil
}

// resolve returns the keys with which did may assert.
func resolve(did DID, document []byte) (keys, error) {
	if document != nil {
		return parseDocument(did, document)
	}
	k, err := did.Key()
	if err != nil {
		return nil, err
	}
	return keys{did.keyID(): k}, nil
}

// Credential reads one credential and reports whether it holds at a time. The
// error wraps [ErrMalformed], [ErrBadSignature], [ErrIssuer], [ErrExpired],
// [ErrRevoked] or [ErrStatusUnknown]. With the last three the credential is
// returned as well: it is genuine and not in force, and a screen may name it.
//
// That the credential is about whoever shows it is not checked here: a credential
// alone can be shown by anybody who has seen it.
func (v *Verifier) Credential(ctx context.Context, jwt string, at time.Time) (*Credential, error) {
	c, _, err := v.authentic(ctx, jwt)
	if err != nil {
		return nil, err
	}
	return c, v.inForce(c, at)
}

// authentic reads a credential that an issuer who may has signed, whether or not
// it is in force, and returns the key that it was signed with.
func (v *Verifier) authentic(ctx context.Context, jwt string) (*Credential, keys, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	j, err := parseJWS(jwt, MaxCredential)
	if err != nil {
		return nil, nil, fmt.Errorf("credential: %w", err)
	}
	c, err := parseClaims(j.payload)
	if err != nil {
		return nil, nil, fmt.Errorf("credential: %w", err)
	}
	is, ok := v.issuers[c.Issuer]
	if !ok || !is.accepts[c.Type] {
		return nil, nil, fmt.Errorf("%s credential of %s: %w", c.Type, c.Issuer, ErrIssuer)
	}
	one, err := is.keys.one(j, c.Issuer)
	if err != nil {
		return nil, nil, fmt.Errorf("credential: %w", err)
	}
	if err := verifyCredential(j, one, c.ID, c.Issuer, c.Type.vcType()); err != nil {
		return nil, nil, fmt.Errorf("credential: %w", err)
	}
	c.IssuerName = is.name
	return c, one, nil
}

// one is the single key that j names, which must be of signer and of the
// algorithm that j says. The error wraps [ErrBadSignature].
func (k keys) one(j *jws, signer DID) (keys, error) {
	did, _ := j.header.did()
	key, ok := k[j.header.KeyID]
	alg, _ := j.header.algorithm()
	if did != signer || !ok || key.Algorithm() != alg {
		return nil, fmt.Errorf("%s signed with %s by %.80q: %w", signer, j.header.Algorithm, j.header.KeyID, ErrBadSignature)
	}
	return keys{j.header.KeyID: key}, nil
}

// inForce checks the time and the status of an authentic credential, and notes the
// status in it.
func (v *Verifier) inForce(c *Credential, at time.Time) error {
	if at.Add(Leeway).Before(c.Issued) || !at.Before(c.Expires) {
		return fmt.Errorf("credential is in force from %s to %s: %w", c.Issued.Format(time.RFC3339), c.Expires.Format(time.RFC3339), ErrExpired)
	}
	return v.checkStatus(c, at)
}

// Presentation reads a presentation that answers w, and every credential in it,
// each verified by itself. Beside the errors of [Verifier.Credential] the error
// may wrap [ErrAudience], [ErrNonce], [ErrSubject] or, when w asks for nothing,
// [ErrInvalid]. With [ErrExpired], [ErrRevoked] and [ErrStatusUnknown] of a
// credential the presentation is returned as well.
func (v *Verifier) Presentation(ctx context.Context, text string, w Want, at time.Time) (*Presentation, error) {
	if w.Audience == "" || w.Nonce == "" {
		return nil, fmt.Errorf("no audience or no nonce to ask for: %w", ErrInvalid)
	}
	j, err := parseJWS(text, MaxPresentation)
	if err != nil {
		return nil, fmt.Errorf("presentation: %w", err)
	}
	claims, err := parsePresentation(j.payload)
	if err != nil {
		return nil, fmt.Errorf("presentation: %w", err)
	}
	if err := claims.answers(w, at); err != nil {
		return nil, err
	}
	key, err := resolve(claims.Issuer, nil)
	if err != nil {
		return nil, fmt.Errorf("presentation: %w", err)
	}
	all, err := key.one(j, claims.Issuer)
	if err != nil {
		return nil, fmt.Errorf("presentation: %w", err)
	}
	p := &Presentation{Holder: claims.Issuer}
	for _, jwt := range claims.VP.Credentials {
		c, k, err := v.authentic(ctx, jwt)
		if err != nil {
			return nil, err
		}
		if c.Subject != p.Holder {
			return nil, fmt.Errorf("credential about %s shown by %s: %w", c.Subject, p.Holder, ErrSubject)
		}
		for id, key := range k {
			all[id] = key
		}
		p.Credentials = append(p.Credentials, *c)
	}
	if err := verifyPresentation(j, all, p.Holder, len(p.Credentials)); err != nil {
		return nil, fmt.Errorf("presentation: %w", err)
	}
	var not []error
	for i := range p.Credentials {
		not = append(not, v.inForce(&p.Credentials[i], at))
	}
	return p, errors.Join(not...)
}

// answers reports what in the claims is not what w asks for.
func (c *vpClaims) answers(w Want, at time.Time) error {
	switch {
	case c.Audience[0] != w.Audience:
		return fmt.Errorf("for %.80q, not for %.80q: %w", c.Audience[0], w.Audience, ErrAudience)
	case c.Nonce != w.Nonce:
		return fmt.Errorf("nonce: %w", ErrNonce)
	case w.Holder != "" && c.Issuer != w.Holder:
		return fmt.Errorf("shown by %s, not by %s: %w", c.Issuer, w.Holder, ErrSubject)
	case at.Add(Leeway).Before(c.NotBefore.time()) || !at.Before(c.Expires.time().Add(Leeway)):
		return fmt.Errorf("presentation: %w", ErrExpired)
	}
	return nil
}
