package ticket_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
)

func someTicket() ticket.Ticket {
	return ticket.Ticket{
		ID: ticket.ID{1, 2, 3}, Event: 7, Zone: 3, Class: 2, Seat: "B-12-07", Version: 1,
		Holder: ticket.HolderKey{2, 9}, NotBefore: 100, NotAfter: 200, Flags: ticket.FlagAttention,
	}
}

func TestTicketCheck(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ticket.Ticket)
		ok     bool
	}{
		"as it is":             {func(*ticket.Ticket) {}, true},
		"paper":                {func(t *ticket.Ticket) { t.Holder = ticket.HolderKey{} }, true},
		"no seat":              {func(t *ticket.Ticket) { t.Seat = "" }, true},
		"longest seat":         {func(t *ticket.Ticket) { t.Seat = strings.Repeat("x", ticket.MaxSeatLen) }, true},
		"no bounds":            {func(t *ticket.Ticket) { t.NotBefore, t.NotAfter = 0, 0 }, true},
		"only an end":          {func(t *ticket.Ticket) { t.NotBefore = 0 }, true},
		"only a beginning":     {func(t *ticket.Ticket) { t.NotAfter = 0 }, true},
		"one second":           {func(t *ticket.Ticket) { t.NotAfter = t.NotBefore }, true},
		"mint":                 {func(t *ticket.Ticket) { t.Mint = make([]byte, 32) }, true},
		"no id":                {func(t *ticket.Ticket) { t.ID = ticket.ID{} }, false},
		"no event":             {func(t *ticket.Ticket) { t.Event = 0 }, false},
		"no version":           {func(t *ticket.Ticket) { t.Version = 0 }, false},
		"long seat":            {func(t *ticket.Ticket) { t.Seat = strings.Repeat("x", ticket.MaxSeatLen+1) }, false},
		"seat not utf-8":       {func(t *ticket.Ticket) { t.Seat = "A\xff" }, false},
		"uncompressed holder":  {func(t *ticket.Ticket) { t.Holder[0] = 4 }, false},
		"ends before it began": {func(t *ticket.Ticket) { t.NotAfter = 99 }, false},
		"negative beginning":   {func(t *ticket.Ticket) { t.NotBefore = -1 }, false},
		"negative end":         {func(t *ticket.Ticket) { t.NotBefore, t.NotAfter = 0, -1 }, false},
		"mint of 31 bytes":     {func(t *ticket.Ticket) { t.Mint = make([]byte, 31) }, false},
	} {
		tk := someTicket()
		c.change(&tk)
		if err := tk.Check(); (err == nil) != c.ok || err != nil && !errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("%s: Check of %+v = %v, want ok %t", name, tk, err, c.ok)
		}
		if tk.Paper() != (tk.Holder == ticket.HolderKey{}) {
			t.Errorf("%s: Paper = %t", name, tk.Paper())
		}
	}
}

// What is written is read again, as JSON and as CBOR, with and without the fields
// that may be absent.
func TestTicketEncodings(t *testing.T) {
	paper := ticket.Ticket{ID: ticket.ID{9}, Event: 1, Version: 1}
	for name, tk := range map[string]ticket.Ticket{"passkey": someTicket(), "paper": paper} {
		text, err := json.Marshal(tk)
		if err != nil {
			t.Fatal(err)
		}
		var fromJSON, fromCBOR ticket.Ticket
		if err := json.Unmarshal(text, &fromJSON); err != nil || !sameTicket(fromJSON, tk) {
			t.Errorf("%s: JSON %s reads as %+v, %v", name, text, fromJSON, err)
		}
		b, err := canon.Marshal(tk)
		if err != nil {
			t.Fatal(err)
		}
		if err := canon.UnmarshalExact(b, &fromCBOR); err != nil || !sameTicket(fromCBOR, tk) {
			t.Errorf("%s: CBOR %x reads as %+v, %v", name, b, fromCBOR, err)
		}
	}
	if b, err := json.Marshal(paper); err != nil || strings.Contains(string(b), "holder") || strings.Contains(string(b), "mint") {
		t.Errorf("a paper ticket as JSON: %s, %v", b, err)
	}
}

func sameTicket(a, b ticket.Ticket) bool {
	same := string(a.Mint) == string(b.Mint)
	a.Mint, b.Mint = nil, nil
	return same && a.ID == b.ID && a.Event == b.Event && a.Zone == b.Zone && a.Class == b.Class && a.Seat == b.Seat &&
		a.Version == b.Version && a.Holder == b.Holder && a.NotBefore == b.NotBefore && a.NotAfter == b.NotAfter && a.Flags == b.Flags
}

func TestFlags(t *testing.T) {
	both := ticket.FlagAccessible | ticket.FlagAttention
	if !both.Has(ticket.FlagAccessible) || !both.Has(both) || both.Has(ticket.FlagCompanion) || both.Has(both|ticket.FlagCompanion) || ticket.Flags(0).Has(ticket.FlagConcession) {
		t.Errorf("Has of %b is wrong", both)
	}
	// The numbers stand in tickets.
	if got := []ticket.Flags{ticket.FlagAccessible, ticket.FlagCompanion, ticket.FlagAttention, ticket.FlagConcession}; got[0] != 1 || got[1] != 2 || got[2] != 4 || got[3] != 8 {
		t.Errorf("flags %v, want 1 2 4 8", got)
	}
}

// The numbers stand in status lists, and the words in logs.
func TestStatus(t *testing.T) {
	for n, want := range []string{"valid", "revoked", "refunded", "blocked", "status(4)"} {
		if got := ticket.Status(n).String(); got != want {
			t.Errorf("status %d = %q, want %q", n, got, want)
		}
	}
	if ticket.StatusBlocked != 3 {
		t.Errorf("StatusBlocked = %d, which does not fit two bits as it should", ticket.StatusBlocked)
	}
}
