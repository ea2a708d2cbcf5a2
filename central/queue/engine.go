package queue

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/con-ting/conting/sync/ticket"
)

// MaxPeople is the most places that one room gives out, and the largest number
// that an [Engine] issues. Numbers begin at 1.
const MaxPeople = 1 << 26

// MaxRecord is the longest record that an [Engine] is asked to keep, in bytes.
const MaxRecord = 64 << 10

// Errors of engines.
var (
	// ErrUnavailable is wrapped by an engine's error when it cannot do its work now
	// and can be asked again later: the network or a server is away, the disk full.
	// Whether the call had an effect is not known; asking again is safe.
	ErrUnavailable = errors.New("the queue's engine is not available")

	// ErrFull is wrapped by an error of Enter when the room has given out
	// [MaxPeople] numbers. It gives out no more.
	ErrFull = errors.New("the room is full")

	// ErrCorrupt is wrapped by an engine's error when what it has kept contradicts
	// itself. It needs an operator.
	ErrCorrupt = errors.New("what the queue's engine kept is damaged")
)

// Key is a person in a room: a keyed hash of the account and the event. Without
// the queue's secret nobody can tell whose it is, nor find the same person in
// another room. The zero Key is nobody.
type Key [16]byte

// String returns 32 hexadecimal digits.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// Entry is one person who enters.
type Entry struct {
	Key Key

	// Had is a number that this person was given before, as a token of ours proves;
	// zero if there is none. An engine that does not know the person any more
	// restores that number instead of issuing one; one that knows the person under
	// another number ignores it.
	Had uint32

	// Instead is a number of this person's that counts no more, for they left or
	// were passed over; zero if there is none. A person whose number it still is
	// gets a new one, at the end. One who has another number by now keeps that.
	Instead uint32
}

// Window is who among a run of ranks was heard of lately: bit i%8 of Bits[i/8]
// stands for rank From+i. From is a multiple of 8 plus 1, so that windows can be
// laid over each other by bytes.
type Window struct {
	From uint32
	Bits []byte
}

// Engine keeps the numbers of all rooms, and a short log for each. All state that
// several centrals on one sale must share is in the SQL store or behind this
// interface. It is safe for concurrent use; for one event the [Queue] of one
// process has at most one Enter in flight. A room needs no making: one that nothing
// is known of is empty.
//
// Implementations: central/queue/embedded (one process, files) and
// central/queue/redis. Each passes central/queue/queuetest.
type Engine interface {
	// Enter returns the number of each entry, in order. Whoever has one keeps it
	// (but see [Entry]); everybody else gets the next: an Enter that has returned
	// before another begins, in whatever process, has issued the smaller numbers,
	// and in one call the order of entries decides. The same key twice in one call
	// gets one number.
	//
	// When it returns, the numbers are as durable as the engine promises, and none
	// is ever issued again, to anybody, not even after the engine has lost what it
	// knew. Numbers may be left out (they belong to nobody and are silent), but as
	// few as possible: people see them as people before them. On an error nobody has
	// been told anything; numbers may have been used up. The error wraps
	// [ErrUnavailable], [ErrFull] or [ErrCorrupt] where one of them fits.
	Enter(ctx context.Context, event ticket.EventID, entries []Entry) ([]uint32, error)

	// Lobby returns the keys of everybody who has a number, at index number−1; the
	// zero Key where a number belongs to nobody, or to somebody who has another
	// instead: no Key is there twice. Whoever an Enter has answered, or ever answers,
	// with a number of at most len(keys) is in it, even if a call is under way. It is
	// called once or twice in the life of a room, and may take seconds.
	Lobby(ctx context.Context, event ticket.EventID) ([]Key, error)

	// Append adds records (each of 1 to [MaxRecord] bytes, at most 1,000) to the
	// event's log, all or none, in this order and next to each other, durably. It may
	// be asked to add the same again after an error; double records do no harm.
	Append(ctx context.Context, event ticket.EventID, records [][]byte) error

	// Records returns the records of the event's log after the first so many, in
	// order, and the largest number issued so far. What this process has been
	// shown does not change: an engine that loses the end of a log to a failover puts
	// back what it has shown, and shows what others then add after it. Every process
	// may see another order of records that were added at the same time as a
	// failover; the fold over them allows for that.
	Records(ctx context.Context, event ticket.EventID, after int) (records [][]byte, last uint32, err error)

	// Presence tells the other centrals who was heard of here, and returns the
	// union with what they have told within the last half minute, over the same
	// ranks. It is called about once a second by each central and need not be
	// durable. The windows of two centrals may begin and end elsewhere.
	Presence(ctx context.Context, event ticket.EventID, here Window) (Window, error)

	// Close ends what the engine holds. No other call may be under way.
	Close() error
}

// Marks keeps, for an engine whose own memory may lose its end, a number per event
// up to which it may have issued numbers. *store.Queue is one.
type Marks interface {
	// Reserve raises the event's mark durably to at least upTo and returns it. With
	// zero it only reads. A mark never sinks.
	Reserve(ctx context.Context, event ticket.EventID, upTo uint32) (mark uint32, err error)
}
