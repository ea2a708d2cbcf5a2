//go:build race

package lane_test

// slow shortens what counts steps by the million: there is no second goroutine
// here for the race detector to find.
const slow = true
