package pass

import (
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// TicketContext is what a ticket's signature is for.
const TicketContext trust.Context = "conting/ticket/v1"

// MaxTicket is the largest signed ticket, in bytes.
const MaxTicket = 400

// SignTicket returns the ticket as a COSE_Sign1 of an event key. Errors wrap
// [ticket.ErrInvalid] for a ticket that no gate would take.
func SignTicket(s trust.Signer, t ticket.Ticket) ([]byte, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	payload, err := canon.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encode ticket: %w", err)
	}
	signed, err := trust.Sign1(s, TicketContext, payload)
	if err != nil {
		return nil, fmt.Errorf("sign ticket: %w", err)
	}
	if len(signed) > MaxTicket {
		return nil, fmt.Errorf("signed ticket of %d bytes, the most is %d: %w", len(signed), MaxTicket, ticket.ErrInvalid)
	}
	return signed, nil
}

// OpenTicket verifies a signed ticket with the key of its event. It does not ask
// whether the ticket is in force, nor whether a newer version of it is. The error
// wraps [ErrMalformed], [ticket.ErrInvalid], or what [trust.Keyring.Verify] says.
func OpenTicket(k *trust.Keyring, signed []byte, now time.Time) (ticket.Ticket, error) {
	t, err := parseTicket(signed)
	if err != nil {
		return ticket.Ticket{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if _, err := k.Verify(trust.RoleEvent, t.Event, TicketContext, signed, now); err != nil {
		return ticket.Ticket{}, fmt.Errorf("ticket of event %s: %w", t.Event, err)
	}
	return t, nil
}

// PaperText returns the text of a paper pass: the signed ticket itself.
func PaperText(signed []byte) string { return text(prefixPaper, signed) }

// text puts a prefix before the base45 of body.
func text(prefix string, body []byte) string {
	b := make([]byte, 0, prefixLen+len(body)/2*3+2)
	return string(appendBase45(append(b, prefix...), body))
}

// parseTicket reads what a signed ticket says, before anybody has verified it.
func parseTicket(signed []byte) (ticket.Ticket, error) {
	if len(signed) > MaxTicket {
		return ticket.Ticket{}, fmt.Errorf("signed ticket of %d bytes, the most is %d", len(signed), MaxTicket)
	}
	m, err := trust.ParseSign1(signed)
	if err != nil {
		return ticket.Ticket{}, fmt.Errorf("signed ticket: %w", err)
	}
	var t ticket.Ticket
	if err := canon.UnmarshalExact(m.Payload, &t); err != nil {
		return ticket.Ticket{}, fmt.Errorf("ticket: %w", err)
	}
	return t, t.Check()
}
