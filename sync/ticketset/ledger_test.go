package ticketset_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
)

func page(n int) ticketset.LedgerPage {
	p := ticketset.LedgerPage{Event: eventA, Page: 2, Entries: make([]ticketset.LedgerEntry, n)}
	for i := range p.Entries {
		p.Entries[i] = ticketset.LedgerEntry{
			Ticket: numbered(eventA, i).ID, Device: "gate-with-a-name-of-32-character", Seq: uint64(i + 1), Time: 1 << 60, Kind: ticketset.LedgerEnter,
		}
	}
	return p
}

func TestLedgerPage(t *testing.T) {
	o := newOffice(t)
	for _, n := range []int{1, 255, 256} {
		in := page(n)
		data, err := ticketset.SignLedgerPage(o.event, in)
		if err != nil || len(data) > ticketset.MaxLedger {
			t.Fatalf("%d entries: %d bytes, %v", n, len(data), err)
		}
		out, err := ticketset.OpenLedgerPage(o.ring, eventA, data, now)
		if err != nil || !reflect.DeepEqual(*out, in) {
			t.Fatalf("%d entries: OpenLedgerPage = %+v, %v", n, out, err)
		}
		if out.Complete() != (n == 256) || out.Through() != uint64(512+n) {
			t.Errorf("%d entries: Complete = %v, Through = %d", n, out.Complete(), out.Through())
		}
	}
	with := func(change func(*ticketset.LedgerPage)) ticketset.LedgerPage {
		p := page(2)
		change(&p)
		return p
	}
	for name, p := range map[string]ticketset.LedgerPage{
		"empty":               page(0),
		"too many":            page(257),
		"no event":            with(func(p *ticketset.LedgerPage) { p.Event = 0 }),
		"device not a name":   with(func(p *ticketset.LedgerPage) { p.Entries[1].Device = "../x" }),
		"no ticket":           with(func(p *ticketset.LedgerPage) { p.Entries[1].Ticket = ticket.ID{} }),
		"no number":           with(func(p *ticketset.LedgerPage) { p.Entries[1].Seq = 0 }),
		"kind does not exist": with(func(p *ticketset.LedgerPage) { p.Entries[1].Kind = 4 }),
	} {
		if _, err := ticketset.SignLedgerPage(o.event, p); !errors.Is(err, ticketset.ErrMalformed) {
			t.Errorf("%s: SignLedgerPage = %v, want ErrMalformed", name, err)
		}
	}
	byHub, err := ticketset.SignLedgerPage(o.gate, page(1))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := ticketset.SignLedgerPage(o.event, with(func(p *ticketset.LedgerPage) { p.Event = eventB }))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		data []byte
		want error
	}{
		"signed by a hub":   {byHub, trust.ErrWrongRole},
		"for another event": {foreign, ticketset.ErrWrongEvent},
		"oversized":         {make([]byte, ticketset.MaxLedger+1), ticketset.ErrTooLarge},
	} {
		if _, err := ticketset.OpenLedgerPage(o.ring, eventA, tc.data, now); !errors.Is(err, tc.want) {
			t.Errorf("%s: OpenLedgerPage = %v, want %v", name, err, tc.want)
		}
	}
}
