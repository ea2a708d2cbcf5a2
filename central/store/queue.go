package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
)

// Queue is the store of waiting rooms. It implements [queue.Store].
type Queue struct{ s *Store }

var _ queue.Store = (*Queue)(nil)

// Queue returns the store of waiting rooms.
func (s *Store) Queue() *Queue { return &Queue{s} }

// queueSettings is how settings are kept: those of [queue.Settings], with the
// durations in milliseconds.
type queueSettings struct {
	queue.Settings
	Admission int64 `json:"admission_ms"`
	Silence   int64 `json:"silence_ms"`
	Grace     int64 `json:"grace_ms"`
}

func encodeSettings(s queue.Settings) (string, error) {
	b, err := json.Marshal(queueSettings{
		Settings: s, Admission: s.Admission.Milliseconds(), Silence: s.Silence.Milliseconds(), Grace: s.Grace.Milliseconds(),
	})
	return string(b), err
}

func decodeSettings(text string) (queue.Settings, error) {
	var k queueSettings
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		return queue.Settings{}, fmt.Errorf("settings of a waiting room: %w", err)
	}
	k.Settings.Admission = time.Duration(k.Admission) * time.Millisecond
	k.Settings.Silence = time.Duration(k.Silence) * time.Millisecond
	k.Settings.Grace = time.Duration(k.Grace) * time.Millisecond
	return k.Settings, nil
}

const (
	selectQueueRooms = `SELECT event, settings, seed, sealed, people, list, opened, beacon FROM queue_room ORDER BY event`
	selectQueueRoom  = `SELECT event, settings, seed, sealed, people, list, opened, beacon FROM queue_room WHERE event = $1`
)

func scanQueueRoom(r scanner) (room queue.Room, err error) {
	var (
		settings               string
		seed, list             []byte
		sealed, people, opened sql.NullInt64
		beacon                 sql.NullString
	)
	if err := r.Scan(&room.Event, &settings, &seed, &sealed, &people, &list, &opened, &beacon); err != nil {
		return room, err
	}
	if room.Settings, err = decodeSettings(settings); err != nil {
		return room, err
	}
	if len(seed) != len(room.Seed) || len(list) != 0 && len(list) != len(room.List) || people.Int64 < 0 || people.Int64 > queue.MaxPeople {
		return room, fmt.Errorf("waiting room of event %s: %w", room.Event, ErrCorrupt)
	}
	copy(room.Seed[:], seed)
	copy(room.List[:], list)
	if sealed.Valid {
		room.Sealed, room.People = time.UnixMilli(sealed.Int64), uint32(people.Int64)
	}
	if opened.Valid {
		room.Opened, room.Beacon = time.UnixMilli(opened.Int64), beacon.String
	}
	return room, nil
}

// Rooms implements [queue.Store].
func (q *Queue) Rooms(ctx context.Context) (all []queue.Room, err error) {
	err = q.s.view(ctx, func(t *tx) error {
		all, err = rows(ctx, t, scanQueueRoom, selectQueueRooms)
		return err
	})
	return all, queueError(err)
}

// queueError is an error as the queue knows it.
func queueError(err error) error {
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrBusy) || errors.Is(err, ErrFull) {
		return fmt.Errorf("%w: %w", queue.ErrUnavailable, err)
	}
	return err
}

// changeRoom runs a change of one room and returns the room as it is then.
func (q *Queue) changeRoom(ctx context.Context, event ticket.EventID, change func(t *tx) error) (room queue.Room, err error) {
	err = q.s.update(ctx, func(t *tx) error {
		if err := change(t); err != nil {
			return err
		}
		var err error
		room, err = scanQueueRoom(t.sql.QueryRowContext(ctx, selectQueueRoom, event))
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("event %s: %w", event, queue.ErrNoRoom)
		}
		return err
	})
	return room, queueError(err)
}

// Putting a room for an event that is not there changes no row.
const putQueueRoom = `INSERT INTO queue_room (event, settings, seed, created)
	SELECT id, $2, $3, $4 FROM event WHERE id = $1
	ON CONFLICT (event) DO UPDATE SET settings = excluded.settings`

// Put implements [queue.Store].
func (q *Queue) Put(ctx context.Context, r queue.Room) (queue.Room, error) {
	settings, err := encodeSettings(r.Settings)
	if err != nil {
		return queue.Room{}, err
	}
	return q.changeRoom(ctx, r.Event, func(t *tx) error {
		_, err := t.exec(ctx, putQueueRoom, r.Event, settings, r.Seed[:], t.ms())
		return err
	})
}

// entriesRow is how many keys stand in one row.
const entriesRow = 4096

const (
	sealQueueRoom    = `UPDATE queue_room SET sealed = $2, people = $3, list = $4 WHERE event = $1 AND sealed IS NULL`
	insertQueueEntry = `INSERT INTO queue_entry (event, first, keys) VALUES ($1, $2, $3)`
)

// Seal implements [queue.Store].
func (q *Queue) Seal(ctx context.Context, r queue.Room, entries []queue.Key) (queue.Room, error) {
	return q.changeRoom(ctx, r.Event, func(t *tx) error {
		n, err := t.exec(ctx, sealQueueRoom, r.Event, r.Sealed.UnixMilli(), len(entries), r.List[:])
		if err != nil || n == 0 {
			return err
		}
		keys := make([]byte, 0, entriesRow*len(queue.Key{}))
		for first := 0; first < len(entries); first += entriesRow {
			keys = keys[:0]
			for _, k := range entries[first:min(first+entriesRow, len(entries))] {
				keys = append(keys, k[:]...)
			}
			if _, err := t.exec(ctx, insertQueueEntry, r.Event, first, keys); err != nil {
				return err
			}
		}
		return nil
	})
}

const openQueueRoom = `UPDATE queue_room SET opened = $2, beacon = $3 WHERE event = $1 AND sealed IS NOT NULL AND opened IS NULL`

// Open implements [queue.Store].
func (q *Queue) Open(ctx context.Context, r queue.Room) (queue.Room, error) {
	return q.changeRoom(ctx, r.Event, func(t *tx) error {
		_, err := t.exec(ctx, openQueueRoom, r.Event, r.Opened.UnixMilli(), r.Beacon)
		return err
	})
}

const selectQueueEntries = `SELECT first, keys FROM queue_entry WHERE event = $1 AND first >= $2 ORDER BY first LIMIT $3`

// Entries implements [queue.Store].
func (q *Queue) Entries(ctx context.Context, event ticket.EventID, after, limit int) (entries []queue.Key, err error) {
	if after < 0 || limit < 1 {
		return nil, nil
	}
	type page struct {
		first int
		keys  []byte
	}
	var pages []page
	err = q.s.view(ctx, func(t *tx) error {
		pages, err = rows(ctx, t, func(r scanner) (p page, err error) {
			return p, r.Scan(&p.first, &p.keys)
		}, selectQueueEntries, event, after-after%entriesRow, (limit-1)/entriesRow+2)
		return err
	})
	if err != nil {
		return nil, queueError(err)
	}
	for _, p := range pages {
		for i := max(0, after-p.first) * len(queue.Key{}); i+len(queue.Key{}) <= len(p.keys) && len(entries) < limit; i += len(queue.Key{}) {
			entries = append(entries, queue.Key(p.keys[i:i+len(queue.Key{})]))
		}
	}
	return entries, nil
}

const (
	selectQueueMark = `SELECT mark FROM queue_mark WHERE event = $1`
	raiseQueueMark  = `INSERT INTO queue_mark (event, mark) VALUES ($1, $2)
	ON CONFLICT (event) DO UPDATE SET mark = CASE WHEN queue_mark.mark < excluded.mark THEN excluded.mark ELSE queue_mark.mark END
	RETURNING mark`
)

// Reserve implements [queue.Marks].
func (q *Queue) Reserve(ctx context.Context, event ticket.EventID, upTo uint32) (mark uint32, err error) {
	if upTo == 0 {
		err = q.s.view(ctx, func(t *tx) error {
			err := t.row(ctx, selectQueueMark, []any{event}, &mark)
			if errors.Is(err, sql.ErrNoRows) {
				mark, err = 0, nil
			}
			return err
		})
		return mark, queueError(err)
	}
	err = q.s.update(ctx, func(t *tx) error {
		return t.row(ctx, raiseQueueMark, []any{event, upTo}, &mark)
	})
	return mark, queueError(err)
}

const takeQueueMark = `INSERT INTO queue_mark (event, mark) VALUES ($1, $2)
	ON CONFLICT (event) DO UPDATE SET mark = queue_mark.mark + excluded.mark
	RETURNING mark`

// Take raises the event's mark by count, in one durable step, and returns it: the
// count numbers up to it are the caller's alone. With zero it only reads.
func (q *Queue) Take(ctx context.Context, event ticket.EventID, count uint32) (mark uint32, err error) {
	if count == 0 {
		return q.Reserve(ctx, event, 0)
	}
	err = q.s.update(ctx, func(t *tx) error {
		return t.row(ctx, takeQueueMark, []any{event, count}, &mark)
	})
	return mark, queueError(err)
}
