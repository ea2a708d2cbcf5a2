package queue_test

import (
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/central/work"
)

// Ten thousand accounts that pay nothing get no place; those that pay get one each
// at the end; whoever was in line keeps their place, number and turn, and pays
// nothing for asking or for entering again.
func TestBotsPay(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Rate = 600 })
	all := h.crowd(0, 50)
	h.room(func(s *queue.Settings) { s.WorkBits = 6 })
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for worker := range 4 {
		wg.Go(func() {
			for i := worker; i < 10_000; i += 4 {
				bot := h.person(100_000 + i)
				if err := bot.tryEnter("", ""); err == nil {
					t.Errorf("bot %d got number %d for nothing", i, bot.Number)
				}
				if i%100 != 0 { // few pay
					continue
				}
				proof, err := work.Solve(t.Context(), queue.WorkPurpose(event), bot.account, 6, h.now())
				if err == nil {
					err = bot.tryEnter("", proof)
				}
				if err != nil || bot.Number <= 50 {
					t.Errorf("bot %d that paid: number %d, %v", i, bot.Number, err)
				}
				mu.Lock()
				taken++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if i, err := h.q.Info(event); err != nil || taken != 100 || i.Counts.Numbers != 150 {
		t.Errorf("%d bots paid, %d numbers are given out, %v", taken, i.Counts.Numbers, err)
	}
	for i, p := range all {
		if p.enter(); int(p.Number) != i+1 {
			t.Fatalf("person %d entered again as %d", i, p.Number)
		}
	}
	wantErr(t, "without token or work", h.person(3).tryEnter("", ""), queue.ErrWork)
	h.pass(8*time.Second, 250*time.Millisecond, all...)
	for _, p := range all {
		p.want(queue.Admitted, "")
	}
	// Leaving and entering anew is paid for like the first time.
	if err := h.q.Leave(t.Context(), event, all[9].Token.String()); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "entering anew for nothing", all[9].tryEnter(all[9].Token.String(), ""), queue.ErrWork)
}
