package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// admitted is the first entry of the chain, which admits.
func admitted(t testing.TB) journal.Entry {
	t.Helper()
	e, err := journal.ParseEntry(chain(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestReceipt(t *testing.T) {
	e := admitted(t)
	in := journal.ReceiptOf(gate, "North", &e)
	data, err := journal.SignReceipt(signer(t, 1), in)
	if err != nil {
		t.Fatal(err)
	}
	out, err := journal.OpenReceipt(data, signer(t, 1).Public())
	if err != nil || out != in {
		t.Fatalf("OpenReceipt(SignReceipt(%+v)) = %+v, %v", in, out, err)
	}
	if !out.Of(&e) {
		t.Errorf("receipt %+v is not of its own entry %+v", out, e)
	}
	for name, change := range map[string]func(*journal.Entry){
		"a refusal":      func(e *journal.Entry) { e.Outcome = ticket.Refuse },
		"a passage":      func(e *journal.Entry) { e.Kind = journal.Passed },
		"another ticket": func(e *journal.Entry) { e.Ticket[3] ^= 1 },
		"another event":  func(e *journal.Entry) { e.Event++ },
		"another time":   func(e *journal.Entry) { e.Time++ },
		"another number": func(e *journal.Entry) { e.Seq++ },
		"another lane":   func(e *journal.Entry) { e.Lane += "x" },
		"another pass":   func(e *journal.Entry) { e.Evidence[0] ^= 1 },
	} {
		other := e
		change(&other)
		if out.Of(&other) {
			t.Errorf("%s: the receipt fits %+v", name, other)
		}
	}
}

func TestOpenReceiptRefuses(t *testing.T) {
	e := admitted(t)
	r := journal.ReceiptOf(gate, "North", &e)
	good, err := journal.SignReceipt(signer(t, 1), r)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			if got, err := journal.OpenReceipt(bad, signer(t, 1).Public()); err == nil {
				t.Errorf("bit %d of byte %d flipped: accepted as %+v", bit, i, got)
			}
		}
	}
	sign := func(ctx trust.Context, payload any) []byte {
		t.Helper()
		b, err := canon.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		data, err := trust.Sign1(signer(t, 1), ctx, b)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for name, tc := range map[string]struct {
		data []byte
		key  trust.PublicKey
		want error
	}{
		"of another device's key": {good, signer(t, 2).Public(), trust.ErrWrongKey},
		"a checkpoint's context":  {sign(journal.CheckpointContext, r), signer(t, 1).Public(), trust.ErrBadSignature},
		"more than a receipt":     {sign(journal.ReceiptContext, []any{r, 1}), signer(t, 1).Public(), journal.ErrInvalid},
		"truncated":               {good[:len(good)-1], signer(t, 1).Public(), journal.ErrInvalid},
		"trailing":                {append(bytes.Clone(good), 0), signer(t, 1).Public(), journal.ErrInvalid},
		"empty":                   {nil, signer(t, 1).Public(), journal.ErrInvalid},
		"oversized":               {make([]byte, journal.MaxReceipt+1), signer(t, 1).Public(), journal.ErrTooLarge},
	} {
		if got, err := journal.OpenReceipt(tc.data, tc.key); !errors.Is(err, tc.want) {
			t.Errorf("%s: OpenReceipt = %+v, %v; want %v", name, got, err, tc.want)
		}
	}
}

func TestReceiptCheck(t *testing.T) {
	e := admitted(t)
	for name, change := range map[string]func(*journal.Receipt){
		"no device":  func(r *journal.Receipt) { r.Device = "" },
		"bad device": func(r *journal.Receipt) { r.Device = "../x" },
		"no event":   func(r *journal.Receipt) { r.Event = 0 },
		"no ticket":  func(r *journal.Receipt) { r.Ticket = ticket.ID{} },
		"no gate":    func(r *journal.Receipt) { r.Gate = "" },
		"long gate":  func(r *journal.Receipt) { r.Gate = strings.Repeat("x", ticket.MaxName+1) },
		"gate bytes": func(r *journal.Receipt) { r.Gate = "\xff" },
		"long lane":  func(r *journal.Receipt) { r.Lane = strings.Repeat("x", journal.MaxLane+1) },
		"no time":    func(r *journal.Receipt) { r.Time = 0 },
		"no number":  func(r *journal.Receipt) { r.Seq = 0 },
	} {
		r := journal.ReceiptOf(gate, "North", &e)
		change(&r)
		if _, err := journal.SignReceipt(signer(t, 1), r); !errors.Is(err, journal.ErrInvalid) {
			t.Errorf("%s: SignReceipt(%+v) = %v, want ErrInvalid", name, r, err)
		}
	}
}

func TestLongestReceiptFits(t *testing.T) {
	e := admitted(t)
	r := journal.ReceiptOf(ticket.DeviceID(strings.Repeat("a", ticket.MaxDeviceIDLen)), strings.Repeat("x", ticket.MaxName), &e)
	r.Event, r.Time, r.Seq, r.Lane = math.MaxUint32, math.MaxUint64, math.MaxUint64, strings.Repeat("l", journal.MaxLane)
	data, err := journal.SignReceipt(signer(t, 1), r)
	if err != nil || len(data) > journal.MaxReceipt {
		t.Errorf("longest receipt: %d bytes, the most is %d, %v", len(data), journal.MaxReceipt, err)
	}
}

func FuzzOpenReceipt(f *testing.F) {
	e := admitted(f)
	s := signer(f, 1)
	seed, err := canon.Marshal(journal.ReceiptOf(gate, "North", &e))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add(seed[:len(seed)/2])
	f.Fuzz(func(t *testing.T, payload []byte) {
		if r, err := journal.OpenReceipt(payload, s.Public()); err == nil {
			t.Fatalf("unsigned bytes were accepted as %+v", r)
		}
		data, err := trust.Sign1(s, journal.ReceiptContext, payload)
		if err != nil {
			return
		}
		r, err := journal.OpenReceipt(data, s.Public())
		if err != nil {
			return
		}
		again, err := journal.SignReceipt(s, r)
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("accepted payload %x, but what it says is signed as %x, %v", payload, again, err)
		}
	})
}

func ExampleReceipt_Of() {
	e := journal.Entry{Seq: 3, Kind: journal.Decision, Time: journal.At(noon), Event: 7, Ticket: ticket.ID{1}, Outcome: ticket.Admit}
	r := journal.ReceiptOf("gate-1", "North", &e)
	fmt.Println(r.Of(&e))
	e.Outcome = ticket.Refuse
	fmt.Println(r.Of(&e))
	// Output:
	// true
	// false
}
