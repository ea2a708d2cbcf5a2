package ticketset_test

import (
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
)

// session returns the n-th id of page 5.
func session(n int) (id [8]byte) {
	binary.BigEndian.PutUint64(id[:], uint64(n)*0x9E37_79B9_7F4A_7C15)
	id[0] = 0x50 | id[0]&0x0f
	return id
}

func sessions(from, n int) [][8]byte {
	out := make([][8]byte, n)
	for i := range out {
		out[i] = session(from + i)
	}
	return out
}

func leases(live, lapsed int) ticketset.LeasePage {
	return ticketset.LeasePage{
		Event: eventA, Page: 5, Issued: issued * 1000,
		Live: ticketset.NewLeaseIDs(sessions(1, live)), Lapsed: ticketset.NewLeaseIDs(sessions(1_000_000, lapsed)),
	}
}

func TestLeasePage(t *testing.T) {
	o := newOffice(t)
	for _, n := range [][2]int{{0, 0}, {1, 0}, {0, 1}, {300, 200}, {ticketset.MaxLeases, 0}, {6250, ticketset.MaxLeases - 6250}} {
		in := leases(n[0], n[1])
		data, err := ticketset.SignLeasePage(o.event, in)
		if err != nil || len(data) > ticketset.MaxLeasePage {
			t.Fatalf("%d live, %d lapsed: %d bytes, %v", n[0], n[1], len(data), err)
		}
		out, err := ticketset.OpenLeasePage(o.ring, eventA, data, now)
		if err != nil || !reflect.DeepEqual(*out, in) {
			t.Fatalf("%d live, %d lapsed: OpenLeasePage: %v", n[0], n[1], err)
		}
		for _, id := range sessions(1, n[0]) {
			if !out.Live.Has(id) || out.Lapsed.Has(id) {
				t.Fatalf("session %x: live %v, lapsed %v; want it live", id, out.Live.Has(id), out.Lapsed.Has(id))
			}
		}
		for _, id := range [][8]byte{{}, {0x50}, {0x5f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, session(999_999)} {
			if out.Live.Has(id) || out.Lapsed.Has(id) {
				t.Errorf("page names %x, which it was not given", id)
			}
		}
	}
}

// 100,000 sessions that are shown at once must fit, with as many lapsed as the
// rest of the pages can take.
func TestLeasePageSizes(t *testing.T) {
	o := newOffice(t)
	pages := make([][][8]byte, ticketset.LeasePages)
	for n := range 100_000 {
		var id [8]byte
		binary.BigEndian.PutUint64(id[:], uint64(n+1)*0x9E37_79B9_7F4A_7C15)
		p := ticketset.LeasePageOf(id)
		pages[p] = append(pages[p], id)
	}
	var total, largest int
	for n, ids := range pages {
		data, err := ticketset.SignLeasePage(o.event, ticketset.LeasePage{Event: eventA, Page: uint8(n), Issued: 1, Live: ticketset.NewLeaseIDs(ids)})
		if err != nil {
			t.Fatal(err)
		}
		total, largest = total+len(data), max(largest, len(data))
	}
	t.Logf("100,000 sessions: %d bytes, the largest page %d", total, largest)
	if largest > ticketset.MaxLeasePage || total > 100_000*8+ticketset.LeasePages*256 {
		t.Errorf("100,000 sessions take %d bytes, the largest page %d", total, largest)
	}
}

func TestLeasePageRefuses(t *testing.T) {
	o := newOffice(t)
	with := func(change func(*ticketset.LeasePage)) ticketset.LeasePage {
		p := leases(3, 3)
		change(&p)
		return p
	}
	for name, p := range map[string]ticketset.LeasePage{
		"no event":      with(func(p *ticketset.LeasePage) { p.Event = 0 }),
		"no such page":  with(func(p *ticketset.LeasePage) { p.Page, p.Live, p.Lapsed = 16, nil, nil }),
		"no time":       with(func(p *ticketset.LeasePage) { p.Issued = 0 }),
		"other page":    with(func(p *ticketset.LeasePage) { p.Page = 6 }),
		"out of order":  with(func(p *ticketset.LeasePage) { p.Live = append(slices.Clone(p.Live[8:]), p.Live[:8]...) }),
		"twice":         with(func(p *ticketset.LeasePage) { p.Live = append(slices.Clone(p.Live[:8]), p.Live...) }),
		"live and not":  with(func(p *ticketset.LeasePage) { p.Lapsed = p.Live }),
		"half an id":    with(func(p *ticketset.LeasePage) { p.Live = p.Live[:12] }),
		"too many":      leases(ticketset.MaxLeases+1, 0),
		"too many both": leases(ticketset.MaxLeases, 1),
	} {
		if _, err := ticketset.SignLeasePage(o.event, p); !errors.Is(err, ticketset.ErrMalformed) {
			t.Errorf("%s: SignLeasePage = %v, want ErrMalformed", name, err)
		}
	}
	sign := func(s trust.Signer, p ticketset.LeasePage) []byte {
		t.Helper()
		data, err := ticketset.SignLeasePage(s, p)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	beacon, err := ticketset.SignBeacon(o.event, word(issued, 3, 9, 700))
	if err != nil {
		t.Fatal(err)
	}
	flipped := sign(o.event, leases(3, 3))
	flipped[len(flipped)/2] ^= 1
	for name, tc := range map[string]struct {
		data []byte
		want error
	}{
		"signed by a hub":              {sign(o.gate, leases(3, 3)), trust.ErrWrongRole},
		"signed for the other event":   {sign(o.other, leases(3, 3)), trust.ErrWrongEvent},
		"of another event":             {sign(o.event, with(func(p *ticketset.LeasePage) { p.Event = eventB })), ticketset.ErrWrongEvent},
		"another kind of message":      {beacon, trust.ErrBadSignature},
		"one bit of a session flipped": {flipped, trust.ErrBadSignature},
		"oversized":                    {make([]byte, ticketset.MaxLeasePage+1), ticketset.ErrTooLarge},
	} {
		if _, err := ticketset.OpenLeasePage(o.ring, eventA, tc.data, now); !errors.Is(err, tc.want) {
			t.Errorf("%s: OpenLeasePage = %v, want %v", name, err, tc.want)
		}
	}
}

func TestLeasePageFollows(t *testing.T) {
	at := func(ms int64) *ticketset.LeasePage { return &ticketset.LeasePage{Event: eventA, Page: 5, Issued: ms} }
	for name, tc := range map[string]struct {
		p, old *ticketset.LeasePage
		want   error
	}{
		"the first": {at(1000), nil, nil},
		"a later":   {at(1001), at(1000), nil},
		"the same":  {at(1000), at(1000), ticketset.ErrKnown},
		"an older":  {at(999), at(1000), ticketset.ErrRollback},
	} {
		if err := tc.p.Follows(tc.old); !errors.Is(err, tc.want) {
			t.Errorf("%s: Follows = %v, want %v", name, err, tc.want)
		}
	}
}

func FuzzOpenLeasePage(f *testing.F) {
	seed, err := ticketset.SignLeasePage(newOffice(f).event, leases(3, 2))
	if err != nil {
		f.Fatal(err)
	}
	fuzzSigned(f, ticketset.LeaseContext, [][]byte{seed}, func(o *office, data []byte) ([]byte, error) {
		p, err := ticketset.OpenLeasePage(o.ring, eventA, data, now)
		if err != nil {
			return nil, err
		}
		return ticketset.SignLeasePage(o.event, *p)
	})
}

func BenchmarkOpenLeasePage(b *testing.B) {
	o := newOffice(b)
	data, err := ticketset.SignLeasePage(o.event, leases(6250, 5000))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := ticketset.OpenLeasePage(o.ring, eventA, data, now); err != nil {
			b.Fatal(err)
		}
	}
}
