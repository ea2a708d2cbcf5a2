package qr

import "time"

// clock is what is left of a frame's budget.
type clock struct {
	now func() time.Time
	end time.Time
}

// left is the time that remains, negative once the budget is spent.
func (c *clock) left() time.Duration { return c.end.Sub(c.now()) }

// out says that the budget is spent.
func (c *clock) out() bool { return c.left() <= 0 }
