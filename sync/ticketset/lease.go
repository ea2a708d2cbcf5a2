package ticketset

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// LeaseContext separates a lease page's signature from all others.
const LeaseContext trust.Context = "conting/leases/v1"

// The limits of lease pages. Ids are random, so that the pages of an event fill
// evenly: 16 full ones name 195,200 sessions.
const (
	LeasePages   = 16
	MaxLeasePage = 96 << 10 // bytes, signature included
	MaxLeases    = 12_200   // sessions on one page, live and lapsed together
)

// LeaseStale is the age from which a page no longer says who is alive. Central
// signs a page with live sessions anew at least every 5 s.
const LeaseStale = 15 * time.Second

// leaseSize is the length of a session's id.
const leaseSize = 8

// LeasePage is central's word about the sessions of one event in which codes are
// being shown, as far as their ids begin with one half-byte. It names those whose
// wallet is heard and those that have ended lately; it says nothing about any
// other, and nothing about tickets.
type LeasePage struct {
	_      struct{} `cbor:",toarray"`
	Event  ticket.EventID
	Page   uint8 // 0 to 15: the high half of each id's first byte, see [LeasePageOf]
	Issued int64 // Unix milliseconds; grows from each version of the page to the next

	Live   LeaseIDs
	Lapsed LeaseIDs
}

// LeaseIDs are ids of sessions, 8 bytes each, ascending and without separators.
type LeaseIDs []byte

// NewLeaseIDs sorts ids into their packed form. No id may stand there twice.
func NewLeaseIDs(ids [][leaseSize]byte) LeaseIDs {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b [leaseSize]byte) int { return bytes.Compare(a[:], b[:]) })
	out := make(LeaseIDs, 0, len(ids)*leaseSize)
	for i := range sorted {
		out = append(out, sorted[i][:]...)
	}
	return out
}

// Len returns how many ids there are.
func (l LeaseIDs) Len() int { return len(l) / leaseSize }

// At returns id i.
func (l LeaseIDs) At(i int) [leaseSize]byte {
	return [leaseSize]byte(l[i*leaseSize : (i+1)*leaseSize])
}

// Has reports whether an id is among them.
func (l LeaseIDs) Has(id [leaseSize]byte) bool {
	_, found := sort.Find(l.Len(), func(i int) int { return bytes.Compare(id[:], l[i*leaseSize:(i+1)*leaseSize]) })
	return found
}

// LeasePageOf returns the page on which an id stands.
func LeasePageOf(id [leaseSize]byte) uint8 { return id[0] >> 4 }

type leaseMessage struct {
	_      struct{} `cbor:",toarray"`
	Format uint8
	Page   LeasePage
}

// SignLeasePage returns the signed bytes of a page.
func SignLeasePage(s trust.Signer, p LeasePage) ([]byte, error) {
	for _, l := range []*LeaseIDs{&p.Live, &p.Lapsed} {
		if *l == nil {
			*l = LeaseIDs{}
		}
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	payload, err := canon.Marshal(leaseMessage{Format: format, Page: p})
	if err != nil {
		return nil, fmt.Errorf("encode lease page %d: %w", p.Page, err)
	}
	data, err := trust.Sign1(s, LeaseContext, payload)
	if err != nil {
		return nil, fmt.Errorf("sign lease page %d: %w", p.Page, err)
	}
	return data, nil
}

// OpenLeasePage verifies a page of the event's sessions and returns it. The
// caller compares the page number with that of the topic, and Issued with what it
// has: an old page is signed as well as a new one.
func OpenLeasePage(k *trust.Keyring, event ticket.EventID, data []byte, now time.Time) (*LeasePage, error) {
	if len(data) > MaxLeasePage {
		return nil, tooLarge("lease page", len(data), MaxLeasePage)
	}
	payload, err := k.Verify(trust.RoleEvent, event, LeaseContext, data, now)
	if err != nil {
		return nil, fmt.Errorf("lease page: %w", err)
	}
	var msg leaseMessage
	if err := canon.UnmarshalExact(payload, &msg); err != nil {
		return nil, fmt.Errorf("lease page: %w: %w", ErrMalformed, err)
	}
	if msg.Format != format {
		return nil, malformed("lease page", "format %d, want %d", msg.Format, format)
	}
	if msg.Page.Event != event {
		return nil, wrongEvent("lease page", msg.Page.Event, event)
	}
	if err := msg.Page.check(); err != nil {
		return nil, err
	}
	return &msg.Page, nil
}

// Follows reports whether p may replace old, which may be nil: [ErrKnown] for
// the same moment again, [ErrRollback] for an earlier one.
func (p *LeasePage) Follows(old *LeasePage) error {
	switch {
	case old == nil || p.Issued > old.Issued:
		return nil
	case p.Issued == old.Issued:
		return fmt.Errorf("lease page %d of %d: %w", p.Page, p.Issued, ErrKnown)
	}
	return fmt.Errorf("lease page %d of %d after that of %d: %w", p.Page, p.Issued, old.Issued, ErrRollback)
}

func (p *LeasePage) check() error {
	if p.Event == 0 || p.Page >= LeasePages || p.Issued <= 0 {
		return malformed("lease page", "event %s, page %d, issued %d", p.Event, p.Page, p.Issued)
	}
	if n := p.Live.Len() + p.Lapsed.Len(); n > MaxLeases {
		return malformed("lease page", "%d sessions, the most is %d", n, MaxLeases)
	}
	for what, l := range map[string]LeaseIDs{"live": p.Live, "lapsed": p.Lapsed} {
		if err := l.check(p.Page); err != nil {
			return malformed("lease page", "%s sessions %s", what, err)
		}
	}
	for i := range p.Lapsed.Len() {
		if id := p.Lapsed.At(i); p.Live.Has(id) {
			return malformed("lease page", "session %x is both live and lapsed", id)
		}
	}
	return nil
}

// check reports what keeps the bytes from being the one form of these ids. A nil
// slice would have another encoding than an empty one.
func (l LeaseIDs) check(page uint8) error {
	if l == nil || len(l)%leaseSize != 0 {
		return fmt.Errorf("of %d bytes", len(l))
	}
	for i := range l.Len() {
		id := l.At(i)
		if LeasePageOf(id) != page {
			return fmt.Errorf("include %x of another page", id)
		}
		if before := i - 1; before >= 0 && bytes.Compare(l[before*leaseSize:i*leaseSize], id[:]) >= 0 {
			return fmt.Errorf("are not in order at %d", i)
		}
	}
	return nil
}
