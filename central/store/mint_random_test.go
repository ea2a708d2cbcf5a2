package store_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/ticket"
)

func TestMintKeepsItsPromises(t *testing.T) { storetest.Each(t, testMintKeepsItsPromises) }

// Whatever is wished and worked at, in whatever order and by whomever: what is burned
// or free stays so, no token has two open actions, and lists and counts are of what
// there is.
func testMintKeepsItsPromises(t *testing.T) {
	const tokens, steps, seed = 8, 600, 7
	s, c := onSale(t)
	m := s.Mint()
	r := rand.New(rand.NewPCG(seed, seed)) // #nosec G404 -- repeatable
	ended := make(map[ticket.ID]mint.Form)
	var held []mint.Action // by workers, perhaps long out of date
	for step := range steps {
		c.advance(time.Second)
		id := tid(r.IntN(tokens) + 1)
		k, err := m.Token(t.Context(), id)
		known := err == nil
		switch r.IntN(8) {
		case 0, 1:
			d := mint.Desire{Ticket: id, Event: 1001, Account: "kim", Form: []mint.Form{mint.None, mint.Held, mint.Held, mint.Free, mint.Burned}[r.IntN(5)]}
			if d.Form == mint.Held || d.Form == mint.Free {
				d.Owner = []string{"a", "b"}[r.IntN(2)]
			}
			if r.IntN(3) > 0 && d.Form == mint.Burned {
				d.Form = mint.None // else all are burned soon
			}
			must(t, m.Wish(t.Context(), []mint.Desire{d}, addressOf))
		case 2, 3:
			if known {
				a := mint.Action{Ticket: id, From: k.Owner, To: k.WantOwner, Form: mint.Held}
				switch a.Kind = []mint.Kind{mint.Mint, mint.Mint, mint.Move, mint.Release, mint.Burn, mint.Send}[r.IntN(6)]; a.Kind { //nolint:exhaustive // those listed
				case mint.Mint:
					a.From = ""
				case mint.Release, mint.Send:
					a.Form = mint.Free
				case mint.Burn:
					a.Form, a.To = mint.Burned, ""
				}
				got, err := m.Begin(t.Context(), []mint.Action{a})
				must(t, err)
				if len(got) == 1 && (k.Is == mint.Burned || a.Kind == mint.Mint && (k.Is != mint.None || k.Want == mint.Burned)) {
					t.Fatalf("step %d: began %s of %+v", step, a.Kind, k)
				}
				held = append(held, got...)
			}
		case 4, 5, 6:
			if len(held) > 0 {
				i := r.IntN(len(held))
				a := held[i]
				a.State = []mint.State{mint.Prepared, mint.Sent, mint.Confirmed, mint.Finalized, mint.Finalized, mint.Failed, mint.Dropped, mint.Wanted}[r.IntN(8)]
				if a.State == mint.Dropped && a.Attempt > 0 {
					a.State = mint.Finalized
				}
				if a.State == mint.Prepared {
					a.Attempt++
				}
				got, err := m.Save(t.Context(), []mint.Action{a})
				must(t, err)
				switch {
				case got[0].ID == 0 && r.IntN(2) == 0:
					held = slices.Delete(held, i, i+1)
				case got[0].ID != 0 && r.IntN(3) > 0: // else it stays as it was
					held[i] = got[0]
				}
			}
		case 7:
			_, err := m.Retry(t.Context(), id, r.IntN(2) == 0)
			must(t, err)
		}
		if step%10 == 9 {
			keptPromises(t, m, ended)
		}
		if t.Failed() {
			t.Fatalf("after step %d", step)
		}
	}
	if len(ended) < tokens/2 {
		t.Errorf("only %d tokens came to an end", len(ended))
	}
}

func keptPromises(t *testing.T, m mint.Store, ended map[ticket.ID]mint.Form) {
	t.Helper()
	all, err := m.TokensAfter(t.Context(), ticket.ID{}, 100)
	must(t, err)
	want := mint.Tally{Forms: make(map[mint.Form]int64), Actions: make(map[mint.State]int64)}
	idle := make(map[ticket.ID]bool)
	for _, k := range all {
		if was, ok := ended[k.Ticket]; ok && k.Is != was || k.Is == mint.Burned && k.Want != mint.Burned {
			t.Errorf("token was %s for good and is %+v", was, k)
		}
		if k.Is == mint.Free || k.Is == mint.Burned {
			if ended[k.Ticket] = k.Is; k.Is == mint.Burned && k.Owner != "" {
				t.Errorf("a burned token has an owner: %+v", k)
			}
		}
		history, err := m.History(t.Context(), k.Ticket, 1000)
		must(t, err)
		open := 0
		for _, a := range history {
			want.Actions[a.State]++
			if a.State.Open() {
				open++
			} else if a.Wire != nil {
				t.Errorf("a closed action keeps its transaction: %+v", a)
			}
		}
		if open > 1 || open == 1 && k.Stuck != "" {
			t.Errorf("%d open actions of %+v: %+v", open, k, history)
		}
		if want.Forms[k.Is]++; k.Stuck != "" {
			want.Stuck++
		} else if !k.Settled() || open > 0 {
			want.Unsettled++
			idle[k.Ticket] = open == 0
		}
	}
	unsettled, err := m.Unsettled(t.Context(), 100)
	must(t, err)
	for _, k := range unsettled {
		if !idle[k.Ticket] {
			t.Errorf("listed as unsettled: %+v", k)
		}
		delete(idle, k.Ticket)
	}
	for id, is := range idle {
		if is {
			t.Errorf("token %s is not listed as unsettled", id)
		}
	}
	got, err := m.Tally(t.Context())
	must(t, err)
	if got.Unsettled != want.Unsettled || got.Stuck != want.Stuck {
		t.Errorf("tally is %+v, want %+v", got, want)
	}
	for form, n := range want.Forms {
		if got.Forms[form] != n {
			t.Errorf("%d tokens are %q, want %d", got.Forms[form], form, n)
		}
	}
	for state, n := range want.Actions {
		if got.Actions[state] != n {
			t.Errorf("%d actions are %s, want %d", got.Actions[state], state, n)
		}
	}
}
