package ticketset

import (
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// BeaconInterval is how often central signs a beacon. A beacon older than
// [StaleAfter] means that somebody (a broken network or an attacker) withholds news.
const (
	BeaconInterval = 30 * time.Second
	StaleAfter     = 3 * BeaconInterval
)

// Beacon is central's signed word of what is newest at a moment.
type Beacon struct {
	_      struct{} `cbor:",toarray"`
	Event  ticket.EventID
	Issued int64 // Unix seconds

	Version  uint64   // of the newest manifest; 0 while there is none
	Manifest [32]byte // its hash
	Delta    Head     // the newest delta
	Ledger   uint64   // entries in the ledger so far: its last page is (Ledger-1)/[LedgerEntries]
}

type beaconMessage struct {
	_      struct{} `cbor:",toarray"`
	Format uint8
	Beacon Beacon
}

// SignBeacon returns the signed bytes of a beacon.
func SignBeacon(s trust.Signer, b Beacon) ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	payload, err := canon.Marshal(beaconMessage{Format: format, Beacon: b})
	if err != nil {
		return nil, fmt.Errorf("encode beacon: %w", err)
	}
	data, err := trust.Sign1(s, BeaconContext, payload)
	if err != nil {
		return nil, fmt.Errorf("sign beacon: %w", err)
	}
	return data, nil
}

// OpenBeacon verifies a beacon of the event and returns it.
func OpenBeacon(k *trust.Keyring, event ticket.EventID, data []byte, now time.Time) (*Beacon, error) {
	if len(data) > MaxBeacon {
		return nil, tooLarge("beacon", len(data), MaxBeacon)
	}
	payload, err := k.Verify(trust.RoleEvent, event, BeaconContext, data, now)
	if err != nil {
		return nil, fmt.Errorf("beacon: %w", err)
	}
	var msg beaconMessage
	if err := canon.UnmarshalExact(payload, &msg); err != nil {
		return nil, fmt.Errorf("beacon: %w: %w", ErrMalformed, err)
	}
	if msg.Format != format {
		return nil, malformed("beacon", "format %d, want %d", msg.Format, format)
	}
	if msg.Beacon.Event != event {
		return nil, wrongEvent("beacon", msg.Beacon.Event, event)
	}
	if err := msg.Beacon.check(); err != nil {
		return nil, err
	}
	return &msg.Beacon, nil
}

func (b *Beacon) check() error {
	switch {
	case b.Event == 0 || b.Issued <= 0:
		return malformed("beacon", "event %s, issued %d", b.Event, b.Issued)
	case (b.Version == 0) != (b.Manifest == [32]byte{}):
		return malformed("beacon", "version %d with manifest %x", b.Version, b.Manifest[:4])
	case (b.Delta.Seq == 0) != (b.Delta.Hash == [32]byte{}):
		return malformed("beacon", "delta %d with hash %x", b.Delta.Seq, b.Delta.Hash[:4])
	}
	return nil
}

// Follows reports whether b may replace old, which may be nil: [ErrKnown] for
// the same word again, [ErrRollback] if any of its numbers went back,
// [ErrForked] if a number stands for something else now.
func (b *Beacon) Follows(old *Beacon) error {
	if old == nil {
		return nil
	}
	switch {
	case *b == *old:
		return fmt.Errorf("beacon of %d: %w", b.Issued, ErrKnown)
	case b.Issued < old.Issued || b.Version < old.Version || b.Delta.Seq < old.Delta.Seq || b.Ledger < old.Ledger:
		return fmt.Errorf("beacon of %d after that of %d: %w", b.Issued, old.Issued, ErrRollback)
	case b.Version == old.Version && b.Manifest != old.Manifest, b.Delta.Seq == old.Delta.Seq && b.Delta != old.Delta:
		return fmt.Errorf("beacon of %d contradicts that of %d: %w", b.Issued, old.Issued, ErrForked)
	}
	return nil
}

// Have is what a gate holds, to be compared with a beacon.
type Have struct {
	Version uint64 // of the set in force; 0 is none
	Delta   uint64 // number of the last delta applied
	Ledger  uint64 // ledger entries applied
	Expires int64  // of the set in force, Unix seconds; 0 is none
}

// Staleness is how far behind a gate knows itself to be.
type Staleness struct {
	// Heard is false if there never was a beacon; then only Expired means anything.
	Heard bool

	// Age is the time since the newest beacon was signed, never negative. A gate
	// whose clock is behind central's sees 0.
	Age time.Duration

	// Versions, Deltas and Entries are how many of each the beacon knows and the gate lacks.
	Versions, Deltas, Entries uint64

	// Frozen is true if no beacon younger than [StaleAfter] was heard, so that
	// what the other fields say may be old itself.
	Frozen bool

	// Expired is true if the gate has no set or one past its time.
	Expired bool
}

// StalenessOf tells how stale a gate is that has what have says, heard b last
// (nil is never) and reads now on its clock.
func StalenessOf(b *Beacon, have Have, now time.Time) Staleness {
	s := Staleness{Frozen: true, Expired: have.Version == 0 || now.Unix() >= have.Expires}
	if b == nil {
		return s
	}
	s.Heard = true
	s.Age = max(0, now.Sub(time.Unix(b.Issued, 0)))
	s.Frozen = s.Age > StaleAfter
	s.Versions = behind(b.Version, have.Version)
	s.Deltas = behind(b.Delta.Seq, have.Delta)
	s.Entries = behind(b.Ledger, have.Ledger)
	return s
}

func behind(newest, have uint64) uint64 {
	if newest <= have {
		return 0
	}
	return newest - have
}
