package mint

import "context"

// Steps are those between which [PauseAt] can end a worker's work.
var Steps = []string{
	"opened", "planned", "signed", "prepared", "send", "sent", "noted", "looked", "confirmed", "examined", "examined and noted", "final", "finalized",
}

// PauseAt has a function called between the steps of a worker's work. An error ends
// the round there; what it does with the context is its own.
func (w *Worker) PauseAt(f func(ctx context.Context, step string) error) { w.pause = f }

// Recheck looks after what has become final lately.
func (w *Worker) Recheck(ctx context.Context) (Walk, error) { return w.recheck(ctx) }

// Next is the action that brings a token nearer to what it shall be.
func Next(t *Token) (Action, bool) { return next(t) }

// FeeOf is what a transaction costs.
func FeeOf(wire []byte) int64 { return feeOf(wire) }
