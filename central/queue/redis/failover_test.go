package redis_test

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/central/queue/redis"
	"github.com/con-ting/conting/testdata/servers"
)

// pair is a master with a replica that can fall behind, and the address that
// clients know, which leads to the master until it fails over.
type pair struct {
	master, replica *servers.RedisServer
	replication     *servers.Relay
	address         *servers.Relay
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{master: servers.Redis(t)}
	p.replication = servers.NewRelay(t, p.master.Addr())
	p.replica = servers.Redis(t, servers.RedisReplica(p.replication.Addr()))
	p.address = servers.NewRelay(t, p.master.Addr())
	p.synced(t)
	return p
}

// synced returns when the replica has all that the master has.
func (p *pair) synced(t *testing.T) {
	t.Helper()
	value := strconv.FormatInt(prefixes.Add(1), 10)
	if _, err := p.master.Do("SET", "synced", value); err != nil {
		t.Fatal(err)
	}
	p.replica.Await(t, func(got string) bool { return got == value }, "GET", "synced")
}

// promote makes the replica a master.
func (p *pair) promote(t *testing.T) {
	t.Helper()
	if _, err := p.replica.Do("REPLICAOF", "NO", "ONE"); err != nil {
		t.Fatal(err)
	}
	p.replica.Await(t, func(info string) bool { return strings.Contains(info, "role:master") }, "INFO", "replication")
}

// A failover that loses what was answered last: no number of it is ever issued to
// another, whoever proves a lost number has it again, and the log is whole.
func TestFailoverIssuesNothingTwice(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	cfg := configure("redis://" + p.address.Addr())
	e := open(t, cfg)
	var all issued
	kept := people(0, 100)
	before := enter(t, e, kept...)
	if err := e.Append(t.Context(), event, [][]byte{[]byte("first")}); err != nil {
		t.Fatal(err)
	}
	p.synced(t)

	// From here on the replica is frozen behind a cut line.
	p.replication.Cut()
	lost := people(100, 160)
	answered := enter(t, e, lost...)
	if err := e.Append(t.Context(), event, [][]byte{[]byte("shown"), []byte("with it")}); err != nil {
		t.Fatal(err)
	}
	if got, last, err := e.Records(t.Context(), event, 0); err != nil || len(got) != 3 || last != 160 {
		t.Fatalf("%d records, last %d, %v; want 3, 160", len(got), last, err)
	}
	if err := e.Append(t.Context(), event, [][]byte{[]byte("not shown")}); err != nil {
		t.Fatal(err)
	}
	p.address.Cut()
	p.master.Kill()
	p.promote(t)
	p.address.Mend(p.replica.Addr())
	if got, err := p.replica.Do("HGET", cfg.Prefix+":{7}", "last"); err != nil || got != "100" {
		t.Fatalf("the replica knows of %s people, %v: the test loses nothing", got, err)
	}

	// A central that knows nothing yet: whoever has a lost number must not be past the
	// end of the line.
	other := open(t, cfg)
	_, last, err := other.Records(t.Context(), event, 0)
	if err != nil {
		t.Fatal(err)
	}
	if last < slices.Max(answered) {
		t.Errorf("after the failover the last number is %d, but %d was issued", last, slices.Max(answered))
	}
	for _, n := range []struct {
		entries []queue.Entry
		numbers []uint32
	}{{kept, before}, {lost, answered}} {
		if err := all.note(n.entries, n.numbers); err != nil {
			t.Fatal(err)
		}
	}
	newcomers := people(1000, 1300)
	var got []uint32
	eventually(t, "Enter", func() (err error) {
		got, err = e.Enter(t.Context(), event, newcomers)
		return err
	})
	if err := all.note(newcomers, got); err != nil {
		t.Fatal(err)
	}
	if slices.Min(got) <= slices.Max(answered) {
		t.Errorf("number %d was issued after %d", slices.Min(got), slices.Max(answered))
	}
	if hole := slices.Min(got) - slices.Max(answered); hole > 2*160 {
		t.Errorf("the failover left out %d numbers for a crowd of 160", hole)
	}
	if again := enter(t, e, kept...); !slices.Equal(again, before) {
		t.Error("those that the replica knew have other numbers")
	}
	// By their tokens, from another central too.
	with := slices.Clone(lost)
	for i := range with {
		with[i].Had = answered[i]
	}
	if again := enter(t, other, with...); !slices.Equal(again, answered) {
		t.Error("those that were lost did not get their numbers back")
	}
	if again := enter(t, e, lost...); !slices.Equal(again, answered) {
		t.Error("those that were restored are not known afterwards")
	}

	// What had been shown stands where it stood, and all of it is in Redis again.
	text := func(e queue.Engine) (out []string) {
		t.Helper()
		records, _, err := e.Records(t.Context(), event, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			out = append(out, string(r))
		}
		return out
	}
	want := []string{"first", "shown", "with it", "not shown"}
	if got := text(e); !slices.Equal(got, want) {
		t.Errorf("this central shows %q, want %q", got, want)
	}
	if got := text(other); !slices.Equal(got, want) {
		t.Errorf("another central is shown %q, want %q", got, want)
	}
}

// Two masters at once, each with a central that can reach it and the store.
func TestSplitNetworkIssuesNothingTwice(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	cfg := configure("redis://" + p.address.Addr())
	old := open(t, cfg)
	var all issued
	first := people(0, 100)
	if err := all.note(first, enter(t, old, first...)); err != nil {
		t.Fatal(err)
	}
	p.synced(t)
	p.replication.Cut()
	p.promote(t)
	there := cfg
	there.URL = p.replica.URL()
	fresh := open(t, there)
	for i := 1; i < 40; i++ {
		for side, e := range []queue.Engine{old, fresh} {
			entries := people(i*1000+side*500, i*1000+side*500+i*3)
			if err := all.note(entries, enter(t, e, entries...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The half that gives in is a replica again, and its people go to the other.
	p.address.Cut()
	p.address.Mend(p.replica.Addr())
	entries := people(100_000, 100_100)
	eventually(t, "Enter", func() error {
		got, err := old.Enter(t.Context(), event, entries)
		if err == nil {
			err = all.note(entries, got)
		}
		return err
	})
}

// A master that is one no more does not give numbers, nor is it read, though it is
// connected and knows all that the new one knows.
func TestDemotedMasterIsNotAsked(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	cfg := configure(p.master.URL())
	old := open(t, cfg)
	enter(t, old, people(0, 10)...)
	p.synced(t)
	p.promote(t)
	there := cfg
	there.URL = p.replica.URL()
	enter(t, open(t, there), people(10, 20)...)
	host, port, _ := strings.Cut(p.replica.Addr(), ":")
	if _, err := p.master.Do("REPLICAOF", host, port); err != nil {
		t.Fatal(err)
	}
	want, err := p.replica.Do("HGET", cfg.Prefix+":{7}", "reign")
	if err != nil {
		t.Fatal(err)
	}
	p.master.Await(t, func(got string) bool { return got == want }, "HGET", cfg.Prefix+":{7}", "reign")
	if got, err := old.Enter(t.Context(), event, people(20, 30)); !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("Enter at a replica: %v, %v; want ErrUnavailable", got, err)
	}
	if got, _, err := old.Records(t.Context(), event, 0); !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("Records of a replica: %q, %v; want ErrUnavailable", got, err)
	}
	if _, err := redis.New(t.Context(), cfg); !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("New at a replica: %v, want ErrUnavailable", err)
	}
}

// A long log that a failover has lost is put back whole, though reading what is
// left of it was given up on the way.
func TestLongLogIsPutBack(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	cfg := configure("redis://" + p.address.Addr())
	e := open(t, cfg)
	add := func(from, to int) {
		t.Helper()
		var batch [][]byte
		for i := from; i < to; i++ {
			batch = append(batch, binary.BigEndian.AppendUint32(nil, uint32(i)))
		}
		if err := e.Append(t.Context(), event, batch); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		add(i*500, i*500+500)
	}
	p.synced(t)
	p.replication.Cut()
	for i := 3; i < 6; i++ {
		add(i*500, i*500+500)
	}
	if got, _, err := e.Records(t.Context(), event, 2999); err != nil || len(got) != 1 {
		t.Fatalf("%d records after 2,999, %v", len(got), err)
	}
	p.address.Cut()
	p.master.Kill()
	p.promote(t)
	p.address.Mend(p.replica.Addr())
	eventually(t, "Step", func() error { return e.Step(t.Context(), event) })
	for range 2 {
		if err := e.Step(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Step(ctx, event); err == nil {
		t.Fatal("a step that was given up went well")
	}
	for who, e := range []queue.Engine{e, open(t, cfg)} { // the first puts it back
		got, _, err := e.Records(t.Context(), event, 0)
		if err != nil || len(got) != 3000 {
			t.Fatalf("central %d reads %d records, %v; want 3000", who, len(got), err)
		}
		for i, r := range got {
			if binary.BigEndian.Uint32(r) != uint32(i) {
				t.Fatalf("central %d reads %x as record %d", who, r, i)
			}
		}
	}
}
