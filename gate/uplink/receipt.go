package uplink

import (
	"context"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
)

// parcel packs as many of these contiguous entries as one message may carry with
// the receipts of all admissions that they consume. It returns the message and
// how many entries it holds.
func (o *outbox) parcel(ctx context.Context, entries [][]byte) (payload []byte, n int, err error) {
	var u topic.Upload
	for n = range entries {
		r, err := o.receipt(ctx, entries, n)
		if err != nil {
			return nil, 0, err
		}
		if r == nil {
			continue
		}
		if len(u.Receipts) == topic.MaxReceipts {
			entries = entries[:n]
			break
		}
		u.Receipts = append(u.Receipts, r)
	}
	if u.Batch, err = journal.SealBatch(o.signer, o.device, entries, o.store.Clock().Now()); err != nil {
		return nil, 0, err
	}
	payload, err = u.Encode()
	return payload, len(entries), err
}

// receipt returns the signed receipt of the admission that entry n consumes, or
// nil if it consumes none. The admission stands in the journal before it.
func (o *outbox) receipt(ctx context.Context, entries [][]byte, n int) ([]byte, error) {
	e, err := journal.ParseEntry(entries[n])
	if err != nil {
		return nil, err
	}
	if e.Kind != journal.Passed && e.Kind != journal.Flagged || e.Event == 0 || e.Refers == 0 {
		return nil, nil
	}
	var before [][]byte
	if back := e.Seq - e.Refers; back <= uint64(n) { // #nosec G115 -- an index
		before = entries[uint64(n)-back:] // #nosec G115 -- an index
	} else if before, err = o.store.Entries(ctx, e.Refers-1, 1); err != nil {
		return nil, err
	}
	if len(before) == 0 {
		return nil, nil // the journal is more important than a receipt
	}
	decision, err := journal.ParseEntry(before[0])
	if err != nil {
		return nil, err
	}
	if decision.Kind != journal.Decision || decision.Outcome != ticket.Admit || decision.Event != e.Event || decision.Ticket != e.Ticket {
		return nil, nil // it settles nothing; central finds the same
	}
	return journal.SignReceipt(o.signer, journal.ReceiptOf(o.device, o.gate, &decision))
}
