// Package queuetest is the one suite that every [queue.Engine] passes, against the
// real thing: files, or a server started by the test. It is for tests only, times
// nothing, and trusts the engine in nothing: it does not look inside.
package queuetest

import (
	"testing"

	"github.com/con-ting/conting/central/queue"
)

// Subject makes engines for the suite.
type Subject struct {
	// Open opens an engine on a place of its own for this test, which is empty at
	// first: opening it again after Close (or, where Shared, beside the first) finds
	// what was kept. The suite closes what it opens.
	Open func(t *testing.T) queue.Engine

	// Shared says that several open engines may share the place, as several centrals
	// do.
	Shared bool
}

// Run runs the suite. fresh is called once for each test.
func Run(t *testing.T, fresh func(t *testing.T) Subject) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, Subject)
	}{
		{"Numbers", numbers},
		{"SameAgain", sameAgain},
		{"Instead", instead},
		{"Had", had},
		{"Rooms", rooms},
		{"Concurrent", concurrent},
		{"Lobby", lobby},
		{"Log", recordLog},
		{"LogTogether", logTogether},
		{"Presence", presence},
		{"Reopen", reopen},
		{"Cancelled", cancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh(t)) })
	}
	if s := fresh(t); s.Shared {
		t.Run("Shared", func(t *testing.T) { shared(t, s) })
	}
}
