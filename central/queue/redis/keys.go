package redis

import (
	"strconv"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
)

// buckets is how many small hashes hold a room's people. Redis keeps a hash of up
// to 128 fields in one piece, without pointers: enough for two million people. All
// centrals must agree on it, so it is no setting.
const buckets = 1 << 14

// fieldSize is how much of a key is a field's name; the bucket says the rest.
const fieldSize = 15

// sealField is beside the people of a bucket: no number up to it is given out there
// any more.
const sealField = "s"

// roomKey holds reign, last and limit. The keys of one event that a script touches
// together have the same {tag} and so the same slot.
func (e *Engine) roomKey(event ticket.EventID) string {
	return e.cfg.Prefix + ":{" + event.String() + "}"
}
func (e *Engine) lockKey(event ticket.EventID) string { return e.roomKey(event) + ":lock" }
func (e *Engine) logKey(event ticket.EventID) string  { return e.roomKey(event) + ":log" }
func (e *Engine) hereKey(event ticket.EventID) string { return e.roomKey(event) + ":here" }

// bucketKey holds the numbers of the people whose keys begin with those 14 bits.
func (e *Engine) bucketKey(event ticket.EventID, bucket int) string {
	return e.cfg.Prefix + ":{" + event.String() + "." + strconv.FormatInt(int64(bucket), 16) + "}"
}

// split says where a person is.
func split(k queue.Key) (bucket int, field string) {
	return int(k[0])<<6 | int(k[1])>>2, string(k[1:])
}

// join undoes split.
func join(bucket int, field string) (k queue.Key, ok bool) {
	if len(field) != fieldSize || int(field[0])>>2 != bucket&0x3f {
		return queue.Key{}, false
	}
	k[0] = byte(bucket >> 6 & 0xff)
	copy(k[1:], field)
	return k, true
}
