// Package ticket holds the nouns that every other package speaks in: events,
// zones, tickets, devices, outcomes and reason codes.
//
// It does no I/O, signs nothing, verifies nothing and decides nothing. It uses
// only the standard library, so that it builds for the browser as well. The
// cbor struct tags give the field numbers of the wire format; the bytes
// themselves are made by the packages that sign them.
package ticket

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxSeatLen is the longest seat label, in bytes.
const MaxSeatLen = 24

// ErrInvalid is wrapped by every Check and Parse error of this package.
var ErrInvalid = errors.New("invalid")

// Ticket is the right of one holder to enter one event once (or as often as
// the class allows). Times are Unix seconds, UTC.
type Ticket struct {
	ID      ID      `cbor:"1,keyasint" json:"id"`
	Event   EventID `cbor:"2,keyasint" json:"event"`
	Zone    uint16  `cbor:"3,keyasint" json:"zone"`
	Class   uint8   `cbor:"4,keyasint" json:"class"`
	Seat    string  `cbor:"5,keyasint,omitempty" json:"seat,omitempty"`
	Version uint32  `cbor:"6,keyasint" json:"version"` // raised at each rebinding, from 1

	// Holder is the key that the ticket is bound to; the zero key means a paper ticket.
	Holder HolderKey `cbor:"7,keyasint,omitzero" json:"holder,omitzero"`

	// NotBefore and NotAfter bound the validity of the ticket itself; zero means no bound.
	NotBefore int64 `cbor:"8,keyasint,omitzero" json:"not_before,omitzero"`
	NotAfter  int64 `cbor:"9,keyasint,omitzero" json:"not_after,omitzero"`

	Flags Flags `cbor:"10,keyasint,omitzero" json:"flags,omitzero"`

	// Mint is the address of the ticket's NFT, 32 bytes, or absent.
	Mint []byte `cbor:"11,keyasint,omitempty" json:"mint,omitempty"`
}

// Paper reports whether the ticket is bound to no device key.
func (t *Ticket) Paper() bool { return t.Holder.IsZero() }

// Check reports the first field that no valid ticket can have. The error wraps [ErrInvalid].
func (t *Ticket) Check() error {
	switch {
	case t.ID.IsZero():
		return fmt.Errorf("ticket without an id: %w", ErrInvalid)
	case t.Event == 0:
		return fmt.Errorf("ticket without an event: %w", ErrInvalid)
	case t.Version == 0:
		return fmt.Errorf("ticket version 0: %w", ErrInvalid)
	case len(t.Seat) > MaxSeatLen:
		return fmt.Errorf("seat label of %d bytes, the most is %d: %w", len(t.Seat), MaxSeatLen, ErrInvalid)
	case !utf8.ValidString(t.Seat): // it could be signed, and nobody could read it
		return fmt.Errorf("seat label %q is not UTF-8: %w", t.Seat, ErrInvalid)
	case !t.Holder.IsZero() && t.Holder[0] != 2 && t.Holder[0] != 3:
		return fmt.Errorf("holder key is not a compressed point: %w", ErrInvalid)
	case t.NotBefore < 0 || t.NotAfter < 0 || t.NotAfter != 0 && t.NotAfter < t.NotBefore:
		return fmt.Errorf("validity from %d to %d: %w", t.NotBefore, t.NotAfter, ErrInvalid)
	case len(t.Mint) != 0 && len(t.Mint) != 32:
		return fmt.Errorf("mint address of %d bytes: %w", len(t.Mint), ErrInvalid)
	}
	return nil
}

// Flags tell the steward what to look out for.
type Flags uint16

// The flags that a ticket can carry.
const (
	FlagAccessible Flags = 1 << iota // step-free entry
	FlagCompanion                    // admitted beside the holder of an accessible ticket
	FlagAttention                    // the steward looks before the lane opens
	FlagConcession                   // reduced price: proof of entitlement is asked for
	FlagAgeProved                    // the holder's age credential was verified when the ticket was bound
)

// Has reports whether every flag of f is set.
func (g Flags) Has(f Flags) bool { return g&f == f }

// Status says whether a ticket is in force. It fits the two bits that a
// status list gives each ticket.
type Status uint8

// The states of a ticket, with their numbers in a status list.
const (
	StatusValid Status = iota
	StatusRevoked
	StatusRefunded
	StatusBlocked
)

// String returns the status as the stable word that logs and JSON use.
func (s Status) String() string {
	switch s {
	case StatusValid:
		return "valid"
	case StatusRevoked:
		return "revoked"
	case StatusRefunded:
		return "refunded"
	case StatusBlocked:
		return "blocked"
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}
