package sale

import (
	"sync"
	"time"
)

// recallMost is how many orders are remembered, of some 700 bytes each.
const recallMost = 32 << 10

// recall remembers the orders that this process has held and nobody has begun to pay,
// so that paying one need not read it. What an order is for never changes; whether it
// may be paid is for the store to say ([Payments.BeginPayment]).
type recall struct {
	mu     sync.Mutex // guards everything below
	orders [2]map[string]Order
}

func newRecall() *recall {
	return &recall{orders: [2]map[string]Order{{}, {}}}
}

// keep remembers an order that was held.
func (r *recall) keep(o *Order) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.orders[0]) >= recallMost/2 {
		r.orders[1], r.orders[0] = r.orders[0], make(map[string]Order)
	}
	r.orders[0][o.ID] = *o
}

// take returns an order whose hold has not run out, once.
func (r *recall) take(id, secret string, now time.Time) (Order, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, orders := range r.orders {
		o, known := orders[id]
		if !known || !owns(&o, secret) {
			continue
		}
		delete(orders, id)
		return o, !o.Expired(now)
	}
	return Order{}, false
}
