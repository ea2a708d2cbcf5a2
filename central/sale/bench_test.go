package sale_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
)

// 64 clients, of whom four at a time want the same seat: hold, pay, ticket. The
// engine is the one that STORES names.
func BenchmarkFight(b *testing.B) {
	const clients, perSeat = 64, 4
	h := start(b)
	seats := b.N
	var rows []string
	for n := range seats/1000 + 1 {
		rows = append(rows, fmt.Sprintf(`{"row":"R%d","first":1,"last":%d}`, n, min(1000, max(1, seats-1000*n))))
	}
	plan := strings.Replace(strings.Replace(hall, "SALE", `{}`, 1), `{"row":"A","first":1,"last":4}`, strings.Join(rows, ","), 1)
	p, err := seatmap.Parse([]byte(plan))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := h.Import(b.Context(), p); err != nil {
		b.Fatal(err)
	}
	var sold, double atomic.Int64
	owners := make([]atomic.Int32, seats)
	var wg sync.WaitGroup
	work := make(chan int, clients)
	go func() {
		defer close(work)
		for n := range seats * perSeat {
			work <- n / perSeat
		}
	}()
	b.ResetTimer()
	for range clients {
		wg.Go(func() {
			for n := range work {
				o, secret, err := h.Hold(b.Context(), sale.HoldRequest{Event: show, Zone: 1, Class: 2, Seat: fmt.Sprintf("R%d-%d", n/1000, n%1000+1), Holder: h.prove(holder(1))})
				if errors.Is(err, sale.ErrSeatTaken) {
					continue
				}
				if err != nil {
					b.Error(err)
					continue
				}
				if _, err := h.Pay(b.Context(), o.ID, secret, "sandbox", pay.TokenOK); err != nil {
					b.Error(err)
					continue
				}
				if owners[n].Add(1) > 1 {
					double.Add(1)
				}
				sold.Add(1)
			}
		})
	}
	wg.Wait()
	if double.Load() > 0 || int(sold.Load()) != seats {
		b.Errorf("%d of %d seats were sold, %d of them twice", sold.Load(), seats, double.Load())
	}
	b.ReportMetric(float64(sold.Load())/b.Elapsed().Seconds(), "confirms/s")
}
