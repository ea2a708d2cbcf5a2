package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

// credentials verifies presentations offline: with the issuers of the trust list
// and the status lists on the disk. It is the [proof.Credentials] of a lane.
type credentials struct {
	verifier atomic.Pointer[issuers] // of the trust list in force; nil is none

	mu    sync.Mutex        // guards lists
	lists map[string][]byte // status lists by address
}

// issuers is a verifier, with the addresses that each issuer's status lists have,
// and the end of the trust list that names them.
type issuers struct {
	*credential.Verifier
	addresses map[credential.DID][]string
	expires   time.Time
}

var _ proof.Credentials = (*credentials)(nil)

// newCredentials reads the status lists of the disk. It knows no issuers yet.
func newCredentials(ctx context.Context, st *store.Store) (*credentials, error) {
	kept, err := st.StatusLists(ctx)
	if err != nil {
		return nil, err
	}
	c := &credentials{lists: map[string][]byte{}}
	for _, l := range kept {
		c.keep(l)
	}
	return c, nil
}

// trust puts the issuers of a trust list in force, and no others any more. One that
// this program cannot read, of a newer kind for instance, is left out and is what
// the error is about: it must not keep those alive that the list has dropped.
func (c *credentials) trust(ctx context.Context, list *trust.List) error {
	if list == nil {
		return nil
	}
	next := &issuers{addresses: map[credential.DID][]string{}, expires: time.Unix(list.Expires, 0).UTC()}
	var usable []trust.Issuer
	var unusable error
	for _, i := range list.Issuers {
		if _, err := credential.New(ctx, credential.Config{Issuers: []trust.Issuer{i}}); err != nil {
			unusable = errors.Join(unusable, fmt.Errorf("trust list %d: %w", list.Version, err))
			continue
		}
		usable = append(usable, i)
		next.addresses[credential.DID(i.DID)] = i.StatusURLs
	}
	var err error
	if next.Verifier, err = credential.New(ctx, credential.Config{Issuers: usable, Statuses: c.status}); err != nil {
		return fmt.Errorf("issuers of trust list %d: %w", list.Version, err)
	}
	c.verifier.Store(next)
	return unusable
}

// keep puts a status list in force.
func (c *credentials) keep(l store.StatusList) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lists[l.URL] = []byte(l.JWT)
}

func (c *credentials) status(url string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	jwt, ok := c.lists[url]
	return jwt, ok
}

var (
	errNoIssuers  = errors.New("the gate holds no trust list")
	errNotAddress = errors.New("not an address of the issuer's status lists")
)

// at returns the issuers that count at a time. None does once their trust list is
// over: whoever keeps a newer one from this gate must not keep an issuer alive
// that it drops.
func (c *credentials) at(now time.Time) (*issuers, error) {
	v := c.verifier.Load()
	switch {
	case v == nil:
		return nil, errNoIssuers
	case !now.Before(v.expires):
		return nil, fmt.Errorf("the trust list ended at %s; bring the gate to its network: %w: %w", v.expires.Format(time.RFC3339), proof.ErrIssuer, trust.ErrExpired)
	}
	return v, nil
}

// open verifies a status list that an address gave. The issuer must have that
// address in the trust list, so that none can take another's place.
func (c *credentials) open(ctx context.Context, url, jwt string, at time.Time) (time.Time, error) {
	v, err := c.at(at)
	if err != nil {
		return time.Time{}, err
	}
	l, err := v.StatusList(ctx, []byte(jwt), url, at)
	if err != nil {
		return time.Time{}, err
	}
	if !slices.Contains(v.addresses[l.Issuer], url) {
		return time.Time{}, fmt.Errorf("%.80q signed by %s: %w", url, l.Issuer, errNotAddress)
	}
	return l.Issued, nil
}

// Nonce returns what a presentation claims to answer.
func (c *credentials) Nonce(packed []byte) (string, error) {
	text, err := credential.Unpack(packed)
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(text, ".")
	payload, _, _ := strings.Cut(rest, ".")
	data, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return "", fmt.Errorf("payload of the presentation: %w", err)
	}
	var claims struct {
		Nonce string `json:"nonce"`
	}
	if err := json.Unmarshal(data, &claims); err != nil {
		return "", fmt.Errorf("payload of the presentation: %w", err)
	}
	return claims.Nonce, nil
}

// Presentation verifies a presentation and each credential in it.
func (c *credentials) Presentation(ctx context.Context, packed []byte, audience, nonce string, at time.Time) (proof.Shown, error) {
	v, err := c.at(at)
	if err != nil {
		return proof.Shown{}, err
	}
	text, err := credential.Unpack(packed)
	if err != nil {
		return proof.Shown{}, err
	}
	p, err := v.Presentation(ctx, text, credential.Want{Audience: audience, Nonce: nonce}, at)
	if p == nil {
		if errors.Is(err, credential.ErrIssuer) {
			return proof.Shown{}, fmt.Errorf("%w: %w", proof.ErrIssuer, err)
		}
		return proof.Shown{}, err
	}
	shown := proof.Shown{Holder: string(p.Holder)}
	for i := range p.Credentials {
		shown.All = append(shown.All, describe(&p.Credentials[i]))
	}
	switch {
	case errors.Is(err, credential.ErrRevoked):
		err = fmt.Errorf("%w: %w", proof.ErrRevoked, err)
	case errors.Is(err, credential.ErrExpired):
		err = fmt.Errorf("%w: %w", proof.ErrExpired, err)
	}
	return shown, err
}

func describe(c *credential.Credential) proof.Credential {
	out := proof.Credential{
		ID: c.ID, Type: proof.CredentialType(c.Type), Issuer: string(c.Issuer), IssuerName: c.IssuerName, Expires: c.Expires,
		Revocable: c.Status != nil, StatusKnown: c.StatusKnown, StatusAge: c.StatusAge,
	}
	switch {
	case c.Family != nil:
		out.Relation = c.Family.Relation
	case c.Age != nil:
		out.Over = c.Age.Over
	case c.Staff != nil:
		out.Role, out.Events, out.Class = c.Staff.Role, c.Staff.Events, c.Staff.Class
	}
	return out
}

// adopt puts the issuers of a trust list in force. One that cannot be read stops no
// lane: tickets need no issuers of credentials.
func (g *appliance) adopt(ctx context.Context, l *trust.List) {
	if err := g.issued.trust(ctx, l); err != nil {
		g.log.ErrorContext(ctx, "an issuer of the trust list was not adopted", slog.Any("error", err))
	}
}
