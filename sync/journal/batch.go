package journal

import (
	"bytes"
	"fmt"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// CheckpointContext separates a checkpoint's signature from all others.
const CheckpointContext trust.Context = "conting/checkpoint/v1"

// Batch is a verified run of one device's entries.
type Batch struct {
	Device     ticket.DeviceID
	Entries    []Entry
	Raw        [][]byte // the encoded entries, to be stored as they are
	Head       Head     // of the last entry
	At         HLC      // when the checkpoint was signed
	Checkpoint []byte   // the signed checkpoint, to be stored as evidence
}

type wireBatch struct {
	_          struct{} `cbor:",toarray"`
	Device     ticket.DeviceID
	Entries    [][]byte
	Checkpoint []byte
}

type checkpoint struct {
	_      struct{} `cbor:",toarray"`
	Device ticket.DeviceID
	Seq    uint64
	Hash   [32]byte
	At     HLC
}

// SealBatch packs contiguous encoded entries, oldest first, under a checkpoint
// signed at the given time. It refuses what [OpenBatch] would refuse, so that a
// damaged journal is noticed where it is: the error wraps [ErrBroken],
// [ErrInvalid] or [ErrTooLarge].
func SealBatch(s trust.Signer, device ticket.DeviceID, entries [][]byte, at HLC) ([]byte, error) {
	_, head, last, err := follow(entries)
	if err != nil {
		return nil, err
	}
	if at < last {
		return nil, fmt.Errorf("checkpoint at %s is older than its last entry at %s: %w", at, last, ErrInvalid)
	}
	if _, err := ticket.ParseDeviceID(string(device)); err != nil {
		return nil, fmt.Errorf("seal batch: %w", err)
	}
	payload, err := canon.Marshal(checkpoint{Device: device, Seq: head.Seq, Hash: head.Hash, At: at})
	if err != nil {
		return nil, fmt.Errorf("encode checkpoint: %w", err)
	}
	signed, err := trust.Sign1(s, CheckpointContext, payload)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	data, err := canon.Marshal(wireBatch{Device: device, Entries: entries, Checkpoint: signed})
	if err != nil {
		return nil, fmt.Errorf("encode batch: %w", err)
	}
	if len(data) > MaxBatch {
		return nil, fmt.Errorf("batch of %d bytes, the most is %d: %w", len(data), MaxBatch, ErrTooLarge)
	}
	return data, nil
}

// OpenBatch verifies a batch that came from outside: that it is about the device
// that the caller says (from the topic it came on), that every entry follows the
// one before it in sequence, hash and time, and that the device's key signed the
// last one. Whether the first entry follows what the caller already has is for
// [Head.Extend] to find out. The error wraps [ErrInvalid], [ErrTooLarge],
// [ErrBroken], [ErrCheckpoint] or [ErrWrongDevice].
func OpenBatch(data []byte, device ticket.DeviceID, key trust.PublicKey) (*Batch, error) {
	if len(data) > MaxBatch {
		return nil, fmt.Errorf("batch of %d bytes, the most is %d: %w", len(data), MaxBatch, ErrTooLarge)
	}
	var w wireBatch
	if err := canon.UnmarshalExact(data, &w); err != nil {
		return nil, fmt.Errorf("batch: %w: %w", ErrInvalid, err)
	}
	if w.Device != device {
		return nil, fmt.Errorf("batch of %.40q, want %q: %w", w.Device, device, ErrWrongDevice)
	}
	entries, head, last, err := follow(w.Entries)
	if err != nil {
		return nil, err
	}
	at, err := openCheckpoint(w.Checkpoint, device, key, head)
	if err != nil {
		return nil, err
	}
	if at < last {
		return nil, fmt.Errorf("checkpoint at %s is older than its last entry at %s: %w", at, last, ErrCheckpoint)
	}
	return &Batch{Device: device, Entries: entries, Raw: w.Entries, Head: head, At: at, Checkpoint: w.Checkpoint}, nil
}

// openCheckpoint verifies the signature and that it is about exactly this head:
// an older checkpoint over a longer batch would leave its tail unsigned.
func openCheckpoint(signed []byte, device ticket.DeviceID, key trust.PublicKey, head Head) (HLC, error) {
	m, err := trust.ParseSign1(signed)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	if err := m.Verify(CheckpointContext, key); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	var c checkpoint
	if err := canon.UnmarshalExact(m.Payload, &c); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	switch {
	case c.Device != device:
		return 0, fmt.Errorf("checkpoint of %.40q, want %q: %w: %w", c.Device, device, ErrCheckpoint, ErrWrongDevice)
	case c.Seq != head.Seq:
		return 0, fmt.Errorf("checkpoint at entry %d, but the batch ends at %d: %w", c.Seq, head.Seq, ErrCheckpoint)
	case !bytes.Equal(c.Hash[:], head.Hash[:]):
		return 0, fmt.Errorf("checkpoint of another entry %d: %w", c.Seq, ErrCheckpoint)
	}
	return c.At, nil
}

// follow parses entries and verifies that each follows the one before it. It
// returns them with the last one's head and time.
func follow(raw [][]byte) ([]Entry, Head, HLC, error) {
	if len(raw) == 0 {
		return nil, Head{}, 0, fmt.Errorf("batch without entries: %w", ErrInvalid)
	}
	if len(raw) > MaxEntries {
		return nil, Head{}, 0, fmt.Errorf("batch of %d entries, the most is %d: %w", len(raw), MaxEntries, ErrTooLarge)
	}
	entries := make([]Entry, len(raw))
	var head Head
	var last HLC
	for i, data := range raw {
		e, err := ParseEntry(data)
		if err != nil {
			return nil, Head{}, 0, fmt.Errorf("entry %d of the batch: %w", i, err)
		}
		if i > 0 {
			switch {
			case e.Seq != head.Seq+1:
				return nil, Head{}, 0, fmt.Errorf("entry %d comes after %d: %w", e.Seq, head.Seq, ErrBroken)
			case e.Prev != head.Hash:
				return nil, Head{}, 0, fmt.Errorf("entry %d does not follow the entry before it: %w", e.Seq, ErrBroken)
			case e.Time <= last:
				return nil, Head{}, 0, fmt.Errorf("entry %d at %s is not later than %s: %w", e.Seq, e.Time, last, ErrBroken)
			}
		}
		entries[i], last = e, e.Time
		head = Head{Seq: e.Seq, Hash: EntryHash(data)}
	}
	return entries, head, last, nil
}
