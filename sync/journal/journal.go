// Package journal is the append-only record of what one device decided and saw:
// entries in a hash chain without gaps, dated by a hybrid logical clock, shipped
// in batches under a signed checkpoint, and merged by one pure rule that names a
// single winner for each ticket and reports everybody else.
//
// It stores nothing and sends nothing: the gate's store assigns sequence numbers
// and keeps the bytes, the uplink ships them, central keeps what it receives.
//
// The device that signed a checkpoint is trusted to say what it did, not to say
// it truthfully: a stolen device can invent admissions and can date them as it
// likes, and so win a merge. (Times grow within a batch; a [Head] holds none, so
// whoever keeps the entries compares the first of a batch with their last.) It
// cannot change, drop or reorder an entry that central has acknowledged without
// being found out (a fork), and it cannot speak for another device. Whoever
// carries a batch is not trusted at all.
package journal

import (
	"errors"
	"fmt"
)

// The most that one batch may hold, so that it fits one MQTT message.
const (
	MaxEntry   = 256       // bytes of one encoded entry
	MaxEntries = 256       // entries of one batch
	MaxBatch   = 96 * 1024 // bytes of one encoded batch
	MaxLane    = 32        // bytes of a lane's name
	MaxReason  = 40        // bytes of a reason code
)

// Errors that callers branch on.
var (
	// ErrInvalid is wrapped by every error about an entry that no device of ours writes.
	ErrInvalid = errors.New("invalid journal entry")

	// ErrTooLarge is wrapped when a limit of this package is exceeded.
	ErrTooLarge = errors.New("too large")

	// ErrBroken means that the entries of a batch do not follow one another: one was
	// altered, removed or moved.
	ErrBroken = errors.New("journal chain is broken")

	// ErrCheckpoint means that the checkpoint does not belong to the batch's last
	// entry or is not signed by the device's key.
	ErrCheckpoint = errors.New("journal checkpoint is wrong")

	// ErrWrongDevice means that a batch is about another device than its carrier said.
	ErrWrongDevice = errors.New("journal of another device")

	// ErrGap means that entries before the batch are missing; ask for them and try again.
	ErrGap = errors.New("journal has a gap")

	// ErrFork means that a device wrote two different entries under one sequence
	// number: its journal was tampered with, or its disk was restored from a copy.
	ErrFork = errors.New("journal has a fork")
)

// GapError says which entries are missing. It wraps [ErrGap].
type GapError struct {
	Missing uint64 // the first sequence number that is missing
	Got     uint64 // the first sequence number that came instead
}

// Error names the missing entries.
func (e *GapError) Error() string {
	return fmt.Sprintf("entries %d to %d are missing: %v", e.Missing, e.Got-1, ErrGap)
}

// Unwrap returns [ErrGap].
func (e *GapError) Unwrap() error { return ErrGap }
