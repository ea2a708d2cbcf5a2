package sale_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/ticket"
)

func TestBuy(t *testing.T) {
	h := start(t)
	r := h.seat("")
	r.Items = []sale.Want{{Zone: floor, Class: vip, Seat: "E-1", Accessible: true}}
	held, secret, err := h.Hold(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if held.State != sale.Held || held.Amount != 165000 || held.Currency != "KRW" || held.Expires.Sub(h.clock.Now()) != sale.DefaultHold {
		t.Errorf("Hold = %+v, want 165000 KRW for 5 minutes", held)
	}
	if a := h.counts(floor); a.Held != 1 || a.Sold != 0 || a.Free() != 103 {
		t.Errorf("after the hold: %+v, want 1 held, 103 free", a)
	}
	paid, err := h.Pay(t.Context(), held.ID, secret, "sandbox", pay.TokenOK)
	if err != nil || paid.State != sale.Paid || len(paid.Tickets) != 1 {
		t.Fatalf("Pay = %+v, %v; want one ticket", paid, err)
	}
	got := paid.Tickets[0]
	want := ticket.Ticket{ID: got.Ticket.ID, Event: event, Zone: floor, Class: vip, Seat: "E-1", Version: 1, Holder: holder(1), Flags: ticket.FlagAccessible}
	if fmt.Sprint(got.Ticket) != fmt.Sprint(want) || got.Status != ticket.StatusValid || len(got.Signed) == 0 {
		t.Errorf("ticket = %+v, want %+v", got, want)
	}
	again, err := h.Pay(t.Context(), held.ID, secret, "sandbox", pay.TokenOK)
	if err != nil || len(again.Tickets) != 1 || again.Tickets[0].Ticket.ID != got.Ticket.ID {
		t.Errorf("paying again = %+v, %v; want the same ticket", again, err)
	}
	cs := h.changes()
	if len(cs) != 1 || cs[0].Kind != sale.TicketNew || fmt.Sprint(*cs[0].Ticket) != fmt.Sprint(want) || h.changed.Load() != 1 {
		t.Errorf("outbox = %+v (told %d times), want the ticket once", cs, h.changed.Load())
	}
	h.audit()
}

func TestSecretIsNotStored(t *testing.T) {
	h := start(t)
	o, secret := h.buy("A-1", pay.TokenOK)
	if _, err := h.Order(t.Context(), o.ID, secret); err != nil {
		t.Errorf("Order with the secret: %v", err)
	}
	for _, c := range []struct{ id, secret string }{
		{o.ID, ""}, {o.ID, secret + "x"}, {o.ID, secret[1:]}, {o.ID, fmt.Sprintf("%x", o.SecretHash)}, {"00", secret}, {"", ""},
	} {
		if got, err := h.Order(t.Context(), c.id, c.secret); !errors.Is(err, sale.ErrUnknownOrder) {
			t.Errorf("Order(%q, %q) = %+v, %v; want ErrUnknownOrder", c.id, c.secret, got, err)
		}
		if _, err := h.Pay(t.Context(), c.id, c.secret, "sandbox", pay.TokenOK); !errors.Is(err, sale.ErrUnknownOrder) {
			t.Errorf("Pay(%q, %q): %v; want ErrUnknownOrder", c.id, c.secret, err)
		}
	}
	b := storetest.Contents(t, h.path)
	if bytes.Contains(b, []byte(secret)) {
		t.Error("the database contains the order's secret")
	}
	if !bytes.Contains(b, []byte(o.ID)) {
		t.Error("the search would not have found the secret: it does not find the order either")
	}
}

func TestHoldRefuses(t *testing.T) {
	h := start(t)
	h.hold("A-1")
	used := h.prove(holder(1))
	r := h.seat("A-2")
	r.Holder = used
	if _, _, err := h.Hold(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	forged := h.prove(holder(1))
	forged.Challenge = bytes.Clone(forged.Challenge)
	forged.Challenge[0] ^= 1
	stale := h.prove(holder(1))
	later := h.prove(holder(1))
	later.Challenge = bytes.Clone(later.Challenge)
	later.Challenge[12]++ // would live longer
	h.clock.Advance(sale.ChallengeLifetime + time.Second)
	h.hold("A-1") // its hold has run out
	other := h.prove(holder(1))
	other.Key = holder(2)
	for name, c := range map[string]struct {
		change func(*sale.HoldRequest)
		want   error
	}{
		"unknown event":       {func(r *sale.HoldRequest) { r.Event = 7 }, sale.ErrUnknownEvent},
		"unknown zone":        {func(r *sale.HoldRequest) { r.Zone = 9 }, sale.ErrNotSold},
		"unknown class":       {func(r *sale.HoldRequest) { r.Class = 99 }, sale.ErrNotSold},
		"class of other zone": {func(r *sale.HoldRequest) { r.Class = stand }, sale.ErrNotSold},
		"unknown seat":        {func(r *sale.HoldRequest) { r.Seat = "A-99" }, sale.ErrUnknownSeat},
		"seat by injection":   {func(r *sale.HoldRequest) { r.Seat = "' OR 1=1 --" }, sale.ErrUnknownSeat},
		"seat of held place":  {func(r *sale.HoldRequest) { r.Seat = "A-1" }, sale.ErrSeatTaken},
		"seat where one stands": {func(r *sale.HoldRequest) {
			r.Zone, r.Class, r.Seat = standing, stand, "A-1"
		}, sale.ErrUnknownSeat},
		"paper in a key class":  {func(r *sale.HoldRequest) { r.Holder, r.Paper = nil, true }, sale.ErrPaper},
		"neither key nor paper": {func(r *sale.HoldRequest) { r.Holder = nil }, sale.ErrHolder},
		"both key and paper":    {func(r *sale.HoldRequest) { r.Class, r.Paper = paper, true }, sale.ErrHolder},
		"no challenge":          {func(r *sale.HoldRequest) { r.Holder.Challenge = nil }, sale.ErrChallenge},
		"forged challenge":      {func(r *sale.HoldRequest) { r.Holder = forged }, sale.ErrChallenge},
		"prolonged challenge":   {func(r *sale.HoldRequest) { r.Holder = later }, sale.ErrChallenge},
		"stale challenge":       {func(r *sale.HoldRequest) { r.Holder = stale }, sale.ErrChallenge},
		"another's signature":   {func(r *sale.HoldRequest) { r.Holder = other }, sale.ErrPossession},
	} {
		r := h.seat("B-1")
		c.change(&r)
		if o, _, err := h.Hold(t.Context(), r); !errors.Is(err, c.want) {
			t.Errorf("%s: Hold(%+v) = %+v, %v; want %v", name, r, o, err, c.want)
		}
	}
	if a := h.counts(floor); a.Held != 1 {
		t.Errorf("%d places held after refusals, want 1", a.Held)
	}
	h.clock.Advance(365 * 24 * time.Hour)
	if _, _, err := h.Hold(t.Context(), h.seat("B-1")); !errors.Is(err, sale.ErrSaleClosed) {
		t.Errorf("Hold after the show: %v, want ErrSaleClosed", err)
	}
}

func TestChallengeWorksOnce(t *testing.T) {
	h := start(t)
	proof := h.prove(holder(1))
	var won, refused int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			r := h.seat(fmt.Sprintf("A-%d", i+1))
			r.Holder = proof
			_, _, err := h.Hold(t.Context(), r)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case errors.Is(err, sale.ErrChallenge):
				refused++
			default:
				t.Errorf("Hold: %v", err)
			}
		})
	}
	wg.Wait()
	if won != 1 || refused != 15 || h.counts(floor).Held != 1 {
		t.Errorf("one proof held %d places and was refused %d times, %d are held; want 1, 15, 1", won, refused, h.counts(floor).Held)
	}
}

func TestPaper(t *testing.T) {
	h := start(t)
	o, secret, err := h.Hold(t.Context(), sale.HoldRequest{Event: event, Zone: standing, Class: paper, Paper: true})
	if err != nil {
		t.Fatal(err)
	}
	paid, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK)
	if err != nil || len(paid.Tickets) != 1 || !paid.Tickets[0].Ticket.Paper() || paid.Tickets[0].Ticket.Seat != "" {
		t.Errorf("Pay = %+v, %v; want a paper ticket without a seat", paid, err)
	}
	h.audit()
}

// 64 buyers fight for 8 seats and 40 for the last standing places, all at once.
func TestNeverSoldTwice(t *testing.T) {
	h := start(t)
	const buyers, seats = 64, 8
	var wg sync.WaitGroup
	var mu sync.Mutex
	owners := map[string]string{}
	for i := range buyers {
		wg.Go(func() {
			label := fmt.Sprintf("C-%d", i%seats+1)
			o, secret, err := h.Hold(t.Context(), h.seat(label))
			if errors.Is(err, sale.ErrSeatTaken) {
				return
			}
			if err != nil {
				t.Errorf("Hold(%s): %v", label, err)
				return
			}
			if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK); err != nil {
				t.Errorf("Pay(%s): %v", label, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if owners[label] != "" {
				t.Errorf("seat %s went to %s and %s", label, owners[label], o.ID)
			}
			owners[label] = o.ID
		})
	}
	wg.Wait()
	if len(owners) != seats || h.counts(floor).Sold != seats {
		t.Errorf("%d owners, %d sold; want %d", len(owners), h.counts(floor).Sold, seats)
	}
	h.audit()
}

func TestStandingSellsOut(t *testing.T) {
	h := start(t)
	const places = 200
	var wg sync.WaitGroup
	var mu sync.Mutex
	numbers := map[int32]bool{}
	out := 0
	for range 8 {
		wg.Go(func() {
			for range 30 {
				o, _, err := h.Hold(t.Context(), sale.HoldRequest{Event: event, Zone: standing, Class: paper, Paper: true})
				mu.Lock()
				switch {
				case err == nil && !numbers[o.Items[0].Place]:
					numbers[o.Items[0].Place] = true
				case errors.Is(err, sale.ErrSoldOut):
					out++
				default:
					t.Errorf("Hold = %+v, %v", o.Items, err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(numbers) != places || out != 40 {
		t.Errorf("%d places held, %d refused; want %d and 40", len(numbers), out, places)
	}
	h.clock.Advance(sale.DefaultHold)
	if a := h.counts(standing); a.Held != 0 || a.Free() != places {
		t.Errorf("after the holds ran out: %+v, want all free", a)
	}
}

func TestDoubleClickPaysOnce(t *testing.T) {
	h := start(t)
	o, secret := h.hold("A-1")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			_, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK)
			if err != nil && !errors.Is(err, sale.ErrPaymentPending) {
				t.Errorf("Pay: %v, want nil or ErrPaymentPending", err)
			}
		})
	}
	wg.Wait()
	if taken, _ := h.sandbox.Moved(); taken != 1 {
		t.Errorf("money taken %d times, want once", taken)
	}
	h.audit()
}

// A hold ends while its payment is confirmed, and somebody else wants the seat.
func TestExpiryRacesConfirm(t *testing.T) {
	h := start(t)
	kept, lost := 0, 0
	for i := range 60 {
		label := fmt.Sprintf("%c-%d", 'A'+i/18, i%18+1)
		o, secret := h.hold(label)
		h.clock.Advance(sale.DefaultHold - time.Millisecond)
		rival := h.seat(label)
		charged := make(chan struct{})
		h.wire.confirm = func(p pay.Provider, ctx context.Context, ref string) (pay.Payment, error) {
			close(charged)
			return p.Confirm(ctx, ref, "")
		}
		if i%4 == 0 { // the rival comes before anything is charged
			close(charged)
			h.wire.confirm = nil
		}
		var payErr, holdErr error
		var wg sync.WaitGroup
		wg.Go(func() { _, payErr = h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK) })
		wg.Go(func() {
			<-charged
			for range i * 2000 { // a little later each time
				_ = h.clock.Now()
			}
			h.clock.Advance(time.Millisecond)
			_, _, holdErr = h.Hold(t.Context(), rival)
		})
		wg.Wait()
		switch {
		case payErr == nil && errors.Is(holdErr, sale.ErrSeatTaken):
			kept++
		case holdErr == nil && errors.Is(payErr, sale.ErrHoldExpired): // and nothing was charged
			lost++
		default:
			t.Errorf("seat %s: Pay: %v; Hold by another: %v; want one of them to win", label, payErr, holdErr)
		}
		h.clock.Advance(sale.DefaultHold)
	}
	t.Logf("the payer kept the seat %d times and lost it %d times", kept, lost)
	h.audit()
}

// A provider that takes longer than the hold: the places wait for its answer.
func TestPlacesArePinnedWhilePaid(t *testing.T) {
	h := start(t)
	o, secret := h.hold("A-1")
	h.wire.confirm = func(p pay.Provider, ctx context.Context, reference string) (pay.Payment, error) {
		h.clock.Advance(2 * sale.DefaultHold)
		if _, _, err := h.Hold(ctx, h.seat("A-1")); !errors.Is(err, sale.ErrSeatTaken) {
			t.Errorf("Hold of a place that is being paid: %v, want ErrSeatTaken", err)
		}
		return p.Confirm(ctx, reference, "")
	}
	if got, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK); err != nil || got.State != sale.Paid {
		t.Errorf("Pay = %+v, %v; want paid", got, err)
	}
	h.audit()
}

// Once the payment has failed the hold is what it was, and this one has run out.
func TestPlacesAreFreeOnceAPaymentFailed(t *testing.T) {
	h := start(t)
	o, secret := h.hold("A-1")
	h.wire.confirm = func(p pay.Provider, ctx context.Context, reference string) (pay.Payment, error) {
		h.clock.Advance(sale.DefaultHold)
		return p.Confirm(ctx, reference, "")
	}
	if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenDeclined); !errors.Is(err, pay.ErrDeclined) {
		t.Errorf("Pay: %v, want ErrDeclined", err)
	}
	h.wire.confirm = nil
	if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK); !errors.Is(err, sale.ErrHoldExpired) {
		t.Errorf("paying again: %v, want ErrHoldExpired", err)
	}
	h.buy("A-1", pay.TokenOK)
	h.audit()
}

// A payment was given up, its place went to another, and then the provider charges
// it although it had said that it would not.
func TestPaidTooLateGoesBack(t *testing.T) {
	for _, token := range []string{pay.TokenOK, pay.TokenTimeoutThenOK, pay.TokenRefundTimeout} {
		t.Run(token, func(t *testing.T) {
			h := start(t)
			o, secret := h.hold("A-1")
			h.wire.confirm = func(p pay.Provider, ctx context.Context, reference string) (pay.Payment, error) {
				h.wire.confirm = nil
				h.wire.breakWord()
				h.clock.Advance(max(sale.DefaultHold, sale.GiveUpAfter))
				if n, err := h.Reconcile(ctx); n != 1 || err != nil {
					t.Errorf("Reconcile = %d, %v; want 1", n, err)
				}
				h.buy("A-1", pay.TokenOK) //nolint:contextcheck // another buyer
				return p.Confirm(ctx, reference, "")
			}
			if got, err := h.Pay(t.Context(), o.ID, secret, "sandbox", token); !errors.Is(err, sale.ErrPaidTooLate) {
				t.Fatalf("Pay = %+v, %v; want ErrPaidTooLate", got, err)
			}
			if token == pay.TokenRefundTimeout {
				if _, returned := h.sandbox.Moved(); returned != 0 {
					t.Fatal("the first refund should have failed")
				}
				h.clock.Advance(time.Minute)
				if n, err := h.Reconcile(t.Context()); n != 1 || err != nil {
					t.Errorf("Reconcile = %d, %v; want 1", n, err)
				}
			}
			if taken, returned := h.sandbox.Moved(); taken != 2 || returned != 1 {
				t.Errorf("money taken %d times, returned %d times; want 2 and 1", taken, returned)
			}
			if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", token); !errors.Is(err, sale.ErrHoldExpired) {
				t.Errorf("paying again: %v, want ErrHoldExpired", err)
			}
			h.audit()
		})
	}
}

func TestExpiredHoldIsNotCharged(t *testing.T) {
	h := start(t)
	o, secret := h.hold("A-1")
	h.clock.Advance(sale.DefaultHold)
	if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK); !errors.Is(err, sale.ErrHoldExpired) {
		t.Errorf("Pay at the very end of the hold: %v, want ErrHoldExpired", err)
	}
	if taken, _ := h.sandbox.Moved(); taken != 0 {
		t.Errorf("money taken %d times, want 0", taken)
	}
}

func TestDeclinedCanBePaidOtherwise(t *testing.T) {
	h := start(t)
	o, secret := h.hold("A-1")
	for _, c := range []struct {
		provider, token string
		want            error
	}{
		{"sandbox", pay.TokenDeclined, pay.ErrDeclined},
		{"sandbox", "visa", pay.ErrBadToken},
		{"stripe", pay.TokenOK, sale.ErrUnknownProvider},
		{"sandbox", pay.TokenOK, nil},
	} {
		if _, err := h.Pay(t.Context(), o.ID, secret, c.provider, c.token); !errors.Is(err, c.want) {
			t.Errorf("Pay(%s, %s): %v, want %v", c.provider, c.token, err, c.want)
		}
	}
	h.audit()
}

func TestLostAnswers(t *testing.T) {
	lose := errors.New("connection reset")
	lostGet := func(pay.Provider, context.Context, string) (pay.Payment, error) { return pay.Payment{}, lose }
	for name, c := range map[string]struct {
		confirm func(p pay.Provider, ctx context.Context, ref string) (pay.Payment, error)
		wait    time.Duration
		want    sale.State
	}{
		"charged, known in time": {func(p pay.Provider, ctx context.Context, ref string) (pay.Payment, error) {
			_, err := p.Confirm(ctx, ref, "")
			return pay.Payment{}, errors.Join(err, lose)
		}, time.Minute, sale.Paid},
		"charged, known after the hold": {func(p pay.Provider, ctx context.Context, ref string) (pay.Payment, error) {
			_, err := p.Confirm(ctx, ref, "")
			return pay.Payment{}, errors.Join(err, lose)
		}, time.Hour, sale.Paid},
		"never arrived, confirmed again": {lostGet, time.Minute, sale.Paid},
		"never arrived, given up":        {lostGet, time.Hour, sale.Held},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			o, secret := h.hold("A-1")
			h.wire.confirm, h.wire.get = c.confirm, lostGet
			if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK); !errors.Is(err, sale.ErrPaymentPending) {
				t.Fatalf("Pay: %v, want ErrPaymentPending", err)
			}
			h.wire.confirm, h.wire.get = nil, nil
			if n, err := h.Reconcile(t.Context()); n != 0 || err != nil {
				t.Errorf("Reconcile at once = %d, %v; want to leave a fresh payment alone", n, err)
			}
			h.clock.Advance(c.wait)
			if n, err := h.Reconcile(t.Context()); n != 1 || err != nil {
				t.Errorf("Reconcile = %d, %v; want 1", n, err)
			}
			if got, err := h.Order(t.Context(), o.ID, secret); err != nil || got.State != c.want {
				t.Errorf("Order = %s, %v; want %s", got.State, err, c.want)
			}
			h.clock.Advance(time.Minute)
			if n, err := h.Reconcile(t.Context()); n != 0 || err != nil {
				t.Errorf("Reconcile again = %d, %v; want nothing left", n, err)
			}
			h.audit()
		})
	}
}

// A charge that arrives although the provider had given the payment up goes back,
// even though the order lives on and is paid otherwise.
func TestChargeAfterGivingUp(t *testing.T) {
	h := start(t)
	o, secret := h.hold("A-1")
	h.wire.confirm = func(p pay.Provider, ctx context.Context, ref string) (pay.Payment, error) {
		h.clock.Advance(time.Minute)
		h.wire.breakWord()
		h.wire.get = func(p pay.Provider, ctx context.Context, ref string) (pay.Payment, error) {
			told, err := p.Get(ctx, ref)
			told.State = pay.Begun
			return told, err
		}
		if n, err := h.Reconcile(ctx); n != 1 || err != nil {
			t.Errorf("Reconcile = %d, %v; want 1", n, err)
		}
		h.wire.confirm, h.wire.get = nil, nil
		if _, err := h.Pay(ctx, o.ID, secret, "sandbox", pay.TokenOK); err != nil {
			t.Errorf("paying otherwise: %v", err)
		}
		return p.Confirm(ctx, ref, "")
	}
	if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK); !errors.Is(err, sale.ErrPaidTooLate) {
		t.Errorf("the slow payment: %v, want ErrPaidTooLate", err)
	}
	if taken, returned := h.sandbox.Moved(); taken != 2 || returned != 1 {
		t.Errorf("money taken %d times, returned %d times; want 2 and 1", taken, returned)
	}
	h.audit()
}

// The buyer's phone loses its signal while the money is taken.
func TestBuyerGoesAway(t *testing.T) {
	h := start(t)
	o, secret := h.hold("A-1")
	ctx, cancel := context.WithCancel(t.Context())
	h.wire.confirm = func(p pay.Provider, ctx context.Context, ref string) (pay.Payment, error) {
		done, err := p.Confirm(ctx, ref, "")
		cancel()
		return done, err
	}
	if _, err := h.Pay(ctx, o.ID, secret, "sandbox", pay.TokenOK); err != nil {
		t.Errorf("Pay: %v", err)
	}
	if got, err := h.Order(t.Context(), o.ID, secret); err != nil || got.State != sale.Paid {
		t.Errorf("Order = %s, %v; want paid", got.State, err)
	}
	h.audit()
}

func TestWrongAmountIsNotBooked(t *testing.T) {
	h := start(t)
	o, secret := h.hold("A-1")
	h.wire.confirm = func(p pay.Provider, ctx context.Context, ref string) (pay.Payment, error) {
		done, err := p.Confirm(ctx, ref, "")
		done.Amount = 1
		return done, err
	}
	if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK); !errors.Is(err, sale.ErrPaymentPending) {
		t.Errorf("Pay with another amount: %v, want ErrPaymentPending", err)
	}
	if len(h.changes()) != 0 {
		t.Errorf("a ticket was issued for a wrong amount: %+v", h.changes())
	}
}

func TestRefund(t *testing.T) {
	for _, token := range []string{pay.TokenOK, pay.TokenRefundTimeout} {
		t.Run(token, func(t *testing.T) {
			h := start(t)
			o, secret := h.buy("A-1", token)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					if got, err := h.Refund(t.Context(), o.ID); err != nil || got.State != sale.Refunded {
						t.Errorf("Refund = %s, %v; want refunded", got.State, err)
					}
				})
			}
			wg.Wait()
			cs := h.changes()
			if len(cs) != 2 || cs[1].Kind != sale.TicketStatus || cs[1].ID != o.Tickets[0].Ticket.ID || cs[1].Status != ticket.StatusRefunded || cs[1].Event != event {
				t.Errorf("outbox = %+v, want the ticket and then its refund", cs)
			}
			h.clock.Advance(time.Minute)
			n, err := h.Reconcile(t.Context())
			if want := map[string]int{pay.TokenOK: 0, pay.TokenRefundTimeout: 1}[token]; n != want || err != nil {
				t.Errorf("Reconcile = %d, %v; want %d", n, err, want)
			}
			got, err := h.Order(t.Context(), o.ID, secret)
			if err != nil || got.State != sale.Refunded || !got.Returned || got.Tickets[0].Status != ticket.StatusRefunded {
				t.Errorf("Order = %+v, %v; want refunded, money back", got, err)
			}
			if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK); !errors.Is(err, sale.ErrOrderRefunded) {
				t.Errorf("paying a refunded order: %v, want ErrOrderRefunded", err)
			}
			h.audit()
			h.buy("A-1", pay.TokenOK)
			h.audit()
			if again, err := h.Refund(t.Context(), o.ID); err != nil || again.State != sale.Refunded || h.counts(floor).Sold != 1 {
				t.Errorf("refunding the old order again = %s, %v, %d sold; the seat's new owner must keep it", again.State, err, h.counts(floor).Sold)
			}
		})
	}
}

func TestRefundRefuses(t *testing.T) {
	h := start(t)
	o, _ := h.hold("A-1")
	if _, err := h.Refund(t.Context(), o.ID); !errors.Is(err, sale.ErrNotPaid) {
		t.Errorf("Refund of a held order: %v, want ErrNotPaid", err)
	}
	if _, err := h.Refund(t.Context(), "00"); !errors.Is(err, sale.ErrUnknownOrder) {
		t.Errorf("Refund of nothing: %v, want ErrUnknownOrder", err)
	}
}
