package main

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/con-ting/conting/testdata/servers"
)

// TestDatabaseAway: the database of two centrals goes away in mid-sale for longer than
// a lease, and comes back. Meanwhile people are told to wait, and nobody leads;
// afterwards all goes on, and nothing that was answered is lost or sold twice.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	server := servers.NewPostgres(t)
	database, err := server.Create(t.Context())
	must(t, err)
	both := siblings(t, server.URL(database))
	both[0].start()
	both[1].start()
	_, follows := leaderOfTwo(t, both)
	g := furnish(t, follows)

	s := &scramble{t: t, urls: []string{both[0].api(), both[1].api()}}
	s.half = func() {
		server.Kill()
		eventually(t, "nobody leads", func() bool { return !both[0].leads() && !both[1].leads() })
		for _, c := range both {
			eventually(t, "people are told to wait", func() bool {
				resp, err := http.Get(c.api() + "/v1/events/1001")
				must(t, err)
				defer func() { _ = resp.Body.Close() }()
				return resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != ""
			})
		}
		must(t, server.Start(t.Context()))
		eventually(t, "one leads again", func() bool { return both[0].leads() != both[1].leads() })
	}
	s.run(seats(18, 20), 2)
	t.Logf("%d seats sold, %d buyers lost, %d do not know", len(s.paid), s.lost, s.unknown)
	if len(s.paid)+s.unknown < 38 {
		t.Errorf("%d of 38 seats were sold", len(s.paid))
	}
	g.waitFor(s.paid)
	for _, c := range both {
		c.end(syscall.SIGTERM)
		text, err := os.ReadFile(c.dir + ".log")
		must(t, err)
		if strings.Contains(string(text), "postgres://") || strings.Contains(string(text), "panic") {
			t.Errorf("the log of %s has an address or a panic:\n%s", c.dir, text)
		}
	}
}

// TestFrozenLeader: a leader that stands still beyond its lease, and wakes up while
// another leads, does nothing as a leader any more: gates that hear it and gates that
// hear the other are told the same.
func TestFrozenLeader(t *testing.T) {
	t.Parallel()
	both := siblings(t, servers.Postgres(t))
	both[0].start()
	both[1].start()
	leads, follows := leaderOfTwo(t, both)
	g := furnish(t, follows)
	s := &scramble{t: t, urls: []string{follows.api()}}
	s.run(seats(10), 1)
	g.waitFor(s.paid)

	must(t, leads.cmd.Process.Signal(syscall.SIGSTOP))
	eventually(t, "the other leads", follows.leads)
	var all sync.WaitGroup
	all.Go(func() { s.run([]string{"B-1", "B-2", "B-3", "B-4", "B-5", "B-6", "B-7", "B-8"}, 1) })
	all.Wait()
	must(t, leads.cmd.Process.Signal(syscall.SIGCONT)) // there is something to publish, and it believes that it leads
	all.Go(func() { s.run([]string{"C-1", "C-2", "C-3", "C-4", "C-5", "C-6", "C-7", "C-8"}, 1) })
	eventually(t, "one leads", func() bool { return leads.leads() != follows.leads() })
	all.Wait()
	if len(s.paid) != 26 {
		t.Errorf("%d seats were sold, want 26", len(s.paid))
	}
	g.waitFor(s.paid)
	leader, other := leaderOfTwo(t, both)
	leader.end(syscall.SIGKILL) // and the one that had been frozen can still take over
	eventually(t, "the other takes over again", other.leads)
	s.urls = []string{other.api()}
	s.run([]string{"D-1"}, 1)
	g.waitFor(s.paid)
}
