package ticketset

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
)

// statusBits is how many bits of the list one ticket has.
const statusBits = 2

// Statuses is the status of every ticket of a set, in the order of the set: a
// Token Status List (IETF draft-ietf-oauth-status-list, section 4) of two bits
// an entry, the first entry in the least significant bits of the first byte.
type Statuses struct {
	packed []byte
	count  int
}

// Len returns the number of tickets.
func (s Statuses) Len() int { return s.count }

// At returns the status of ticket i of the set. A ticket beyond the list counts
// as blocked, so that a mistake in counting opens nothing.
func (s Statuses) At(i int) ticket.Status {
	if i < 0 || i >= s.count {
		return ticket.StatusBlocked
	}
	return ticket.Status(statusAt(s.packed, statusBits, i))
}

// statusAt reads entry i of a list with bits (1, 2, 4 or 8) an entry.
func statusAt(packed []byte, bits, i int) uint8 {
	at := i * bits
	return packed[at/8] >> (at % 8) & (1<<bits - 1)
}

// packStatuses is the inverse of statusAt for the two bits that sets use.
func packStatuses(statuses []ticket.Status) ([]byte, error) {
	packed := make([]byte, (len(statuses)*statusBits+7)/8)
	for i, s := range statuses {
		if s > ticket.StatusBlocked {
			return nil, malformed("status list", "%s", s)
		}
		at := i * statusBits
		packed[at/8] |= byte(s) << (at % 8)
	}
	return packed, nil
}

// statusList is the StatusList structure of the draft's section 4.3 (CBOR).
type statusList struct {
	Bits int    `cbor:"bits"`
	List []byte `cbor:"lst"`
}

// encodeStatuses returns the status list as an object of a set.
func encodeStatuses(statuses []ticket.Status) ([]byte, error) {
	packed, err := packStatuses(statuses)
	if err != nil {
		return nil, err
	}
	var z bytes.Buffer
	w, err := zlib.NewWriterLevel(&z, zlib.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("compress the status list: %w", err)
	}
	if _, err := w.Write(packed); err != nil {
		return nil, fmt.Errorf("compress the status list: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress the status list: %w", err)
	}
	data, err := canon.Marshal(statusList{Bits: statusBits, List: z.Bytes()})
	if err != nil {
		return nil, fmt.Errorf("encode the status list: %w", err)
	}
	if len(data) > MaxStatus {
		return nil, tooLarge("status list", len(data), MaxStatus)
	}
	return data, nil
}

// decodeStatuses reads a status list that must have exactly count entries.
func decodeStatuses(data []byte, count int) (Statuses, error) {
	if count < 0 || count > MaxTickets {
		return Statuses{}, malformed("status list", "%d entries", count)
	}
	bits, packed, err := inflateStatuses(data, (count*statusBits+7)/8)
	if err != nil {
		return Statuses{}, err
	}
	if bits != statusBits {
		return Statuses{}, malformed("status list", "%d bits an entry, want %d", bits, statusBits)
	}
	if want := (count*statusBits + 7) / 8; len(packed) != want {
		return Statuses{}, malformed("status list", "%d bytes for %d tickets, want %d", len(packed), count, want)
	}
	for i := count; i < len(packed)*8/statusBits; i++ {
		if statusAt(packed, statusBits, i) != 0 {
			return Statuses{}, malformed("status list", "entry %d beyond the last of %d tickets", i, count)
		}
	}
	return Statuses{packed: packed, count: count}, nil
}

// inflateStatuses reads the structure and decompresses at most limit bytes.
func inflateStatuses(data []byte, limit int) (bits int, packed []byte, err error) {
	if len(data) > MaxStatus {
		return 0, nil, tooLarge("status list", len(data), MaxStatus)
	}
	var list statusList
	if err := canon.Unmarshal(data, &list); err != nil {
		return 0, nil, fmt.Errorf("status list: %w: %w", ErrMalformed, err)
	}
	switch list.Bits {
	case 1, 2, 4, 8:
	default:
		return 0, nil, malformed("status list", "%d bits an entry", list.Bits)
	}
	z := bytes.NewReader(list.List)
	r, err := zlib.NewReader(z)
	if err != nil {
		return 0, nil, fmt.Errorf("status list: %w: %w", ErrMalformed, err)
	}
	packed, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return 0, nil, fmt.Errorf("status list: %w: %w", ErrMalformed, err)
	}
	if len(packed) > limit {
		return 0, nil, fmt.Errorf("status list: more than %d bytes: %w", limit, errors.Join(ErrMalformed, ErrTooLarge))
	}
	// The end of the stream must have been seen, or its checksum was never compared.
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		return 0, nil, malformed("status list", "compressed data does not end")
	}
	if z.Len() != 0 {
		return 0, nil, malformed("status list", "%d bytes after the compressed data", z.Len())
	}
	return list.Bits, packed, nil
}
