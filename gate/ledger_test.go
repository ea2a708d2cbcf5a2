package main

import (
	"slices"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/journal"
)

func TestUses(t *testing.T) {
	at := func(minute int) time.Time { return time.UnixMilli(0).UTC().Add(time.Duration(minute) * time.Minute) }
	hlc := func(minute int) journal.HLC { return journal.At(at(minute)) }
	for _, c := range []struct {
		name      string
		own       *store.Claim
		elsewhere []store.Seen
		want      []admit.Use
	}{
		{"unused", nil, nil, nil},
		{"here", &store.Claim{Time: hlc(5)}, nil, []admit.Use{{Where: "north", At: at(5)}}},
		{
			"elsewhere, out again, in here, in elsewhere", &store.Claim{Time: hlc(20)},
			[]store.Seen{
				{Device: "south-1", Kind: store.Entry, Time: hlc(2)},
				{Device: "south-1", Kind: store.Exit, Time: hlc(9)},
				{Device: "south-2", Kind: store.Entry, Time: hlc(30)},
			},
			[]admit.Use{{Where: "south-1", At: at(2)}, {Where: "north", At: at(20)}, {Where: "south-2", At: at(30)}},
		},
	} {
		if got := (memory{gate: "north"}).uses(c.own, c.elsewhere); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
