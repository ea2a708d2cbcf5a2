package store_test

import (
	"encoding/binary"
	"errors"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/ticket"
)

// tid is the ticket of a number.
func tid(n int) (id ticket.ID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n)) // #nosec G115 -- a test's own
	return id
}

func addressOf(id ticket.ID) string { return "mint" + id.String() }

// minting is a store of tokens that a test works on as a worker does.
type minting struct {
	mint.Store
	t *testing.T
}

func (m minting) wish(n int, form mint.Form, owner string) {
	m.t.Helper()
	m.wishFor(n, "kim", form, owner)
}

func (m minting) wishFor(n int, account string, form mint.Form, owner string) {
	m.t.Helper()
	must(m.t, m.Wish(m.t.Context(), []mint.Desire{{Ticket: tid(n), Event: 1001, Account: account, Form: form, Owner: owner}}, addressOf))
}

func (m minting) begin(all ...mint.Action) []mint.Action {
	m.t.Helper()
	got, err := m.Begin(m.t.Context(), all)
	must(m.t, err)
	return got
}

// save stores one action as change makes it, and fails if it is refused.
func (m minting) save(a mint.Action, change func(*mint.Action)) mint.Action {
	m.t.Helper()
	change(&a)
	got, err := m.Save(m.t.Context(), []mint.Action{a})
	must(m.t, err)
	if got[0].ID != a.ID {
		m.t.Fatalf("action %d as of %d was refused", a.ID, a.Rev)
	}
	return got[0]
}

// done carries an action to its end.
func (m minting) done(a mint.Action) mint.Action {
	m.t.Helper()
	got := m.begin(a)
	if len(got) != 1 {
		m.t.Fatalf("%s of %s could not begin", a.Kind, a.Ticket)
	}
	return m.save(got[0], func(a *mint.Action) { a.State, a.Attempt = mint.Finalized, 1 })
}

func (m minting) look(n int) mint.Token {
	m.t.Helper()
	k, err := m.Token(m.t.Context(), tid(n))
	must(m.t, err)
	return k
}

func (m minting) unsettled(want ...int) {
	m.t.Helper()
	all, err := m.Unsettled(m.t.Context(), 1000)
	must(m.t, err)
	got := make([]int, len(all))
	for i := range all {
		got[i] = int(binary.BigEndian.Uint64(all[i].Ticket[8:])) // #nosec G115 -- a test's own
		if all[i].Settled() {
			m.t.Errorf("token %d is listed as unsettled: %+v", got[i], all[i])
		}
	}
	if !slices.Equal(got, want) {
		m.t.Errorf("unsettled are %v, want %v", got, want)
	}
}

func mintOf(n int, to string) mint.Action {
	return mint.Action{Kind: mint.Mint, Event: 1001, Ticket: tid(n), Form: mint.Held, To: to}
}

func TestTokenLife(t *testing.T) { storetest.Each(t, testTokenLife) }

// A token is minted, moved, released, and then nobody's to move.
func testTokenLife(t *testing.T) {
	s, c := onSale(t)
	m := minting{s.Mint(), t}
	if _, err := m.Token(t.Context(), tid(1)); !errors.Is(err, mint.ErrUnknownToken) {
		t.Errorf("a token that nobody wished for: %v, want ErrUnknownToken", err)
	}
	m.wish(1, mint.Held, "a")
	c.advance(time.Second)
	m.wish(2, mint.None, "")
	m.wish(3, mint.Held, "a")
	m.unsettled(1, 3)

	got := m.begin(mintOf(1, "a"), mintOf(1, "a"), mintOf(2, "a"), mintOf(9, "a"), mintOf(3, "a"))
	if len(got) != 2 || got[0].ID != 1 || got[0].Ticket != tid(1) || got[1].ID != 2 || got[1].Ticket != tid(3) ||
		got[0].State != mint.Wanted || got[0].Rev != 1 || !got[0].Created.Equal(c.now()) {
		t.Fatalf("begun are %+v, want 1 and 3 once each", got)
	}
	m.unsettled()
	due, err := m.Due(t.Context(), 10)
	if err != nil || !slices.EqualFunc(due, got, same) {
		t.Errorf("due are %+v, %v\nwant %+v", due, err, got)
	}
	a := m.save(got[0], func(a *mint.Action) {
		a.State, a.Attempt, a.Signature, a.LastHeight, a.Wire, a.Due = mint.Prepared, 1, "sig", 77, []byte{1, 2}, c.now().Add(time.Minute)
	})
	if stale, err := m.Save(t.Context(), []mint.Action{got[0], a, a}); err != nil || stale[0].ID != 0 || stale[1].ID != a.ID || stale[2].ID != 0 {
		t.Errorf("of a stale, a fresh and a repeated change: %+v, %v", stale, err)
	}
	a, err = one(m.History(t.Context(), tid(1), 5))
	if err != nil || a.State != mint.Prepared || a.Rev != 3 || string(a.Wire) != "\x01\x02" || a.LastHeight != 77 || a.Signature != "sig" {
		t.Errorf("stored is %+v, %v", a, err)
	}
	a = m.save(a, func(a *mint.Action) {
		a.State, a.Slot, a.Fee, a.Rent, a.To, a.Kind = mint.Finalized, 99, 5000, 7, "thief", mint.Burn
	})
	if a.To != "a" || a.Kind != mint.Mint || a.Wire != nil {
		t.Errorf("a worker changed what the action is for, or its transaction was kept: %+v", a)
	}
	if k := m.look(1); k.Is != mint.Held || k.Owner != "a" || !k.Settled() || k.Address != addressOf(tid(1)) {
		t.Errorf("minted token is %+v", k)
	}
	if again, err := m.Save(t.Context(), []mint.Action{a}); err != nil || again[0].ID != 0 {
		t.Errorf("a closed action was changed: %+v, %v", again, err)
	}

	m.wishFor(1, "lee", mint.Held, "b")
	m.unsettled(1)
	if got := m.begin(mintOf(1, "b"), mint.Action{Kind: mint.Move, Ticket: tid(1), Form: mint.Held, From: "x", To: "b"}, mint.Action{Kind: mint.Burn, Ticket: tid(1), Form: mint.Burned},
		mint.Action{Kind: mint.Send, Ticket: tid(1), Form: mint.Free, From: "a", To: "b"}); len(got) != 0 {
		t.Errorf("begun are %+v, want none", got)
	}
	m.done(mint.Action{Kind: mint.Move, Ticket: tid(1), Form: mint.Held, From: "a", To: "b"})
	m.wishFor(1, "lee", mint.Free, "b")
	got = m.begin(mint.Action{Kind: mint.Release, Ticket: tid(1), Form: mint.Free, From: "b", To: "b"})
	m.wishFor(1, "kim", mint.Held, "a") // too late
	m.save(got[0], func(a *mint.Action) { a.State = mint.Finalized })
	if k := m.look(1); k.Is != mint.Free || k.Want != mint.Free || k.Owner != "b" || !k.Settled() {
		t.Errorf("released token is %+v", k)
	}
	m.wishFor(1, "park", mint.Held, "c")
	if k := m.look(1); k.Want != mint.Free || k.Account != "kim" {
		t.Errorf("a free token took a wish: %+v", k)
	}
	m.done(mint.Action{Kind: mint.Send, Ticket: tid(1), Form: mint.Free, From: "b", To: "outside"})
	if k := m.look(1); k.Is != mint.Free || k.Owner != "outside" {
		t.Errorf("sent token is %+v", k)
	}
	history, err := m.History(t.Context(), tid(1), 10)
	kinds := make([]mint.Kind, len(history))
	for i := range history {
		kinds[i] = history[i].Kind
	}
	if err != nil || !slices.Equal(kinds, []mint.Kind{mint.Send, mint.Release, mint.Move, mint.Mint}) {
		t.Errorf("history is %v, %v", kinds, err)
	}
	tally, err := m.Tally(t.Context())
	if err != nil || tally.Forms[mint.Free] != 1 || tally.Forms[mint.None] != 2 || tally.Actions[mint.Finalized] != 4 || tally.Actions[mint.Wanted] != 1 ||
		tally.Fees != 5000 || tally.Rent != 7 || tally.Unsettled != 1 || tally.Stuck != 0 {
		t.Errorf("tally is %+v, %v", tally, err)
	}
}

func same(a, b mint.Action) bool {
	return a.ID == b.ID && a.Kind == b.Kind && a.Event == b.Event && a.Ticket == b.Ticket && a.Set == b.Set && a.Root == b.Root && a.Form == b.Form &&
		a.From == b.From && a.To == b.To && a.State == b.State && a.Reason == b.Reason && a.Attempt == b.Attempt && a.Due.Equal(b.Due) &&
		a.Signature == b.Signature && a.LastHeight == b.LastHeight && slices.Equal(a.Wire, b.Wire) && a.Slot == b.Slot && a.Fee == b.Fee && a.Rent == b.Rent &&
		a.Created.Equal(b.Created) && a.Changed.Equal(b.Changed) && a.Rev == b.Rev
}

func one[T any](all []T, err error) (v T, _ error) {
	if len(all) > 0 {
		v = all[0]
	}
	return v, err
}

func TestBurnedForGood(t *testing.T) { storetest.Each(t, testBurnedForGood) }

// What was never signed is burned without the chain; whatever may have been is not, and
// nothing brings a burned token back.
func testBurnedForGood(t *testing.T) {
	s, _ := onSale(t)
	m := minting{s.Mint(), t}
	m.wish(1, mint.Burned, "") // of a ticket that was refunded before its token was thought of
	m.wish(2, mint.Held, "a")
	m.wish(2, mint.Burned, "")
	for n := range 2 {
		if k := m.look(n + 1); k.Is != mint.Burned || !k.Settled() {
			t.Errorf("token %d is %+v, want it burned at once", n+1, k)
		}
	}
	must(t, m.Wish(t.Context(), []mint.Desire{
		{Ticket: tid(3), Event: 1001, Account: "kim", Form: mint.Burned}, {Ticket: tid(3), Event: 1001, Account: "kim", Form: mint.Held, Owner: "a"},
	}, addressOf))
	m.wish(2, mint.Held, "a")
	m.wish(3, mint.Free, "a")
	m.unsettled()
	if got := m.begin(mintOf(1, "a"), mintOf(2, "a"), mintOf(3, "a")); len(got) != 0 {
		t.Fatalf("begun are %+v, want none", got)
	}

	// While an action waits, it is dropped first.
	m.wish(4, mint.Held, "a")
	got := m.begin(mintOf(4, "a"))
	m.wish(4, mint.Burned, "")
	if k := m.look(4); k.Is != mint.None {
		t.Errorf("a token with an open action is %+v", k)
	}
	m.save(got[0], func(a *mint.Action) { a.State = mint.Dropped })
	if k := m.look(4); k.Is != mint.Burned {
		t.Errorf("after its action was dropped it is %+v, want burned", k)
	}

	// What was signed once must be asked of the chain.
	m.wish(5, mint.Held, "a")
	got = m.begin(mintOf(5, "a"))
	a := m.save(got[0], func(a *mint.Action) { a.State, a.Attempt = mint.Prepared, 1 })
	m.wish(5, mint.Burned, "")
	m.save(a, func(a *mint.Action) { a.State, a.Reason = mint.Failed, mint.GaveUp })
	if k := m.look(5); k.Is != mint.None || k.Stuck != mint.GaveUp {
		t.Errorf("a token that may be on chain is %+v", k)
	}
	if n, err := m.Retry(t.Context(), tid(5), false); err != nil || n != 1 {
		t.Errorf("retried %d, %v", n, err)
	}
	m.wish(5, mint.Held, "a") // it cannot be had back either
	m.wish(5, mint.None, "")
	if k := m.look(5); k.Want != mint.Burned || k.WantOwner != "" {
		t.Errorf("a token that is to be burned is %+v", k)
	}
	m.unsettled(5)
	if got := m.begin(mintOf(5, "a")); len(got) != 0 {
		t.Errorf("minted what is to be burned: %+v", got)
	}
	m.done(mint.Action{Kind: mint.Burn, Ticket: tid(5), Form: mint.Burned, From: "a"})
	if k := m.look(5); k.Is != mint.Burned || k.Owner != "" || k.Want != mint.Burned {
		t.Errorf("burned token is %+v", k)
	}

	// A refunded ticket that is nobody's by now has a token all the same.
	m.wish(7, mint.Held, "a")
	m.wishFor(7, "", mint.Burned, "")
	if k := m.look(7); k.Is != mint.Burned || k.Account != "kim" {
		t.Errorf("token of nobody's ticket is %+v", k)
	}
	for _, bad := range []mint.Desire{{Form: mint.Held, Owner: "a"}, {Ticket: tid(8), Form: mint.Held}, {Ticket: tid(8), Form: mint.Burned, Owner: "a"}, {Ticket: tid(8), Owner: "a"}} {
		if err := m.Wish(t.Context(), []mint.Desire{bad}, addressOf); err == nil {
			t.Errorf("%+v was wished for", bad)
		}
	}

	// Nor is it wished away.
	m.wish(6, mint.Held, "a")
	m.wish(6, mint.None, "")
	if k := m.look(6); k.Want != mint.None {
		t.Errorf("a token that was not begun is %+v", k)
	}
	m.wish(6, mint.Held, "a")
	m.done(mintOf(6, "a"))
	m.wish(6, mint.None, "")
	if k := m.look(6); k.Want != mint.Held || k.WantOwner != "a" {
		t.Errorf("a minted token is %+v", k)
	}
	m.wishFor(9, "lee", mint.Held, "b")
	m.save(m.begin(mintOf(9, "b"))[0], func(a *mint.Action) { a.State, a.Reason, a.Attempt = mint.Failed, mint.GaveUp, 1 })
	if n, err := m.Retry(t.Context(), tid(9), false); err != nil || n != 1 {
		t.Errorf("retried %d, %v", n, err)
	}
	m.wishFor(9, "lee", mint.None, "")
	if k := m.look(9); k.Want != mint.Held {
		t.Errorf("a token that was signed once is %+v", k)
	}
	if of, err := m.TokensOf(t.Context(), "kim"); err != nil || len(of) != 1 || of[0].Ticket != tid(6) {
		t.Errorf("tokens of an account are %+v, %v", of, err)
	}
	if k, err := m.TokenAt(t.Context(), addressOf(tid(5))); err != nil || k.Ticket != tid(5) {
		t.Errorf("token at an address is %+v, %v", k, err)
	}
	if all, err := m.TokensAfter(t.Context(), tid(2), 3); err != nil || len(all) != 3 || all[0].Ticket != tid(3) || all[2].Ticket != tid(5) {
		t.Errorf("tokens after one are %+v, %v", all, err)
	}
}

func TestFailedActionsAndRetry(t *testing.T) { storetest.Each(t, testFailedActionsAndRetry) }

func testFailedActionsAndRetry(t *testing.T) {
	s, c := onSale(t)
	m := minting{s.Mint(), t}
	root := mint.Root{Event: 1001, Version: 7, Root: [32]byte{7}, Chunks: [][32]byte{{1}, {2}}}
	must(t, m.KeepRoot(t.Context(), root))
	commit := mint.Action{Kind: mint.Commit, Event: 1001, Set: 7, Root: root.Root}
	group := mint.Action{Kind: mint.Group, Event: 1001}
	m.wish(1, mint.Held, "a")
	m.wish(2, mint.Held, "a")
	got := m.begin(mintOf(1, "a"), commit, mintOf(2, "a"), group, commit, group)
	if len(got) != 4 || got[1].Root != root.Root || got[1].Set != 7 || len(m.begin(commit, group)) != 0 {
		t.Fatalf("begun are %+v, want each once", got)
	}
	for i := range got {
		got[i].State, got[i].Reason = mint.Failed, mint.Conflict
	}
	saved, err := m.Save(t.Context(), got)
	must(t, err)
	for i := range saved {
		if saved[i].ID == 0 {
			t.Errorf("action %d was refused", i)
		}
	}
	failed := func(want ...int64) {
		t.Helper()
		all, err := m.FailedActions(t.Context(), 0, 10)
		must(t, err)
		ids := make([]int64, len(all))
		for i := range all {
			ids[i] = all[i].ID
		}
		if !slices.Equal(ids, want) {
			t.Errorf("failed are %v, want %v", ids, want)
		}
	}
	failed(1, 2, 3, 4)
	m.unsettled()
	if tally, err := m.Tally(t.Context()); err != nil || tally.Stuck != 2 || tally.Actions[mint.Failed] != 4 || tally.Unsettled != 0 {
		t.Errorf("tally is %+v, %v", tally, err)
	}
	for _, k := range []struct {
		id   ticket.ID
		all  bool
		want int
	}{{tid(1), false, 1}, {tid(1), false, 0}, {tid(8), false, 0}, {ticket.ID{}, true, 3}, {ticket.ID{}, true, 0}} {
		if n, err := m.Retry(t.Context(), k.id, k.all); err != nil || n != k.want {
			t.Errorf("Retry(%s, %v) = %d, %v, want %d", k.id, k.all, n, err, k.want)
		}
	}
	failed()
	m.unsettled(1, 2)
	due, err := m.Due(t.Context(), 10)
	if err != nil || len(due) != 2 || due[0].Kind != mint.Commit || due[1].Kind != mint.Group || due[0].Rev != 3 {
		t.Errorf("due are %+v, %v", due, err)
	}
	if _, _, ok, err := m.LastRoot(t.Context(), 1001); ok || err != nil {
		t.Errorf("a root is committed: %v", err)
	}
	// A clock that was wrong for a moment puts nothing off for years.
	due[0] = m.save(due[0], func(a *mint.Action) { a.Due = c.now().Add(365 * 24 * time.Hour) })
	due[1] = m.save(due[1], func(a *mint.Action) { a.Due = c.now().Add(10 * time.Minute) })
	if again, err := m.Due(t.Context(), 10); err != nil || len(again) != 1 || again[0].ID != due[0].ID {
		t.Errorf("due are %+v, %v, want what was put off for a year", again, err)
	}
	if again, err := m.Due(t.Context(), 0); err != nil || len(again) != 0 {
		t.Errorf("none are %+v, %v", again, err)
	}
	a := m.save(due[0], func(a *mint.Action) { a.State, a.Signature = mint.Finalized, "s" })
	r, by, ok, err := m.LastRoot(t.Context(), 1001)
	if err != nil || !ok || by.ID != a.ID || by.Signature != "s" || r.Root != root.Root || !slices.Equal(r.Chunks, root.Chunks) {
		t.Errorf("last root is %+v of %+v, %v", r, by, err)
	}
	must(t, m.KeepRoot(t.Context(), root))
	if err := m.KeepRoot(t.Context(), mint.Root{Event: 1001, Version: 7, Root: [32]byte{8}}); !errors.Is(err, mint.ErrStale) {
		t.Errorf("another root of the same set: %v, want ErrStale", err)
	}
	if r, ok, err := m.RootOf(t.Context(), 1001, 7); err != nil || !ok || r.Root != root.Root {
		t.Errorf("root is %+v, %v, %v", r, ok, err)
	}
	if _, ok, err := m.RootOf(t.Context(), 1001, 8); err != nil || ok {
		t.Errorf("there is a root of a set that has none, or %v", err)
	}

	c.advance(time.Hour)
	m.done(mintOf(1, "a"))
	ids := func(since time.Time, after int64) (out []int64) {
		t.Helper()
		all, err := m.Recheck(t.Context(), since, after, 10)
		must(t, err)
		for _, a := range all {
			out = append(out, a.ID)
		}
		return out
	}
	if got := ids(c.now().Add(-time.Minute), 0); !slices.Equal(got, []int64{5}) {
		t.Errorf("final since a minute ago are %v", got)
	}
	if got := ids(c.now().Add(-time.Hour), 0); !slices.Equal(got, []int64{2, 5}) {
		t.Errorf("final since an hour ago are %v", got)
	}
	if got := ids(c.now().Add(-time.Hour), 2); !slices.Equal(got, []int64{5}) {
		t.Errorf("final after the second action are %v", got)
	}
	if got := ids(c.now().Add(time.Second), 0); got != nil {
		t.Errorf("final in future are %v", got)
	}

	// A collection that has failed is not tried again beside a later one.
	m.save(due[1], func(a *mint.Action) { a.State, a.Reason = mint.Failed, mint.Conflict })
	if got := m.begin(group); len(got) != 1 {
		t.Errorf("begun are %+v, want a collection", got)
	}
	if n, err := m.Retry(t.Context(), ticket.ID{}, true); err != nil || n != 0 {
		t.Errorf("retried %d, %v, want none", n, err)
	}
}

func TestMintCluster(t *testing.T) { storetest.Each(t, testMintCluster) }

func testMintCluster(t *testing.T) {
	s, _ := onSale(t)
	m := s.Mint()
	if _, err := m.Cluster(t.Context(), ""); err == nil {
		t.Error("a cluster without a name was kept")
	}
	for _, genesis := range []string{"one", "two", ""} {
		if have, err := m.Cluster(t.Context(), genesis); err != nil || have != "one" {
			t.Errorf("Cluster(%q) = %q, %v, want the first", genesis, have, err)
		}
	}
}

func TestDifferencesAreNoted(t *testing.T) { storetest.Each(t, testDifferencesAreNoted) }

// What differs is noted until a look finds it gone, with the time it was first found.
func testDifferencesAreNoted(t *testing.T) {
	s, c := onSale(t)
	m := s.Mint()
	first := c.now()
	d := func(n int, what mint.What, got string) mint.Difference {
		return mint.Difference{Ticket: tid(n), Event: 1001, Address: addressOf(tid(n)), What: what, Want: "held", Got: got, Found: c.now()}
	}
	looked := []ticket.ID{tid(1), tid(2), tid(3)}
	must(t, m.NoteDifferences(t.Context(), looked, []mint.Difference{d(1, mint.Missing, ""), d(2, mint.OtherOwner, "x"), d(0, mint.Undone, "")}))
	c.advance(time.Hour)
	must(t, m.NoteDifferences(t.Context(), looked[:2], []mint.Difference{d(2, mint.OtherOwner, "y"), d(2, mint.OtherOwner, "y"), d(2, mint.OtherForm, "free")}))
	must(t, m.NoteDifferences(t.Context(), nil, nil))
	all, err := m.DifferencesAfter(t.Context(), mint.Difference{}, 10)
	if err != nil || len(all) != 3 || all[0].What != mint.Undone || all[1].What != mint.OtherForm || all[2].What != mint.OtherOwner ||
		all[2].Got != "y" || !all[2].Found.Equal(first) || !all[1].Found.Equal(c.now()) || all[2].Address != addressOf(tid(2)) {
		t.Errorf("differences are %+v, %v", all, err)
	}
	// Page by page they are the same, also where the one page ends among those of one
	// ticket, or among those that have none.
	must(t, m.NoteDifferences(t.Context(), nil, []mint.Difference{
		{Event: 1001, Address: "other", What: mint.Undone}, {Event: 1002, Address: addressOf(tid(0)), What: mint.Undone},
	}))
	all, err = m.DifferencesAfter(t.Context(), mint.Difference{}, 10)
	if err != nil || len(all) != 5 {
		t.Fatalf("differences are %+v, %v", all, err)
	}
	var after mint.Difference
	for i := range all {
		one, err := m.DifferencesAfter(t.Context(), after, 1)
		if err != nil || len(one) != 1 || one[0] != all[i] {
			t.Fatalf("page %d is %+v, %v, want %+v", i, one, err, all[i])
		}
		after = one[0]
	}
	if more, err := m.DifferencesAfter(t.Context(), after, 1); err != nil || len(more) != 0 {
		t.Errorf("after the last come %+v, %v", more, err)
	}
}

func TestClaimIsTheHoldersOwn(t *testing.T) { storetest.Each(t, testClaimIsTheHoldersOwn) }

func testClaimIsTheHoldersOwn(t *testing.T) {
	s, _ := onSale(t)
	m := minting{s.Mint(), t}
	m.wish(1, mint.None, "")
	m.wish(2, mint.Burned, "")
	for who, n := range map[string]int{"lee": 1, "": 1, "kim": 9} {
		if _, err := m.Claim(t.Context(), who, tid(n)); !errors.Is(err, mint.ErrUnknownToken) {
			t.Errorf("%q claimed token %d: %v, want ErrUnknownToken", who, n, err)
		}
	}
	for range 2 {
		if k, err := m.Claim(t.Context(), "kim", tid(1)); err != nil || !k.Claimed {
			t.Errorf("claimed token is %+v, %v", k, err)
		}
	}
	rows, _, err := s.Outbox().Rows(t.Context(), 0, []outbox.Kind{outbox.TokenClaimed}, 10)
	if err != nil || len(rows) != 1 || rows[0].Account != "kim" || rows[0].Ticket != tid(1) || rows[0].Event != 1001 {
		t.Errorf("posted are %+v, %v, want the claim once", rows, err)
	}
	// The ticket has moved on, and the token's row does not know yet.
	must(t, s.Run(t.Context(), `INSERT INTO ticket (id, event, owner, version, status, body, signed, issued, changed)
		SELECT ticket, event, 'lee', 2, 0, '{}', ticket, 1, 1 FROM token WHERE claimed = 1`))
	for _, who := range []string{"kim", "lee"} {
		if _, err := m.Claim(t.Context(), who, tid(1)); !errors.Is(err, mint.ErrUnknownToken) {
			t.Errorf("%s claimed it in between: %v, want ErrUnknownToken", who, err)
		}
	}
}

func TestRestoredTokensAreTheSame(t *testing.T) { storetest.Each(t, testRestoredTokensAreTheSame) }

// A database that is put back to an earlier day gives its tokens the addresses that
// they had, so that nothing is minted twice: the chain says what is there already.
func testRestoredTokensAreTheSame(t *testing.T) {
	s, c := onSale(t)
	m := minting{s.Mint(), t}
	m.wish(1, mint.Held, "a")
	m.done(mintOf(1, "a"))
	m.wish(2, mint.Held, "a")
	signed := m.save(m.begin(mintOf(2, "a"))[0], func(a *mint.Action) { a.State, a.Attempt, a.Signature, a.Wire = mint.Prepared, 1, "s", []byte{1} })
	raw, _ := backup(t, s)
	m.save(signed, func(a *mint.Action) { a.State = mint.Finalized })
	m.wish(3, mint.Held, "a")
	m.done(mintOf(3, "a"))

	cfg := storetest.At(t, filepath.Join(t.TempDir(), "restored.db"), c.now, quiet)
	_, err := restore(t.Context(), t, cfg, raw, store.Restoring{Ahead: true})
	must(t, err)
	back, err := store.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, back.Close()) })
	r := minting{back.Mint(), t}
	due, err := one(r.Due(t.Context(), 10))
	if err != nil || due.ID != signed.ID || due.Signature != "s" || string(due.Wire) != "\x01" || due.Rev != signed.Rev {
		t.Errorf("what was signed before is %+v, %v", due, err)
	}
	r.wish(1, mint.Held, "a")
	r.wish(3, mint.Held, "a") // from the outbox that was restored with it, or from a new sale
	for n := 1; n <= 3; n++ {
		if was, is := m.look(n), r.look(n); was.Address != is.Address {
			t.Errorf("token %d is at %s, was at %s", n, is.Address, was.Address)
		}
	}
	r.unsettled(3)
	if got := r.begin(mintOf(1, "a"), mintOf(2, "a")); len(got) != 0 {
		t.Errorf("begun are %+v, want none", got)
	}
	if got := r.begin(mintOf(3, "a")); len(got) != 1 || got[0].ID != 3 {
		t.Errorf("begun are %+v, want the third action", got)
	}
}

func TestTwoWorkersDoNothingTwice(t *testing.T) { storetest.Each(t, testTwoWorkersDoNothingTwice) }

// Several workers at once, as in a hand-over between two centrals, never have two
// actions of one token, and no change of one is lost under another's.
func testTwoWorkersDoNothingTwice(t *testing.T) {
	const tokens, workers = 200, 4
	s, _ := onSale(t)
	m := s.Mint()
	wishes := make([]mint.Desire, tokens)
	for n := range wishes {
		wishes[n] = mint.Desire{Ticket: tid(n), Event: 1001, Account: "kim", Form: mint.Held, Owner: "a"}
		wishes[n].Ticket[0] = 1 // none is zero
	}
	must(t, m.Wish(t.Context(), wishes, addressOf))
	var saved atomic.Int64
	work := func() error {
		for {
			all, err := m.Unsettled(t.Context(), 50)
			if err != nil {
				return err
			}
			begin := make([]mint.Action, len(all))
			for i := range all {
				begin[i] = mint.Action{Kind: mint.Mint, Ticket: all[i].Ticket, Form: mint.Held, To: "a"}
			}
			if _, err := m.Begin(t.Context(), begin); err != nil {
				return err
			}
			due, err := m.Due(t.Context(), 50)
			if err != nil {
				return err
			}
			if len(all)+len(due) == 0 {
				return nil
			}
			for i := range due {
				due[i].Attempt++
				due[i].State = map[mint.State]mint.State{mint.Wanted: mint.Prepared, mint.Prepared: mint.Sent, mint.Sent: mint.Finalized}[due[i].State]
				due[i].Fee = 5
			}
			got, err := m.Save(t.Context(), due)
			if err != nil {
				return err
			}
			for i := range got {
				if got[i].ID != 0 {
					saved.Add(1)
				}
			}
		}
	}
	done := make(chan error, workers)
	for range workers {
		go func() { done <- work() }()
	}
	for range workers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	tally, err := m.Tally(t.Context())
	if err != nil || tally.Forms[mint.Held] != tokens || tally.Actions[mint.Finalized] != tokens || tally.Fees != 5*tokens || tally.Unsettled != 0 {
		t.Errorf("tally is %+v, %v", tally, err)
	}
	if n := saved.Load(); n != 3*tokens {
		t.Errorf("%d changes were taken, want %d", n, 3*tokens)
	}
	all, err := m.TokensAfter(t.Context(), ticket.ID{}, tokens+1)
	must(t, err)
	if len(all) != tokens {
		t.Errorf("%d tokens, want %d", len(all), tokens)
	}
	for _, k := range all {
		if history, err := m.History(t.Context(), k.Ticket, 5); err != nil || len(history) != 1 || history[0].Attempt != 3 {
			t.Errorf("history of %s is %+v, %v, want one action in three steps", k.Ticket, history, err)
		}
	}
}
