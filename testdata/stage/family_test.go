package stage_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/con-ting/conting/testdata/stage"
)

// family is two visitors whom a registrar calls parent and child.
func family(ctx context.Context, t *testing.T, s *stage.Stage) (r *stage.Registrar, mina, jun *stage.Person) {
	t.Helper()
	r, err := s.OpenRegistrar(ctx, "Family")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who   **stage.Person
		email string
	}{{&mina, "mina@example.org"}, {&jun, "jun@example.org"}} {
		if *c.who, err = s.SignUp(ctx, c.email); err != nil {
			t.Fatal(err)
		}
		if err := (*c.who).EnrolDID(ctx); err != nil {
			t.Fatal(err)
		}
	}
	jwt, err := r.Family(ctx, mina.DID, jun.DID, "parent")
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "a credential about another", jun.ShowCredential(ctx, jwt), "credential_subject")
	if err := mina.ShowCredential(ctx, jwt); err != nil {
		t.Fatal(err)
	}
	return r, mina, jun
}

// A ticket goes to a relative: at the gate the giver's code is refused from then
// on, also one that was made before, and the receiver's opens it. A gate that is cut
// off does so when it hears.
func TestFamilyTransfer(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*time.Minute)
	t.Cleanup(cancel)
	s, event, gate := venue(ctx, t)
	_, mina, jun := family(ctx, t, s)
	var first, second *stage.Bought
	for _, c := range []struct {
		b    **stage.Bought
		seat string
	}{{&first, "A-1"}, {&second, "A-2"}} {
		var err error
		if *c.b, err = mina.Buy(ctx, event, stage.Seat{Zone: 1, Class: 1, Seat: c.seat}); err != nil {
			t.Fatal(err)
		}
	}
	now := func(b *stage.Bought) func() (string, error) {
		return func() (string, error) { return b.Text(time.Now()) }
	}
	var deltas []time.Duration
	for range 5 { // there and back, and there
		giver, receiver := mina, jun
		if len(deltas)%2 == 1 {
			giver, receiver = jun, mina
		}
		tr, err := giver.Give(ctx, first.ID, uint32(len(deltas)+1), receiver)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := receiver.AcceptProof(ctx, tr)
		if err != nil {
			t.Fatal(err)
		}
		known := gate.Feed.Last(func(e stage.Event) bool { return e.Event == "state" }).Delta
		began := time.Now()
		accept := func() error {
			return receiver.Call(ctx, "POST", "/v1/wallet/transfers/"+tr.ID+"/accept", proof, nil)
		}
		if err := accept(); err != nil {
			t.Fatal(err)
		}
		if _, err := gate.Feed.Await(ctx, 0, func(e stage.Event) bool { return e.Event == "state" && e.Delta > known }); err != nil {
			t.Fatal(err)
		}
		deltas = append(deltas, time.Since(began))
		refused(t, "the same acceptance again", accept(), "transfer_closed")
	}
	slices.Sort(deltas)
	t.Logf("from acceptance to the gate: median %s, most %s", deltas[len(deltas)/2], deltas[len(deltas)-1])
	shows(ctx, t, gate, now(first), "refuse transferred")
	shows(ctx, t, gate, now(first.As(jun)), "admit ok")

	for { // central hears of the entrance a moment later
		_, err := jun.Give(ctx, first.ID, 6, mina)
		if err == nil && ctx.Err() == nil {
			continue
		}
		refused(t, "giving what was used", err, "ticket_used")
		break
	}

	// The gate is cut off while the other ticket moves.
	signed := time.Now() // before the transfer, for two minutes
	session, err := second.Wallet.Rotating(second.ID, signed)
	if err != nil {
		t.Fatal(err)
	}
	before := func() (string, error) {
		if time.Since(signed) > 100*time.Second { // on a slow machine: signed anew, by the same key
			return second.Text(time.Now())
		}
		return session.Text(time.Now(), nil)
	}
	mark := gate.Feed.Mark()
	gate.Cable.Pull()
	if _, err := gate.Feed.Await(ctx, mark, func(e stage.Event) bool { return e.Event == "state" && !e.Connected }); err != nil {
		t.Fatal(err)
	}
	tr, err := mina.Give(ctx, second.ID, 1, jun)
	if err != nil {
		t.Fatal(err)
	}
	if err := jun.Accept(ctx, tr); err != nil {
		t.Fatal(err)
	}
	shows(ctx, t, gate, now(second.As(jun)), "refuse bad_signature") // by a key that the gate has not heard of
	gate.Cable.Plug()
	shows(ctx, t, gate, now(second.As(jun)), "admit ok")
	shows(ctx, t, gate, before, "refuse transferred")
	_, err = mina.Give(ctx, second.ID, 1, jun)
	refused(t, "giving what is gone", err, "unknown_ticket")
}
