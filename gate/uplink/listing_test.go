package uplink_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/topic"
)

// putList publishes a status list as central passes it on. In these tests its JWT
// is who signed it and when it was issued.
func (w *world) putList(name, url, signer string, issued int64) {
	w.t.Helper()
	data, err := topic.Listing{URL: url, JWT: signer + " " + strconv.FormatInt(issued, 10)}.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	w.put(name, data, true)
}

// registered has the gates accept what the registrar signed.
func (w *world) registered(signers ...string) {
	w.opener = func(_, jwt string) (time.Time, error) {
		signer, at, _ := strings.Cut(jwt, " ")
		issued, err := strconv.ParseInt(at, 10, 64)
		if !slices.Contains(signers, signer) {
			err = errors.New("issuer is not accepted")
		}
		return time.Unix(issued, 0), err
	}
}

func (g *gate) lists() []store.StatusList {
	g.t.Helper()
	all, err := g.store.StatusLists(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	return all
}

func TestStatusLists(t *testing.T) {
	const one, two = "https://city.example/1", "https://city.example/2"
	bubble(t, func(t *testing.T, w *world) {
		w.registered("city")
		g := w.gate("gate-1")
		w.putList(topic.StatusListOf(one), one, "city", 100)
		g.link.connect("central")
		has := func(want ...store.StatusList) {
			t.Helper()
			eventually(t, "the lists", time.Minute, func() bool { return slices.Equal(g.lists(), want) })
		}
		refused := func(n uint64) {
			t.Helper()
			eventually(t, "a refusal", time.Minute, func() bool { return g.uplink.Status().Refused["status list"] == n })
		}
		first := store.StatusList{URL: one, Issued: 100, JWT: "city 100"}
		has(first)
		// Older, again, signed by somebody else, under another's address, and damaged.
		w.putList(topic.StatusListOf(one), one, "city", 99)
		w.putList(topic.StatusListOf(one), one, "city", 100)
		w.putList(topic.StatusListOf(one), one, "thief", 200)
		refused(1)
		w.putList(topic.StatusListOf(two), one, "city", 300)
		refused(2)
		w.put(topic.StatusListOf(two), []byte("damaged"), true)
		refused(3)
		has(first)
		newer, other := store.StatusList{URL: one, Issued: 101, JWT: "city 101"}, store.StatusList{URL: two, Issued: 5, JWT: "city 5"}
		w.putList(topic.StatusListOf(one), one, "city", 101)
		w.putList(topic.StatusListOf(two), two, "city", 5)
		has(newer, other)
		g.restart()
		has(newer, other)
		w.mu.Lock()
		defer w.mu.Unlock()
		slices.Sort(w.kept) // they may overtake each other
		if want := []string{"city 100", "city 101", "city 5"}; !slices.Equal(w.kept, want) {
			t.Errorf("told of %q, want %q", w.kept, want)
		}
	})
}

// A list that came before its issuer was known is asked for again when the trust
// list changes.
func TestStatusListOfALaterIssuer(t *testing.T) {
	const one = "https://city.example/1"
	bubble(t, func(t *testing.T, w *world) {
		w.registered()
		g := w.gate("gate-1")
		w.putList(topic.StatusListOf(one), one, "city", 100)
		g.link.connect("central")
		eventually(t, "the refusal", time.Minute, func() bool { return g.uplink.Status().Refused["status list"] > 0 })
		if n := len(g.lists()); n != 0 {
			t.Errorf("%d lists were kept", n)
		}
		w.mu.Lock()
		w.registered("city")
		w.mu.Unlock()
		w.list.Version++
		w.put(topic.TrustList(), w.signedList(), true)
		eventually(t, "the list", time.Minute, func() bool { return len(g.lists()) == 1 })
	})
}

// A gate that verifies no credentials asks for no lists and keeps none.
func TestNoStatusLists(t *testing.T) {
	const one = "https://city.example/1"
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		if slices.Contains(g.uplink.Subscriptions(), topic.AllStatusLists()) {
			t.Error("it subscribes to status lists")
		}
		g.link.connect("central")
		data, err := topic.Listing{URL: one, JWT: "city 100"}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		g.uplink.Handle(topic.StatusListOf(one), data)
		time.Sleep(time.Second)
		if n := len(g.lists()); n != 0 {
			t.Errorf("%d lists were kept", n)
		}
	})
}
