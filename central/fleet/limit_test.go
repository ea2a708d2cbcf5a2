package fleet

import (
	"net/netip"
	"testing"
	"time"
)

// Many addresses together get no more tries than all of them may have, and take
// no more memory than is set aside.
func TestLimiterBoundsEverybody(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	l := newLimiter(func() time.Time { return now })
	let := 0
	for n := range 3 * maxSource {
		if ok, wait := l.take(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), 32)); ok {
			let++
		} else if wait <= 0 || wait > tryEvery {
			t.Fatalf("try %d has to wait %s", n, wait)
		}
	}
	if let != allBurst || len(l.sources) != maxSource {
		t.Errorf("%d tries of %d addresses, %d remembered; want %d and %d", let, 3*maxSource, len(l.sources), allBurst, maxSource)
	}
	now = now.Add(tryBurst * tryEvery) // all are forgotten for a newcomer
	if ok, _ := l.take(netip.MustParsePrefix("192.0.2.1/32")); !ok || len(l.sources) != 1 {
		t.Errorf("newcomer after a minute: %v, %d remembered; want it let in and alone", ok, len(l.sources))
	}
}
