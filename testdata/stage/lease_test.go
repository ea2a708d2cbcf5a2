package stage_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/stage"
)

// venueOf is venue with the sample's event changed.
func venueOf(ctx context.Context, t *testing.T, change func(event map[string]any)) (*stage.Stage, ticket.EventID, *stage.Gate) {
	t.Helper()
	raw, err := os.ReadFile("../venue/sample.json")
	if err != nil {
		t.Fatal(err)
	}
	var plan map[string]any
	if err := json.Unmarshal(raw, &plan); err != nil {
		t.Fatal(err)
	}
	event, ok := plan["event"].(map[string]any)
	if !ok {
		t.Fatal("the sample has no event")
	}
	change(event)
	if raw, err = json.Marshal(plan); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return venueFrom(ctx, t, path)
}

// visitor signs up and buys a seat.
func visitor(ctx context.Context, t *testing.T, s *stage.Stage, event ticket.EventID, email string, seats ...string) (*stage.Person, []*stage.Bought) {
	t.Helper()
	p, err := s.SignUp(ctx, email)
	if err != nil {
		t.Fatal(err)
	}
	var out []*stage.Bought
	for _, seat := range seats {
		b, err := p.Buy(ctx, event, stage.Seat{Zone: 1, Class: 1, Seat: seat})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return p, out
}

// show begins to show a ticket.
func show(ctx context.Context, t *testing.T, p *stage.Person, b *stage.Bought) *stage.Showing {
	t.Helper()
	s, err := p.Show(ctx, b, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// now is the code of a showing at each moment that it is asked for.
func now(s *stage.Showing) func() (string, error) {
	return func() (string, error) { return s.Text(time.Now()) }
}

// keep beats until the test ends, or the session does.
func keep(ctx context.Context, t *testing.T, s *stage.Showing) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			var r *stage.Refusal
			if err := s.Beat(ctx); errors.As(err, &r) && r.Code == "lease_lapsed" {
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
}

// At an event that asks for sessions, the code of a phone that is heard opens the
// gate; that of a phone which fell silent does not, wherever else it is shown, and
// its owner has only to unlock the ticket again. Without network the gate asks for
// a challenge, but what it has heard to be over stays so.
func TestLeaseLapse(t *testing.T) {
	built(t)
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 4*time.Minute)
	t.Cleanup(cancel)
	s, event, gate := venueOf(ctx, t, func(event map[string]any) { event["leases"] = "required" })
	kim, tickets := visitor(ctx, t, s, event, "kim@example.org", "A-1", "A-2", "A-3")

	heard := show(ctx, t, kim, tickets[0])
	keep(ctx, t, heard)
	shows(ctx, t, gate, now(heard), "admit ok")

	// Nobody holds this code up while its session lives: it is sent to somebody else.
	silent := show(ctx, t, kim, tickets[1])
	select {
	case <-time.After(silent.Expires + 8*time.Second): // and time for the news on a busy machine
	case <-ctx.Done():
		t.Fatal(ctx.Err())
	}
	refused(t, "a beat after the lapse", silent.Beat(ctx), "lease_lapsed")
	shows(ctx, t, gate, now(silent), "refuse lease_lapsed")
	again := show(ctx, t, kim, tickets[1])
	keep(ctx, t, again)
	shows(ctx, t, gate, now(again), "admit ok")
	refused(t, "a session of a ticket that has entered", showErr(ctx, kim, tickets[1]), "ticket_not_showable")

	// A code put away is as dead as one that fell silent, and at once.
	hidden := show(ctx, t, kim, tickets[2])
	if err := hidden.Hide(ctx); err != nil {
		t.Fatal(err)
	}
	shows(ctx, t, gate, now(hidden), "refuse lease_lapsed")

	open := show(ctx, t, kim, tickets[2])
	keep(ctx, t, open)
	since := gate.Feed.Mark()
	gate.Cable.Pull()
	if _, err := gate.Feed.Await(ctx, since, func(e stage.Event) bool { return e.Event == "state" && !e.Connected }); err != nil {
		t.Fatal(err)
	}
	shows(ctx, t, gate, now(open), "refuse challenge_required")
	shows(ctx, t, gate, now(hidden), "refuse lease_lapsed")
	gate.Cable.Plug()
	shows(ctx, t, gate, now(open), "admit ok")
}

func showErr(ctx context.Context, p *stage.Person, b *stage.Bought) error {
	for ctx.Err() == nil { // central hears of the entry a moment later
		if _, err := p.Show(ctx, b, time.Now()); err != nil {
			return err
		}
		<-time.After(time.Second) // an account may begin so many in a while
	}
	return ctx.Err()
}

// Where sessions are advice, a gate without network knows of no lapse and lets the
// code in.
func TestLeaseLapseIsAdvice(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*time.Minute)
	t.Cleanup(cancel)
	s, event, gate := venue(ctx, t)
	kim, tickets := visitor(ctx, t, s, event, "kim@example.org", "A-1", "A-2")
	first := show(ctx, t, kim, tickets[0])
	keep(ctx, t, first)
	shows(ctx, t, gate, now(first), "admit ok") // the gate has the tickets
	gate.Cable.Pull()
	b := show(ctx, t, kim, tickets[1])
	if err := b.Hide(ctx); err != nil {
		t.Fatal(err)
	}
	shows(ctx, t, gate, now(b), "admit ok")
}

// Who has entered fetches what the gate signed, which anybody can verify with the
// device's certificate, and nobody can alter.
func TestReceipt(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*time.Minute)
	t.Cleanup(cancel)
	s, event, gate := venue(ctx, t)
	kim, tickets := visitor(ctx, t, s, event, "kim@example.org", "A-1")
	lee, _ := visitor(ctx, t, s, event, "lee@example.org")
	path := "/v1/wallet/tickets/" + tickets[0].ID.String() + "/receipt"
	refused(t, "a receipt before the entry", kim.Call(ctx, "GET", path, nil, nil), "no_receipt")
	code := show(ctx, t, kim, tickets[0])
	shows(ctx, t, gate, now(code), "admit ok")

	var got map[string]any
	for got == nil {
		var r *stage.Refusal
		if err := kim.Call(ctx, "GET", path, nil, &got); err != nil && (!errors.As(err, &r) || r.Code != "no_receipt") {
			t.Fatal(err)
		}
	}
	refused(t, "somebody else's receipt", lee.Call(ctx, "GET", path, nil, nil), "no_receipt")
	if got["gate"] != "north" || got["lane"] != "north-1" {
		t.Errorf("receipt %v", got)
	}

	verify := func(receipt map[string]any) (string, error) {
		raw, err := json.Marshal(receipt)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "receipt.json")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := stage.Run(ctx, filepath.Join(s.Bin, "central"), "receipt", "--config", filepath.Join(s.Dir, "central", "central.toml"), file)
		return string(out), err
	}
	out, err := verify(got)
	if err != nil || !strings.Contains(out, "ticket "+tickets[0].ID.String()+" of event "+event.String()+" entered at north, lane north-1") {
		t.Errorf("central receipt: %s, %v", out, err)
	}
	text, ok := got["receipt"].(string)
	if !ok {
		t.Fatal(got)
	}
	for _, at := range []int{len(text) / 3, len(text) - 10} {
		flipped := []byte(text)
		if flipped[at]++; flipped[at] == '[' || flipped[at] == '{' || flipped[at] == ':' {
			flipped[at] = 'A'
		}
		got["receipt"] = string(flipped)
		if out, err := verify(got); err == nil {
			t.Errorf("an altered receipt was taken: %s", out)
		}
	}
}
