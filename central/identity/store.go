package identity

import (
	"context"
	"time"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// Store is the memory of identity. Every method is one transaction that holds
// wholly or not at all, and is durable when it returns. "Now" is the store's clock.
type Store interface {
	Identifiers
	Issuers
	Credentials
	Transfers
	Asks
}

// Identifier is the DID of an account. Holder is its key, as tickets are bound to it.
type Identifier struct {
	Account string
	DID     credential.DID
	Holder  ticket.HolderKey
	Proved  time.Time
}

// Identifiers keeps the DIDs of accounts.
type Identifiers interface {
	// SetDID gives an account its identifier. What was said about another one that
	// it had before counts no longer (its credentials are [Replaced]). If another
	// account has the identifier, [ErrDIDTaken].
	SetDID(ctx context.Context, d Identifier) error

	// DID returns an account's identifier, or [ErrNoDID]. One that was proved before
	// the account's newest passkey was made does not count, here and below, until it
	// is proved again.
	DID(ctx context.Context, account string) (Identifier, error)
}

// StatusList is the newest that is known of an address.
type StatusList struct {
	URL             string
	Issuer          credential.DID
	JWT             []byte
	Issued, Expires time.Time
}

// Issuers keeps whose credentials are believed, and their status lists.
type Issuers interface {
	Issuers(ctx context.Context) ([]trust.Issuer, error) // by DID

	// SaveIssuer stores an issuer, in place of one with its DID, unless there
	// would be more than most: [ErrTooManyIssuers]. Its credentials of other kinds
	// than it accepts are [Revoked], and its status lists at other addresses than
	// it names forgotten.
	SaveIssuer(ctx context.Context, i trust.Issuer, most int) error

	// DropIssuer forgets an issuer with its status lists, and its credentials are
	// [Revoked]; [ErrUnknownIssuer] if there is none.
	DropIssuer(ctx context.Context, did credential.DID) error

	StatusLists(ctx context.Context) ([]StatusList, error) // by URL

	// SaveStatusList stores a list that was issued later than the one of its
	// address, and marks the credentials revoked for which revoked is true; it
	// returns how many. An older one is [ErrOlderStatus]; the same bytes again
	// change nothing and are saved == false.
	SaveStatusList(ctx context.Context, l StatusList, revoked func(index uint32) bool) (saved bool, n int, err error)
}

// CredentialState is how a credential stands.
type CredentialState string

// The states of a credential. Only a valid one counts, and only until it expires.
const (
	Valid    CredentialState = "valid"
	Expired  CredentialState = "expired"  // never stored; see [Credential.Standing]
	Revoked  CredentialState = "revoked"  // by its issuer, or with its issuer
	Removed  CredentialState = "removed"  // by its owner
	Replaced CredentialState = "replaced" // its subject is no longer the account's identifier
)

// Credential is a credential that an account has shown.
type Credential struct {
	Number   uint64 // 1, 2, 3 … over all accounts
	Account  string
	Verified credential.Credential // without IssuerName and status age
	State    CredentialState
	JWT      string
	Stored   time.Time
}

// Standing is the state at a time.
func (c *Credential) Standing(at time.Time) CredentialState {
	if c.State == Valid && !at.Before(c.Verified.Expires) {
		return Expired
	}
	return c.State
}

// Relation is a credential by which two identifiers are family, seen from one of them.
type Relation struct {
	Other   Identifier
	Word    string // as the issuer wrote it
	Own     bool   // the word says what I am to the other; else what the other is to me
	Expires time.Time
}

// Accreditation is a ticket that a staff credential is worth.
type Accreditation struct {
	Credential uint64
	Account    string
	Event      ticket.EventID
	Class      uint8
	Ticket     ticket.ID
	Holder     ticket.HolderKey
	Expires    time.Time
}

// Credentials keeps what was said about accounts.
type Credentials interface {
	// AddCredential stores a valid credential with its accreditations and returns
	// it with its number. If the account has shown it before, that one is returned
	// and fresh is false. The subject must be the account's identifier: [ErrNoDID].
	// More than most in force are [ErrTooMany].
	AddCredential(ctx context.Context, c Credential, worth []Accreditation, most int) (stored Credential, fresh bool, err error)

	// Credentials lists an account's, newest first, at most limit.
	Credentials(ctx context.Context, account string, limit int) ([]Credential, error)

	// RemoveCredential gives a valid credential of the account the state [Removed];
	// [ErrUnknownCredential] if it has no such one.
	RemoveCredential(ctx context.Context, account string, number uint64) error

	// Relations lists the family of an identifier: those that have an account and
	// are joined to it by a credential in force, by DID. Credentials whose status
	// list is missing or has ended count for nothing, here and below.
	Relations(ctx context.Context, did credential.DID) ([]Relation, error)

	// Age is the greatest age that a credential in force proves; zero for none.
	Age(ctx context.Context, account string) (uint8, error)

	// Missing lists accreditations of credentials in force whose event is on sale
	// and not over, and whose ticket does not exist or is revoked; Loose lists
	// tickets in force of credentials that are not valid, or whose identifier does
	// not count, and of no others. That a status list has ended revokes no ticket.
	Missing(ctx context.Context) ([]Accreditation, error)
	Loose(ctx context.Context) ([]ticket.ID, error)
}

// TransferState is how an offer stands.
type TransferState string

// The states of a transfer. Only an open one can be accepted.
const (
	TransferOpen      TransferState = "open"
	TransferAccepted  TransferState = "accepted"
	TransferDeclined  TransferState = "declined"
	TransferCancelled TransferState = "cancelled"
	TransferOvertaken TransferState = "overtaken" // the ticket has moved or died otherwise
	TransferExpired   TransferState = "expired"
)

// Transfer is a ticket that one account offers to another.
type Transfer struct {
	ID       string
	Terms    Terms
	Event    ticket.EventID
	Giver    string // accounts
	Receiver string
	State    TransferState // as of now
	Created  time.Time
	Expires  time.Time

	// What the ticket is for, filled when it is read.
	Zone  uint16
	Class uint8
	Seat  string
}

// Transfers keeps offers. That one is accepted is written by the sale, in the
// statement that moves the ticket.
type Transfers interface {
	// AddTransfer stores an open offer unless its giver has most already: [ErrTooMany].
	AddTransfer(ctx context.Context, t Transfer, most int) error

	// Transfer returns one, or [ErrUnknownTransfer]; Transfers those that an
	// account gave or was given, newest first.
	Transfer(ctx context.Context, id string) (Transfer, error)
	Transfers(ctx context.Context, account string, limit int) ([]Transfer, error)

	// EndTransfer ends an open offer: declined by its receiver or cancelled by its
	// giver. One that is not open is [ErrTransferClosed], one of somebody else
	// [ErrUnknownTransfer].
	EndTransfer(ctx context.Context, id, account string, state TransferState) error
}

// AskState is how a request to book stands.
type AskState string

// The states of an ask. It can be ordered for while it is open; a booked one is
// open again if its order runs out unpaid.
const (
	AskOpen      AskState = "open"
	AskBooked    AskState = "booked" // an order holds a place for it
	AskDone      AskState = "done"   // the ticket was paid for
	AskDeclined  AskState = "declined"
	AskCancelled AskState = "cancelled"
	AskExpired   AskState = "expired"
)

// Ask is a relative's request to book a ticket, which will belong to who asks.
type Ask struct {
	ID        string
	Asker     string // accounts
	Booker    string
	Holder    ticket.HolderKey // of the asker
	Event     ticket.EventID
	Zone      uint16
	Class     uint8
	Seat      string // empty for any
	MaxAmount int64  // the most that it may cost, in the event's currency
	State     AskState
	Created   time.Time
	Expires   time.Time

	Currency string // of MaxAmount, filled when it is read
}

// Asks keeps requests to book. That one is ordered for is written by the sale, in
// the transaction of the hold.
type Asks interface {
	// AddAsk stores an open request unless its asker has most already: [ErrTooMany].
	AddAsk(ctx context.Context, a Ask, most int) error

	// Ask returns one, or [ErrUnknownAsk]; Asks those that an account made or got,
	// newest first.
	Ask(ctx context.Context, id string) (Ask, error)
	Asks(ctx context.Context, account string, limit int) ([]Ask, error)

	// EndAsk ends an open request: declined by the booker or cancelled by the
	// asker. One that is not open is [ErrAskClosed], one of somebody else
	// [ErrUnknownAsk].
	EndAsk(ctx context.Context, id, account string, state AskState) error
}
