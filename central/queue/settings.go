package queue

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/con-ting/conting/sync/ticket"
)

// Settings are what an organiser says about a room. All may change while people
// wait, but for BeaconSource once the list of the lobby is fixed; Opens then has no
// meaning any more.
type Settings struct {
	// Opens is when the lobby is shuffled and the first are admitted.
	Opens time.Time `json:"opens"`

	// Rate is how many people are admitted per minute, 1 to MaxRate. At most what is
	// due in one second is admitted at once.
	Rate int `json:"rate_per_minute"`

	// Paused admits nobody, and forgets nobody.
	Paused bool `json:"paused"`

	// Closed lets nobody enter and admits nobody any more.
	Closed bool `json:"closed"`

	// WorkBits is the proof of work that is due for entering, 0 to MaxWorkBits: on
	// average 2^WorkBits hashes. Whoever has a place does not pay again. 0 asks for
	// none.
	WorkBits int `json:"work_bits"`

	// Admission is how long somebody who is admitted may begin to buy, 1 min to 2 h.
	Admission time.Duration `json:"-"`

	// Silence is for how long somebody may fail to ask, after they should have,
	// before they count as silent, 5 s to 10 min.
	Silence time.Duration `json:"-"`

	// Grace is for how long somebody who was passed over in silence may come back and
	// be let in next, 0 to 2 h.
	Grace time.Duration `json:"-"`

	// BeaconSource names, before the opening, a public value that nobody knows yet and
	// that the shuffle will depend on: "drand quicknet round 12345678". The room then
	// opens only once an organiser gives that value, after the list is fixed. Empty
	// for none. At most MaxBeacon bytes.
	BeaconSource string `json:"beacon_source"`
}

// Bounds of [Settings].
const (
	MaxRate     = 600_000
	MaxWorkBits = 26
	MaxBeacon   = 512
)

// DefaultSettings are for what an organiser does not say.
func DefaultSettings() Settings {
	return Settings{Rate: 600, Admission: 10 * time.Minute, Silence: 30 * time.Second, Grace: 5 * time.Minute}
}

func (s *Settings) check() error {
	in := func(d, from, to time.Duration) bool { return d >= from && d <= to }
	switch {
	case s.Opens.IsZero() || s.Opens.Year() < 2000 || s.Opens.Year() > 2200:
		return fmt.Errorf("opens is not a time of this age: %w", ticket.ErrInvalid)
	case s.Rate < 1 || s.Rate > MaxRate:
		return fmt.Errorf("rate_per_minute is %d, want 1 to %d: %w", s.Rate, MaxRate, ticket.ErrInvalid)
	case s.WorkBits < 0 || s.WorkBits > MaxWorkBits:
		return fmt.Errorf("work_bits is %d, want 0 to %d: %w", s.WorkBits, MaxWorkBits, ticket.ErrInvalid)
	case !in(s.Admission, time.Minute, 2*time.Hour):
		return fmt.Errorf("admission is %s, want 1 minute to 2 hours: %w", s.Admission, ticket.ErrInvalid)
	case !in(s.Silence, 5*time.Second, 10*time.Minute):
		return fmt.Errorf("silence is %s, want 5 seconds to 10 minutes: %w", s.Silence, ticket.ErrInvalid)
	case !in(s.Grace, 0, 2*time.Hour):
		return fmt.Errorf("grace is %s, want 0 to 2 hours: %w", s.Grace, ticket.ErrInvalid)
	case len(s.BeaconSource) > MaxBeacon || !utf8.ValidString(s.BeaconSource):
		return fmt.Errorf("beacon_source is not text of at most %d bytes: %w", MaxBeacon, ticket.ErrInvalid)
	}
	return nil
}

// Room is a room as the store keeps it.
type Room struct {
	Event    ticket.EventID
	Settings Settings
	Seed     [32]byte // secret until the room is open

	// Sealed is when the list of the lobby was fixed; zero before. People is its
	// length and List its hash.
	Sealed time.Time
	People uint32
	List   [32]byte

	// Opened is when the shuffle was fixed, with the beacon; zero before.
	Opened time.Time
	Beacon string
}

// Commitment is the hash of the seed that is shown before the opening.
func (r *Room) Commitment() [32]byte { return commitment(r.Event, r.Seed) }

func commitment(event ticket.EventID, seed [32]byte) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "conting queue seed v1\n%s\n%x\n", event, seed))
}

// Store keeps the rooms; *store.Queue is one.
type Store interface {
	Marks

	// Rooms returns every room.
	Rooms(ctx context.Context) ([]Room, error)

	// Put makes a room, or changes the settings of one that is there: everything else
	// of it stays. It returns the room as it is then. For an unknown event it returns
	// an error wrapping [ErrNoRoom].
	Put(ctx context.Context, r Room) (Room, error)

	// Seal fixes the lobby's list: Sealed, People and List of the room, and entries.
	// The first one counts; if there is a list, nothing changes. It returns the room
	// as it is then.
	Seal(ctx context.Context, r Room, entries []Key) (Room, error)

	// Open fixes Opened and Beacon of a sealed room. The first one counts. It returns
	// the room as it is then.
	Open(ctx context.Context, r Room) (Room, error)

	// Entries returns at most limit entries of the sealed list after the first so
	// many.
	Entries(ctx context.Context, event ticket.EventID, after, limit int) ([]Key, error)
}

// Put makes the event's room or changes its settings. A new room gets a seed.
func (q *Queue) Put(ctx context.Context, event ticket.EventID, s Settings) (Info, error) {
	if err := s.check(); err != nil {
		return Info{}, err
	}
	row := Room{Event: event, Settings: s}
	if r, err := q.room(event); err == nil {
		if now := r.row(); !now.Sealed.IsZero() && now.Settings.BeaconSource != s.BeaconSource {
			return Info{}, fmt.Errorf("beacon_source: %w", ErrSealed)
		}
	}
	if _, err := io.ReadFull(q.cfg.Rand, row.Seed[:]); err != nil {
		return Info{}, fmt.Errorf("queue seed: %w", err)
	}
	q.storeMu.Lock()
	defer q.storeMu.Unlock()
	row, err := q.cfg.Store.Put(ctx, row)
	if err != nil {
		return Info{}, err
	}
	return q.info(q.adopt(row)), nil
}

// Announce gives the value of the beacon that [Settings.BeaconSource] names, and so
// opens the room. The first value counts.
func (q *Queue) Announce(ctx context.Context, event ticket.EventID, beacon string) (Info, error) {
	r, err := q.room(event)
	if err != nil {
		return Info{}, err
	}
	row := r.row()
	switch {
	case beacon == "" || len(beacon) > MaxBeacon || !utf8.ValidString(beacon):
		return Info{}, fmt.Errorf("beacon is not text of 1 to %d bytes: %w", MaxBeacon, ticket.ErrInvalid)
	case row.Sealed.IsZero():
		return Info{}, fmt.Errorf("event %s: %w", event, ErrNotSealed)
	case !row.Opened.IsZero() || row.Settings.BeaconSource == "":
		return Info{}, fmt.Errorf("event %s is open: %w", event, ErrSealed)
	}
	q.storeMu.Lock()
	defer q.storeMu.Unlock()
	row.Beacon, row.Opened = beacon, q.cfg.Now()
	if row, err = q.cfg.Store.Open(ctx, row); err != nil {
		return Info{}, err
	}
	return q.info(q.adopt(row)), nil
}
