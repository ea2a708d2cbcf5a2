package pass_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

func TestOpenTicket(t *testing.T) {
	issuer, other, unlisted := newSigner(t, 1), newSigner(t, 2), newSigner(t, 3)
	hub := newSigner(t, 4)
	ring := newKeyring(t, eventKey(issuer), eventKey(other, 8),
		trust.Key{Role: trust.RoleHub, Public: hub.Public(), NotAfter: doors.Add(time.Hour).Unix()})
	tk := newTicket(newWallet(t, "a").HolderKey())
	good := signTicket(t, issuer, tk)
	payload, err := canon.Marshal(tk)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(ctx trust.Context, payload []byte) []byte {
		signed, err := trust.Sign1(issuer, ctx, payload)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	zero := tk
	zero.Version = 0
	noVersion, err := canon.Marshal(zero)
	if err != nil {
		t.Fatal(err)
	}
	long := tk
	long.Seat = strings.Repeat("s", 300)
	longSeat, err := canon.Marshal(long)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(good, []byte(tk.Seat), []byte("A-01-01"), 1)
	for name, c := range map[string]struct {
		signed []byte
		at     time.Time
		want   error
	}{
		"good":                    {good, doors, nil},
		"context of a manifest":   {sign("conting/manifest/v1", payload), doors, trust.ErrBadSignature},
		"unlisted key":            {signTicket(t, unlisted, tk), doors, trust.ErrUnknownKey},
		"key of another event":    {signTicket(t, other, tk), doors, trust.ErrWrongEvent},
		"key of a hub":            {signTicket(t, hub, tk), doors, trust.ErrWrongRole},
		"key has ended":           {good, doors.Add(time.Hour), trust.ErrExpired},
		"key has not begun":       {good, doors.Add(-time.Hour - time.Second), trust.ErrNotYet},
		"list has ended":          {good, doors.AddDate(2, 0, 0), trust.ErrExpired},
		"a better seat":           {changed, doors, trust.ErrBadSignature},
		"cut":                     {good[:len(good)-1], doors, pass.ErrMalformed},
		"more":                    {append(good[:len(good):len(good)], 0), doors, pass.ErrMalformed},
		"empty":                   {nil, doors, pass.ErrMalformed},
		"unsigned":                {payload, doors, pass.ErrMalformed},
		"signed, but no ticket":   {sign(pass.TicketContext, []byte("x")), doors, pass.ErrMalformed},
		"signed, but no version":  {sign(pass.TicketContext, noVersion), doors, pass.ErrMalformed},
		"signed, but too large":   {sign(pass.TicketContext, longSeat), doors, pass.ErrMalformed},
		"signed, with more after": {sign(pass.TicketContext, append(payload[:len(payload):len(payload)], 0)), doors, pass.ErrMalformed},
	} {
		got, err := pass.OpenTicket(ring, c.signed, c.at)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: OpenTicket = %v, want %v", name, err, c.want)
		}
		if err == nil && got.ID != tk.ID || err != nil && got.ID != (ticket.ID{}) {
			t.Errorf("%s: OpenTicket = %+v with %v", name, got, err)
		}
	}
}

func TestSignTicketRefuses(t *testing.T) {
	s := newSigner(t, 1)
	for name, change := range map[string]func(*ticket.Ticket){
		"no id":     func(t *ticket.Ticket) { t.ID = ticket.ID{} },
		"no event":  func(t *ticket.Ticket) { t.Event = 0 },
		"long seat": func(t *ticket.Ticket) { t.Seat = strings.Repeat("x", ticket.MaxSeatLen+1) },
		"odd mint":  func(t *ticket.Ticket) { t.Mint = []byte{1} },
	} {
		tk := newTicket(ticket.HolderKey{})
		change(&tk)
		if signed, err := pass.SignTicket(s, tk); !errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("%s: SignTicket = %x, %v, want ErrInvalid", name, signed, err)
		}
	}
}

// The largest ticket there is can be signed, and shown in every form.
func TestLargestTicket(t *testing.T) {
	w := newWallet(t, "a")
	tk := ticket.Ticket{
		ID: ticketID, Event: 1<<32 - 1, Zone: 1<<16 - 1, Class: 255, Seat: strings.Repeat("x", ticket.MaxSeatLen),
		Version: 1<<32 - 1, Holder: w.HolderKey(), NotBefore: 1<<63 - 2, NotAfter: 1<<63 - 1, Flags: 1<<16 - 1, Mint: make([]byte, 32),
	}
	signed := signTicket(t, newSigner(t, 1), tk)
	t.Logf("signed ticket: usual %d bytes, largest %d", len(signTicket(t, newSigner(t, 1), newTicket(w.HolderKey()))), len(signed))
	parse(t, pass.PaperText(signed))
	w.Authenticator.ClientData.Tail = `,"a":"` + strings.Repeat("x", pass.MaxTail-8) + `"}`
	s, err := w.Session(ticketID, doors, pass.MaxSlots, &lease)
	if err != nil {
		t.Fatal(err)
	}
	// With the longest tail as well it is too long for a code, and says so.
	if text, err := s.Text(doors, signed); err == nil {
		parse(t, text)
	} else if !errors.Is(err, ticket.ErrInvalid) {
		t.Errorf("Text: %v, want ErrInvalid", err)
	}
	if text, err := s.Text(doors, nil); err != nil {
		t.Errorf("Text of the id-only form: %v", err)
	} else {
		parse(t, text)
	}
}

func TestCarriedTicketOfAnother(t *testing.T) {
	w := newWallet(t, "a")
	other := newTicket(w.HolderKey())
	other.ID[0]++
	signed := signTicket(t, newSigner(t, 1), other)
	s, err := w.Rotating(ticketID, doors)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := s.Text(doors, signed); !errors.Is(err, ticket.ErrInvalid) {
		t.Errorf("Text = %q, %v, want ErrInvalid", text, err)
	}
	n := pass.Nonce{Gate: "north-1", Issued: 1}
	if text, err := w.Answer(ticketID, n, signed); !errors.Is(err, ticket.ErrInvalid) {
		t.Errorf("Answer = %q, %v, want ErrInvalid", text, err)
	}
	// Swapped in by hand, the proof is not one for that ticket.
	text, err := s.Text(doors, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := parse(t, forge(t, text, func(w *pass.WireRotating) { w.Ticket = signed }))
	if err := newVerifier(t).Rotating(p, w.HolderKey(), doors, 0); !errors.Is(err, pass.ErrBadProof) {
		t.Errorf("Rotating with another ticket carried = %v, want ErrBadProof", err)
	}
}
