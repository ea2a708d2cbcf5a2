package ticketset_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
)

func statusOp(n int, s ticket.Status) ticketset.Op {
	return ticketset.Op{Kind: ticketset.OpStatus, Ticket: ticket.Ticket{ID: numbered(eventA, n).ID}, Status: s}
}

func rebindOp(n int, version uint32) ticketset.Op {
	t := numbered(eventA, n)
	h := t.Holder
	if t.Paper() {
		h = ticket.HolderKey{2, 1}
	}
	return ticketset.Op{Kind: ticketset.OpRebind, Ticket: ticket.Ticket{ID: t.ID, Holder: h, Version: version}}
}

func delta(seq uint64, prev [32]byte, ops ...ticketset.Op) ticketset.Delta {
	return ticketset.Delta{Event: eventA, Seq: seq, Previous: prev, Issued: issued, Ops: ops}
}

func (o *office) signDelta(t testing.TB, d ticketset.Delta) []byte {
	t.Helper()
	data, err := ticketset.SignDelta(o.event, d)
	if err != nil {
		t.Fatalf("SignDelta(%+v): %v", d, err)
	}
	return data
}

func TestDeltaRoundTrip(t *testing.T) {
	o := newOffice(t)
	in := delta(1, [32]byte{},
		ticketset.Op{Kind: ticketset.OpNew, Ticket: numbered(eventA, 3), Status: ticket.StatusValid},
		rebindOp(4, 2), statusOp(5, ticket.StatusRefunded), statusOp(5, ticket.StatusValid))
	data := o.signDelta(t, in)
	out, err := ticketset.OpenDelta(o.ring, eventA, data, now)
	if err != nil || !reflect.DeepEqual(*out, in) {
		t.Fatalf("OpenDelta(SignDelta(%+v)) = %+v, %v", in, out, err)
	}
	payload, err := out.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ticketset.ParseDelta(payload)
	if err != nil || !reflect.DeepEqual(again, out) {
		t.Errorf("ParseDelta(Encode) = %+v, %v; want %+v", again, err, out)
	}
}

// The largest delta of ordinary tickets must fit one message.
func TestDeltaOfMaxOps(t *testing.T) {
	o := newOffice(t)
	ops := make([]ticketset.Op, ticketset.MaxOps)
	for i := range ops {
		tk := numbered(eventA, i)
		tk.Seat, tk.Mint = "Upper balcony row 10 #10", bytes.Repeat([]byte{1}, 32)
		tk.NotBefore, tk.NotAfter = issued, issued+1
		ops[i] = ticketset.Op{Kind: ticketset.OpNew, Ticket: tk}
	}
	if data := o.signDelta(t, delta(1, [32]byte{}, ops...)); len(data) > ticketset.MaxDelta {
		t.Errorf("%d operations take %d bytes, the limit is %d", len(ops), len(data), ticketset.MaxDelta)
	}
	if _, err := ticketset.SignDelta(o.event, delta(1, [32]byte{}, append(ops, ops[0])...)); !errors.Is(err, ticketset.ErrMalformed) {
		t.Errorf("one operation more = %v, want ErrMalformed", err)
	}
}

func TestDeltaSuccession(t *testing.T) {
	o := newOffice(t)
	var head ticketset.Head
	var chain []*ticketset.Delta
	var heads []ticketset.Head
	for seq := uint64(1); seq <= 4; seq++ {
		data := o.signDelta(t, delta(seq, head.Hash, statusOp(int(seq), ticket.StatusRevoked)))
		d, err := ticketset.OpenDelta(o.ring, eventA, data, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Follows(head); err != nil {
			t.Fatalf("delta %d does not follow %d: %v", seq, head.Seq, err)
		}
		head = ticketset.Head{Seq: seq, Hash: ticketset.Hash(data)}
		chain, heads = append(chain, d), append(heads, head)
	}
	fork := delta(3, [32]byte{7}, statusOp(1, ticket.StatusValid))
	for name, tc := range map[string]struct {
		d    *ticketset.Delta
		head ticketset.Head
		want error
	}{
		"gap at the start":   {chain[1], ticketset.Head{}, ticketset.ErrGap},
		"gap":                {chain[3], heads[1], ticketset.ErrGap},
		"known":              {chain[1], heads[1], ticketset.ErrKnown},
		"long known":         {chain[0], heads[3], ticketset.ErrKnown},
		"fork":               {&fork, heads[1], ticketset.ErrForked},
		"gap before a fork":  {&fork, heads[0], ticketset.ErrGap},
		"counter at its end": {chain[0], ticketset.Head{Seq: math.MaxUint64}, ticketset.ErrKnown},
	} {
		if err := tc.d.Follows(tc.head); !errors.Is(err, tc.want) {
			t.Errorf("%s: delta %d after %d = %v, want %v", name, tc.d.Seq, tc.head.Seq, err, tc.want)
		}
	}
}

func TestDeltaRefuses(t *testing.T) {
	o := newOffice(t)
	good := statusOp(1, ticket.StatusRevoked)
	with := func(change func(*ticketset.Op)) ticketset.Op {
		op := good
		change(&op)
		return op
	}
	for name, d := range map[string]ticketset.Delta{
		"number 0":             delta(0, [32]byte{}, good),
		"first with a parent":  delta(1, [32]byte{1}, good),
		"second without":       delta(2, [32]byte{}, good),
		"no operation":         delta(1, [32]byte{}),
		"unknown kind":         delta(1, [32]byte{}, with(func(o *ticketset.Op) { o.Kind = 9 })),
		"impossible status":    delta(1, [32]byte{}, with(func(o *ticketset.Op) { o.Status = 4 })),
		"status with a zone":   delta(1, [32]byte{}, with(func(o *ticketset.Op) { o.Ticket.Zone = 1 })),
		"status with a holder": delta(1, [32]byte{}, with(func(o *ticketset.Op) { o.Ticket.Holder[0] = 2 })),
		"status without an id": delta(1, [32]byte{}, with(func(o *ticketset.Op) { o.Ticket.ID = ticket.ID{} })),
		"rebind to nobody":     delta(1, [32]byte{}, with(func(o *ticketset.Op) { o.Kind, o.Status, o.Ticket.Version = ticketset.OpRebind, 0, 2 })),
		"rebind to version 1":  delta(1, [32]byte{}, rebindOp(1, 1)),
		"new without an id":    delta(1, [32]byte{}, ticketset.Op{Kind: ticketset.OpNew, Ticket: ticket.Ticket{Event: eventA, Version: 1}}),
	} {
		if _, err := ticketset.SignDelta(o.event, d); !errors.Is(err, ticketset.ErrMalformed) {
			t.Errorf("%s: SignDelta = %v, want ErrMalformed", name, err)
		}
	}
	foreign := delta(1, [32]byte{}, ticketset.Op{Kind: ticketset.OpNew, Ticket: numbered(eventB, 1)})
	if _, err := ticketset.SignDelta(o.event, foreign); !errors.Is(err, ticketset.ErrWrongEvent) {
		t.Errorf("a ticket of another event = %v, want ErrWrongEvent", err)
	}

	other := delta(1, [32]byte{}, good)
	other.Event = eventB
	signedByA := o.signDelta(t, other)
	signedByB, err := ticketset.SignDelta(o.other, other)
	if err != nil {
		t.Fatal(err)
	}
	signedByHub, err := ticketset.SignDelta(o.gate, delta(1, [32]byte{}, good))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		data []byte
		want error
	}{
		"for another event, right key": {signedByA, ticketset.ErrWrongEvent},
		"for another event, its key":   {signedByB, trust.ErrWrongEvent},
		"signed by a hub":              {signedByHub, trust.ErrWrongRole},
		"oversized":                    {make([]byte, ticketset.MaxDelta+1), ticketset.ErrTooLarge},
		"empty":                        {nil, trust.ErrMalformed},
	} {
		if _, err := ticketset.OpenDelta(o.ring, eventA, tc.data, now); !errors.Is(err, tc.want) {
			t.Errorf("%s: OpenDelta = %v, want %v", name, err, tc.want)
		}
	}
}
