package ticketset

import (
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// LedgerKind is what a ledger entry says of a ticket.
type LedgerKind uint8

// The kinds of ledger entries. The numbers are on the wire and never change.
const (
	LedgerEnter LedgerKind = iota + 1 // the ticket was admitted
	LedgerLeave                       // the ticket's holder went out
	LedgerVoid                        // the admission with this device and number did not take place or was undone
)

// String returns the kind as the word that logs use.
func (k LedgerKind) String() string {
	switch k {
	case LedgerEnter:
		return "enter"
	case LedgerLeave:
		return "leave"
	case LedgerVoid:
		return "void"
	}
	return fmt.Sprintf("ledger(%d)", uint8(k))
}

// LedgerEntry is one admission or exit that central knows of.
type LedgerEntry struct {
	_      struct{} `cbor:",toarray"`
	Ticket ticket.ID
	Device ticket.DeviceID

	// Seq is the number of the entry in the device's journal; for LedgerVoid that
	// of the admission which is void.
	Seq uint64

	Time uint64 // hybrid clock of the device (journal.HLC)
	Kind LedgerKind
}

// LedgerPage is a stretch of central's ledger of one event. Page n holds the
// entries from n×[LedgerEntries]; it is published again, longer, as the ledger
// grows, and never changes once it is complete.
type LedgerPage struct {
	_       struct{} `cbor:",toarray"`
	Event   ticket.EventID
	Page    uint32
	Entries []LedgerEntry
}

type ledgerMessage struct {
	_      struct{} `cbor:",toarray"`
	Format uint8
	Page   LedgerPage
}

// Complete reports whether the page is full and final.
func (p *LedgerPage) Complete() bool { return len(p.Entries) == LedgerEntries }

// Through returns the number of ledger entries up to the end of the page.
func (p *LedgerPage) Through() uint64 {
	return uint64(p.Page)*LedgerEntries + uint64(len(p.Entries))
}

// SignLedgerPage returns the signed bytes of a page.
func SignLedgerPage(s trust.Signer, p LedgerPage) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	payload, err := canon.Marshal(ledgerMessage{Format: format, Page: p})
	if err != nil {
		return nil, fmt.Errorf("encode ledger page %d: %w", p.Page, err)
	}
	data, err := trust.Sign1(s, LedgerContext, payload)
	if err != nil {
		return nil, fmt.Errorf("sign ledger page %d: %w", p.Page, err)
	}
	return data, nil
}

// OpenLedgerPage verifies a page of the event's ledger and returns it. The
// caller compares the page number with the one that it asked for.
func OpenLedgerPage(k *trust.Keyring, event ticket.EventID, data []byte, now time.Time) (*LedgerPage, error) {
	if len(data) > MaxLedger {
		return nil, tooLarge("ledger page", len(data), MaxLedger)
	}
	payload, err := k.Verify(trust.RoleEvent, event, LedgerContext, data, now)
	if err != nil {
		return nil, fmt.Errorf("ledger page: %w", err)
	}
	var msg ledgerMessage
	if err := canon.UnmarshalExact(payload, &msg); err != nil {
		return nil, fmt.Errorf("ledger page: %w: %w", ErrMalformed, err)
	}
	if msg.Format != format {
		return nil, malformed("ledger page", "format %d, want %d", msg.Format, format)
	}
	if msg.Page.Event != event {
		return nil, wrongEvent("ledger page", msg.Page.Event, event)
	}
	if err := msg.Page.check(); err != nil {
		return nil, err
	}
	return &msg.Page, nil
}

func (p *LedgerPage) check() error {
	if p.Event == 0 || len(p.Entries) == 0 || len(p.Entries) > LedgerEntries {
		return malformed("ledger page", "event %s, %d entries, want 1 to %d", p.Event, len(p.Entries), LedgerEntries)
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		if _, err := ticket.ParseDeviceID(string(e.Device)); err != nil {
			return fmt.Errorf("ledger entry %d: %w: %w", i, ErrMalformed, err)
		}
		if e.Ticket.IsZero() || e.Seq == 0 || e.Kind < LedgerEnter || e.Kind > LedgerVoid {
			return malformed("ledger entry", "number %d: ticket %s, number %d, %s", i, e.Ticket, e.Seq, e.Kind)
		}
	}
	return nil
}
