package ticketset_test

import (
	"errors"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
)

func word(at int64, version, delta, ledger uint64) ticketset.Beacon {
	b := ticketset.Beacon{Event: eventA, Issued: at, Version: version, Ledger: ledger}
	if version > 0 {
		b.Manifest = [32]byte{byte(version)}
	}
	if delta > 0 {
		b.Delta = ticketset.Head{Seq: delta, Hash: [32]byte{byte(delta)}}
	}
	return b
}

func TestBeaconRoundTrip(t *testing.T) {
	o := newOffice(t)
	in := word(issued, 3, 9, 700)
	data, err := ticketset.SignBeacon(o.event, in)
	if err != nil {
		t.Fatal(err)
	}
	out, err := ticketset.OpenBeacon(o.ring, eventA, data, now)
	if err != nil || *out != in {
		t.Fatalf("OpenBeacon(SignBeacon(%+v)) = %+v, %v", in, out, err)
	}
	byHub, err := ticketset.SignBeacon(o.gate, in)
	if err != nil {
		t.Fatal(err)
	}
	in.Event = eventB
	foreign, err := ticketset.SignBeacon(o.event, in)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		data []byte
		want error
	}{
		"signed by a hub":   {byHub, trust.ErrWrongRole},
		"for another event": {foreign, ticketset.ErrWrongEvent},
		"oversized":         {make([]byte, ticketset.MaxBeacon+1), ticketset.ErrTooLarge},
	} {
		if _, err := ticketset.OpenBeacon(o.ring, eventA, tc.data, now); !errors.Is(err, tc.want) {
			t.Errorf("%s: OpenBeacon = %v, want %v", name, err, tc.want)
		}
	}
	for name, b := range map[string]ticketset.Beacon{
		"no time":              {Event: eventA},
		"no event":             {Issued: issued},
		"version without hash": {Event: eventA, Issued: issued, Version: 1},
		"hash without version": {Event: eventA, Issued: issued, Manifest: [32]byte{1}},
		"delta without hash":   {Event: eventA, Issued: issued, Delta: ticketset.Head{Seq: 1}},
	} {
		if _, err := ticketset.SignBeacon(o.event, b); !errors.Is(err, ticketset.ErrMalformed) {
			t.Errorf("%s: SignBeacon = %v, want ErrMalformed", name, err)
		}
	}
}

// A replayed beacon must not make a gate believe that it is up to date.
func TestBeaconSuccession(t *testing.T) {
	old := word(issued, 3, 9, 700)
	fork := word(issued+30, 3, 9, 700)
	fork.Manifest[5] = 1
	deltaFork := word(issued+30, 3, 9, 700)
	deltaFork.Delta.Hash[5] = 1
	for name, tc := range map[string]struct {
		b    ticketset.Beacon
		want error
	}{
		"later, same content":   {word(issued+30, 3, 9, 700), nil},
		"later, more":           {word(issued+30, 4, 12, 701), nil},
		"same again":            {old, ticketset.ErrKnown},
		"older":                 {word(issued-30, 3, 9, 700), ticketset.ErrRollback},
		"later, lower version":  {word(issued+30, 2, 9, 700), ticketset.ErrRollback},
		"later, fewer deltas":   {word(issued+30, 3, 8, 700), ticketset.ErrRollback},
		"later, shorter ledger": {word(issued+30, 3, 9, 699), ticketset.ErrRollback},
		"other manifest":        {fork, ticketset.ErrForked},
		"other delta":           {deltaFork, ticketset.ErrForked},
	} {
		err := tc.b.Follows(&old)
		if tc.want == nil && err != nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: Follows = %v, want %v", name, err, tc.want)
		}
	}
	if err := old.Follows(nil); err != nil {
		t.Errorf("the first beacon: %v", err)
	}
}

func TestStaleness(t *testing.T) {
	b := word(issued, 3, 9, 700)
	at := func(s int64) time.Time { return time.Unix(issued+s, 0) }
	have := ticketset.Have{Version: 3, Delta: 9, Ledger: 700, Expires: issued + 3600}
	behind := ticketset.Have{Version: 1, Delta: 4, Ledger: 0, Expires: issued + 3600}
	ahead := ticketset.Have{Version: 4, Delta: 12, Ledger: 701, Expires: issued + 3600}
	for name, tc := range map[string]struct {
		b    *ticketset.Beacon
		have ticketset.Have
		now  time.Time
		want ticketset.Staleness
	}{
		"fresh":             {&b, have, at(1), ticketset.Staleness{Heard: true, Age: time.Second}},
		"at the limit":      {&b, have, at(90), ticketset.Staleness{Heard: true, Age: 90 * time.Second}},
		"frozen":            {&b, have, at(91), ticketset.Staleness{Heard: true, Age: 91 * time.Second, Frozen: true}},
		"frozen and ended":  {&b, have, at(3600), ticketset.Staleness{Heard: true, Age: time.Hour, Frozen: true, Expired: true}},
		"clock behind":      {&b, have, at(-50), ticketset.Staleness{Heard: true}},
		"behind":            {&b, behind, at(2), ticketset.Staleness{Heard: true, Age: 2 * time.Second, Versions: 2, Deltas: 5, Entries: 700}},
		"ahead of the word": {&b, ahead, at(2), ticketset.Staleness{Heard: true, Age: 2 * time.Second}},
		"no set":            {&b, ticketset.Have{}, at(0), ticketset.Staleness{Heard: true, Versions: 3, Deltas: 9, Entries: 700, Expired: true}},
		"never heard":       {nil, have, at(0), ticketset.Staleness{Frozen: true}},
		"nothing at all":    {nil, ticketset.Have{}, at(0), ticketset.Staleness{Frozen: true, Expired: true}},
	} {
		if got := ticketset.StalenessOf(tc.b, tc.have, tc.now); got != tc.want {
			t.Errorf("%s: StalenessOf(%+v) = %+v, want %+v", name, tc.have, got, tc.want)
		}
	}
}
