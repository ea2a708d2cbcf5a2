package publish

import (
	"context"
	"fmt"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// Receipt is a device's signed word to a holder, as it came.
type Receipt struct {
	journal.Receipt
	Signed []byte
}

// Receipts keeps what holders may fetch. A receipt is kept once, the first that
// came; it must repeat an admission of the device's journal that an entry there
// consumed. Those that do not are strays and are not kept. One of an admission
// that was undone since is neither.
type Receipts interface {
	// AddReceipts keeps receipts whose entries are stored already, all or nothing.
	AddReceipts(ctx context.Context, receipts []Receipt) (strays []Receipt, err error)
}

// load is a verified upload.
type load struct {
	*journal.Batch
	receipts []Receipt
}

// openReceipts verifies receipts with the key that the batch beside them verifies
// with. A bad one must not hold up the journal: it is kept as an incident, and the
// others count.
func (p *Publisher) openReceipts(ctx context.Context, id ticket.DeviceID, device Device, key trust.PublicKey, signed [][]byte) []Receipt {
	out := make([]Receipt, 0, len(signed))
	for _, data := range signed {
		r, err := journal.OpenReceipt(data, key)
		switch {
		case err != nil:
		case r.Device != id:
			err = fmt.Errorf("receipt of device %s", r.Device)
		case r.Gate != device.Gate:
			err = fmt.Errorf("receipt of gate %q, the device stands at %q", r.Gate, device.Gate)
		}
		if err != nil {
			p.incident(ctx, Incident{Device: id, Kind: IncidentReceipt, Seq: r.Seq, Detail: err.Error(), Evidence: data})
			continue
		}
		out = append(out, Receipt{Receipt: r, Signed: data})
	}
	return out
}

// addReceipts keeps the receipts of a batch that is known. That is the way back
// for one that was lost: its device is told to send the batch again.
func (p *Publisher) addReceipts(ctx context.Context, l load) error {
	if len(l.receipts) == 0 {
		return nil
	}
	strays, err := p.cfg.Store.AddReceipts(ctx, l.receipts)
	if err != nil {
		return fmt.Errorf("receipts of %s: %w", l.Device, err)
	}
	p.stray(ctx, strays)
	return nil
}

// stray raises the alarm about receipts of what never was.
func (p *Publisher) stray(ctx context.Context, strays []Receipt) {
	for _, r := range strays {
		p.incident(ctx, Incident{
			Device: r.Device, Kind: IncidentReceipt, Seq: r.Seq, Evidence: r.Signed,
			Detail: fmt.Sprintf("receipt of an admission that the journal does not have at entry %d", r.Seq),
		})
	}
}
