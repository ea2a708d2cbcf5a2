package topic

import (
	"fmt"

	"github.com/con-ting/conting/sync/journal"
)

// MaxReceipts is how many receipts one upload may carry. With the largest batch
// and the longest receipts it still fits [MaxPayload].
const MaxReceipts = 64

// Upload is what a device sends on its journal topic: a batch of its journal, and
// a receipt for each admission that an entry of the batch consumes. Nothing but
// the batch is acknowledged; whoever carries the message can take receipts out.
type Upload struct {
	_ struct{} `cbor:",toarray"`

	Batch    []byte   // see journal.OpenBatch
	Receipts [][]byte // see journal.OpenReceipt; at most MaxReceipts
}

// Encode returns the message's bytes.
func (u Upload) Encode() ([]byte, error) {
	if u.Receipts == nil {
		u.Receipts = [][]byte{}
	}
	return encode(u, u.check(), MaxPayload)
}

// ParseUpload reads them; what they hold is still to be verified. The error wraps
// [ErrMessage] or [ErrTooLarge].
func ParseUpload(data []byte) (Upload, error) {
	var u Upload
	err := decode(data, &u, MaxPayload)
	if err == nil {
		err = u.check()
	}
	if err != nil {
		return Upload{}, err
	}
	return u, nil
}

func (u Upload) check() error {
	switch {
	case len(u.Batch) == 0 || len(u.Batch) > journal.MaxBatch:
		return fmt.Errorf("upload with a batch of %d bytes: %w", len(u.Batch), ErrMessage)
	case u.Receipts == nil: // would have another encoding than none
		return fmt.Errorf("upload without a list of receipts: %w", ErrMessage)
	case len(u.Receipts) > MaxReceipts:
		return fmt.Errorf("upload with %d receipts, the most is %d: %w", len(u.Receipts), MaxReceipts, ErrMessage)
	}
	for i, r := range u.Receipts {
		if len(r) == 0 || len(r) > journal.MaxReceipt {
			return fmt.Errorf("receipt %d of the upload has %d bytes: %w", i, len(r), ErrMessage)
		}
	}
	return nil
}
