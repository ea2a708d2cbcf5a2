package pass

import (
	"bytes"
	"fmt"
	"time"
)

// PartsLife is how long after its latest new part an unfinished presentation is
// remembered.
const PartsLife = 30 * time.Second

// Assembler puts the parts of one presentation together. It holds one at a time,
// at most [MaxPacked] bytes, and forgets it when it is whole, when a part of
// another one comes, or after [PartsLife]. The zero Assembler is empty and ready;
// it is not safe for concurrent use.
type Assembler struct {
	parts  [MaxParts][]byte
	first  Part // of which the presentation is
	have   int
	size   int
	latest time.Time // when the latest new part came
}

// Add takes a part that was read at a time of a clock that does not jump. It
// returns the whole presentation when this was the last one missing, or nil. A
// part that is there already changes nothing. The error wraps [ErrParts] when the
// parts cannot be of one presentation; then all of them are forgotten.
func (a *Assembler) Add(p Part, at time.Time) ([]byte, error) {
	a.expire(at)
	if p.Total == 0 || p.Total > MaxParts || p.Index >= p.Total || len(p.Data) == 0 {
		return nil, fmt.Errorf("part %d of %d: %w", p.Index, p.Total, ErrParts)
	}
	if a.have > 0 && p.Set != a.first.Set {
		a.Reset()
	}
	if a.have == 0 {
		a.first = Part{Set: p.Set, Total: p.Total}
	}
	switch known := a.parts[p.Index]; {
	case p.Total != a.first.Total:
		total := a.first.Total
		a.Reset()
		return nil, fmt.Errorf("part of %d among those of %d: %w", p.Total, total, ErrParts)
	case known != nil && bytes.Equal(known, p.Data):
		return nil, nil
	case known != nil:
		a.Reset()
		return nil, fmt.Errorf("part %d in two versions: %w", p.Index, ErrParts)
	case a.size+len(p.Data) > MaxPacked:
		a.Reset()
		return nil, fmt.Errorf("more than %d bytes: %w", MaxPacked, ErrParts)
	}
	a.parts[p.Index] = append([]byte(nil), p.Data...)
	a.have++
	a.size += len(p.Data)
	a.latest = at
	if a.have < int(a.first.Total) {
		return nil, nil
	}
	return a.whole()
}

// whole joins all parts and forgets them.
func (a *Assembler) whole() ([]byte, error) {
	packed := make([]byte, 0, a.size)
	for _, part := range a.parts[:a.first.Total] {
		packed = append(packed, part...)
	}
	set := a.first.Set
	a.Reset()
	if setOf(packed) != set {
		return nil, fmt.Errorf("whole of %d bytes has another set id: %w", len(packed), ErrParts)
	}
	return packed, nil
}

// Progress returns how many parts are there, of how many; zeroes when none is.
func (a *Assembler) Progress(at time.Time) (have, total int) {
	a.expire(at)
	if a.have == 0 {
		return 0, 0
	}
	return a.have, int(a.first.Total)
}

// Reset forgets all parts.
func (a *Assembler) Reset() { *a = Assembler{} }

// expire forgets what is past its life, and what a clock that was set back would
// keep alive.
func (a *Assembler) expire(at time.Time) {
	if age := at.Sub(a.latest); a.have > 0 && (age < 0 || age >= PartsLife) {
		a.Reset()
	}
}
