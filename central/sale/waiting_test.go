package sale_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
)

// back is standing room for three in the hall.
const back = 2

// room asks for n places in the hall's back, on paper, for an account.
func room(owner string, n int) sale.HoldRequest {
	return sale.HoldRequest{Event: show, Owner: owner, Items: wants(n, sale.Want{Zone: back, Class: 1, Paper: true})}
}

// pays holds what is asked for and pays it.
func (h *harness) pays(r sale.HoldRequest) (sale.Order, error) {
	h.t.Helper()
	o, secret, err := h.Hold(h.t.Context(), r)
	if err != nil {
		return sale.Order{}, err
	}
	return h.Pay(h.t.Context(), o.ID, secret, "sandbox", pay.TokenOK)
}

func (h *harness) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) waits(account string, n int) {
	h.t.Helper()
	_, err := h.WaitFor(h.t.Context(), sale.Wait{Event: show, Zone: back, Class: 1, Account: account, Places: n})
	h.must(err)
}

// open is the account's one open offer.
func (h *harness) open(account string) *sale.Offer {
	h.t.Helper()
	all, err := h.Offered(h.t.Context(), account)
	h.must(err)
	for i := range all {
		if all[i].State == sale.OfferOpen {
			return &all[i]
		}
	}
	return nil
}

// told lists whom the outbox says that places were offered, in order.
func (h *harness) told(kind outbox.Kind) (out []outbox.Row) {
	h.t.Helper()
	for after := uint64(0); ; {
		rows, through, err := h.store.Outbox().Rows(h.t.Context(), after, []outbox.Kind{kind}, 500)
		h.must(err)
		if out = append(out, rows...); len(rows) == 0 {
			return out
		}
		after = through
	}
}

// Refunds, offers that run out, and holds that run out, while others try to get in
// between all the time: what becomes free is offered to those who wait and to nobody
// else, in the order in which they came.
func TestNobodyIsSniped(t *testing.T) {
	h := start(t)
	h.hall(`{"offer_minutes": 10}`)
	refunds, expiries := 100, 120
	if testing.Short() {
		refunds, expiries = 15, 18
	}
	waiting := refunds + expiries + 10
	var sold []sale.Order
	for range 3 {
		o, err := h.pays(room("first", 1))
		h.must(err)
		sold = append(sold, o)
	}
	for n := range waiting {
		h.waits(fmt.Sprintf("w%04d", n), 1)
	}
	var sniped atomic.Int64
	var wg sync.WaitGroup
	done := make(chan struct{})
	for n := range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				_, _, err := h.Hold(t.Context(), room(fmt.Sprintf("sniper%d", n), 1))
				switch {
				case err == nil:
					sniped.Add(1)
				case !errors.Is(err, sale.ErrSoldOut) && !errors.Is(err, sale.ErrOthersWait):
					t.Errorf("Hold by who does not wait: %v", err)
				}
			}
		})
	}
	pick := rand.New(rand.NewPCG(1, 2))
	next := 0 // whose turn it is
	for refunded, expired := 0, 0; refunded < refunds || expired < expiries; next++ {
		account := fmt.Sprintf("w%04d", next)
		if h.open(account) == nil { // nothing is on its way: somebody gives a place back
			i := pick.IntN(len(sold))
			_, err := h.Refund(t.Context(), sold[i].ID)
			h.must(err)
			sold = slices.Delete(sold, i, i+1)
			refunded++
		}
		o := h.open(account)
		if o == nil {
			t.Fatalf("%s has no offer, after %d refunds and %d expiries", account, refunded, expired)
		}
		r := room(account, 1)
		r.Offer = o.ID
		if expired < expiries && pick.IntN(refunds+expiries) < expiries {
			switch expired++; expired % 3 {
			case 0:
				h.clock.Advance(10 * time.Minute)
			case 1:
				h.must(h.Decline(t.Context(), account, o.ID))
			case 2: // it is accepted, and the hold runs out
				_, _, err := h.Hold(t.Context(), r)
				h.must(err)
				h.clock.Advance(sale.DefaultHold)
			}
			_, err := h.Offers(t.Context())
			h.must(err)
			continue
		}
		p, err := h.pays(r)
		h.must(err)
		sold = append(sold, p)
	}
	close(done)
	wg.Wait()
	if n := sniped.Load(); n != 0 {
		t.Errorf("%d places were sniped", n)
	}
	made := h.told(outbox.OfferMade)
	for i, r := range made {
		if want := fmt.Sprintf("w%04d", i); r.Account != want {
			t.Fatalf("offer %d went to %s, want %s", i, r.Account, want)
		}
	}
	t.Logf("%d offers", len(made))
}

func TestOfferIsAcceptedOnce(t *testing.T) {
	h := start(t)
	h.hall(`{"offer_minutes": 10}`)
	o, err := h.pays(room("first", 3))
	h.must(err)
	h.waits("jun", 2)
	h.waits("eve", 1)
	_, err = h.Refund(t.Context(), o.ID)
	h.must(err)
	offer := h.open("jun")
	if offer == nil || offer.Places != 2 || h.open("eve") == nil {
		t.Fatalf("jun's offer %+v, want two places, and one for eve", offer)
	}
	for name, r := range map[string]sale.HoldRequest{
		"by another":       room("eve", 2),
		"by nobody":        room("", 2),
		"for fewer places": room("jun", 1),
		"for more":         room("jun", 3),
		"in another zone":  {Owner: "jun", Event: show, Items: wants(2, sale.Want{Zone: 1, Class: 1, Paper: true})},
		"with a seat":      {Owner: "jun", Event: show, Items: wants(2, sale.Want{Zone: 1, Class: 1, Paper: true, Seat: "A-1"})},
	} {
		r.Offer = offer.ID
		if _, _, err := h.Hold(t.Context(), r); !errors.Is(err, sale.ErrOfferClosed) {
			t.Errorf("accepted %s: %v, want ErrOfferClosed", name, err)
		}
	}
	var got atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			r := room("jun", 2)
			r.Offer = offer.ID
			switch _, _, err := h.Hold(t.Context(), r); {
			case err == nil:
				got.Add(1)
			case !errors.Is(err, sale.ErrOfferClosed):
				t.Errorf("Hold: %v", err)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 {
		t.Errorf("the offer was accepted %d times", got.Load())
	}
	if err := h.Decline(t.Context(), "jun", offer.ID); !errors.Is(err, sale.ErrOfferClosed) {
		t.Errorf("declined after it was accepted: %v", err)
	}
	late := h.open("eve")
	h.clock.Advance(10 * time.Minute)
	r := room("eve", 1)
	r.Offer = late.ID
	if _, _, err := h.Hold(t.Context(), r); !errors.Is(err, sale.ErrOfferClosed) {
		t.Errorf("accepted when it had run out: %v", err)
	}
	if n, err := h.Offers(t.Context()); n != 1 || err != nil {
		t.Errorf("Offers = %d, %v; want one ended", n, err)
	}
	if _, _, err := h.Hold(t.Context(), room("anybody", 1)); err != nil {
		t.Errorf("Hold when nobody waits: %v", err)
	}
}

// Nobody but the clock gives anything back here.
func TestAttend(t *testing.T) {
	h := start(t)
	h.hall(`{"offer_minutes": 10}`)
	o, _, err := h.Hold(t.Context(), room("slow", 3))
	h.must(err)
	h.waits("jun", 2)
	h.waits("eve", 2)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Attend(ctx) }()
	until := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	h.clock.Advance(sale.DefaultHold)
	until("jun was offered nothing when the hold of "+o.ID+" had run out", func() bool { return h.open("jun") != nil })
	h.clock.Advance(10 * time.Minute)
	until("eve was offered nothing when jun's offer had run out", func() bool { return h.open("eve") != nil })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Attend = %v, want the context's error", err)
	}
}

// Who waits for more than is free is passed over until it is there, and kept for.
func TestWaitingForSeveral(t *testing.T) {
	h := start(t)
	h.hall(`{}`)
	var sold []sale.Order
	for range 3 {
		o, err := h.pays(room("first", 1))
		h.must(err)
		sold = append(sold, o)
	}
	h.waits("pair", 2)
	for i, o := range sold {
		_, err := h.Refund(t.Context(), o.ID)
		h.must(err)
		if (h.open("pair") != nil) != (i > 0) {
			t.Errorf("after %d refunds the offer to the pair is %v", i+1, h.open("pair"))
		}
		if _, _, err := h.Hold(t.Context(), room("anybody", 1)); (err == nil) != (i == 2) {
			t.Errorf("after %d refunds Hold by another: %v", i+1, err)
		}
	}
}

func TestWaitRefuses(t *testing.T) {
	h := start(t)
	h.hall(`{"max_per_person": 2}`)
	wait := func(change func(*sale.Wait)) error {
		w := sale.Wait{Event: show, Zone: back, Class: 1, Account: "jun", Places: 1}
		change(&w)
		_, err := h.WaitFor(t.Context(), w)
		return err
	}
	if err := wait(func(*sale.Wait) {}); !errors.Is(err, sale.ErrPlacesFree) {
		t.Errorf("while places are free: %v", err)
	}
	for _, who := range []string{"a", "b", "jun"} {
		_, err := h.pays(room(who, 1))
		h.must(err)
	}
	for name, c := range map[string]struct {
		change func(*sale.Wait)
		want   error
	}{
		"nobody":           {func(w *sale.Wait) { w.Account = "" }, sale.ErrAccountNeeded},
		"no place":         {func(w *sale.Wait) { w.Places = 0 }, sale.ErrWaitPlaces},
		"five places":      {func(w *sale.Wait) { w.Places = 5 }, sale.ErrWaitPlaces},
		"beyond the limit": {func(w *sale.Wait) { w.Places = 2 }, sale.ErrLimit},
		"unknown zone":     {func(w *sale.Wait) { w.Zone = 9 }, sale.ErrNotSold},
		"unknown class":    {func(w *sale.Wait) { w.Class = 9 }, sale.ErrNotSold},
		"not sold there":   {func(w *sale.Wait) { w.Class = 2 }, sale.ErrNotSold},
		"unknown event":    {func(w *sale.Wait) { w.Event = 8 }, sale.ErrUnknownEvent},
	} {
		if err := wait(c.change); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	h.waits("jun", 1)
	h.waits("eve", 1)
	h.waits("jun", 1)
	all, err := h.Waits(t.Context(), "eve", show)
	if err != nil || len(all) != 1 || all[0].Number != 2 || all[0].Ahead != 1 {
		t.Errorf("eve waits %+v, %v; want second", all, err)
	}
	h.must(h.Leave(t.Context(), "jun", show, 0))
	if err := h.Leave(t.Context(), "jun", show, 0); !errors.Is(err, sale.ErrNotWaiting) {
		t.Errorf("leaving twice: %v", err)
	}
	h.clock.Advance(365 * 24 * time.Hour)
	if err := wait(func(*sale.Wait) {}); !errors.Is(err, sale.ErrSaleClosed) {
		t.Errorf("after the event: %v", err)
	}
}

// Places that are too few for who waits are locked to nobody: who joins the line for
// no more than those has them at once.
func TestPlacesTooFewForWhoWaits(t *testing.T) {
	h := start(t)
	h.hall(`{}`)
	o, err := h.pays(room("first", 2))
	h.must(err)
	_, err = h.pays(room("second", 1))
	h.must(err)
	h.waits("four", 4)
	_, err = h.Refund(t.Context(), o.ID)
	h.must(err)
	if _, _, err := h.Hold(t.Context(), room("passer-by", 1)); !errors.Is(err, sale.ErrOthersWait) {
		t.Errorf("Hold beside the line: %v, want ErrOthersWait", err)
	}
	h.waits("three", 3)
	told := h.changed.Load()
	h.waits("one", 1)
	offer := h.open("one")
	if offer == nil || h.open("four") != nil || h.open("three") != nil || h.changed.Load() == told {
		t.Fatalf("one is offered %+v, four %+v, three %+v", offer, h.open("four"), h.open("three"))
	}
	accept := room("one", 1)
	accept.Offer = offer.ID
	_, err = h.pays(accept)
	h.must(err)
	waits, err := h.Waits(t.Context(), "four", show)
	if err != nil || waits[0].State != sale.WaitWaiting || waits[0].Ahead != 0 {
		t.Errorf("four waits %+v, %v", waits, err)
	}
}

// Seats that are kept for some are not offered to those who wait, and not kept from
// those who need them.
func TestKeptSeatWhileOthersWait(t *testing.T) {
	h := start(t)
	h.hall(`{}`)
	for range 5 {
		_, err := h.pays(sale.HoldRequest{Event: show, Items: wants(3, sale.Want{Zone: 1, Class: 1, Paper: true})})
		h.must(err)
	}
	_, err := h.WaitFor(t.Context(), sale.Wait{Event: show, Zone: 1, Class: 1, Account: "jun", Places: 1})
	h.must(err)
	want := sale.Want{Zone: 1, Class: 1, Paper: true, Accessible: true}
	beside := sale.Want{Zone: 1, Class: 1, Paper: true, Companion: true}
	o, _, err := h.Hold(t.Context(), sale.HoldRequest{Event: show, Items: []sale.Want{want, beside}})
	if err != nil || seats(o) != "B-9 B-8" {
		t.Errorf("Hold = %q, %v; want the two kept seats", seats(o), err)
	}
	if h.open("jun") != nil {
		t.Error("a kept seat was offered to who waits")
	}
}
