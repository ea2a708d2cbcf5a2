// Package proof turns a pass into facts: whose ticket it is, and whether the one
// who shows it has proved, now, that it is theirs.
//
// It keeps the book of the nonces that the lane has shown, opens carried tickets
// with the keyring and asks package pass for the holder's proof, or a verifier of
// credentials for what a presentation proves. It decides nothing: whether the
// ticket is in force, was used or may enter here is for gate/admit. It does no I/O
// and builds for the browser.
//
// Who is trusted: the keyring, the stored ticket (it came in a signed set) and
// the clock with its uncertainty. Nothing in the pass is, until it has verified;
// of a carried ticket and a stored one, the newer version counts, so that the
// former holder's signed ticket never wins over a transfer.
package proof

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// Config holds what a [Checker] needs.
type Config struct {
	// Keyring returns the keys in force; it is asked for each carried ticket,
	// because a gate's trust list changes while it runs. Nil, or a nil result,
	// means that no carried ticket is believed.
	Keyring func() *trust.Keyring

	// Book holds the nonces of this lane. Nil means that the lane shows none, and
	// that no challenge pass is good.
	Book *Book

	// Credentials verifies presentations, and Gate is the device that they are made
	// for. Nil means that the lane takes none.
	Credentials Credentials
	Gate        ticket.DeviceID
}

// Checker checks passes at one lane. It is safe for concurrent use.
type Checker struct {
	cfg      Config
	verifier atomic.Pointer[verifier] // of the last relying party, which hardly ever changes
}

type verifier struct {
	party ticket.RelyingParty
	*pass.Verifier
}

// New makes a checker.
func New(_ context.Context, cfg Config) (*Checker, error) {
	if cfg.Keyring == nil {
		cfg.Keyring = func() *trust.Keyring { return nil }
	}
	return &Checker{cfg: cfg}, nil
}

// CanChallenge reports whether this lane shows nonces.
func (c *Checker) CanChallenge() bool { return c.cfg.Book != nil }

// Question is what a checker is asked about.
type Question struct {
	Pass *pass.Pass

	// Stored is the ticket as the gate's set has it, nil when it has none of the
	// pass's id.
	Stored *ticket.Ticket

	// Party is whom the holders of this event sign for.
	Party ticket.RelyingParty

	Now         time.Time
	Uncertainty time.Duration

	// Dry leaves the nonce of a pass open, for explanations.
	Dry bool

	// Nonce is the nonce that was shown, for explanations: with Dry it counts as
	// open for [DefaultLife] from its time. Nil is any that this lane has open.
	Nonce *pass.Nonce
}

// Facts are what the pass and the set together prove.
type Facts struct {
	// Proof is [ticket.OK], or why the pass proves nothing.
	Proof ticket.Reason

	// Known says that Ticket is vouched for, by the set or by the issuer's
	// signature in the pass. Otherwise Ticket is empty.
	Known  bool
	Ticket ticket.Ticket

	// Carried says that Ticket comes from the pass: the set has none, or an older
	// one. It must be stored with the claim.
	Carried bool
}

// Check finds the facts. A pass that proves its holder by a nonce uses the nonce
// up; one that does not leaves it for the person it was shown to.
func (c *Checker) Check(q Question) Facts {
	f := Facts{Proof: ticket.UnknownTicket}
	if q.Pass == nil {
		f.Proof = ticket.Malformed
		return f
	}
	if q.Stored != nil {
		f.Known, f.Ticket = true, *q.Stored
	}
	var carried *ticket.Ticket
	if q.Pass.Carried != nil {
		t, err := c.open(q.Pass.Carried, q.Now)
		switch {
		case err == nil:
			carried = &t
			if q.Stored == nil || t.Version > q.Stored.Version {
				f.Known, f.Ticket, f.Carried = true, t, true
			}
		case q.Stored == nil || q.Pass.Form == pass.Paper || !keyless(err):
			f.Proof = reason(err)
			return f
		}
	}
	if f.Known {
		f.Proof = c.prove(q, &f.Ticket, carried)
	}
	return f
}

var errNoKeys = errors.New("the gate holds no trust list")

// keyless reports whether it is for the gate's own want of keys that a carried
// ticket could not be verified. A bound pass can do without it then, because the
// stored ticket names the holder.
func keyless(err error) bool {
	return errors.Is(err, errNoKeys) || errors.Is(err, trust.ErrExpired) ||
		errors.Is(err, trust.ErrNotYet) || errors.Is(err, trust.ErrUnknownKey)
}

func (c *Checker) open(signed []byte, now time.Time) (ticket.Ticket, error) {
	keys := c.cfg.Keyring()
	if keys == nil {
		return ticket.Ticket{}, errNoKeys
	}
	return pass.OpenTicket(keys, signed, now)
}

// prove checks the holder's proof against the ticket that counts.
func (c *Checker) prove(q Question, t, carried *ticket.Ticket) ticket.Reason {
	switch q.Pass.Form {
	case pass.Paper:
		return provePaper(t, carried)
	case pass.Rotating, pass.Challenge, pass.Accredited:
		if t.Paper() {
			return ticket.FormNotAllowed
		}
	default:
		return ticket.Malformed
	}
	v, err := c.verifierFor(q.Party)
	if err != nil {
		return ticket.ReferToStaff // the event's rules are unusable, not the pass
	}
	prove := func(key ticket.HolderKey) error {
		return v.Rotating(q.Pass, key, q.Now, q.Uncertainty)
	}
	if q.Pass.Form != pass.Rotating {
		n, ok := c.nonce(q)
		if !ok {
			return ticket.NonceUnknown
		}
		prove = func(key ticket.HolderKey) error {
			if q.Pass.Form == pass.Accredited {
				return v.Accredited(q.Pass, key, n)
			}
			return v.Challenge(q.Pass, key, n)
		}
	}
	switch err := prove(t.Holder); {
	case errors.Is(err, pass.ErrBadProof):
		return c.whose(q, t, carried, prove)
	case err != nil:
		return reason(err)
	}
	if q.Pass.Form != pass.Rotating && !q.Dry && !c.strike(q.Pass) {
		return ticket.NonceUnknown
	}
	return ticket.OK
}

// provePaper: the issuer's signature is all that a paper pass proves, so it must
// be the one on the version that counts.
func provePaper(t, carried *ticket.Ticket) ticket.Reason {
	switch {
	case carried == nil:
		return ticket.Malformed
	case carried.Version < t.Version:
		return ticket.Transferred
	case !t.Paper():
		return ticket.FormNotAllowed
	}
	return ticket.OK
}

// whose says more about a proof that is not by the ticket's holder. Only a proof
// that another bound version's key verifies is one of another holder; for an
// id-only pass a ticket that was rebound tells as much.
func (c *Checker) whose(q Question, t, carried *ticket.Ticket, prove func(ticket.HolderKey) error) ticket.Reason {
	for _, other := range []*ticket.Ticket{carried, q.Stored} {
		if other == nil || other.Paper() || other.Holder == t.Holder || prove(other.Holder) != nil {
			continue
		}
		if other.Version < t.Version {
			return ticket.Transferred
		}
		return ticket.HolderMismatch
	}
	if carried == nil && t.Version > 1 {
		return ticket.Transferred
	}
	return ticket.BadSignature
}

func (c *Checker) nonce(q Question) (pass.Nonce, bool) {
	value, ok := q.Pass.Nonce()
	switch {
	case !ok:
		return pass.Nonce{}, false
	case q.Dry && q.Nonce != nil:
		return *q.Nonce, fresh(*q.Nonce, q.Now, DefaultLife)
	case c.cfg.Book == nil:
		return pass.Nonce{}, false
	}
	return c.cfg.Book.find(value, c.cfg.Book.cfg.Life)
}

func (c *Checker) strike(p *pass.Pass) bool {
	value, ok := p.Nonce()
	return ok && c.cfg.Book.strike(value, c.cfg.Book.cfg.Life)
}

func (c *Checker) verifierFor(party ticket.RelyingParty) (*pass.Verifier, error) {
	if v := c.verifier.Load(); v != nil && v.party == party {
		return v.Verifier, nil
	}
	v, err := pass.NewVerifier(party)
	if err != nil {
		return nil, fmt.Errorf("verifier: %w", err)
	}
	c.verifier.Store(&verifier{party: party, Verifier: v})
	return v, nil
}

// reason names an error of packages pass and trust for people. What is none of
// the known ones is a signature that nobody could check.
func reason(err error) ticket.Reason {
	for _, r := range []struct {
		err    error
		reason ticket.Reason
	}{
		{pass.ErrStale, ticket.StalePass},
		{pass.ErrFuture, ticket.FuturePass},
		{pass.ErrUserNotVerified, ticket.NotUserVerified},
		{pass.ErrClockUncertain, ticket.ClockUncertain},
		{pass.ErrDelegation, ticket.Malformed},
		{pass.ErrWrongForm, ticket.Malformed},
		{pass.ErrMalformed, ticket.Malformed},
		{pass.ErrForeign, ticket.Malformed},
		{errNoKeys, ticket.NoSet},
		{trust.ErrExpired, ticket.SetExpired},
	} {
		if errors.Is(err, r.err) {
			return r.reason
		}
	}
	return ticket.BadSignature
}
